//! The fingerprint of a server's key: what people compare, and what clients keep.
//!
//! It is the SHA-256 of the certificate's public key as X.509 writes it (SubjectPublicKeyInfo, in
//! DER), not of the certificate: a certificate that is renewed for the same key keeps the
//! fingerprint. It is written as `sha256:` and 64 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// How a fingerprint is written.
const PREFIX: &str = "sha256:";

/// A key's fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a public key.
    pub fn of(public_key_info: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(public_key_info).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// People write it with capitals, with colons between the bytes, or without its prefix.
impl FromStr for Fingerprint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Fingerprint, &'static str> {
        let text = text.trim().to_ascii_lowercase();
        let digits = text.strip_prefix(PREFIX).unwrap_or(&text).replace(':', "");
        let mut bytes = [0; 32];
        let pairs = digits.as_bytes().chunks(2);
        if digits.len() != 64 {
            return Err("a fingerprint is sha256: and 64 hexadecimal digits");
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            let value = digit(0).zip(digit(1)).map(|(high, low)| high * 16 + low);
            *byte = value.ok_or("a fingerprint has only the digits 0-9 and a-f")? as u8;
        }
        Ok(Fingerprint(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let fingerprint = Fingerprint::of(b"a key");
        let text = fingerprint.to_string();
        let bare = &text[PREFIX.len()..];
        let pairs: Vec<String> =
            bare.as_bytes().chunks(2).map(|p| String::from_utf8_lossy(p).into()).collect();
        for written in [&text, bare, &text.to_uppercase(), &pairs.join(":")] {
            assert_eq!(written.parse(), Ok(fingerprint), "{written}");
        }
        for bad in ["", "sha256:", &text[..70], &text.replace(&text[8..9], "g"), "sha256:你好"] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
        assert_ne!(fingerprint, Fingerprint::of(b"another"));
    }
}
