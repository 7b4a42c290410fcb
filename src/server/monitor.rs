//! Monitors: whoever asks for `/metrics` at the loopback listener of `--metrics`.
//!
//! Each connection asks once, and is closed behind the answer. What it asked for is known in
//! `read`; it is answered in `deliver`, so that the figures are of what is on the disk.

use super::{Fatal, Server, fatal};
use crate::conn::CloseReason;
use crate::doors::{Said, http};
use crate::handlers::{Rules, metrics};
use crate::id::{ConnId, Now};
use crate::limits::METRICS_CONNECTIONS_MAX;

impl Server {
    /// Another monitor comes in. One that is idle, or does not take its answer, holds up nobody.
    pub(super) fn make_room_for_monitor(&mut self, id: ConnId) {
        if self.monitors_in.len() >= METRICS_CONNECTIONS_MAX
            && let Some(oldest) = self.monitors_in.pop_front()
        {
            self.die(oldest, CloseReason::Refused);
        }
        self.monitors_in.push_back(id);
    }

    /// Looks whether a monitor's whole request has come; keeps it until then.
    pub(super) fn hear_monitor(&mut self, id: ConnId, now: Now) {
        let Rules { hosts, lang, .. } = &self.rules;
        match http::asked_for_figures(self.intake.bytes(), hosts, *lang) {
            None => return,
            Some(Ok(())) => self.monitors.push(id),
            Some(Err(answer)) => {
                self.append_transport(id, now, &answer);
                self.close(id, CloseReason::Measured, None, now);
            }
        }
        self.intake.take_back();
    }

    /// Answers the monitors of this tick.
    ///
    /// # Errors
    /// The store failed for good.
    pub(super) fn answer_monitors(&mut self, now: Now) -> Result<(), Fatal> {
        for id in std::mem::take(&mut self.monitors) {
            let facts = self.facts(now);
            let text = metrics::text(&self.store, &self.sessions, &self.counters, &facts);
            self.say(id, Said::Figures(&text.map_err(fatal)?), now);
            self.close(id, CloseReason::Measured, None, now);
        }
        Ok(())
    }
}
