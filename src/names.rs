//! The rules for names of users and groups, and when two names are the same.
//!
//! Names are compared by their key: Unicode NFKC, then lower case. So `ＢＯＢ`, `Bob` and `bob`
//! are one user. The NFKC form is shown. [`crate::visible`] tells which characters can be seen,
//! and `reserved` which names cannot be registered.

mod reserved;

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::UnicodeEmoji;
use unicode_segmentation::UnicodeSegmentation;

use crate::limits::{GROUPNAME_BYTES_MAX, GROUPNAME_CHARS_MAX, NAME_MARKS_MAX, USERNAME_CHARS_MAX};
use crate::visible::{Shows, is_emoji, shows};

/// A name that keeps the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// As shown.
    pub text: String,
    /// As compared.
    pub key: String,
}

/// The rule that a name breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It has no characters.
    Empty,
    /// It is too long.
    Long,
    /// A username does not begin with a letter, a digit or an ideograph.
    Start(char),
    /// A username has a character that is not allowed.
    Character(char),
    /// A group name begins or ends with a space, or has two in a row.
    Spaces,
    /// A group name has a slash, which separates a creator and a group.
    Slash,
    /// A group name has a character that is invisible, or unknown.
    Hidden(char),
    /// A group name has a mark without a letter: at its beginning or after a space.
    LooseMark,
    /// A group name has more than [`NAME_MARKS_MAX`] marks on one letter.
    Marks,
}

impl fmt::Display for Flaw {
    /// The rule's name, and the character that breaks it, for a refusal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rule, c) = match *self {
            Flaw::Empty => ("empty", None),
            Flaw::Long => ("long", None),
            Flaw::Start(c) => ("start", Some(c)),
            Flaw::Character(c) => ("character", Some(c)),
            Flaw::Spaces => ("spaces", None),
            Flaw::Slash => ("slash", None),
            Flaw::Hidden(c) => ("hidden", Some(c)),
            Flaw::LooseMark => ("loose_mark", None),
            Flaw::Marks => ("marks", None),
        };
        match c {
            None => f.write_str(rule),
            Some(c) if shows(c) == Shows::Sign => write!(f, "{rule} {c}"),
            Some(c) => write!(f, "{rule} U+{:04X}", u32::from(c)),
        }
    }
}

impl Name {
    /// A username: 1–32 ASCII letters, digits, `_ - .` and CJK ideographs, beginning with a
    /// letter, a digit or an ideograph.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn user(raw: &str) -> Result<Name, Flaw> {
        // Normalising can shrink a name, but never by more than this, so a huge argument costs
        // nothing.
        if raw.len() > USERNAME_CHARS_MAX * 16 {
            return Err(Flaw::Long);
        }
        let text = normal(raw);
        let first = text.chars().next().ok_or(Flaw::Empty)?;
        if "_-.".contains(first) {
            return Err(Flaw::Start(first));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c) || is_ideograph(c);
        if let Some(other) = text.chars().find(|c| !allowed(*c)) {
            return Err(Flaw::Character(other));
        }
        if text.chars().count() > USERNAME_CHARS_MAX {
            return Err(Flaw::Long);
        }
        let key = key_of(&text);
        Ok(Name { text, key })
    }

    /// A group name: 1–64 characters that a person can see, of any script, and single spaces
    /// inside. Signs of `#` in front are dropped. A letter and its marks count as one character,
    /// and so does an emoji.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn group(raw: &str) -> Result<Name, Flaw> {
        if raw.len() > GROUPNAME_BYTES_MAX * 4 {
            return Err(Flaw::Long);
        }
        let text = match raw.is_ascii() {
            true => without_number_signs(raw).to_owned(),
            false => without_number_signs(&normal(&without_lost_selectors(raw))).to_owned(),
        };
        if text.is_empty() {
            return Err(Flaw::Empty);
        }
        if text.split(' ').any(str::is_empty) {
            return Err(Flaw::Spaces);
        }
        if text.len() > GROUPNAME_BYTES_MAX || !has_graphemes_within(&text, GROUPNAME_CHARS_MAX) {
            return Err(Flaw::Long);
        }
        text.split(' ').try_for_each(check_word)?;
        let key = key_of(&text);
        Ok(Name { text, key })
    }

    /// The reserved word that the name is or looks like: such a name cannot be registered.
    pub fn looks_reserved(&self) -> Option<&'static str> {
        reserved::looks_like(&self.text)
    }
}

/// The form in which a name is shown.
fn normal(raw: &str) -> String {
    // ASCII is in normal form.
    if raw.is_ascii() { raw.to_owned() } else { raw.nfkc().collect() }
}

/// The form in which a name is compared. Lower case can undo the normal form, so it is normalised
/// again. The selectors of emoji do not count: one sees no difference.
fn key_of(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.replace(is_emoji_selector, "").to_lowercase().nfkc().collect()
}

/// Some emoji become letters in normal form (`™️`, `㊙️`): the selector after them is removed, too.
fn without_lost_selectors(raw: &str) -> String {
    let mut kept = String::with_capacity(raw.len());
    let mut is_letter_then = false;
    for c in raw.chars() {
        if !(is_letter_then && is_emoji_selector(c)) {
            kept.push(c);
        }
        is_letter_then = !c.is_ascii() && c.is_emoji_char() && !std::iter::once(c).nfkc().eq([c]);
    }
    kept
}

fn is_emoji_selector(c: char) -> bool {
    matches!(c, '\u{FE0E}' | '\u{FE0F}')
}

/// `#team` is `team`: users of other servers write it so. A keycap is an emoji and stays.
fn without_number_signs(text: &str) -> &str {
    let mut rest = text;
    while let Some(behind) = rest.strip_prefix('#') {
        if behind.starts_with(|c| matches!(shows(c), Shows::Part | Shows::Mark)) {
            break;
        }
        rest = behind;
    }
    rest
}

fn has_graphemes_within(text: &str, most: usize) -> bool {
    let count = if text.is_ascii() { text.len() } else { text.graphemes(true).count() };
    count <= most
}

/// Whether everything in a word of a group name can be seen.
fn check_word(word: &str) -> Result<(), Flaw> {
    let parts_are_emoji = word.is_ascii() || parts_are_emoji(word);
    let mut marks = NAME_MARKS_MAX + 1;
    for c in word.chars() {
        match shows(c) {
            Shows::Mark if marks > NAME_MARKS_MAX => return Err(Flaw::LooseMark),
            Shows::Mark if marks == NAME_MARKS_MAX => return Err(Flaw::Marks),
            Shows::Mark => marks += 1,
            Shows::Sign if c == '/' => return Err(Flaw::Slash),
            Shows::Sign => marks = 0,
            Shows::Part if parts_are_emoji => {}
            _ => return Err(Flaw::Hidden(c)),
        }
    }
    Ok(())
}

/// Whether every character of a word that shows only in a sequence is part of an emoji.
fn parts_are_emoji(word: &str) -> bool {
    let has_part = |cluster: &&str| cluster.chars().any(|c| shows(c) == Shows::Part);
    word.graphemes(true).filter(has_part).all(is_emoji)
}

/// The key by which a user is looked up. A name that breaks the rules may still be that of a user
/// from an older database.
pub fn user_key(raw: &str) -> String {
    // The key of ASCII is its lower case, whether or not it keeps the rules.
    if raw.is_ascii() {
        return raw.to_ascii_lowercase();
    }
    Name::user(raw).map_or_else(|_| raw.to_lowercase(), |name| name.key)
}

/// The key by which a group is looked up, likewise.
pub fn group_key(raw: &str) -> String {
    Name::group(raw).map_or_else(|_| raw.to_lowercase(), |name| name.key)
}

/// The CJK ideographs: the unified blocks, their extensions, and 〇.
fn is_ideograph(c: char) -> bool {
    matches!(u32::from(c),
        0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0x20000..=0x2EE5D | 0x30000..=0x33479)
}

#[cfg(test)]
mod tests;
