//! What `password.rs` must do.

use super::*;

const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
const SALT: [u8; 16] = [7; 16];

fn stored(password: &str) -> String {
    let task = Task::Hash { password: password.into(), salt: SALT };
    let Outcome::Hashed(stored) = task.run(CHEAP) else { unreachable!("a hash") };
    stored
}

fn sign_in(password: &str, stored: &str) -> (bool, Option<String>) {
    let task = Task::Verify { password: password.into(), stored: stored.into(), salt: SALT };
    let Outcome::Verified { ok, renewed } = task.run(CHEAP) else { unreachable!("a check") };
    (ok, renewed)
}

#[test]
fn a_password_matches_its_stored_form_alone() {
    let row = stored("correct horse");
    assert!(row.starts_with("password$argon2id$v=19$m=8,t=1,p=1$"), "{row}");
    assert_eq!(sign_in("correct horse", &row), (true, None));
    assert_eq!(sign_in("correct horse ", &row), (false, None));
    assert_eq!(sign_in("Correct horse", &row), (false, None), "exact bytes");
}

#[test]
fn the_default_cost_is_the_promised_one() {
    assert_eq!(Cost::default(), Cost { memory_kib: 19 * 1024, passes: 2, lanes: 1 });
    assert!(decoy(Cost::default()).contains("$m=19456,t=2,p=1$"));
}

#[test]
fn an_old_digest_is_wrapped_and_then_renewed() {
    let digest = format!("{:X}", md5::compute("correct horse"));
    let row = wrap_md5(&digest, SALT, CHEAP).expect("a digest");
    assert!(row.starts_with("md5$argon2id$v=19$"), "{row}");
    assert_eq!(sign_in("wrong horse", &row), (false, None));
    let (ok, renewed) = sign_in("correct horse", &row);
    assert!(ok);
    let renewed = renewed.expect("a new form");
    assert_eq!(sign_in("correct horse", &renewed), (true, None));
    for bad in ["", "xyz", &digest[1..], &"g".repeat(32), &"é".repeat(16)] {
        assert_eq!(wrap_md5(bad, SALT, CHEAP), None, "{bad}");
    }
}

#[test]
fn a_malformed_row_means_no() {
    let digest = format!("{:x}", md5::compute("correct horse"));
    let row = stored("correct horse");
    let other_tag = row.replacen("password", "plain", 1);
    let other_algorithm = row.replacen("argon2id", "argon2i", 1);
    let no_hash = &row[..row.rfind('$').expect("a hash")];
    let no_cost = row.replacen("m=8", "m=0", 1);
    for bad in ["", "$", "!", "password$", &digest, &row[8..], &row[9..]] {
        assert_eq!(sign_in("correct horse", bad), (false, None), "{bad}");
    }
    for bad in [&other_tag, &other_algorithm, no_hash, &no_cost, &format!("md5{}", &row[8..])] {
        assert_eq!(sign_in("correct horse", bad), (false, None), "{bad}");
    }
    assert_eq!(sign_in("", ""), (false, None));
    assert_eq!(sign_in("correct horse", &decoy(CHEAP)), (false, None));
}

#[test]
fn a_change_needs_the_old_password() {
    let row = stored("correct horse");
    let change = |old: &str| {
        let (old, new) = (old.into(), "battery staple".into());
        let task = Task::Change { old, stored: row.clone(), new, salt: SALT };
        let Outcome::Changed(stored) = task.run(CHEAP) else { unreachable!("a change") };
        stored
    };
    assert_eq!(change("wrong horse"), None);
    let changed = change("correct horse").expect("changed");
    assert_eq!(sign_in("battery staple", &changed), (true, None));
}

#[test]
fn a_hash_that_cannot_be_computed_fails() {
    let too_dear = Cost { memory_kib: 0, passes: 0, lanes: 0 };
    let task = Task::Hash { password: "correct horse".into(), salt: SALT };
    assert!(matches!(task.run(too_dear), Outcome::Failed));
}

#[test]
fn weak_passwords_are_refused() {
    for common in COMMON.split_whitespace() {
        assert!(common.len() >= PASSWORD_CHARS_MIN, "{common} is refused as short already");
        assert_eq!(common.to_ascii_lowercase(), common);
        assert_eq!(weakness(&common.to_ascii_uppercase(), "bob"), Some(Weakness::Common));
    }
    let (short, long) = ("x".repeat(7), "x".repeat(129));
    for (password, name, why) in [
        (short.as_str(), "bob", Some(Weakness::TooShort)),
        (&long, "bob", Some(Weakness::TooLong)),
        ("王小明王小明王小", "bob", None),
        ("王小明", "bob", Some(Weakness::TooShort)),
        ("Alexander.K", "alexander.k", Some(Weakness::LikeName)),
        ("bobBOBbob", "Bob", Some(Weakness::LikeName)),
        ("bobBOBbo", "Bob", None),
        ("correct horse", "bob", None),
        ("correct horse", "", None),
    ] {
        assert_eq!(weakness(password, name), why, "{password}");
    }
}

#[test]
fn p27_nothing_secret_is_printed() {
    let task = Task::Hash { password: "correct horse".into(), salt: SALT };
    let shown = format!("{task:?} {:?} {:?}", Secret::from("correct horse"), KeyHash([7; 32]));
    assert_eq!(shown, "Hash(..) Secret(..) KeyHash(..)");
}
