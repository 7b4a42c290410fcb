//! The log grows. What 50 pairs say costs the same, and what 10,000 pairs say in turn.
//!
//! A short log would not stay short over many runs, so each run of one begins with a copy; a long
//! one is gone on with.

use std::time::Instant;

use super::Outcome;
use super::edge::data::{Data, Filling};
use super::edge::house::House;
use super::edge::talk::Talk;
use super::report::{Line, Report};
use super::scale::{PAIRS, Scale, UNDER_WAY};

/// A log that is longer is gone on with.
const COPIED_MAX: u64 = 100_000;

/// A log of one length, and who talks at its end.
struct Place {
    log: u64,
    data: Option<Data>,
    talking: Option<Talking>,
}

struct Talking {
    house: House,
    few: Talk,
    many: Talk,
}

/// Takes turns between the lengths.
pub fn measure(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let mut places = Vec::new();
    for log in scale.logs() {
        let began = Instant::now();
        let users = 2 * (PAIRS + scale.many_pairs());
        let data = Data::fill(&Filling { log, users, friends: users, ..Filling::default() })?;
        eprintln!("  a log of {log}, filled in {:.1} s", began.elapsed().as_secs_f64());
        places.push(Place { log, data: Some(data), talking: None });
    }
    let lines = |who: &str| scale.logs().map(|log| Line::new(format!("log of {log}, {who}")));
    let mut few = lines(&format!("{PAIRS} pairs"));
    let mut many = lines(&format!("{} pairs in turn", scale.many_pairs()));
    for _ in 0..scale.runs {
        for (place, (few, many)) in places.iter_mut().zip(few.iter_mut().zip(&mut many)) {
            let mut talking = place.begin(scale)?;
            let Talking { house, few: few_talk, many: many_talk } = &mut talking;
            few.add(few_talk.run(house, scale.messages)?, scale.messages);
            many.add(many_talk.run(house, scale.messages)?, scale.messages);
            if place.log > COPIED_MAX {
                place.talking = Some(talking);
            } else {
                report.note_ticks(&talking.house)?;
            }
        }
    }
    for talking in places.iter().filter_map(|place| place.talking.as_ref()) {
        report.note_ticks(&talking.house)?;
    }
    report.compare(&few);
    report.compare(&many);
    Ok(())
}

impl Place {
    /// Those who talk, signed in.
    fn begin(&mut self, scale: &Scale) -> Outcome<Talking> {
        if let Some(talking) = self.talking.take() {
            return Ok(talking);
        }
        let data = match &self.data {
            Some(data) if self.log <= COPIED_MAX => data.copy()?,
            _ => self.data.take().ok_or("a log is begun once")?,
        };
        let users = 2 * (PAIRS + scale.many_pairs());
        let mut house = House::open(data, users, scale.smoke)?;
        house.sign_in(0..users)?;
        house.rest()?;
        let few = Talk::of_pairs(0..2 * PAIRS, UNDER_WAY);
        let many = Talk::of_pairs(2 * PAIRS..users, UNDER_WAY);
        Ok(Talking { house, few, many })
    }
}
