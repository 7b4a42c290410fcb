//! Monitors: programs that ask for `/metrics` at the loopback listener of `--metrics`.
//!
//! Each connection asks once, and is closed behind the answer. The request is known in `decode` and
//! answered in `deliver`, so that the figures are of what is on the disk.

use super::chat::Chat;
use super::decode::Decode;
use super::deliver::Deliver;
use super::transaction::{Fatal, fatal};
use crate::conn::CloseReason;
use crate::doors::{Said, http};
use crate::handlers::{Rules, ServerFacts, metrics};
use crate::id::ConnId;

impl Decode<'_> {
    /// Looks whether a monitor's whole request has come; keeps it until then.
    pub(super) fn answer_monitor(&mut self, id: ConnId) {
        let Rules { hosts, lang, .. } = &self.chat.rules;
        let bytes = self.reading.intake.bytes();
        match http::asked_for_figures(bytes, hosts, self.is_healthy, *lang) {
            None => return,
            Some(Ok(())) => self.reading.asked.push(id),
            Some(Err(answer)) => {
                self.conns.append_transport(id, self.now, &answer);
                self.conns.close(id, CloseReason::Measured, self.now.mono);
            }
        }
        self.reading.intake.take_back();
    }
}

impl Deliver<'_> {
    /// Answers the monitors of this tick.
    pub fn answer_monitors(
        &mut self,
        asked: &mut Vec<ConnId>,
        facts: &ServerFacts,
    ) -> Result<(), Fatal> {
        for id in asked.drain(..) {
            let Chat { sessions, counters, .. } = &*self.chat;
            let text = metrics::text(self.store, sessions, counters, facts).map_err(fatal)?;
            self.say(id, Said::Figures(&text));
            self.conns.close(id, CloseReason::Measured, self.now.mono);
        }
        Ok(())
    }
}
