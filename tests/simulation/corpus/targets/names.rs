//! Names: what is accepted keeps the rules, and one name has one key, however it is written.

use p2sp::limits::{GROUPNAME_BYTES_MAX, GROUPNAME_CHARS_MAX, USERNAME_CHARS_MAX};
use p2sp::names::{Flaw, Name, group_key, user_key};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::screen::shows_nothing;

/// Takes the text for a name of either kind.
pub fn run(bytes: &[u8]) {
    let raw = String::from_utf8_lossy(bytes);
    check(&raw, Name::user, user_key, USERNAME_CHARS_MAX);
    check(&raw, Name::group, group_key, GROUPNAME_CHARS_MAX);
    if let Ok(name) = Name::group(&raw) {
        assert!(name.text.len() <= GROUPNAME_BYTES_MAX, "{raw:?}");
    }
    if let Ok(name) = Name::user(&raw) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c) || !c.is_ascii();
        assert!(name.text.chars().all(allowed), "{raw:?}");
        assert!(!name.text.starts_with(['_', '-', '.']), "{raw:?}");
        assert_eq!(Name::user(&name.key).map(|name| name.key).as_ref(), Ok(&name.key));
    }
}

fn check(
    raw: &str,
    read: fn(&str) -> Result<Name, Flaw>,
    key: fn(&str) -> String,
    chars_max: usize,
) {
    let Ok(name) = read(raw) else { return };
    let chars = name.text.graphemes(true).count();
    assert!((1..=chars_max).contains(&chars), "{raw:?}");
    // What joins an emoji shows nothing by itself.
    let joins = |c| matches!(c, '\u{200d}' | '\u{e0020}'..='\u{e007f}');
    let hidden = |c| shows_nothing(c) && !joins(c);
    assert!(!name.text.chars().any(hidden), "{raw:?}: who can see that?");
    assert_eq!(name.text.trim(), name.text, "{raw:?}");
    // As shown, it is the same name again; and so it is however else it is written, or it could
    // not be found.
    assert_eq!(read(&name.text).as_ref(), Ok(&name), "{raw:?}");
    assert_eq!((key(raw), key(&name.text)), (name.key.clone(), name.key.clone()));
    for written in [&name.key, &name.text.to_lowercase()] {
        let again = read(written).ok().map(|name| name.key);
        assert!(again.is_none_or(|key| key == name.key), "{raw:?} as {written:?}");
    }
    let decomposed: String = name.text.nfd().collect();
    if let Ok(again) = read(&decomposed) {
        assert_eq!(again, name, "{raw:?} taken apart");
    }
}
