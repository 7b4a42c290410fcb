//! What one tick works on: the bytes that `read` gathered, the frames that `decode` found in them,
//! and the password hashes that were finished.
//!
//! ```text
//! read    gathered │ kept ┊ came: frame │ frame │ fra│ kept ┊ came: a TLS record │ … room … │
//! decode  decoded                                    │ kept ┊ frame │ frame │
//! portions         │ connection 7: frames 0..2       │ connection 9: frames 2..4
//! ```
//!
//! Frames in plaintext are served from where the kernel put them. What is sealed, and what comes in
//! another form than frames, is decoded into a second buffer.
//!
//! `serve` walks the list; a tick that must run again walks it again, so nothing is consumed by
//! being served. What is not served goes back to its connection when the tick ends.

use std::ops::Range;

use crate::event_loop::app::Share;
use crate::id::ConnId;
use crate::limits::{
    FRAMES_PER_CONN, FRAMES_PER_NEWCOMER, INTAKE_BYTES_MAX, INTAKE_BYTES_PER_CONN,
    NEWCOMER_BYTES_MAX,
};
use crate::password::Outcome;
use crate::wire::Code;
use crate::wire::frame::{self, FrameFault};

/// One connection's bytes of this tick.
#[derive(Debug)]
pub struct Portion {
    /// Whose.
    pub conn: ConnId,
    /// How much of it this tick takes.
    pub share: Share,
    /// They stand in the second buffer.
    is_decoded: bool,
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

/// The tick's work.
#[derive(Default)]
pub struct Intake {
    /// What `read` puts here: zeroed memory that the system provides as it is touched.
    gathered: Box<[u8]>,
    used: usize,
    /// The share of the connection that is read ends here.
    room_end: usize,
    /// What was kept of the connections and is not in `gathered`: it will be in `decoded`.
    kept_bytes: usize,
    /// What `decode` makes of it, where it is not in its final form.
    decoded: Vec<u8>,
    newcomers_from: Option<usize>,
    frames: Vec<Range<usize>>,
    /// One for each connection that had a turn.
    pub portions: Vec<Portion>,
    /// The portion that is read or decoded.
    at: usize,
    /// The password hashes that were finished.
    pub hashes: Vec<(ConnId, Outcome)>,
}

impl Intake {
    /// Room for one tick.
    pub fn new() -> Intake {
        Intake { gathered: vec![0; INTAKE_BYTES_MAX].into_boxed_slice(), ..Intake::default() }
    }

    // --- read ---

    /// Whether another connection's bytes fit. Newcomers, who come last, have room of their own.
    pub fn has_room(&self, share: Share) -> bool {
        let end = match share {
            Share::Full => INTAKE_BYTES_MAX - NEWCOMER_BYTES_MAX,
            Share::Newcomer => self.newcomers_from.unwrap_or(self.claimed()) + NEWCOMER_BYTES_MAX,
        };
        self.claimed() + INTAKE_BYTES_PER_CONN <= end
    }

    /// What was gathered, and what was kept of the same connections elsewhere.
    fn claimed(&self) -> usize {
        self.used + self.kept_bytes
    }

    /// Begins a connection's portion with what was kept of it in the form in which it came. So many
    /// bytes more were kept in another form, and it may bring `most`.
    pub fn begin(
        &mut self,
        conn: ConnId,
        share: Share,
        kept: &[u8],
        kept_elsewhere: usize,
        most: usize,
    ) {
        if share == Share::Newcomer {
            let claimed = self.claimed();
            self.newcomers_from.get_or_insert(claimed);
        }
        let start = self.used;
        self.used += kept.len();
        self.kept_bytes += kept_elsewhere;
        self.gathered[start..self.used].copy_from_slice(kept);
        self.room_end = self.used + most;
        self.at = self.portions.len();
        self.portions.push(Portion {
            conn,
            share,
            is_decoded: false,
            bytes: start..self.used,
            came: self.used,
            frames: 0..0,
            fault: None,
            served: 0,
        });
    }

    /// The connection whose portion was begun last.
    pub fn reading(&self) -> Option<ConnId> {
        self.portions.last().map(|portion| portion.conn)
    }

    /// Where its next bytes go. Empty: it has had its share of this tick.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.gathered[self.used..self.room_end]
    }

    /// So many bytes were put there.
    pub fn received(&mut self, count: usize) {
        self.used += count;
        if let Some(portion) = self.portions.last_mut() {
            portion.bytes.end = self.used;
        }
    }

    // --- decode ---

    /// From here on it is this portion that is decoded. Says whose it is.
    pub fn open(&mut self, index: usize) -> ConnId {
        self.at = index;
        self.portions[index].conn
    }

    /// The connection's share.
    pub fn share(&self) -> Share {
        self.portions[self.at].share
    }

    /// What there is of the connection so far.
    pub fn bytes(&self) -> &[u8] {
        let portion = &self.portions[self.at];
        &self.buffer(portion)[portion.bytes.clone()]
    }

    /// The same, to be opened in its place, and the rest of the intake to put there what it holds.
    pub fn sealed(&mut self) -> (&mut [u8], Decoded<'_>) {
        let portion = &mut self.portions[self.at];
        debug_assert!(!portion.is_decoded, "no layer of TLS stands within another");
        let sealed = portion.bytes.clone();
        (&mut self.gathered[sealed], Decoded { portion, buffer: &mut self.decoded })
    }

    /// What of it came in this tick.
    pub fn came(&self) -> &[u8] {
        let portion = &self.portions[self.at];
        &self.buffer(portion)[portion.came..portion.bytes.end]
    }

    fn buffer(&self, portion: &Portion) -> &[u8] {
        if portion.is_decoded { &self.decoded } else { &self.gathered }
    }

    /// That was nothing that will be cut into frames.
    pub fn take_back(&mut self) {
        let portion = &mut self.portions[self.at];
        portion.bytes.end = portion.bytes.start;
        portion.came = portion.bytes.start;
    }

    /// The first bytes are dealt with; the rest counts as having come in this tick.
    pub fn drop_front(&mut self, count: usize) {
        let portion = &mut self.portions[self.at];
        portion.bytes.start += count;
        portion.came = portion.bytes.start;
    }

    /// What there is of the connection is decoded: in its place comes what was kept decoded, and
    /// what is added behind it.
    pub fn decoded(&mut self, kept: &[u8]) -> Decoded<'_> {
        let mut decoded =
            Decoded { portion: &mut self.portions[self.at], buffer: &mut self.decoded };
        decoded.begin(kept);
        decoded
    }

    /// What stands behind the portion's frames is refused.
    pub fn refuse(&mut self, code: Code) {
        self.portions[self.at].fault = Some(code);
    }

    /// Cuts the portion into frames. Says how many are listed, a fault counted as one.
    pub fn list(&mut self) -> usize {
        let portion = &mut self.portions[self.at];
        let buffer = if portion.is_decoded { &self.decoded } else { &*self.gathered };
        let Range { start: mut at, end } = portion.bytes;
        let first = self.frames.len();
        let behind = portion.fault.take();
        while portion.fault.is_none() && self.frames.len() - first < frames_of(portion.share) {
            let rest = &buffer[at..end];
            match frame::frame_len(rest) {
                Ok(Some(length)) if length <= rest.len() => {
                    self.frames.push(at..at + length);
                    at += length;
                }
                Ok(_) => break,
                Err(fault) => portion.fault = Some(fault_code(fault)),
            }
        }
        if at == end {
            portion.fault = behind;
        }
        portion.frames = first..self.frames.len();
        portion.listed()
    }

    /// Whether there is nothing to serve.
    pub fn is_idle(&self) -> bool {
        self.hashes.is_empty()
            && self.frames.is_empty()
            && self.portions.iter().all(|p| p.fault.is_none())
    }

    /// The bytes of one frame, or the fault in its place.
    ///
    /// # Errors
    /// The fault that stands behind the portion's frames.
    pub fn frame(&self, portion: &Portion, index: usize) -> Result<&[u8], Code> {
        match (self.frames[portion.frames.clone()].get(index), portion.fault) {
            (Some(range), _) => Ok(&self.buffer(portion)[range.clone()]),
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
        &self.buffer(portion)[start..portion.bytes.end]
    }

    /// The tick is over.
    pub fn clear(&mut self) {
        (self.used, self.kept_bytes) = (0, 0);
        self.decoded.clear();
        self.newcomers_from = None;
        self.frames.clear();
        self.portions.clear();
        self.hashes.clear();
    }
}

/// Where what is decoded of a portion goes.
pub struct Decoded<'i> {
    portion: &'i mut Portion,
    buffer: &'i mut Vec<u8>,
}

impl Decoded<'_> {
    /// Begins with what was kept in this form.
    pub fn begin(&mut self, kept: &[u8]) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(kept);
        self.portion.is_decoded = true;
        (self.portion.bytes, self.portion.came) = (start..self.buffer.len(), self.buffer.len());
    }

    /// More of it.
    pub fn append(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        self.portion.bytes.end = self.buffer.len();
    }

    /// A payload that came without a frame.
    pub fn append_payload(&mut self, payload: &[u8]) {
        self.append(&frame::header(0, payload.len()));
        self.append(payload);
    }

    /// So many bytes more the connection may have in the intake.
    pub fn room(&self) -> usize {
        INTAKE_BYTES_PER_CONN - self.portion.bytes.len()
    }
}

/// So many frames of a connection a tick takes.
pub fn frames_of(share: Share) -> usize {
    match share {
        Share::Newcomer => FRAMES_PER_NEWCOMER,
        Share::Full => FRAMES_PER_CONN,
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
    use crate::limits::READ_BYTES_PER_CONN;

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
            intake.begin(CONN, Share::Full, &bytes[..cut], 0, 0);
            let first = intake.list();
            intake.portions[0].served = first;
            let kept = intake.rest(&intake.portions[0]).to_vec();
            intake.clear();
            intake.begin(CONN, Share::Full, &kept, 0, bytes.len());
            let room = intake.room();
            room[..bytes.len() - cut].copy_from_slice(&bytes[cut..]);
            intake.received(bytes.len() - cut);
            assert_eq!(first + intake.list(), 3, "cut at {cut}");
            intake.portions[0].served = 3 - first;
            assert!(intake.rest(&intake.portions[0]).is_empty());
        }
    }

    #[test]
    fn a_fault_stands_behind_the_frames_before_it() {
        let mut bytes = frames(&[b"one"]);
        bytes.extend_from_slice(b"\0GET /");
        let mut intake = Intake::new();
        intake.begin(CONN, Share::Full, &bytes, 0, 0);
        assert_eq!(intake.list(), 2);
        let portion = &intake.portions[0];
        assert!(intake.frame(portion, 0).is_ok());
        assert_eq!(intake.frame(portion, 1), Err(Code::BadMagic));
        assert_eq!(intake.rest(portion).len(), bytes.len(), "nothing was served");
    }

    #[test]
    fn p20_a_connection_has_its_share_and_no_more() {
        let mut intake = Intake::new();
        intake.begin(CONN, Share::Full, b"", 0, READ_BYTES_PER_CONN);
        while !intake.room().is_empty() {
            let count = intake.room().len().min(1000);
            intake.received(count);
        }
        assert_eq!(intake.used, READ_BYTES_PER_CONN);
    }
}
