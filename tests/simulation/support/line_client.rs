//! A person at telnet or nc, and what a terminal of theirs shows.

use p2sp::wire::Fingerprint;

use super::caller::Caller;
use super::test_server::{PASSWORD, TestServer};

/// A person at telnet or nc.
pub struct LineClient {
    /// The connection.
    pub caller: Caller,
}

impl LineClient {
    /// Connects, and types nothing yet.
    pub fn connect(server: &TestServer, address: &str, trusts: Option<Fingerprint>) -> LineClient {
        LineClient { caller: Caller::connect(server, address, trusts) }
    }

    /// Types something, and reads the lines that come.
    pub fn types(&mut self, server: &mut TestServer, text: &str) -> Vec<String> {
        let sealed = self.caller.seal(text.as_bytes());
        server.net.send(self.caller.end, &sealed);
        self.caller.converse(server);
        self.reads()
    }

    /// The lines that came.
    pub fn reads(&mut self) -> Vec<String> {
        let came = std::mem::take(&mut self.caller.plain);
        let text = String::from_utf8(came).expect("text");
        assert!(text.is_empty() || text.ends_with('\n'), "half a line: {text:?}");
        text.lines().map(str::to_owned).collect()
    }

    /// Signed in, by a name that is new.
    pub fn enter(server: &mut TestServer, name: &str) -> LineClient {
        let mut client = LineClient::connect(server, "127.0.0.1:1", None);
        let lines = client.types(server, &format!("reg {name}\n{PASSWORD}\n{PASSWORD}\n"));
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert_eq!(lines[1..3], ["Password:", "Again:"]);
        assert!(lines[0].starts_with("p2sp. ") && lines[4].contains(name), "{lines:?}");
        client
    }
}

/// What a terminal of this width shows of these lines.
pub fn rows(lines: &[String], columns: u16) -> Vec<String> {
    let mut terminal = vt100::Parser::new(200, columns, 0);
    lines.iter().for_each(|line| terminal.process(format!("{line}\r\n").as_bytes()));
    terminal.screen().rows(0, columns).filter(|row| !row.is_empty()).collect()
}
