//! What `names.rs` must do.

use super::*;
use proptest::prelude::*;

const FAMILY: &str = "👨\u{200d}👩\u{200d}👧";

#[test]
fn usernames_keep_the_rules() {
    for good in ["a", "bob", "Bob.K-9_x", "王小明", "小明2", "〇", &"x".repeat(32)] {
        assert!(Name::user(good).is_ok(), "{good}");
    }
    let long = "x".repeat(33);
    for (bad, flaw) in [
        ("", Flaw::Empty),
        ("_bob", Flaw::Start('_')),
        ("-b", Flaw::Start('-')),
        (".b", Flaw::Start('.')),
        ("a b", Flaw::Character(' ')),
        ("bob\u{200b}", Flaw::Character('\u{200b}')),
        ("bób", Flaw::Character('ó')),
        ("あ", Flaw::Character('あ')),
        (&long, Flaw::Long),
        (&long.repeat(20), Flaw::Long),
        ("a\nb", Flaw::Character('\n')),
    ] {
        assert_eq!(Name::user(bad), Err(flaw), "{bad:?}");
    }
}

#[test]
fn names_that_look_alike_are_the_same() {
    let key = |raw| Name::user(raw).map(|name| name.key);
    assert_eq!(key("ＢＯＢ"), key("bob"));
    assert_eq!(key("\u{212A}im"), key("kim"), "the Kelvin sign");
    assert_eq!(Name::user("Bob").map(|n| n.text), Ok("Bob".into()));
    assert!(Name::user("Admin").is_ok_and(|name| name.looks_reserved().is_some()));
}

#[test]
fn a_group_may_be_called_whatever_can_be_seen() {
    let long = ["x".repeat(64), "กี่".repeat(64), FAMILY.repeat(40)];
    let good = "team|Team 7|工作 群|équipe|команда|a-b|C++ & Rust!|हिन्दी समूह|\
                กลุ่มเพื่อน|தமிழ் குழு|ฝ่าย ขาย|\
                עברית|العربية|ㅋㅋ|🎉|❤\u{fe0f}|👍🏽|🇩🇪|1\u{fe0f}\u{20e3}|№ 1|-|ỹ́";
    for good in good.split('|').chain([FAMILY]).chain(long.iter().map(String::as_str)) {
        assert!(Name::group(good).is_ok(), "{good:?}: {:?}", Name::group(good));
    }
    for (raw, text) in [
        ("#team", "team"),
        ("##team", "team"),
        ("＃队", "队"),
        ("#\u{fe0f}\u{20e3}", "#\u{fe0f}\u{20e3}"),
        ("a#b", "a#b"),
        ("㊙\u{fe0f}", "秘"),
        ("a\u{3000}b", "a b"),
    ] {
        assert_eq!(Name::group(raw).map(|name| name.text), Ok(text.into()), "{raw:?}");
    }
    assert_eq!(group_key("❤\u{fe0f} Tea"), group_key("❤ tea"), "nobody sees the selector");
}

#[test]
fn a_group_name_that_cannot_be_seen_is_refused() {
    let many_bytes = FAMILY.repeat(64);
    for (flaw, names) in [
        (Flaw::Empty, &["", "#"][..]),
        (Flaw::Spaces, &[" a", "a ", "a  b", "# a", "\u{a0}"]),
        (Flaw::Slash, &["a/b", "a／b"]),
        (Flaw::Hidden('\t'), &["a\tb"]),
        (Flaw::Hidden('\u{202e}'), &["a\u{202e}b"]),
        (Flaw::Hidden('\u{1160}'), &["\u{3164}"]),
        (Flaw::Hidden('\u{2800}'), &["\u{2800}"]),
        (Flaw::Hidden('\u{fe0f}'), &["\u{fe0f}", "a\u{fe0f}"]),
        (Flaw::Hidden('\u{200d}'), &["क\u{200d}ष"]),
        (Flaw::Hidden('\u{e0061}'), &["🎉\u{e0061}\u{e007f}"]),
        (Flaw::Hidden('\u{180b}'), &["\u{180b}"]),
        (Flaw::Hidden('\u{e000}'), &["\u{e000}"]),
        (Flaw::LooseMark, &["\u{301}", "a \u{301}"]),
        (Flaw::Marks, &["x\u{333}\u{333}\u{333}\u{333}\u{333}"]),
        (Flaw::Long, &[&"x".repeat(65), &many_bytes, &many_bytes.repeat(9)]),
    ] {
        for bad in names {
            assert_eq!(Name::group(bad), Err(flaw), "{bad:?}");
        }
    }
}

proptest! {
    /// What is accepted can be seen, and is found again however it is written.
    #[test]
    fn a_name_that_is_accepted_is_one_name(
        raw in "(\\PC|[#/ a\u{300}-\u{305}\u{fe0f}\u{200d}\u{200b}❤👩👧🏽]){1,12}",
    ) {
        if let Ok(name) = Name::group(&raw) {
            prop_assert!(!name.text.contains('/') && name.text == name.text.trim());
            let cannot_stand = [Shows::Nothing, Shows::Unknown, Shows::Space];
            let hidden = |c| c != ' ' && cannot_stand.contains(&shows(c));
            prop_assert!(!name.text.contains(hidden));
            let cleared = name.text.replace(|c| shows(c) == Shows::Part, "");
            prop_assert!(cleared.chars().any(|c| shows(c) == Shows::Sign));
            prop_assert_eq!(Name::group(&name.text), Ok(name.clone()));
            prop_assert_eq!(group_key(&raw), name.key.clone());
        }
        if let Ok(name) = Name::user(&raw) {
            prop_assert_eq!(Name::user(&name.text), Ok(name.clone()));
        }
    }

    /// Names of groups that earlier versions accepted keep their keys: they stand in databases.
    #[test]
    fn the_key_of_an_old_name_stays(raw in "[\\p{L}\\p{N}]{1,20}( [\\p{L}\\p{N}]{1,20}){0,2}") {
        let text: String = raw.nfkc().collect();
        let was_accepted = text.chars().all(|c| c == ' ' || c.is_alphanumeric())
            && text.split(' ').all(|word| !word.is_empty()) && text.chars().count() <= 64;
        if let (true, Ok(name)) = (was_accepted, Name::group(&raw)) {
            prop_assert_eq!(&name.text, &text);
            prop_assert_eq!(name.key, text.to_lowercase().nfkc().collect::<String>());
        }
    }
}
