//! The people of the soak and their connections: what is heard goes to whom it is for, and whoever
//! has nothing under way does something next, as the dice say.

use std::time::{Duration, Instant};

use p2sp::wire::request;
use p2sp_bench::Outcome;
use p2sp_bench::crowd::{Crowd, Heard};
use p2sp_bench::meter::TURN;
use p2sp_bench::words::name_of;
use p2sp_bench::world::World;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::facts::{Facts, To};
use super::person::{Person, Place, Then};
use super::request::Request;

/// Everybody is a friend of so many neighbours on either side, most of the time.
pub const NEIGHBOURS: usize = 6;
/// Between two things that somebody does, on average.
const PAUSE: Duration = Duration::from_millis(1_200);
/// The administrator is busier.
const ADMIN_PAUSE: Duration = Duration::from_millis(700);
/// How long somebody stays away, at most.
const AWAY_MAX: Duration = Duration::from_secs(40);
/// How long somebody stays blocked.
const BLOCKED: Duration = Duration::from_secs(20);
/// How long an answer may take: a password hash may wait for 64 others.
const STALL: Duration = Duration::from_secs(60);
/// Groups that somebody has at most, and whom they bring into one.
const GROUPS_MAX: usize = 2;
const MEMBERS_MAX: usize = 10;

/// Whose a connection is.
#[derive(Clone, Copy)]
enum Seat {
    Nobody,
    Of(usize),
    /// Somebody has said goodbye, and the end has not come yet.
    Leaving,
}

/// Everybody.
pub struct Town<'a> {
    world: &'a World,
    crowd: Crowd,
    rng: StdRng,
    /// By connection.
    seats: Vec<Seat>,
    /// By person.
    conns: Vec<Option<usize>>,
    /// What was heard in a turn, and its end for `None`.
    heard: Vec<(usize, Option<Value>)>,
    /// The last of them administers.
    pub people: Vec<Person>,
    /// What they know.
    pub facts: Facts,
}

impl Town<'_> {
    /// Everybody comes within the first seconds.
    pub fn new(world: &World, people: usize, seed: u64) -> Outcome<Town<'_>> {
        let mut rng = StdRng::seed_from_u64(seed);
        let now = Instant::now();
        let mut person = |number| {
            let comes = now + Duration::from_millis(rng.random_range(0..3_000));
            Person::new(number, number + 1 == people, comes)
        };
        let people: Vec<Person> = (0..people).map(&mut person).collect();
        Ok(Town {
            world,
            crowd: Crowd::new()?,
            rng,
            seats: Vec::new(),
            conns: vec![None; people.len()],
            heard: Vec::new(),
            people,
            facts: Facts::default(),
        })
    }

    /// How many are signed in.
    pub fn here(&self) -> usize {
        self.people.iter().filter(|person| person.place == Place::Here).count()
    }

    /// Whether everybody is there and nobody waits for anything.
    pub fn is_at_rest(&self) -> bool {
        let at_rest = |person: &Person| person.place == Place::Here && person.under_way.is_none();
        self.facts.blocked.is_empty() && self.people.iter().all(at_rest)
    }

    /// Hears what there is, and lets everybody do what is due.
    pub fn turn(&mut self) -> Outcome<()> {
        let heard = &mut self.heard;
        self.crowd.turn(TURN, |who, said, _| {
            heard.push((
                who,
                match said {
                    Heard::Frame(frame) => {
                        Some(serde_json::from_slice(&frame[p2sp::limits::FRAME_HEADER_BYTES..])?)
                    }
                    Heard::End => None,
                },
            ));
            Ok(())
        })?;
        let now = Instant::now();
        for (who, message) in std::mem::take(&mut self.heard) {
            self.hear(who, message.as_ref(), now)?;
        }
        (0..self.people.len()).try_for_each(|number| self.act(number, now))
    }

    /// The administrator says a last thing to all; its number.
    pub fn say_last(&mut self) -> usize {
        let admin = self.people.len() - 1;
        let request = Request::say(&mut self.facts, admin, To::All, true);
        self.ask(admin, request, Instant::now());
        self.facts.messages.len() - 1
    }

    fn hear(&mut self, who: usize, message: Option<&Value>, now: Instant) -> Outcome<()> {
        match (self.seats[who], message) {
            (Seat::Of(number), Some(message)) => {
                match self.people[number].hear(message, &mut self.facts, now)? {
                    Then::Nothing => {}
                    Then::Say(kind, args) => self.say(number, kind, &args),
                    Then::Leave(pause) => self.leave(number, now + pause)?,
                }
            }
            (Seat::Of(number), None) => {
                self.people[number].cut(now)?;
                self.forget(number);
            }
            (Seat::Leaving, None) => {
                self.crowd.forget(who);
                self.seats[who] = Seat::Nobody;
            }
            (Seat::Leaving | Seat::Nobody, _) => {}
        }
        Ok(())
    }

    fn say(&mut self, number: usize, kind: &str, args: &Value) {
        if let Some(who) = self.conns[number] {
            self.crowd.say(who, |out| request::append(out, kind, 0, args));
        }
    }

    fn ask(&mut self, number: usize, request: Request, now: Instant) {
        let (kind, args) = self.people[number].ask(request, now);
        self.say(number, kind, &args);
    }

    /// Says goodbye; comes back then.
    fn leave(&mut self, number: usize, comes: Instant) -> Outcome<()> {
        if let Some(who) = self.conns[number].take() {
            self.crowd.leave(who)?;
            self.seats[who] = Seat::Leaving;
        }
        self.people[number].place = Place::Away(comes);
        Ok(())
    }

    /// Drops the connection as it is.
    fn forget(&mut self, number: usize) {
        if let Some(who) = self.conns[number].take() {
            self.crowd.forget(who);
            self.seats[who] = Seat::Nobody;
        }
    }

    fn act(&mut self, number: usize, now: Instant) -> Outcome<()> {
        let person = &mut self.people[number];
        let waits = person.place == Place::Arriving || person.under_way.is_some();
        match person.place {
            Place::Away(until) if now >= until || self.facts.closing => self.arrive(number, now),
            Place::Away(_) => Ok(()),
            _ if waits && now.duration_since(person.asked) > STALL => {
                Err(format!("{} waits for an answer in vain", name_of(number)).into())
            }
            Place::Here if person.under_way.is_none() && now >= person.next => {
                let mean = if person.admin { ADMIN_PAUSE } else { PAUSE };
                person.next = now + mean.mul_f64(self.rng.random_range(0.2..1.8));
                // Now and then, so that something comes again after a cut.
                let ack = if self.rng.random_bool(0.5) { person.confirm() } else { None };
                if let Some((kind, args)) = ack {
                    self.say(number, kind, &args);
                }
                self.do_something(number, now)
            }
            _ => Ok(()),
        }
    }

    fn arrive(&mut self, number: usize, now: Instant) -> Outcome<()> {
        let who = self.crowd.connect(self.world.address(number))?;
        if self.seats.len() <= who {
            self.seats.resize(who + 1, Seat::Nobody);
        }
        self.seats[who] = Seat::Of(number);
        self.conns[number] = Some(who);
        let (kind, args) = self.people[number].sign_in(now);
        self.say(number, kind, &args);
        Ok(())
    }

    fn do_something(&mut self, number: usize, now: Instant) -> Outcome<()> {
        let admin = self.people[number].admin;
        if self.facts.closing && !admin {
            return Ok(());
        }
        let request = match admin {
            true => self.administer(number, now),
            false => match self.rng.random_range(0..1_000) {
                0..15 => return self.go(number, now),
                15..17 => Some(Request::look("logout", json!({}))),
                17..80 => Some(self.look(number)),
                80..120 => {
                    Some(Request::friendship(self.neighbour(number), number.is_multiple_of(2)))
                }
                120..200 => Some(self.keep_groups(number)),
                200..400 => self.say_to_group(number),
                _ => {
                    let to = To::Person(self.neighbour(number));
                    Some(Request::say(&mut self.facts, number, to, false))
                }
            },
        };
        if let Some(request) = request {
            self.ask(number, request, now);
        }
        Ok(())
    }

    /// Goes away, in the middle of a request perhaps, and waits for the end or does not.
    fn go(&mut self, number: usize, now: Instant) -> Outcome<()> {
        let comes = now + AWAY_MAX.mul_f64(self.rng.random_range(0.0..1.0));
        if self.rng.random_bool(0.5) {
            let to = To::Person(self.neighbour(number));
            let request = Request::say(&mut self.facts, number, to, false);
            self.ask(number, request, now);
        }
        let who = self.conns[number];
        self.leave(number, comes)?;
        if let Some(who) = who.filter(|_| self.rng.random_bool(0.5)) {
            self.facts.counts.cuts += 1;
            self.crowd.forget(who);
            self.seats[who] = Seat::Nobody;
        }
        Ok(())
    }

    /// One of those who were friends in the beginning.
    fn neighbour(&mut self, number: usize) -> usize {
        let people = self.people.len() - 1;
        let step = self.rng.random_range(1..=NEIGHBOURS);
        let ahead = self.rng.random_bool(0.5);
        if ahead { (number + step) % people } else { (number + people - step) % people }
    }

    fn somebody_but(&mut self, number: usize) -> usize {
        let people = self.people.len() - 1;
        (number + self.rng.random_range(1..people)) % people
    }

    fn say_to_group(&mut self, number: usize) -> Option<Request> {
        let owned = self.facts.owned_by(number);
        let groups: Vec<usize> = self.people[number].groups().chain(owned).collect();
        let group = *groups.choose(&mut self.rng)?;
        Some(Request::say(&mut self.facts, number, To::Group(group), false))
    }

    /// Makes a group, deletes one, brings somebody in, takes somebody out.
    fn keep_groups(&mut self, number: usize) -> Request {
        let owned = self.facts.owned_by(number);
        let Some(&group) = owned.choose(&mut self.rng) else {
            return Request::make_group(&mut self.facts, number);
        };
        let members = &self.facts.groups[group].members;
        let (full, member) = (members.len() >= MEMBERS_MAX, members.choose(&mut self.rng).copied());
        match (self.rng.random_range(0..20), member) {
            (0, _) => Request::delete_group(group),
            (1..3, _) if owned.len() < GROUPS_MAX => Request::make_group(&mut self.facts, number),
            (dice, Some(member)) if dice < 9 || full => Request::move_member(group, member, false),
            _ => {
                let mut newcomer = self.somebody_but(number);
                while self.facts.groups[group].members.contains(&newcomer) {
                    newcomer = self.somebody_but(number);
                }
                Request::move_member(group, newcomer, true)
            }
        }
    }

    fn look(&mut self, number: usize) -> Request {
        let neighbour = name_of(self.neighbour(number));
        let kinds = ["friends", "groups", "whoami", "history", "ping", "help"];
        match kinds[self.rng.random_range(0..kinds.len())] {
            "history" => Request::look("history", json!({"username": neighbour, "count": 30})),
            kind => Request::look(kind, json!({})),
        }
    }

    fn administer(&mut self, number: usize, now: Instant) -> Option<Request> {
        let closing = self.facts.closing;
        let due = |(_, until): &(usize, Instant)| now >= *until || closing;
        if let Some(index) = self.facts.blocked.iter().position(due) {
            return Some(Request::block(self.facts.blocked.swap_remove(index).0, false));
        }
        if closing {
            return None;
        }
        let somebody = self.somebody_but(number);
        Some(match self.rng.random_range(0..20) {
            0..2 if !self.facts.blocked.iter().any(|(person, _)| *person == somebody) => {
                self.facts.blocked.push((somebody, now + BLOCKED));
                Request::block(somebody, true)
            }
            2 => Request::say(&mut self.facts, number, To::All, true),
            3..6 => Request::say(&mut self.facts, number, To::Person(somebody), true),
            6..8 => match self.facts.blocked_groups.pop() {
                Some(group) => Request::block_group(&self.facts, group, false),
                None => {
                    let lives = |group: &usize| self.facts.groups[*group].lives;
                    let groups: Vec<usize> = (0..self.facts.groups.len()).filter(lives).collect();
                    let group = *groups.choose(&mut self.rng)?;
                    self.facts.blocked_groups.push(group);
                    Request::block_group(&self.facts, group, true)
                }
            },
            8..12 => Request::look("online", json!({})),
            12..14 => Request::look("allgroup", json!({})),
            _ => Request::look("stats", json!({})),
        })
    }
}
