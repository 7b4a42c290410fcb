//! A day in which nothing breaks: people come, talk, fall silent and come again, for 24 hours.
//!
//! What must not grow is looked at every hour: what waits in queues, the write-ahead log, and the
//! memory of the process, the model of this simulation included.

use std::fs;
use std::time::Duration;

use super::World;
use crate::worlds::choices::Choices;
use crate::worlds::ledger::Check;

/// Minutes of a day.
const MINUTES: usize = 24 * 60;
/// The write-ahead log is never longer.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// What an hour ended with.
pub struct Hour {
    /// Memory of the process, in bytes.
    pub resident: u64,
    /// The write-ahead log, in bytes.
    pub log: u64,
    /// Messages so far.
    pub messages: i64,
}

/// Lets a day go by, and says how each hour ended.
///
/// # Errors
/// The first promise that is broken.
pub fn day(seed: u64) -> Result<Vec<Hour>, String> {
    let mut world = World::begin(Choices::of_seed(seed), false)?;
    world.clear_up();
    let mut hours = Vec::new();
    for minute in 1..=MINUTES {
        world.minute()?;
        if minute % 60 == 0 {
            hours.push(world.hour()?);
        }
    }
    world.calm()?;
    world.end()?;
    Ok(hours)
}

impl World {
    /// Some do something, and a minute passes in which all listen.
    fn minute(&mut self) -> Check {
        for _ in 0..4 {
            for _ in 0..1 + self.scene.choices.below(3) {
                let at = self.scene.choices.below(self.clients.len());
                self.clients[at].act(&mut self.scene);
                self.clients[at].push_out(&mut self.scene);
            }
            self.pass(Duration::from_secs(15))?;
            for at in 0..self.clients.len() {
                self.clients[at].push_out(&mut self.scene);
                self.clients[at].listen(&mut self.scene)?;
            }
        }
        Ok(())
    }

    /// Everyone is told everything, and what must not grow is looked at.
    fn hour(&mut self) -> Result<Hour, String> {
        self.look()?;
        let log = fs::metadata(self.dirs.database().join("p2sp.db-wal")).map_or(0, |log| log.len());
        if log > LOG_BYTES_MAX {
            return Err(format!("P20: the write-ahead log has {log} bytes"));
        }
        let held = self.scene.net.held();
        if held > 2 * self.clients.len() {
            return Err(format!("P20: {held} connections for {} people", self.clients.len()));
        }
        let messages = self.scene.ledger.head();
        Ok(Hour { resident: resident()?, log, messages })
    }
}

/// Memory of this process, in bytes.
fn resident() -> Result<u64, String> {
    let text = fs::read_to_string("/proc/self/statm").map_err(|error| error.to_string())?;
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.map(|pages| pages * 4_096).ok_or("no figure for memory".to_owned())
}
