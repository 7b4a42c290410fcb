//! The fuzzing targets, and the committed corpus replayed through them in every `cargo test`.
//!
//! ```text
//! fuzz/fuzz_targets/NAME.rs ─► targets::NAME::run(bytes) ◄─ fuzz/corpus/NAME/*, here
//! ```
//!
//! What a target does and what it holds its subject to stands in `targets/`, once: libFuzzer
//! feeds it there, this test here. An input that once broke a promise stays in the corpus.

mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use targets::TARGETS;

/// All inputs together: a corpus is a memory, not an archive.
const CORPUS_BYTES_MAX: u64 = 1024 * 1024;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// What stands in a folder, in order, so that every run is the same.
fn entries(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

fn replay(name: &str) {
    let (_, run) = TARGETS.iter().find(|(target, _)| *target == name).expect("a target");
    let inputs = entries(&fuzz().join("corpus").join(name));
    assert!(!inputs.is_empty(), "a target without a corpus proves nothing");
    for input in inputs {
        // If it panics, the last line of the output says by what.
        println!("{}", input.display());
        run(&fs::read(&input).expect("an input"));
    }
}

macro_rules! replays {
    ($($name:ident,)+) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })+

        const NAMES: &[&str] = &[$(stringify!($name),)+];
    };
}

replays! { frame, request, names, screen, connection, doors, world, }

#[test]
fn every_target_is_fuzzed_and_replayed() {
    let all: BTreeSet<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(all, NAMES.iter().copied().collect());
    for folder in ["corpus", "fuzz_targets"] {
        let found = entries(&fuzz().join(folder));
        let stems = found.iter().filter_map(|path| path.file_stem()?.to_str());
        assert_eq!(stems.collect::<BTreeSet<_>>(), all, "{folder}");
    }
}

#[test]
fn the_corpus_is_small() {
    let folders = entries(&fuzz().join("corpus"));
    let inputs = folders.iter().flat_map(|folder| entries(folder));
    let bytes: u64 = inputs.map(|input| fs::metadata(input).expect("an input").len()).sum();
    assert!(bytes <= CORPUS_BYTES_MAX, "{bytes} bytes: minimise it");
}
