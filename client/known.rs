//! The keys of known servers, as ssh keeps those of hosts.
//!
//! ```text
//! chat.example.org:18888 sha256:4d2f4caf…     one line for each server
//! ```
//!
//! Only its owner can access the file, and a file of another user is refused. A file that exists
//! and cannot be read is an error and not an empty file: otherwise a server with a wrong key would
//! be trusted as a new one.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use p2sp::files::{Part, read_own};
use p2sp::wire::Fingerprint;

use crate::address::Address;

/// The file's name.
const FILE: &str = "known_servers";

/// The file, which may not exist yet.
#[derive(Clone, Debug)]
pub struct KnownServers {
    path: PathBuf,
}

impl KnownServers {
    /// The file in the user's data directory, if the user has one.
    pub fn of_user() -> Option<KnownServers> {
        let dirs = ProjectDirs::from("", "", "p2sp")?;
        Some(KnownServers { path: dirs.data_dir().join(FILE) })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key that was trusted at this address.
    ///
    /// # Errors
    /// The file cannot be read, or its line for the address cannot be understood.
    pub fn get(&self, address: &Address) -> io::Result<Option<Fingerprint>> {
        let name = name(address);
        let text = self.read()?;
        let line = text.lines().map(split).find(|(host, _)| *host == name);
        let parsed = line.map(|(_, fingerprint)| fingerprint.parse());
        parsed.transpose().map_err(|why: &str| io::Error::new(ErrorKind::InvalidData, why))
    }

    /// Trusts this key at this address from now on, and no other.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn set(&self, address: &Address, fingerprint: Fingerprint) -> io::Result<()> {
        let name = name(address);
        let dir = self.path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        // Without the lock, of two clients that do this at the same time one would lose the other's
        // line. It is held until the end.
        let alone = File::open(dir)?;
        alone.lock()?;
        let text = self.read()?;
        let others = text.lines().filter(|line| split(line).0 != name);
        let mut lines: String = others.map(|line| format!("{line}\n")).collect();
        lines += &format!("{name} {fingerprint}\n");
        let mut part = Part::begin(&self.path).map_err(io::Error::other)?;
        part.file().write_all(lines.as_bytes())?;
        part.replace().map_err(io::Error::other)
    }

    fn read(&self) -> io::Result<String> {
        match read_own(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            read => read,
        }
    }
}

/// The address in the file: upper case, and a dot at the end of the host, make no difference.
fn name(address: &Address) -> String {
    let host = address.host.strip_suffix('.').unwrap_or(&address.host);
    Address { host: host.to_lowercase(), port: address.port }.to_string()
}

/// A host as [`name`] has it, and the text of its key, which is no valid key if it is empty.
fn split(line: &str) -> (String, &str) {
    let line = line.trim();
    let (host, fingerprint) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (host.to_lowercase(), fingerprint.trim())
}

#[cfg(test)]
impl KnownServers {
    /// A file for a test.
    pub fn at(path: PathBuf) -> KnownServers {
        KnownServers { path }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_kept_by_host_and_port_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let known = KnownServers::at(dir.path().join("below/known_servers"));
        let address = |text: &str| text.parse::<Address>().expect("an address");
        let [one, other] = [&b"one"[..], b"other"].map(Fingerprint::of);
        assert_eq!(known.get(&address("a")).expect("no file"), None);
        known.set(&address("a"), one).expect("written");
        known.set(&address("[::1]:7"), other).expect("written");
        known.set(&address("a:7"), other).expect("written");
        known.set(&address("a:7"), one).expect("another");
        for (text, key) in [
            ("A", Some(one)),
            ("a.", Some(one)),
            ("a:7", Some(one)),
            ("[::1]:7", Some(other)),
            ("b", None),
        ] {
            assert_eq!(known.get(&address(text)).expect("read"), key, "{text}");
        }
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(known.path()), 0o600);
        assert_eq!(mode(known.path().parent().expect("a directory")), 0o700);
        assert_eq!(fs::read_to_string(known.path()).expect("text").lines().count(), 3);
        // Others could have written to it; from now on they cannot.
        fs::set_permissions(known.path(), fs::Permissions::from_mode(0o666)).expect("a mode");
        assert_eq!(known.get(&address("a")).expect("read"), Some(one));
        assert_eq!(mode(known.path()) & 0o022, 0);
    }

    #[test]
    fn clients_that_meet_servers_at_once_lose_no_key() {
        let dir = tempfile::tempdir().expect("a directory");
        let known = KnownServers::at(dir.path().join("known_servers"));
        let addresses: Vec<Address> =
            (1..50).map(|n| format!("h{n}").parse().expect("a")).collect();
        std::thread::scope(|scope| {
            for address in &addresses {
                scope.spawn(|| known.set(address, Fingerprint::of(b"one")).expect("written"));
            }
        });
        for address in &addresses {
            assert!(known.get(address).expect("read").is_some(), "{address}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_no_empty_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let known = KnownServers::at(dir.path().join("known_servers"));
        let address: Address = "a".parse().expect("an address");
        fs::write(known.path(), "a:18888 sha256:beef\n").expect("written");
        assert!(known.get(&address).is_err());
        for no_key in ["A:18888\n", "a:18888\tnonsense\n"] {
            fs::write(known.path(), no_key).expect("written");
            assert!(known.get(&address).is_err(), "{no_key}");
        }
        fs::write(known.path(), b"\xff\n").expect("written");
        assert!(known.get(&address).is_err() && known.set(&address, Fingerprint::of(b"")).is_err());
    }
}
