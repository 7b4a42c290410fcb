//! A closed loop of messages: so many under way, the senders in turn.
//!
//! A message is done when its answer has come and, if it has a reader, its push as well; its place
//! is taken by the next sender's next message. With 50 pairs and 800 places each sender has 16
//! messages under way. All is in order on every connection and every push names the one before it,
//! so counting is enough to know that none was lost, doubled or turned around. Readers confirm
//! every so many pushes, and at the end.

use std::ops::Range;
use std::time::Instant;

use super::server::{SimulatedServer, Spent, fail_if_stalled, understand};
use crate::Outcome;
use crate::sizes::Chat;
use crate::words::{self, Letter, Said};

/// A reader confirms after so many pushes.
const CONFIRM_EVERY: u32 = 32;
/// Bytes of a text.
const BODY: usize = 64;

/// People who talk.
pub struct Talk {
    senders: Vec<Sender>,
    next: usize,
    /// By peer.
    readers: Vec<Reader>,
    /// Whether messages have readers who are there.
    is_read: bool,
    under_way_max: u64,
    /// What they have said so far.
    pub said: u64,
}

struct Sender {
    peer: usize,
    letter: Letter,
    number: u64,
}

/// What a reader has.
#[derive(Clone, Copy, Default)]
pub struct Reader {
    seq: Option<i64>,
    unconfirmed: u32,
}

impl Talk {
    /// Users who are friends, two and two: the first of each pair talks to the second.
    pub fn of_pairs(users: Range<usize>, under_way_max: u64) -> Talk {
        let readers = vec![Reader::default(); users.end];
        Talk::new(users.step_by(2), false, readers, under_way_max)
    }

    /// The owner of a group, who talks to it while nobody else is there.
    pub fn to_group(owner: usize, under_way_max: u64) -> Talk {
        Talk::new([owner].into_iter(), true, Vec::new(), under_way_max)
    }

    fn new(
        senders: impl Iterator<Item = usize>,
        group: bool,
        readers: Vec<Reader>,
        under_way_max: u64,
    ) -> Talk {
        let sender = |peer| Sender { peer, letter: letter(peer, group), number: 0 };
        let senders = senders.map(sender).collect();
        Talk { senders, next: 0, is_read: !readers.is_empty(), readers, under_way_max, said: 0 }
    }

    /// Lets them say so many messages, and waits until the loop has come to rest. What it cost.
    pub fn run(&mut self, server: &mut SimulatedServer, messages: u64) -> Outcome<Spent> {
        let before = server.spent;
        let (mut said, mut answered, mut delivered) = (0, 0, 0);
        let mut progress = Instant::now();
        loop {
            let done = if self.is_read { delivered.min(answered) } else { answered };
            if done == messages {
                break;
            }
            while said < messages && said - done < self.under_way_max {
                self.say(server);
                said += 1;
            }
            server.tick()?;
            let edge = server.edge.clone();
            edge.listen(|peer, news| {
                progress = Instant::now();
                match understand(&news)? {
                    Said::Done => answered += 1,
                    Said::Push { seq, prev } => {
                        delivered += 1;
                        if self.readers[peer].take(seq, prev)? {
                            server.edge.say(peer, |out| words::ack(out, peer, seq));
                        }
                    }
                    said => return Err(format!("peer {peer} hears {said:?}").into()),
                }
                Ok(())
            })?;
            fail_if_stalled(progress)?;
        }
        self.confirm_all(server);
        server.rest()?;
        self.said += messages;
        Ok(server.spent.since(before))
    }

    fn say(&mut self, server: &SimulatedServer) {
        let sender = &mut self.senders[self.next];
        server.edge.say(sender.peer, |out| sender.letter.write(out, sender.number));
        sender.number += 1;
        self.next = (self.next + 1) % self.senders.len();
    }

    fn confirm_all(&mut self, server: &SimulatedServer) {
        for (peer, reader) in self.readers.iter_mut().enumerate() {
            if let Some(seq) = reader.seq.filter(|_| std::mem::take(&mut reader.unconfirmed) > 0) {
                server.edge.say(peer, |out| words::ack(out, peer, seq));
            }
        }
    }
}

/// A message of a user to the next one, or to their group.
pub fn letter(from: usize, group: bool) -> Letter {
    Letter::new(&Chat { streams: 1, readers: 1, window: 1, mid: true, group }, from, BODY)
}

impl Reader {
    /// A push: whether it is time to confirm.
    pub fn take(&mut self, seq: i64, prev: i64) -> Outcome<bool> {
        if seq <= prev || self.seq.is_some_and(|had| had != prev) {
            return Err(format!("{seq} behind {prev}, but had {:?}", self.seq).into());
        }
        self.seq = Some(seq);
        self.unconfirmed = (self.unconfirmed + 1) % CONFIRM_EVERY;
        Ok(self.unconfirmed == 0)
    }
}
