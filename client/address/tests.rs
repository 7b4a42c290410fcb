//! What `address.rs` must do.

use super::*;

#[test]
fn an_address_is_read_as_people_write_it() {
    for (text, read) in [
        ("127.0.0.1", "127.0.0.1:18888"),
        ("chat.example.org:99", "chat.example.org:99"),
        (" chat.example.org ", "chat.example.org:18888"),
        ("::1", "[::1]:18888"),
        ("0:0:0:0:0:0:0:1", "[::1]:18888"),
        ("[fe80::2]", "[fe80::2]:18888"),
        ("[::1]:7", "[::1]:7"),
        ("fe80::1%eth0", "[fe80::1%eth0]:18888"),
        ("[fe80::1%eth0]:7", "[fe80::1%eth0]:7"),
        ("１２７．０．０．１：７", "127.0.0.1:7"),
        ("127。0。0。1", "127.0.0.1:18888"),
        ("［：：１］：７", "[::1]:7"),
        ("http://localhost:18888/", "localhost:18888"),
        ("HTTPS://chat.example.org:7/#x", "chat.example.org:7"),
        ("wss://[fe80::1%25eth0]:7/ws", "[fe80::1%eth0]:7"),
        ("localhost:7/", "localhost:7"),
    ] {
        assert_eq!(text.parse::<Address>().map(|a| a.to_string()), Ok(read.into()), "{text}");
    }
    use AddressFault::*;
    for (bad, fault) in [
        ("", NoHost),
        ("  ", NoHost),
        (":1", NoHost),
        ("a:", Port),
        ("a:0", Port),
        ("a:70000", Port),
        ("a:-1", Port),
        ("a:b", Port),
        ("[::1", Ipv6),
        ("[::1]7", Ipv6),
        ("[a]", Ipv6),
        ("1:2:3", Ipv6),
        ("fe80::1%", Ipv6),
        ("a b", NotAHost),
        ("al@a:7", NotAHost),
        ("http://a/", UrlWithoutPort),
        ("http://[::1]", UrlWithoutPort),
        ("http://", NoHost),
        ("ssh://a:7", Scheme),
    ] {
        assert_eq!(bad.parse::<Address>(), Err(fault), "{bad}");
    }
}

#[test]
fn only_what_is_written_as_this_machine_is_local() {
    for (text, local) in [
        ("localhost", true),
        ("LocalHost.:7", true),
        ("127.0.0.1", true),
        ("127.9.9.9:7", true),
        ("::1", true),
        ("[::ffff:127.0.0.1]:7", true),
        ("localhost.example.org", false),
        ("127.0.0.1.example.org", false),
        ("127.1", false),
        ("0.0.0.0", false),
        ("10.0.0.1", false),
        ("chat", false),
    ] {
        let address: Address = text.parse().expect("an address");
        assert_eq!(address.is_local(), local, "{text}");
    }
}
