//! Where a connection comes from: a listener, and an address that a proxy may have told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::id::ListenerKind;

/// Whose address a connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The peer's own.
    Direct,
    /// That of a proxy, which has not told the address of its client yet.
    Proxy,
    /// That of a proxy, which told that it speaks for itself.
    Itself,
    /// That of a proxy's client, told by a PROXY header before its bytes.
    Header,
    /// That of a proxy's client, told by `X-Forwarded-For`.
    Forwarded,
}

impl Via {
    /// Whether the connection counts among those of its address. A proxy has those of many
    /// clients.
    pub fn is_counted(self) -> bool {
        !matches!(self, Via::Proxy | Via::Itself)
    }
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The listener that accepted it.
    pub listener: ListenerKind,
    /// How its peer's address is known.
    pub via: Via,
    /// The throttle counts it among the connections of its address.
    pub counted: bool,
    /// IPv4 as an IPv6 address, which needs a byte less than an enum.
    address: Ipv6Addr,
}

impl Origin {
    /// A peer of the network at this address.
    pub fn network(address: IpAddr) -> Origin {
        let (listener, via) = (ListenerKind::Public, Via::Direct);
        Origin { listener, via, counted: false, address: in_six(address) }
    }

    /// A peer at one of the operator's listeners.
    pub fn at_reserved(listener: ListenerKind) -> Origin {
        Origin { listener, ..Origin::network(IpAddr::V4(Ipv4Addr::LOCALHOST)) }
    }

    /// The address at the other end, for the log and for limits by address.
    pub fn address(&self) -> IpAddr {
        IpAddr::V6(self.address).to_canonical()
    }

    /// Sets the address of a proxy's client, as the proxy told it.
    pub fn set_client(&mut self, address: IpAddr, via: Via) {
        (self.address, self.via, self.counted) = (in_six(address), via, true);
    }
}

fn in_six(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}
