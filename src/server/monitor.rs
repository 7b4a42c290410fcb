//! Monitors: whoever asks for `/metrics` at the loopback listener of `--metrics`.
//!
//! Each connection asks once, and is closed behind the answer. What it asked for is known in
//! `read`; it is answered in `deliver`, so that the figures are of what is on the disk.

use super::{Fatal, Server, conn_mut, fatal};
use crate::conn::CloseReason;
use crate::handlers::metrics;
use crate::id::{ConnId, Now};
use crate::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_MAX};

/// What a monitor asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// The figures.
    Metrics,
    /// Something else; the status that it is answered.
    Other(&'static str),
}

impl Server {
    /// Looks whether a monitor's whole request has come; keeps it until then.
    pub(super) fn hear_monitor(&mut self, id: ConnId) {
        let bytes = self.intake.begun();
        match asks(bytes) {
            Some(asks) => self.monitors.push((id, asks)),
            None => {
                if let Some(conn) = conn_mut(&mut self.conns, id) {
                    conn.received.keep(bytes);
                }
            }
        }
        // Nothing of it is a frame.
        self.intake.take_back();
        self.intake.list();
    }

    /// Answers the monitors of this tick.
    ///
    /// # Errors
    /// The store failed for good.
    pub(super) fn answer_monitors(&mut self, now: Now) -> Result<(), Fatal> {
        for (id, asks) in std::mem::take(&mut self.monitors) {
            let (status, body) = match asks {
                Asks::Metrics => ("200 OK", metrics::text(&self.facts(now)).map_err(fatal)?),
                Asks::Other(status) => (status, String::new()),
            };
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                body.len()
            );
            self.append(id, now, |out| out.extend_from_slice((head + &body).as_bytes()));
            self.close(id, CloseReason::Measured, None, now);
        }
        Ok(())
    }
}

/// What the request asks for; `None` while its head is not complete.
fn asks(bytes: &[u8]) -> Option<Asks> {
    let mut headers = [httparse::EMPTY_HEADER; HTTP_HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(status) if status.is_partial() => (bytes.len() > HTTP_HEAD_BYTES_MAX)
            .then_some(Asks::Other("431 Request Header Fields Too Large")),
        Ok(_) => Some(match (request.method, request.path) {
            (Some("GET"), Some("/metrics")) => Asks::Metrics,
            (Some("GET"), _) => Asks::Other("404 Not Found"),
            _ => Asks::Other("405 Method Not Allowed"),
        }),
        Err(_) => Some(Asks::Other("400 Bad Request")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p20_a_request_is_whole_or_wrong_or_too_long() {
        let get = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for cut in 0..get.len() {
            assert_eq!(asks(&get[..cut]), None, "{cut}");
        }
        assert_eq!(asks(get), Some(Asks::Metrics));
        let status = |bytes: &[u8]| match asks(bytes) {
            Some(Asks::Other(status)) => status[..3].to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(status(b"GET / HTTP/1.1\r\n\r\n"), "404");
        assert_eq!(status(b"POST /metrics HTTP/1.1\r\n\r\n"), "405");
        assert_eq!(status(b"\xab\xcd\xef\x88"), "400");
        assert_eq!(status(b"nonsense\r\n\r\n"), "400");
        let long = [&b"GET /"[..], &vec![b'x'; HTTP_HEAD_BYTES_MAX]].concat();
        assert_eq!(status(&long), "431");
    }
}
