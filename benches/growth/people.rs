//! Users grow, and connections that say nothing. What 50 pairs say costs the same.

use std::time::Instant;

use super::Outcome;
use super::edge::data::{Data, Filling};
use super::edge::house::House;
use super::edge::talk::Talk;
use super::report::{Line, Report};
use super::scale::{PAIRS, Scale, UNDER_WAY};

/// Takes turns between few users, many, and many of whom many are there.
pub fn measure(scale: &Scale, report: &mut Report) -> Outcome<()> {
    let few = fill(scale, scale.few_users())?;
    let many = fill(scale, scale.users)?;
    let beside = many.copy()?;
    let (talking, idle) = (2 * PAIRS, scale.idle);
    let few_line = Line::new(format!("{} users, {PAIRS} pairs", scale.few_users()));
    let many_line = Line::new(format!("{} users, {PAIRS} pairs", scale.users));
    let beside_line = Line::new(format!("{} users, {PAIRS} pairs, {idle} idle beside", scale.users));
    let mut places = [
        (begin(scale, few, talking)?, few_line),
        (begin(scale, many, talking)?, many_line),
        (begin(scale, beside, talking + idle)?, beside_line),
    ]
    .map(|(house, line)| (house, Talk::of_pairs(0..talking, UNDER_WAY), line));
    for _ in 0..scale.runs {
        for (house, talk, line) in &mut places {
            line.add(talk.run(house, scale.messages)?, scale.messages);
        }
    }
    places.iter().try_for_each(|(house, ..)| report.note_ticks(house))?;
    report.compare(&places.map(|(_, _, line)| line));
    Ok(())
}

fn fill(scale: &Scale, users: usize) -> Outcome<Data> {
    let began = Instant::now();
    let (log, friends) = (scale.short_log(), 2 * PAIRS);
    let data = Data::fill(&Filling { log, users, friends, ..Filling::default() })?;
    eprintln!("  {users} users, made in {:.1} s", began.elapsed().as_secs_f64());
    Ok(data)
}

fn begin(scale: &Scale, data: Data, present: usize) -> Outcome<House> {
    let mut house = House::open(data, present, scale.smoke)?;
    house.sign_in(0..present)?;
    house.rest()?;
    Ok(house)
}
