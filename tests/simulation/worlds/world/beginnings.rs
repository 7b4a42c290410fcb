//! What a world begins with: rules, a database with users in it, friends, groups, a past.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use p2sp::handlers::Rules;
use p2sp::id::UserId;
use p2sp::names::Name;
use p2sp::password::{Outcome, Task};
use p2sp::store::{Opening, Store, Synchronous};

use super::{LIARS_MAX, USERS_MAX};
use crate::support::pipe_net::CHEAP;
use crate::support::test_server::{PASSWORD, temp_dir};
use crate::worlds::choices::Choices;
use crate::worlds::ledger::Check;

/// Seqs of a slice of the log.
const SLICE: i64 = 65_536;

pub(super) fn rules(choices: &Choices) -> Rules {
    let mut rules = Rules { hash_cost: CHEAP, ..Rules::default() };
    rules.friend_approval = choices.chance(20);
    let limits = &mut rules.limits;
    if choices.chance(50) {
        (limits.requests_per_second, limits.messages_per_second) = (0, 0);
    }
    limits.takeovers_per_minute = *choices.pick(&[0, 0, 0, 1, 6]);
    for (name, small) in [
        ("waiting_per_user", 8),
        ("waiting_per_sender", 5),
        ("groups_owned", 1),
        ("groups_joined", 3),
        ("group_members", 3),
        ("friends", 3),
        ("stored_bytes_per_day", 1_000),
    ] {
        if choices.chance(15)
            && let Some(limit) = limits.get_mut(name)
        {
            *limit = small;
        }
    }
    rules
}

pub(super) fn open(dir: &Path) -> Result<Store, String> {
    let synchronous = Synchronous::Off;
    let opening = Opening { dir, epoch: "00000000000e90c4", mid_key: &[7; 16], synchronous };
    Store::open(&opening).map(|(store, _)| store).map_err(|error| error.to_string())
}

/// A database with all users and nothing said, made once: the bytes of its file.
pub(super) fn empty_database() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| {
        let dir = temp_dir();
        let mut store = open(dir.path()).expect("a new database");
        let task = Task::Hash { password: PASSWORD.into(), salt: [7; 16] };
        let Outcome::Hashed(stored) = task.run(CHEAP) else { unreachable!("memory for 8 KiB") };
        store.begin().expect("a transaction");
        let users = (0..USERS_MAX).map(|at| format!("u{at}"));
        let liars = (0..LIARS_MAX).map(|at| format!("m{at}"));
        for name in ["admin".to_owned()].into_iter().chain(users).chain(liars) {
            let name = Name::user(&name).expect("a name");
            store
                .people_mut()
                .add_user(&name, &stored, name.key == "admin", 0)
                .expect("an account");
        }
        store.commit(()).expect("a commit");
        store.close().expect("a whole file");
        fs::read(dir.path().join("p2sp.db")).expect("a file")
    })
}

/// In half of the worlds much was said before and is pruned, so that the log soon comes to the end
/// of a slice, or of a block of them.
pub(super) fn age(file: &Path, choices: &Choices) -> rusqlite::Result<()> {
    let slices = *choices.pick(&[0, 0, 1, 16]);
    if slices == 0 {
        return Ok(());
    }
    let head = slices * SLICE - choices.below(100) as i64;
    let db = rusqlite::Connection::open(file)?;
    db.execute("UPDATE log_state SET head = ?1, sealed = ?2", [head, slices - 1])?;
    db.execute("UPDATE cursors SET seq = ?1", [head])?;
    Ok(())
}

/// Some are friends, and some in groups, before anyone comes.
pub(super) fn furnish(dir: &Path, choices: &Choices, users: usize, liars: usize) -> Check {
    let broken = |error: p2sp::store::StoreError| error.to_string();
    let mut store = open(dir)?;
    store.begin().map_err(broken)?;
    for a in 0..=users {
        for b in 0..a {
            if choices.below(users) < 4 {
                let (a, b) = (UserId(a as i64 + 1), UserId(b as i64 + 1));
                store.people_mut().befriend(a, b).map_err(broken)?;
            }
        }
    }
    for liar in 0..liars {
        let liar = UserId((USERS_MAX + 2 + liar) as i64);
        store.people_mut().befriend(liar, UserId(2)).map_err(broken)?;
    }
    for group in 0..1 + choices.below(3) {
        let name = Name::group(&format!("g{group}")).expect("a name");
        let owner = UserId(1 + choices.below(users) as i64);
        let group = store.people_mut().add_group(owner, &name, 0).map_err(broken)?;
        for user in 1..=users as i64 + 1 {
            if UserId(user) != owner && choices.chance(50) {
                store.people_mut().join(group, UserId(user)).map_err(broken)?;
            }
        }
        for liar in 0..liars {
            if choices.chance(50) {
                let liar = UserId((USERS_MAX + 2 + liar) as i64);
                store.people_mut().join(group, liar).map_err(broken)?;
            }
        }
    }
    store.commit(()).map_err(broken)?;
    store.close().map_err(broken)
}
