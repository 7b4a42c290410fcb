//! Power cuts.
mod disk;
mod support;
use disk::cuts::*;
use p2sp::store::Synchronous;
#[test]
fn scenes() {
    p2sp_test_vfs::install();
    let mut all = Tried::default();
    for seed in 0..10 {
        let t = std::time::Instant::now();
        let take = Take::of_scene(seed, Synchronous::Full).unwrap();
        let t1 = t.elapsed();
        let tried = take.cut(240, seed).unwrap_or_else(|e| panic!("take {seed}: {e}"));
        eprintln!("{seed} ops {} {:?} {:?} {:?}", take.journal.ops.len(), t1, t.elapsed(), tried);
        all = all.and(tried);
    }
}
#[test]
fn normal() {
    p2sp_test_vfs::install();
    for seed in 0..5 {
        let e = Take::of_scene(seed, Synchronous::Normal)
            .unwrap()
            .cut(240, seed)
            .map(|t| t.images)
            .unwrap_err();
        eprintln!("{e}");
    }
}
