//! The shipped loop and server over the simulated edge, ticked by the bench, with a meter on each
//! tick.
//!
//! A tick costs CPU time of this thread, the kernel's share of SQLite's writes included, and takes
//! wall time from the end of its wait on: with that, for an fsync. What the peers do between ticks
//! is in neither.

use std::fs;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use p2sp::event_loop::EventLoop;
use p2sp::handlers::Rules;
use p2sp::id::Moment;
use p2sp::limits::Limits;
use p2sp::server::Server;
use rustix::time::{ClockId, clock_gettime};

use super::data::Data;
use super::net::{Edge, News, Time};
use crate::Outcome;
use crate::words::{self, Said};

/// Limits that stay: they end what hangs, and cost what they cost with every connection.
const LIMITS_KEPT: &[&str] = &["signin_seconds", "idle_seconds", "loopback"];
/// Peers that sign in at once: as many as a tick accepts.
const SIGN_INS_AT_ONCE: usize = 64;
/// A loop that wants to sleep longer has nothing to write or to checkpoint; it looks at deadlines.
const REST: Duration = Duration::from_secs(5);
/// How long nothing may come of what was said.
const STALL: Duration = Duration::from_secs(60);
/// The longest tick that is told from longer ones, in microseconds.
const TICK_MICROS_MAX: u64 = 60_000_000;

/// A server and its edge.
pub struct SimulatedServer {
    /// The edge.
    pub edge: Edge,
    event_loop: EventLoop<Edge, Server>,
    /// What all ticks so far have cost.
    pub spent: Spent,
    /// How long each of them took, in microseconds, …
    pub ticks: Histogram<u64>,
    /// … and how much of it on the processor.
    pub busy: Histogram<u64>,
    time: Time,
    /// Ticks are counted: see `instructions`.
    pub is_counted: bool,
    data: Data,
}

/// Time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// On the processor.
    pub cpu: Duration,
    /// By the clock on the wall, waits between ticks left out.
    pub wall: Duration,
}

impl Spent {
    /// What was spent since `earlier`.
    pub fn since(self, earlier: Spent) -> Spent {
        Spent { cpu: self.cpu - earlier.cpu, wall: self.wall - earlier.wall }
    }
}

impl SimulatedServer {
    /// A server on that data, for so many peers. In haste it rests as soon as it would wait for
    /// anything, with cursors and a checkpoint outstanding.
    pub fn open(data: Data, peers: usize, hasty: bool) -> Outcome<SimulatedServer> {
        SimulatedServer::open_in(Time::Passes, data, peers, hasty)
    }

    /// The same, in haste, where time is stepped, and no tick is timed.
    pub fn open_stepped(data: Data, peers: usize) -> Outcome<SimulatedServer> {
        SimulatedServer::open_in(Time::Stepped, data, peers, true)
    }

    fn open_in(time: Time, data: Data, peers: usize, hasty: bool) -> Outcome<SimulatedServer> {
        let edge = Edge::new(peers, if hasty { Duration::ZERO } else { REST }, time);
        let mut rules = Rules::default();
        for (name, ..) in Limits::TABLE.iter().filter(|(name, ..)| !LIMITS_KEPT.contains(name)) {
            *rules.limits.get_mut(name).ok_or("no such limit")? = 0;
        }
        let server = Server::new(data.open()?, rules, Box::new(()), [7; 32], Moment::default());
        Ok(SimulatedServer {
            event_loop: EventLoop::new(edge.clone(), server, peers),
            edge,
            spent: Spent::default(),
            ticks: tick_times()?,
            busy: tick_times()?,
            time,
            is_counted: false,
            data,
        })
    }

    /// The server is gone, without another word; its data stays.
    pub fn end(self) -> Data {
        self.data
    }

    /// One turn of the loop.
    pub fn tick(&mut self) -> Outcome<()> {
        match (self.time, self.is_counted) {
            (Time::Stepped, true) => self.counted_turn(),
            (Time::Stepped, false) => self.turn(),
            (Time::Passes, _) => self.timed_turn(),
        }
    }

    fn timed_turn(&mut self) -> Outcome<()> {
        let began = cpu_time();
        self.turn()?;
        let (ran, took) = (cpu_time().saturating_sub(began), self.edge.woke().elapsed());
        self.spent.cpu += ran;
        self.spent.wall += took;
        self.busy.saturating_record(ran.as_micros() as u64);
        self.ticks.saturating_record(took.as_micros() as u64);
        Ok(())
    }

    /// A function of its own in the binary: what callgrind counts is told by its name.
    #[inline(never)]
    fn counted_turn(&mut self) -> Outcome<()> {
        std::hint::black_box(self.turn())
    }

    fn turn(&mut self) -> Outcome<()> {
        self.event_loop.tick().map_err(|fatal| fatal.0)?;
        Ok(())
    }

    /// Ticks until there is nothing left to do: cursors are written, the write-ahead log is back
    /// in the database.
    pub fn rest(&mut self) -> Outcome<()> {
        loop {
            self.tick()?;
            if self.edge.is_resting() {
                return Ok(());
            }
        }
    }

    /// Signs in the users of those numbers, each as the peer of its number, and waits until all
    /// have caught up.
    pub fn sign_in(&mut self, users: std::ops::Range<usize>) -> Outcome<()> {
        let mut next = users.start;
        while next < users.end {
            let end = users.end.min(next + SIGN_INS_AT_ONCE);
            for user in next..end {
                self.edge.connect(user);
                self.edge.say(user, |out| words::resume(out, user));
            }
            let mut missing = end - next;
            let began = Instant::now();
            while missing > 0 {
                self.tick()?;
                self.edge.listen(|_, news| {
                    missing -= usize::from(understand(&news)? == Said::CaughtUp);
                    Ok(())
                })?;
                fail_if_stalled(began)?;
            }
            next = end;
        }
        Ok(())
    }
}

/// Times of ticks, none yet.
pub fn tick_times() -> Outcome<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, TICK_MICROS_MAX, 3)?)
}

/// What the server says; it must not close.
pub fn understand(news: &News) -> Outcome<Said> {
    match news {
        News::Frame(frame) => words::understand(frame),
        News::End => Err("the server has closed a connection".into()),
    }
}

/// Nothing came of what was said since `began`, for too long.
pub fn fail_if_stalled(began: Instant) -> Outcome<()> {
    if began.elapsed() > STALL { Err("the server does not answer".into()) } else { Ok(()) }
}

/// The time that this thread was on a processor.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Bytes of memory that this process occupies, where the system tells.
pub fn resident_bytes() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no VmRSS")?;
    Ok(kib.parse::<u64>()? * 1024)
}
