//! The JSON of a reply or push: the envelope, and in it a payload, field by field.
//!
//! ```text
//! {"type":"normalmsg","timestamp":5,"payload":{"message":"Sent.","re":7,"status":200}}
//! └─ begin ──────────────────────────────────┘└─ text ────────┘└ value ┘└ value ────┘└ END
//! ```
//!
//! The bytes go straight to where they are sent from. They are those that serde makes of a struct
//! with the same fields. serde_json writes every value but a text without escapes, which is copied.

use serde::Serialize;

/// The end of a message, behind the last field of its payload.
pub const END: &[u8] = b"}}";

/// The payload of a message that is being appended to some bytes.
pub struct Payload<'o>(pub &'o mut Vec<u8>);

impl<'o> Payload<'o> {
    /// Appends the message up to the first field of its payload.
    pub fn begin(out: &'o mut Vec<u8>, type_name: &'static str, unix: i64) -> Payload<'o> {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(type_name.as_bytes());
        out.extend_from_slice(b"\",\"timestamp\":");
        append_value(out, &unix);
        out.extend_from_slice(b",\"payload\":{");
        Payload(out)
    }

    /// A field that is a text.
    #[inline(always)]
    pub fn text(&mut self, key: &'static str, text: &str) {
        self.key(key);
        append_text(self.0, text);
    }

    /// A field of any kind.
    #[inline(always)]
    pub fn value(&mut self, key: &'static str, value: &impl Serialize) {
        self.key(key);
        append_value(self.0, value);
    }

    /// A field whose value is JSON already.
    pub fn json(&mut self, key: &'static str, json: &[u8]) {
        self.key(key);
        self.0.extend_from_slice(json);
    }

    /// A field that is left out where there is no value.
    #[inline(always)]
    pub fn option(&mut self, key: &'static str, value: Option<&impl Serialize>) {
        if let Some(value) = value {
            self.value(key, value);
        }
    }

    /// The fields of a struct, behind another field.
    pub fn fields_of(&mut self, object: &impl Serialize) {
        let start = self.0.len();
        append_value(self.0, object);
        debug_assert!(self.0[start] == b'{' && self.0[start - 1] != b'{');
        self.0[start] = b',';
        self.0.pop();
    }

    /// The keys are literals, and no character of them is escaped.
    #[inline(always)]
    fn key(&mut self, key: &'static str) {
        let is_first = self.0.last() == Some(&b'{');
        self.0.extend_from_slice(if is_first { b"\"" } else { b",\"" });
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}

fn append_text(out: &mut Vec<u8>, text: &str) {
    let is_escaped = |&byte: &u8| byte < b' ' || byte == b'"' || byte == b'\\';
    // Every byte is looked at, also behind one that is found: so the loop takes many at a time.
    if text.as_bytes().iter().fold(false, |found, byte| found | is_escaped(byte)) {
        return append_value(out, text);
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn append_value(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "strings, integers and string keys have a JSON form");
}

#[cfg(test)]
mod tests;
