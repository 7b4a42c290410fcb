// Texts as people see them: cut between characters and words, and measured as the server does.
//
// A character is what a person sees as one (a grapheme cluster): half of one is never shown.

const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const WORDS = new Intl.Segmenter(undefined, { granularity: "word" });
/** A cut between words is looked for in so many UTF-16 units in front of the limit. */
const WORD_UNITS = 400;
const encoder = new TextEncoder();

/** The length in bytes of UTF-8, as the server counts it. */
export function bytesOf(text) {
  return encoder.encode(text).length;
}

/** The first `count` characters. */
export function clip(text, count) {
  let end = 0;
  for (const { index, segment } of GRAPHEMES.segment(text)) {
    if (count-- <= 0) break;
    end = index + segment.length;
  }
  return text.slice(0, end);
}

/** The last `count` characters. */
export function clipStart(text, count) {
  const starts = Array.from(GRAPHEMES.segment(text), ({ index }) => index);
  return starts.length <= count ? text : text.slice(starts.at(-count));
}

/** The text in parts of at most `max` bytes, cut between lines if there are any, else between
 *  words, else between characters. Of the text only white space at the cuts is missing. */
export function partsOf(text, max) {
  const parts = [];
  const room = new Uint8Array(max);
  let rest = text;
  for (;;) {
    const { read } = encoder.encodeInto(rest, room);
    if (read === rest.length) break;
    const at = cutBefore(rest, read);
    parts.push(rest.slice(0, at));
    rest = rest.slice(at);
  }
  return [...parts, rest].map((part) => part.trimEnd()).filter(Boolean);
}

/** The best place to cut at `end` or a little before it; never 0. */
function cutBefore(text, end) {
  const line = text.lastIndexOf("\n", end - 1) + 1;
  if (line > end / 2) return line;
  const from = Math.max(0, end - WORD_UNITS);
  const near = text.slice(from, end + WORD_UNITS);
  const space = from + near.slice(0, end - from).search(/\s\S*$/) + 1;
  if (space > from) return space;
  for (const segmenter of [WORDS, GRAPHEMES]) {
    const starts = Array.from(segmenter.segment(near), ({ index }) => from + index);
    const at = starts.findLast((start) => start <= end) ?? 0;
    if (at > from) return at;
  }
  return end;
}
