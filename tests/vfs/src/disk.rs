//! The disk that a journal was written to, and what a power cut leaves of it.
//!
//! What was synced is there. Of what was not, each write and each name by itself may be there or
//! not, in any order and in part:
//!
//! ```text
//! synced │ write   write   truncate   write │ ◄ cut
//!   all  │  kept  dropped    kept      torn  │       sectors of 512 bytes, each kept or dropped
//! ```
//!
//! A write damages nothing beside its own bytes, which SQLite calls `POWERSAFE_OVERWRITE` and
//! takes for granted. Where a file has grown and what should be there was dropped, there are
//! zeros or whatever stood on the disk before.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use rand::{Rng, RngExt};

use crate::journal::{Journal, Op};

/// What is written in one piece.
const SECTOR_BYTES: usize = 512;

/// The disk after a part of a journal.
pub struct Disk<'a> {
    journal: &'a Journal,
    /// Steps done.
    done: usize,
    nodes: Vec<Node<'a>>,
    /// The names that are on the disk, and the nodes that they name.
    names: BTreeMap<usize, usize>,
    /// What became of names since: a file's new node, or none.
    renamed: Vec<(usize, Option<usize>)>,
}

/// A file, whatever its name.
#[derive(Default)]
struct Node<'a> {
    synced: Vec<u8>,
    pending: Vec<&'a Op>,
}

/// Files as a power cut left them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    files: Vec<(String, Vec<u8>)>,
}

/// Which of the pending writes are there.
#[derive(Clone, Copy, Debug)]
enum Kept {
    All,
    None,
    /// Each by itself, so likely.
    Each(f64),
    /// The first so many.
    First(usize),
    /// All but that one.
    AllBut(usize),
    /// That one alone.
    Only(usize),
}

impl Kept {
    fn draw(pending: usize, rng: &mut impl Rng) -> Kept {
        let any = |rng: &mut _| RngExt::random_range(rng, 0..pending.max(1));
        match rng.random_range(0..10) {
            0 => Kept::All,
            1 => Kept::None,
            2 => Kept::Each(0.1),
            3 | 4 => Kept::Each(0.5),
            5 => Kept::Each(0.9),
            6 => Kept::First(any(rng)),
            7 | 8 => Kept::AllBut(any(rng)),
            _ => Kept::Only(any(rng)),
        }
    }

    fn keeps(self, index: usize, rng: &mut impl Rng) -> bool {
        match self {
            Kept::All => true,
            Kept::None => false,
            Kept::Each(likely) => rng.random_bool(likely),
            Kept::First(count) => index < count,
            Kept::AllBut(one) => index != one,
            Kept::Only(one) => index == one,
        }
    }
}

impl<'a> Disk<'a> {
    /// As it was when the journal began.
    pub fn new(journal: &'a Journal) -> Disk<'a> {
        let mut disk = Disk {
            journal,
            done: 0,
            nodes: Vec::new(),
            names: BTreeMap::new(),
            renamed: Vec::new(),
        };
        for (file, bytes) in journal.base.iter().enumerate() {
            if let Some(bytes) = bytes {
                disk.names.insert(file, disk.nodes.len());
                disk.nodes.push(Node { synced: bytes.clone(), pending: Vec::new() });
            }
        }
        disk
    }

    /// Does what the journal says, up to its step `end`.
    pub fn run_to(&mut self, end: usize) -> &mut Disk<'a> {
        let journal = self.journal;
        for op in journal.ops.get(self.done..end).unwrap_or_default() {
            self.step(op);
        }
        self.done = self.done.max(end);
        self
    }

    /// How many steps a power cut could undo now.
    pub fn pending(&self) -> usize {
        self.renamed.len() + self.nodes.iter().map(|node| node.pending.len()).sum::<usize>()
    }

    /// Whether writes to a file wait for a sync: to new places of it, and to places that were
    /// synced before.
    pub fn writes_pending(&self, name: &str) -> (bool, bool) {
        let file = self.journal.names.iter().position(|known| known == name);
        let Some(node) = file.and_then(|file| self.find(file)) else { return (false, false) };
        let Node { synced, pending } = &self.nodes[node];
        let is_over = |op: &Op| matches!(op, Op::Write { at, .. } if *at < synced.len());
        let is_new = |op: &Op| matches!(op, Op::Write { at, .. } if *at >= synced.len());
        (pending.iter().copied().any(is_new), pending.iter().copied().any(is_over))
    }

    /// The files if the process ends here and the system goes on: all that was done is there.
    pub fn whole(&self) -> Image {
        let names = self.names_with(|_| true);
        self.image_of(&names, |node| node.image(|_| true, |_| true, |_| {}))
    }

    /// The files as a power cut may leave them.
    pub fn image(&self, rng: &mut impl Rng) -> Image {
        let kept = Kept::draw(self.renamed.len(), rng);
        let names = self.names_with(|index| kept.keeps(index, rng));
        let torn = if rng.random_bool(0.5) { rng.random_range(0.0..1.0) } else { 1.0 };
        let grown = rng.random_bool(0.5);
        self.image_of(&names, |node| {
            let kept = Kept::draw(node.pending.len(), rng);
            let mut keeps = Vec::new();
            keeps.extend((0..node.pending.len()).map(|index| kept.keeps(index, rng)));
            let fill = rng.random_range(0..=u8::MAX);
            node.image(
                |index| keeps[index],
                |_| torn == 1.0 || rng.random_bool(torn),
                |room| room.fill(if grown { fill } else { 0 }),
            )
        })
    }

    fn step(&mut self, op: &'a Op) {
        match *op {
            Op::Create { file } => {
                self.renamed.push((file, Some(self.nodes.len())));
                self.nodes.push(Node::default());
            }
            Op::Delete { file } => self.renamed.push((file, None)),
            Op::SyncNames => {
                self.names = self.names_with(|_| true);
                self.renamed.clear();
            }
            Op::Write { file, .. } | Op::Truncate { file, .. } => {
                let node = self.node(file);
                self.nodes[node].pending.push(op);
            }
            Op::Sync { file } => {
                let node = self.node(file);
                let node = &mut self.nodes[node];
                for op in node.pending.drain(..) {
                    apply(&mut node.synced, op, |_| true, |room| room.fill(0));
                }
            }
            Op::Mark(_) => {}
        }
    }

    /// The node that a name names now. A file that was there without SQLite making it is on the
    /// disk, and so is its name: whoever made it saw to that.
    fn node(&mut self, file: usize) -> usize {
        self.find(file).unwrap_or_else(|| {
            self.names.insert(file, self.nodes.len());
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        })
    }

    fn find(&self, file: usize) -> Option<usize> {
        let renamed = self.renamed.iter().rev().find(|(name, _)| *name == file);
        renamed.map_or(self.names.get(&file).copied(), |(_, node)| *node)
    }

    fn names_with(&self, mut keeps: impl FnMut(usize) -> bool) -> BTreeMap<usize, usize> {
        let mut names = self.names.clone();
        for (index, (file, node)) in self.renamed.iter().enumerate() {
            match node {
                _ if !keeps(index) => {}
                Some(node) => _ = names.insert(*file, *node),
                None => _ = names.remove(file),
            }
        }
        names
    }

    fn image_of(
        &self,
        names: &BTreeMap<usize, usize>,
        mut bytes: impl FnMut(&Node) -> Vec<u8>,
    ) -> Image {
        let name = |file: usize| self.journal.names[file].clone();
        let file = |(&file, &node): (&usize, &usize)| (name(file), bytes(&self.nodes[node]));
        Image { files: names.iter().map(file).collect() }
    }
}

impl Node<'_> {
    /// What is synced with some of what is not: `keeps` is asked for each write, `whole` for each
    /// of its sectors, and `fill` puts something where the file grows without being written.
    fn image(
        &self,
        mut keeps: impl FnMut(usize) -> bool,
        mut whole: impl FnMut(usize) -> bool,
        mut fill: impl FnMut(&mut [u8]),
    ) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for (index, op) in self.pending.iter().enumerate() {
            if keeps(index) {
                apply(&mut bytes, op, &mut whole, &mut fill);
            }
        }
        bytes
    }
}

/// Does a step to a file's bytes, sector by sector.
fn apply(
    to: &mut Vec<u8>,
    op: &Op,
    mut keeps: impl FnMut(usize) -> bool,
    mut fill: impl FnMut(&mut [u8]),
) {
    match op {
        Op::Truncate { size, .. } => to.resize(*size, 0),
        Op::Write { at, bytes, .. } => {
            let (mut from, end) = (*at, at + bytes.len());
            while from < end {
                let until = (from / SECTOR_BYTES + 1) * SECTOR_BYTES;
                let until = until.min(end);
                if keeps(from / SECTOR_BYTES) {
                    let old = to.len();
                    if old < until {
                        to.resize(until, 0);
                        fill(&mut to[old..]);
                    }
                    to[from..until].copy_from_slice(&bytes[from - at..until - at]);
                }
                from = until;
            }
        }
        _ => {}
    }
}

impl Image {
    /// Puts the files into a directory, and takes away what else is there.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn lay_out(&self, dir: &Path) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            fs::remove_file(entry?.path())?;
        }
        self.files.iter().try_for_each(|(name, bytes)| fs::write(dir.join(name), bytes))
    }
}
