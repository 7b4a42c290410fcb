//! `Host` and `Origin`: the server that a browser means, and the page that made it ask.
//!
//! An origin is a scheme, a host and a port, and the port of a scheme may be left out (the URL
//! standard, "origin" and "default port"). A browser writes both headers itself: names in lower
//! case and in ASCII, addresses in their shortest form.
//!
//! Any page of the web may let its own name mean our address (DNS rebinding), and then both headers
//! have that name and agree. So the caller looks first whether a name is this server's. An address
//! needs no such look: no page of the web has it as its name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How a page is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In plaintext.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The scheme of that name.
    pub fn from_name(name: &str) -> Option<Scheme> {
        [Scheme::Http, Scheme::Https].into_iter().find(|scheme| {
            let known = if *scheme == Scheme::Http { "http" } else { "https" };
            known.eq_ignore_ascii_case(name)
        })
    }

    /// The port where none is named.
    fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// A host, as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(IpAddr),
    /// A name, in lower case and without a dot at its end.
    Name(String),
}

impl Host {
    /// The host that is written so; IPv6 in brackets.
    pub fn parse(text: &str) -> Option<Host> {
        if let Some(inner) = text.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Host::Address(address.into()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Host::Address(address.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let is_name = !name.is_empty() && name.bytes().all(is_name_byte);
        is_name.then_some(Host::Name(name))
    }
}

/// A host and perhaps a port: the value of `Host`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The host.
    pub host: Host,
    port: Option<u16>,
}

impl Authority {
    /// The authority that is written so.
    pub fn parse(text: &str) -> Option<Authority> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = match port {
            // "h:" is "h".
            None | Some("") => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(port.parse().ok()?)
            }
            Some(_) => return None,
        };
        Some(Authority { host: Host::parse(host)?, port })
    }

    /// Whether a page of that `Origin` came from here. `scheme` is how this request came, if that
    /// is known.
    pub fn is_origin(&self, origin: &str, scheme: Option<Scheme>) -> bool {
        let Some((name, rest)) = origin.split_once("://") else { return false };
        let Some(theirs) = Scheme::from_name(name) else { return false };
        let Some(from) = Authority::parse(rest) else { return false };
        let ours = scheme.unwrap_or(theirs);
        let port = |of: &Authority, scheme: Scheme| of.port.unwrap_or(scheme.default_port());
        ours == theirs && self.host == from.host && port(self, ours) == port(&from, theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_the_same_by_scheme_host_and_port() {
        let is = |host: &str, origin: &str, scheme| {
            Authority::parse(host).is_some_and(|host| host.is_origin(origin, scheme))
        };
        let (http, https) = (Some(Scheme::Http), Some(Scheme::Https));
        for (host, origin, scheme) in [
            ("h:18888", "http://h:18888", http),
            ("h", "http://h", http),
            ("h:80", "http://h", http),
            ("h", "http://h:80", http),
            ("h:443", "https://h", https),
            ("h", "https://h:443", https),
            ("H.Example.", "HTTPS://h.example", https),
            ("[::1]:9", "http://[0:0::1]:9", http),
            ("127.0.0.1", "http://127.0.0.1", http),
            ("h", "https://h", None),
            ("h:8443", "https://h:8443", None),
        ] {
            assert!(is(host, origin, scheme), "{host} {origin}");
        }
        for (host, origin, scheme) in [
            ("h", "https://h", http),
            ("h", "http://h", https),
            ("h:443", "http://h", https),
            ("h:80", "https://h", None),
            ("h:18888", "http://h", http),
            ("h", "http://g", http),
            ("h", "http://h.evil.example", http),
            ("h", "http://h@evil.example", http),
            ("h", "http://h/", http),
            ("h", "http://", http),
            ("h", "ftp://h", http),
            ("h", "null", http),
            ("h", "h", http),
            ("::1", "http://[::1]", http),
            ("h:99999", "http://h", http),
            ("h:+80", "http://h", http),
            ("", "http://", http),
        ] {
            assert!(!is(host, origin, scheme), "{host} {origin}");
        }
    }
}
