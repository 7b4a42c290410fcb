//! Messages through a server of another kind: the same closed loop as the load's own `chat`.
//!
//! A message holds its place in the window until it has arrived everywhere and, where the server
//! answers, was answered. Its text begins with its number: each reader must hear the very texts
//! that were sent to it, all of them, in order.

use std::collections::VecDeque;
use std::time::Instant;

use p2sp_bench::Outcome;
use p2sp_bench::meter::{Meter, Sample};
use p2sp_bench::sizes::{Chat, Sizes};
use p2sp_bench::visits::DRAIN_MAX;

use super::callers::{Callers, disconnected};
use super::dialect::{Dialect, Place, Said};
use super::server::Server;

/// Everybody.
struct Talk<'a> {
    chat: &'a Chat,
    dialect: &'static dyn Dialect,
    meter: Meter,
    streams: Vec<Stream>,
    /// How many messages each connection has heard.
    heard: Vec<u64>,
    /// Streams that may send.
    free: Vec<usize>,
    text: Vec<u8>,
}

/// A sender's messages under way.
#[derive(Default)]
struct Stream {
    /// The number of the oldest flight, from 0.
    base: u64,
    answered: u64,
    flights: VecDeque<Flight>,
}

struct Flight {
    sent: Instant,
    /// Deliveries, and the answer.
    missing: usize,
}

/// Signs everybody in, lets them talk, and waits for the last delivery.
pub fn measure(
    server: &Server,
    dialect: &'static dyn Dialect,
    chat: &Chat,
    sizes: &Sizes,
) -> Outcome<Sample> {
    let users = chat.streams * (1 + chat.readers);
    let mut callers = Callers::new(server, dialect, sizes.over)?;
    callers.gather(users, |user| match user % (1 + chat.readers) {
        0 => None,
        _ if chat.group => Some(Place::Group),
        _ => Some(Place::User(user)),
    })?;
    let mut talk = Talk {
        chat,
        dialect,
        meter: Meter::of(server.process(), sizes.span())?,
        streams: (0..chat.streams).map(|_| Stream::default()).collect(),
        heard: vec![0; users],
        free: (0..chat.streams).collect(),
        text: vec![b'm'; sizes.body],
    };
    while !talk.meter.is_over() {
        talk.send(&mut callers);
        callers.turn(|who, said, at| talk.hear(who, said, at))?;
    }
    let deadline = Instant::now() + DRAIN_MAX;
    while talk.streams.iter().any(|stream| !stream.flights.is_empty()) {
        if Instant::now() >= deadline {
            return Err("some messages did not arrive everywhere".into());
        }
        callers.turn(|who, said, at| talk.hear(who, said, at))?;
    }
    talk.meter.sample()
}

impl Talk<'_> {
    /// Fills the windows that have room.
    fn send(&mut self, callers: &mut Callers) {
        let Chat { readers, window, group, .. } = *self.chat;
        let missing = readers + usize::from(self.dialect.answers());
        for index in self.free.drain(..) {
            let stream = &mut self.streams[index];
            let from = index * (1 + readers);
            let to = if group { Place::Group } else { Place::User(from + readers) };
            let sent = Instant::now();
            callers.say(from, |out| {
                while stream.flights.len() < window {
                    let number = stream.base + stream.flights.len() as u64;
                    stamp(&mut self.text, number);
                    self.dialect.send(out, to, number, &self.text);
                    stream.flights.push_back(Flight { sent, missing });
                }
            });
        }
    }

    fn hear(&mut self, who: usize, said: Option<Said>, at: Instant) -> Outcome<()> {
        match said {
            Some(Said::Message(text)) => self.delivered(who, text, at),
            Some(Said::Messages(texts)) => {
                texts.into_iter().try_for_each(|text| self.delivered(who, text, at))
            }
            Some(Said::Done) => self.answered(who, at),
            Some(Said::Nothing) => Ok(()),
            None => Err(disconnected(who)),
        }
    }

    fn answered(&mut self, who: usize, at: Instant) -> Outcome<()> {
        let stream = &mut self.streams[who / (1 + self.chat.readers)];
        let number = stream.answered;
        stream.answered += 1;
        if let Some(flight) = stream.flight(number) {
            self.meter.answered(flight.sent, at);
            if self.chat.readers == 0 {
                self.meter.count(at);
            }
        }
        self.settle(who, number, at)
    }

    fn delivered(&mut self, who: usize, text: &[u8], at: Instant) -> Outcome<()> {
        let number = self.heard[who];
        self.heard[who] += 1;
        stamp(&mut self.text, number);
        if self.text != text {
            return Err(format!("user {who} hears {:?}", String::from_utf8_lossy(text)).into());
        }
        self.meter.count(at);
        if let Some(flight) = self.streams[who / (1 + self.chat.readers)].flight(number) {
            self.meter.delivered(flight.sent, at);
        }
        self.settle(who, number, at)
    }

    /// One thing less is missing of a message; frees the places of those that miss nothing.
    fn settle(&mut self, who: usize, number: u64, at: Instant) -> Outcome<()> {
        let index = who / (1 + self.chat.readers);
        let stream = &mut self.streams[index];
        let flight = stream.flight(number).filter(|flight| flight.missing > 0);
        let flight = flight.ok_or("more comes than was sent")?;
        flight.missing -= 1;
        if flight.missing == 0 {
            self.meter.everywhere(flight.sent, at);
        }
        let was_full = stream.flights.len() == self.chat.window;
        while stream.flights.front().is_some_and(|flight| flight.missing == 0) {
            stream.flights.pop_front();
            stream.base += 1;
        }
        if was_full && stream.flights.len() < self.chat.window {
            self.free.push(index);
        }
        Ok(())
    }
}

impl Stream {
    fn flight(&mut self, number: u64) -> Option<&mut Flight> {
        self.flights.get_mut(number.checked_sub(self.base)? as usize)
    }
}

/// Writes the number at the beginning of a text, as far as there is room.
fn stamp(text: &mut [u8], mut number: u64) {
    for byte in text.iter_mut().take(10).rev() {
        *byte = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
