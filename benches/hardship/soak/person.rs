//! A person of the soak, who keeps to the book: signs in with the key, sends again what was not
//! answered, shows a push only if its seq is new, and confirms what was shown.
//!
//! ```text
//! away ──► arriving ──► here ──► away           the stream's end, or a cut of their own
//!             └ bad_key: signs in with the password;  user_blocked: later
//! ```

use std::time::{Duration, Instant};

use p2sp_bench::Outcome;
use p2sp_bench::words::{key_of, name_of};
use serde_json::{Value, json};

use super::facts::{Facts, group_of, number_of};
use super::request::Request;

/// Everybody's password.
pub const PASSWORD: &str = "a long and dry season";
/// Pushes that are confirmed at once at the latest.
const UNCONFIRMED_MAX: u32 = 8;
/// How long whoever is blocked waits before they try again.
const BLOCKED_PAUSE: Duration = Duration::from_secs(4);

/// Where somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Not connected, for so long.
    Away(Instant),
    /// Connected and not signed in yet.
    Arriving,
    /// Signed in.
    Here,
}

/// Time in a group, between two notices.
pub struct Stay {
    /// The group.
    pub group: usize,
    /// The seq of the notice that they are in.
    pub from: i64,
    /// The seq of the notice that they are out.
    pub to: Option<i64>,
}

/// One person, and their journal.
pub struct Person {
    /// Their number; the last one administers.
    pub number: usize,
    /// Whether they administer.
    pub admin: bool,
    /// Where they are.
    pub place: Place,
    /// When they do something next.
    pub next: Instant,
    /// Messages shown: their seqs and numbers.
    pub shown: Vec<(i64, usize)>,
    /// Times in groups of others.
    pub stays: Vec<Stay>,
    /// What was asked and not answered.
    pub under_way: Option<Request>,
    /// When that was, or when they began to arrive.
    pub asked: Instant,
    key: Option<String>,
    id: u64,
    /// The seq pushed last on this connection.
    pushed: i64,
    /// The newest seq that was shown.
    shown_last: i64,
    unconfirmed: u32,
    /// Told that an administrator blocked them.
    expelled: bool,
}

/// What follows from something heard.
#[derive(Debug, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// They say this.
    Say(&'static str, Value),
    /// They leave for so long.
    Leave(Duration),
}

impl Person {
    /// Somebody who is not there yet.
    pub fn new(number: usize, admin: bool, comes: Instant) -> Person {
        Person {
            number,
            admin,
            place: Place::Away(comes),
            next: comes,
            shown: Vec::new(),
            stays: Vec::new(),
            under_way: None,
            asked: comes,
            key: Some(key_of(number)),
            id: 0,
            pushed: 0,
            shown_last: 0,
            unconfirmed: 0,
            expelled: false,
        }
    }

    /// The groups of others that they know they are in.
    pub fn groups(&self) -> impl Iterator<Item = usize> {
        self.stays.iter().filter(|stay| stay.to.is_none()).map(|stay| stay.group)
    }

    /// The first thing said on a connection.
    pub fn sign_in(&mut self, now: Instant) -> (&'static str, Value) {
        (self.place, self.asked, self.expelled) = (Place::Arriving, now, false);
        self.unconfirmed = 0;
        self.id += 1;
        match &self.key {
            Some(key) => ("resume", json!({"id": self.id, "auth_token": key, "ack": true})),
            None => {
                let name = name_of(self.number);
                let args = json!({"id": self.id, "username": name, "password": PASSWORD,
                                  "ack": true});
                ("login", args)
            }
        }
    }

    /// Asks for something.
    pub fn ask(&mut self, request: Request, now: Instant) -> (&'static str, Value) {
        self.id += 1;
        self.asked = now;
        let mut args = request.args.clone();
        args["id"] = self.id.into();
        args["auth_token"] = self.key.as_deref().into();
        let kind = request.kind;
        self.under_way = Some(request);
        (kind, args)
    }

    /// Confirms everything pushed, if there is anything.
    pub fn confirm(&mut self) -> Option<(&'static str, Value)> {
        if std::mem::take(&mut self.unconfirmed) == 0 {
            return None;
        }
        Some(("ack", json!({"seq": self.pushed, "auth_token": self.key})))
    }

    /// The stream has ended.
    pub fn cut(&mut self, now: Instant) -> Outcome<()> {
        if !self.expelled {
            return Err(format!("{} was disconnected without a word", name_of(self.number)).into());
        }
        self.place = Place::Away(now + BLOCKED_PAUSE);
        Ok(())
    }

    /// Takes in what the server says.
    pub fn hear(&mut self, message: &Value, facts: &mut Facts, now: Instant) -> Outcome<Then> {
        let payload = &message["payload"];
        let kind = message["type"].as_str().unwrap_or_default();
        match (kind, payload["seq"].as_i64()) {
            ("login_success", _) => self.welcome(payload, facts, now),
            ("normalmsg", _) => self.answered(payload, facts, now),
            ("sysmsg", None) => match payload["event"].as_str() {
                Some("caught_up") => Ok(Then::Nothing),
                Some("blocked") => {
                    self.expelled = true;
                    self.key = None;
                    Ok(Then::Nothing)
                }
                _ => Err(self.complain("is told", message)),
            },
            (_, Some(seq)) => self.pushed(seq, message, facts),
            _ => Err(self.complain("is told", message)),
        }
    }

    fn welcome(&mut self, payload: &Value, facts: &mut Facts, now: Instant) -> Outcome<Then> {
        self.key = payload["auth_token"].as_str().map(str::to_owned);
        self.pushed = payload["cursor"].as_i64().ok_or("a welcome without a cursor")?;
        (self.place, self.next) = (Place::Here, now);
        facts.counts.arrivals += 1;
        let Some(mut request) = self.under_way.take() else { return Ok(Then::Nothing) };
        request.again = true;
        facts.counts.again += 1;
        let (kind, args) = self.ask(request, now);
        Ok(Then::Say(kind, args))
    }

    fn answered(&mut self, payload: &Value, facts: &mut Facts, now: Instant) -> Outcome<Then> {
        let code = payload["code"].as_str().unwrap_or_default();
        if self.place == Place::Arriving {
            return match code {
                // Blocked, or signed out: the key is worth nothing any more.
                "bad_key" => {
                    self.key = None;
                    let (kind, args) = self.sign_in(now);
                    Ok(Then::Say(kind, args))
                }
                "user_blocked" => Ok(Then::Leave(BLOCKED_PAUSE)),
                _ => Err(self.complain("cannot sign in", payload)),
            };
        }
        let request = self.under_way.take().ok_or_else(|| self.complain("did not ask", payload))?;
        if payload["re"].as_u64() != Some(self.id)
            || !request.answered(facts, code, &payload["data"])
        {
            let args = &request.args;
            return Err(self.complain(&format!("asked {} {args} and hears", request.kind), payload));
        }
        if request.kind == "logout" {
            self.key = None;
            return Ok(Then::Leave(Duration::ZERO));
        }
        Ok(Then::Nothing)
    }

    fn pushed(&mut self, seq: i64, message: &Value, facts: &mut Facts) -> Outcome<Then> {
        let payload = &message["payload"];
        if payload["prev"].as_i64() != Some(self.pushed) || seq <= self.pushed {
            let had = format!("had {} and is pushed", self.pushed);
            return Err(self.complain(&had, message));
        }
        self.pushed = seq;
        self.unconfirmed += 1;
        if seq <= self.shown_last {
            facts.counts.repeated += 1;
        } else {
            self.shown_last = seq;
            facts.counts.shown += 1;
            self.show(seq, payload)?;
        }
        let due = self.unconfirmed >= UNCONFIRMED_MAX && !self.expelled;
        let ack = if due { self.confirm() } else { None };
        Ok(ack.map_or(Then::Nothing, |(kind, args)| Then::Say(kind, args)))
    }

    /// Writes into the journal what is shown for the first time.
    fn show(&mut self, seq: i64, payload: &Value) -> Outcome<()> {
        let group = payload["groupname"].as_str().and_then(group_of);
        match (payload["event"].as_str(), group) {
            (None | Some("admin" | "broadcast"), _) => {
                let text = payload["message"].as_str().unwrap_or_default();
                let number = number_of(text).ok_or_else(|| self.complain("is shown", payload))?;
                self.shown.push((seq, number));
            }
            (Some("group_added"), Some(group)) => {
                self.stays.push(Stay { group, from: seq, to: None });
            }
            (Some("group_removed" | "group_deleted"), Some(group)) => {
                let mut stays = self.stays.iter_mut().rev();
                let stay = stays.find(|stay| stay.group == group && stay.to.is_none());
                let Some(stay) = stay else {
                    return Err(self.complain("is not in it and hears", payload));
                };
                stay.to = Some(seq);
            }
            _ => {}
        }
        Ok(())
    }

    fn complain(&self, what: &str, about: &Value) -> Box<dyn std::error::Error> {
        format!("{} {what} {about}", name_of(self.number)).into()
    }
}
