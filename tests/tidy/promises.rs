//! PROMISES.md is the one list of promises: what is named anywhere stands there, and what stands
//! there is kept by a test or broken by a seeded bug.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where promises are named.
const FOLDERS: &[&str] = &["src", "client", "tests", "benches", "fuzz/fuzz_targets"];
const DOCUMENTS: &[&str] = &[
    "ARCHITECTURE.md",
    "CHOICES.md",
    "CONTRIBUTING.md",
    "EVIDENCE.md",
    "OPERATING.md",
    "PROTOCOL.md",
    "README.md",
    "README.zh-CN.md",
];
/// What is not ours in those folders.
const FOREIGN: &[&str] = &["node_modules"];
const TEXTS: &[&str] = &["rs", "js", "txt", "md", "sql", "css", "html"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = DOCUMENTS.iter().map(|name| root().join(name)).collect();
    FOLDERS.iter().for_each(|folder| walk(&root().join(folder), &mut files));
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let is_foreign = FOREIGN.iter().any(|name| path.ends_with(name));
        let is_text = TEXTS.iter().any(|text| path.extension() == Some(text.as_ref()));
        if path.is_dir() && !is_foreign {
            walk(&path, files);
        } else if is_text {
            files.push(path);
        }
    }
}

/// The numbers behind a `P` that stand in a text as words of their own.
fn named(text: &str) -> impl Iterator<Item = u32> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let numbers = words.filter_map(|word| word.strip_prefix('P'));
    numbers.filter(|number| number.len() <= 2).filter_map(|number| number.parse().ok())
}

/// The rows of PROMISES.md.
fn promises() -> BTreeSet<u32> {
    let text = fs::read_to_string(root().join("PROMISES.md")).expect("PROMISES.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| P"));
    let numbers = rows.filter_map(|row| row.split(' ').next()?.parse().ok());
    numbers.collect()
}

#[test]
fn every_promise_that_is_named_is_a_row() {
    let promises = promises();
    assert!(promises.len() >= 29, "{promises:?}");
    let mut found = Vec::new();
    for path in files() {
        let text = fs::read_to_string(&path).expect("a text");
        let unknown = named(&text).filter(|number| !promises.contains(number));
        found.extend(unknown.map(|number| format!("{}: P{number}", path.display())));
    }
    assert!(found.is_empty(), "no row of PROMISES.md:\n  {}", found.join("\n  "));
}

#[test]
fn every_row_has_a_test_that_bites() {
    let mut kept = BTreeSet::new();
    for path in files() {
        let text = fs::read_to_string(&path).expect("a text");
        let tests = text.lines().filter_map(|line| line.trim_start().strip_prefix("fn p"));
        tests.for_each(|name| kept.extend(leading_numbers(name)));
        let is_transcript = path.parent().is_some_and(|folder| folder.ends_with("transcripts"));
        if let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_prefix('p'))
            && is_transcript
        {
            kept.extend(leading_numbers(name));
        }
        if path.parent().is_some_and(|folder| folder.ends_with("mutants")) {
            let broken = text.lines().filter_map(|line| line.strip_prefix("promise: P"));
            kept.extend(broken.filter_map(|number| number.parse::<u32>().ok()));
        }
    }
    let bare: Vec<u32> = promises().difference(&kept).copied().collect();
    assert!(bare.is_empty(), "neither a test nor a seeded bug is about P{bare:?}");
}

/// `11_p12_edges` is about 11 and 12.
fn leading_numbers(name: &str) -> Vec<u32> {
    let parts = name.split('_').map(|part| part.trim_start_matches('p').parse().ok());
    parts.map_while(|number| number).collect()
}
