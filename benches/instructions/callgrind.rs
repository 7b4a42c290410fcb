//! Callgrind: this program once more, under valgrind, which counts what it executes.

use std::ffi::OsString;
use std::fs;
use std::process::{Child, Command, Stdio};

use p2sp_bench::Outcome;
use p2sp_bench::edge::data::Data;

use super::works::Work;

/// The functions whose instructions are counted, with all that they call.
const COUNTED: &str = "*counted_*";
/// The profile's file, beside the database.
const PROFILE: &str = "callgrind.out";

/// Whether valgrind is installed, and which.
pub fn version() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A work under way.
pub struct Run {
    pub work: &'static Work,
    valgrind: Child,
    data: Data,
}

impl Run {
    /// Begins a work on a database of its own.
    pub fn begin(work: &'static Work) -> Outcome<Run> {
        let data = work.fill()?;
        let mut out_file = OsString::from("--callgrind-out-file=");
        out_file.push(data.path().join(PROFILE));
        let valgrind = Command::new("valgrind")
            .args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"])
            .arg(format!("--toggle-collect={COUNTED}"))
            .arg(out_file)
            .arg(std::env::current_exe()?)
            .args([work.name, "--inside"])
            .arg(data.path())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Run { work, valgrind, data })
    }

    /// Waits for its end; its profile.
    pub fn profile(self) -> Outcome<String> {
        let output = self.valgrind.wait_with_output()?;
        match output.status.success() {
            true => Ok(fs::read_to_string(self.data.path().join(PROFILE))?),
            false => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(format!("{} was not counted: {said}", self.work.name).into())
            }
        }
    }
}
