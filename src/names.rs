//! What people and groups may be called, and when two names are the same.
//!
//! Names are compared by their key: Unicode NFKC, then lower case. So `ＢＯＢ`, `Bob` and `bob`
//! are one user. What is shown is the NFKC form as it was typed.

use unicode_normalization::UnicodeNormalization;

use crate::limits::{GROUPNAME_CHARS_MAX, USERNAME_CHARS_MAX};

/// A name that keeps the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// As shown.
    pub text: String,
    /// As compared.
    pub key: String,
}

/// Names that nobody may register: people would take their owner for the server's operator.
const RESERVED: &[&str] = &["admin", "root", "system", "server", "p2sp", "系统", "管理员", "客服"];

impl Name {
    /// A username: 1–32 ASCII letters, digits, `_ - .` and CJK ideographs, beginning with a
    /// letter, a digit or an ideograph. `None` if it is not one.
    pub fn user(raw: &str) -> Option<Name> {
        let name = Name::fold(raw, USERNAME_CHARS_MAX)?;
        let starts_well = !name.text.starts_with(['_', '-', '.']);
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c) || is_ideograph(c);
        (starts_well && name.text.chars().all(allowed)).then_some(name)
    }

    /// A group name: 1–64 letters of any script that can be seen, digits, and single spaces
    /// inside. `None` if it is not one.
    pub fn group(raw: &str) -> Option<Name> {
        let name = Name::fold(raw, GROUPNAME_CHARS_MAX)?;
        let spaces_inside = name.text.split(' ').all(|word| !word.is_empty());
        let allowed = |c: char| c == ' ' || c.is_alphanumeric() && !is_filler(c);
        (spaces_inside && name.text.chars().all(allowed)).then_some(name)
    }

    /// Whether the name is kept from registration.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.key.as_str())
    }

    fn fold(raw: &str, chars_max: usize) -> Option<Name> {
        // Normalising can shrink a name (a letter and its accent become one character), but
        // never by more than this, so a huge argument costs nothing.
        if raw.len() > chars_max * 16 {
            return None;
        }
        // ASCII is in normal form.
        if raw.is_ascii() {
            let fits = (1..=chars_max).contains(&raw.len());
            return fits.then(|| Name { text: raw.to_owned(), key: raw.to_ascii_lowercase() });
        }
        let text: String = raw.nfkc().collect();
        let chars = text.chars().count();
        if chars == 0 || chars > chars_max {
            return None;
        }
        // Lower-casing can undo the normal form, and the key must be the same for the same name.
        let key = text.to_lowercase().nfkc().collect();
        Some(Name { text, key })
    }
}

/// The key by which a user is looked for. A name that keeps no rules may still be that of a
/// user who came from an older database.
pub fn user_key(raw: &str) -> String {
    Name::user(raw).map_or_else(|| raw.to_lowercase(), |name| name.key)
}

/// The key by which a group is looked for, likewise.
pub fn group_key(raw: &str) -> String {
    Name::group(raw).map_or_else(|| raw.to_lowercase(), |name| name.key)
}

/// The CJK ideographs: the unified blocks, their extensions, and 〇.
fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c),
        0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0x20000..=0x2EE5D | 0x30000..=0x33479)
}

/// Letters to Unicode that show as nothing: the Hangul fillers, in normal form.
fn is_filler(c: char) -> bool {
    matches!(c, '\u{115F}' | '\u{1160}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_keep_the_rules() {
        for good in ["a", "bob", "Bob.K-9_x", "王小明", "小明2", "〇", &"x".repeat(32)] {
            assert!(Name::user(good).is_some(), "{good}");
        }
        let long = "x".repeat(33);
        for bad in ["", "_bob", "-b", ".b", "a b", "bob\u{200b}", "bób", "é", "あ", &long, "a\nb"]
        {
            assert!(Name::user(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn names_that_look_alike_are_the_same() {
        let key = |raw| Name::user(raw).map(|name| name.key);
        assert_eq!(key("ＢＯＢ"), key("bob"));
        assert_eq!(key("\u{212A}im"), key("kim"), "the Kelvin sign");
        assert_eq!(Name::user("Bob").map(|n| n.text), Some("Bob".into()));
        assert!(Name::user("Admin").is_some_and(|name| name.is_reserved()));
    }

    #[test]
    fn group_names_keep_the_rules() {
        for good in ["team", "Team 7", "工作 群", "équipe", "команда"] {
            assert!(Name::group(good).is_some(), "{good}");
        }
        for bad in
            ["", " a", "a ", "a  b", "a\tb", "a-b", "a\u{202e}b", "\u{3164}", &"x".repeat(65)]
        {
            assert!(Name::group(bad).is_none(), "{bad:?}");
        }
    }
}
