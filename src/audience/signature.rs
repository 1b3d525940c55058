//! The signature of a set: a manifest's HMAC-SHA256, in a file of its own beside it.
//!
//! Checksums detect accidents. Whoever can write into the bucket that sets are fetched from
//! could write checksums too, so a bidder that has a key takes only sets that were signed
//! with it. The manifest names the SHA-256 of every shard: what is signed is the whole set.
//! HMAC rather than Ed25519: both ends belong to the same house, and the hash is here anyway.
//! Pure: bytes in, bytes out; the shell fetches the key.

use super::snapshot::SnapshotError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;

/// The file's name within the set's folder.
pub const SIGNATURE_FILE: &str = "manifest.sig";
/// Fewest bytes of a key: as many as the hash that it keys.
pub const SIGNING_KEY_BYTES_MIN: usize = 32;
/// Longest signature file that is read: 64 hex digits and a line's end need fewer.
pub const SIGNATURE_BYTES_MAX: u64 = 256;

/// What is signed in front of the manifest, so that the key signs nothing else by accident.
const CONTEXT: &[u8] = b"homing manifest signature 1\0";
const TAG_BYTES: usize = 32;

/// The key that signs sets. Never printed.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl SigningKey {
    /// A key of at least [`SIGNING_KEY_BYTES_MIN`] bytes; `None` for a shorter one.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let long = bytes.len() >= SIGNING_KEY_BYTES_MIN;
        long.then(|| Hmac::new_from_slice(bytes).ok().map(Self)).flatten()
    }

    /// What the signature file of a manifest of these bytes holds.
    pub fn sign(&self, manifest: &[u8]) -> String {
        let tag = self.over(manifest).finalize().into_bytes();
        let mut text = String::with_capacity(2 * TAG_BYTES + 1);
        for byte in tag {
            // Writing into a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
        text
    }

    /// Checks what a signature file holds against the manifest's bytes, in constant time.
    ///
    /// # Errors
    /// It is no signature, or one of another key or manifest.
    pub fn check(&self, manifest: &[u8], signature: &[u8]) -> Result<(), SnapshotError> {
        let tag = tag_in(signature).ok_or(SnapshotError::Signature("something else"))?;
        let checked = self.over(manifest).verify_slice(&tag);
        checked.map_err(|_| SnapshotError::Signature("one of another key or another manifest"))
    }

    fn over(&self, manifest: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(CONTEXT).chain_update(manifest)
    }
}

fn tag_in(signature: &[u8]) -> Option<[u8; TAG_BYTES]> {
    let text = std::str::from_utf8(signature.trim_ascii_end()).ok()?;
    let hex = text.len() == 2 * TAG_BYTES && text.bytes().all(|one| one.is_ascii_hexdigit());
    let mut tag = [0; TAG_BYTES];
    for (at, byte) in tag.iter_mut().enumerate().filter(|_| hex) {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    hex.then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SigningKey {
        SigningKey::new(&[byte; 32]).expect("long enough")
    }

    #[test]
    fn only_the_same_key_over_the_same_manifest_is_accepted() {
        let signature = key(7).sign(b"manifest");
        assert_eq!(signature.len(), 65);
        let accepted = |key: SigningKey, manifest: &[u8], signature: &str| {
            key.check(manifest, signature.as_bytes()).is_ok()
        };
        assert!(accepted(key(7), b"manifest", &signature));
        assert!(accepted(key(7), b"manifest", signature.trim_end()));
        assert!(accepted(key(7), b"manifest", &signature.to_uppercase()));
        assert!(!accepted(key(8), b"manifest", &signature));
        assert!(!accepted(key(7), b"Manifest", &signature));
        for place in 0..64 {
            let mut changed = signature.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            assert!(key(7).check(b"manifest", &changed).is_err(), "{place}");
        }
        for none in ["", "00", &"0".repeat(63), &"g".repeat(64), &"ä".repeat(32)] {
            let told = key(7).check(b"manifest", none.as_bytes()).expect_err(none);
            assert_eq!(told.reason(), "manifest_signature");
        }
    }

    #[test]
    fn the_signature_is_a_plain_hmac_that_other_programs_can_make() {
        // printf 'homing manifest signature 1\0manifest' | openssl dgst -sha256 -mac HMAC \
        //   -macopt hexkey:0707...07
        let expected = "64694926001931b9a85395a486e52ab44bda3fecc52c5c4eefc9b71d8fb58849\n";
        assert_eq!(key(7).sign(b"manifest"), expected);
    }

    #[test]
    fn short_keys_are_none_and_keys_are_not_printed() {
        assert!(SigningKey::new(&[7; 31]).is_none());
        assert_eq!(format!("{:?}", key(7)), "***");
    }
}
