//! Somebody is late: they have 200 groups, 10,000 messages wait for them, and they sign in again
//! and again, never confirming. Who is on time does not notice.
//!
//! Those on time talk at a steady rate, whatever becomes of what they said before. Latency counts
//! from when a message was due, so a server that is busy is not asked less often; it ends when the
//! tick that brought it had written. Quiet times and others take turns, and the best run of either
//! counts: whoever else wants the processor can only add to a p99, and by far more than is looked
//! for here.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use p2sp_bench::Outcome;
use p2sp_bench::edge::data::{Data, Filling, Late};
use p2sp_bench::edge::net::News;
use p2sp_bench::edge::server::{SimulatedServer, fail_if_stalled, understand};
use p2sp_bench::edge::talk::{self, Reader};
use p2sp_bench::table::Row;
use p2sp_bench::words::{self, Letter, Said};

use super::report::Report;
use super::scale::{PAIRS, Scale};

/// Between two messages of all who are on time: ten a second of each.
const EVERY: Duration = Duration::from_micros(1_000_000 / (10 * PAIRS as u64));
/// The p99 may be this much of that of a quiet time.
const RATIO_MAX: f64 = 3.0;

/// The user who is late.
const LATE: usize = 2 * PAIRS;

/// One whose messages are due.
struct Pair {
    letter: Letter,
    number: u64,
    due: VecDeque<Instant>,
    reader: Reader,
}

/// The late one's place.
#[derive(Default)]
struct Guest {
    is_there: bool,
    pushes: usize,
    visits: u64,
}

/// Takes turns between quiet times and visits.
pub fn measure(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let (groups, messages) = scale.late();
    let filling = Filling {
        log: scale.short_log(),
        users: LATE + 1,
        friends: LATE,
        late: Some(Late { user: LATE, groups, messages }),
        ..Filling::default()
    };
    let mut server = SimulatedServer::open(Data::fill(&filling)?, LATE + 1, scale.smoke)?;
    server.sign_in(0..LATE)?;
    let mut evening = Evening { pairs: (0..PAIRS).map(Pair::new).collect(), waiting: messages };
    let (mut quiet, mut visited, mut visits) = (Vec::new(), Vec::new(), 0);
    for _ in 0..scale.runs {
        server.rest()?;
        quiet.push(evening.pass(&mut server, scale.span(), None)?);
        server.rest()?;
        let mut guest = Guest::default();
        visited.push(evening.pass(&mut server, scale.span(), Some(&mut guest))?);
        visits += guest.visits;
    }
    report.note_ticks(&server)?;
    let [quiet, visited] = [quiet, visited].map(|runs| runs.into_iter().fold(f64::MAX, f64::min));
    let what = format!(
        "p99 beside {visits} sign-ins with {groups} groups and {messages} waiting messages"
    );
    let row = Row::told(what, format!("{visited:.2} ms (quiet {quiet:.2} ms)"));
    let ratio = visited / quiet;
    let row = row.compared(ratio).wanted(format!("≤ {RATIO_MAX}"), ratio <= RATIO_MAX);
    report.table.add(row);
    Ok(())
}

/// Those who are on time.
struct Evening {
    pairs: Vec<Pair>,
    /// What waits for the late one.
    waiting: usize,
}

impl Evening {
    /// Lets them talk for so long, beside a guest or not. The p99 of their messages, in
    /// milliseconds.
    fn pass(
        &mut self,
        server: &mut SimulatedServer,
        span: Duration,
        mut guest: Option<&mut Guest>,
    ) -> Outcome<f64> {
        let mut latencies = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
        let begins = Instant::now();
        let last = (span.as_micros() / EVERY.as_micros()) as u32;
        let mut next = 0;
        loop {
            while next < last && begins + EVERY * next <= Instant::now() {
                let pair = next as usize % self.pairs.len();
                self.pairs[pair].say(server, 2 * pair, begins + EVERY * next);
                next += 1;
            }
            let goes_on = next < last;
            if let Some(guest) = guest.as_deref_mut().filter(|_| goes_on) {
                guest.come(server);
            }
            let is_there = guest.as_ref().is_some_and(|guest| guest.is_there);
            if !goes_on && !is_there && self.pairs.iter().all(|pair| pair.due.is_empty()) {
                break;
            }
            server.edge.set_alarm(Some(begins + EVERY * next));
            server.tick()?;
            let (edge, wrote) = (server.edge.clone(), server.edge.wrote());
            edge.listen(|peer, news| match (&mut guest, peer == LATE) {
                (Some(guest), true) => guest.hear(server, &news, self.waiting),
                _ => self.pairs[peer / 2].hear(server, peer, &news, wrote, &mut latencies),
            })?;
            fail_if_stalled(begins + span)?;
        }
        server.edge.set_alarm(None);
        Ok(latencies.value_at_quantile(0.99) as f64 / 1_000.0)
    }
}

impl Pair {
    fn new(pair: usize) -> Pair {
        let letter = talk::letter(2 * pair, false);
        Pair { letter, number: 0, due: VecDeque::new(), reader: Reader::default() }
    }

    fn say(&mut self, server: &SimulatedServer, peer: usize, due: Instant) {
        server.edge.say(peer, |out| self.letter.write(out, self.number));
        self.number += 1;
        self.due.push_back(due);
    }

    fn hear(
        &mut self,
        server: &SimulatedServer,
        peer: usize,
        news: &News,
        wrote: Instant,
        latencies: &mut Histogram<u64>,
    ) -> Outcome<()> {
        if let Said::Push { seq, prev } = understand(news)? {
            let due = self.due.pop_front().ok_or("a message too many")?;
            let took = wrote.saturating_duration_since(due);
            latencies.saturating_record(took.as_micros() as u64);
            if self.reader.take(seq, prev)? {
                server.edge.say(peer, |out| words::ack(out, peer, seq));
            }
        }
        Ok(())
    }
}

impl Guest {
    fn come(&mut self, server: &SimulatedServer) {
        if !std::mem::replace(&mut self.is_there, true) {
            self.pushes = 0;
            server.edge.connect(LATE);
            server.edge.say(LATE, |out| words::resume(out, LATE));
        }
    }

    fn hear(&mut self, server: &SimulatedServer, news: &News, waiting: usize) -> Outcome<()> {
        let News::Frame(frame) = news else {
            self.is_there = false;
            self.visits += 1;
            return Ok(());
        };
        match words::understand(frame)? {
            Said::Push { .. } => self.pushes += 1,
            Said::CaughtUp if self.pushes == waiting => server.edge.leave(LATE),
            Said::CaughtUp => {
                return Err(format!("{} of {waiting} messages came", self.pushes).into());
            }
            _ => {}
        }
        Ok(())
    }
}
