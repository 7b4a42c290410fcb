//! The shipped loop in a seeded world: see `simulation/mod.rs`.

#[path = "simulation/mod.rs"]
mod simulation;
mod support;

#[test]
fn one_seed() {
    let seed = std::env::var("P2SP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let report = simulation::run(seed);
    println!("{report:?}");
    assert!(report.is_ok(), "{}", report.err().unwrap_or_default());
}

#[test]
fn seeds() {
    let number = |name: &str, or: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(or)
    };
    let (from, seeds) = (number("P2SP_FROM", 1), number("P2SP_SEEDS", 64));
    let begun = std::time::Instant::now();
    let mut failed = Vec::new();
    let mut counts = simulation::coverage::Counts::default();
    let mut messages = 0;
    for seed in from..from + seeds {
        match simulation::run(seed) {
            Ok(report) => {
                counts.add(&report.counts);
                messages += report.messages;
            }
            Err(why) => {
                eprintln!("{}", why.chars().take(1500).collect::<String>());
                failed.push(seed);
            }
        }
    }
    println!("{seeds} seeds, {messages} messages, {:?}, failed {failed:?}", begun.elapsed());
    for (happening, count) in counts.rows() {
        println!("  {happening:?}: {count}");
    }
    assert!(failed.is_empty(), "{failed:?}");
}
