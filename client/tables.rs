//! Lists for a terminal, with columns that are aligned by their width on the screen.
//!
//! The server's text has a heading, a line for each row, and perhaps more lines. Its data has the
//! same rows. If the two do not match, the text is shown as it is.

use p2sp::locale::client::Text;
use p2sp::locale::{Lang, shown};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::show::{self, Style};

/// Adds a colour to a text.
type Paint<'a> = dyn Fn(Style, &str) -> String + 'a;

/// The text of a cell, its colour, and whether it is aligned to the right.
struct Cell(String, Option<Style>, bool);

/// The text with its rows aligned; `None` if it is no list, or if a row is wider than the terminal.
pub fn aligned(
    text: &str,
    data: &Value,
    lang: Lang,
    paint: &Paint,
    columns: usize,
) -> Option<String> {
    let mut lines = text.lines();
    let heading = lines.next()?;
    let list = ["groups", "friends", "members", "users"].into_iter().find_map(|key| {
        let rows = data[key].as_array()?;
        (!rows.is_empty()).then_some((key, rows))
    });
    let (key, rows) = list?;
    let rows: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| match key {
            "groups" => group(row, lines.next()?, lang),
            _ => lines.next().map(|_| user(row, lang)),
        })
        .collect::<Option<_>>()?;
    let column = |index: usize| rows.iter().filter_map(move |row| row.get(index));
    let widths: Vec<usize> =
        (0..).map_while(|index| column(index).map(|cell| cell.0.width()).max()).collect();
    if widths.iter().map(|width| width + 2).sum::<usize>() > columns {
        return None;
    }
    let mut shown = paint(Style::Strong, heading);
    for row in &rows {
        shown.push('\n');
        let cells = row.iter().zip(&widths);
        let line = cells.map(|(cell, width)| cell.show(*width, paint)).collect::<Vec<_>>();
        shown += &format!("  {}", line.join("  ").trim_end());
    }
    // The lines after the rows stay as they are.
    Some(lines.fold(shown, |shown, line| shown + "\n" + line))
}

impl Cell {
    fn show(&self, width: usize, paint: &Paint) -> String {
        let Cell(text, style, right) = self;
        let room = " ".repeat(width.saturating_sub(text.width()));
        let text = style.map_or_else(|| text.clone(), |style| paint(style, text));
        if *right { room + &text } else { text + &room }
    }
}

/// The number is only in the line: it counts on from page to page.
fn group(row: &Value, line: &str, lang: Lang) -> Option<Vec<Cell>> {
    let (number, _) = line.trim_start().split_once('.')?;
    number.parse::<u64>().ok()?;
    let (online, total) = (row["online"].as_u64()?, row["total"].as_u64()?);
    let mut cells = vec![
        Cell(format!("{number}."), Some(Style::Faint), true),
        Cell(shown::line(show::text(row, "groupname")), Some(Style::Group), false),
        Cell(shown::line(show::text(row, "creator")), None, false),
        Cell(format!("({online}/{total})"), None, false),
    ];
    if row["blocked"] == true {
        cells.push(mark(Text::Blocked, Style::Refusal, lang));
    }
    Some(cells)
}

fn user(row: &Value, lang: Lang) -> Vec<Cell> {
    let (online, style) = match row["online"] == true {
        true => (Text::Online, Style::Online),
        false => (Text::Offline, Style::Faint),
    };
    let mut cells = vec![
        Cell(shown::line(show::text(row, "username")), Some(Style::Name), false),
        Cell(online.say(lang), Some(style), false),
    ];
    if row["is_admin"] == true {
        cells.push(mark(Text::Administrator, Style::System, lang));
    }
    if row["blocked"] == true {
        cells.push(mark(Text::Blocked, Style::Refusal, lang));
    }
    cells
}

fn mark(text: Text, style: Style, lang: Lang) -> Cell {
    Cell(format!("[{}]", text.say(lang)), Some(style), false)
}
