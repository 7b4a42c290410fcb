//! The file with the figures: what each work took when it was last agreed on, and what that was
//! built and counted with.
//!
//! It has a column for each of two builds: the one that is shipped, and that of the tests. A figure
//! goes up only in a commit that says why.
//! Another compiler, C library or valgrind gives other figures: then the bench shows both, and
//! judges nothing.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use p2sp_bench::{Outcome, place};

use super::callgrind;
use super::works::{WORKS, Work};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");
const HEAD: &str = "\
# Instructions a unit. The columns are the builds of
#   cargo bench --bench instructions
#   cargo test --bench instructions -- --count
";
const MADE_WITH: &str = "# made with ";
/// The folders of cargo that the two builds are in, by column.
const BUILDS: [&str; 2] = ["release", "debug"];
/// Stands where a build was not counted.
const NONE: &str = "-";
/// A work may take so many times its figure.
const MOST: f64 = 1.03;

/// The figures of the file.
pub struct Figures {
    made_with: String,
    /// By the work's name, and by build.
    figures: Vec<(String, [Option<u64>; 2])>,
    /// Which build this is.
    build: usize,
    is_of_here: bool,
}

impl Figures {
    /// Reads them, if there are any.
    pub fn read() -> Outcome<Figures> {
        let text = fs::read_to_string(FILE).unwrap_or_default();
        let mut figures = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let [name, release, tests, ..] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                return Err(format!("no figures in {FILE}: {line}").into());
            };
            figures.push((name.to_owned(), [release.parse().ok(), tests.parse().ok()]));
        }
        let folder = place::build()?;
        let build = BUILDS.iter().position(|build| *build == folder);
        let build = build.ok_or("the file has no figures of such a build")?;
        let before = text.lines().find_map(|line| line.strip_prefix(MADE_WITH));
        let made_with = made_with()?;
        let is_of_here = before == Some(made_with.as_str());
        Ok(Figures { made_with, figures, build, is_of_here })
    }

    /// Whether they were made with the same compiler, C library and valgrind.
    pub fn are_of_here(&self) -> bool {
        self.is_of_here
    }

    /// How many times its figure a work took.
    pub fn ratio(&self, work: &Work, took: u64) -> Option<f64> {
        let (_, figures) = self.figures.iter().find(|(name, _)| name == work.name)?;
        Some(took as f64 / figures[self.build]? as f64)
    }

    /// Whether a work that took so many times its figure took too much.
    pub fn is_too_much(ratio: f64) -> bool {
        ratio > MOST
    }

    /// Puts what a work took in the place of its figure.
    pub fn put(&mut self, work: &Work, took: u64) {
        let place = self.figures.iter().position(|(name, _)| name == work.name);
        let place = place.unwrap_or_else(|| {
            self.figures.push((work.name.to_owned(), [None, None]));
            self.figures.len() - 1
        });
        let figures = &mut self.figures[place].1;
        if !self.is_of_here {
            *figures = [None; 2];
        }
        figures[self.build] = Some(took);
    }

    /// Writes the file.
    pub fn write(&self) -> Outcome<()> {
        let mut text = format!("{HEAD}{MADE_WITH}{}\n", self.made_with);
        for work in WORKS {
            let Some((_, figures)) = self.figures.iter().find(|(name, _)| name == work.name) else {
                continue;
            };
            let [release, tests] =
                figures.map(|figure| figure.map_or(NONE.into(), |figure| figure.to_string()));
            writeln!(text, "{:<8}{release:>10}{tests:>10}  a {}", work.name, work.unit)?;
        }
        Ok(fs::write(FILE, text)?)
    }
}

/// The compiler, the C library, and valgrind.
fn made_with() -> Outcome<String> {
    let said = |program: &str, argument: &str| -> Outcome<String> {
        let output = Command::new(program).arg(argument).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let (rustc, libc) = (said("rustc", "--version")?, said("getconf", "GNU_LIBC_VERSION")?);
    Ok(format!("{rustc}, {libc}, {}", callgrind::version().unwrap_or_default()))
}
