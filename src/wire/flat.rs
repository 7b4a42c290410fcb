//! Reads a flat request in one pass: one without escapes, fractions and nested values, as nearly
//! every request is.
//!
//! It gives up at once where it meets anything else, and at what is no JSON: then the payload is
//! read from its start by serde, in `request`. So nothing is refused here, and what is read here is
//! what serde reads; a property test and the fuzzing corpus compare the two.
//!
//! The grammar is that of RFC 8259. Before the pass, the whole text is searched for escapes and
//! control characters. Where there is none of them, a string ends at the next quotation mark
//! (section 7), and the only white space is the space (section 2).

use std::borrow::Cow;

use super::argument::{Args, Value};

/// A flat text, and up to where it is read.
struct Flat<'a> {
    json: &'a str,
    at: usize,
}

/// Reads a message: fills in its arguments and returns the name of its type. `None`: it gave up,
/// with some arguments filled in.
pub(super) fn read<'a>(json: &'a str, args: &mut Args<'a>) -> Option<&'a str> {
    let is_unusual = |&byte: &u8| byte < b' ' || byte == b'\\';
    // Every byte is looked at, also behind one that is found: so the loop takes many at a time.
    if json.as_bytes().iter().fold(false, |found, byte| found | is_unusual(byte)) {
        return None;
    }
    let mut flat = Flat { json, at: 0 };
    let (mut type_name, mut has_payload) = (None, false);
    flat.object(|flat, key| {
        match key {
            "type" => type_name = Some(flat.string()?),
            // Of several payloads the last counts.
            "payload" if has_payload => return None,
            "payload" => {
                has_payload = true;
                flat.object(|flat, name| {
                    let value = flat.value()?;
                    if let Some(place) = args.place(name) {
                        *place = value;
                    }
                    Some(())
                })?;
            }
            _ => drop(flat.value()?),
        }
        Some(())
    })?;
    let has_ended = flat.next().is_none();
    type_name.filter(|_| has_payload && has_ended)
}

impl<'a> Flat<'a> {
    /// An object: `{`, fields with commas between them, `}`. `field` reads the value of each.
    fn object(
        &mut self,
        mut field: impl FnMut(&mut Flat<'a>, &'a str) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.take(b':')?;
            field(self, key)?;
            if self.take(b'}').is_some() {
                return Some(());
            }
            self.take(b',')?;
        }
    }

    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let rest = self.json.get(self.at..)?;
        let text = &rest[..memchr::memchr(b'"', rest.as_bytes())?];
        self.at += text.len() + 1;
        Some(text)
    }

    /// A value that is neither an object nor an array.
    fn value(&mut self) -> Option<Value<'a>> {
        match self.next()? {
            b'"' => self.string().map(|text| Value::Text(Cow::Borrowed(text))),
            b'-' | b'0'..=b'9' => self.integer().map(Value::Number),
            b't' => self.word("true", Value::Flag(true)),
            b'f' => self.word("false", Value::Flag(false)),
            b'n' => self.word("null", Value::Absent),
            _ => None,
        }
    }

    /// An integer. No number begins with a zero that is not its only digit, and `-0` is a fraction
    /// for serde. A fraction's point, and an exponent, are no end of a value.
    fn integer(&mut self) -> Option<i64> {
        let rest = &self.json[self.at..];
        let end = rest.bytes().position(|byte| !matches!(byte, b'-' | b'0'..=b'9'))?;
        let number = &rest[..end];
        if number != "0" && number.trim_start_matches('-').starts_with('0') {
            return None;
        }
        self.at += end;
        number.parse().ok()
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Option<Value<'a>> {
        self.json[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    /// Takes one character if it is the next.
    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then(|| self.at += 1)
    }

    /// The next character behind spaces; it is not taken.
    fn next(&mut self) -> Option<u8> {
        while self.json.as_bytes().get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        self.json.as_bytes().get(self.at).copied()
    }
}
