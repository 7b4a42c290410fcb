//! Behind a proxy: for whom it speaks is believed where the operator named it, and from nowhere
//! else. The shipped loop and server on pipes.

use std::net::IpAddr;
use std::time::Duration;

use p2sp::handlers::Rules;
use p2sp::limits::PROXY_HEADER_BYTES_MAX;
use p2sp::password::KeyHash;
use p2sp::wire::Fingerprint;
use serde_json::json;

use crate::support::caller::Caller;
use crate::support::test_server::{PASSWORD, TestServer, certificate};

const LOCAL_PROXY: &str = "127.0.0.1:1";
const OTHER_PROXY: &str = "10.0.0.5:1";
const ELSEWHERE: &str = "192.0.2.1:1";

fn server(change: impl FnOnce(&mut Rules)) -> TestServer {
    let proxies = [LOCAL_PROXY, OTHER_PROXY].map(address);
    let mut rules = Rules { proxies: proxies.into(), tls_required: true, ..Rules::default() };
    rules.hosts = vec!["chat.example".into()];
    change(&mut rules);
    TestServer::with(rules, Some(certificate()))
}

fn address(text: &str) -> IpAddr {
    text.parse::<std::net::SocketAddr>().expect("an address").ip()
}

/// What a proxy says in front of a peer's bytes.
fn header(peer: &str) -> Vec<u8> {
    let (family, addresses) = match peer.parse().expect("an address") {
        IpAddr::V4(v4) => (0x11, [&v4.octets()[..], &[0; 8]].concat()),
        IpAddr::V6(v6) => (0x21, [&v6.octets()[..], &[0; 20]].concat()),
    };
    let length = (addresses.len() as u16).to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n\x21", &[family][..], &length, &addresses].concat()
}

/// A connection through a proxy, for a peer who may speak TLS themselves.
fn through(
    server: &mut TestServer,
    proxy: &str,
    peer: &str,
    trusts: Option<Fingerprint>,
) -> Caller {
    let caller = Caller::connect(server, proxy, trusts);
    server.net.send(caller.end, &header(peer));
    caller
}

/// A browser's request through a proxy that speaks HTTP: what it is answered.
fn browse(server: &mut TestServer, proxy: &str, path: &str, headers: &str) -> String {
    let mut caller = Caller::connect(server, proxy, None);
    let request = format!("GET {path} HTTP/1.1\r\nHost: chat.example\r\n{headers}\r\n");
    server.net.send(caller.end, request.as_bytes());
    caller.converse(server);
    server.net.cut(caller.end);
    server.settle();
    String::from_utf8_lossy(&caller.plain).into_owned()
}

#[test]
fn a_peer_is_who_the_proxy_says() {
    for proxy in [LOCAL_PROXY, OTHER_PROXY] {
        let mut server = server(|rules| rules.invite = Some(KeyHash::of("swordfish")));
        for (trusts, name) in [(None, "ann"), (Some(certificate().fingerprint), "bob")] {
            let mut caller = through(&mut server, proxy, "192.0.2.7", trusts);
            let mut args = json!({"username": name, "password": PASSWORD});
            // Not on this machine, though the proxy is.
            assert_eq!(caller.ask(&mut server, "reg", args.clone())["code"], "invite_required");
            args["invite"] = "swordfish".into();
            assert_eq!(caller.ask(&mut server, "reg", args.clone())["code"], "ok");
            args["password"] = "wrong horse".into();
            assert_eq!(caller.ask(&mut server, "login", args.clone())["code"], "bad_credentials");
            // The delay is that peer's, and nobody else's behind the same proxy.
            args["password"] = PASSWORD.into();
            assert_eq!(caller.ask(&mut server, "login", args.clone())["code"], "slow_down");
            let mut other = through(&mut server, proxy, "2001:db8::7", trusts);
            assert_eq!(other.ask(&mut server, "login", args)["code"], "ok");
        }
    }
}

#[test]
fn limits_by_address_are_those_of_the_peers() {
    let mut server = server(|rules| rules.limits.connections_per_address = 2);
    let mut held = Vec::new();
    // The proxy itself may have many.
    for peer in ["192.0.2.7", "192.0.2.7", "2001:db8::7", "2001:db8::7"] {
        let mut caller = through(&mut server, LOCAL_PROXY, peer, None);
        assert_eq!(caller.ask(&mut server, "ping", json!({}))["code"], "ok", "{peer}");
        held.push(caller);
    }
    for (proxy, peer) in [(LOCAL_PROXY, "192.0.2.7"), (OTHER_PROXY, "2001:db8::7")] {
        let mut caller = through(&mut server, proxy, peer, None);
        caller.converse(&mut server);
        server.pass(Duration::from_secs(3));
        assert!(caller.has_ended(&server) && caller.plain.is_empty(), "one too many");
        let answer = browse(&mut server, proxy, "/", &format!("X-Forwarded-For: {peer}\r\n"));
        assert_eq!(answer, "", "over HTTP as well");
    }
    // A place is free again where one of them goes, and only there.
    server.net.cut(held[0].end);
    server.settle();
    let answer = browse(&mut server, LOCAL_PROXY, "/", "X-Forwarded-For: 192.0.2.7\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = browse(&mut server, LOCAL_PROXY, "/", "X-Forwarded-For: 2001:db8::7\r\n");
    assert_eq!(answer, "");
}

#[test]
fn what_a_peer_says_of_itself_counts_nothing() {
    let mut server = server(|rules| rules.limits.connections_per_address = 1);
    let mut held = through(&mut server, LOCAL_PROXY, "192.0.2.7", None);
    assert_eq!(held.ask(&mut server, "ping", json!({}))["code"], "ok");
    // The proxy adds the last; what stands before it came with the request.
    for (headers, status) in [
        ("X-Forwarded-For: 192.0.2.7, 192.0.2.8\r\n", "HTTP/1.1 200 "),
        ("X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 192.0.2.8\r\n", "HTTP/1.1 200 "),
        ("X-Forwarded-For: 192.0.2.8, 192.0.2.7\r\n", ""),
        ("X-Forwarded-For: nonsense\r\n", "HTTP/1.1 200 "),
        ("", "HTTP/1.1 200 "),
    ] {
        let answer = browse(&mut server, LOCAL_PROXY, "/", headers);
        assert!(answer.starts_with(status) && answer.is_empty() == status.is_empty(), "{headers}");
    }
    // Behind the protocol's header all of the request is the peer's own. The header stands once.
    let mut peer = through(&mut server, LOCAL_PROXY, "192.0.2.9", None);
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n";
    server.net.send(peer.end, request);
    peer.converse(&mut server);
    assert!(peer.plain.starts_with(b"HTTP/1.1 200 "));
    let mut peer = through(&mut server, LOCAL_PROXY, "192.0.2.10", None);
    server.net.send(peer.end, &header("192.0.2.7"));
    peer.converse(&mut server);
    assert_eq!(peer.codes(), ["bad_magic"]);
    // From elsewhere neither is believed: the header is no frame.
    for (from, code) in [(ELSEWHERE, "tls_required"), ("127.0.0.9:1", "bad_magic")] {
        let mut stranger = through(&mut server, from, "127.0.0.1", None);
        stranger.converse(&mut server);
        assert_eq!(stranger.codes(), [code]);
    }
    let answer = browse(&mut server, "192.0.2.2:1", "/", "X-Forwarded-For: 127.0.0.1\r\n");
    assert!(answer.starts_with("HTTP/1.1 307 "), "{answer}");
}

#[test]
fn p23_a_header_is_whole_in_time_in_whatever_pieces() {
    let mut server = server(|_| ());
    let bytes = header("192.0.2.7");
    for cut in 1..bytes.len() {
        let mut caller = Caller::connect(&server, LOCAL_PROXY, None);
        server.net.send(caller.end, &bytes[..cut]);
        server.settle();
        server.net.send(caller.end, &bytes[cut..]);
        assert_eq!(caller.ask(&mut server, "ping", json!({}))["code"], "ok", "{cut}");
        let mut begun = Caller::connect(&server, LOCAL_PROXY, None);
        server.net.send(begun.end, &bytes[..cut]);
        server.pass(Duration::from_secs(14));
        assert!(!begun.has_ended(&server), "{cut}");
        server.pass(Duration::from_secs(2));
        assert!(begun.has_ended(&server), "{cut}");
    }
    let too_long = (PROXY_HEADER_BYTES_MAX as u16).to_be_bytes();
    for broken in [[&bytes[..14], &too_long].concat(), [&bytes[..12], &[0x11; 30]].concat()] {
        let mut caller = Caller::connect(&server, LOCAL_PROXY, None);
        server.net.send(caller.end, &broken);
        caller.converse(&mut server);
        assert_eq!(caller.codes(), ["bad_magic"]);
        assert!(caller.has_ended(&server));
    }
    // A proxy that only looks whether we live speaks for itself; and whoever sits at its machine
    // needs no header at all.
    let mut probe = Caller::connect(&server, LOCAL_PROXY, None);
    server.net.send(probe.end, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0");
    assert_eq!(probe.ask(&mut server, "ping", json!({}))["code"], "ok");
    let mut bare = Caller::connect(&server, LOCAL_PROXY, None);
    assert_eq!(bare.ask(&mut server, "ping", json!({}))["code"], "ok");
}

#[test]
fn the_page_opens_its_socket_through_a_proxy_that_ended_tls() {
    let mut server = server(|_| ());
    let asks = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Forwarded-For: 192.0.2.7\r\n";
    let mut open = |proxy: &str, more: &str| {
        browse(&mut server, proxy, "/ws", &format!("{asks}{more}")).get(9..12).map(str::to_owned)
    };
    let https = "Origin: https://chat.example\r\n";
    for proxy in [LOCAL_PROXY, OTHER_PROXY] {
        for (more, status) in [
            (https.to_owned(), "101"),
            (format!("{https}X-Forwarded-Proto: https\r\n"), "101"),
            (format!("{https}X-Forwarded-Proto: http\r\n"), "403"),
            ("Origin: http://chat.example\r\nX-Forwarded-Proto: https\r\n".to_owned(), "403"),
            ("Origin: https://evil.example\r\n".to_owned(), "403"),
        ] {
            assert_eq!(open(proxy, &more).as_deref(), Some(status), "{proxy} {more}");
        }
    }
    // Without the operator's word plaintext is plaintext, whatever a header says.
    let forged = format!("{https}X-Forwarded-Proto: https\r\n");
    let status = open("127.0.0.9:1", &forged);
    assert_eq!(status.as_deref(), Some("403"));
}

#[test]
fn the_log_of_sign_ins_has_the_peers_address() {
    let mut server = server(|_| ());
    let args = json!({"username": "ann", "password": PASSWORD});
    let mut caller = through(&mut server, LOCAL_PROXY, "192.0.2.7", None);
    assert_eq!(caller.ask(&mut server, "reg", args.clone())["code"], "ok");
    assert_eq!(caller.ask(&mut server, "login", args.clone())["code"], "ok");
    // So guesses from elsewhere do not hold them up there, and do behind another address.
    for n in 0..30 {
        let mut eve = through(&mut server, LOCAL_PROXY, &format!("10.{n}.0.1"), None);
        let guess = json!({"username": "ann", "password": "guess"});
        assert_eq!(eve.ask(&mut server, "login", guess)["code"], "bad_credentials");
    }
    let mut new = through(&mut server, LOCAL_PROXY, "198.51.100.1", None);
    assert_eq!(new.ask(&mut server, "login", args.clone())["code"], "slow_down");
    let mut known = through(&mut server, LOCAL_PROXY, "192.0.2.7", None);
    assert_eq!(known.ask(&mut server, "login", args)["code"], "ok");
}
