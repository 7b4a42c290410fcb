//! One world: a server, its users, the weather, and what befalls them.
//!
//! ```text
//! begin ─► storm: people act, the loop turns, things break ─► calm: all come back ─► the end
//!              └── killed, or told to stop ─► started again on what is on the disk ──┘
//! ```
//!
//! In the calm nothing breaks any more: whoever keeps the book is back soon, and has been shown
//! all there is to be shown within five seconds (P14).

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use p2sp::event_loop::{Ended, EventLoop};
use p2sp::handlers::Rules;
use p2sp::id::{Moment, UserId};
use p2sp::names::Name;
use p2sp::password::{Outcome, Task};
use p2sp::server::Server;
use p2sp::store::{Opening, Store, Synchronous};
use p2sp_test_vfs::{self as vfs, Failure, Fault};
use tempfile::TempDir;

use super::choices::Choices;
use super::client::Client;
use super::coverage::{Counts, Coverage, Happening};
use super::ledger::{Check, Ledger};
use super::liar::Liar;
use super::newcomer::Newcomer;
use super::scene::Scene;
use super::snapshot::Snapshot;
use super::weather::{Edge, Weather};
use crate::support::house::{PASSWORD, temp_dir};
use crate::support::pipe_net::{CHEAP, Call, PeerId, PipeNet};

/// Users that a world may have beside `admin`; each takes the first so many.
const USERS_MAX: usize = 40;
const LIARS_MAX: usize = 3;
/// Seqs of a slice of the log.
const SLICE: i64 = 65_536;
/// Turns of the loop at one moment with nothing moved: more is a spin (P22).
const IDLE_TURNS_MAX: usize = 400;
/// From the last fault on until all is told, and everyone is back, in microseconds.
const CALM_MICROS: u64 = 150_000_000;
/// From then on until everybody has been shown everything, in microseconds (P14).
const SETTLE_MICROS: u64 = 5_000_000;

/// What came of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What happened.
    pub counts: Counts,
    /// All of it, as a number.
    pub trace: u64,
    /// Messages in the log.
    pub messages: u64,
}

/// A world.
pub struct World {
    scene: Scene,
    weather: Rc<RefCell<Weather>>,
    event_loop: Option<EventLoop<PipeNet>>,
    clients: Vec<Client>,
    liars: Vec<Liar>,
    newcomers: Vec<Newcomer>,
    rules: Rules,
    dirs: Dirs,
    starts: u8,
    registered: usize,
    /// Slices of the log that were sealed when it was looked at last.
    sealed: i64,
    connections_max: usize,
    /// What the disk does to SQLite.
    fault: Option<Fault>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    /// Killed at a call to the edge: the database is where its files were copied to.
    Killed,
    /// Its disk failed, or it was killed in a call to it.
    GaveUp,
    /// It was asked to.
    Stopped,
}

/// Where the database is, where the next one will be, and where a copy is looked at.
struct Dirs {
    place: TempDir,
    number: usize,
}

impl Dirs {
    fn database(&self) -> PathBuf {
        self.place.path().join(format!("{}", self.number))
    }

    fn image(&self) -> PathBuf {
        self.place.path().join(format!("{}", self.number + 1))
    }

    fn scratch(&self) -> PathBuf {
        self.place.path().join("scratch")
    }
}

/// Lets a world go by.
///
/// # Errors
/// The first promise that is broken.
pub fn run(choices: Choices, steps: usize) -> Result<Report, String> {
    let mut world = World::begin(choices)?;
    world.storm(steps)?;
    world.calm()?;
    world.end()
}

impl World {
    fn begin(choices: Choices) -> Result<World, String> {
        vfs::install();
        vfs::heal();
        let dirs = Dirs { place: temp_dir(), number: 0 };
        for dir in [dirs.database(), dirs.image(), dirs.scratch()] {
            fs::create_dir(dir).map_err(|error| error.to_string())?;
        }
        fs::write(dirs.database().join("p2sp.db"), empty_house()).map_err(|e| e.to_string())?;
        let users = match choices.weighted(&[(80, 0), (18, 1), (2, 2)]) {
            0 => 3 + choices.below(5),
            1 => 6 + choices.below(10),
            _ => 16 + choices.below(USERS_MAX - 16),
        };
        let liars = choices.below(LIARS_MAX + 1);
        let rules = rules(&choices);
        furnish(&dirs.database(), &choices, users, liars)?;
        age(&dirs.database().join("p2sp.db"), &choices).map_err(|error| error.to_string())?;
        let snapshot = Snapshot::take(&dirs.database(), &dirs.scratch(), 0)?;
        let mut ledger = Ledger::new(&snapshot, &[1]);
        if rules.limits.waiting_per_user.min(rules.limits.waiting_per_sender) < 1_000 {
            ledger.may_refuse_all();
        }
        let coverage = Coverage::default();
        let net = PipeNet::new(Moment(1_000_000));
        let verbose = choices.chance(5);
        let clients = (0..=users).map(|at| {
            let name = if at == 0 { "admin".to_owned() } else { format!("u{}", at - 1) };
            let acks = at == 0 || choices.chance(80);
            let mut client = Client::new(at as i64 + 1, &name, at == 0, acks);
            client.verbose = verbose;
            client
        });
        let clients = clients.collect();
        let liars = (0..liars).map(|at| Liar::new((USERS_MAX + 2 + at) as i64, &format!("m{at}")));
        let connections_max = if choices.chance(10) { users + 3 } else { 10_000 };
        let mut world = World {
            liars: liars.collect(),
            newcomers: Vec::new(),
            scene: Scene::new(net, choices, coverage, ledger),
            weather: Rc::default(),
            event_loop: None,
            clients,
            rules,
            dirs,
            starts: 0,
            registered: 0,
            sealed: snapshot.sealed,
            connections_max,
            fault: None,
        };
        world.change_weather();
        world.start()?;
        Ok(world)
    }

    /// Starts the server on the database, on a new edge. Time goes on.
    fn start(&mut self) -> Check {
        self.starts += 1;
        let (now, ahead) = (self.scene.net.now(), self.scene.net.jumped());
        let database = self.dirs.database();
        {
            let mut weather = self.weather.borrow_mut();
            (weather.database, weather.image) = (database.clone(), self.dirs.image());
            weather.kill = None;
        }
        let edge = Edge {
            choices: self.scene.choices.clone(),
            coverage: self.scene.coverage.clone(),
            weather: Rc::clone(&self.weather),
        };
        self.scene.net = PipeNet::with_whims(now, Box::new(edge));
        self.scene.net.jump(ahead);
        let store = open(&database).map_err(|why| format!("P25: no start: {why}"))?;
        // No two starts have the same, or they would give two users the same key.
        let mut seed = [self.starts; 32];
        seed[0] = self.scene.choices.below(256) as u8;
        let server = Server::new(store, self.rules.clone(), seed, now);
        let net = self.scene.net.clone();
        self.event_loop = Some(EventLoop::new(net, server, self.connections_max));
        Ok(())
    }

    // --- the storm ---

    fn storm(&mut self, steps: usize) -> Check {
        for _ in 0..steps {
            if self.scene.choices.are_spent() {
                break;
            }
            self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Check {
        for _ in 0..1 + self.scene.choices.below(4) {
            let at = self.scene.choices.below(self.clients.len());
            self.clients[at].act(&mut self.scene);
        }
        if !self.liars.is_empty() && self.scene.choices.chance(15) {
            let at = self.scene.choices.below(self.liars.len());
            self.liars[at].act(&mut self.scene);
        }
        match self.scene.choices.weighted(&[(60, 0), (30, 1), (10, 2)]) {
            0 => self.turn(Duration::ZERO)?,
            1 => self.pass(Duration::from_millis(self.scene.choices.below(300) as u64))?,
            _ => {}
        }
        for _ in 0..1 + self.scene.choices.below(4) {
            let at = self.scene.choices.below(self.clients.len());
            self.clients[at].push_out(&mut self.scene);
            self.clients[at].listen(&mut self.scene)?;
        }
        if self.scene.choices.chance(8) {
            self.befall()?;
        }
        if self.scene.choices.chance(4) {
            self.look()?;
        }
        Ok(())
    }

    /// Something goes wrong.
    fn befall(&mut self) -> Check {
        let choices = self.scene.choices.clone();
        let at = choices.below(self.clients.len());
        let peer = self.clients[at].peer();
        match choices.below(29) {
            0..4 => {
                self.scene.saw(Happening::Cut);
                self.clients[at].cut(&mut self.scene);
            }
            4..6 => {
                self.scene.saw(Happening::HalfClose);
                self.clients[at].finish(&mut self.scene);
            }
            6..9 => {
                self.scene.saw(Happening::Stall);
                self.clients[at].stalled ^= true;
                if let (true, Some(peer)) = (choices.chance(50), peer) {
                    self.scene.net.set_capacity(peer, 1 + choices.below(600));
                }
            }
            9..11 => {
                let Some(peer) = peer else { return Ok(()) };
                self.scene.saw(Happening::SmallWindow);
                self.scene.net.set_capacity(peer, 1 + choices.below(3_000));
            }
            11..13 => self.plan_to_kill(),
            13 => self.stop()?,
            14..16 => {
                let held = choices.chance(50);
                self.scene.net.hold_hashes(held);
                self.scene.saw(Happening::HashesHeld);
            }
            16 => {
                let out = choices.chance(50);
                self.scene.net.set_out_of_files(out);
                self.scene.saw(Happening::OutOfFiles);
            }
            17 => {
                let free = if choices.chance(50) { 1 << 20 } else { u64::MAX };
                self.scene.net.set_disk_free(free);
                self.scene.saw(Happening::DiskLow);
                self.scene.ledger.may_refuse_all();
            }
            18 => {
                self.scene.saw(Happening::WallClockJump);
                let span = *choices.pick(&[60, 3_600, 86_400, 8 * 86_400, 31 * 86_400]);
                self.scene.clock_jumped = true;
                self.scene.net.jump(if choices.chance(50) { span } else { -span });
            }
            19 => {
                self.scene.saw(Happening::LongSilence);
                let seconds = *choices.pick(&[5, 20, 200, 700]);
                self.pass(Duration::from_secs(seconds))?;
            }
            20 => self.change_weather(),
            21..23 => self.break_disk(),
            23 => self.welcome(),
            _ => self.clients[at].haunt(&mut self.scene),
        }
        Ok(())
    }

    fn change_weather(&mut self) {
        let choices = &self.scene.choices;
        let mut weather = self.weather.borrow_mut();
        weather.pieces = *choices.pick(&[0, 0, 5, 40]);
        weather.blocks = *choices.pick(&[0, 0, 5, 30]);
        weather.false_alarms = *choices.pick(&[0, 0, 5, 30]);
        weather.slow = choices.chance(15);
        weather.hash_micros = *choices.pick(&[0, 50_000, 3_000_000]);
    }

    fn plan_to_kill(&mut self) {
        let choices = &self.scene.choices;
        let call = choices.weighted(&[
            (2, Call::Wait),
            (6, Call::Moment),
            (2, Call::Accept),
            (2, Call::Read),
            (1, Call::DiskFree),
            (2, Call::Hash),
            (12, Call::Write),
            (2, Call::Shutdown),
            (2, Call::Close),
        ]);
        self.weather.borrow_mut().kill = Some((call, 1 + choices.below(4)));
    }

    /// Somebody new comes, or tries again.
    fn welcome(&mut self) {
        if self.newcomers.is_empty() {
            self.scene.saw(Happening::Newcomer);
            self.registered += 1;
            self.newcomers.push(Newcomer::new(&format!("n{}", self.registered)));
        }
        for newcomer in &mut self.newcomers {
            newcomer.act(&mut self.scene);
        }
    }

    /// The disk is full for a while, or fails, or the process is killed in the middle of SQLite.
    fn break_disk(&mut self) {
        self.mend_disk();
        let choices = &self.scene.choices;
        let nth = choices.below(*choices.pick(&[4, 40])) as u64;
        let fault = match choices.below(6) {
            0 => Fault { calls: &[vfs::Call::Write], nth, lasting: false, how: Failure::Full },
            1 => Fault { calls: &[vfs::Call::Write], nth, lasting: true, how: Failure::Full },
            2 => Fault { calls: vfs::ALL, nth, lasting: false, how: Failure::Error },
            3 => {
                self.mend_disk();
                return;
            }
            _ => Fault { calls: vfs::ALL, nth, lasting: true, how: Failure::Error },
        };
        if fault.how == Failure::Full {
            self.scene.ledger.may_refuse_all();
            self.scene.let_cursors_wait(true);
        }
        vfs::fail(fault);
        self.fault = Some(fault);
    }

    /// Ends the fault of the disk. True: it has met somebody.
    fn mend_disk(&mut self) -> bool {
        let Some(fault) = self.fault.take() else { return false };
        let met = vfs::heal().failed > 0;
        self.scene.let_cursors_wait(false);
        if met {
            self.scene.saw(match (fault.how, fault.lasting) {
                (Failure::Full, false) => Happening::DiskFullOnce,
                (Failure::Full, true) => Happening::DiskFull,
                (_, false) => Happening::DiskFails,
                (_, true) => Happening::KilledInStore,
            });
        }
        met
    }

    /// Turns the loop once, with so much time to pass at most.
    fn turn(&mut self, span: Duration) -> Check {
        let horizon = self.scene.net.now().after(span);
        self.scene.net.set_horizon(horizon);
        self.tick()
    }

    /// Lets time pass; the loop turns as often as it likes.
    fn pass(&mut self, span: Duration) -> Check {
        let horizon = self.scene.net.now().after(span);
        self.scene.net.set_horizon(horizon);
        let starts = self.starts;
        let (mut idle_turns, mut moved) = (0, self.scene.net.progress());
        while !self.scene.net.is_idle() && self.starts == starts {
            self.tick()?;
            let now = self.scene.net.progress();
            idle_turns = if now == moved { idle_turns + 1 } else { 0 };
            moved = now;
            if idle_turns > IDLE_TURNS_MAX {
                return Err("P22: the loop turns and turns, and nothing moves".into());
            }
        }
        self.check_deadlines()
    }

    fn tick(&mut self) -> Check {
        let Some(event_loop) = &mut self.event_loop else { return Ok(()) };
        let ticked = event_loop.tick();
        self.scene.hear()?;
        match ticked {
            _ if self.scene.net.is_dead() => self.come_back(Gone::Killed),
            Ok(now) => {
                self.scene.trace.number(now.mono.0);
                Ok(())
            }
            Err(_) if self.mend_disk() => self.come_back(Gone::GaveUp),
            Err(fatal) => Err(format!("the server gives up: {fatal:?}")),
        }
    }

    /// The process is gone: another is started on what it left.
    fn come_back(&mut self, gone: Gone) -> Check {
        self.scene.trace.note(|| format!("the server is gone: {gone:?}"));
        // A process that is gone writes nothing more, though what it had open is closed here.
        let nothing = Fault { calls: vfs::ALL, nth: 0, lasting: true, how: Failure::Error };
        vfs::fail(nothing);
        self.event_loop = None;
        vfs::heal();
        self.fault = None;
        self.scene.let_cursors_wait(false);
        for at in 0..self.clients.len() {
            // What the kernel had may still arrive.
            if self.scene.choices.chance(50) {
                self.clients[at].listen(&mut self.scene)?;
            }
            self.clients[at].lost();
        }
        self.liars.iter_mut().for_each(Liar::lost);
        self.newcomers.iter_mut().for_each(Newcomer::lost);
        self.scene.all_is_gone(gone != Gone::Stopped);
        if gone == Gone::Killed {
            self.dirs.number += 1;
            fs::create_dir_all(self.dirs.image()).map_err(|error| error.to_string())?;
        }
        self.look()?;
        self.start()
    }

    /// A signal: the server drains and ends, and is started again.
    fn stop(&mut self) -> Check {
        if self.scene.choices.chance(30) {
            self.plan_to_kill();
        }
        let Some(event_loop) = self.event_loop.take() else { return Ok(()) };
        self.scene.saw(Happening::Stopped);
        let horizon = self.scene.net.now().after(Duration::from_secs(60));
        self.scene.net.set_horizon(horizon);
        self.scene.net.signal();
        let ended = event_loop.run();
        self.scene.hear()?;
        match ended {
            _ if self.scene.net.is_dead() => {
                self.scene.saw(Happening::KilledWhileStopping);
                self.come_back(Gone::Killed)
            }
            Ok(Ended::Drained) => self.come_back(Gone::Stopped),
            Err(_) if self.mend_disk() => self.come_back(Gone::GaveUp),
            other => Err(format!("a stop drains, and not {other:?}")),
        }
    }

    /// Compares what was heard with what is in the database now.
    fn look(&mut self) -> Check {
        let known = self.scene.ledger.head();
        let snapshot = Snapshot::take(&self.dirs.database(), &self.dirs.scratch(), known)?;
        if self.event_loop.is_none() && snapshot.head() > self.scene.head_seen {
            self.scene.saw(Happening::CommittedUnseen);
        }
        if snapshot.sealed > std::mem::replace(&mut self.sealed, snapshot.sealed) {
            self.scene.saw(Happening::SliceSealed);
        }
        self.scene.absorb(&snapshot)?;
        for mut newcomer in std::mem::take(&mut self.newcomers) {
            match newcomer.settle(&mut self.scene) {
                Some(client) => self.clients.push(client),
                None => self.newcomers.push(newcomer),
            }
        }
        self.clients.iter_mut().try_for_each(|client| client.check_shown(&self.scene.ledger, false))
    }

    /// Whoever has not signed in is let go in time (P23).
    fn check_deadlines(&mut self) -> Check {
        let now = self.scene.now();
        for at in 0..self.scene.streams.len() {
            if self.scene.net.is_shut_down(PeerId(at)) {
                self.note_end(at);
                self.scene.streams[at].check_skipped()?;
                // What is not answered by now never will be.
                self.scene.leave(PeerId(at));
            }
            let held = self.scene.net.is_accepted(PeerId(at));
            // Behind what its peer does not take, a session may have begun that nobody sees.
            let stuck = self.scene.net.waiting(PeerId(at)) > 0;
            let stream = &mut self.scene.streams[at];
            if held && stream.accepted_at.is_none() {
                stream.accepted_at = Some(now);
            }
            let since = stream.accepted_at.unwrap_or(now);
            let seconds = now.saturating_sub(since) / 1_000_000;
            if held
                && !stuck
                && stream.session.is_none()
                && seconds > self.rules.limits.signin_seconds + 10
            {
                return Err(format!("P23: #{at} is not signed in, after {seconds} s"));
            }
        }
        Ok(())
    }

    /// Whether a connection was ended by a deadline.
    fn note_end(&mut self, at: usize) {
        let stream = &self.scene.streams[at];
        if stream.gone || stream.over.is_some() {
            return;
        }
        self.scene.saw(match &stream.session {
            Some(_) => Happening::EndedIdle,
            None => Happening::EndedOutside,
        });
    }

    // --- the calm ---

    fn calm(&mut self) -> Check {
        self.scene.trace.note(|| "calm".to_owned());
        self.mend_disk();
        {
            let mut weather = self.weather.borrow_mut();
            (weather.pieces, weather.blocks, weather.false_alarms) = (0, 0, 0);
            (weather.slow, weather.kill) = (false, None);
        }
        for at in 0..self.liars.len() {
            self.liars[at].leave(&mut self.scene);
        }
        self.newcomers.clear();
        let net = self.scene.net.clone();
        net.hold_hashes(false);
        net.set_out_of_files(false);
        net.set_disk_free(u64::MAX);
        for client in &mut self.clients {
            client.calm_down(&self.scene);
        }
        let until = self.scene.now() + CALM_MICROS;
        while !self.clients.iter().all(Client::is_settled) || !self.scene.ledger.blocks_nobody() {
            if self.scene.now() > until {
                let late = self.clients.iter().find(|client| !client.is_settled());
                let held = (0..self.scene.streams.len())
                    .filter(|at| self.scene.net.is_accepted(PeerId(*at)));
                let held: Vec<usize> = held.collect();
                return Err(format!("P14: not settled, held are {held:?}: {late:?}"));
            }
            if self.clients[0].is_settled() {
                self.clients[0].unblock_all(&mut self.scene);
            }
            self.breathe()?;
        }
        self.clients[0].ask_figures(&mut self.scene);
        let until = self.scene.now() + SETTLE_MICROS;
        while self.scene.now() < until {
            self.breathe()?;
        }
        Ok(())
    }

    /// Everyone does what is to be done, and a little time passes.
    fn breathe(&mut self) -> Check {
        for at in 0..self.clients.len() {
            self.clients[at].act(&mut self.scene);
            self.clients[at].push_out(&mut self.scene);
            if self.clients[at].late {
                return Err(format!("P14, P21: no answer to {:?}", self.clients[at]));
            }
        }
        self.pass(Duration::from_millis(250))?;
        for at in 0..self.clients.len() {
            self.clients[at].listen(&mut self.scene)?;
        }
        Ok(())
    }

    fn end(mut self) -> Result<Report, String> {
        self.look()?;
        for client in &mut self.clients {
            client.check_shown(&self.scene.ledger, true)?;
        }
        let whole = Snapshot::take(&self.dirs.database(), &self.dirs.scratch(), 0)?;
        self.scene.ledger.check_unchanged(&whole)?;
        if self.scene.figure != Some(whole.entries.len() as i64) {
            let (figure, rows) = (self.scene.figure, whole.entries.len());
            return Err(format!("P29: {figure:?} messages are counted, {rows} are there"));
        }
        let counts = self.scene.coverage.counts();
        let (trace, messages) = (self.scene.trace.hash(), whole.entries.len() as u64);
        Ok(Report { counts, trace, messages })
    }
}

fn rules(choices: &Choices) -> Rules {
    let mut rules = Rules { hash_cost: CHEAP, ..Rules::default() };
    rules.friend_approval = choices.chance(20);
    let limits = &mut rules.limits;
    if choices.chance(50) {
        (limits.requests_per_second, limits.messages_per_second) = (0, 0);
    }
    limits.takeovers_per_minute = *choices.pick(&[0, 0, 0, 1, 6]);
    for (name, small) in [
        ("waiting_per_user", 8),
        ("waiting_per_sender", 5),
        ("groups_owned", 1),
        ("groups_joined", 3),
        ("group_members", 3),
        ("friends", 3),
    ] {
        if choices.chance(15)
            && let Some(limit) = limits.get_mut(name)
        {
            *limit = small;
        }
    }
    rules
}

fn open(dir: &Path) -> Result<Store, String> {
    let synchronous = Synchronous::Off;
    let opening = Opening { dir, epoch: "00000000000e90c4", synchronous };
    Store::open(&opening).map(|(store, _)| store).map_err(|error| error.to_string())
}

/// A database with all users and nothing said, made once: the bytes of its file.
fn empty_house() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let dir = temp_dir();
        let mut store = open(dir.path()).expect("a new database");
        let task = Task::Hash { password: PASSWORD.into(), salt: [7; 16] };
        let Outcome::Hashed(stored) = task.run(CHEAP) else { unreachable!("memory for 8 KiB") };
        store.begin().expect("a transaction");
        let users = (0..USERS_MAX).map(|at| format!("u{at}"));
        let liars = (0..LIARS_MAX).map(|at| format!("m{at}"));
        for name in ["admin".to_owned()].into_iter().chain(users).chain(liars) {
            let name = Name::user(&name).expect("a name");
            store.add_user(&name, &stored, name.key == "admin", 0).expect("an account");
        }
        store.commit(()).expect("a commit");
        store.close().expect("a whole file");
        fs::read(dir.path().join("p2sp.db")).expect("a file")
    })
}

/// In half of the worlds much was said before and is pruned, so that the log soon comes to the end
/// of a slice, or of a block of them.
fn age(file: &Path, choices: &Choices) -> rusqlite::Result<()> {
    let slices = *choices.pick(&[0, 0, 1, 16]);
    if slices == 0 {
        return Ok(());
    }
    let head = slices * SLICE - choices.below(100) as i64;
    let db = rusqlite::Connection::open(file)?;
    db.execute("UPDATE log_state SET head = ?1, sealed = ?2", [head, slices - 1])?;
    db.execute("UPDATE cursors SET seq = ?1", [head])?;
    Ok(())
}

/// Some are friends, and some in groups, before anyone comes.
fn furnish(dir: &Path, choices: &Choices, users: usize, liars: usize) -> Check {
    let broken = |error: p2sp::store::StoreError| error.to_string();
    let mut store = open(dir)?;
    store.begin().map_err(broken)?;
    for a in 0..=users {
        for b in 0..a {
            if choices.below(users) < 4 {
                let (a, b) = (UserId(a as i64 + 1), UserId(b as i64 + 1));
                store.befriend(a, b).map_err(broken)?;
            }
        }
    }
    for liar in 0..liars {
        let liar = UserId((USERS_MAX + 2 + liar) as i64);
        store.befriend(liar, UserId(2)).map_err(broken)?;
    }
    for group in 0..1 + choices.below(3) {
        let name = Name::group(&format!("g{group}")).expect("a name");
        let owner = UserId(1 + choices.below(users) as i64);
        let group = store.add_group(owner, &name, 0).map_err(broken)?;
        for user in 1..=users as i64 + 1 {
            if UserId(user) != owner && choices.chance(50) {
                store.join(group, UserId(user)).map_err(broken)?;
            }
        }
        for liar in 0..liars {
            if choices.chance(50) {
                let liar = UserId((USERS_MAX + 2 + liar) as i64);
                store.join(group, liar).map_err(broken)?;
            }
        }
    }
    store.commit(()).map_err(broken)?;
    store.close().map_err(broken)
}
