//! The tables, as Markdown: works by systems, short enough to be pasted into a README.
//!
//! Every number is a median of the runs, with half the distance between the smallest and the
//! greatest of them after ±, and p2sp's ratio to it in brackets.

use p2sp_bench::markdown;
use p2sp_bench::sizes::Sizes;

use super::plan::{System, Work};
use super::results::Results;

/// How the table is to be read.
const LEGEND: &str = "\
Bold: what is acknowledged was synced to the disk first; the others answer before, or not at all.
± half the distance between the runs' extremes; in brackets p2sp's ratio to it.";

/// What the README shows of it.
const SHORT_WORKS: [Work; 5] =
    [Work::Pair, Work::Pairs(1), Work::Pairs(64), Work::Fanout(16), Work::Idle];
const SHORT_SYSTEMS: [System; 6] = [
    System::P2sp,
    System::RedisGroup,
    System::RedisRead,
    System::MosquittoQos1,
    System::RedisPubsub,
    System::Ngircd,
];

/// The five rows of the README: medians alone.
pub fn render_short(results: &Results, sizes: &Sizes) -> String {
    let is_whole = SHORT_WORKS.iter().all(|work| results.works.contains(work));
    let shown = |system: &&System| results.systems.contains(system);
    let systems: Vec<System> = SHORT_SYSTEMS.iter().filter(shown).copied().collect();
    let works = if is_whole { &SHORT_WORKS[..] } else { &[] };
    by_system("", (works, &systems), sizes, |work, system| {
        let spread = results.spread(work, system, |sample| Some(sample.value))?;
        Some(quantity(work, spread.median))
    })
}

/// Rates and memory.
pub fn render(results: &Results, sizes: &Sizes) -> String {
    let table = by_system("", all(results), sizes, |work, system| {
        let spread = results.spread(work, system, |sample| Some(sample.value))?;
        let percent = 50.0 * (spread.max - spread.min) / spread.median;
        let number = format!("{} ±{percent:.0} %", quantity(work, spread.median));
        let ratio = results
            .ratio_to(work, system, |sample| Some(sample.value))
            .filter(|_| system != System::P2sp);
        Some(match ratio {
            Some(ratio) => format!("{number} ({})", short(ratio.median)),
            None => number,
        })
    });
    format!("{table}\n{LEGEND}\n")
}

/// How long it takes until all readers of a message have it.
pub fn render_latencies(results: &Results, sizes: &Sizes) -> String {
    by_system("received by all: p50, p99 in ms", all(results), sizes, |work, system| {
        let at = |index: usize| {
            results.spread(work, system, |sample| sample.everywhere.map(|all| all[index]))
        };
        Some(format!("{:.2}, {:.2}", at(0)?.median, at(1)?.median))
    })
}

/// How busy the two cores were.
pub fn render_cores(results: &Results, sizes: &Sizes) -> String {
    by_system("core: server, generator", all(results), sizes, |work, system| {
        let share = |side: usize| {
            results.spread(work, system, |sample| sample.busy.map(|busy| 100.0 * busy[side]))
        };
        Some(format!("{:.0}, {:.0} %", share(0)?.median, share(1)?.median))
    })
}

/// All rows and columns.
fn all(results: &Results) -> (&[Work], &[System]) {
    (&results.works, &results.systems)
}

fn by_system(
    corner: &str,
    (works, systems): (&[Work], &[System]),
    sizes: &Sizes,
    cell: impl Fn(Work, System) -> Option<String>,
) -> String {
    let title = |system: &System| {
        let name = if system.is_durable() { format!("**{system}**") } else { system.to_string() };
        system.lacks().map_or(name.clone(), |lacks| format!("{name} ({lacks})"))
    };
    let head = [corner.to_owned()].into_iter().chain(systems.iter().map(title)).collect();
    let row = |work: &Work| -> Vec<String> {
        let cells = systems.iter().map(|system| cell(*work, *system).unwrap_or("–".into()));
        [work.title(sizes)].into_iter().chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = works.iter().map(row).collect();
    let is_told = |row: &Vec<String>| row[1..].iter().any(|cell| cell != "–");
    markdown::table(head, rows.into_iter().filter(is_told).collect())
}

/// A number in the unit of its work.
pub fn quantity(work: Work, value: f64) -> String {
    if !work.is_memory() {
        return short(value);
    }
    match value {
        ..1024.0 => format!("{value:.0} B"),
        ..1048576.0 => format!("{} KiB", short(value / 1024.0)),
        _ => format!("{} MiB", short(value / 1048576.0)),
    }
}

/// A number with two or three digits that count.
pub fn short(value: f64) -> String {
    match value {
        ..0.995 => format!("{value:.2}"),
        ..99.5 => format!("{value:.1}"),
        ..999.5 => format!("{value:.0}"),
        ..9_950.0 => format!("{:.1} k", value / 1e3),
        ..999_500.0 => format!("{:.0} k", value / 1e3),
        _ => format!("{:.1} M", value / 1e6),
    }
}
