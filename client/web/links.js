// The addresses in a text. What a link shows is where it leads, and nothing of a text that is
// not an address is part of one.
//
// An address ends at white space, at CJK text and punctuation, and at every character that has no
// shape of its own. One with a user part (`bank.example@evil.example`) is no link.

const CJK = String.raw`\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}`;
/** What of it a host may have: no punctuation, which goes on with the sentence. */
const CJK_LETTER = String.raw`(?=[\p{L}\p{M}\p{N}])[${CJK}]`;
const CJK_LABEL = new RegExp(String.raw`^(?:${CJK_LETTER}|[\d-])+$`, "u");
/** Scripts that are read from left to right: others would turn the parts of an address around. */
const SCRIPTS = [
  "Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Devanagari", "Bengali", "Gurmukhi",
  "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao",
  "Tibetan", "Myanmar", "Khmer", "Ethiopic",
].map((name) => [name, new RegExp(String.raw`^[\p{scx=${name}}\d-]+$`, "u")]);

/** A character of an address. */
const CHARACTER = String.raw`(?![${CJK}\p{DI}])[\p{L}\p{M}\p{N}!#-;=?-\[\]^_a-~]`;
const REST = String.raw`(?:${CHARACTER})*`;
const FOUND = new RegExp([
  String.raw`(?<![a-z0-9])https?:\/\/(?:www\.)?${CJK_LETTER}(?:${CJK_LETTER}|[a-z0-9-])*`
    + String.raw`(?:\.(?:${CJK_LETTER}|[a-z0-9-])+)+(?::\d+)?(?:[/?#]${REST})?`,
  String.raw`(?<![a-z0-9])https?:\/\/(?:${CHARACTER})${REST}`,
  String.raw`(?<![\w.@/-])www\.(?:${CHARACTER})${REST}`,
  String.raw`(?<![\w.+@/-])[a-z0-9][\w.+-]*@(?:[a-z0-9-]+\.)+[a-z]{2,}(?![\w@-])`,
].join("|"), "giu");

const CLOSING = { ")": "(", "]": "[", "}": "{" };

/** The text in pieces: strings, and `{href, shown}` for each address. */
export function linksIn(text) {
  const pieces = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(FOUND)) {
    const written = withoutPunctuation(found);
    const link = linkOf(written);
    if (!link) continue;
    pieces.push(text.slice(end, index), link);
    end = index + written.length;
  }
  return [...pieces, text.slice(end)].filter((piece) => piece !== "");
}

/** Without what closes the sentence; a bracket stays if it was opened within. */
function withoutPunctuation(found) {
  const counts = {};
  for (const character of found) counts[character] = (counts[character] ?? 0) + 1;
  let end = found.length;
  for (; end > 0; end -= 1) {
    const last = found[end - 1];
    const isOpenedWithin = last in CLOSING && (counts[CLOSING[last]] ?? 0) >= counts[last];
    if (isOpenedWithin || !/[.,;:!?'*)\]}]/.test(last)) break;
    counts[last] -= 1;
  }
  return found.slice(0, end);
}

function linkOf(written) {
  if (!/^https?:/i.test(written)) {
    if (!/^www\./i.test(written)) return { href: `mailto:${written}`, shown: written };
    const link = linkOf(`https://${written}`);
    return link && { ...link, shown: link.shown.slice("https://".length) };
  }
  if (!URL.canParse(written)) return null;
  const url = new URL(written);
  const [, scheme, host, rest] = /^(https?:\/\/)(\[[^\]]*\]|[^/?#:]*)(.*)$/i.exec(written);
  const hasUser = /^[^/?#]*@/.test(host + rest);
  if (hasUser || !host) return null;
  const place = isShownAsWritten(host, url) ? host : url.hostname;
  return { href: url.href, shown: scheme + place + rest };
}

/** Whether a host may be shown as it is written: it is what it looks like, in one script. */
function isShownAsWritten(written, url) {
  const host = written.toLowerCase();
  if (host === url.hostname) return true;
  const isItself = host.normalize("NFKC") === host && /[^\0-\x7f]/.test(host)
    && !/\p{scx=Latn}\p{M}/u.test(host);
  if (!isItself) return false;
  const scripts = new Set(host.split(".").filter((label) => /\D/.test(label)).map(scriptOf));
  const isMixed = [...scripts].some((script) => !["Latin", "CJK"].includes(script));
  return !scripts.has(undefined) && (scripts.size === 1 || !isMixed);
}

function scriptOf(label) {
  return CJK_LABEL.test(label) ? "CJK" : SCRIPTS.find(([, letters]) => letters.test(label))?.[0];
}
