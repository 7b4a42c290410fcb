//! The shape of the code, checked by reading its files.
//!
//! Who may import whom is a table in which every row may only name rows below it, so the layers
//! cannot form a circle. Beside it: sizes, and the places where a clock, a thread or another
//! program's package may be used at all. What a tool can check (formatting, lints, unused code)
//! is left to the tool.
//!
//! The scan reads lines, not syntax: it relies on rustfmt's layout, which the CI keeps.

use std::fs;
use std::path::{Path, PathBuf};

const FUNCTION_LINES_MAX: usize = 70;
const TEST_LINES_MAX: usize = 70;
const WIDTH_MAX: usize = 100;

/// Every module, top to bottom, and what it may import. Where neighbours of one layer
/// meet, the row says why.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "main",
        &[
            "event_loop",
            "control",
            "server",
            "doors",
            "handlers",
            "locale",
            "certificate",
            "wire",
            "store",
            "names",
            "operator_log",
            "password",
            "files",
            "id",
            "limits",
            "visible",
        ],
    ),
    // Whose the directory is, decides who may answer there.
    ("control", &["files"]),
    (
        "server",
        &[
            "event_loop",
            "handlers",
            "outbox",
            "conn",
            "doors",
            "certificate",
            "sessions",
            "locale",
            "counters",
            "wire",
            "store",
            "throttle",
            "operator_log",
            "password",
            "id",
            "limits",
        ],
    ),
    (
        "handlers",
        &[
            "outbox",
            "conn",
            "sessions",
            "locale",
            "counters",
            "wire",
            "store",
            "throttle",
            "names",
            "operator_log",
            "password",
            "id",
            "limits",
        ],
    ),
    // An effect carries what it is about: why a connection closes, a sign-in, an entry, a task, an
    // attempt that counts, a line of the operator's log.
    (
        "outbox",
        &[
            "conn",
            "sessions",
            "locale",
            "wire",
            "store",
            "throttle",
            "names",
            "operator_log",
            "password",
            "id",
            "limits",
        ],
    ),
    // A connection has a protocol. What is said needs the store's word that it is committed.
    ("conn", &["certificate", "doors", "store", "wire", "by_conn", "id", "limits"]),
    // Whoever is signed in is spoken to in a language, and known by the hash of a key.
    ("sessions", &["locale", "password", "by_conn", "id", "limits"]),
    // Each protocol by itself, and the words for people who type lines.
    ("doors", &["locale", "wire", "store", "id", "limits"]),
    // Texts are made from codes, events and faults.
    ("locale", &["wire", "limits", "visible"]),
    // Refusals are counted by code.
    ("counters", &["wire"]),
    // It is known by its fingerprint.
    ("certificate", &["wire", "files", "limits"]),
    // A push is made of an entry of the log.
    ("wire", &["store", "id", "limits"]),
    // Old passwords are wrapped where they lie.
    ("store", &["log", "people", "db", "names", "password", "id", "limits"]),
    ("log", &["db", "id", "limits"]),
    ("people", &["db", "names", "id", "limits"]),
    ("db", &[]),
    // The loop knows no chat.
    ("event_loop", &["by_conn", "id", "limits"]),
    ("throttle", &["id", "limits"]),
    ("names", &["limits", "visible"]),
    ("operator_log", &["id", "limits"]),
    ("password", &["limits"]),
    ("files", &[]),
    ("by_conn", &["id"]),
    ("id", &[]),
    ("visible", &["limits"]),
    ("limits", &[]),
];

/// What may stand only in some files of `src/`.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("Instant::now", &["event_loop/mio_net.rs"]),
    // Beside the edge, the first account's creation: there is no loop yet.
    ("SystemTime::now", &["event_loop/mio_net.rs", "system.rs"]),
    // The demonstration's people come from outside, and the log may be read slowly.
    ("thread::", &["event_loop/worker.rs", "logger.rs", "operator/demo.rs"]),
    ("RefCell", &[]),
    ("Rc<", &[]),
    ("unsafe ", &[]),
    ("mio::", &["event_loop/mio_net.rs"]),
    ("signal_hook", &["event_loop/mio_net.rs"]),
    ("socket2::", &["event_loop/bound.rs"]),
    ("rusqlite::", &["store/", "log/", "people/", "db/"]),
    ("rustls::", &["certificate.rs", "certificate/", "conn/tls.rs"]),
    ("rcgen::", &["certificate/"]),
    ("if_addrs::", &["entrance.rs"]),
    ("argon2::", &["password.rs"]),
    ("md5::", &["password.rs"]),
    ("std::env", &["options.rs"]),
];

/// Files of `src/` that may walk over a `HashMap`, whose order is that of no run: what they make
/// of it does not depend on it.
const MAP_WALKERS: &[&str] = &["throttle/table.rs"];

/// What the client may use of the library.
const CLIENT_MAY_USE: &[&str] = &["wire", "locale", "files", "limits", "visible"];

/// A file of the project, as the tests below look at it.
struct File {
    /// Below its folder: `server/mod.rs`.
    name: String,
    /// Its lines up to its tests.
    lines: Vec<String>,
    /// All of them.
    all: Vec<String>,
}

impl File {
    /// The module of the library that the file belongs to; the binary is `main`.
    fn module(&self) -> &str {
        let top = self.name.split(['/', '.']).next().unwrap_or_default();
        if matches!(top, "entrance" | "logger" | "operator" | "options" | "system") {
            "main"
        } else {
            top
        }
    }

    /// Every line of code before the tests, with its place.
    fn code(&self) -> impl Iterator<Item = (String, &str)> {
        let is_code = |line: &&String| !line.trim_start().starts_with("//");
        self.lines
            .iter()
            .enumerate()
            .filter(move |(_, line)| is_code(line))
            .map(|(index, line)| (format!("{}:{}", self.name, index + 1), line.as_str()))
    }
}

fn files_in(folder: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    assert!(!paths.is_empty(), "{folder} has files");
    paths.sort();
    paths.iter().map(|path| read(&root, path)).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn read(root: &Path, path: &Path) -> File {
    let text = fs::read_to_string(path).expect("a file of text");
    let all: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_test = |pair: &[String]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod tests {");
    let end = all.windows(2).position(is_test).unwrap_or(all.len());
    let name = path.strip_prefix(root).expect("below its root").display().to_string();
    let lines = if name.ends_with("tests.rs") { Vec::new() } else { all[..end].to_vec() };
    File { name, lines, all }
}

fn everything() -> Vec<File> {
    ["src", "client", "tests", "benches"].into_iter().flat_map(files_in).collect()
}

/// Fails with all violations at once.
fn none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

/// The names that follow `prefix` in a line of code.
fn names_after<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(prefix)
        .filter(|(at, _)| !line[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(move |(at, _)| {
            let rest = &line[at + prefix.len()..];
            rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
        })
}

#[test]
fn the_table_of_layers_goes_downward() {
    let place = |module: &str| ALLOWED.iter().position(|(name, _)| *name == module);
    for (module, imports) in ALLOWED {
        for import in *imports {
            assert!(place(import) > place(module), "{module} stands below {import}");
        }
    }
}

#[test]
fn imports_go_downward_only() {
    let mut found = Vec::new();
    for file in files_in("src").iter().filter(|file| file.name != "lib.rs") {
        let module = file.module();
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else {
            found.push(format!("{}: {module} has no row in the table", file.name));
            continue;
        };
        let prefix = if module == "main" { "p2sp::" } else { "crate::" };
        for (place, line) in file.code() {
            for import in names_after(line, prefix) {
                if import != module && !allowed.contains(&import) {
                    found.push(format!("{place}: {module} imports {import:?}"));
                }
            }
        }
    }
    none("imports against the layers", found);
}

#[test]
fn the_client_sees_the_wire_and_the_words() {
    let mut found = Vec::new();
    for file in files_in("client") {
        for (place, line) in file.code() {
            for import in names_after(line, "p2sp::") {
                if !CLIENT_MAY_USE.contains(&import) {
                    found.push(format!("{place}: uses p2sp::{import}"));
                }
            }
        }
    }
    none("what the client may not see", found);
}

#[test]
fn clocks_threads_and_packages_stay_where_they_belong() {
    let mut found = Vec::new();
    for file in files_in("src") {
        for (place, line) in file.code() {
            for (what, homes) in ONLY_IN {
                let at_home = homes.iter().any(|home| file.name.starts_with(home));
                let preceded =
                    |at: usize| line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
                let used = line.match_indices(what).any(|(at, _)| !preceded(at));
                if used && !at_home {
                    found.push(format!("{place}: {what}"));
                }
            }
        }
    }
    none("out of place", found);
}

#[test]
fn nothing_depends_on_the_order_of_a_hash_map() {
    let walks = [
        ".iter()",
        ".iter_mut()",
        ".values()",
        ".values_mut()",
        ".keys()",
        ".drain()",
        ".into_iter()",
        ".into_values()",
        ".into_keys()",
        ".retain(",
    ];
    let mut found = Vec::new();
    for file in files_in("src").iter().filter(|f| !MAP_WALKERS.contains(&f.name.as_str())) {
        let maps: Vec<&str> = file.code().filter_map(|(_, line)| name_of_map(line)).collect();
        for (place, line) in file.code() {
            for map in &maps {
                let called = walks.iter().any(|walk| names_before(line, walk).any(|n| n == *map));
                let looped = line.contains(" in &") && line.contains(&format!("{map} {{"));
                if called || looped {
                    found.push(format!("{place}: walks over {map}"));
                }
            }
        }
    }
    none("iteration over a HashMap or HashSet", found);
}

/// The field or variable that a line declares as a map or set without order.
fn name_of_map(line: &str) -> Option<&str> {
    let at = ["HashMap<", "HashSet<", "HashMap::", "HashSet::"]
        .iter()
        .find_map(|kind| line.find(kind))?;
    let head = line[..at].trim_end_matches(['&', ' ', '=', ':']).trim_end_matches("mut").trim_end();
    let head = head.trim_end_matches([':', '&', ' ']);
    head.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|name| !name.is_empty())
}

fn names_before<'a>(line: &'a str, suffix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(suffix).map(|(at, _)| {
        line[..at].rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
    })
}

/// What the name of a constant ends with that bounds something, or counts what something may take.
const UNITS: &[&str] = &[
    "_MAX", "_MIN", "_BYTES", "_CHARS", "_ROWS", "_MICROS", "_MILLIS", "_SECONDS", "_DAYS", "_KEPT",
];

#[test]
fn every_bound_stands_in_limits() {
    let mut found = Vec::new();
    for file in files_in("src").iter().filter(|file| file.name != "limits.rs") {
        for (place, line) in file.code() {
            for name in names_after(line, "const ") {
                if name.contains("_PER_") || UNITS.iter().any(|unit| name.ends_with(unit)) {
                    found.push(format!("{place}: {name}"));
                }
            }
        }
    }
    none("bounds outside limits.rs", found);
}

#[test]
fn functions_are_short() {
    let mut found = Vec::new();
    for file in everything() {
        for (start, line) in file.all.iter().enumerate() {
            let Some(length) = function_length(&file.all[start..]) else { continue };
            if length > FUNCTION_LINES_MAX {
                let place = format!("{}:{}", file.name, start + 1);
                found.push(format!("{place}: {length} lines: {}", line.trim()));
            }
        }
    }
    none("functions that are too long", found);
}

/// How many lines the function has that begins at the first line, if one does.
fn function_length(lines: &[String]) -> Option<usize> {
    let first = lines.first()?;
    let code = first.trim_start();
    let head = code.split('(').next()?;
    let is_function = head.split_whitespace().any(|word| word == "fn") && !code.starts_with("//");
    let indent = &first[..first.len() - code.len()];
    let ends = |line: &String| *line == format!("{indent}}}");
    let one_line = code.ends_with('}') || code.ends_with(';');
    if !is_function || one_line {
        return None;
    }
    lines.iter().position(ends).map(|end| end + 1)
}

#[test]
fn files_say_what_they_are() {
    let mut found = Vec::new();
    for file in everything() {
        let says = file.all.first().is_some_and(|line| line.starts_with("//!"));
        if !says {
            found.push(format!("{}: no module doc", file.name));
        }
    }
    none("files", found);
}

#[test]
fn lines_fit_the_screen() {
    let mut found = Vec::new();
    for file in everything() {
        for (index, line) in file.all.iter().enumerate() {
            // Golden texts stand on one line, as they travel, and so does a row of a table.
            let whole = ["r#\"", "//! |"].iter().any(|start| line.trim_start().starts_with(start));
            if line.chars().count() > WIDTH_MAX && !whole {
                found.push(format!("{}:{}", file.name, index + 1));
            }
            if line.ends_with([' ', '\t']) {
                found.push(format!("{}:{}: space at the end", file.name, index + 1));
            }
        }
    }
    none("lines that are too wide", found);
}

#[test]
fn unsafe_code_is_forbidden() {
    let forbids = |folder: &str, name: &str| {
        let files = files_in(folder);
        let file = files.iter().find(|file| file.name == name).expect("the crate's root");
        file.all.iter().any(|line| line == "#![forbid(unsafe_code)]")
    };
    assert!(forbids("src", "lib.rs"));
    assert!(forbids("src", "main.rs"));
    assert!(forbids("client", "main.rs"));
}

/// The tick can be read without scrolling.
#[test]
fn the_tick_fits_on_one_screen() {
    let files = files_in("src");
    let file = files.iter().find(|file| file.name == "event_loop/mod.rs").expect("the loop");
    let start = file.all.iter().position(|line| line.contains("fn tick(")).expect("the tick");
    assert!(function_length(&file.all[start..]).expect("a function") <= 24);
}

/// The fuzz crate mounts these files and is built by hand alone: it must name the packages that
/// they use.
#[test]
fn the_fuzz_crate_has_the_packages_that_it_needs() {
    let manifest = |path: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(root.join(path)).expect("a manifest");
        let names = text.lines().filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()));
        names.collect::<Vec<_>>()
    };
    let (ours, theirs) = (manifest("Cargo.toml"), manifest("fuzz/Cargo.toml"));
    let mounted =
        ["worlds", "support", "corpus/targets"].map(|part| format!("tests/simulation/{part}"));
    let mut found = Vec::new();
    for file in mounted.iter().flat_map(|part| files_in(part)) {
        for line in file.all.iter().filter_map(|line| line.trim_start().strip_prefix("use ")) {
            let package = line.split("::").next().unwrap_or_default().replace('_', "-");
            if ours.contains(&package) && !theirs.contains(&package) {
                found.push(format!("{}: {package}", file.name));
            }
        }
    }
    none("packages that fuzz/Cargo.toml lacks", found);
}

/// More than a screen of unit tests stands in a file beside its source.
#[test]
fn long_unit_tests_have_a_file_of_their_own() {
    let mut found = Vec::new();
    for file in ["src", "client"].into_iter().flat_map(files_in) {
        let inline = file.all.len() - file.lines.len();
        if !file.lines.is_empty() && inline > TEST_LINES_MAX {
            found.push(format!("{}: {inline} lines of tests", file.name));
        }
    }
    none("unit tests that are too long to stand in their source", found);
}
