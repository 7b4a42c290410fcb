//! What the server keeps for an idle connection: the sizes of the types, as the compiler laid them
//! out. What is in a set takes a half more, for its nodes are not full.

use p2sp::conn::Connection;
use p2sp::doors::lines::Lines;
use p2sp::doors::websocket::WebSocket;
use p2sp::event_loop::net::Readiness;
use p2sp::id::{ConnId, Moment, UserId};
use p2sp::sessions::Session;
use p2sp_bench::table::{Row, Table};

/// A place in a table by slot: an entry and its generation.
type Slot<T> = Option<(u32, T)>;

/// Adds a line for each.
pub fn tell(table: &mut Table) {
    let parts = [
        ("the connection, by slot", size_of::<Slot<Connection>>()),
        ("the session, by slot", size_of::<Slot<Session>>()),
        ("the user's sessions, in a set", size_of::<(UserId, ConnId)>()),
        ("its next timeout, in a set", size_of::<(Moment, ConnId)>()),
        ("the same, by slot", size_of::<Moment>()),
        ("readiness", size_of::<Readiness>()),
        ("the socket, by slot", size_of::<Slot<mio::net::TcpStream>>()),
        ("over WebSocket besides", size_of::<WebSocket>()),
        ("typing lines besides", size_of::<Lines>()),
    ];
    for (what, bytes) in parts {
        table.add(Row::told(format!("an idle connection: {what}"), format!("{bytes} bytes")));
    }
}
