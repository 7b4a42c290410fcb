//! What one tick works on: the bytes that `read` gathered, cut into frames, and the password
//! hashes that were finished.
//!
//! ```text
//! bytes     │ kept ┊ read: frame │ frame │ fra│ kept ┊ read: frame │ … room …         │
//! portions  │ connection 7: frames 0..2       │ connection 9: frames 2..3
//! ```
//!
//! `serve` walks the list; a tick that must run again walks it again, so nothing is consumed by
//! being served. What is not served goes back to its connection when the tick ends.

use std::ops::Range;

use crate::id::ConnId;
use crate::limits::{
    FRAMES_PER_CONN, FRAMES_PER_NEWCOMER, INTAKE_BYTES_MAX, INTAKE_BYTES_PER_CONN,
    NEWCOMER_BYTES_MAX, READ_BYTES_PER_CONN,
};
use crate::password::Outcome;
use crate::wire::Code;
use crate::wire::frame::{self, FrameFault};

/// How much of a connection a tick takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Little, and little of all of them together: it has not signed in.
    Newcomer,
    /// As much as anybody's.
    Full,
}

impl Share {
    /// So many frames.
    pub fn frames(self) -> usize {
        match self {
            Share::Newcomer => FRAMES_PER_NEWCOMER,
            Share::Full => FRAMES_PER_CONN,
        }
    }
}

/// One connection's bytes of this tick.
#[derive(Debug)]
pub struct Portion {
    /// Whose.
    pub conn: ConnId,
    /// How much of it this tick takes.
    pub share: Share,
    /// All of them.
    bytes: Range<usize>,
    /// Where those begin that came in this tick.
    came: usize,
    /// The whole frames among them, by index.
    pub frames: Range<usize>,
    /// A fault behind the last of them.
    pub fault: Option<Code>,
    /// How many frames the first walk served, a fault counted as one: a second walk serves no
    /// more.
    pub served: usize,
}

impl Portion {
    /// Whether the fault behind the frames was served.
    pub fn fault_was_served(&self) -> bool {
        self.fault.is_some() && self.served > self.frames.len()
    }

    /// How many frames there are to serve, a fault counted as one.
    pub fn listed(&self) -> usize {
        self.frames.len() + usize::from(self.fault.is_some())
    }
}

/// The tick's work. The default has no room at all: it stands in while the real one is walked.
#[derive(Default)]
pub struct Intake {
    bytes: Box<[u8]>,
    used: usize,
    newcomers_from: Option<usize>,
    frames: Vec<Range<usize>>,
    portions: Vec<Portion>,
    hashes: Vec<(ConnId, Outcome)>,
}

impl Intake {
    /// Room for one tick: zeroed memory that the system provides as it is touched.
    pub fn new() -> Intake {
        Intake { bytes: vec![0; INTAKE_BYTES_MAX].into_boxed_slice(), ..Intake::default() }
    }

    /// Whether another connection's bytes fit. Newcomers, who come last, have room of their own.
    pub fn has_room(&self, share: Share) -> bool {
        let end = match share {
            Share::Full => INTAKE_BYTES_MAX - NEWCOMER_BYTES_MAX,
            Share::Newcomer => self.newcomers_from.unwrap_or(self.used) + NEWCOMER_BYTES_MAX,
        };
        self.used + INTAKE_BYTES_PER_CONN <= end
    }

    /// Begins a connection's portion with what was kept of it.
    pub fn begin(&mut self, conn: ConnId, share: Share, kept: &[u8]) {
        let start = self.used;
        if share == Share::Newcomer {
            self.newcomers_from.get_or_insert(start);
        }
        self.bytes[start..start + kept.len()].copy_from_slice(kept);
        self.used += kept.len();
        let frames = self.frames.len()..self.frames.len();
        let bytes = start..self.used;
        let came = self.used;
        self.portions.push(Portion { conn, share, bytes, came, frames, fault: None, served: 0 });
    }

    /// Where the connection's next bytes go. Empty: it has had its share of this tick.
    pub fn room(&mut self) -> &mut [u8] {
        let start = self.portions.last().map_or(self.used, |portion| portion.bytes.start);
        &mut self.bytes[self.used..self.used.max(start + READ_BYTES_PER_CONN)]
    }

    /// So many bytes were put there.
    pub fn received(&mut self, count: usize) {
        self.used += count;
    }

    /// What was opened of the connection's records.
    pub fn append(&mut self, plain: &[u8]) {
        self.bytes[self.used..self.used + plain.len()].copy_from_slice(plain);
        self.used += plain.len();
    }

    /// The connection's share.
    pub fn share(&self) -> Share {
        self.portions.last().map_or(Share::Newcomer, |portion| portion.share)
    }

    /// What there is of the connection so far.
    pub fn begun(&self) -> &[u8] {
        let start = self.portions.last().map_or(self.used, |portion| portion.bytes.start);
        &self.bytes[start..self.used]
    }

    /// What of it came in this tick.
    pub fn came(&self) -> &[u8] {
        let start = self.portions.last().map_or(self.used, |portion| portion.came);
        &self.bytes[start..self.used]
    }

    /// That was no plaintext, or nothing that will be cut into frames.
    pub fn take_back(&mut self) {
        self.used = self.portions.last().map_or(self.used, |portion| portion.bytes.start);
    }

    /// The first bytes are dealt with; the rest counts as having come in this tick.
    pub fn drop_front(&mut self, count: usize) {
        let Some(portion) = self.portions.last_mut() else { return };
        let start = portion.bytes.start;
        self.bytes.copy_within(start + count..self.used, start);
        self.used -= count;
        portion.came = start;
    }

    /// As [`Intake::take_back`], of what came in this tick alone.
    pub fn take_back_came(&mut self) {
        self.used = self.portions.last().map_or(self.used, |portion| portion.came);
    }

    /// A payload that came without a frame.
    pub fn append_payload(&mut self, payload: &[u8]) {
        self.append(&frame::header(0, payload.len()));
        self.append(payload);
    }

    /// So many bytes of frames the connection may still have in the intake.
    pub fn room_for_frames(&self) -> usize {
        INTAKE_BYTES_PER_CONN - self.begun().len()
    }

    /// Ends the portion: what there is of it can be cut into nothing yet, and is kept.
    pub fn leave(&mut self) {
        if let Some(portion) = self.portions.last_mut() {
            portion.bytes.end = self.used;
        }
    }

    /// What stands behind the portion's frames is refused.
    pub fn refuse(&mut self, code: Code) {
        if let Some(portion) = self.portions.last_mut() {
            portion.fault = Some(code);
        }
    }

    /// Ends the portion: cuts it into frames. Says how many are listed, a fault counted as one.
    pub fn list(&mut self) -> usize {
        let Some(portion) = self.portions.last_mut() else { return 0 };
        portion.bytes.end = self.used;
        let mut at = portion.bytes.start;
        let behind = portion.fault.take();
        let full = portion.frames.start + portion.share.frames();
        while portion.fault.is_none() && self.frames.len() < full {
            let rest = &self.bytes[at..self.used];
            match frame::frame_len(rest) {
                Ok(Some(length)) if length <= rest.len() => {
                    self.frames.push(at..at + length);
                    at += length;
                }
                Ok(_) => break,
                Err(fault) => {
                    portion.fault = Some(fault_code(fault));
                }
            }
        }
        if at == self.used {
            portion.fault = behind;
        }
        portion.frames.end = self.frames.len();
        portion.listed()
    }

    /// A password hash is done.
    pub fn hash_done(&mut self, conn: ConnId, outcome: Outcome) {
        self.hashes.push((conn, outcome));
    }

    /// Whether there is nothing to serve.
    pub fn is_idle(&self) -> bool {
        self.hashes.is_empty()
            && self.frames.is_empty()
            && self.portions.iter().all(|p| p.fault.is_none())
    }

    /// The finished hashes.
    pub fn hashes(&self) -> &[(ConnId, Outcome)] {
        &self.hashes
    }

    /// How many connections' portions there are.
    pub fn portions(&self) -> usize {
        self.portions.len()
    }

    /// One of them.
    pub fn portion(&self, index: usize) -> &Portion {
        &self.portions[index]
    }

    /// So many frames of it were served.
    pub fn set_served(&mut self, index: usize, served: usize) {
        self.portions[index].served = served;
    }

    /// The bytes of one frame, or the fault in its place.
    ///
    /// # Errors
    /// The fault that stands behind the portion's frames.
    pub fn frame(&self, portion: &Portion, index: usize) -> Result<&[u8], Code> {
        match (self.frames[portion.frames.clone()].get(index), portion.fault) {
            (Some(range), _) => Ok(&self.bytes[range.clone()]),
            (None, Some(fault)) => Err(fault),
            (None, None) => Ok(&[]),
        }
    }

    /// What goes back to the connection: everything behind the last frame that was served.
    pub fn rest(&self, portion: &Portion) -> &[u8] {
        let served = portion.served.min(portion.frames.len());
        let start = match served {
            0 => portion.bytes.start,
            _ => self.frames[portion.frames.start + served - 1].end,
        };
        &self.bytes[start..portion.bytes.end]
    }

    /// The tick is over.
    pub fn clear(&mut self) {
        self.used = 0;
        self.newcomers_from = None;
        self.frames.clear();
        self.portions.clear();
        self.hashes.clear();
    }
}

/// How a fault is told.
pub fn fault_code(fault: FrameFault) -> Code {
    match fault {
        FrameFault::BadMagic => Code::BadMagic,
        FrameFault::TooLong => Code::FrameTooLong,
        FrameFault::BadChecksum => Code::BadChecksum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONN: ConnId = ConnId { slot: 1, generation: 1 };

    fn frames(payloads: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for payload in payloads {
            frame::append(&mut out, |out| out.extend_from_slice(payload));
        }
        out
    }

    #[test]
    fn frames_split_anywhere_are_listed_whole_and_the_rest_goes_back() {
        let bytes = frames(&[b"one", b"", b"three"]);
        for cut in 0..=bytes.len() {
            let mut intake = Intake::new();
            intake.begin(CONN, Share::Full, &bytes[..cut]);
            let first = intake.list();
            intake.set_served(0, first);
            let kept = intake.rest(intake.portion(0)).to_vec();
            intake.clear();
            intake.begin(CONN, Share::Full, &kept);
            let room = intake.room();
            room[..bytes.len() - cut].copy_from_slice(&bytes[cut..]);
            intake.received(bytes.len() - cut);
            assert_eq!(first + intake.list(), 3, "cut at {cut}");
            intake.set_served(0, 3 - first);
            assert!(intake.rest(intake.portion(0)).is_empty());
        }
    }

    #[test]
    fn a_fault_stands_behind_the_frames_before_it() {
        let mut bytes = frames(&[b"one"]);
        bytes.extend_from_slice(b"\0GET /");
        let mut intake = Intake::new();
        intake.begin(CONN, Share::Full, &bytes);
        assert_eq!(intake.list(), 2);
        let portion = intake.portion(0);
        assert!(intake.frame(portion, 0).is_ok());
        assert_eq!(intake.frame(portion, 1), Err(Code::BadMagic));
        assert_eq!(intake.rest(portion).len(), bytes.len(), "nothing was served");
    }

    #[test]
    fn p20_a_connection_has_its_share_and_no_more() {
        let mut intake = Intake::new();
        intake.begin(CONN, Share::Full, b"");
        while !intake.room().is_empty() {
            let count = intake.room().len().min(1000);
            intake.received(count);
        }
        assert_eq!(intake.used, READ_BYTES_PER_CONN);
    }
}
