//! The texts for people, in English and Chinese.
//!
//! Every text is a row of a table, with both languages in it, so a text that is missing in one
//! language does not compile. [`reply`] is what the server answers,
//! [`refusal`] how it says no, [`notice`] what it tells unasked, [`operator`] and [`doctor`] what
//! the operator reads, [`client`] and [`command`] what the stdin client says,
//! [`usage`] what is wrong with a command line; [`shown`] makes lines for a terminal of all of it.
//!
//! Programs must not read any of it: for them there are codes and events.

/// A table of texts: makes the enum that names them, and its `say`. Fields stand in the words as in
/// `format!`. `x = function(fields)` after the texts makes `x`, which can stand in them too; `by`
/// names the function that makes the whole text, and `of` a field that is such a text itself.
macro_rules! texts {
    ($(#[$meta:meta])* pub enum $name:ident $(<$life:lifetime>)? {$(
        $(#[$doc:meta])* $text:ident
        $({ $($field:ident: $type:ty),+ })? $(($whole:ident: $whole_type:ty))?
            => $($english:literal, $chinese:literal
                 $(, $made:ident = $maker:ident($($of:ident),+))*)?
               $(by $function:ident($($argument:ident),+))? $(of $text_of:ident)?;
    )+}) => {
        $(#[$meta])*
        pub enum $name $(<$life>)? {$(
            $(#[$doc])*
            $text $({ $($field: $type),+ })? $(($whole_type))?,
        )+}

        impl $(<$life>)? $name $(<$life>)? {
            /// The text in a language.
            pub fn say(&self, lang: $crate::locale::Lang) -> String {
                let mut text = String::new();
                self.append(lang, &mut text);
                text
            }

            /// Appends the text in a language.
            pub fn append(&self, lang: $crate::locale::Lang, to: &mut String) {
                match self {$(
                    $name::$text $({ $($field),+ })? $(($whole))? => {
                        $($(let $made = $maker(lang, $($of),+);)*
                        match lang {
                            $crate::locale::Lang::En => {
                                $crate::locale::append(to, $english, format_args!($english))
                            }
                            $crate::locale::Lang::Zh => {
                                $crate::locale::append(to, $chinese, format_args!($chinese))
                            }
                        })?
                        $(to.push_str(&$function(lang, $($argument),+)))?
                        $($text_of.append(lang, to))?
                    }
                )+}
            }
        }
    };
}

/// A table of texts by a value that has a type already: makes the function that returns them. The
/// function's other arguments can stand in the texts, and so can names that a row's pattern binds.
macro_rules! words {
    ($(#[$meta:meta])* $visible:vis $name:ident(
        $key:ident: $key_type:ty $(, $value:ident: $type:ty)*
    ) {$(
        $pattern:pat $(if $guard:ident)? => $($english:literal, $chinese:literal)?
                        $(by $function:ident($($argument:ident),+))?;
    )+}) => {
        $(#[$meta])*
        $visible fn $name(
            lang: $crate::locale::Lang, $key: $key_type $(, $value: $type)*
        ) -> String {
            match $key {$(
                $pattern $(if $guard)? => {
                    $(say!(lang, $english, $chinese))?
                    $($function(lang, $($argument),+))?
                }
            )+}
        }
    };
}

/// `format!` in a language. A text that was written as one line stays one.
macro_rules! say {
    ($lang:expr, $english:literal, $chinese:literal) => {
        match $lang {
            $crate::locale::Lang::En => $crate::locale::whole($english, format!($english)),
            $crate::locale::Lang::Zh => $crate::locale::whole($chinese, format!($chinese)),
        }
    };
}

pub mod client;
pub mod command;
pub mod demo;
pub mod doctor;
pub mod notice;
pub mod operator;
pub mod options;
pub mod page;
pub mod refusal;
pub mod reply;
pub mod shown;
pub mod usage;

use crate::limits::EXCERPT_CHARS_MAX;
pub use crate::visible::is_invisible;

/// A language that p2sp speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese (simplified).
    Zh,
}

impl Lang {
    /// The language of a tag like `zh`, `zh_CN.UTF-8`, `en-GB`: `zh…` is Chinese, all else
    /// English.
    pub fn from_tag(tag: &str) -> Lang {
        let chinese = tag.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("zh"));
        if chinese { Lang::Zh } else { Lang::En }
    }

    /// The user's language: `P2SP_LANG`, then `LC_ALL`, `LC_MESSAGES`, `LANG`; the first that is
    /// set and not empty counts. `variable` looks one up.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Lang {
        ["P2SP_LANG", "LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(variable)
            .find(|value| !value.is_empty())
            .map_or(Lang::En, |tag| Lang::from_tag(&tag))
    }

    /// The language that a command line asks for, before it is understood: `--lang TAG` or
    /// `--lang=TAG`; else that of the environment.
    pub fn of_command_line(
        words: impl Iterator<Item = String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Lang {
        let mut words = words.skip_while(|word| word != "--lang" && !word.starts_with("--lang="));
        let tag = match words.next() {
            Some(word) if word == "--lang" => words.next(),
            word => word.and_then(|word| word.strip_prefix("--lang=").map(str::to_owned)),
        };
        tag.map_or_else(|| Lang::from_environment(variable), |tag| Lang::from_tag(&tag))
    }

    /// The text in this language.
    pub fn pick<T>(self, english: T, chinese: T) -> T {
        match self {
            Lang::En => english,
            Lang::Zh => chinese,
        }
    }

    /// The tag on the wire and on the command line.
    pub fn tag(self) -> &'static str {
        self.pick("en", "zh")
    }
}

/// A text of a table with its fields in place: one that was written as one line stays one,
/// whatever stands in its fields (P28).
fn whole(written: &str, text: String) -> String {
    if is_plain(&text) || written.contains('\n') { text } else { one_line(&text) }
}

/// Appends a text of a table likewise.
fn append(to: &mut String, written: &str, text: std::fmt::Arguments) {
    match text.as_str() {
        // It has no fields.
        Some(text) => to.push_str(text),
        None => to.push_str(&whole(written, std::fmt::format(text))),
    }
}

/// Asks whether another name was meant; nothing, if there is none.
fn did_you_mean(lang: Lang, nearest: &Option<String>) -> String {
    let Some(nearest) = nearest else { return String::new() };
    lang.pick(format!("Did you mean {nearest}? "), format!("您是否想用 {nearest}？"))
}

/// A peer's text as part of one line: what could start a line or move a cursor becomes a space.
pub fn one_line(text: &str) -> String {
    // A history of long texts is copied, not looked through letter by letter.
    if is_plain(text) {
        return text.to_owned();
    }
    text.replace(|c: char| c.is_control() || is_invisible(c), " ")
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// The beginning of a peer's text, as part of one line: for logs and refusals.
pub fn excerpt(text: &str) -> String {
    let mut chars = text.chars();
    let beginning: String = chars.by_ref().take(EXCERPT_CHARS_MAX).collect();
    one_line(&beginning) + if chars.next().is_some() { "…" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let lang_of = |set: &[(&str, &str)]| {
            Lang::from_environment(|name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(lang_of(&[]), Lang::En);
        assert_eq!(lang_of(&[("LANG", "zh_CN.UTF-8")]), Lang::Zh);
        assert_eq!(lang_of(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")]), Lang::En);
        assert_eq!(lang_of(&[("P2SP_LANG", "ZH"), ("LC_ALL", "C")]), Lang::Zh);
        assert_eq!(lang_of(&[("P2SP_LANG", ""), ("LC_ALL", "zh")]), Lang::Zh);
    }

    #[test]
    fn a_command_line_is_asked_before_it_is_understood() {
        let lang_of = |line: &str| {
            let words = line.split(' ').map(str::to_owned);
            Lang::of_command_line(words, |name| (name == "LANG").then(|| "zh".to_owned()))
        };
        assert_eq!(lang_of("p2sp --help"), Lang::Zh);
        assert_eq!(lang_of("p2sp --help --lang en"), Lang::En);
        assert_eq!(lang_of("p2sp --nonsense --lang=en_GB --lang zh"), Lang::En);
        assert_eq!(lang_of("p2sp --lang"), Lang::Zh);
    }

    #[test]
    fn a_peers_text_stays_on_its_line() {
        assert_eq!(one_line("a\nb\u{202e}c\u{1b}[2J"), "a b c [2J");
        assert_eq!(one_line("a\u{3164}b\u{34f}c\u{e0100}"), "a b c\u{e0100}");
    }
}
