//! A day of use, in seconds: nothing grows that must not. Alone in its process, whose memory is
//! looked at.

#[path = "simulation/mod.rs"]
mod simulation;
mod support;

/// What memory may grow by in an hour, the log that the model keeps included.
const SLOPE_BYTES_MAX: u64 = 1 << 20;

#[test]
fn p20_nothing_grows_in_a_day() -> Result<(), String> {
    let hours = simulation::world::day::day(1)?;
    for (number, hour) in hours.iter().enumerate() {
        println!("hour {:2}: {hour:?}", number + 1);
    }
    let (first, last) = (hours[0], hours[hours.len() - 1]);
    let grown = last.resident.saturating_sub(first.resident);
    let hours = hours.len() as u64 - 1;
    assert!(grown <= hours * SLOPE_BYTES_MAX, "grown by {grown} bytes in {hours} hours");
    Ok(())
}
