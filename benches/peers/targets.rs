//! What p2sp sets out to reach, and whether it does: ratios to its peers, sizes, and one rate.

use super::plan::{System, Work};
use super::results::Results;
use super::table::{quantity, short};

/// One of them.
struct Target(Work, Bound);

/// For what lies over TCP. TLS has no targets: it is only reported.
fn targets(over: Over) -> &'static [Target] {
    match over {
        Over::Tcp => OVER_TCP,
        Over::Tls => &[],
        Over::Websocket => OVER_WEBSOCKET,
    }
}

enum Bound {
    /// At least so many times what the other does.
    Times(f64, System),
    /// At most so many times the other's time until all readers have a message (p99).
    Slower(f64, System),
    /// The server's and the kernel's memory together, at most so many times the other's.
    Memory(f64, System),
    /// At least so many a second.
    Rate(f64),
    /// At most so many bytes.
    Bytes(f64),
}

use Bound::{Bytes, Memory, Rate, Slower, Times};
use System::{
    Floor, MosquittoQos0, MosquittoQos1, Nats, Nginx, Ngircd, RedisAppend, RedisGroup, RedisPubsub,
    RedisRead,
};
use p2sp_bench::markdown;
use p2sp_bench::meter::Sample;
use p2sp_bench::sizes::{Over, Sizes};

const OVER_TCP: &[Target] = &[
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
    Target(Work::Idle, Memory(1.06, Floor)),
    Target(Work::Fresh, Bytes(10.0 * 1024.0 * 1024.0)),
    Target(Work::FirstVisit, Times(0.5, Nginx)),
    Target(Work::NextVisit, Times(0.5, Nginx)),
];

const OVER_WEBSOCKET: &[Target] = &[
    Target(Work::Arrive, Times(0.7, Floor)),
    Target(Work::Fanout(1), Slower(1.33, Floor)),
    Target(Work::Fanout(16), Slower(2.2, Floor)),
    Target(Work::Fanout(16), Rate(650_000.0)),
    Target(Work::Idle, Bytes(1024.0)),
];

/// The targets as Markdown.
pub fn render(results: &Results, sizes: &Sizes) -> String {
    let head = ["work", "target", "measured (min–max)", ""].map(str::to_owned);
    let rows = targets(sizes.over).iter().filter(|target| results.works.contains(&target.0));
    markdown::table(head.to_vec(), rows.map(|target| target.row(results, sizes)).collect())
}

impl Target {
    fn row(&self, results: &Results, sizes: &Sizes) -> Vec<String> {
        let Target(work, bound) = self;
        let value = |sample: &Sample| Some(sample.value);
        let ours = || results.spread(*work, System::P2sp, value);
        let memory = |sample: &Sample| Some(sample.value + sample.kernel?);
        let p99 = |sample: &Sample| sample.everywhere.map(|all| all[1]);
        let (target, spread, met) = match bound {
            Times(times, other) => {
                let ratio = results.ratio_to(*work, *other, value);
                let met = ratio.map(|ratio| ratio.median >= *times);
                (format!("≥ {times} × {other}"), ratio, met)
            }
            Slower(times, other) => {
                let ratio = results.ratio_to(*work, *other, p99);
                let met = ratio.map(|ratio| ratio.median <= *times);
                (format!("p99 ≤ {times} × {other}"), ratio, met)
            }
            Memory(times, other) => {
                let ratio = results.ratio_to(*work, *other, memory);
                let met = ratio.map(|ratio| ratio.median <= *times);
                (format!("with the kernel's ≤ {times} × {other}"), ratio, met)
            }
            Rate(rate) => (
                format!("≥ {}", quantity(*work, *rate)),
                ours(),
                ours().map(|ours| ours.median >= *rate),
            ),
            Bytes(bytes) => (
                format!("≤ {}", quantity(*work, *bytes)),
                ours(),
                ours().map(|ours| ours.median <= *bytes),
            ),
        };
        let measured = spread.map(|spread| {
            let all = [spread.median, spread.min, spread.max];
            match bound {
                Times(..) | Slower(..) | Memory(..) => {
                    let [median, min, max] = all.map(short);
                    format!("{median} × ({min}–{max})")
                }
                Rate(_) | Bytes(_) => {
                    let [median, min, max] = all.map(|value| quantity(*work, value));
                    format!("{median} ({min}–{max})")
                }
            }
        });
        let met = met.map_or("", |met| if met { "met" } else { "**MISSED**" });
        let measured = measured.unwrap_or_else(|| "not measured".into());
        vec![work.title(sizes), target, measured, met.into()]
    }
}
