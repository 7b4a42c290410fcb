//! Tables as Markdown, so that they can be pasted into a document.

/// A table of cells, its columns as wide as they must be. Without rows it is nothing.
pub fn table(head: Vec<String>, mut rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let rule = head.iter().map(|_| "---".to_owned()).collect();
    rows.splice(0..0, [head, rule]);
    let mut out = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            out.push_str(&format!("| {cell:width$} "));
        }
        out.push_str("|\n");
    }
    out
}
