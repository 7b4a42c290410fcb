//! The helper thread: it does the jobs that would block the loop, one after the other.
//!
//! ```text
//! loop ── run ──► jobs ──► thread ──► results ── finished ──► loop
//!                            └ wakes the poll, which may stand for several results
//! ```
//!
//! The application bounds how many jobs are under way and decides their order. People wait for the
//! loop, so the thread gives way to it.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::app::Job;
use crate::id::ConnId;
use crate::limits;

/// The loop's end of the thread.
pub struct Worker<J: Job> {
    jobs: Sender<(ConnId, J)>,
    results: Receiver<(ConnId, J::Done)>,
}

impl<J: Job> Worker<J> {
    /// Starts the thread. It calls `wake` after each job.
    ///
    /// # Errors
    /// The system has no thread for us.
    pub fn start(wake: impl Fn() -> io::Result<()> + Send + 'static) -> io::Result<Worker<J>> {
        let (jobs, to_do) = mpsc::channel();
        let (done, results) = mpsc::channel();
        let beat = if has_one_core() { Some(start_beat()?) } else { None };
        thread::Builder::new()
            .name("worker".into())
            .spawn(move || work(&to_do, &done, wake, beat.as_ref()))?;
        Ok(Worker { jobs, results })
    }

    /// Gives the thread a job of the connection.
    pub fn run(&self, conn: ConnId, job: J) {
        if self.jobs.send((conn, job)).is_err() {
            log::error!("the helper thread is gone");
        }
    }

    /// The results since the last call.
    pub fn finished(&self) -> impl Iterator<Item = (ConnId, J::Done)> {
        self.results.try_iter()
    }
}

/// Does one job after the other until the loop is gone.
fn work<J: Job>(
    to_do: &Receiver<(ConnId, J)>,
    done: &Sender<(ConnId, J::Done)>,
    wake: impl Fn() -> io::Result<()>,
    beat: Option<&Beat>,
) {
    if !stands_back(beat.is_some()) {
        log::warn!("the helper thread competes with the loop where they share a core");
    }
    for (conn, job) in to_do {
        let (working, over) = mpsc::channel();
        let _ = beat.map(|beat| beat.send(over));
        let result = job.run();
        drop(working);
        if done.send((conn, result)).is_err() {
            return;
        }
        if let Err(error) = wake() {
            log::error!("the loop cannot be woken: {error}");
        }
    }
}

/// From now on this thread gives way to the loop. Where both share one core, a low priority is not
/// enough: the scheduler would still let the thread end its slice, and the loop, which wakes up
/// some hundred times a second, would wait for that (P21). There the thread takes only idle time
/// and gives the core back at once (`SCHED_IDLE` in sched(7)); with more cores that would only
/// starve it when the machine has other work.
#[cfg(target_os = "linux")]
fn stands_back(has_one_core: bool) -> bool {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
    if !has_one_core {
        // Of this thread alone.
        return rustix::process::setpriority_process(None, limits::WORKER_NICENESS).is_ok();
    }
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let this = thread_priority::thread_native_id();
    // Says no as well where the policy is set and the whole process was made nice before.
    let _ = thread_priority::set_thread_priority_and_policy(this, ThreadPriority::Min, policy);
    thread_priority::thread_schedule_policy().is_ok_and(|now| now == policy)
}

/// Elsewhere the scheduler decides.
#[cfg(not(target_os = "linux"))]
fn stands_back(_has_one_core: bool) -> bool {
    true
}

/// Whether all threads share one core.
fn has_one_core() -> bool {
    thread::available_parallelism().is_ok_and(|cores| cores.get() == 1)
}

/// The thread gets one receiver for each job. When the job is done, its sender is dropped.
type Beat = Sender<Receiver<()>>;

/// Starts a thread that wakes up often, and does nothing, while a job runs on the loop's core. Each
/// time the scheduler decides anew which thread goes on. Without it, after a thread of the kernel
/// pushed the loop aside, the job might have the core until the next tick of the scheduler's clock,
/// four milliseconds later.
fn start_beat() -> io::Result<Beat> {
    let (beat, jobs) = mpsc::channel::<Receiver<()>>();
    let every = Duration::from_micros(limits::WORKER_BEAT_MICROS);
    thread::Builder::new().name("beat".into()).spawn(move || {
        for over in jobs {
            while over.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {}
        }
    })?;
    Ok(beat)
}
