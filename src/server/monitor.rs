//! Monitors: whoever asks for `/metrics` at the loopback listener of `--metrics`.
//!
//! Each connection asks once, and is closed behind the answer. What it asked for is known in
//! `read`; it is answered in `deliver`, so that the figures are of what is on the disk.

use super::{Fatal, Server, fatal};
use crate::conn::CloseReason;
use crate::doors::http::page::check_host;
use crate::doors::http::{self, Head, Status};
use crate::handlers::{Rules, metrics};
use crate::id::{ConnId, Now};
use crate::limits::METRICS_CONNECTIONS_MAX;
use crate::locale::Lang;

/// What the figures are written in.
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a monitor asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// The figures.
    Metrics,
    /// Something else; the status that it is answered.
    Other(Status),
    /// Nothing of this server's: a page of the web may have led a browser here. The words for it.
    Refused(String),
}

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
    pub(super) fn hear_monitor(&mut self, id: ConnId) {
        let Rules { hosts, lang, .. } = &self.rules;
        let heard = http::read(self.intake.bytes(), |head| asks(head, hosts, *lang));
        if let Some(asks) = heard {
            self.monitors.push((id, asks.unwrap_or_else(Asks::Other)));
            self.intake.take_back();
        }
    }

    /// Answers the monitors of this tick.
    ///
    /// # Errors
    /// The store failed for good.
    pub(super) fn answer_monitors(&mut self, now: Now) -> Result<(), Fatal> {
        for (id, asks) in std::mem::take(&mut self.monitors) {
            let mut out = Vec::new();
            match asks {
                Asks::Metrics => {
                    let text = metrics::text(
                        &self.store,
                        &self.sessions,
                        &self.counters,
                        &self.facts(now),
                    )
                    .map_err(fatal)?;
                    http::append_head(&mut out, "200 OK", &[("Content-Type", KIND)], text.len());
                    out.extend_from_slice(text.as_bytes());
                }
                Asks::Other(status) => http::append_status(&mut out, status, &[]),
                Asks::Refused(why) => http::append_text(&mut out, "403 Forbidden", &[], &why),
            }
            self.append_bytes(id, now, &out);
            self.close(id, CloseReason::Measured, None, now);
        }
        Ok(())
    }
}

/// What the request asks for.
fn asks(head: &Head, hosts: &[String], lang: Lang) -> Asks {
    if let Err(why) = check_host(head, hosts) {
        return Asks::Refused(why.say(lang));
    }
    match (head.method(), head.path()) {
        ("GET", "/metrics") => Asks::Metrics,
        ("GET", _) => Asks::Other("404 Not Found"),
        _ => Asks::Other("405 Method Not Allowed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitor_asks_for_one_thing() {
        let asked =
            |request: &str| http::read(request.as_bytes(), |head| asks(head, &[], Lang::En));
        assert_eq!(asked("GET /metrics HTTP/1.1\r\n"), None);
        assert_eq!(asked("GET /metrics HTTP/1.1\r\n\r\n"), Some(Ok(Asks::Metrics)));
        for (request, status) in [("GET /", "404 Not Found"), ("POST /", "405 Method Not Allowed")]
        {
            let asked = asked(&format!("{request} HTTP/1.1\r\n\r\n"));
            assert_eq!(asked, Some(Ok(Asks::Other(status))));
        }
        let asked = asked("GET /metrics HTTP/1.1\r\nHost: evil.example:9464\r\n\r\n");
        assert!(matches!(asked, Some(Ok(Asks::Refused(why))) if why.contains("--host")));
    }
}
