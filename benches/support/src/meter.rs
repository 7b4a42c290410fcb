//! Counts and latencies of one run, between the end of its warm-up and the end of its time.
//!
//! What happened before or after is not counted, but it still has to happen: the works see to
//! that. A latency is taken when the load has read the bytes, so its own queue is part of it.
//! Time on a core is asked of the system for all threads of both processes; where it does not
//! tell, the column stays empty.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::Outcome;
use super::world::{World, resident_bytes_of, slab_bytes};

/// How long a turn of the load waits for news.
pub const TURN: Duration = Duration::from_millis(10);
/// How long the server has to come to rest before memory is looked at.
const REST: Duration = Duration::from_millis(500);
/// The longest latency that is told from longer ones, in microseconds.
const MICROS_MAX: u64 = 60_000_000;
/// The warm-up's share of the measured time.
const WARM_UP: f64 = 0.25;

/// What one run of one work came to.
pub struct Sample {
    /// The number that the work is about.
    pub value: f64,
    /// Request to answer: p50, p99, p99.9 in milliseconds.
    pub answered: Option<[f64; 3]>,
    /// Request to delivery, likewise.
    pub delivered: Option<[f64; 3]>,
    /// Request to the last delivery of the message, likewise.
    pub everywhere: Option<[f64; 3]>,
    /// The server's and the load's share of a core.
    pub busy: Option<[f64; 2]>,
    /// Bytes of the kernel's memory, where `value` is the server's.
    pub kernel: Option<f64>,
}

/// Memory at one moment, in bytes.
pub struct Memory {
    server: u64,
    kernel: Option<u64>,
}

impl Memory {
    /// Looks when the server has come to rest.
    ///
    /// # Errors
    /// The system does not tell how much memory a process has.
    pub fn at_rest(server: u32) -> Outcome<Memory> {
        thread::sleep(REST);
        let server = resident_bytes_of(server).ok_or("no memory of a process is told here")?;
        Ok(Memory { server, kernel: slab_bytes() })
    }

    /// The server's.
    pub fn of_server(&self) -> f64 {
        self.server as f64
    }
}

impl Sample {
    /// A number that is all that was measured.
    pub fn of(value: f64) -> Sample {
        let (answered, delivered, everywhere, busy) = (None, None, None, None);
        Sample { value, answered, delivered, everywhere, busy, kernel: None }
    }

    /// Memory for each connection that was added between two looks: the server's, and the
    /// kernel's, for both ends.
    pub fn of_memory(before: &Memory, after: &Memory, added: usize) -> Sample {
        let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / added as f64;
        let kernel = before.kernel.zip(after.kernel).map(|(before, after)| each(before, after));
        Sample { kernel, ..Sample::of(each(before.server, after.server)) }
    }
}

/// Counts while a run goes on.
pub struct Meter {
    begins: Instant,
    ends: Instant,
    counted: u64,
    answered: Histogram<u64>,
    delivered: Histogram<u64>,
    everywhere: Histogram<u64>,
    /// The server's process and this one.
    processes: [u32; 2],
    /// Their time on a core when the measured time began, and in it.
    ran_before: Option<[u64; 2]>,
    ran: Option<[u64; 2]>,
}

impl Meter {
    /// Begins the warm-up.
    pub fn new(world: &World, span: Duration) -> Outcome<Meter> {
        Meter::of(world.process(), span)
    }

    /// Begins the warm-up of a server of any kind.
    pub fn of(process: u32, span: Duration) -> Outcome<Meter> {
        let begins = Instant::now() + span.mul_f64(WARM_UP);
        Ok(Meter {
            begins,
            ends: begins + span,
            counted: 0,
            answered: Histogram::new_with_bounds(1, MICROS_MAX, 3)?,
            delivered: Histogram::new_with_bounds(1, MICROS_MAX, 3)?,
            everywhere: Histogram::new_with_bounds(1, MICROS_MAX, 3)?,
            processes: [process, std::process::id()],
            ran_before: None,
            ran: None,
        })
    }

    /// Whether the measured time is over.
    pub fn is_over(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.begins && self.ran_before.is_none() {
            self.ran_before = self.time_on_core();
        }
        if now < self.ends {
            return false;
        }
        if let (Some(before), None) = (self.ran_before, self.ran) {
            let ran = self.time_on_core();
            self.ran = ran.map(|ran| [0, 1].map(|side| ran[side].saturating_sub(before[side])));
        }
        true
    }

    /// One of what is counted happened.
    pub fn count(&mut self, at: Instant) {
        if self.is_within(at) {
            self.counted += 1;
        }
    }

    /// A request was answered.
    pub fn answered(&mut self, sent: Instant, at: Instant) {
        if self.is_within(at) {
            self.answered.saturating_record(at.duration_since(sent).as_micros() as u64);
        }
    }

    /// A message was delivered.
    pub fn delivered(&mut self, sent: Instant, at: Instant) {
        if self.is_within(at) {
            self.delivered.saturating_record(at.duration_since(sent).as_micros() as u64);
        }
    }

    /// A message was delivered to the last of its readers.
    pub fn everywhere(&mut self, sent: Instant, at: Instant) {
        if self.is_within(at) {
            self.everywhere.saturating_record(at.duration_since(sent).as_micros() as u64);
        }
    }

    /// What it came to.
    pub fn sample(&self) -> Outcome<Sample> {
        let span = self.ends - self.begins;
        if self.counted == 0 {
            return Err("nothing happened in the measured time".into());
        }
        let share = |nanos: u64| nanos as f64 / span.as_nanos() as f64;
        Ok(Sample {
            value: self.counted as f64 / span.as_secs_f64(),
            answered: quantiles(&self.answered),
            delivered: quantiles(&self.delivered),
            everywhere: quantiles(&self.everywhere),
            busy: self.ran.map(|ran| ran.map(share)),
            kernel: None,
        })
    }

    fn is_within(&self, at: Instant) -> bool {
        at >= self.begins && at < self.ends
    }

    /// Nanoseconds that the processes' threads ran, where the system tells.
    fn time_on_core(&self) -> Option<[u64; 2]> {
        Some([nanos_on_core(self.processes[0])?, nanos_on_core(self.processes[1])?])
    }
}

/// Nanoseconds that a process's threads ran, where the system tells.
pub fn nanos_on_core(process: u32) -> Option<u64> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten();
    // One that ends in the middle of it is of no weight.
    let lines = threads.flat_map(|dir| fs::read_to_string(dir.path().join("schedstat")));
    lines.map(|line| line.split_whitespace().next()?.parse::<u64>().ok()).sum()
}

fn quantiles(histogram: &Histogram<u64>) -> Option<[f64; 3]> {
    let millis = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    (!histogram.is_empty()).then(|| [0.5, 0.99, 0.999].map(millis))
}
