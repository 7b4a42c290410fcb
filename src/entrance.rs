//! How people on other machines reach the server: the certificate, the invite code, the addresses,
//! and the command that they type.
//!
//! The addresses that are listened on decide whether other machines can connect, not the flag that
//! chose them. The invite code is made once and stored in the data directory, so that it is the
//! same after the next start.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use p2sp::certificate::{Certificate, CertificateFault, Names, Source, write_secret};
use p2sp::files::{self, Exposure};
use p2sp::limits::{ADDRESSES_SHOWN_MAX, INVITE_CHARS_MIN};
use p2sp::locale::Lang;
use p2sp::locale::operator::Text;
use p2sp::password::KeyHash;
use p2sp::wire::PORT;

use crate::options::Options;
use crate::system::{self, file_fault, unix_now};

/// The file of the invite code in the data directory.
const INVITE_FILE: &str = "invite";

/// What is needed to join from another machine.
pub struct Entrance {
    /// The server's certificate and key.
    pub certificate: Certificate,
    /// The invite code, if other machines can connect and need one.
    invite: Option<String>,
    /// The server's addresses for other machines.
    addresses: Vec<SocketAddr>,
    /// The addresses that are listened on.
    pub listening: Vec<SocketAddr>,
    exposed: bool,
    plaintext: bool,
}

impl Entrance {
    /// Reads the files, and makes those that are missing. Fails if one cannot be used.
    pub fn open(options: &Options, listening: &[SocketAddr]) -> Result<Entrance, Text> {
        if let Source::Given { key, .. } = &options.certificate {
            look_at_key(key, options.rules.lang)?;
        }
        let names = names(listening);
        let certificate = options.certificate.load_or_make(&names, unix_now()).map_err(explain)?;
        let exposed = listening.iter().any(|address| !address.ip().is_loopback());
        let invite = match exposed && !options.open_registration {
            true => Some(invite(&options.data.join(INVITE_FILE))?),
            false => None,
        };
        let addresses = reachable(listening);
        let plaintext = !options.rules.tls_required;
        let listening = listening.to_vec();
        Ok(Entrance { certificate, invite, addresses, listening, exposed, plaintext })
    }

    /// The stored form of the invite code.
    pub fn invite_hash(&self) -> Option<KeyHash> {
        self.invite.as_deref().map(KeyHash::of)
    }

    /// What the operator should know and tell others.
    pub fn lines(&self) -> Vec<Text> {
        let fingerprint = self.certificate.fingerprint.to_string();
        let mut lines = vec![Text::Fingerprint { fingerprint: fingerprint.clone() }];
        if !self.exposed {
            return lines;
        }
        let shown = self.addresses.iter().take(ADDRESSES_SHOWN_MAX);
        let addresses: Vec<String> = shown.map(SocketAddr::to_string).collect();
        if !addresses.is_empty() {
            lines.push(Text::Addresses { addresses: addresses.join(" ") });
        }
        if self.plaintext {
            lines.push(Text::InsecurePlaintext);
        }
        let host = self.addresses.first().map_or("HOST".to_owned(), host);
        let command = format!("p2sp {host} --fingerprint {fingerprint}");
        lines.push(match &self.invite {
            None => Text::OpenRegistration,
            // Not in the command: all users of a machine can see the commands of others.
            Some(code) => Text::Invite { code: code.clone() },
        });
        lines.push(Text::HowToJoinFromElsewhere { command });
        lines
    }
}

/// Warns if everybody can read the operator's own key, which is not changed.
fn look_at_key(key: &Path, lang: Lang) -> Result<(), Text> {
    if let Some(Exposure { path, mode, right }) = files::look_at_key(key).map_err(file_fault)? {
        let path = path.display().to_string();
        log::warn!("{}", Text::KeyOpen { path, mode, right }.say(lang));
    }
    Ok(())
}

/// The names in our own certificate: the host's name and all addresses that are listened on. An
/// address that was chosen lasts; an address that an interface has now (a temporary one of IPv6, a
/// bridge of containers) may be gone tomorrow.
pub fn names(listening: &[SocketAddr]) -> Names {
    let uname = rustix::system::uname();
    let host = uname.nodename().to_str().ok().filter(|host| !host.is_empty()).map(str::to_owned);
    let always = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut names = Names { lasting: host.into_iter().chain(always).collect(), passing: vec![] };
    for address in reachable(listening).iter().map(SocketAddr::ip) {
        let is_chosen = listening.iter().any(|chosen| chosen.ip() == address);
        let list = if is_chosen { &mut names.lasting } else { &mut names.passing };
        list.push(address.to_string());
    }
    names
}

/// Until when the certificate is valid, if there is one; else what is wrong, and the command that
/// mends it.
pub fn look(options: &Options) -> Result<Option<i64>, (Text, String)> {
    options.certificate.valid_until().map_err(|fault| {
        let mend = match &options.certificate {
            // The next start makes another key, and clients that know the old one warn.
            Source::Own(dir) => format!("cd '{}' && mv tls.pem tls.pem.bad", dir.display()),
            Source::Given { chain, key } => {
                format!("sudo chown \"$USER\" '{}' '{}'", chain.display(), key.display())
            }
        };
        (explain(fault), mend)
    })
}

/// The addresses that other machines can connect to, those of IPv4 first: they are easier to type.
fn reachable(listening: &[SocketAddr]) -> Vec<SocketAddr> {
    // Without the interfaces the hint has fewer addresses.
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut found: Vec<SocketAddr> = Vec::new();
    for address in listening {
        if !address.ip().is_unspecified() {
            found.push(*address);
            continue;
        }
        let same = interfaces.iter().filter(|at| at.ip().is_ipv4() == address.is_ipv4());
        found.extend(same.map(|at| SocketAddr::new(at.ip(), address.port())));
    }
    // A link-local address means nothing without the name of a peer's own interface.
    found.retain(|address| !address.ip().is_loopback() && !is_link_local(address.ip()));
    found.sort_by_key(SocketAddr::is_ipv6);
    found
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// The address as the client takes it.
fn host(address: &SocketAddr) -> String {
    match (address.port() == PORT, address.ip()) {
        (true, IpAddr::V4(ip)) => ip.to_string(),
        (true, IpAddr::V6(ip)) => ip.to_string(),
        (false, _) => address.to_string(),
    }
}

fn invite(path: &Path) -> Result<String, Text> {
    let unusable = |why: String| Text::InviteUnusable { path: path.display().to_string(), why };
    match fs::read_to_string(path) {
        Ok(text) if text.trim().chars().count() >= INVITE_CHARS_MIN => Ok(text.trim().to_owned()),
        Ok(_) => Err(unusable(format!("it has fewer than {INVITE_CHARS_MIN} characters"))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let code = system::code()?;
            write_secret(path, format!("{code}\n").as_bytes())
                .map_err(|fault| unusable(fault.to_string()))?;
            Ok(code)
        }
        Err(error) => Err(unusable(error.to_string())),
    }
}

fn explain(fault: CertificateFault) -> Text {
    let show = |path: std::path::PathBuf| path.display().to_string();
    match fault {
        CertificateFault::Unreadable(path, why) => {
            Text::CertificateUnreadable { path: show(path), why }
        }
        CertificateFault::NoCertificate(path) => Text::NoCertificate { path: show(path) },
        CertificateFault::NoKey(path) => Text::NoKey { path: show(path) },
        CertificateFault::Unfit(path, why) => Text::CertificateUnfit { path: show(path), why },
        CertificateFault::Unwritable(path, why) => {
            Text::CertificateUnwritable { path: show(path), why }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_was_chosen_is_a_reason_for_another_certificate() {
        let listening = ["0.0.0.0:1", "[::]:1", "10.9.8.7:1", "[fd00::7]:1"];
        let listening = listening.map(|text| text.parse().expect("an address"));
        let names = names(&listening);
        let chosen: Vec<&str> = names.lasting.iter().map(String::as_str).collect();
        assert!(chosen.ends_with(&["localhost", "127.0.0.1", "::1", "10.9.8.7", "fd00::7"]));
        assert!(chosen.len() <= 6, "the host's name alone is more: {chosen:?}");
        let found = reachable(&listening).len();
        assert_eq!(names.passing.len(), found - 2, "what the interfaces have");
    }
}
