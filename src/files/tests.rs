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

#[test]
fn what_is_too_open_is_tightened_and_what_others_share_is_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    fs::create_dir(&data).expect("a directory");
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    };
    let is = |path: &Path| fs::metadata(path).expect("there").mode() & 0o777;
    let toml = data.join("p2sp.toml");
    fs::write(&toml, "").expect("written");
    mode(&data, 0o777);
    mode(&toml, 0o666);
    assert_eq!(look(&data).expect("ours").len(), 2);
    let opened = secure(&data).expect("ours");
    assert_eq!(opened.iter().map(|o| o.mode).collect::<Vec<_>>(), [0o777, 0o666]);
    assert_eq!((is(&data), is(&toml)), (0o700, 0o644));
    assert_eq!(secure(&data), Ok(Vec::new()));

    fs::write(data.join("photo.jpg"), "").expect("written");
    mode(&data, 0o755);
    assert_eq!(secure(&data), Err(FileFault::Shared(data.clone(), 0o755)));
    assert_eq!(is(&data), 0o755, "others go on using it");
    mode(&data, 0o700);
    assert_eq!(secure(&data), Ok(Vec::new()));

    mode(dir.path(), 0o777);
    let real = dir.path().canonicalize().expect("a path");
    let exposed = Err(FileFault::ParentExposed(real, 0o777));
    assert_eq!(secure(&data), exposed);
    assert_eq!(secure(&dir.path().join("not/yet")), exposed);
    mode(dir.path(), 0o1777);
    assert_eq!(secure(&data), Ok(Vec::new()));
    mode(dir.path(), 0o700);
}
