//! The JSON around the payload of each reply and push.

use serde::Serialize;

/// A message before it is encoded.
#[derive(Serialize)]
pub struct Envelope<'a, P> {
    pub r#type: &'a str,
    pub timestamp: i64,
    pub payload: P,
}

impl<P: Serialize> Envelope<'_, P> {
    /// Appends the JSON of the message.
    pub fn append(&self, out: &mut Vec<u8>) {
        let written = serde_json::to_writer(out, self);
        debug_assert!(written.is_ok(), "strings, integers and string keys have a JSON form");
    }
}
