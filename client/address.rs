//! Where the server is: `HOST[:PORT]` as people write it, or the address of its page.
//!
//! A host is a name, an IPv4 address, or an IPv6 address: in brackets, or without them if no port
//! follows. An IPv6 address may name its interface (`fe80::1%eth0`). Nothing here looks a name up.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use p2sp::locale::client::AddressFault;
use p2sp::wire::PORT;
use unicode_normalization::UnicodeNormalization;

/// The schemes of a page's address, which may stand before the host.
const SCHEMES: &[&str] = &["http", "https", "ws", "wss"];

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Address {
    /// Whether the address was written as this machine's own. The addresses that a name resolves to
    /// do not count, because a name server decides about them.
    pub fn is_local(&self) -> bool {
        let name = self.host.strip_suffix('.').unwrap_or(&self.host);
        let ip = self.host.parse::<IpAddr>();
        name.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.to_canonical().is_loopback())
    }
}

impl FromStr for Address {
    type Err = AddressFault;

    fn from_str(text: &str) -> Result<Address, AddressFault> {
        // Chinese keyboards type full-width digits, dots and colons.
        let text: String = text.trim().nfkc().map(|c| if c == '。' { '.' } else { c }).collect();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, &*text),
        };
        if scheme.as_deref().is_some_and(|scheme| !SCHEMES.contains(&scheme)) {
            return Err(AddressFault::Scheme);
        }
        let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = split(place)?;
        if host.is_empty() {
            return Err(AddressFault::NoHost);
        }
        if host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@') {
            return Err(AddressFault::NotAHost);
        }
        match (port, scheme) {
            (Some(port), _) => Ok(Address { host, port }),
            (None, None) => Ok(Address { host, port: PORT }),
            // The default port of a URL is a web server's, which is seldom meant.
            (None, Some(_)) => Err(AddressFault::UrlWithoutPort),
        }
    }
}

/// The host, without brackets, and the port if there is one.
fn split(place: &str) -> Result<(String, Option<u16>), AddressFault> {
    if let Some(host) = ipv6(place) {
        return Ok((host, None));
    }
    if let Some((host, port)) = place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        // In a URL the percent sign before the interface is written as `%25`.
        let host = ipv6(&host.replace("%25", "%")).ok_or(AddressFault::Ipv6)?;
        return match port.strip_prefix(':') {
            Some(port) => Ok((host, Some(port_of(port)?))),
            None if port.is_empty() => Ok((host, None)),
            None => Err(AddressFault::Ipv6),
        };
    }
    if place.starts_with('[') || place.matches(':').count() > 1 {
        return Err(AddressFault::Ipv6);
    }
    match place.split_once(':') {
        Some((host, port)) => Ok((host.to_owned(), Some(port_of(port)?))),
        None => Ok((place.to_owned(), None)),
    }
}

/// An IPv6 address in its canonical form, so that it is recognised however it is written.
fn ipv6(text: &str) -> Option<String> {
    match text.split_once('%') {
        None => text.parse::<Ipv6Addr>().ok().map(|ip| ip.to_string()),
        Some((_, "")) => None,
        Some((ip, zone)) => ip.parse::<Ipv6Addr>().ok().map(|ip| format!("{ip}%{zone}")),
    }
}

fn port_of(text: &str) -> Result<u16, AddressFault> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(AddressFault::Port),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests;
