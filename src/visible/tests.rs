//! What `visible.rs` must do.

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
    for good in
        ["❤\u{fe0f}", "👩\u{200d}👧", "👍🏽", "1\u{fe0f}\u{20e3}", "🏴\u{e0067}\u{e0062}\u{e007f}"]
    {
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
