//! What a comment or a document names is there: every path of a file or a folder of ours, and every
//! type and function that a document names as Rust does (`Conns::say`, `SharedPush`).
//!
//! A word is taken for a path if it begins with a folder of the project (`src/store`), or ends
//! like a file of ours (`frame.rs`). It may be written from the root, from the folder that it is
//! named in, or from any folder of ours.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where paths are named, beside the documents in the root.
const FOLDERS: &[&str] = &[
    "src",
    "client",
    "examples",
    "tests",
    "benches",
    "fuzz/fuzz_targets",
    "fuzz/src",
    "deploy",
    ".ci",
];
/// What is made by others, or by a run.
const FOREIGN: &[&str] = &["node_modules", "target", ".git", "corpus", "artifacts", "work"];
/// Texts with comments, and the mark of a comment in them; in the others all is text.
const TEXTS: &[(&str, &str)] =
    &[("rs", "//"), ("js", "//"), ("css", "*"), ("sql", "--"), ("toml", "#"), ("md", "")];
/// What a name of ours ends with.
const ENDS: &[&str] = &[".rs", ".md", ".js", ".sql", ".css", ".html", ".svg"];
/// Paths that are not in the tree: of other projects, or made by a test or by a user.
const ELSEWHERE: &[&str] = &["src/mutant.rs", "FILE.svg", "fuzz/fuzz_targets/NAME.rs"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file and folder of ours, from the root: `src/store`, `src/store/open.rs`.
fn tree() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(root(), &mut found);
    found
}

fn walk(folder: &Path, found: &mut BTreeSet<String>) {
    for path in fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()) {
        let name = path.strip_prefix(root()).expect("below the root").display().to_string();
        let is_corpus = name == "tests/simulation/corpus";
        if FOREIGN.iter().any(|name| path.ends_with(name)) && !is_corpus {
            found.insert(name);
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        }
        found.insert(name);
    }
}

/// The parts of a file that are for people.
fn prose(path: &Path) -> Option<Vec<(usize, String)>> {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    let (_, mark) = TEXTS.iter().find(|(text, _)| *text == end)?;
    let text = fs::read_to_string(path).ok()?;
    let lines = text.lines().enumerate();
    let told = lines.filter_map(|(at, line)| {
        let start = line.find(mark)?;
        // `https://` is no comment.
        let is_comment =
            mark.is_empty() || line[..start].trim().is_empty() || line[..start].ends_with(' ');
        is_comment.then(|| (at + 1, line[start..].to_owned()))
    });
    Some(told.collect())
}

/// The words of a line that look like paths of ours.
fn paths_in<'a>(line: &'a str, tops: &'a BTreeSet<String>) -> impl Iterator<Item = &'a str> {
    let part = |c: char| c.is_ascii_alphanumeric() || "/_-.:@*<>{}$~".contains(c);
    line.split(move |c| !part(c)).map(|word| word.trim_end_matches(['.', ':', '-', '/'])).filter(
        |word| {
            let plain =
                !word.contains([':', '@', '*', '<', '{', '$', '~']) && !word.starts_with('/');
            let first = word.split('/').next().unwrap_or_default();
            let is_below = word.contains('/') && tops.contains(first);
            let name = word.rsplit('/').next().unwrap_or_default();
            let is_file = ENDS.iter().any(|end| name.len() > end.len() && name.ends_with(end));
            plain && (is_below || is_file)
        },
    )
}

#[test]
fn every_path_that_is_named_is_there() {
    let tree = tree();
    let tops: BTreeSet<String> = tree
        .iter()
        .filter(|name| !name.contains('/') && root().join(name).is_dir())
        .cloned()
        .collect();
    let is_there = |word: &str, file: &str| {
        let word = word.trim_start_matches("./").trim_start_matches("../");
        let beside = Path::new(file).with_file_name(word).display().to_string();
        let ends = format!("/{word}");
        tree.contains(word)
            || tree.contains(&beside)
            || tree.contains(&format!("{word}.rs"))
            || tree.iter().any(|name| name.ends_with(&ends))
    };
    let mut gone = Vec::new();
    for file in tree.iter() {
        let is_document = !file.contains('/');
        if !is_document && !FOLDERS.iter().any(|folder| file.starts_with(folder)) {
            continue;
        }
        let path: PathBuf = root().join(file);
        for (line, text) in prose(&path).unwrap_or_default() {
            for word in paths_in(&text, &tops) {
                if !is_there(word, file) && !ELSEWHERE.contains(&word) {
                    gone.push(format!("{file}:{line}: {word}"));
                }
            }
        }
    }
    assert!(gone.is_empty(), "named, and not there:\n  {}", gone.join("\n  "));
}

/// The words of a span of code, if it is a name as Rust writes it: a path with `::`, or a type's
/// name of more than one word.
fn names_in(span: &str) -> Vec<&str> {
    let name = span.split(['(', '<']).next().unwrap_or_default();
    let words: Vec<&str> = name.split("::").filter(|word| !word.is_empty()).collect();
    let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_type = |word: &str| {
        let capitals = word.chars().filter(char::is_ascii_uppercase).count();
        word.starts_with(|c: char| c.is_ascii_uppercase())
            && capitals > 1
            && word.contains(|c: char| c.is_ascii_lowercase())
            && !word.contains('_')
    };
    let is_path = words.len() > 1 || words.iter().any(|word| is_type(word));
    if is_path && words.iter().all(is_word) { words } else { Vec::new() }
}

#[test]
fn every_name_in_a_document_is_in_the_code() {
    let tree = tree();
    let text = |file: &String| fs::read_to_string(root().join(file)).unwrap_or_default();
    let code: String = tree.iter().filter(|file| file.ends_with(".rs")).map(text).collect();
    let words: BTreeSet<&str> =
        code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let mut gone = Vec::new();
    for file in tree.iter().filter(|file| file.ends_with(".md")) {
        for (at, line) in text(file).lines().enumerate() {
            for name in line.split('`').skip(1).step_by(2).flat_map(names_in) {
                if !words.contains(name) {
                    gone.push(format!("{file}:{}: {name}", at + 1));
                }
            }
        }
    }
    assert!(gone.is_empty(), "named, and not there:\n  {}", gone.join("\n  "));
}
