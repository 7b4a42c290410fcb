//! The PROXY protocol, version 2: before the bytes of its peer, a reverse proxy sends a header with
//! the peer's address.
//!
//! ```text
//!  0           12     13      14      16
//!  ├ signature ┼ 2│cmd┼ family┼ length┼ addresses, and more that is skipped ┤
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::limits::{PROXY_HEADER_BYTES_MAX, PROXY_HEADER_BYTES_MIN};

/// The first bytes of a header. No line, frame or TLS record begins so.
pub const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The beginning of a connection's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxied {
    /// No header.
    No,
    /// The beginning of one, perhaps.
    Unfinished,
    /// One that breaks its rules.
    Broken,
    /// A whole header.
    Header {
        /// The header's length.
        bytes: usize,
        /// The peer's address; `None` if the proxy connects for itself or for a peer without one.
        peer: Option<IpAddr>,
    },
}

/// Reads the header that the bytes begin with.
pub fn read(bytes: &[u8]) -> Proxied {
    let seen = bytes.len().min(SIGNATURE.len());
    if bytes[..seen] != SIGNATURE[..seen] {
        return Proxied::No;
    }
    let Some((fixed, rest)) = bytes.split_at_checked(PROXY_HEADER_BYTES_MIN) else {
        return Proxied::Unfinished;
    };
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    let (version, command) = (fixed[12] >> 4, fixed[12] & 0xF);
    if version != 2 || command > 1 || PROXY_HEADER_BYTES_MIN + length > PROXY_HEADER_BYTES_MAX {
        return Proxied::Broken;
    }
    let Some(addresses) = rest.get(..length) else { return Proxied::Unfinished };
    // Over TCP the source comes first. Other families have no address that is known here.
    let peer = match (command, fixed[13]) {
        (1, 0x11) if length >= 12 => addresses.first_chunk().map(|v4| Ipv4Addr::from(*v4).into()),
        (1, 0x21) if length >= 36 => {
            addresses.first_chunk::<16>().map(|v6| Ipv6Addr::from(*v6).into())
        }
        (1, 0x11 | 0x21) => return Proxied::Broken,
        _ => None,
    };
    Proxied::Header { bytes: PROXY_HEADER_BYTES_MIN + length, peer }
}

/// The last address in a value of `X-Forwarded-For`, which the proxy itself added. It may have a
/// port.
pub fn last_forwarded(value: &str) -> Option<IpAddr> {
    let last = value.rsplit(',').next().unwrap_or_default().trim();
    let bare = last.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(last);
    let with_port = || last.parse().ok().map(|at: std::net::SocketAddr| at.ip());
    bare.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = (addresses.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[0x20 | command, family], &length, addresses].concat()
    }

    #[test]
    fn p20_a_header_is_whole_or_none_or_broken() {
        let v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0, 9, 0, 9];
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
        let more = [&v4[..], b"\x03\x00\x04abcd"].concat();
        for (bytes, peer) in [
            (header(1, 0x11, &v4), Some("192.0.2.7")),
            (header(1, 0x11, &more), Some("192.0.2.7")),
            (header(1, 0x21, &v6), Some("2001:db8::")),
            (header(0, 0x00, &[]), None),
            (header(0, 0x11, &v4), None),
            (header(1, 0x00, &[1; 9]), None),
            (header(1, 0x31, &[0; 216]), None),
        ] {
            let peer = peer.map(|peer| peer.parse().expect("an address"));
            let whole = [&bytes[..], b"behind"].concat();
            assert_eq!(read(&whole), Proxied::Header { bytes: bytes.len(), peer });
            for cut in 0..bytes.len() {
                assert_eq!(read(&bytes[..cut]), Proxied::Unfinished, "{cut}");
            }
        }
        for broken in [
            header(1, 0x11, &v4[..11]),
            header(1, 0x21, &v4),
            header(2, 0x11, &v4),
            header(1, 0x11, &vec![0; PROXY_HEADER_BYTES_MAX]),
            [&SIGNATURE[..], &[0x11, 0x11, 0, 12], &v4].concat(),
        ] {
            assert_eq!(read(&broken), Proxied::Broken, "{broken:?}");
        }
        for other in [&b"\r\n\r\nx"[..], b"GET", b"\xab", b"\r\n\r\n\0\r\nQUIT "] {
            assert_eq!(read(other), Proxied::No, "{other:?}");
        }
    }

    #[test]
    fn what_the_proxy_added_itself_stands_last() {
        let last = |value: &str| last_forwarded(value).map(|address| address.to_string());
        for (value, address) in [
            ("192.0.2.7", "192.0.2.7"),
            ("1.1.1.1, 192.0.2.7", "192.0.2.7"),
            ("spoofed,192.0.2.7:4321 ", "192.0.2.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("1.1.1.1,[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:80", "2001:db8::1"),
        ] {
            assert_eq!(last(value).as_deref(), Some(address), "{value}");
        }
        for value in ["", "unknown", "192.0.2.7, ", "192.0.2.7, secret"] {
            assert_eq!(last(value), None, "{value}");
        }
    }
}
