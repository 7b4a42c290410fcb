//! A scene: people at work on the shipped loop, over a directory of the test's own.
//!
//! ```text
//! prologue ─► draw ─► play ─► draw ─► play ─► …       the model says what must come back, and
//!             step: act · pass · restart · crash      every answer and push is held against it
//! ```
//!
//! After each step everything that can happen has happened, so the model is sure of itself. If
//! the server ends in the middle of one, [`End::Fatal`] says what was asked and not answered.
//! People confirm most of what they are pushed, and keep what they were shown: after a restart
//! nothing is missing, and nothing comes that was not there before (P9, P13, P15).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug, Formatter};
use std::path::Path;
use std::time::Duration;

use p2sp::handlers::Rules;
use p2sp::server::Fatal;
use p2sp::store::Synchronous;
use p2sp_test_vfs::{freeze, mark};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use super::model::{Ask, CAST, Key, Model, Name};
use crate::support::peer::Peer;
use crate::support::pipe_net::Call;
use crate::support::test_server::{PASSWORD, TestServer};

/// A tick begins, or a server does.
pub const TICK: u64 = 0;
/// Bytes leave for a peer.
pub const SPOKEN: u64 = 1;

/// What several people ask at the same time, each in order.
pub type Batch = Vec<(Name, Vec<Ask>)>;

/// What happens next.
#[derive(Clone, Debug)]
pub enum Step {
    Act(Batch),
    Pass(Duration),
    /// The server is asked to stop, and started again.
    Restart,
    /// The process is killed, and started again.
    Crash,
}

/// How a scene ends before its time.
pub enum End {
    /// The server stopped, with that unanswered.
    Fatal(String, Batch),
    /// The server did not start.
    Down(String),
    /// Somebody got what was not promised, or did not get what was.
    Wrong(String),
}

impl Debug for End {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            End::Fatal(why, unanswered) => {
                let asked: usize = unanswered.iter().map(|(_, asks)| asks.len()).sum();
                write!(f, "stopped, with {asked} requests unanswered: {why}")
            }
            End::Down(why) => write!(f, "did not start: {why}"),
            End::Wrong(why) => f.write_str(why),
        }
    }
}

/// A server, the people, and what they were promised.
pub struct Scene {
    pub server: TestServer,
    pub model: Model,
    /// Refusals that a failing disk excuses.
    pub excused: &'static [&'static str],
    /// How many there were.
    pub refused: u64,
    /// All texts are long and the server seldom restarts, so the write-ahead log is long, too.
    pub long: bool,
    pub(super) peers: BTreeMap<Name, Peer>,
    pub(super) present: BTreeSet<Name>,
    /// What each was shown, and confirmed.
    shown: BTreeMap<Name, Vec<(i64, String)>>,
    confirmed: BTreeMap<Name, i64>,
    /// Messages that were accepted, to be sent again.
    pub(super) posted: Vec<(Name, Ask)>,
    pub(super) mids: u32,
    pub(super) rng: StdRng,
}

impl Scene {
    /// Before the first start.
    pub fn new(dir: &Path, synchronous: Synchronous, seed: u64) -> Scene {
        let mut rules = Rules::default();
        for limit in ["requests_per_second", "messages_per_second", "takeovers_per_minute"] {
            *rules.limits.get_mut(limit).expect("a limit") = 0;
        }
        let mut server = TestServer::at(dir, rules, synchronous);
        server.witness = |call| match call {
            Call::Wait => _ = mark(TICK),
            Call::Write => _ = mark(SPOKEN),
            _ => {}
        };
        let peer = || {
            let mut peer = Peer::default();
            peer.acks = true;
            peer
        };
        Scene {
            server,
            model: Model::new(PASSWORD),
            excused: &[],
            refused: 0,
            long: false,
            peers: CAST.map(|name| (name, peer())).into(),
            present: BTreeSet::new(),
            shown: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            posted: Vec::new(),
            mids: 0,
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// How every scene begins, behind the first start: all have come, and know each other a bit.
    pub fn prologue() -> Vec<Step> {
        let alone = |who, ask| Step::Act(vec![(who, vec![ask])]);
        let [admin, ann, bob, cem, dan] = CAST;
        let people = [ann, bob, cem, dan];
        let password = || PASSWORD.to_owned();
        let mut steps: Vec<Step> =
            people.iter().map(|who| alone(who, Ask::Register(password()))).collect();
        steps.extend(CAST.iter().map(|who| alone(who, Ask::Login(password()))));
        let friends = vec![Ask::Befriend(bob), Ask::Befriend(cem)];
        steps.push(Step::Act(vec![(ann, friends)]));
        steps.push(alone(bob, Ask::Befriend(dan)));
        let team = (ann, "team");
        let group = vec![Ask::NewGroup(team), Ask::Bring(team, bob), Ask::Bring(team, admin)];
        steps.push(Step::Act(vec![(ann, group)]));
        steps
    }

    /// Makes the step happen, to its end.
    pub fn play(&mut self, step: &Step) -> Result<(), End> {
        match step {
            Step::Act(batch) => self.act(batch)?,
            Step::Pass(span) => self.let_pass(*span, &Vec::new())?,
            Step::Restart => {
                self.end()?;
                self.begin()?;
            }
            Step::Crash => {
                self.kill();
                mark(TICK);
                self.begin()?;
            }
        }
        mark(TICK);
        Ok(())
    }

    /// The server is asked to stop.
    pub fn end(&mut self) -> Result<(), End> {
        let stopped = self.server.try_stop();
        mark(TICK);
        stopped.map_err(|Fatal(why)| End::Fatal(why, Batch::new()))
    }

    /// The process ends without another look at its files.
    pub fn kill(&mut self) {
        freeze(true);
        self.server.crash();
        freeze(false);
    }

    /// Starts the server; whoever was there before comes back.
    pub fn begin(&mut self) -> Result<(), End> {
        self.peers.values_mut().for_each(Peer::disconnected);
        self.server.try_start().map_err(End::Down)?;
        mark(TICK);
        let back = std::mem::take(&mut self.present);
        let back: Batch = back.into_iter().map(|who| (who, vec![self.entrance(who)])).collect();
        if back.is_empty() { Ok(()) } else { self.act(&back) }
    }

    /// Goes on where another scene was settled.
    pub fn go_on_from(&mut self, model: &Model) {
        self.model = model.clone();
        self.shown = model.people.iter().map(|(who, p)| (*who, p.visible.clone())).collect();
        // Who confirmed what is the other scene's.
        self.confirmed = CAST.map(|who| (who, i64::MAX)).into();
        self.mids = 50_000;
        for (who, person) in &model.people {
            let key = if let Key::Known(key) = &person.key { Some(key.clone()) } else { None };
            self.peers.get_mut(who).expect("one of the cast").key = key;
        }
    }

    /// After a power cut: who has a key comes back with it, and what was not answered is asked
    /// again. False: it was not all messages, so the model is no longer sure.
    pub fn live_on(&mut self, unanswered: &Batch) -> Result<bool, End> {
        self.server.try_start().map_err(End::Down)?;
        let admin = CAST[0];
        let mut asks = unanswered.iter().flat_map(|(_, asks)| asks);
        let sure = asks.all(|ask| ask.post().is_some());
        let mut batch = Batch::new();
        for who in CAST.iter().filter(|who| sure || **who == admin) {
            let Some(Key::Known(key)) = self.model.people.get(who).map(|p| &p.key) else {
                continue;
            };
            let unanswered = unanswered.iter().find(|(name, _)| name == who);
            let again = unanswered.filter(|_| sure).map_or(&[][..], |(_, asks)| asks);
            let came = [Ask::Resume(key.clone())];
            batch.push((*who, came.iter().chain(again).cloned().collect()));
        }
        // Some of it may be for the administrator, who would be shown more than is known.
        let posts = |asks: &[Ask]| asks.iter().any(|ask| ask.post().is_some());
        let affected = !sure && unanswered.iter().any(|(who, asks)| *who == admin || posts(asks));
        if batch.is_empty() || affected {
            return Ok(false);
        }
        self.act(&batch)?;
        if self.present.contains(admin) {
            let more = Ask::Broadcast(self.write(admin));
            self.act(&vec![(admin, vec![more])])?;
        }
        Ok(sure)
    }

    /// How a person comes in.
    pub(super) fn entrance(&self, who: Name) -> Ask {
        match &self.model.people[who].key {
            Key::Known(key) => Ask::Resume(key.clone()),
            _ => Ask::Login(self.model.people[who].password.clone()),
        }
    }

    fn act(&mut self, batch: &Batch) -> Result<(), End> {
        let comes = |ask: &Ask| matches!(ask, Ask::Register(_) | Ask::Login(_) | Ask::Resume(_));
        let mut batch = batch.clone();
        // Whoever could not come in cannot ask for more.
        batch.retain(|(who, asks)| self.present.contains(who) || comes(&asks[0]));
        for (who, asks) in &batch {
            for ask in asks {
                if comes(ask) {
                    self.connect(who);
                }
                let (kind, args) = ask.request(who);
                let peer = self.peers.get_mut(who).expect("one of the cast");
                let bytes = peer.request(kind, args);
                let end = peer.end.expect("whoever asks is connected");
                self.server.net.send(end, &bytes);
            }
        }
        self.let_pass(Duration::ZERO, &batch)
    }

    fn connect(&mut self, who: Name) {
        let peer = self.peers.get_mut(who).expect("one of the cast");
        if let Some(old) = peer.end {
            self.server.net.cut(old);
        }
        let end = self.server.net.connect(([127, 0, 0, 1], 1).into());
        peer.connect(end);
    }

    fn let_pass(&mut self, span: Duration, asked: &Batch) -> Result<(), End> {
        let mut passed = self.server.try_pass(span);
        // A pipe holds only so much: what is taken makes room for more.
        while self.receive().map_err(End::Wrong)? && passed.is_ok() {
            passed = self.server.try_pass(Duration::ZERO);
        }
        let unanswered = self.take_in(asked).map_err(End::Wrong)?;
        if let Err(Fatal(why)) = passed {
            return Err(End::Fatal(why, unanswered));
        }
        self.all_is_well(&unanswered).map_err(End::Wrong)?;
        self.confirm();
        Ok(())
    }

    /// Everyone takes what came. True: there was something.
    fn receive(&mut self) -> Result<bool, String> {
        let mut any = false;
        for (who, peer) in &mut self.peers {
            any |= peer.receive(&self.server.net).map_err(|why| format!("{who}: {why}"))?;
        }
        Ok(any)
    }

    /// Holds what came against what was to come, and says what was not answered.
    fn take_in(&mut self, asked: &Batch) -> Result<Batch, String> {
        let mut answers: BTreeMap<Name, Vec<Value>> = BTreeMap::new();
        let mut pushes = Vec::new();
        for (who, peer) in &mut self.peers {
            for message in peer.inbox.drain(..) {
                match message["payload"].get("re") {
                    Some(_) => answers.entry(who).or_default().push(message["payload"].clone()),
                    None => pushes.push((*who, message)),
                }
            }
        }
        let (mut answered, mut unanswered) = (Vec::new(), Batch::new());
        for (who, asks) in asked {
            let answers = answers.remove(who).unwrap_or_default();
            unanswered.push((who, asks[answers.len()..].to_vec()));
            answered.extend(asks.iter().zip(answers).map(|(ask, answer)| (*who, ask, answer)));
        }
        if asked.len() > 1 {
            // Several people's messages took their places in the log in whatever order.
            answered.sort_by_key(|(_, _, answer)| answer["data"]["seq"].as_i64());
        }
        for (who, ask, answer) in answered {
            self.take_answer(who, ask, &answer).map_err(|why| format!("{who}, {ask:?}: {why}"))?;
        }
        for (who, message) in pushes {
            self.take_push(who, &message).map_err(|why| format!("{who}: {why}"))?;
        }
        unanswered.retain(|(_, asks)| !asks.is_empty());
        Ok(unanswered)
    }

    /// Whether everyone was answered, and shown what is for them.
    fn all_is_well(&self, unanswered: &Batch) -> Result<(), String> {
        if !unanswered.is_empty() {
            return Err(format!("not answered: {unanswered:?}"));
        }
        for who in &self.present {
            let shown = self.shown.get(who).map_or(&[][..], Vec::as_slice);
            let visible = &self.model.people[who].visible;
            if shown != visible {
                let (shown, visible) = (shown.len(), visible.len());
                return Err(format!("P9: {who} was shown {shown} of {visible} messages"));
            }
        }
        Ok(())
    }

    fn take_answer(&mut self, who: Name, ask: &Ask, answer: &Value) -> Result<(), String> {
        let code = answer["code"].as_str().unwrap_or_default();
        if self.excused.contains(&code) {
            self.refused += 1;
            return Ok(());
        }
        let expected = self.model.expects(who, ask);
        if code != expected {
            return Err(format!("{expected} was expected, and {code} came"));
        }
        if code != "ok" {
            return Ok(());
        }
        self.model.done(who, ask, answer)?;
        match ask {
            Ask::Login(_) | Ask::Resume(_) => {
                self.present.insert(who);
                self.check_cursor(who, answer["cursor"].as_i64().ok_or("no cursor")?)?;
            }
            Ask::Logout => _ = self.present.remove(who),
            Ask::Block(other) => _ = self.present.remove(other),
            _ if ask.post().is_some() => self.posted.push((who, ask.clone())),
            _ => {}
        }
        Ok(())
    }

    /// Nothing that others said is behind the cursor but was not confirmed (P13).
    fn check_cursor(&mut self, who: Name, cursor: i64) -> Result<(), String> {
        let confirmed = *self.confirmed.entry(who).or_insert(cursor);
        let visible = &self.model.people[who].visible;
        let skipped = visible.iter().find(|(seq, _)| *seq > confirmed && *seq <= cursor);
        skipped.map_or(Ok(()), |(seq, _)| {
            Err(format!("P13: the cursor is {cursor}, confirmed was {confirmed}, not {seq}"))
        })
    }

    fn take_push(&mut self, who: Name, message: &Value) -> Result<(), String> {
        if message["type"] != "usersend" && message["type"] != "groupsend" {
            return Ok(());
        }
        let seq = message["payload"]["seq"].as_i64().ok_or("a push without its seq")?;
        let text = message["payload"]["message"].as_str().ok_or("a push without a text")?;
        let shown = self.shown.entry(who).or_default();
        if shown.last().is_none_or(|(last, _)| seq > *last) {
            shown.push((seq, text.to_owned()));
            return Ok(());
        }
        match shown.iter().any(|(old, old_text)| *old == seq && old_text == text) {
            true => Ok(()),
            false => Err(format!("P15: {seq} was not shown before what came later")),
        }
    }

    /// Most confirm what they were pushed; the server hears of it in the next step.
    fn confirm(&mut self) {
        for who in &self.present {
            let peer = self.peers.get_mut(who).expect("one of the cast");
            let confirmed = self.confirmed.entry(who).or_default();
            if peer.pushed > *confirmed && self.rng.random_bool(0.7) {
                let args = [("seq".to_owned(), peer.pushed.into())].into_iter().collect();
                let bytes = peer.request("ack", args);
                self.server.net.send(peer.end.expect("who is present is connected"), &bytes);
                *confirmed = peer.pushed;
            }
        }
    }
}
