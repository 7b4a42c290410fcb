//! The doors: whatever a peer begins with, the shipped loop understands the same however the bytes
//! are cut, what it holds of them is bounded, and it comes to rest.
//!
//! The first byte chooses the cuts; the rest is what comes on one connection.

use p2sp::handlers::Rules;

use crate::support::test_server::TestServer;

/// Sends the bytes whole, and again in pieces.
pub fn run(bytes: &[u8]) {
    let Some((&seed, bytes)) = bytes.split_first() else { return };
    let piece = usize::from(seed % 61) + 1;
    let whole = said(bytes, bytes.len().max(1));
    let pieces = said(bytes, piece);
    assert_eq!(whole.1, pieces.1, "whether it ends");
    // When all comes at once, a telnet that negotiates is known earlier, and is asked otherwise;
    // and a ping is answered though it stands behind what ends the connection.
    if !bytes.contains(&0xFF) && !bytes.contains(&0x89) {
        assert!(whole.0 == pieces.0, "in pieces of {piece}");
    }
}

/// What the server says to them, in no order: a pong overtakes answers that came in front of it.
/// How it ends its lines depends on what it has seen of the peer's.
fn said(bytes: &[u8], piece: usize) -> (Vec<u8>, bool) {
    let mut server = TestServer::new(Rules::default());
    let end = server.net.connect(([127, 0, 0, 1], 1).into());
    let mut said = Vec::new();
    for piece in bytes.chunks(piece) {
        server.net.send(end, piece);
        server.settle();
        said.extend(server.net.take(end));
    }
    server.net.finish(end);
    server.settle();
    said.extend(server.net.take(end));
    said.retain(|byte| *byte != b'\r');
    said.sort_unstable();
    (said, server.net.has_ended(end))
}
