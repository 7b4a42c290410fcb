//! Values as an operator writes them, and what was wanted where one is wrong.

use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};

use p2sp::limits::KEEP_DAYS_MIN;
use p2sp::locale::usage::{Usage, Wanted};
use rustix::net::netdevice::name_to_index;

/// An address with a port. One of IPv6 may name its interface: `[fe80::1%eth0]:18888`.
pub fn address(text: &str) -> Result<SocketAddr, Wanted> {
    let text = text.trim();
    if let Ok(address) = text.parse::<SocketAddr>() {
        let lacks_zone = matches!(address, SocketAddr::V6(v6)
            if v6.ip().is_unicast_link_local() && v6.scope_id() == 0);
        return if lacks_zone { Err(Wanted::Zone) } else { Ok(address) };
    }
    let (host, port) =
        text.strip_prefix('[').and_then(|rest| rest.split_once("]:")).ok_or(Wanted::Address)?;
    let (ip, zone) = host.split_once('%').ok_or(Wanted::Address)?;
    let (ip, port) = (ip.parse().ok(), port.parse().ok());
    let (Some(ip), Some(port)) = (ip, port) else { return Err(Wanted::Address) };
    let index = UdpSocket::bind((IpAddr::from([127, 0, 0, 1]), 0))
        .ok()
        .and_then(|socket| name_to_index(socket, zone).ok())
        .ok_or_else(|| Wanted::Interface(zone.to_owned()))?;
    Ok(SocketAddrV6::new(ip, port, 0, index).into())
}

/// For how many days the log is kept.
pub fn days(text: &str) -> Result<u32, Wanted> {
    text.trim().parse().ok().filter(|days| *days >= KEEP_DAYS_MIN).ok_or(Wanted::Days)
}

/// Fails if two of the addresses cannot be listened on together. Port 0, which the system replaces,
/// never collides.
pub fn check_addresses(listen: &[SocketAddr], metrics: Option<SocketAddr>) -> Result<(), Usage> {
    let covers = |wide: &SocketAddr, address: &SocketAddr| {
        wide.ip().is_unspecified() && wide.is_ipv4() == address.is_ipv4()
    };
    let meet = |one: &SocketAddr, other: &SocketAddr| {
        one.port() != 0
            && one.port() == other.port()
            && (one.ip() == other.ip() || covers(one, other) || covers(other, one))
    };
    for (index, one) in listen.iter().enumerate() {
        let Some(other) = listen[..index].iter().find(|other| meet(one, other)) else { continue };
        let (address, within) = if covers(one, other) { (other, one) } else { (one, other) };
        let (address, within) = (address.to_string(), within.to_string());
        return Err(match address == within {
            true => Usage::ListenTwice { address },
            false => Usage::ListenWithin { address, within },
        });
    }
    let Some(metrics) = metrics else { return Ok(()) };
    let address = metrics.to_string();
    if !metrics.ip().is_loopback() {
        return Err(Usage::MetricsNotLoopback { address });
    }
    match listen.iter().any(|listen| meet(listen, &metrics)) {
        true => Err(Usage::MetricsListened { address }),
        false => Ok(()),
    }
}

/// Whether an argument is a setting of the server. Limits are listed by themselves.
pub fn is_setting(arg: &clap::Arg) -> bool {
    arg.get_env().is_some() && arg.get_id() != "limit"
}

/// Whether an argument has no value on the command line.
pub fn is_flag(arg: &clap::Arg) -> bool {
    matches!(arg.get_action(), clap::ArgAction::SetTrue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_port_and_a_link_local_one_its_interface() {
        for text in ["127.0.0.1:1", " 127.0.0.1:1", "[::1]:18888", "0.0.0.0:0", "[fe80::1%1]:7"] {
            assert!(address(text).is_ok(), "{text}");
        }
        let zone = address("[fe80::1%lo]:7").expect("every machine has it");
        assert!(matches!(zone, SocketAddr::V6(v6) if v6.scope_id() > 0 && v6.port() == 7));
        assert_eq!(address("[fe80::1]:7"), Err(Wanted::Zone));
        assert_eq!(address("[fe80::1%nowhere9]:7"), Err(Wanted::Interface("nowhere9".into())));
        for text in ["", "127.0.0.1", "::1", "[::1]", "localhost:7", "1.2.3.4:70000", "[x%lo]:1"] {
            assert_eq!(address(text), Err(Wanted::Address), "{text}");
        }
    }
}
