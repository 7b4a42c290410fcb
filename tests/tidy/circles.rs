//! No two modules need each other, at any depth: not the top level's, and not the files of one
//! folder.
//!
//! Each crate's modules are read from its root on, and each path in their code is followed to the
//! module that it ends in, through what other modules import under the same name. In every folder
//! the modules are then the corners of a graph, each with all that is below it, and the folder's
//! own `mod.rs` is one corner more.
//!
//! Reads lines, not syntax. What is called as a method or named by a macro is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crates' roots.
const ROOTS: &[&str] = &[
    "src/lib.rs",
    "src/main.rs",
    "client/main.rs",
    "benches/connections.rs",
    "benches/growth.rs",
    "benches/hardship.rs",
    "benches/instructions.rs",
    "benches/load.rs",
    "benches/peers.rs",
    "benches/support/src/lib.rs",
];

/// The name of a folder's own file among its modules.
const OWN: &str = "self";

/// The path of a module: `["store", "open"]`.
type Name = Vec<String>;

/// A crate: its modules, and what is declared, imported and named in each.
#[derive(Default)]
struct Crate {
    modules: BTreeMap<Name, Module>,
}

#[derive(Default)]
struct Module {
    children: BTreeSet<String>,
    /// The name under which something is imported, and its path.
    imports: BTreeMap<String, Name>,
    /// Every path that stands in the code, as it is written.
    paths: Vec<Name>,
}

impl Crate {
    fn load(root: &Path) -> Crate {
        let mut found = Crate::default();
        found.read(root, root.parent().expect("a folder"), Name::new());
        found
    }

    /// Reads a module's file, and those of its children, which lie in `folder`.
    fn read(&mut self, file: &Path, folder: &Path, name: Name) {
        let text =
            fs::read_to_string(file).unwrap_or_else(|error| unreachable!("{file:?}: {error}"));
        let text = code_of(&text);
        let mut module = Module::default();
        let (mut given, mut is_test) = (None, false);
        let mut children = Vec::new();
        for line in text.lines().map(str::trim) {
            is_test |= line == "#[cfg(test)]";
            if let Some(rest) = line.strip_prefix("#[path = \"") {
                given = rest.split('"').next().map(|path| file.with_file_name(path));
            }
            let declared = line.strip_suffix(';').and_then(|line| line.rsplit_once("mod "));
            if let Some((before, child)) = declared
                && (before.is_empty() || before.starts_with("pub"))
            {
                if !is_test {
                    children.push((child.to_owned(), given.take()));
                }
                (given, is_test) = (None, false);
            }
        }
        module.children = children.iter().map(|(child, _)| child.clone()).collect();
        for path in paths_in(&text) {
            let last = path.last().cloned().unwrap_or_default();
            module.imports.entry(last).or_insert_with(|| path.clone());
            module.paths.push(path);
        }
        self.modules.insert(name.clone(), module);
        for (child, given) in children {
            let name = [&name[..], std::slice::from_ref(&child)].concat();
            match given {
                // A file that is named by its path has its children beside it.
                Some(path) => self.read(&path, path.parent().expect("a folder"), name),
                None if folder.join(&child).join("mod.rs").exists() => {
                    let inner = folder.join(&child);
                    self.read(&inner.join("mod.rs"), &inner, name);
                }
                None => {
                    let path = folder.join(&child).with_extension("rs");
                    self.read(&path, &folder.join(&child), name);
                }
            }
        }
    }

    /// The module that a path ends in, as it is written in the module `from`.
    fn follow(&self, from: &[String], path: &[String], depth: usize) -> Option<Name> {
        let mut at: Name = match path.first()?.as_str() {
            "crate" => Name::new(),
            "self" | "super" => from.to_owned(),
            first => {
                let module = self.modules.get(from)?;
                if module.children.contains(first) {
                    from.to_owned()
                } else {
                    let import = module.imports.get(first)?;
                    // Imported under its own name it says nothing of where it is.
                    if depth == 0 || import.len() < 2 {
                        return None;
                    }
                    let whole = [&import[..], &path[1..]].concat();
                    return self.follow(from, &whole, depth - 1);
                }
            }
        };
        for (index, word) in path.iter().enumerate() {
            match word.as_str() {
                "crate" | "self" => {}
                "super" => drop(at.pop()),
                word => {
                    let module = self.modules.get(&at)?;
                    if module.children.contains(word) {
                        at.push(word.to_owned());
                    } else if let Some(import) = module.imports.get(word)
                        && depth > 0
                        && import.len() > 1
                        && at != from
                    {
                        let whole = [&import[..], &path[index + 1..]].concat();
                        return Some(self.follow(&at, &whole, depth - 1).unwrap_or(at));
                    } else {
                        return Some(at);
                    }
                }
            }
        }
        Some(at)
    }

    /// Who needs whom: pairs of modules.
    fn needs(&self) -> BTreeSet<(Name, Name)> {
        let mut needs = BTreeSet::new();
        for (name, module) in &self.modules {
            let found = module.paths.iter().filter_map(|path| self.follow(name, path, 4));
            needs.extend(found.filter(|to| to != name).map(|to| (name.clone(), to)));
        }
        needs
    }

    /// The circles in each folder: the folder's module, and those in it that need each other.
    fn circles(&self) -> Vec<(String, BTreeSet<String>)> {
        let needs = self.needs();
        let mut circles = Vec::new();
        for (folder, module) in &self.modules {
            // Below which child a module of this folder is.
            let corner = |name: &Name| {
                let rest = name.strip_prefix(&folder[..])?;
                Some(rest.first().map_or(OWN.to_owned(), String::clone))
            };
            let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (from, to) in &needs {
                if let (Some(from), Some(to)) = (corner(from), corner(to))
                    && from != to
                {
                    edges.entry(from).or_default().insert(to);
                }
            }
            let mut left: BTreeSet<String> = module.children.clone();
            // A crate's root declares modules; what it uses of them is the program.
            if !folder.is_empty() {
                left.insert(OWN.to_owned());
            }
            while let Some(first) = left.pop_first() {
                let back = |other: &&String| reaches(&edges, other, &first);
                let there = left.iter().filter(|other| reaches(&edges, &first, other));
                let mut circle: BTreeSet<String> = there.filter(back).cloned().collect();
                if !circle.is_empty() {
                    left.retain(|name| !circle.contains(name));
                    circle.insert(first);
                    circles.push((folder.join("::"), circle));
                }
            }
        }
        circles
    }
}

fn reaches(edges: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(name) = next.pop() {
        for further in edges.get(name).into_iter().flatten() {
            if further == to {
                return true;
            }
            if seen.insert(further) {
                next.push(further);
            }
        }
    }
    false
}

/// A file without its comments, its tests, and what stands between quotation marks.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let is_tests = line == "#[cfg(test)]"
            && lines.peek().is_some_and(|next| next.starts_with("mod tests {"));
        if is_tests {
            break;
        }
        let quoted = line.contains("#[path");
        let line = line.split(" // ").next().unwrap_or_default();
        if !line.trim_start().starts_with("//") {
            let parts = line.split('"').step_by(if quoted { 1 } else { 2 });
            let line = parts.collect::<Vec<_>>().join("\"");
            code.extend(line.chars().filter(char::is_ascii));
            code.push('\n');
        }
    }
    code
}

/// Every path in some code: `a::b::C`, those of `use a::{b, c::{d as e, self}}` one by one.
fn paths_in(code: &str) -> Vec<Name> {
    let mut paths = Vec::new();
    let bytes = code.as_bytes();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut at = 0;
    while at < bytes.len() {
        let starts = is_word(bytes[at]) && (at == 0 || !is_word(bytes[at - 1]));
        let goes_on = at > 1 && code[..at].ends_with("::");
        if starts && !goes_on {
            at = tree(code, at, &Name::new(), &mut paths).max(at + 1);
        } else {
            at += 1;
        }
    }
    paths
}

/// Reads one path from `at` on, behind `before`; where it ends.
fn tree(code: &str, mut at: usize, before: &Name, paths: &mut Vec<Name>) -> usize {
    let mut path = before.clone();
    loop {
        let word: String =
            code[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        at += word.len();
        if word != "self" || before.is_empty() {
            path.push(word);
        }
        let Some(rest) = code[at..].strip_prefix("::") else { break };
        at += 2;
        if rest.starts_with('{') {
            at += 1;
            while let Some(next) = code[at..].chars().next() {
                match next {
                    '}' => return at + 1,
                    c if c.is_ascii_alphanumeric() || c == '_' => {
                        at = tree(code, at, &path, paths);
                        if let Some(rest) = code[at..].strip_prefix(" as ") {
                            at += 4 + rest.find([',', '}']).unwrap_or_default();
                        }
                    }
                    c => at += c.len_utf8(),
                }
            }
            return at;
        }
        if !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            break;
        }
    }
    if path.len() > 1 || before.len() == 1 {
        paths.push(path);
    }
    at
}

#[test]
fn no_module_needs_one_that_needs_it() {
    let mut found = Vec::new();
    for root in ROOTS {
        let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
        for (folder, circle) in Crate::load(&path).circles() {
            found.push(format!("{root}: in {folder:?}: {circle:?}"));
        }
    }
    assert!(found.is_empty(), "circles:\n  {}", found.join("\n  "));
}

#[test]
fn paths_are_found_in_code() {
    let code = "use crate::{a::b, c::{self, D as E}};\nlet x = super::f::<u8>(g::H);";
    let found: Vec<String> = paths_in(code).iter().map(|path| path.join("::")).collect();
    let expected = ["crate::a::b", "crate::c", "crate::c::D", "super::f", "g::H"];
    assert_eq!(found, expected);
}
