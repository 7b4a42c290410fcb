//! One world: a server, its users, the weather, and what befalls them.
//!
//! ```text
//! begin ─► storm: people act, the loop turns, things break ─► calm: all come back ─► the end
//!              └── killed, or told to stop ─► started again on what is on the disk ──┘
//! ```
//!
//! In the calm nothing breaks any more: whoever keeps the book is back soon, and has been shown
//! all there is to be shown within five seconds (P14).

mod beginnings;
pub mod day;
mod dirs;
mod troubles;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use p2sp::event_loop::{Ended, EventLoop};
use p2sp::handlers::Rules;
use p2sp::id::Moment;
use p2sp::server::Server;
use p2sp_test_vfs::{self as vfs, Failure, Fault};

use beginnings::{age, empty_database, furnish, open, rules};
use dirs::Dirs;

use super::choices::Choices;
use super::client::Client;
use super::coverage::{Counts, Coverage, Happening};
use super::ledger::{Check, Ledger};
use super::liar::Liar;
use super::newcomer::Newcomer;
use super::scene::Scene;
use super::snapshot::Scratch;
use super::weather::{Edge, Weather};
use crate::support::pipe_net::{PeerId, PipeNet};

/// Users that a world may have beside `admin`; each takes the first so many.
const USERS_MAX: usize = 40;
const LIARS_MAX: usize = 3;
const NEWCOMERS_MAX: usize = 3;
/// Turns of the loop at one moment with nothing moved: more is a spin (P22).
const IDLE_TURNS_MAX: usize = 400;
/// False alarms move something, too, so this is a spin at any rate.
const TURNS_MAX: u64 = 20_000;
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
    event_loop: Option<EventLoop<PipeNet, Server>>,
    clients: Vec<Client>,
    liars: Vec<Liar>,
    newcomers: Vec<Newcomer>,
    rules: Rules,
    scratch: Scratch,
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

/// Lets a world go by.
///
/// # Errors
/// The first promise that is broken.
pub fn run(choices: Choices, steps: usize) -> Result<Report, String> {
    let mut world = World::begin(choices, true)?;
    world.storm(steps)?;
    world.calm()?;
    world.end()
}

impl World {
    fn begin(choices: Choices, in_memory: bool) -> Result<World, String> {
        vfs::install();
        vfs::heal();
        let dirs = Dirs::new(in_memory).map_err(|error| error.to_string())?;
        vfs::write(&dirs.database().join("p2sp.db"), empty_database())
            .map_err(|e| e.to_string())?;
        let users = match choices.weighted(&[(80, 0), (18, 1), (2, 2)]) {
            0 => 3 + choices.below(5),
            1 => 6 + choices.below(10),
            _ => 16 + choices.below(USERS_MAX - 16),
        };
        let liars = choices.below(LIARS_MAX + 1);
        let rules = rules(&choices);
        furnish(&dirs.database(), &choices, users, liars)?;
        age(&dirs.database().join("p2sp.db"), &choices).map_err(|error| error.to_string())?;
        let mut scratch = Scratch::new(dirs.scratch());
        let snapshot = scratch.take(&dirs.database(), 0)?;
        let mut ledger = Ledger::new(&snapshot, &[1]);
        ledger.only_friends_bring_in = rules.friend_approval;
        ledger.quota = rules.limits.stored_bytes_per_day;
        let waiting = rules.limits.waiting_per_user.min(rules.limits.waiting_per_sender);
        if waiting < 1_000 || ledger.quota < 1_000_000 {
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
        let connections_max = if choices.chance(10) { users + 2 + NEWCOMERS_MAX } else { 10_000 };
        let mut world = World {
            liars: liars.collect(),
            newcomers: Vec::new(),
            scene: Scene::new(net, choices, coverage, ledger),
            weather: Rc::default(),
            event_loop: None,
            clients,
            rules,
            scratch,
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
        let net = self.scene.net.clone();
        let server = Server::new(store, self.rules.clone(), Box::new(net.clone()), seed, now);
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
        let begun = self.scene.net.waits();
        let (mut idle_turns, mut moved) = (0, self.scene.net.progress());
        while !self.scene.net.is_idle() && self.starts == starts {
            self.tick()?;
            if self.scene.net.waits() > begun + TURNS_MAX {
                return Err("P22: the loop turns and turns, and never rests".into());
            }
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
                self.scene.trace.note(|| format!("--- {} µs", now.mono.0));
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
        // A full disk takes no cursors, not even at a stop in good order.
        let was_full = self.fault.take().is_some_and(|fault| fault.how == Failure::Full);
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
        self.scene.all_is_gone(gone != Gone::Stopped || was_full);
        if gone == Gone::Killed {
            self.dirs.go_on_from_image().map_err(|error| error.to_string())?;
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
        let snapshot = self.scratch.take(&self.dirs.database(), known)?;
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
        self.clear_up();
        for client in &mut self.clients {
            client.calm_down(&self.scene);
        }
        let until = self.scene.now() + CALM_MICROS;
        while !self.is_settled() {
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
        let until = self.scene.now() + SETTLE_MICROS;
        while self.scene.now() < until {
            if self.scene.figure.is_none() && self.clients[0].is_settled() {
                self.clients[0].ask_figures(&mut self.scene);
            }
            self.breathe()?;
        }
        Ok(())
    }

    /// All clients are back, all users may sign in, and no other connection is left: one that its
    /// peer left may have requests that wait for their rate limit, and are still to be served.
    fn is_settled(&self) -> bool {
        self.clients.iter().all(Client::is_settled)
            && self.scene.ledger.blocks_nobody()
            && self.scene.net.held_or_waiting() == self.clients.len()
    }

    /// Nothing is broken any more, and nobody lies.
    fn clear_up(&mut self) {
        self.mend_disk();
        {
            let mut weather = self.weather.borrow_mut();
            (weather.pieces, weather.blocks, weather.false_alarms) = (0, 0, 0);
            (weather.slow, weather.kill) = (false, None);
        }
        for at in 0..self.liars.len() {
            self.liars[at].leave(&mut self.scene);
        }
        for mut newcomer in std::mem::take(&mut self.newcomers) {
            newcomer.leave(&mut self.scene);
        }
        let net = self.scene.net.clone();
        net.hold_hashes(false);
        net.set_out_of_files(false);
        net.set_disk_free(u64::MAX);
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
        self.scene.read_what_is_left();
        Ok(())
    }

    fn end(mut self) -> Result<Report, String> {
        self.look()?;
        for client in &mut self.clients {
            client.check_shown(&self.scene.ledger, true)?;
        }
        let whole = self.scratch.take(&self.dirs.database(), 0)?;
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
