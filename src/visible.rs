//! What a person can see of a text: the one place that says which characters show as something.
//!
//! Names ask [`shows`], and everything that is printed on a terminal or in a line asks
//! [`is_hidden`] or [`is_invisible`]. Nothing here knows what a text is for.

use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

/// What a character does for a person who looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// A letter, a digit, punctuation or a symbol: it can be seen by itself.
    Sign,
    /// A mark, which is drawn on the character before it.
    Mark,
    /// A blank that takes room.
    Space,
    /// A part of a sequence, of an emoji for example: it shows as nothing by itself.
    Part,
    /// Nothing, or it changes how its neighbours are shown: controls, bidi and format characters,
    /// fillers, the ends of lines and paragraphs.
    Nothing,
    /// Unassigned, or for private use: it shows what a font makes of it.
    Unknown,
}

/// What a character shows.
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

/// Whether a character has no width of its own on a terminal and is no mark either: controls and
/// whatever [`is_invisible`] names, and the selectors.
pub fn is_hidden(c: char) -> bool {
    c.is_control() || is_invisible(c) || is_selector(c)
}

/// A text as part of one line of a terminal: what is hidden in it is shown as U+FFFD.
pub fn printable_line(text: &str) -> String {
    let fit = |c| match c {
        '\t' => ' ',
        c if is_hidden(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(fit).collect()
}

/// Several lines of them.
pub fn printable(text: &str) -> String {
    text.split('\n').map(printable_line).collect::<Vec<_>>().join("\n")
}

/// Characters that change how their neighbours are shown, or show as nothing: bidi controls,
/// zero-width characters, fillers, blanks of a script, line and paragraph separators, tags. Control
/// characters and variation selectors are none of them: a selector and the character before it are
/// one, which can be seen. A list, because every letter of a long text is asked for.
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
/// Tags of the longest name of a region, and the tag that ends it.
const TAGS_MAX: usize = 7;

fn is_emoji_element(element: &str) -> bool {
    let mut chars = element.chars();
    let Some(base) = chars.next().filter(|base| base.is_emoji_char()) else { return false };
    let rest: Vec<char> = chars.take(TAGS_MAX + 1).collect();
    match rest.as_slice() {
        // Digits are emoji only in front of the keycap.
        ['\u{FE0F}', KEYCAP] => base.is_ascii(),
        [] | ['\u{FE0E}' | '\u{FE0F}'] => !base.is_ascii(),
        ['\u{1F3FB}'..='\u{1F3FF}'] => !base.is_ascii(),
        [region @ .., '\u{E007F}'] => {
            let is_tag =
                |c: &char| matches!(c, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}');
            base == BLACK_FLAG && region.len() < TAGS_MAX && region.iter().all(is_tag)
        }
        _ => false,
    }
}

/// Chooses among the shapes of the character before it.
fn is_selector(c: char) -> bool {
    matches!(u32::from(c), 0x180B..=0x180D | 0x180F | 0xFE00..=0xFE0F | 0xE0100..=0xE01EF)
}

/// What emoji are joined with.
fn is_joiner(c: char) -> bool {
    c == ZERO_WIDTH_JOINER || matches!(u32::from(c), 0xE0020..=0xE007F)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_properties::GeneralCategoryGroup;

    #[test]
    fn every_kind_of_character_is_known() {
        for (chars, kind) in [
            ("aé中ก한7_/€🦀\u{600}", Shows::Sign),
            ("\u{301}\u{e31}\u{93f}\u{20e3}", Shows::Mark),
            (" \u{a0}\u{3000}\u{1680}", Shows::Space),
            ("\u{200d}\u{fe0f}\u{fe0e}\u{180b}\u{e0067}\u{e0100}", Shows::Part),
            ("\u{0}\n\u{7f}\u{85}\u{ad}\u{200b}\u{202e}\u{2066}\u{2028}", Shows::Nothing),
            ("\u{3164}\u{115f}\u{2800}\u{feff}\u{34f}\u{180e}\u{fffc}\u{e0001}", Shows::Nothing),
            ("\u{378}\u{e000}\u{10ffff}", Shows::Unknown),
        ] {
            for c in chars.chars() {
                assert_eq!(shows(c), kind, "{:x}", u32::from(c));
                let hidden = matches!(kind, Shows::Nothing | Shows::Part);
                assert_eq!(is_hidden(c), hidden, "{:x}", u32::from(c));
            }
        }
    }

    #[test]
    fn an_emoji_is_one_only_as_the_standard_makes_it() {
        for good in [
            "❤\u{fe0f}",
            "👩\u{200d}👧",
            "👍🏽",
            "1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e007f}",
        ] {
            assert!(is_emoji(good), "{good:?}");
        }
        for bad in
            ["a\u{fe0f}", "1\u{fe0f}", "a\u{200d}b", "\u{200d}", "👩\u{200d}", "❤\u{fe0f}\u{fe0f}"]
        {
            assert!(!is_emoji(bad), "{bad:?}");
        }
        assert!(!is_emoji("👩\u{e0067}\u{e007f}"), "only a flag names a region");
    }

    proptest! {
        #[test]
        fn p28_what_is_printed_moves_no_cursor_and_has_the_lines_it_had(
            text in "(\\PC|[\\n\u{0}-\u{9f}\u{180b}\u{200b}-\u{206f}\u{fe0f}\u{feff}]){0,40}",
        ) {
            prop_assert!(!printable_line(&text).contains(is_hidden));
            let printed = printable(&text);
            prop_assert!(!printed.contains(|c| c != '\n' && is_hidden(c)));
            prop_assert_eq!(printed.matches('\n').count(), text.matches('\n').count());
        }


        /// By the categories of Unicode, so that the list above cannot forget one.
        #[test]
        fn what_is_called_a_sign_is_drawn(c in any::<char>()) {
            if shows(c) == Shows::Sign {
                let group = c.general_category_group();
                let drawn = [GeneralCategoryGroup::Letter, GeneralCategoryGroup::Number,
                             GeneralCategoryGroup::Punctuation, GeneralCategoryGroup::Symbol];
                let encloses = matches!(u32::from(c), 0x600..=0x605 | 0x6DD | 0x70F | 0x890..=0x891
                    | 0x8E2 | 0x110BD | 0x110CD);
                prop_assert!(drawn.contains(&group) || encloses, "{:x}", u32::from(c));
                prop_assert!(!is_hidden(c));
            }
        }
    }
}
