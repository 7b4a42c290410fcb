//! Prefixes of addresses: that of one place, and the wider ones around it.

use std::net::IpAddr;

use crate::limits::{PREFIX_24_FACTOR, PREFIX_48_FACTOR, PREFIX_56_FACTOR};

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    /// Those of an IPv4 address are of its IPv6 form, so that the two kinds cannot be equal.
    bits: u128,
    length: u8,
}

/// The prefixes of IPv4 and of IPv6: bits of 128, and how many times the limit of one address. The
/// first is that of one place: an address, or the /64 of one network.
const V4: &[(u8, u64)] = &[(128, 1), (96 + 24, PREFIX_24_FACTOR)];
const V6: &[(u8, u64)] = &[(64, 1), (56, PREFIX_56_FACTOR), (48, PREFIX_48_FACTOR)];

impl Prefix {
    /// The address's own prefix.
    pub fn of(address: IpAddr) -> Prefix {
        Prefix::tiers(address).next().unwrap_or_default().0
    }

    /// The widest prefix that the address is counted in.
    pub fn widest_of(address: IpAddr) -> Prefix {
        Prefix::tiers(address).last().unwrap_or_default().0
    }

    /// The prefixes in which an address is counted, its own first, and how many times the limit of
    /// one address each has.
    pub(super) fn tiers(address: IpAddr) -> impl Iterator<Item = (Prefix, u64)> {
        let (bits, lengths) = match address.to_canonical() {
            IpAddr::V4(v4) => (u128::from(v4.to_ipv6_mapped()), V4),
            IpAddr::V6(v6) => (u128::from(v6), V6),
        };
        lengths.iter().map(move |&(length, factor)| {
            let bits = bits & u128::MAX << (128 - u32::from(length));
            (Prefix { bits, length }, factor)
        })
    }
}
