//! What was measured: for each work and system a sample of every run.
//!
//! Ratios are made run by run, of numbers that were measured minutes apart at most, and only then
//! is their median taken: a slow quarter of an hour falls on both sides.

use p2sp_bench::meter::Sample;

use super::plan::{System, Work};

/// All samples.
pub struct Results {
    /// The rows.
    pub works: Vec<Work>,
    /// The columns.
    pub systems: Vec<System>,
    /// By row, column and run.
    samples: Vec<Vec<Vec<Sample>>>,
}

/// The middle and the ends of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle; of two middles their mean.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Results {
    /// None yet.
    pub fn new(works: Vec<Work>, systems: Vec<System>) -> Results {
        let row = |_| systems.iter().map(|_| Vec::new()).collect();
        let samples = works.iter().map(row).collect();
        Results { works, systems, samples }
    }

    /// One run more.
    pub fn add(&mut self, work: Work, system: System, sample: Sample) {
        if let Some([row, column]) = self.place(work, system) {
            self.samples[row][column].push(sample);
        }
    }

    /// The runs of a system at a work.
    pub fn of(&self, work: Work, system: System) -> &[Sample] {
        self.place(work, system).map_or(&[], |[row, column]| &self.samples[row][column])
    }

    /// A number of each run, if all have it.
    pub fn spread(
        &self,
        work: Work,
        system: System,
        of: impl Fn(&Sample) -> Option<f64>,
    ) -> Option<Spread> {
        Spread::of(self.of(work, system).iter().map(of).collect::<Option<_>>()?)
    }

    /// How many times another system's number p2sp's is, if all runs have it.
    pub fn ratio_to(
        &self,
        work: Work,
        other: System,
        of: impl Fn(&Sample) -> Option<f64>,
    ) -> Option<Spread> {
        let runs = self.of(work, System::P2sp).iter().zip(self.of(work, other));
        let ratios = runs.map(|(ours, theirs)| Some(of(ours)? / of(theirs)?));
        Spread::of(ratios.collect::<Option<_>>()?)
    }

    fn place(&self, work: Work, system: System) -> Option<[usize; 2]> {
        let row = self.works.iter().position(|row| *row == work)?;
        let column = self.systems.iter().position(|column| *column == system)?;
        Some([row, column])
    }
}

impl Spread {
    fn of(mut numbers: Vec<f64>) -> Option<Spread> {
        numbers.sort_by(f64::total_cmp);
        let (min, max) = (*numbers.first()?, *numbers.last()?);
        let (low, high) = (numbers[(numbers.len() - 1) / 2], numbers[numbers.len() / 2]);
        Some(Spread { median: (low + high) / 2.0, min, max })
    }
}
