//! What a test does to an edge: peers that vanish, windows, clocks, disks, signals.

use super::{Call, PeerId, PipeNet, Whims, Witness};

impl PipeNet {
    /// The pipe towards a peer holds so many bytes.
    pub fn set_capacity(&self, peer: PeerId, bytes: usize) {
        self.with(peer, |pipe| pipe.capacity = bytes);
    }

    /// A peer sends no more, and still listens.
    pub fn finish(&self, peer: PeerId) {
        self.with(peer, |pipe| (pipe.finished, pipe.readable) = (true, true));
    }

    /// A peer is gone without a word; what it had sent is there.
    pub fn cut(&self, peer: PeerId) {
        self.with(peer, |pipe| (pipe.cut, pipe.readable, pipe.writable) = (true, true, true));
    }

    /// The wall clock goes on from another time.
    pub fn jump(&self, seconds: i64) {
        self.0.borrow_mut().unix_ahead += seconds;
    }

    /// How much the wall clock has jumped.
    pub fn jumped(&self) -> i64 {
        self.0.borrow().unix_ahead
    }

    /// Finished hashes are told only when they are no longer held.
    pub fn hold_hashes(&self, held: bool) {
        self.0.borrow_mut().hashes_held = held;
    }

    /// The disk has so many bytes left.
    pub fn set_disk_free(&self, bytes: u64) {
        self.0.borrow_mut().disk_free = bytes;
    }

    /// Nobody can be accepted: descriptors have run out.
    pub fn set_out_of_files(&self, out: bool) {
        self.0.borrow_mut().out_of_files = out;
    }

    /// Who is told of each call of the loop before it is done.
    pub fn set_witness(&self, witness: fn(Call)) {
        self.0.borrow_mut().whims = Box::new(Witness(witness));
    }

    /// From now on the edge has these whims.
    pub fn set_whims(&self, whims: Box<dyn Whims>) {
        self.0.borrow_mut().whims = whims;
    }

    /// A signal to stop comes.
    pub fn signal(&self) {
        self.0.borrow_mut().stops += 1;
    }
}
