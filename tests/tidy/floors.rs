//! The lock file against known faults: what is compiled in is at least as new as what fixed them,
//! comes from one registry, and brings nothing that the project does without. `deny.toml` says the
//! same to cargo-deny, which knows licences and new advisories as well.

use std::path::Path;

use toml::{Table, Value};

/// A package, the first version that may be used, and the fault of those before it.
const FLOORS: &[(&str, [u64; 3], &str)] = &[
    ("mio", [1, 0, 0], "RUSTSEC-2024-0019: tokens of a dead pipe"),
    ("ring", [0, 17, 12], "RUSTSEC-2025-0009: a panic by the peer's choice"),
    ("rustls", [0, 23, 18], "RUSTSEC-2024-0399: a panic by a peer's first bytes"),
    ("rustls-webpki", [0, 103, 0], "RUSTSEC-2023-0053: a certificate's chain costs too much"),
    ("slab", [0, 4, 11], "RUSTSEC-2025-0047: reads beyond the slab"),
    ("serde_json", [1, 0, 100], "numbers that are read back as others"),
];

/// Packages that are not to be compiled in.
const NOT_HERE: &[&str] = &["tokio", "async-std", "openssl-sys", "aws-lc-sys"];

fn packages() -> Vec<Table> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock: Table = std::fs::read_to_string(path).expect("a lock").parse().expect("TOML");
    let packages = lock["package"].as_array().expect("packages").iter();
    packages.map(|package| package.as_table().expect("a package").clone()).collect()
}

fn text<'a>(package: &'a Table, key: &str) -> &'a str {
    package.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn version(package: &Table) -> [u64; 3] {
    let text = text(package, "version");
    let plain = text.split(['-', '+']).next().unwrap_or_default();
    let mut parts = plain.split('.').map(|part| part.parse().expect("a number"));
    [(); 3].map(|()| parts.next().expect("three parts"))
}

#[test]
fn no_version_with_a_known_fault_is_compiled_in() {
    let packages = packages();
    for (name, floor, fault) in FLOORS {
        let found: Vec<_> =
            packages.iter().filter(|package| text(package, "name") == *name).collect();
        assert!(!found.is_empty(), "{name} is used no more: drop its row");
        for package in found {
            assert!(version(package) >= *floor, "{name} {:?}: {fault}", version(package));
        }
    }
}

#[test]
fn sqlite_can_reset_its_write_ahead_log() {
    // Before 3.51.3 a log that is reset while it is written can be lost.
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn everything_comes_from_one_registry_and_nothing_from_what_the_project_does_without() {
    for package in packages() {
        let (name, source) = (text(&package, "name"), text(&package, "source"));
        let ours = source.is_empty() && matches!(name, "p2sp" | "p2sp-bench" | "p2sp-test-vfs");
        let registry = "registry+https://github.com/rust-lang/crates.io-index";
        assert!(ours || source == registry, "{name} comes from {source:?}");
        assert!(!NOT_HERE.contains(&name), "{name}");
    }
}
