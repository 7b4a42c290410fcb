//! ARCHITECTURE.md has a map of the code that names every file, and none that is not there.
//!
//! Each row is a folder and files in it, with what each is for: `| src/log/ | page.rs … |`, all
//! names between backticks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The folders of the map, and what their files end with.
const FOLDERS: &[&str] = &["src", "client", "examples"];
const ENDS: &[&str] = &["rs", "js", "html", "css", "svg"];
/// Unit tests stand beside the file that they are of, and need no line.
const TESTS: &str = "tests.rs";

const LINES_MAX: usize = 220;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_named(path: &str) -> bool {
    let end = path.rsplit('.').next().unwrap_or_default();
    ENDS.contains(&end) && path.contains('.') && !path.ends_with(TESTS)
}

fn walk(folder: &Path, found: &mut BTreeSet<String>) {
    for path in fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            walk(&path, found);
        } else {
            let name = path.strip_prefix(root()).expect("below the root").display().to_string();
            found.extend(is_named(&name).then_some(name));
        }
    }
}

/// What stands between backticks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_file_is_on_the_map() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    assert!(text.lines().count() <= LINES_MAX, "it is a map, and has {LINES_MAX} lines at most");
    let (_, map) = text.split_once("## The code map").expect("the map");
    let mut named = BTreeSet::new();
    for row in map.lines().filter(|line| line.starts_with("| `")) {
        let (_, rest) = row.split_once("| ").expect("a row");
        let (folder, files) = rest.split_once(" | ").expect("two cells");
        let folder = spans(folder).next().expect("a folder");
        let files = spans(files).filter(|name| is_named(name) && !name.contains('/'));
        named.extend(files.map(|name| format!("{folder}{name}")));
    }
    let mut there = BTreeSet::new();
    FOLDERS.iter().for_each(|folder| walk(&root().join(folder), &mut there));
    let missing: Vec<_> = there.difference(&named).collect();
    assert!(missing.is_empty(), "not on the map in ARCHITECTURE.md: {missing:#?}");
    let gone: Vec<_> = named.difference(&there).collect();
    assert!(gone.is_empty(), "on the map in ARCHITECTURE.md, and not there: {gone:#?}");
}
