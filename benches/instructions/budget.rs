//! The budget: which parts of the server the instructions of a work go to.
//!
//! A part is a list of patterns, and a function belongs to the first part that has one for it.
//! What is inlined counts for the function that it is inlined into, so the borders between parts
//! are as sharp as the optimiser left them. The kernel's share is in none of them.

use std::collections::HashMap;

use p2sp_bench::Outcome;
use p2sp_bench::markdown;

use super::works::Work;

/// Functions that are named in a part's row.
const NAMED: usize = 3;

/// The parts, in this order, and what their functions are called.
const PARTS: &[(&str, &str)] = &[
    ("SHA-256 and SipHash: key, mid", "sha2:: digest:: siphasher:: subtle:: password::KeyHash"),
    (
        "malloc and free",
        "malloc free calloc realloc malloc_consolidate _int_* unlink_chunk alloc_perturb \
         raw_vec:: __rustc:: ptr::drop_in_place",
    ),
    ("copying and comparing memory", "__mem*"),
    ("checksums of frames", "crc32fast::"),
    (
        "parsing requests",
        "::de:: serde_json::read:: wire::flat:: wire::request:: wire::argument:: wire::command:: \
         wire::frame:: ::from_utf8",
    ),
    (
        "encoding answers and pushes",
        "::ser:: wire::envelope:: wire::push:: wire::response:: p2sp::doors:: p2sp::locale:: \
         core::fmt::",
    ),
    ("tail, slices, mids", "log::tail:: log::mid log::sealing:: log::sweep:: log::slices::"),
    ("statements for SQLite", "p2sp::db:: log::append:: log::unwritten:: rusqlite:: foldhash::"),
    (
        "gate, handler, maps",
        "p2sp::handlers:: p2sp::names:: p2sp::people:: p2sp::sessions:: p2sp::outbox:: \
         p2sp::throttle:: p2sp::log:: p2sp::store:: server::serve:: core::hash:: \
         FnOnce::call_once",
    ),
    ("delivery", "server::deliver:: conn::conns:: conn::send::"),
    ("loop, other phases, edge", "p2sp:: instructions::"),
    ("other Rust", "::"),
    // All other C: what has no namespace.
    ("SQLite", "*"),
];

/// The budget of a work as Markdown, from its profile.
pub fn table(work: &Work, profile: &str) -> Outcome<String> {
    let functions = functions(profile)?;
    let total: u64 = functions.iter().map(|(_, cost)| cost).sum();
    let each = |cost: u64| (cost as f64 / work.units as f64).round();
    let mut parts: Vec<(&str, u64, Vec<String>)> =
        PARTS.iter().map(|(part, _)| (*part, 0, Vec::new())).collect();
    for (name, cost) in functions {
        let part =
            PARTS.iter().position(|(_, of)| of.split_whitespace().any(|of| matches(name, of)));
        let (_, sum, named) = &mut parts[part.unwrap_or(PARTS.len() - 1)];
        *sum += cost;
        if named.len() < NAMED {
            named.push(format!("{} {}", short(name), each(cost)));
        }
    }
    parts.sort_by_key(|(_, cost, _)| std::cmp::Reverse(*cost));
    parts.push(("all", total, Vec::new()));
    let head = ["part", "instructions", "share", "the costliest functions"].map(str::to_owned);
    let rows = parts.into_iter().map(|(part, cost, named)| {
        let share = format!("{:.1} %", 100.0 * cost as f64 / total as f64);
        vec![part.to_owned(), each(cost).to_string(), share, named.join(", ")]
    });
    let table = markdown::table(head.to_vec(), rows.collect());
    Ok(format!("{}: a {}\n\n{table}", work.name, work.unit))
}

/// What all functions took together.
pub fn total(profile: &str) -> Outcome<u64> {
    Ok(functions(profile)?.iter().map(|(_, cost)| cost).sum())
}

/// What each function took itself, without those it called; the greatest first.
fn functions(profile: &str) -> Outcome<Vec<(&str, u64)>> {
    let mut of: HashMap<&str, u64> = HashMap::new();
    let (mut function, mut is_of_call) = ("", false);
    for line in profile.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = name;
        } else if line.starts_with("calls=") {
            is_of_call = true; // the next line has what the callee took
        } else if line.starts_with(|first: char| first.is_ascii_digit())
            && !std::mem::take(&mut is_of_call)
        {
            let cost = line.split(' ').nth(1).ok_or("a line of the profile without a cost")?;
            *of.entry(function).or_default() += cost.parse::<u64>()?;
        }
    }
    let mut functions: Vec<(&str, u64)> = of.into_iter().collect();
    functions.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    Ok(functions)
}

/// Whether a function is meant: a pattern with `::` is a piece of a path, any other is the name of
/// a function in C, or with `*` its beginning. The compiler's endings (`.part.0`) do not count.
fn matches(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        _ if pattern.contains("::") => name.contains(pattern),
        Some(begin) => name.starts_with(begin),
        None => name.split('.').next() == Some(pattern),
    }
}

/// The end of a function's path, without its generic arguments.
fn short(name: &str) -> &str {
    let at = name.rmatch_indices("::").nth(1).map_or(0, |(at, _)| at + 2);
    &name[at..]
}
