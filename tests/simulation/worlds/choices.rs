//! Where all choices of a simulation come from: a seed, or bytes that a fuzzer wrote.
//!
//! A handle; whoever draws from it moves it on for all. The same source gives the same choices,
//! and nothing else in a simulation decides anything.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// The source, shared.
#[derive(Clone, Debug)]
pub struct Choices(Rc<RefCell<Source>>);

#[derive(Debug)]
enum Source {
    /// SplitMix64: its whole state.
    Seed(u64),
    /// The bytes that are left.
    Bytes(VecDeque<u8>),
}

impl Choices {
    /// Choices without an end.
    pub fn of_seed(seed: u64) -> Choices {
        Choices(Rc::new(RefCell::new(Source::Seed(seed))))
    }

    /// Choices that end with the bytes; behind them each is the first of its kind.
    pub fn of_bytes(bytes: &[u8]) -> Choices {
        Choices(Rc::new(RefCell::new(Source::Bytes(bytes.to_vec().into()))))
    }

    /// Whether there is nothing more to choose from.
    pub fn are_spent(&self) -> bool {
        matches!(&*self.0.borrow(), Source::Bytes(bytes) if bytes.is_empty())
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&self, bound: usize) -> usize {
        (self.draw(bound as u64 - 1) % bound as u64) as usize
    }

    /// Yes, `percent` times of a hundred.
    pub fn chance(&self, percent: usize) -> bool {
        self.one_in_thousand(10 * percent)
    }

    /// Yes, so many times of a thousand.
    pub fn one_in_thousand(&self, times: usize) -> bool {
        times > 0 && 999 - self.below(1_000) < times
    }

    /// One of several.
    pub fn pick<'a, T>(&self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }

    /// One of several, each as likely as its weight says.
    pub fn weighted<T: Copy>(&self, among: &[(usize, T)]) -> T {
        let sum = among.iter().map(|(weight, _)| weight).sum();
        let mut at = self.below(sum);
        for (weight, choice) in among {
            if at < *weight {
                return *choice;
            }
            at -= weight;
        }
        among[0].1
    }

    /// A number of which only the part up to `most` will be used.
    fn draw(&self, most: u64) -> u64 {
        match &mut *self.0.borrow_mut() {
            Source::Seed(state) => {
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                mixed ^ (mixed >> 31)
            }
            Source::Bytes(bytes) => {
                let mut number = 0;
                let mut rest = most;
                while rest > 0 {
                    number = number << 8 | u64::from(bytes.pop_front().unwrap_or_default());
                    rest >>= 8;
                }
                number
            }
        }
    }
}
