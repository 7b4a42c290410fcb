//! How far the tail's oldest slice is sealed, and in which order: three sweeps over it, each sorted
//! by its keys. See `sealing`.

use super::tail::TailEntry;
use crate::id::{Conversation, NO_USER};

/// How far the tail's oldest slice is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SealedTo {
    pub sweep: usize,
    /// Entries done in this sweep's order.
    pub done: usize,
}

/// The work of a sweep over a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sweep {
    Conversations,
    Pairs,
    Mids,
}

pub(super) const SWEEPS: [Sweep; 3] = [Sweep::Conversations, Sweep::Pairs, Sweep::Mids];

impl Sweep {
    /// The conversation and the sender of the row that an entry belongs to, if it does.
    pub fn key(self, entry: &TailEntry) -> Option<(i64, i64)> {
        let &TailEntry { conversation, sender, mid } = entry;
        match self {
            Sweep::Conversations => Some((conversation, NO_USER)),
            Sweep::Pairs => {
                let inbox = matches!(Conversation::from_sql(conversation), Conversation::Inbox(_));
                (inbox && sender != NO_USER).then_some((conversation, sender))
            }
            Sweep::Mids => mid.map(|_| (0, sender)),
        }
    }
}

/// Sealing as it goes on.
#[derive(Default)]
pub(super) struct Sealing {
    /// The offsets of a slice in the order of a sweep; made when the sweep begins.
    pub order: Vec<u16>,
    pub order_of: Option<(i64, Sweep)>,
}
