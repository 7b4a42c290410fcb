//! A pattern of a transcript against a frame that came.
//!
//! ```text
//! usersend fromusername=bob message~"hel" seq>=$a !system friends.0.username=bob friends.len=2
//! └ its type, code or event, if it matters        └ fields of the payload or of its `data`
//! ```
//!
//! `=` compares whole values (JSON, or else a string), `~` looks for a part of a text, `<`, `<=`,
//! `>`, `>=` compare numbers, `!` says that a field is absent. `=$name` binds the value the first
//! time, and compares with it from then on.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What `$name` stands for.
pub type Bound = BTreeMap<String, Value>;

/// Compares a frame with a pattern, and binds the names that are new.
///
/// # Errors
/// The first difference.
pub fn check(pattern: &str, frame: &Value, bound: &mut Bound) -> Result<(), String> {
    let payload = &frame["payload"];
    let tokens = split(pattern)?;
    let mut fields = tokens.as_slice();
    if let Some(kind) = tokens.first().filter(|first| is_word(first)) {
        let names = [&frame["type"], &payload["code"], &payload["event"]];
        if names.iter().all(|name| *name != kind.as_str()) {
            return Err(format!("expected {kind}"));
        }
        fields = &tokens[1..];
    }
    fields.iter().try_for_each(|token| check_field(token, payload, bound))
}

fn check_field(token: &str, payload: &Value, bound: &mut Bound) -> Result<(), String> {
    if let Some(path) = token.strip_prefix('!') {
        let found = look_up(payload, path);
        return found.map_or(Ok(()), |found| Err(format!("{path} is there: {found}")));
    }
    let at = token.find(['=', '~', '<', '>']).ok_or("FIELD=VALUE")?;
    let (path, rest) = token.split_at(at);
    let (sign, value) = rest.split_at(if rest[1..].starts_with('=') { 2 } else { 1 });
    let found = look_up(payload, path).ok_or_else(|| format!("{path} is missing"))?;
    let expected = match value.strip_prefix('$') {
        Some(name) if sign == "=" => bound.entry(name.to_owned()).or_insert(found.clone()).clone(),
        Some(name) => bound.get(name).cloned().ok_or("not bound yet")?,
        None => serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
    };
    let fits = match sign {
        "=" => found == expected,
        "~" => found.as_str().zip(expected.as_str()).is_some_and(|(f, e)| f.contains(e)),
        _ => compare(sign, &found, &expected),
    };
    if fits { Ok(()) } else { Err(format!("{path}: expected {sign} {expected}, not {found}")) }
}

fn compare(sign: &str, found: &Value, expected: &Value) -> bool {
    let (Some(found), Some(expected)) = (found.as_i64(), expected.as_i64()) else { return false };
    match sign {
        "<" => found < expected,
        "<=" => found <= expected,
        ">" => found > expected,
        ">=" => found >= expected,
        _ => false,
    }
}

fn look_up(payload: &Value, path: &str) -> Option<Value> {
    let walk = |from: &Value| {
        path.split('.').try_fold(from.clone(), |at, step| match (&at, step) {
            (Value::Array(rows), "len") => Some(json!(rows.len())),
            (Value::Array(rows), index) => rows.get(index.parse::<usize>().ok()?).cloned(),
            (Value::Object(fields), name) => fields.get(name).cloned(),
            _ => None,
        })
    };
    walk(payload).or_else(|| walk(payload.get("data")?))
}

fn is_word(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Splits at spaces that stand outside of quotes.
fn split(pattern: &str) -> Result<Vec<String>, String> {
    let (mut tokens, mut token) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for c in pattern.chars() {
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        if c == ' ' && !quoted {
            tokens.extend((!token.is_empty()).then(|| std::mem::take(&mut token)));
        } else {
            token.push(c);
        }
    }
    tokens.extend((!token.is_empty()).then_some(token));
    if quoted { Err("a quote is not closed".into()) } else { Ok(tokens) }
}
