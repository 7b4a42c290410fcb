//! What `files.rs` must do.

use super::*;
use std::io::Write;
use std::os::unix::fs::symlink;

#[test]
fn a_part_is_ours_alone_follows_no_link_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let [target, elsewhere] = ["new", "elsewhere"].map(|name| dir.path().join(name));
    fs::write(&elsewhere, "mine").expect("written");
    let beside = dir.path().join("new.part");
    symlink(&elsewhere, &beside).expect("a link");
    assert!(matches!(Part::begin(&target), Err(FileFault::InTheWay(path, _)) if path == beside));
    assert_eq!(fs::read_to_string(&elsewhere).expect("a file"), "mine");
    fs::remove_file(&beside).expect("removed");
    // One that was left is replaced.
    fs::write(&beside, "half").expect("written");
    let mut part = Part::begin(&target).expect("a part");
    part.file().write_all(b"whole").expect("written");
    part.name_new().expect("a name");
    assert_eq!(fs::read_to_string(&target).expect("a file"), "whole");
    assert_eq!(fs::metadata(&target).expect("a file").mode() & 0o777, 0o600);
    let again = Part::begin(&target).expect("a part");
    assert_eq!(again.name_new(), Err(FileFault::Exists(target.clone())));
    let mut part = Part::begin(&target).expect("a part");
    part.file().write_all(b"another").expect("written");
    part.replace().expect("replaced");
    assert_eq!(fs::read_to_string(&target).expect("a file"), "another");
    drop(Part::begin(&target).expect("a part"));
    assert!(!beside.exists());
}

#[test]
fn a_part_whose_name_was_taken_is_still_the_one_that_was_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let target = dir.path().join("new");
    let mut part = Part::begin(&target).expect("a part");
    part.file().write_all(b"ours").expect("written");
    let beside = part.path().to_owned();
    fs::rename(&beside, dir.path().join("away")).expect("renamed");
    fs::write(&beside, "theirs").expect("written");
    part.name_new().expect("a name");
    assert_eq!(fs::read_to_string(&target).expect("a file"), "ours");
}
