//! The shipped loop and server over a real store, on pipes instead of sockets.
//!
//! ```text
//! start ─► settle | pass ─► … ─► crash (nothing is finished) | stop (drained) ─► start
//! ```
//!
//! The database is a file in a temporary directory, in memory where the system has such a place:
//! a database of SQLite's own memory cannot have a write-ahead log. A start after a crash knows
//! nothing but that file (P25). The first start makes the account `admin`.
//!
//! What begins with `try` hands back how the store failed; for the others that is the test's end.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use p2sp::certificate::{Certificate, Source};
use p2sp::event_loop::net::Net;
use p2sp::event_loop::{Ended, EventLoop};
use p2sp::handlers::Rules;
use p2sp::id::Moment;
use p2sp::names::Name;
use p2sp::password::{Outcome, Task};
use p2sp::server::{Fatal, Server};
use p2sp::store::{Opening, Store, StoreError, Synchronous};
use tempfile::TempDir;

use super::pipe_net::{CHEAP, Call, PipeNet};
use super::replica::Record;

/// Everyone's password, the administrator's too.
pub const PASSWORD: &str = "correct horse";

/// The epoch of every database.
pub const EPOCH: &str = "00000000000e90c4";

/// More connections than any test makes.
const CONNECTIONS_MAX: usize = 10_000;

/// A loop that has not come to rest after so many turns spins (P22).
const TURNS_MAX: u64 = 200_000;

/// The server's certificate in every test of a process: making one is not what they test.
pub fn certificate() -> Certificate {
    static MADE: OnceLock<Certificate> = OnceLock::new();
    let make = || {
        let dir = tempfile::tempdir().expect("a directory");
        Source::Own(dir.path().into())
            .load_or_make(&Default::default(), 1_800_000_000)
            .expect("a certificate")
    };
    MADE.get_or_init(make).clone()
}

/// A server and its edge.
pub struct TestServer {
    /// The edge.
    pub net: PipeNet,
    /// Who is told what the loop does at the next edges.
    pub witness: fn(Call),
    rules: Rules,
    certificate: Option<Certificate>,
    dir: PathBuf,
    synchronous: Synchronous,
    event_loop: Option<EventLoop<PipeNet, Server>>,
    starts: u8,
    /// What its transactions wrote, if that is recorded.
    record: Option<Record>,
    /// Removed with the server.
    _dir: Option<TempDir>,
}

impl TestServer {
    /// A server, started on a new database.
    pub fn new(rules: Rules) -> TestServer {
        TestServer::with(rules, None)
    }

    /// The same, with a certificate to speak TLS.
    pub fn with(rules: Rules, certificate: Option<Certificate>) -> TestServer {
        let dir = temp_dir();
        let mut server = TestServer::at(dir.path(), rules, Synchronous::Off);
        (server._dir, server.certificate) = (Some(dir), certificate);
        server.start();
        server
    }

    /// A server on a new database whose transactions are recorded.
    pub fn recorded(rules: Rules) -> TestServer {
        let dir = temp_dir();
        let mut server = TestServer::at(dir.path(), rules, Synchronous::Off);
        (server._dir, server.record) = (Some(dir), Some(Record::new()));
        server.start();
        server
    }

    /// Ends the server, and sees that another database that does what was recorded is the same.
    pub fn compare_with_replica(&mut self) -> Result<(), String> {
        self.crash();
        self.record.as_ref().map_or(Ok(()), |record| record.compare(&self.dir))
    }

    /// A server over that directory, not started yet.
    pub fn at(dir: &Path, mut rules: Rules, synchronous: Synchronous) -> TestServer {
        rules.hash_cost = CHEAP;
        TestServer {
            net: PipeNet::new(Moment(1_000_000)),
            witness: |_| {},
            rules,
            certificate: None,
            dir: dir.to_owned(),
            synchronous,
            event_loop: None,
            starts: 0,
            record: None,
            _dir: None,
        }
    }

    /// Starts again on the same database, on a new edge; time goes on.
    pub fn start(&mut self) {
        self.try_start().expect("the server starts");
    }

    /// The same; an error says why it does not start.
    pub fn try_start(&mut self) -> Result<(), String> {
        assert!(self.event_loop.is_none(), "one server a database");
        self.starts += 1;
        let now = self.net.moment();
        self.net = PipeNet::new(now);
        self.net.set_witness(self.witness);
        let opening = Opening {
            epoch: EPOCH,
            mid_key: &[7; 16],
            dir: &self.dir,
            synchronous: self.synchronous,
        };
        let (mut store, _) = Store::open(&opening).map_err(|error| error.to_string())?;
        if let Some(record) = &self.record {
            record.of(&mut store);
        }
        if store.people().user_count() == 0 {
            make_admin(&mut store).map_err(|error| error.to_string())?;
        }
        let mut server = Server::new(
            store,
            self.rules.clone(),
            Box::new(self.net.clone()),
            [self.starts; 32],
            now,
        );
        if let Some(certificate) = &self.certificate {
            server.set_certificate(certificate.clone());
        }
        self.event_loop = Some(EventLoop::new(self.net.clone(), server, CONNECTIONS_MAX));
        self.try_pass(Duration::ZERO).map_err(|Fatal(why)| why)
    }

    /// Turns until there is nothing left to do at this moment.
    pub fn settle(&mut self) {
        self.pass(Duration::ZERO);
    }

    /// Turns once.
    pub fn turn(&mut self) {
        self.net.set_horizon(self.net.moment());
        let event_loop = self.event_loop.as_mut().expect("a server runs");
        event_loop.tick().expect("the server goes on");
    }

    /// Lets time pass.
    pub fn pass(&mut self, span: Duration) {
        self.try_pass(span).expect("the store works");
    }

    /// The same; an error is the server's end.
    pub fn try_pass(&mut self, span: Duration) -> Result<(), Fatal> {
        let event_loop = self.event_loop.as_mut().expect("a server runs");
        self.net.set_horizon(self.net.moment().after(span));
        let begun = self.net.waits();
        while !self.net.is_idle() {
            event_loop.tick()?;
            assert!(self.net.waits() - begun < TURNS_MAX, "P22: the loop spins");
        }
        Ok(())
    }

    /// The process is gone: nothing is finished, nobody is told.
    pub fn crash(&mut self) {
        self.event_loop = None;
    }

    /// A signal asks the server to stop, and it drains.
    pub fn stop(&mut self) {
        self.try_stop().expect("the store works");
    }

    /// The same; an error is the server's end.
    pub fn try_stop(&mut self) -> Result<(), Fatal> {
        let event_loop = self.event_loop.take().expect("a server runs");
        self.net.set_horizon(self.net.moment().after(Duration::from_secs(60)));
        self.net.signal();
        assert_eq!(event_loop.run()?, Ended::Drained, "a stop drains");
        Ok(())
    }
}

/// A new directory, in memory where the system has such a place.
pub fn temp_dir() -> TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    TempDir::new_in(place).expect("a temporary directory")
}

fn make_admin(store: &mut Store) -> Result<(), StoreError> {
    let task = Task::Hash { password: PASSWORD.into(), salt: [7; 16] };
    let Outcome::Hashed(stored) = task.run(CHEAP) else { unreachable!("memory for 8 KiB") };
    let name = Name::user("admin").expect("a name");
    store.begin()?;
    store.people_mut().add_user(&name, &stored, true, 0)?;
    store.commit(()).map(|_| ())
}
