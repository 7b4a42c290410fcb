//! The edge's whims in a simulation: how the kernel and the clock behave in this world, and at
//! which call the process is killed.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use p2sp::limits::SERVE_MICROS_MAX;

use super::choices::Choices;
use super::coverage::{Coverage, Happening};
use super::snapshot;
use crate::support::whims::{Call, Whims};

/// What the weather is; whoever makes it changes it.
#[derive(Clone, Debug, Default)]
pub struct Weather {
    /// Reads and writes of a hundred that move only a piece.
    pub pieces: usize,
    /// Reads and writes of a hundred that block for nothing.
    pub blocks: usize,
    /// Waits of a hundred that bring an event for nothing.
    pub false_alarms: usize,
    /// Whether time passes while the loop works.
    pub slow: bool,
    /// How often the time was asked for since the tick began, and how much passed meanwhile.
    pub looks: (usize, u64),
    /// A password hash takes at most so long, in microseconds.
    pub hash_micros: usize,
    /// The process is killed at the n-th such call from here.
    pub kill: Option<(Call, usize)>,
    /// Where the database is, and where its files are copied to at that moment.
    pub database: PathBuf,
    pub image: PathBuf,
}

/// The weather as the edge feels it.
pub struct Edge {
    pub choices: Choices,
    pub coverage: Coverage,
    pub weather: Rc<RefCell<Weather>>,
}

impl Whims for Edge {
    fn moves(&mut self, call: Call, count: usize) -> Option<usize> {
        let weather = self.weather.borrow();
        let reads = call == Call::Read;
        if self.choices.chance(weather.blocks) {
            self.coverage.saw(match reads {
                true => Happening::ReadBlocks,
                false => Happening::WriteBlocks,
            });
            return None;
        }
        if count > 1 && self.choices.chance(weather.pieces) {
            self.coverage.saw(if reads { Happening::ShortRead } else { Happening::ShortWrite });
            return Some(1 + self.choices.below((count - 1).min(500)));
        }
        Some(count)
    }

    fn wakes_for_nothing(&mut self, connections: usize) -> Option<usize> {
        let wakes = connections > 0 && self.choices.chance(self.weather.borrow().false_alarms);
        wakes.then(|| {
            self.coverage.saw(Happening::FalseAlarm);
            self.choices.below(connections)
        })
    }

    fn dawdles(&mut self) -> Duration {
        let mut weather = self.weather.borrow_mut();
        if !weather.slow {
            return Duration::ZERO;
        }
        let micros = self.choices.below(8_000) as u64;
        // A tick looks before it serves and at its end; what is between is a look while serving.
        if weather.looks.0 == 2 && weather.looks.1 >= SERVE_MICROS_MAX {
            self.coverage.saw(Happening::TickOutOfTime);
        }
        weather.looks.0 += 1;
        weather.looks.1 = if weather.looks.0 == 2 { micros } else { weather.looks.1 };
        Duration::from_micros(micros)
    }

    fn hashes_for(&mut self) -> Duration {
        let most = self.weather.borrow().hash_micros;
        Duration::from_micros(self.choices.below(most + 1) as u64)
    }

    fn comes_too_late(&mut self) {
        self.coverage.saw(Happening::HashForNobody);
    }

    fn kills(&mut self, call: Call) -> bool {
        let mut weather = self.weather.borrow_mut();
        if call == Call::Wait {
            weather.looks = (0, 0);
        }
        let Some((at, left)) = &mut weather.kill else { return false };
        if *at != call {
            return false;
        }
        *left -= 1;
        if *left > 0 {
            return false;
        }
        weather.kill = None;
        snapshot::copy(&weather.database, &weather.image).expect("the files can be copied");
        self.coverage.saw(match call {
            Call::Wait => Happening::KilledAtWait,
            Call::Moment => Happening::KilledInTransaction,
            Call::Accept => Happening::KilledAtAccept,
            Call::Read => Happening::KilledAtRead,
            Call::DiskFree => Happening::KilledBeforeServe,
            Call::Hash => Happening::KilledAtHash,
            Call::Write => Happening::KilledAtWrite,
            Call::Shutdown => Happening::KilledAtShutdown,
            Call::Close => Happening::KilledAtClose,
        });
        true
    }
}
