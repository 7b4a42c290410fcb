//! The figures that a monitor asks for, at the loopback listener of `--metrics`.

use super::head::{append_head, read, status_answer, text_answer};
use super::page::{check_host, health};
use crate::doors::codec::Transport;
use crate::locale::Lang;

/// The format of the figures.
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether the bytes are a request for the figures; `None` while its head is not complete.
///
/// # Errors
/// The answer to a request for something else, or with another host's name: any page of the web can
/// make a browser ask here.
pub fn asked_for_figures(
    bytes: &[u8],
    hosts: &[String],
    is_healthy: bool,
    lang: Lang,
) -> Option<Result<(), Transport>> {
    let asked = read(bytes, |head| {
        if let Some(answer) = health(head, is_healthy) {
            return Err(answer);
        }
        if let Err(why) = check_host(head, hosts) {
            return Err(text_answer("403 Forbidden", &[], &why.say(lang)));
        }
        match (head.method(), head.path()) {
            ("GET", "/metrics") => Ok(()),
            ("GET", _) => Err(status_answer("404 Not Found", &[])),
            _ => Err(status_answer("405 Method Not Allowed", &[])),
        }
    });
    Some(asked?.unwrap_or_else(|status| Err(status_answer(status, &[]))))
}

/// Appends the figures as the answer.
pub fn encode(text: &str, out: &mut Vec<u8>) {
    append_head(out, "200 OK", &[("Content-Type", KIND)], text.len());
    out.extend_from_slice(text.as_bytes());
}
