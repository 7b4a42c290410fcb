//! A crowd that speaks the language of one server.
//!
//! What comes is understood, what the protocol demands in return is said at the end of the turn,
//! and an end that was not asked for is an error.

use std::time::{Duration, Instant};

use p2sp_bench::Outcome;
use p2sp_bench::crowd::{Crowd, Frames, Heard};
use p2sp_bench::meter::TURN;
use p2sp_bench::sizes::Over;
use p2sp_bench::websocket;

use super::dialect::{Dialect, Place, Said};
use super::server::Server;

/// How long the gathering may stand still.
const STALL: Duration = Duration::from_secs(60);

/// All connections to one server.
pub struct Callers<'a> {
    server: &'a Server,
    dialect: &'static dyn Dialect,
    over: Over,
    crowd: Crowd,
    /// How many have gathered.
    present: usize,
    /// What is to be said in return in this turn, one reply after the other, and which connection
    /// says it, up to where.
    replies: Vec<u8>,
    owed: Vec<(usize, usize)>,
}

impl<'a> Callers<'a> {
    /// No connection yet.
    pub fn new(
        server: &'a Server,
        dialect: &'static dyn Dialect,
        over: Over,
    ) -> Outcome<Callers<'a>> {
        let crowd = Crowd::of(Frames { cut: dialect.cut(), header_bytes: 0 }, over)?;
        let (replies, owed) = (Vec::new(), Vec::new());
        Ok(Callers { server, dialect, over, crowd, present: 0, replies, owed })
    }

    /// Begins a connection and a sign-in.
    pub fn call(&mut self, number: usize, user: usize) -> Outcome<usize> {
        let who = self.crowd.connect(self.server.address(number))?;
        let dialect = self.dialect;
        self.say(who, |out| dialect.sign_in(out, user));
        Ok(who)
    }

    /// Lets a connection say something in the next turn.
    pub fn say(&mut self, who: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.crowd.say(who, write);
    }

    /// Says goodbye: the server closes when it has seen it.
    pub fn leave(&mut self, who: usize) -> Outcome<()> {
        self.crowd.leave(who)
    }

    /// Forgets a connection.
    pub fn forget(&mut self, who: usize) {
        self.crowd.forget(who);
    }

    /// One turn of the crowd; `None` is the end of a connection.
    pub fn turn(
        &mut self,
        mut hear: impl FnMut(usize, Option<Said>, Instant) -> Outcome<()>,
    ) -> Outcome<()> {
        let Callers { dialect, over, crowd, replies, owed, .. } = self;
        crowd.turn(TURN, |who, heard, at| {
            let Heard::Frame(frame) = heard else { return hear(who, None, at) };
            let frame = match over {
                Over::Websocket => websocket::payload(frame),
                _ => frame,
            };
            let said = dialect.understand(frame, replies)?;
            if owed.last().map_or(0, |last| last.1) < replies.len() {
                owed.push((who, replies.len()));
            }
            hear(who, Some(said), at)
        })?;
        let mut start = 0;
        for (who, end) in owed.drain(..) {
            crowd.say(who, |out| out.extend_from_slice(&replies[start..end]));
            start = end;
        }
        replies.clear();
        Ok(())
    }

    /// Connects and signs in users until there are so many, lets each listen at its place, and
    /// waits until all do. A user's connection has the user's number.
    pub fn gather(&mut self, users: usize, place: impl Fn(usize) -> Option<Place>) -> Outcome<()> {
        let dialect = self.dialect;
        let (mut called, mut progress) = (self.present, Instant::now());
        let mut signed_in = vec![false; users];
        let mut welcome = Vec::new();
        while self.present < users {
            while called < users.min(self.present + dialect.at_once()) {
                self.call(called, called)?;
                called += 1;
            }
            let mut present = self.present;
            self.turn(|who, said, at| {
                progress = at;
                match said {
                    Some(Said::Done) if signed_in[who] => present += 1,
                    Some(Said::Done) => {
                        signed_in[who] = true;
                        welcome.push(who);
                    }
                    Some(Said::Nothing) => {}
                    Some(Said::Message(_) | Said::Messages(_)) => {
                        return Err("a message before any was sent".into());
                    }
                    None => return Err(disconnected(who)),
                }
                Ok(())
            })?;
            for who in welcome.drain(..) {
                let mut words = Vec::new();
                place(who).inspect(|&place| dialect.listen(&mut words, place));
                match words.is_empty() {
                    true => present += 1,
                    false => self.say(who, |out| out.append(&mut words)),
                }
            }
            self.present = present;
            if progress.elapsed() > STALL {
                return Err(format!("{present} of {users} signed in, and no more").into());
            }
        }
        Ok(())
    }
}

/// What is wrong when a server has closed.
pub fn disconnected(who: usize) -> Box<dyn std::error::Error> {
    format!("user {who} was disconnected").into()
}
