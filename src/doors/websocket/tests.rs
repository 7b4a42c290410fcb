//! What `websocket.rs` must do.

use super::*;

const MASK: [u8; 4] = [1, 2, 3, 0x84];

/// A frame of a peer's.
fn masked(opcode: OpCode, is_final: bool, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader { opcode, is_final, mask: Some(MASK), ..FrameHeader::default() };
    let mut out = Vec::new();
    header.format(payload.len() as u64, &mut out).expect("memory");
    let start = out.len();
    out.extend_from_slice(payload);
    unmask(&mut out[start..], MASK);
    out
}

fn text(payload: &[u8]) -> Vec<u8> {
    masked(OpCode::Data(Data::Text), true, payload)
}

fn open(
    socket: &mut WebSocket,
    came: &[u8],
    room: usize,
) -> (Result<bool, Fault>, Vec<Vec<u8>>, Vec<u8>) {
    let mut bytes = Vec::new();
    socket.move_kept(&mut bytes);
    bytes.extend_from_slice(came);
    let (mut messages, mut pongs) = (Vec::new(), Vec::new());
    let take = |message: &[u8]| messages.push(message.to_vec());
    let opened = socket.open(&mut bytes, room, &mut pongs, take);
    (opened, messages, pongs)
}

/// A ping stands between two fragments, and a character is cut by both.
fn talk() -> Vec<u8> {
    let data = |data, is_final, payload: &[u8]| masked(OpCode::Data(data), is_final, payload);
    [
        text(b"one"),
        data(Data::Text, false, "两".as_bytes()[..1].into()),
        masked(OpCode::Control(Control::Ping), true, b"?"),
        data(Data::Continue, false, b""),
        data(Data::Continue, true, "两".as_bytes()[1..].into()),
        masked(OpCode::Control(Control::Pong), true, b""),
        text(b""),
    ]
    .concat()
}

#[test]
fn messages_cut_anywhere_are_whole_and_nothing_of_them_is_kept() {
    let bytes = talk();
    for cut in 0..=bytes.len() {
        let mut socket = WebSocket::default();
        let (first, mut messages, mut pongs) = open(&mut socket, &bytes[..cut], 1_000);
        let (second, more, more_pongs) = open(&mut socket, &bytes[cut..], 1_000);
        messages.extend(more);
        pongs.extend(more_pongs);
        assert_eq!((first, second), (Ok(false), Ok(false)));
        assert_eq!(messages, [&b"one"[..], "两".as_bytes(), b""], "cut at {cut}");
        assert_eq!(pongs, b"\x8a\x01?");
        assert!(!socket.is_within() && !socket.waits());
        assert_eq!(socket.received.len() + socket.message.capacity(), 0);
    }
}

#[test]
fn p20_no_more_is_opened_than_there_is_room_for() {
    let mut socket = WebSocket::default();
    let bytes = [text(&[b'a'; 100]), text(&[b'b'; 100])].concat();
    let (_, messages, _) = open(&mut socket, &bytes, 223);
    assert_eq!((messages.len(), socket.waits()), (1, true), "each needs 112");
    assert!(!socket.is_within(), "what waits is not the peer's fault");
    let (_, messages, _) = open(&mut socket, b"", 112);
    assert_eq!((messages, socket.waits()), (vec![vec![b'b'; 100]], false));
}

#[test]
fn what_breaks_the_rules_is_seen_by_its_header() {
    let data = |data, is_final, payload: &[u8]| masked(OpCode::Data(data), is_final, payload);
    let control = |control, payload: &[u8]| masked(OpCode::Control(control), true, payload);
    let header = |bytes: &[u8]| [bytes, &MASK].concat();
    let fragment = data(Data::Text, false, b"x");
    for (name, bytes, fault) in [
        ("no mask", b"\x81\x00".to_vec(), PROTOCOL),
        ("a reserved bit", header(b"\xc1\x80"), PROTOCOL),
        ("a reserved opcode", header(b"\x83\x80"), PROTOCOL),
        ("a reserved control", header(b"\x8b\x80"), PROTOCOL),
        ("a fragment of a ping", header(b"\x09\x80"), PROTOCOL),
        ("a long ping", header(b"\x89\xfe\x00\x7e"), PROTOCOL),
        ("a continuation of nothing", header(b"\x80\x80"), PROTOCOL),
        ("a message within another", [fragment.clone(), header(b"\x81\x80")].concat(), PROTOCOL),
        ("binary", header(b"\x82\xff\0\0\0\0\x7f\0\0\0"), BINARY),
        ("one byte too many", header(b"\x81\xff\0\0\0\0\0\x01\0\x01"), TOO_LONG),
        ("all bytes there are", header(b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff"), TOO_LONG),
        ("too many in all", [fragment, header(b"\x80\xff\0\0\0\0\0\x01\0\0")].concat(), TOO_LONG),
        ("no UTF-8", text(b"\xff"), NOT_TEXT),
        ("half a character", [data(Data::Text, true, b"\xe4\xb8")].concat(), NOT_TEXT),
        ("a close of one byte", control(Control::Close, b"x"), PROTOCOL),
        ("a close without a reason to be", control(Control::Close, b"\x03\xed"), PROTOCOL),
        ("a close in no words", control(Control::Close, b"\x03\xe8\xff"), PROTOCOL),
    ] {
        let bytes = [text(b"before"), bytes].concat();
        let mut socket = WebSocket::default();
        let (opened, messages, _) = open(&mut socket, &bytes, 1_000_000);
        assert_eq!(opened, Err(fault), "{name}");
        assert_eq!(messages, [b"before"], "{name}");
        let mut told = Vec::new();
        socket.note_fault_told();
        socket.end(Ending::Policy, &mut told);
        let code = u16::from(fault.1).to_be_bytes();
        assert_eq!(told, [0x88, 2, code[0], code[1]], "{name}");
    }
}

#[test]
fn a_close_is_answered_with_its_code() {
    for (payload, code) in [(&b""[..], 1000_u16), (b"\x03\xe9bye", 1001), (b"\x0f\xa0", 4000)] {
        let mut socket = WebSocket::default();
        let close = masked(OpCode::Control(Control::Close), true, payload);
        let bytes = [text(b"one"), close, text(b"never")].concat();
        let (opened, messages, _) = open(&mut socket, &bytes, 1_000);
        assert_eq!((opened, messages), (Ok(true), vec![b"one".to_vec()]));
        let mut told = Vec::new();
        socket.end(Ending::Normal, &mut told);
        assert_eq!(told[2..], code.to_be_bytes());
    }
}

#[test]
fn a_frame_of_any_length_is_given_its_header() {
    for (payload_bytes, header_bytes) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
        let mut out = b"before".to_vec();
        append_text(&mut out, |out| out.resize(out.len() + payload_bytes, b'x'));
        let framed = &out[6..];
        assert_eq!(framed.len(), header_bytes + payload_bytes);
        assert_eq!(unit_len(framed), Some(framed.len()));
        assert!(framed[header_bytes..].iter().all(|byte| *byte == b'x'));
    }
    assert_eq!(unit_len(b"HTTP/1.1 101 x\r\n\r\n\x81\x00"), Some(18));
}
