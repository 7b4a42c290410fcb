//! The table: a line a finding, as Markdown, so that it can be pasted.

use std::fmt;

const HEAD: [&str; 5] = ["what", "value", "ratio", "target", ""];

/// One line.
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What it came to.
    pub value: String,
    /// How much of the line it is compared with.
    pub ratio: Option<f64>,
    /// What was asked for, and whether it is so.
    pub target: Option<(String, bool)>,
}

impl Row {
    /// A finding that is only told.
    pub fn told(what: impl Into<String>, value: impl Into<String>) -> Row {
        Row { what: what.into(), value: value.into(), ratio: None, target: None }
    }

    /// The same, as a share of what it is compared with.
    pub fn compared(self, ratio: f64) -> Row {
        Row { ratio: Some(ratio), ..self }
    }

    /// The same, with what was asked for.
    pub fn wanted(self, target: impl Into<String>, met: bool) -> Row {
        Row { target: Some((target.into(), met)), ..self }
    }

    fn cells(&self) -> [String; 5] {
        let (target, met) = match &self.target {
            Some((target, true)) => (target.clone(), "met"),
            Some((target, false)) => (target.clone(), "MISSED"),
            None => (String::new(), ""),
        };
        let ratio = self.ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"));
        [self.what.clone(), self.value.clone(), ratio, target, met.into()]
    }
}

/// All lines.
#[derive(Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// A line more, told on the way as well: the whole takes minutes.
    pub fn add(&mut self, row: Row) {
        eprintln!("  {}", row.cells().join("  "));
        self.0.push(row);
    }

    /// Whether everything is as it was asked for.
    pub fn all_met(&self) -> bool {
        self.0.iter().all(|row| row.target.as_ref().is_none_or(|(_, met)| *met))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![HEAD.map(str::to_owned), HEAD.map(|_| "---".to_owned())];
        rows.extend(self.0.iter().map(Row::cells));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: [usize; 5] = std::array::from_fn(|column| width(column).unwrap_or(0));
        for row in &rows {
            for (cell, width) in row.iter().zip(widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")?;
        }
        Ok(())
    }
}

/// Sorts, and takes the middle; of two middles their mean.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => (values[count / 2 - 1] + values[count / 2]) / 2.0,
    }
}
