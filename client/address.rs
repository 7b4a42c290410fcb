//! Where the server is: `HOST[:PORT]` as people write it.
//!
//! A host is a name, an IPv4 address, or an IPv6 address: in brackets, or bare when no port
//! follows. What is written is told from what is meant here and nowhere else; nothing here
//! looks a name up.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// The port of a server that was not told otherwise.
const PORT_DEFAULT: u16 = 18888;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Address, &'static str> {
        if text.parse::<Ipv6Addr>().is_ok() {
            return Ok(Address { host: text.to_owned(), port: PORT_DEFAULT });
        }
        if let Some((host, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            host.parse::<Ipv6Addr>().map_err(|_| "no IPv6 address stands in the brackets")?;
            let port = match port.strip_prefix(':') {
                Some(port) => port_of(port)?,
                None if port.is_empty() => PORT_DEFAULT,
                None => return Err("only a port can follow the brackets: [HOST]:PORT"),
            };
            return Ok(Address { host: host.to_owned(), port });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port_of(port)?),
            None => (text, PORT_DEFAULT),
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err("the host is missing: HOST[:PORT]");
        }
        Ok(Address { host: host.to_owned(), port })
    }
}

fn port_of(text: &str) -> Result<u16, &'static str> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err("a port is a number from 1 to 65535"),
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
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (text, read) in [
            ("127.0.0.1", "127.0.0.1:18888"),
            ("chat.example.org:99", "chat.example.org:99"),
            ("::1", "[::1]:18888"),
            ("[fe80::2]", "[fe80::2]:18888"),
            ("[::1]:7", "[::1]:7"),
        ] {
            assert_eq!(text.parse::<Address>().map(|a| a.to_string()), Ok(read.into()), "{text}");
        }
        for bad in
            ["", ":1", "a:", "a:0", "a:70000", "a:b", "[::1", "[::1]7", "[a]", "a b", "1:2:3"]
        {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
