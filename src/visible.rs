//! Which characters of a text a person can see.
//!
//! Names use [`shows`], and all that is printed on a terminal or in a line uses [`is_hidden`] or
//! [`is_invisible`]. Nothing here knows what a text is for.

use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

use crate::limits::EMOJI_TAGS_MAX;

/// How a character looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// A letter, a digit, punctuation or a symbol: it can be seen by itself.
    Sign,
    /// A mark, which is drawn on the character before it.
    Mark,
    /// A blank that takes room.
    Space,
    /// A part of a sequence, for example of an emoji: invisible by itself.
    Part,
    /// Invisible, or it changes how other characters look: controls, bidi and format characters,
    /// fillers, the ends of lines and paragraphs.
    Nothing,
    /// Unassigned, or for private use: every font shows it in another way.
    Unknown,
}

/// How a character looks.
pub fn shows(c: char) -> Shows {
    if c.is_ascii_graphic() {
        return Shows::Sign;
    }
    if c.is_control() || (is_invisible(c) && !is_joiner(c)) {
        return Shows::Nothing;
    }
    if is_selector(c) || is_joiner(c) {
        return Shows::Part;
    }
    use GeneralCategory as Category;
    match c.general_category() {
        Category::NonspacingMark | Category::SpacingMark | Category::EnclosingMark => Shows::Mark,
        Category::SpaceSeparator => Shows::Space,
        Category::Unassigned | Category::PrivateUse => Shows::Unknown,
        // The format characters that are left enclose digits, and are drawn.
        _ => Shows::Sign,
    }
}

/// Whether a character has no width on a terminal and is no mark: controls, selectors, and those of
/// [`is_invisible`].
pub fn is_hidden(c: char) -> bool {
    c.is_control() || is_invisible(c) || is_selector(c)
}

/// A text as part of one line of a terminal: a hidden character becomes U+FFFD.
pub fn printable_line(text: &str) -> String {
    let fit = |c| match c {
        '\t' => ' ',
        c if is_hidden(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(fit).collect()
}

/// The same for a text of several lines.
pub fn printable(text: &str) -> String {
    text.split('\n').map(printable_line).collect::<Vec<_>>().join("\n")
}

/// Whether a character is invisible or changes how others look: bidi controls, zero-width
/// characters, fillers, blanks of a script, line and paragraph separators, tags. Control characters
/// do not count, nor do variation selectors, which can be seen with the character before them. It
/// is a list because it is checked for every character of a long text.
pub fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180E | 0x200B..=0x200F
        | 0x2028..=0x202E | 0x2060..=0x206F | 0x2800 | 0x3164 | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFC
        | 0x13430..=0x13446 | 0x16FE4 | 0x1BCA0..=0x1BCA3 | 0x1D159 | 0x1D173..=0x1D17A
        | 0xE0000..=0xE00FF | 0xE01F0..=0xE0FFF)
}

/// Whether a cluster of characters is one emoji, as UTS #51 makes them: signs with selectors, skin
/// tones and keycaps, joined, and flags of regions.
pub fn is_emoji(cluster: &str) -> bool {
    cluster.split(ZERO_WIDTH_JOINER).all(is_emoji_element)
}

const ZERO_WIDTH_JOINER: char = '\u{200D}';
const KEYCAP: char = '\u{20E3}';
const BLACK_FLAG: char = '\u{1F3F4}';

fn is_emoji_element(element: &str) -> bool {
    let mut chars = element.chars();
    let Some(base) = chars.next().filter(|base| base.is_emoji_char()) else { return false };
    let rest: Vec<char> = chars.take(EMOJI_TAGS_MAX + 1).collect();
    match rest.as_slice() {
        // Digits are emoji only in front of the keycap.
        ['\u{FE0F}', KEYCAP] => base.is_ascii(),
        [] | ['\u{FE0E}' | '\u{FE0F}'] => !base.is_ascii(),
        ['\u{1F3FB}'..='\u{1F3FF}'] => !base.is_ascii(),
        [region @ .., '\u{E007F}'] => {
            let is_tag =
                |c: &char| matches!(c, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}');
            base == BLACK_FLAG && region.len() < EMOJI_TAGS_MAX && region.iter().all(is_tag)
        }
        _ => false,
    }
}

/// Whether a character selects a form of the character before it.
fn is_selector(c: char) -> bool {
    matches!(u32::from(c), 0x180B..=0x180D | 0x180F | 0xFE00..=0xFE0F | 0xE0100..=0xE01EF)
}

/// Whether a character joins emoji.
fn is_joiner(c: char) -> bool {
    c == ZERO_WIDTH_JOINER || matches!(u32::from(c), 0xE0020..=0xE007F)
}

#[cfg(test)]
mod tests;
