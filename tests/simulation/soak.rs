//! A day of use, in seconds: nothing grows that must not.

use std::env;
use std::process::Command;

use crate::worlds::world::day::{Hour, day};

/// What memory may grow by in an hour, the log that the model keeps included.
const SLOPE_BYTES_MAX: u64 = 1 << 20;

/// The memory that is looked at is this process's, so the day goes by in a process of its own:
/// this program once more, with this test alone.
const ALONE: &str = "P2SP_ALONE";

#[test]
fn p20_nothing_grows_in_a_day() -> Result<(), String> {
    if env::var_os(ALONE).is_none() {
        let test = env::current_exe().expect("this test");
        let name = "soak::p20_nothing_grows_in_a_day";
        let args = ["--exact", name, "--nocapture"];
        let ran = Command::new(test).args(args).env(ALONE, "1").output().expect("it runs");
        print!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        return if ran.status.success() { Ok(()) } else { Err("see above".to_owned()) };
    }
    let hours = day(1)?;
    for (number, hour) in hours.iter().enumerate() {
        let Hour { resident, log, messages } = hour;
        let number = number + 1;
        println!("hour {number:2}: memory {resident}, log {log} bytes, {messages} messages");
    }
    let (first, last) = (&hours[0], &hours[hours.len() - 1]);
    let grown = last.resident.saturating_sub(first.resident);
    let hours = hours.len() as u64 - 1;
    assert!(grown <= hours * SLOPE_BYTES_MAX, "grown by {grown} bytes in {hours} hours");
    Ok(())
}
