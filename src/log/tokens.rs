//! Texts as words: what is put into the index, what a search asks it for, and how a text is looked
//! at itself. All three go through [`words_of`], so they agree for every script.
//!
//! ```text
//!  "Café in 上海!"  ─►  " cafe in 上 海 "     a space before and after every word
//! ```
//!
//! A phrase is in a text if its words, so written, are a part of the text's words, so written.
//!
//! Letters are compared in small letters, without accents, in one width. Other marks belong to
//! their word: in Hindi they are its vowels. Where a script puts no spaces between words (Han,
//! Kana, Hangul, and what Unicode's line breaking calls "complex context": Thai, Lao, Khmer,
//! Myanmar …) each character, a mark as well, is a word: a text is found by any part of it.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use memchr::memmem::Finder;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::limits::{QUERY_BYTES_MAX, SEARCH_PHRASES_MAX, TERM_BYTES_MAX, TERMS_PER_TEXT_MAX};

/// What somebody looks for: phrases, all of which must stand in a text.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    /// As [`words_of`] writes them, each once.
    phrases: BTreeSet<String>,
}

impl Wanted {
    /// What a line asks for, one phrase for what stands between two spaces. `None` if it has no
    /// word, or more than can be looked for.
    pub fn parse(line: &str) -> Option<Wanted> {
        let phrases = line.split_whitespace().map(words_of);
        let phrases: BTreeSet<String> = phrases.filter(|phrase| phrase != " ").collect();
        let fits = line.len() <= QUERY_BYTES_MAX && phrases.len() <= SEARCH_PHRASES_MAX;
        (fits && !phrases.is_empty()).then_some(Wanted { phrases })
    }

    /// What finds it in texts.
    pub(super) fn matcher(&self) -> Matcher<'_> {
        Matcher(self.phrases.iter().map(Finder::new).collect())
    }

    /// At most `count` terms that stand in the index for every text in which everything wanted
    /// is: the longest, which are the rarest.
    pub(super) fn terms(&self, count: usize) -> Vec<&str> {
        let terms: BTreeSet<&str> = self.phrases.iter().flat_map(|phrase| terms(phrase)).collect();
        let mut terms: Vec<&str> = terms.into_iter().collect();
        terms.sort_by_key(|term| std::cmp::Reverse(term.len()));
        terms.truncate(count);
        terms
    }
}

/// Finds what is wanted in texts, in time linear in their length.
pub(super) struct Matcher<'a>(Vec<Finder<'a>>);

impl Matcher<'_> {
    /// Whether everything that is wanted is in a text.
    pub fn is_in(&self, text: &str) -> bool {
        let words = words_of(text);
        self.0.iter().all(|phrase| phrase.find(words.as_bytes()).is_some())
    }
}

/// The words of a text, a space before and after each: those before the one with which there
/// would be too many different ones.
pub(super) fn words_of(text: &str) -> String {
    let plain = plain(text);
    let mut words = String::with_capacity(plain.len() + plain.len() / 3 + 2);
    words.push(' ');
    let mut count = 0;
    for letter in plain.chars().flat_map(char::to_lowercase).filter(|letter| !is_ignored(*letter)) {
        let is_of_word = letter.is_alphanumeric() || is_combining_mark(letter);
        let is_alone = is_of_word && is_word_alone(letter);
        if (is_alone || !is_of_word) && !words.ends_with(' ') {
            words.push(' ');
            count += 1;
        }
        if is_of_word {
            words.push(letter);
        }
        if is_alone {
            words.push(' ');
            count += 1;
        }
    }
    if !words.ends_with(' ') {
        words.push(' ');
        count += 1;
    }
    if count > TERMS_PER_TEXT_MAX {
        cut(&mut words);
    }
    words
}

/// Leaves as many different words as the index takes of a text.
fn cut(words: &mut String) {
    let mut different = HashSet::new();
    let mut end = 1;
    for word in words.split_terminator(' ').skip(1) {
        different.insert(word);
        if different.len() > TERMS_PER_TEXT_MAX {
            break;
        }
        end += word.len() + 1;
    }
    words.truncate(end);
}

/// The terms under which words are found in the index: the beginnings of long ones.
pub(super) fn terms(words: &str) -> BTreeSet<&str> {
    let words = words.split(' ').filter(|word| !word.is_empty());
    words.map(|word| &word[..word.floor_char_boundary(TERM_BYTES_MAX)]).collect()
}

/// A text without accents and in one width.
fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    for part in text.split_inclusive(is_plain) {
        let last = part.chars().next_back().filter(|letter| is_plain(*letter));
        let rest = &part[..part.len() - last.map_or(0, char::len_utf8)];
        match rest.is_ascii() {
            true => plain.push_str(rest),
            false => plain.extend(rest.nfkd().filter(|letter| !is_accent(*letter)).nfkc()),
        }
        plain.extend(last);
    }
    plain.into()
}

/// Characters that stay as they are. Unicode's forms leave Han alone, which spares most of a
/// Chinese text the way through them. The single letters of Hangul they would join to syllables,
/// and ㅋ would not be found in ㅋㅏ.
fn is_plain(letter: char) -> bool {
    matches!(u32::from(letter), 0x3131..=0x318E | 0x3400..=0x4DBF | 0x4E00..=0x9FFF)
}

/// The blocks of combining diacritical marks.
fn is_accent(letter: char) -> bool {
    matches!(u32::from(letter),
        0x0300..=0x036F | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE20..=0xFE2F)
}

/// What is there to shape its neighbours and is seen as nothing: joiners, selectors of variants,
/// invisible spaces, directions.
fn is_ignored(letter: char) -> bool {
    matches!(u32::from(letter),
        0x00AD | 0x061C | 0x180B..=0x180F | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F
        | 0xFE00..=0xFE0F | 0xFEFF | 0xE0100..=0xE01EF)
}

/// Whether a character belongs to a script without spaces between words.
fn is_word_alone(letter: char) -> bool {
    let code = u32::from(letter);
    // Han, Kana, Bopomofo, Hangul with its letters, Yi.
    let east_asian = matches!(code,
        0x1100..=0x11FF | 0x2E80..=0x2FDF | 0x3005..=0x3007 | 0x3021..=0x302F | 0x3041..=0x31BF
        | 0x31F0..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0xA4CF | 0xA960..=0xA97F
        | 0xAC00..=0xD7FF | 0xF900..=0xFAFF | 0x16FE0..=0x18DFF | 0x1AFF0..=0x1B2FF
        | 0x20000..=0x3FFFF);
    // Thai, Lao, Myanmar, Khmer, Tai Le, New Tai Lue, Tai Tham, Myanmar's extensions, Tai Viet,
    // Ahom.
    let complex = matches!(code,
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x1950..=0x19DF | 0x1A20..=0x1AAF
        | 0xA9E0..=0xA9FF | 0xAA60..=0xAADF | 0x116D0..=0x116FF | 0x11700..=0x1174F);
    east_asian || complex
}
