//! Secrets at rest: what other systems let us in with stands sealed in the database, so that a copy of it opens nothing.
//!
//! A sealed text is `sealed:1:<key>:<base64>`: XChaCha20-Poly1305 under the key of that name, bound to the place it stands
//! at. Moved to another row or column it does not open.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key as Bytes, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};

/// What every sealed text begins with.
const PREFIX: &str = "sealed:1:";
/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce; chosen at random they never meet again.
pub const NONCE_BYTES: usize = 24;

/// The keys of an installation: the first seals, all open. So a new key is put before the old one, what is stored is sealed
/// anew at the next start, and then the old one can go.
pub struct Keys(Vec<Key>);

struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

/// Why a sealed text does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("it is sealed with key {id}, which is none of those given ({given})")]
    UnknownKey { id: String, given: String },
    #[error("it does not open: it was changed, or moved from another place")]
    Broken,
}

impl Keys {
    /// Reads the text of a key file: one key a line, the base64 of 32 bytes; lines that begin with `#` are comments.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bytes = STANDARD.decode(line).ok().filter(|bytes| bytes.len() == KEY_BYTES);
            let bytes =
                bytes.ok_or_else(|| format!("line {} is not the base64 of {KEY_BYTES} bytes", n + 1))?;
            keys.push(Key {
                id: hex::encode(&Sha256::digest(&bytes)[..4]),
                cipher: XChaCha20Poly1305::new(Bytes::from_slice(&bytes)),
            });
        }
        if keys.is_empty() {
            return Err("there is no key in it".into());
        }
        Ok(Self(keys))
    }

    /// The text of a key file with one key.
    pub fn text(bytes: [u8; KEY_BYTES]) -> String {
        format!(
            "# Opens the secrets in the database. Keep it apart from the database and its backups.\n{}\n",
            STANDARD.encode(bytes)
        )
    }

    /// Seals a text for its place.
    pub fn seal(&self, place: &str, text: &str, nonce: [u8; NONCE_BYTES]) -> String {
        let key = &self.0[0];
        let payload = Payload { msg: text.as_bytes(), aad: place.as_bytes() };
        let sealed = key.cipher.encrypt(XNonce::from_slice(&nonce), payload).expect("memory can be sealed");
        format!("{PREFIX}{}:{}", key.id, STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens a text of this place. One that is not sealed is of a time before, and stays.
    pub fn open(&self, place: &str, text: &str) -> Result<String, SealError> {
        let Some((id, encoded)) = parts(text) else { return Ok(text.to_owned()) };
        let given = || self.0.iter().map(|key| key.id.as_str()).collect::<Vec<_>>().join(", ");
        let key = self.0.iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| SealError::UnknownKey { id: id.to_owned(), given: given() })?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SealError::Broken)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(SealError::Broken)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        let plain = key.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| SealError::Broken)?;
        String::from_utf8(plain).map_err(|_| SealError::Broken)
    }

    /// The name of the key that seals.
    pub fn first(&self) -> &str {
        &self.0[0].id
    }

    /// Whether a key of this name is among them.
    pub fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    /// Whether a text is sealed with the key that seals now.
    pub fn is_current(&self, text: &str) -> bool {
        parts(text).is_some_and(|(id, _)| id == self.0[0].id)
    }
}

/// The key a text is sealed with; none: it is not sealed.
pub fn key_of(text: &str) -> Option<&str> {
    parts(text).map(|(id, _)| id)
}

fn parts(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix(PREFIX)?.split_once(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(first: &[u8]) -> Keys {
        let lines: Vec<String> = first.iter().map(|n| Keys::text([*n; KEY_BYTES])).collect();
        Keys::read(&lines.join("\n")).expect("keys")
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_and_nowhere_else() {
        let keys = keys(&[1]);
        let sealed = keys.seal("settings/HUB/password", "secret", [7; NONCE_BYTES]);
        assert!(!sealed.contains("secret") && keys.is_current(&sealed));
        assert_eq!(keys.open("settings/HUB/password", &sealed).as_deref(), Ok("secret"));
        assert_eq!(keys.open("settings/HUB/token", &sealed), Err(SealError::Broken));
        let mut changed = sealed.clone().into_bytes();
        let middle = changed.len() - 8;
        changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("text");
        assert_eq!(keys.open("settings/HUB/password", &changed), Err(SealError::Broken));
        assert_eq!(keys.open("anywhere", "plain"), Ok("plain".into()));
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens() {
        let (old, both, other) = (keys(&[1]), keys(&[2, 1]), keys(&[3]));
        let sealed = old.seal("p", "secret", [7; NONCE_BYTES]);
        assert_eq!(both.open("p", &sealed).as_deref(), Ok("secret"));
        assert!(!both.is_current(&sealed));
        let anew = both.seal("p", "secret", [8; NONCE_BYTES]);
        assert_eq!(keys(&[2]).open("p", &anew).as_deref(), Ok("secret"));
        assert!(matches!(other.open("p", &sealed), Err(SealError::UnknownKey { .. })));
    }

    #[test]
    fn a_key_file_is_read_with_care() {
        assert!(Keys::read("").is_err() && Keys::read("# nothing\n").is_err());
        assert!(Keys::read("short").expect_err("wrong").contains("line 1"));
        assert!(Keys::read(&Keys::text([0; KEY_BYTES])).is_ok());
    }
}
