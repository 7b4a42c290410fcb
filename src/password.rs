//! Passwords: how they are stored, checked, and which ones are refused.
//!
//! A stored password is a scheme tag and a PHC string, joined by `$`:
//!
//! ```text
//! password$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH    argon2id over the password's bytes
//! md5$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH         argon2id over its MD5 in hex: an old row
//! ```
//!
//! Old databases have bare MD5 digests. The upgrade hashes each digest with argon2id
//! ([`wrap_md5`]), and the user's next sign-in replaces the row. A row in neither form, a bare
//! digest included, matches no password.
//!
//! Everything here is a pure function, and slow: a [`Task`] runs on the helper thread, never in the
//! loop. This module knows no threads and no storage.

use std::fmt;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::limits::{HASH_BLOCKS_MAPPED, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};

/// The stored form of a login key: its SHA-256. The key is random, so one fast hash is enough.
#[derive(Clone, Copy)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// The hash of a key.
    pub fn of(key: &str) -> KeyHash {
        KeyHash(Sha256::digest(key.as_bytes()).into())
    }
}

/// In constant time: how long it takes does not depend on the hashes.
impl PartialEq for KeyHash {
    fn eq(&self, other: &KeyHash) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(..)")
    }
}

/// The parameters of argon2id. Only tests lower them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Independent lanes.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Cost {
        Cost { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

/// A password in memory: wiped when dropped, and never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The password itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(password: String) -> Secret {
        Secret(Zeroizing::new(password))
    }
}

impl From<&str> for Secret {
    fn from(password: &str) -> Secret {
        Secret::from(password.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Work for the helper thread. Salts come from the caller, who owns the random generator.
#[allow(missing_docs)]
pub enum Task {
    /// Hash a new password.
    Hash { password: Secret, salt: [u8; 16] },
    /// Check the password of a sign-in. `stored` is [`decoy`] for an unknown user; `salt` is for
    /// the new form, if the row is an old one.
    Verify { password: Secret, stored: String, salt: [u8; 16] },
    /// Check a user's old password and hash the new one.
    Change { old: Secret, stored: String, new: Secret, salt: [u8; 16] },
}

/// The result of a [`Task`].
pub enum Outcome {
    /// The stored form of a new password.
    Hashed(String),
    /// A sign-in was checked.
    Verified {
        /// Whether the password was right.
        ok: bool,
        /// The form to store from now on, if the password was right and the row an old one.
        renewed: Option<String>,
    },
    /// The new stored form; `None` if the old password was wrong.
    Changed(Option<String>),
    /// There was no memory for the hash, so nothing is known: try again later.
    Failed,
}

impl Task {
    /// Does the work: one hash at `cost`, and a second one where a check gives a new form.
    pub fn run(&self, cost: Cost) -> Outcome {
        self.outcome(cost).unwrap_or(Outcome::Failed)
    }

    /// `None` without memory for the hash.
    fn outcome(&self, cost: Cost) -> Option<Outcome> {
        Some(match self {
            Task::Hash { password, salt } => {
                Outcome::Hashed(store(PASSWORD, password.expose(), salt, cost)?)
            }
            Task::Verify { password, stored, salt } => {
                let scheme = verify(password, stored, cost)?;
                // Without memory for the second hash the sign-in stands; the next one renews.
                let renewed = match scheme {
                    Some(MD5) => store(PASSWORD, password.expose(), salt, cost),
                    _ => None,
                };
                Outcome::Verified { ok: scheme.is_some(), renewed }
            }
            Task::Change { old, stored, new, salt } => match verify(old, stored, cost)? {
                // No second hash: the user is signed in already, so the time tells nothing that
                // the answer does not.
                None => Outcome::Changed(None),
                Some(_) => Outcome::Changed(Some(store(PASSWORD, new.expose(), salt, cost)?)),
            },
        })
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Task::Hash { .. } => "Hash(..)",
            Task::Verify { .. } => "Verify(..)",
            Task::Change { .. } => "Change(..)",
        })
    }
}

/// A well-formed row that no password matches, so that an unknown user costs the same work as
/// a known one: a password whose hash under this salt is all zeros cannot be found.
pub fn decoy(cost: Cost) -> String {
    let Cost { memory_kib, passes, lanes } = cost;
    let (salt, hash) = ("A".repeat(22), "A".repeat(43));
    format!("password$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
}

/// The stored form for a bare MD5 digest of 32 hexadecimal digits in either case. `None` if it
/// is not one, or if there is no memory for the hash.
pub fn wrap_md5(digest_hex: &str, salt: [u8; 16], cost: Cost) -> Option<String> {
    let is_digest = digest_hex.len() == 32 && digest_hex.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_digest {
        return None;
    }
    store(MD5, &digest_hex.to_ascii_lowercase(), &salt, cost)
}

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// Fewer than [`PASSWORD_CHARS_MIN`] characters.
    TooShort,
    /// More than [`PASSWORD_CHARS_MAX`] characters.
    TooLong,
    /// One of the passwords that attackers try first.
    Common,
    /// The user's own name, alone or repeated.
    LikeName,
}

impl Weakness {
    /// Its name in refusals.
    pub fn name(self) -> &'static str {
        match self {
            Weakness::TooShort => "short",
            Weakness::TooLong => "long",
            Weakness::Common => "common",
            Weakness::LikeName => "name",
        }
    }
}

/// Why `password` is refused for the user `name`, if it is. Upper and lower case are the same.
pub fn weakness(password: &str, name: &str) -> Option<Weakness> {
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN {
        return Some(Weakness::TooShort);
    }
    if chars > PASSWORD_CHARS_MAX {
        return Some(Weakness::TooLong);
    }
    if COMMON.split_whitespace().any(|common| common.eq_ignore_ascii_case(password)) {
        return Some(Weakness::Common);
    }
    let (password, name) = (password.to_lowercase(), name.to_lowercase());
    let is_name = !name.is_empty() && password.replace(&name, "").is_empty();
    is_name.then_some(Weakness::LikeName)
}

/// The tag of a stored form whose hash was computed over the password itself.
const PASSWORD: &str = "password";
/// The tag of one whose hash was computed over the password's MD5.
const MD5: &str = "md5";

/// The stored form of `text`; `None` without memory for it.
fn store(scheme: &str, text: &str, salt: &[u8; 16], cost: Cost) -> Option<String> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None).ok()?;
    let mut computed = [0; Params::DEFAULT_OUTPUT_LEN];
    hash(text, salt, &params, &mut computed)?;
    let phc = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(&computed).ok()?),
    };
    Some(format!("{scheme}{phc}"))
}

/// Hashes `text` into `computed`; `None` if it cannot be done.
fn hash(text: &str, salt: &[u8], params: &Params, computed: &mut [u8]) -> Option<()> {
    let count = params.block_count();
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(count.max(HASH_BLOCKS_MAPPED)).ok()?;
    blocks.resize(count, Block::new());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    argon2.hash_password_into_with_memory(text.as_bytes(), salt, computed, &mut blocks).ok()
}

/// The scheme of `stored` if `password` matches it; `None` without memory for the hash. A
/// malformed row matches no password, after the same work: the decoy is compared instead.
fn verify(password: &Secret, stored: &str, cost: Cost) -> Option<Option<&'static str>> {
    let Some((scheme, form)) = Form::parse(stored) else {
        Form::parse(&decoy(cost))?.1.matches(password.expose())?;
        return Some(None);
    };
    let matches = if scheme == MD5 {
        let digest = Zeroizing::new(format!("{:x}", md5::compute(password.expose())));
        form.matches(&digest)?
    } else {
        form.matches(password.expose())?
    };
    Some(matches.then_some(scheme))
}

/// A stored form's hash, taken apart.
struct Form {
    params: Params,
    salt: Salt,
    hash: Output,
}

impl Form {
    /// The scheme and the form; `None` if this program stores no password in that form.
    fn parse(stored: &str) -> Option<(&'static str, Form)> {
        let (tag, _) = stored.split_once('$')?;
        let scheme = [PASSWORD, MD5].into_iter().find(|scheme| *scheme == tag)?;
        let phc = PasswordHash::new(&stored[tag.len()..]).ok()?;
        let ours = phc.algorithm.as_str() == "argon2id" && phc.version == Some(19);
        let form = Form { params: Params::try_from(&phc).ok()?, salt: phc.salt?, hash: phc.hash? };
        ours.then_some((scheme, form))
    }

    /// Whether `text` hashes to this; `None` if the hash cannot be computed.
    fn matches(&self, text: &str) -> Option<bool> {
        let mut computed = vec![0; self.hash.len()];
        hash(text, &self.salt, &self.params, &mut computed)?;
        Some(computed.ct_eq(self.hash.as_bytes()).into())
    }
}

/// The passwords that attackers try first and that are long enough: in lower case, with white
/// space between them.
const COMMON: &str = "
    00000000 000000000 0000000000 01234567 0123456789 0987654321 10203040 11111111 111111111
    1111111111 11112222 11223344 1122334455 112233445566 12121212 123123123 123123123123
    12312312 12341234 1234512345 12344321 12345678 123456789 1234567890 12345678910 123456789a
    12345678a 1234567a 1234abcd 123654789 123456abc 123456qwe 123456aa 12qwaszx 13131313
    13145200 1314520520 147258369 147852369 159357456 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc
    1qazxsw2 20202020 22222222 31415926 33333333 44444444 5201314520 52013140 52013141 55555555
    66666666 77777777 789456123 87654321 88888888 888888888 8888888888 963852741 987654321
    9876543210 99999999 999999999 a1234567 a12345678 a123456789 aa123456 aa12345678 aaaaaaaa
    abc12345 abcd1234 abcd12345 abcdefgh abcdefg1 access14 admin123 admin1234 admin12345
    administrator adminadmin alexander asd123456 asdasdasd asdf1234 asdfasdf asdfghjk asdfghjkl
    asdfjkl; baseball basketball blink182 butterfly caonima123 changeme changeme123 charlie1
    chocolate computer corvette default1 dragon123 elephant facebook football football1 garfield
    godzilla hello123 helloworld iloveyou iloveyou1 iloveyou2 internet jennifer jessica1
    jonathan letmein1 letmein123 liverpool login123 maverick mercedes michelle midnight
    monkey123 mypassword p@ssw0rd p@ssword pa55word pass1234 passw0rd password password!
    password1 password12 password123 password1234 princess princess1 q1w2e3r4 q1w2e3r4t5
    qazwsxedc qq123456 qq123456789 qwe123456 qweasdzxc qwer1234 qwerasdf qwert123 qwerty12
    qwerty123 qwerty1234 qwertyui qwertyuiop samantha secret123 spiderman starwars startrek
    sunshine superman superman1 test1234 testtest trustno1 user1234 victoria welcome1 welcome123
    whatever woaini123 woaini1314 woaini520 woaiwojia zaq12wsx zxc123456 zxcvbnm1 zxcvbnm123
    zxcvbnma
";

#[cfg(test)]
mod tests;
