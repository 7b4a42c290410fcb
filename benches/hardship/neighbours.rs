//! People who talk at an even pace, two and two, and how long their messages take.
//!
//! Each says something four times a second, at a time of their own, and confirms what they hear.
//! All is in order on every connection, so the n-th push somebody hears is the n-th message of
//! their friend; the `prev` of each is checked. Nothing of it is near a limit: how long a message
//! takes is up to the server and to who else is there.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use p2sp::wire::request;
use p2sp_bench::Outcome;
use p2sp_bench::crowd::{Crowd, Heard};
use p2sp_bench::meter::nanos_on_core;
use p2sp_bench::words::{self, Said, key_of, name_of};
use p2sp_bench::world::World;
use serde_json::json;

/// Between two messages of one person.
const PACE: Duration = Duration::from_millis(250);
/// How long an answer or a delivery may take at all.
const STALL: Duration = Duration::from_secs(60);
/// How often it is looked whether the server rests, what share of a core it may still use then, and
/// how long it may take to come to rest.
const REST_LOOK: Duration = Duration::from_millis(300);
const REST_SHARE: f64 = 0.02;
const REST_MAX: Duration = Duration::from_secs(10);

/// Everybody.
pub struct Neighbours {
    crowd: Crowd,
    people: Vec<Neighbour>,
    latencies: Histogram<u64>,
}

struct Neighbour {
    next: Instant,
    number: u64,
    /// When the messages under way to them were sent.
    under_way: VecDeque<Instant>,
    unanswered: u32,
    pushed: Option<i64>,
}

impl Neighbours {
    /// The first so many users, who are friends two and two, sign in.
    pub fn new(world: &World, people: usize) -> Outcome<Neighbours> {
        let mut crowd = Crowd::new()?;
        crowd.sign_in(world, people)?;
        let neighbour = |_| Neighbour {
            next: Instant::now(),
            number: 0,
            under_way: VecDeque::new(),
            unanswered: 0,
            pushed: None,
        };
        let people = (0..people).map(neighbour).collect();
        Ok(Neighbours { crowd, people, latencies: Histogram::new_with_bounds(1, 60_000_000, 3)? })
    }

    /// As `talk`, once the server does nothing more: passwords are hashed for seconds after whoever
    /// tried them has gone, and that is no quiet.
    pub fn talk_in_quiet(&mut self, world: &World, span: Duration) -> Outcome<f64> {
        let began = Instant::now();
        let mut before = nanos_on_core(world.process());
        while began.elapsed() < REST_MAX {
            thread::sleep(REST_LOOK);
            let now = nanos_on_core(world.process());
            let ran = now.zip(before).map(|(now, before)| Duration::from_nanos(now - before));
            if ran.is_some_and(|ran| ran < REST_LOOK.mul_f64(REST_SHARE)) {
                break;
            }
            before = now;
        }
        self.talk(span)
    }

    /// They talk for so long; the p99 of what they hear, in milliseconds.
    pub fn talk(&mut self, span: Duration) -> Outcome<f64> {
        // On a thread of its own: what comes first ends with it.
        let talked = thread::scope(|scope| {
            let all = scope.spawn(|| {
                come_first();
                self.talk_here(span).map_err(|error| error.to_string())
            });
            all.join().unwrap_or_else(|_| Err("the people's thread panicked".into()))
        });
        Ok(talked?)
    }

    fn talk_here(&mut self, span: Duration) -> Outcome<f64> {
        self.latencies.reset();
        let begins = Instant::now();
        let count = self.people.len() as u32;
        for (number, person) in (0..).zip(&mut self.people) {
            person.next = begins + PACE * number / count;
        }
        let ends = begins + span;
        while Instant::now() < ends {
            self.say(ends);
            self.turn()?;
        }
        while self.people.iter().any(|p| p.unanswered > 0 || !p.under_way.is_empty()) {
            self.turn()?;
            if ends.elapsed() > STALL {
                return Err("messages of ordinary people did not arrive".into());
            }
        }
        Ok(self.latencies.value_at_quantile(0.99) as f64 / 1_000.0)
    }

    fn say(&mut self, ends: Instant) {
        let now = Instant::now();
        for who in 0..self.people.len() {
            if self.people[who].next > now.min(ends) {
                continue;
            }
            let (friend, person) = (who ^ 1, &mut self.people[who]);
            person.next += PACE;
            person.number += 1;
            person.unanswered += 1;
            let number = person.number;
            let args = json!({"auth_token": key_of(who), "username": name_of(friend), "id": number,
                              "mid": format!("{number:012}"), "message": "as people talk, 你好"});
            self.crowd.say(who, |out| request::append(out, "send", 0, &args));
            self.people[friend].under_way.push_back(Instant::now());
        }
    }

    fn turn(&mut self) -> Outcome<()> {
        let next = self.people.iter().map(|person| person.next).min();
        let wait = next.map_or(PACE, |next| next.saturating_duration_since(Instant::now()));
        let (people, latencies) = (&mut self.people, &mut self.latencies);
        let mut acks = Vec::new();
        self.crowd.turn(wait.min(PACE), |who, heard, at| {
            let Heard::Frame(frame) = heard else {
                return Err(format!("user {who} was disconnected").into());
            };
            let person = &mut people[who];
            match words::understand(frame)? {
                Said::Done => person.unanswered -= 1,
                Said::Push { seq, prev } => {
                    if person.pushed.is_some_and(|pushed| pushed != prev) || seq <= prev {
                        return Err(format!("user {who}: {seq} behind {prev}").into());
                    }
                    person.pushed = Some(seq);
                    let sent = person.under_way.pop_front().ok_or("a message too many")?;
                    latencies.saturating_record(at.duration_since(sent).as_micros() as u64);
                    acks.push((who, seq));
                }
                said => return Err(format!("user {who} hears {said:?}").into()),
            }
            Ok(())
        })?;
        for (who, seq) in acks {
            self.crowd.say(who, |out| words::ack(out, who, seq));
        }
        Ok(())
    }
}

/// What measures goes before those who make the noise on its core, if the system lets it: else a
/// message whose time has begun waits here for up to a tick of the scheduler, and that is no time
/// of the server's.
#[cfg(target_os = "linux")]
fn come_first() {
    use thread_priority::{RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    let this = thread_priority::thread_native_id();
    let _ = thread_priority::set_thread_priority_and_policy(this, ThreadPriority::Min, policy);
}

#[cfg(not(target_os = "linux"))]
fn come_first() {}
