//! What p2sp sets out to reach, and whether it does: ratios to its peers, and two sizes.

use super::plan::{System, Work};
use super::results::Results;
use super::table::{quantity, short};

/// One of them.
struct Target(Work, Bound);

enum Bound {
    /// At least so many times what the other does.
    Times(f64, System),
    /// At most so many bytes.
    Bytes(f64),
}

use Bound::{Bytes, Times};
use System::{
    Floor, MosquittoQos0, MosquittoQos1, Nats, Ngircd, RedisAppend, RedisGroup, RedisPubsub,
    RedisRead,
};
use p2sp_bench::markdown;
use p2sp_bench::sizes::Sizes;

const TARGETS: &[Target] = &[
    Target(Work::Connect, Times(0.97, Floor)),
    Target(Work::Connect, Times(0.6, RedisPubsub)),
    Target(Work::Connect, Times(1.2, Nats)),
    Target(Work::Connect, Times(1.2, Ngircd)),
    Target(Work::Connect, Times(1.2, MosquittoQos0)),
    Target(Work::Pair, Times(1.25, RedisRead)),
    Target(Work::Pairs(1), Times(1.5, RedisRead)),
    Target(Work::Pairs(64), Times(2.0, RedisGroup)),
    Target(Work::Pairs(64), Times(1.2, RedisRead)),
    Target(Work::Pairs(64), Times(0.7, RedisAppend)),
    Target(Work::Pairs(64), Times(4.0, MosquittoQos1)),
    Target(Work::Pairs(64), Times(0.68, Ngircd)),
    Target(Work::Fanout(16), Times(1.0, RedisPubsub)),
    Target(Work::Fanout(16), Times(1.2, Ngircd)),
    Target(Work::Fanout(16), Times(1.2, Nats)),
    Target(Work::Fanout(64), Times(1.0, RedisPubsub)),
    Target(Work::Fanout(64), Times(1.2, Ngircd)),
    Target(Work::Fanout(64), Times(1.2, Nats)),
    Target(Work::Idle, Bytes(512.0)),
    Target(Work::Fresh, Bytes(10.0 * 1024.0 * 1024.0)),
];

/// The targets as Markdown.
pub fn render(results: &Results, sizes: &Sizes) -> String {
    let head = ["work", "target", "measured (min–max)", ""].map(str::to_owned);
    let rows = TARGETS.iter().filter(|target| results.works.contains(&target.0));
    markdown::table(head.to_vec(), rows.map(|target| target.row(results, sizes)).collect())
}

impl Target {
    fn row(&self, results: &Results, sizes: &Sizes) -> Vec<String> {
        let Target(work, bound) = self;
        let (target, measured, met) = match bound {
            Times(times, other) => {
                let ratio = results.ratio_to(*work, *other);
                let measured = ratio.map(|ratio| {
                    let [median, min, max] = [ratio.median, ratio.min, ratio.max].map(short);
                    format!("{median} × ({min}–{max})")
                });
                let met = ratio.map(|ratio| ratio.median >= *times);
                (format!("≥ {times} × {other}"), measured, met)
            }
            Bytes(bytes) => {
                let spread = results.spread(*work, System::P2sp, |sample| Some(sample.value));
                let measured = spread.map(|spread| {
                    let all = [spread.median, spread.min, spread.max];
                    let [median, min, max] = all.map(|value| quantity(*work, value));
                    format!("{median} ({min}–{max})")
                });
                let met = spread.map(|spread| spread.median <= *bytes);
                (format!("≤ {}", quantity(*work, *bytes)), measured, met)
            }
        };
        let met = met.map_or("", |met| if met { "met" } else { "**MISSED**" });
        let measured = measured.unwrap_or_else(|| "not measured".into());
        vec![work.title(sizes), target, measured, met.into()]
    }
}
