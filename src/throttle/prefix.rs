//! Addresses by their first bits: what one place has, and what is around it.

use std::net::IpAddr;

use crate::limits::{PREFIX_24_FACTOR, PREFIX_48_FACTOR, PREFIX_56_FACTOR};

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    /// Of an IPv4 address its IPv6 form, so that no two kinds are the same.
    bits: u128,
    length: u8,
}

/// A prefix of IPv4, and of IPv6: how many bits of 128 it has, and how many times what one address
/// may do it may do. The first is what one place has: an address, or the /64 of one network.
const V4: &[(u8, u64)] = &[(128, 1), (96 + 24, PREFIX_24_FACTOR)];
const V6: &[(u8, u64)] = &[(64, 1), (56, PREFIX_56_FACTOR), (48, PREFIX_48_FACTOR)];

impl Prefix {
    /// The address's own prefix.
    pub fn of(address: IpAddr) -> Prefix {
        Prefix::tiers(address).next().map_or(Prefix { bits: 0, length: 0 }, |(prefix, _)| prefix)
    }

    /// The widest prefix that the address is counted in.
    pub fn widest_of(address: IpAddr) -> Prefix {
        Prefix::tiers(address).last().map_or(Prefix { bits: 0, length: 0 }, |(prefix, _)| prefix)
    }

    /// The prefixes that an address is counted in, its own first, each with how many times what
    /// one address may do.
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
