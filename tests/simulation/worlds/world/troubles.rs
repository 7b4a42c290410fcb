//! What befalls a world: people vanish, windows close, clocks jump, disks fail, processes die.

use std::time::Duration;

use p2sp_test_vfs::{self as vfs, Failure, Fault};

use super::{NEWCOMERS_MAX, World};
use crate::support::whims::Call;
use crate::worlds::coverage::Happening;
use crate::worlds::ledger::Check;
use crate::worlds::newcomer::Newcomer;

impl World {
    /// Something goes wrong.
    pub(super) fn befall(&mut self) -> Check {
        let choices = self.scene.choices.clone();
        let at = choices.below(self.clients.len());
        let peer = self.clients[at].peer();
        match choices.below(29) {
            0..4 => {
                self.scene.saw(Happening::Cut);
                self.clients[at].cut(&mut self.scene);
            }
            4..6 => {
                self.scene.saw(Happening::HalfClose);
                self.clients[at].finish(&mut self.scene);
            }
            6..9 => {
                self.scene.saw(Happening::Stall);
                self.clients[at].stalled ^= true;
                if let (true, Some(peer)) = (choices.chance(50), peer) {
                    self.scene.net.set_capacity(peer, 1 + choices.below(600));
                }
            }
            9..11 => {
                let Some(peer) = peer else { return Ok(()) };
                self.scene.saw(Happening::SmallWindow);
                self.scene.net.set_capacity(peer, 1 + choices.below(3_000));
            }
            11..13 => self.plan_to_kill(),
            13 => self.stop()?,
            14..16 => {
                let held = choices.chance(50);
                self.scene.net.hold_hashes(held);
                self.scene.saw(Happening::HashesHeld);
            }
            16 => {
                let out = choices.chance(50);
                self.scene.net.set_out_of_files(out);
                self.scene.saw(Happening::OutOfFiles);
            }
            17 => {
                let free = if choices.chance(50) { 1 << 20 } else { u64::MAX };
                self.scene.net.set_disk_free(free);
                self.scene.saw(Happening::DiskLow);
                self.scene.ledger.may_refuse_all();
            }
            18 => {
                self.scene.saw(Happening::WallClockJump);
                let span = *choices.pick(&[60, 3_600, 86_400, 8 * 86_400, 31 * 86_400]);
                self.scene.clock_jumped = true;
                self.scene.ledger.clock_jumps += 1;
                self.scene.net.jump(if choices.chance(50) { span } else { -span });
            }
            19 => {
                self.scene.saw(Happening::LongSilence);
                let seconds = *choices.pick(&[5, 20, 200, 700]);
                self.pass(Duration::from_secs(seconds))?;
            }
            20 => self.change_weather(),
            21..23 => self.break_disk(),
            23 => self.welcome(),
            _ => self.clients[at].haunt(&mut self.scene),
        }
        Ok(())
    }

    pub(super) fn change_weather(&mut self) {
        let choices = &self.scene.choices;
        let mut weather = self.weather.borrow_mut();
        weather.pieces = *choices.pick(&[0, 0, 5, 40]);
        weather.blocks = *choices.pick(&[0, 0, 5, 30]);
        weather.false_alarms = *choices.pick(&[0, 0, 5, 30]);
        weather.slow = choices.chance(15);
        weather.hash_micros = *choices.pick(&[0, 50_000, 3_000_000]);
    }

    pub(super) fn plan_to_kill(&mut self) {
        let choices = &self.scene.choices;
        let call = choices.weighted(&[
            (2, Call::Wait),
            (6, Call::Moment),
            (2, Call::Accept),
            (2, Call::Read),
            (1, Call::DiskFree),
            (2, Call::Hash),
            (12, Call::Write),
            (2, Call::Shutdown),
            (2, Call::Close),
        ]);
        self.weather.borrow_mut().kill = Some((call, 1 + choices.below(4)));
    }

    /// Somebody new comes, or tries again.
    fn welcome(&mut self) {
        if self.newcomers.is_empty() && self.registered < NEWCOMERS_MAX {
            self.scene.saw(Happening::Newcomer);
            self.registered += 1;
            self.newcomers.push(Newcomer::new(&format!("n{}", self.registered)));
        }
        for newcomer in &mut self.newcomers {
            newcomer.act(&mut self.scene);
        }
    }

    /// The disk is full for a while, or fails, or the process is killed in the middle of SQLite.
    fn break_disk(&mut self) {
        self.mend_disk();
        let choices = &self.scene.choices;
        let nth = choices.below(*choices.pick(&[4, 40])) as u64;
        let fault = match choices.below(6) {
            0 => Fault { calls: &[vfs::Call::Write], nth, lasting: false, how: Failure::Full },
            1 => Fault { calls: &[vfs::Call::Write], nth, lasting: true, how: Failure::Full },
            2 => Fault { calls: vfs::ALL, nth, lasting: false, how: Failure::Error },
            3 => {
                self.mend_disk();
                return;
            }
            _ => Fault { calls: vfs::ALL, nth, lasting: true, how: Failure::Error },
        };
        if fault.how == Failure::Full {
            self.scene.ledger.may_refuse_all();
            self.scene.let_cursors_wait(true);
        }
        vfs::fail(fault);
        self.fault = Some(fault);
    }

    /// Ends the fault of the disk. True: it has met somebody.
    pub(super) fn mend_disk(&mut self) -> bool {
        let Some(fault) = self.fault.take() else { return false };
        let met = vfs::heal().failed > 0;
        self.scene.let_cursors_wait(false);
        if met {
            self.scene.saw(match (fault.how, fault.lasting) {
                (Failure::Full, false) => Happening::DiskFullOnce,
                (Failure::Full, true) => Happening::DiskFull,
                (_, false) => Happening::DiskFails,
                (_, true) => Happening::KilledInStore,
            });
        }
        met
    }
}
