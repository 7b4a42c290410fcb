//! Messages: streams of them, each with one sender and readers of its own.
//!
//! ```text
//! one to one   user 0 ─► user 1     user 2 ─► user 3     …      readers 1
//! fan-out      user 0 ─► users 1, 2, 3 … of its group           readers group - 1
//!
//! flights      base ┌ answered, 0 missing │ answered, 7 missing │ …   ≤ window
//!                   └ done: its place is free
//! ```
//!
//! All is in order on every connection, so the n-th answer and the n-th push are about the n-th
//! message, and no text needs to be read. Each reader checks that the `prev` of a push is the
//! `seq` before it. Readers confirm what they have four times a second, each at
//! a time of its own.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Outcome;
use super::crowd::{Crowd, Heard};
use super::meter::{Meter, Sample, TURN};
use super::sizes::{Chat, Sizes};
use super::words::{self, Letter, Said};
use super::world::World;

/// How often a reader confirms.
const CONFIRM_EVERY: Duration = Duration::from_millis(250);
/// How long the last messages may take when nothing more is sent.
const DRAIN_MAX: Duration = Duration::from_secs(60);
/// How long the crowd listens for a message too many.
const SILENCE: Duration = Duration::from_millis(50);

/// A sender's messages under way.
struct Stream {
    letter: Letter,
    /// The number of the oldest flight, from 0.
    base: u64,
    answered: u64,
    flights: VecDeque<Flight>,
}

struct Flight {
    sent: Instant,
    answered: bool,
    missing: usize,
}

/// A reader's place.
#[derive(Clone, Copy, Default)]
struct Reader {
    heard: u64,
    seq: i64,
    confirmed: i64,
}

/// Everybody.
struct Talk<'a> {
    chat: &'a Chat,
    meter: Meter,
    streams: Vec<Stream>,
    /// By connection; a sender's own place stays empty.
    readers: Vec<Reader>,
    /// Streams that may send.
    free: Vec<usize>,
    next_to_confirm: usize,
    confirmed: Instant,
}

/// Signs everybody in, lets them talk, and waits for the last delivery.
pub fn measure(world: &World, chat: &Chat, sizes: &Sizes) -> Outcome<Sample> {
    let mut crowd = Crowd::over(sizes.over)?;
    crowd.sign_in(world, world.users)?;
    let mut talk = Talk::new(world, chat, sizes)?;
    while !talk.meter.is_over() {
        talk.send(&mut crowd);
        crowd.turn(TURN, |who, heard, at| talk.hear(who, &heard, at))?;
        talk.confirm(&mut crowd);
    }
    let deadline = Instant::now() + DRAIN_MAX;
    while talk.streams.iter().any(|stream| !stream.flights.is_empty()) {
        if Instant::now() >= deadline {
            return Err(talk.lost().into());
        }
        crowd.turn(TURN, |who, heard, at| talk.hear(who, &heard, at))?;
    }
    let silence = Instant::now() + SILENCE;
    while Instant::now() < silence {
        crowd.turn(TURN, |who, heard, at| talk.hear(who, &heard, at))?;
    }
    talk.meter.sample()
}

impl Talk<'_> {
    fn new<'a>(world: &World, chat: &'a Chat, sizes: &Sizes) -> Outcome<Talk<'a>> {
        let stream = |number: usize| Stream {
            letter: Letter::new(chat, number * (1 + chat.readers), sizes.body),
            base: 0,
            answered: 0,
            flights: VecDeque::new(),
        };
        Ok(Talk {
            chat,
            meter: Meter::new(world, sizes.span())?,
            streams: (0..chat.streams).map(stream).collect(),
            readers: vec![Reader::default(); world.users],
            free: (0..chat.streams).collect(),
            next_to_confirm: 0,
            confirmed: Instant::now(),
        })
    }

    /// Fills the windows that have room.
    fn send(&mut self, crowd: &mut Crowd) {
        let Chat { readers, window, .. } = *self.chat;
        for number in self.free.drain(..) {
            let stream = &mut self.streams[number];
            let sent = Instant::now();
            crowd.say(number * (1 + readers), |out| {
                while stream.flights.len() < window {
                    stream.letter.write(out, stream.base + stream.flights.len() as u64);
                    stream.flights.push_back(Flight { sent, answered: false, missing: readers });
                }
            });
        }
    }

    fn hear(&mut self, who: usize, heard: &Heard, at: Instant) -> Outcome<()> {
        let Heard::Frame(frame) = heard else {
            return Err(format!("user {who} was disconnected").into());
        };
        match words::understand(frame)? {
            Said::Done => self.answered(who, at),
            Said::Push { seq, prev } => self.delivered(who, seq, prev, at),
            said => Err(format!("user {who} hears {said:?}").into()),
        }
    }

    fn answered(&mut self, who: usize, at: Instant) -> Outcome<()> {
        let number = who / (1 + self.chat.readers);
        let stream = &mut self.streams[number];
        let index = (stream.answered - stream.base) as usize;
        let flight = stream.flights.get_mut(index).ok_or("an answer too many")?;
        flight.answered = true;
        stream.answered += 1;
        self.meter.answered(flight.sent, at);
        self.settle(number);
        Ok(())
    }

    fn delivered(&mut self, who: usize, seq: i64, prev: i64, at: Instant) -> Outcome<()> {
        let number = who / (1 + self.chat.readers);
        let (stream, reader) = (&mut self.streams[number], &mut self.readers[who]);
        if prev != reader.seq || seq <= prev {
            return Err(format!("user {who}: {seq} behind {prev}, but had {}", reader.seq).into());
        }
        let flight = stream.flights.get_mut((reader.heard - stream.base) as usize);
        let flight = flight.ok_or("a message too many")?;
        flight.missing -= 1;
        reader.heard += 1;
        reader.seq = seq;
        self.meter.count(at);
        self.meter.delivered(flight.sent, at);
        if flight.missing == 0 {
            self.meter.everywhere(flight.sent, at);
        }
        self.settle(number);
        Ok(())
    }

    /// Frees the places of messages that have arrived everywhere.
    fn settle(&mut self, number: usize) {
        let stream = &mut self.streams[number];
        let was_full = stream.flights.len() == self.chat.window;
        while stream.flights.front().is_some_and(|flight| flight.answered && flight.missing == 0) {
            stream.flights.pop_front();
            stream.base += 1;
        }
        if was_full && stream.flights.len() < self.chat.window {
            self.free.push(number);
        }
    }

    /// Lets as many readers confirm as the time that passed is worth, each in turn.
    fn confirm(&mut self, crowd: &mut Crowd) {
        let everybody = self.readers.len();
        let passed = self.confirmed.elapsed().as_secs_f64() / CONFIRM_EVERY.as_secs_f64();
        let due = (everybody as f64 * passed) as usize;
        if due == 0 {
            return;
        }
        self.confirmed = Instant::now();
        for _ in 0..due.min(everybody) {
            let who = self.next_to_confirm;
            self.next_to_confirm = (who + 1) % everybody;
            let reader = &mut self.readers[who];
            if reader.seq > reader.confirmed {
                reader.confirmed = reader.seq;
                crowd.say(who, |out| words::ack(out, who, reader.seq));
            }
        }
    }

    fn lost(&self) -> String {
        let missing: usize =
            self.streams.iter().flat_map(|stream| &stream.flights).map(|f| f.missing).sum();
        let flights: usize = self.streams.iter().map(|stream| stream.flights.len()).sum();
        format!("{flights} messages did not arrive everywhere; {missing} deliveries are missing")
    }
}
