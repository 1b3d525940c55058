//! Secrets: where the machine's file says they are, and what is found there.
//!
//! Guarantees: a secret is never printed, not even by `Debug`; one that is too short is
//! refused. Only [`resolve`] touches the environment and the disk.

use crate::config::files::read_bounded;
use crate::config::{Diagnostic, Place, Section};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// Fewest bytes of a notice key: as many as the hash that it keys.
pub const NOTICE_KEY_BYTES_MIN: usize = 32;
/// Fewest bytes of the admin token: beyond guessing.
pub const TOKEN_BYTES_MIN: usize = 16;
/// Largest file of a secret, in bytes.
const SECRET_BYTES_MAX: u64 = 4_096;

/// Where the secrets are.
#[derive(Clone, Debug)]
pub struct SecretSources {
    /// Of the notice keys, by id; the first signs.
    pub notice_keys: Vec<(u8, SecretSource)>,
    /// Of the admin token.
    pub admin_token: Option<SecretSource>,
    /// Of the price keys, by exchange: encryption, then integrity.
    pub price_keys: Vec<(String, [SecretSource; 2])>,
    /// Of the key that audience sets must be signed with.
    pub signature_key: Option<SecretSource>,
    /// Of the keys of shops' servers, by the shop's id.
    pub shop_keys: Vec<(String, SecretSource)>,
    /// Of the login to the servers of the log that is shared.
    pub stream: Option<SecretSource>,
}

/// Where a secret is.
#[derive(Clone, Debug)]
pub struct SecretSource {
    /// The variable or the file.
    pub from: SecretFrom,
    /// Where the machine's file says so.
    pub place: Place,
}

/// A variable or a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SecretFrom {
    /// An environment variable.
    Env(String),
    /// A file.
    File(PathBuf),
}

impl fmt::Display for SecretFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

/// A secret's bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes bytes as a secret.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for the one who signs or compares.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The secrets themselves.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The notice keys by id; the first signs, all verify.
    pub notice_keys: Vec<(u8, Secret)>,
    /// The admin token; without it the admin API is refused.
    pub admin_token: Option<Secret>,
    /// The price keys by exchange: encryption, then integrity.
    pub price_keys: Vec<(String, [Secret; 2])>,
    /// The key that audience sets must be signed with; without one, none need be.
    pub signature_key: Option<Secret>,
    /// The keys of shops' servers, by the shop's id.
    pub shop_keys: Vec<(String, Secret)>,
    /// The login to the servers of the log that is shared: `user:password`, or a token.
    pub stream: Option<Secret>,
}

/// Reads `[secrets]`; relative files lie below `base`. `None` comes with a fault.
pub(super) fn read(section: &Section<'_>, base: &Path) -> Option<SecretSources> {
    let mut ids = HashSet::new();
    let mut notice_keys = Vec::new();
    for key in section.tables("notice_keys") {
        let source = source(&key, base);
        let Some(id) = key.number_of::<u8>("id") else { continue };
        if !ids.insert(id) {
            key.error("id", format!("notice key {id} is there twice"), "an id of its own");
        }
        notice_keys.extend(source.map(|source| (id, source)));
    }
    let admin_token = section.table("admin_token").and_then(|token| source(&token, base));
    (!notice_keys.is_empty()).then_some(SecretSources {
        notice_keys,
        admin_token,
        price_keys: Vec::new(),
        signature_key: None,
        shop_keys: shop_keys(section, base),
        stream: section.table("stream").and_then(|login| source(&login, base)),
    })
}

fn shop_keys(section: &Section<'_>, base: &Path) -> Vec<(String, SecretSource)> {
    let keys = section.tables("shop_keys");
    let key = |key: &Section<'_>| Some((key.string("advertiser"), source(key, base)?));
    keys.iter().filter_map(key).filter_map(|(shop, source)| Some((shop?, source))).collect()
}

/// Reads the place of the signature key in `[audience]`.
pub(super) fn read_signature_key(section: &Section<'_>, base: &Path) -> Option<SecretSource> {
    section.table("signature_key").and_then(|key| source(&key, base))
}

/// Reads the price keys of an exchange, which has some exactly if it encrypts prices. `None`
/// comes with a fault, or there are none.
pub(super) fn read_price_keys(section: &Section<'_>, base: &Path) -> Option<[SecretSource; 2]> {
    let keys = section.table("price_keys")?;
    let place = |name: &str| source(&keys.table(name)?, base);
    Some([place("encryption")?, place("integrity")?])
}

fn source(section: &Section<'_>, base: &Path) -> Option<SecretSource> {
    let count = usize::from(section.has("env")) + usize::from(section.has("file"));
    if count > 1 || (count == 0 && !section.may_be_incomplete()) {
        let expected = "exactly one of `env` and `file`";
        section.faults().error(section.at(), "not one place of a secret", expected);
    }
    let variable = section.string("env").map(SecretFrom::Env);
    let file = section.text("file").map(|path| SecretFrom::File(base.join(path)));
    Some(SecretSource { from: variable.or(file)?, place: section.faults().place(section.at()) })
}

/// Fetches the secrets from the environment and from files.
///
/// # Errors
/// Every secret that is missing, unreadable or too short, at its place in the machine's file.
pub fn resolve(sources: &SecretSources) -> Result<Secrets, Vec<Diagnostic>> {
    resolve_with(sources, &|from| match from {
        SecretFrom::Env(name) => {
            std::env::var(name).map(String::into_bytes).map_err(|_| "is not set".to_owned())
        }
        SecretFrom::File(path) => {
            read_bounded(path, SECRET_BYTES_MAX).map_err(|error| error.to_string())
        }
    })
}

/// As [`resolve`], with `fetch` in place of the environment and the disk.
fn resolve_with(
    sources: &SecretSources,
    fetch: &dyn Fn(&SecretFrom) -> Result<Vec<u8>, String>,
) -> Result<Secrets, Vec<Diagnostic>> {
    let mut faults = Vec::new();
    let mut take = |source: &SecretSource, read: fn(&[u8]) -> Result<Vec<u8>, String>| {
        let found = fetch(&source.from).and_then(|bytes| read(trim_newline(&bytes)));
        found.map(Secret).map_err(|reason| faults.push(fault(source, &reason))).ok()
    };
    let key = |(id, source): &(u8, SecretSource)| Some((*id, take(source, decode_key)?));
    let notice_keys: Vec<_> = sources.notice_keys.iter().filter_map(key).collect();
    let admin_token = sources.admin_token.as_ref().and_then(|source| take(source, check_token));
    let price_keys = sources.price_keys.iter().filter_map(|(exchange, [encryption, integrity])| {
        let keys = [take(encryption, decode_price_key), take(integrity, decode_price_key)];
        let [Some(encryption), Some(integrity)] = keys else { return None };
        Some((exchange.clone(), [encryption, integrity]))
    });
    let price_keys: Vec<_> = price_keys.collect();
    let signature_key = sources.signature_key.as_ref().and_then(|one| take(one, decode_key));
    let shop_key =
        |(shop, source): &(String, SecretSource)| Some((shop.clone(), take(source, check_token)?));
    let shop_keys = sources.shop_keys.iter().filter_map(shop_key).collect();
    let stream = sources.stream.as_ref().and_then(|source| take(source, check_login));
    if faults.is_empty() {
        Ok(Secrets { notice_keys, admin_token, price_keys, signature_key, shop_keys, stream })
    } else {
        Err(faults)
    }
}

fn fault(source: &SecretSource, reason: &str) -> Diagnostic {
    let message = format!("{} {reason}", source.from);
    let expected = format!(
        "a notice, price or signature key of at least {NOTICE_KEY_BYTES_MIN} bytes in hex, in base64 or raw; \
         an admin token or a shop's key of at least {TOKEN_BYTES_MIN} visible ASCII characters; \
         a stream's login as user:password, or a token"
    );
    Diagnostic::error(source.place.clone(), message, expected)
}

/// Reads the key in a file as those of the machine's file are read.
///
/// # Errors
/// It cannot be read, or is too short.
pub fn key_in_file(path: &Path) -> Result<Secret, String> {
    let bytes = read_bounded(path, SECRET_BYTES_MAX).map_err(|error| error.to_string())?;
    decode_key(trim_newline(&bytes)).map(Secret)
}

/// A key in hex, else in base64, else raw: the first reading that makes it long enough.
fn decode_key(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let readings = [decode_hex(bytes), STANDARD.decode(bytes).ok(), Some(bytes.to_vec())];
    let mut readings = readings.into_iter().flatten();
    // Text that reads as hex or base64 of fewer bytes is that: its letters are no entropy.
    match readings.next() {
        Some(key) if key.len() >= NOTICE_KEY_BYTES_MIN => Ok(key),
        Some(key) => Err(format!("holds only {} bytes", key.len())),
        None => Err("is empty".to_owned()),
    }
}

/// A price key as exchanges hand it out, in web-safe base64; also as other keys are written.
fn decode_price_key(bytes: &[u8]) -> Result<Vec<u8>, String> {
    match URL_SAFE.decode(bytes) {
        Ok(key) if key.len() == NOTICE_KEY_BYTES_MIN => Ok(key),
        _ => decode_key(bytes),
    }
}

fn decode_hex(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    if text.is_empty() || text.len() % 2 != 0 || !text.bytes().all(|one| one.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|n| u8::from_str_radix(&text[n..n + 2], 16).ok()).collect()
}

/// A login is chosen by whoever runs the server: its length is no matter of ours.
fn check_login(bytes: &[u8]) -> Result<Vec<u8>, String> {
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_graphic) {
        return Err("holds no login of visible ASCII characters".to_owned());
    }
    Ok(bytes.to_vec())
}

fn check_token(bytes: &[u8]) -> Result<Vec<u8>, String> {
    if !bytes.iter().all(u8::is_ascii_graphic) {
        return Err("holds more than visible ASCII characters".to_owned());
    }
    if bytes.len() < TOKEN_BYTES_MIN {
        return Err(format!("holds only {} characters", bytes.len()));
    }
    Ok(bytes.to_vec())
}

/// Without the line's end that editors and `echo` leave behind a secret.
fn trim_newline(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> SecretSources {
        let source = |name: &str| SecretSource {
            from: SecretFrom::Env(name.to_owned()),
            place: Place::whole_file("homing.toml"),
        };
        SecretSources {
            notice_keys: vec![(1, source("KEY"))],
            admin_token: Some(source("TOKEN")),
            price_keys: Vec::new(),
            signature_key: None,
            shop_keys: Vec::new(),
            stream: None,
        }
    }

    fn resolved(key: &str, token: &str) -> Result<Secrets, Vec<Diagnostic>> {
        resolve_with(&sources(), &|from| match from {
            SecretFrom::Env(name) if name == "KEY" => Ok(key.as_bytes().to_vec()),
            _ => Ok(token.as_bytes().to_vec()),
        })
    }

    const TOKEN: &str = "0123456789abcdef\n";

    #[test]
    fn keys_are_read_in_hex_base64_or_raw() {
        let key = |text: &str| resolved(text, TOKEN).expect("good").notice_keys[0].1.clone();
        assert_eq!(key(&"0a".repeat(32)).expose(), [10; 32]);
        assert_eq!(key(&STANDARD.encode([7; 33])).expose(), [7; 33]);
        let raw = "correct horse battery staple, and then some";
        assert_eq!(key(&format!("{raw}\r\n")).expose(), raw.as_bytes());
    }

    #[test]
    fn price_keys_are_read_as_exchanges_write_them() {
        let mut sources = sources();
        let keys = [sources.notice_keys[0].1.clone(), sources.notice_keys[0].1.clone()];
        sources.price_keys.push(("adx".to_owned(), keys));
        sources.admin_token = None;
        let resolved = |key: &str| resolve_with(&sources, &|_| Ok(key.as_bytes().to_vec()));
        let found = resolved("skU7Ax_NL5pPAFyKdkfZjZz2-VhIN8bjj1rVFOaJ_5o=").expect("good");
        let (exchange, [encryption, _]) = &found.price_keys[0];
        assert_eq!((&**exchange, &encryption.expose()[..3]), ("adx", &[0xb2, 0x45, 0x3b][..]));
        assert_eq!(resolved("c2hvcnQ=").expect_err("too short").len(), 3);
    }

    #[test]
    fn short_secrets_are_refused_and_all_at_once() {
        let faults = resolved(&"0a".repeat(31), "short").expect_err("both are too short");
        assert_eq!(faults.len(), 2);
        assert!(faults[0].message.contains("holds only 31 bytes"), "{}", faults[0].message);
        assert!(resolved("", TOKEN).is_err());
        assert!(resolved(&"0a".repeat(32), "spaces are not for tokens").is_err());
    }

    #[test]
    fn secrets_are_never_printed() {
        let secrets = resolved(&"0a".repeat(32), TOKEN).expect("good");
        let shown = format!("{secrets:?}");
        assert!(shown.contains("***") && !shown.contains("10, 10") && !shown.contains("0123"));
    }

    #[test]
    fn a_secret_that_is_not_there_is_a_fault() {
        let mut sources = sources();
        sources.notice_keys[0].1.from = SecretFrom::Env("HOMING_TEST_NOT_SET".to_owned());
        sources.admin_token = None;
        let faults = resolve(&sources).expect_err("not set");
        assert!(faults[0].message.contains("HOMING_TEST_NOT_SET is not set"));
    }
}
