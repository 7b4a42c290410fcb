//! Lists: pages of at most [`LIST_ROWS_MAX`] rows that fit a frame, and where the next one begins.

use serde_json::Value;

use super::context::Cx;
use crate::id::UserId;
use crate::limits::LIST_ROWS_MAX;
use crate::locale::reply::UserLine;
use crate::wire::argument::PageStart;

/// Rows of one page.
#[derive(Debug)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins, if there is one.
    next: Option<PageStart>,
}

/// One more row than a page has, to see whether there is another page.
pub const ROWS_ASKED: usize = LIST_ROWS_MAX + 1;

impl<T> Page<T> {
    /// Cuts `rows`, of which there are at most [`ROWS_ASKED`], to what fits one answer. `room` is
    /// the number of bytes for all rows, and `bytes` estimates those of one row, in text and data
    /// together.
    pub fn cut(
        begins: PageStart,
        mut room: usize,
        mut rows: Vec<T>,
        bytes: impl Fn(&T) -> usize,
        id: impl Fn(&T) -> i64,
    ) -> Page<T> {
        let fitting = rows.iter().take(LIST_ROWS_MAX).take_while(|row| {
            let fits = bytes(row) <= room;
            room = room.saturating_sub(bytes(row));
            fits
        });
        let kept = fitting.count();
        let more = kept < rows.len();
        rows.truncate(kept);
        let next = rows
            .last()
            .filter(|_| more)
            .map(|last| PageStart { shown: begins.shown + kept as u64, id: id(last) });
        Page { rows, next }
    }

    /// Adds `next` to an answer's data.
    pub fn with_next(&self, mut data: Value) -> Value {
        if let (Some(next), Some(object)) = (self.next, data.as_object_mut()) {
            object.insert("next".into(), Value::String(next.to_string()));
        }
        data
    }
}

/// Estimates how many bytes a name takes in text and data together, with JSON's escapes.
pub fn name_bytes(name: &str) -> usize {
    let escaped = name.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    2 * (name.len() + escaped)
}

/// The row of a user in a list of friends or members.
pub fn user_line(cx: &Cx, user: UserId, username: &str) -> UserLine {
    let online = cx.sessions.is_online(user);
    UserLine { username: username.to_owned(), online, blocked: None, is_admin: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LIST_BYTES_MAX;

    #[test]
    fn a_page_ends_by_rows_or_by_bytes_and_says_where_the_next_begins() {
        let cut = |rows: usize, bytes: usize| {
            let rows: Vec<i64> = (1..=rows as i64).collect();
            Page::cut(PageStart { shown: 5, id: 0 }, LIST_BYTES_MAX, rows, |_| bytes, |row| *row)
        };
        assert_eq!(cut(LIST_ROWS_MAX, 1).next, None);
        let last = LIST_ROWS_MAX as i64;
        assert_eq!(cut(ROWS_ASKED, 1).next, Some(PageStart { shown: 205, id: last }));
        assert_eq!(cut(100, LIST_BYTES_MAX / 10).next, Some(PageStart { shown: 15, id: 10 }));
        assert_eq!(cut(0, 1).next, None);
    }
}
