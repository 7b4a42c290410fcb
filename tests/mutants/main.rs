//! Tests of the tests: a bug is put into a copy of p2sp, and the tests must notice it.
//!
//! A promise is only proven by a suite that fails when it is broken. Each file of `tests/mutants/`
//! is one plausible mistake in one place: the promise that it breaks, what to find, what to put
//! there. The shipped code knows nothing of them. All of them are put into one copy, each behind a
//! switch, which is built once; `tests/mutants/hunt.rs` switches them on in turn there.
//!
//! `cargo test --test mutants -- --ignored --nocapture` does it, and prints what noticed each;
//! `P2SP_MUTANT=GateOpen` in front tries only that one. An ordinary run sees to it that each still
//! finds its place.

mod patch;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use patch::Patch;

/// What the copy needs: the library and the suites, neither program nor bench.
const COPIED: &[&str] = &[
    "Cargo.lock",
    "schema.sql",
    ".cargo",
    // The server has the page in it.
    "client/web",
    "src",
    "tests/data",
    "tests/mutants",
    "tests/simulation/disk",
    "tests/simulation/support",
    "tests/simulation/transcripts",
    "tests/simulation/worlds",
];
/// Sections of `Cargo.toml` that tell of what is not copied.
const NOT_COPIED: &[&str] = &["[[bin]]", "[[test]]", "[[bench]]", "[workspace]"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Makes the copy in a new folder, with every bug in it.
fn copy_with_bugs(copy: &Path) {
    for name in COPIED {
        copy_all(&root().join(name), &copy.join(name));
    }
    let path = |name: &str| copy.join(name);
    let _ = fs::remove_file(path("src/main.rs"));
    fs::write(path("Cargo.toml"), manifest()).expect("written");
    fs::rename(path("tests/mutants/switch.rs"), path("src/mutant.rs")).expect("the switch");
    fs::rename(path("tests/mutants/hunt.rs"), path("tests/simulation/main.rs")).expect("the hunt");
    let lib = fs::read_to_string(path("src/lib.rs")).expect("lib.rs");
    fs::write(path("src/lib.rs"), format!("{lib}pub mod mutant;\n")).expect("written");
    let patches = Patch::all(&root().join("tests/mutants"));
    assert!(!patches.is_empty(), "there are mutants");
    let failed: Vec<String> = patches.iter().filter_map(|patch| patch.apply(copy).err()).collect();
    assert!(failed.is_empty(), "bugs that do not find their place:\n{}", failed.join("\n"));
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder").flatten() {
            copy_all(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(from, to).expect("copied");
    }
}

/// The copy's package has another name: cargo would else take its build for ours, for it knows a
/// package in the root of a workspace by its name alone.
fn manifest() -> String {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let sections = text.split_inclusive("\n\n");
    let kept = sections.filter(|section| !NOT_COPIED.iter().any(|head| section.contains(head)));
    let vfs = format!("path = {:?}", root().join("tests/vfs"));
    let kept = kept.collect::<String>().replace("path = \"tests/vfs\"", &vfs);
    let kept = kept.replace("p2sp-bench = { path = \"benches/support\" }\n", "");
    let kept = kept.replace("default-run = \"p2sp-server\"\n", "autobins = false\n");
    // The hunt uses a part of the helpers.
    let kept = kept.replace("[lints.rust]\n", "[lints.rust]\ndead_code = \"allow\"\n");
    kept.replacen("name = \"p2sp\"", "name = \"p2sp-with-mutants\"", 1) + "\n[workspace]\n"
}

/// Where cargo built this test, so that the copy finds the packages there.
fn target_dir() -> PathBuf {
    let test = env::current_exe().expect("this test");
    test.ancestors().nth(3).expect("target/debug/deps").to_owned()
}

#[test]
fn every_mutant_finds_its_place() {
    let copy = tempfile::tempdir().expect("a folder");
    copy_with_bugs(copy.path());
}

#[test]
fn every_mutant_says_what_it_breaks_and_what_notices_it() {
    let transcripts = root().join("tests/simulation/transcripts");
    for patch in Patch::all(&root().join("tests/mutants")) {
        let number = patch.promise.strip_prefix('P').and_then(|number| number.parse::<u32>().ok());
        assert!(number.is_some(), "{}: {} is no promise", patch.name, patch.promise);
        let known = match patch.noticed_by.strip_prefix("transcript ") {
            Some(name) => transcripts.join(name).with_extension("txt").exists(),
            None => ["worlds", "power cuts"].contains(&patch.noticed_by.as_str()),
        };
        assert!(known, "{}: what is {}?", patch.name, patch.noticed_by);
    }
}

#[test]
#[ignore = "builds p2sp once more, and takes minutes"]
fn every_mutant_is_noticed() {
    // Always the same place, or cargo would keep each copy's build.
    let copy = target_dir().join("mutants");
    let _ = fs::remove_dir_all(&copy);
    copy_with_bugs(&copy);
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells this test of its package would have it build the others again.
    let is_wish = |name: &str| name.starts_with("CARGO_PROFILE_") || name == "CARGO_INCREMENTAL";
    let ours = env::vars().map(|(name, _)| name).filter(|name| name.starts_with("CARGO_"));
    ours.filter(|name| !is_wish(name)).for_each(|name| {
        cargo.env_remove(name);
    });
    let ran = cargo
        .args(["test", "--offline", "--test", "simulation", "--", "--nocapture"])
        .current_dir(&copy)
        .env("CARGO_TARGET_DIR", target_dir())
        .status();
    assert!(ran.expect("cargo runs").success(), "see above");
}
