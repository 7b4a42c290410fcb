//! The names of users that the person may type, for completion.
//!
//! They are taken from pushes and answers; nothing is requested for them. A name that cannot be
//! typed, or looks like another on a terminal, is left out (P28).

use std::collections::BTreeSet;
use std::ops::Bound;

use p2sp::locale::shown;
use p2sp::wire::MessageType;
use serde_json::Value;

use super::requests::Request;
use super::show;

/// The most names that are kept.
const NAMES_MAX: usize = 5_000;

/// The names of users.
#[derive(Default)]
pub struct Roster(BTreeSet<String>);

impl Roster {
    /// Takes the names from a push.
    pub fn heard(&mut self, payload: &Value) {
        let gone = payload["event"] == "friend_removed";
        for key in ["fromusername", "username"] {
            let name = show::text(payload, key);
            match gone {
                true => _ = self.0.remove(name),
                false => self.learn(name),
            }
        }
    }

    /// Takes the names from a request that was done, and from its answer.
    pub fn answered(&mut self, request: &Request, payload: &Value) {
        let named = request.args.get("username").and_then(Value::as_str).unwrap_or_default();
        match request.kind {
            MessageType::Del => _ = self.0.remove(named),
            MessageType::Add | MessageType::Accept | MessageType::Send => self.learn(named),
            _ => {}
        }
        let data = &payload["data"];
        for list in ["friends", "members", "users"] {
            for row in data[list].as_array().into_iter().flatten() {
                self.learn(show::text(row, "username"));
            }
        }
        for name in data["requests"].as_array().into_iter().flatten() {
            self.learn(name.as_str().unwrap_or_default());
        }
    }

    /// The names with this beginning, in order.
    pub fn beginning(&self, start: &str) -> impl Iterator<Item = &str> {
        let from = self.0.range::<str, _>((Bound::Included(start), Bound::Unbounded));
        from.take_while(move |name| name.starts_with(start)).map(String::as_str)
    }

    fn learn(&mut self, name: &str) {
        let plain = shown::line(name) == name && !name.contains(char::is_whitespace);
        if plain && !name.is_empty() && self.0.len() < NAMES_MAX {
            self.0.insert(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_learnt_from_what_passes_by_and_forgotten_with_the_friend() {
        let mut roster = Roster::default();
        for payload in [
            json!({"fromusername": "bob", "message": "hi"}),
            json!({"event": "friend_added", "username": "bea"}),
            json!({"event": "friend_added", "username": "王小明"}),
            json!({"fromusername": "b\u{1b}[2Jx"}),
            json!({"event": "friend_removed", "username": "bea"}),
        ] {
            roster.heard(&payload);
        }
        assert_eq!(roster.beginning("b").collect::<Vec<_>>(), ["bob"]);
        assert_eq!(roster.beginning("").collect::<Vec<_>>(), ["bob", "王小明"]);
    }
}
