//! A table by connection.
//!
//! Slots are dense, so a list by slot is smaller than any map, and nothing is hashed to find an
//! entry; the part that a doubling leaves empty is never touched. An entry is kept with its
//! connection's generation: whatever comes late for a connection that is gone finds none, though
//! another one has its slot by now (P24).

use crate::id::ConnId;

/// One `T` for each connection that has one.
#[derive(Debug)]
pub struct ByConn<T> {
    slots: Vec<Option<(u32, T)>>,
    len: usize,
}

impl<T> Default for ByConn<T> {
    fn default() -> ByConn<T> {
        ByConn { slots: Vec::new(), len: 0 }
    }
}

impl<T> ByConn<T> {
    /// Sets the connection's entry. The slot's earlier connection has none any more. False: the
    /// connection had one.
    pub fn insert(&mut self, id: ConnId, entry: T) -> bool {
        if self.slots.len() <= id.index() {
            self.slots.resize_with(id.index() + 1, || None);
        }
        let earlier = self.slots[id.index()].replace((id.generation, entry));
        self.len += usize::from(earlier.is_none());
        earlier.is_none_or(|(generation, _)| generation != id.generation)
    }

    /// The connection's entry.
    pub fn get(&self, id: ConnId) -> Option<&T> {
        let (generation, entry) = self.slots.get(id.index())?.as_ref()?;
        (*generation == id.generation).then_some(entry)
    }

    /// The connection's entry, to be changed.
    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut T> {
        let (generation, entry) = self.slots.get_mut(id.index())?.as_mut()?;
        (*generation == id.generation).then_some(entry)
    }

    /// Takes the connection's entry out.
    pub fn remove(&mut self, id: ConnId) -> Option<T> {
        let slot = self.slots.get_mut(id.index())?;
        let (_, entry) = slot.take_if(|(generation, _)| *generation == id.generation)?;
        self.len -= 1;
        Some(entry)
    }

    /// The entries in this slot and behind it, by slot.
    pub fn from_slot(&self, slot: usize) -> impl Iterator<Item = (ConnId, &T)> {
        let entries = self.slots.iter().enumerate().skip(slot);
        entries.filter_map(|(slot, entry)| {
            let (generation, entry) = entry.as_ref()?;
            Some((ConnId { slot: slot as u32, generation: *generation }, entry))
        })
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p24_what_comes_late_finds_nothing() {
        let (old, new) = (ConnId { slot: 3, generation: 1 }, ConnId { slot: 3, generation: 2 });
        let mut table = ByConn::default();
        table.insert(old, "old");
        assert_eq!(table.remove(old), Some("old"));
        table.insert(new, "new");
        assert!(table.get(old).is_none() && table.get_mut(old).is_none());
        assert_eq!((table.remove(old), table.len()), (None, 1));
        assert_eq!(table.from_slot(0).collect::<Vec<_>>(), [(new, &"new")]);
        assert_eq!(table.from_slot(4).count(), 0);
    }
}
