//! The browser's page: `tests/browser/`, run by node's own test runner.
//!
//! What the page's modules know without a browser is tested wherever there is node; the page itself
//! in a headless Chromium, against the real server. Where something of it is missing the test says
//! so past the capture of its output, and passes; with `P2SP_BROWSER=1` (as `.ci/run` has it) it
//! fails instead.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BROWSERS: &[&str] =
    &["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const WITHOUT_BROWSER: &[&str] = &["words.test.js", "text.test.js", "session.test.js"];
const WITH_BROWSER: &[&str] = &["page.test.js", "keeping.test.js", "ease.test.js"];

#[test]
fn the_page_keeps_the_rules_of_a_client() {
    match has_node() {
        true => run(WITHOUT_BROWSER),
        false => skip("there is no node"),
    }
}

#[test]
fn the_page_does_in_a_browser_what_it_is_for() {
    let given = std::env::var_os("P2SP_CHROMIUM").map(PathBuf::from);
    let has_browser = BROWSERS.iter().map(PathBuf::from).chain(given).any(|file| file.exists());
    if !has_node() {
        skip("there is no node");
    } else if !folder().join("node_modules").exists() {
        skip("its packages are missing: npm ci --prefix tests/browser");
    } else if !has_browser {
        skip("there is no Chromium; P2SP_CHROMIUM names another place for it");
    } else {
        run(WITH_BROWSER);
    }
}

fn run(files: &[&str]) {
    let output = Command::new("node")
        .current_dir(folder())
        // Each file has a server and a browser of its own.
        .args(["--test", "--test-reporter=spec", "--test-concurrency=3"])
        .args(files)
        .env("P2SP_SERVER", env!("CARGO_BIN_EXE_p2sp-server"))
        .stdin(Stdio::null())
        .output()
        .expect("node runs");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("pass "), "nothing was tested: {out}\n{err}");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

fn has_node() -> bool {
    let version = Command::new("node").arg("--version").stderr(Stdio::null()).output();
    version.is_ok_and(|version| version.status.success())
}

/// Aloud: what is printed by a test that passes is not shown, but for what goes past the capture.
fn skip(why: &str) {
    assert!(std::env::var_os("P2SP_BROWSER").is_none(), "the page was not tested: {why}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: the page was not tested: {why}");
}
