//! The signed claim in every notice URL: payload and tag in web-safe base64.
//!
//! One HMAC-SHA256 a bid gives 32 bytes: the first half signs the notices of the exchange
//! (win, billing, loss), the second those of the browser (view, click). Neither half can be
//! made from the other, so who reads the markup cannot forge a billing.
//!
//! Layout of version 2, little-endian: version, key id, flags (bit 0 test, bits 1 to 3 number
//! of keys, bits 4 and 5 the legal basis), bid, exchange, campaign, creative (8 bytes each),
//! currency (3), issued, notices end (4 each), hold time (2), ceiling and held money as varints,
//! node (4), keys (8 each), tag (16). Version 1, which is read but not made, has no node.
//!
//! The person's keys are masked with a stream that differs for every bid, so that whoever
//! reads the markup of two pages cannot tell that it is the same person.
//!
//! Guarantees: [`Keyring::open`] refuses whatever is not signed by one of its keys, in
//! constant time in the tag, and never panics. The key id lets keys be rotated: the first
//! signs, all verify.

use crate::ledger::Claim;
use crate::model::{
    BidId, CampaignKey, CpmMicros, CreativeKey, Currency, ExchangeKey, MoneyNanos, NodeKey,
    Seconds, UnixSeconds, UserKey,
};
use crate::privacy::Basis;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use smallvec::SmallVec;
use subtle::ConstantTimeEq;

const VERSION: u8 = 2;
/// Tokens of before nodes had names: good until their notices end.
const VERSION_WITHOUT_NODE: u8 = 1;
/// Where the flags say why the bid was lawful. Tokens made before they did have zeros there.
const BASIS_SHIFT: u8 = 4;
const BASIS_MASK: u8 = 0b11;
const _: () = assert!(Basis::ALL.len() <= BASIS_MASK as usize + 1);
const TAG_BYTES: usize = 16;
/// As many keys as one block of the masking stream covers.
const KEYS_MAX: usize = 4;
const _: () = assert!(KEYS_MAX >= crate::audience::membership::PERSON_KEYS_MAX);
/// Longest token that is looked at: one with four keys and large amounts has 162 characters.
pub const TOKEN_CHARACTERS_MAX: usize = 256;
/// Shortest secret: as long as the hash, or it would be the weakest link.
pub const SECRET_BYTES_MIN: usize = 32;

/// Whose notices a tag signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Win, billing, loss: the token goes to the exchange only.
    Exchange,
    /// View, click: the token stands in the markup.
    Browser,
}

/// Why a token is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// Not base64, too long, or cut off.
    #[error("the token is malformed")]
    Malformed,
    /// Another version.
    #[error("the token is of an unknown version")]
    UnknownVersion,
    /// A key that is not in the ring.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// Not signed by us, altered, or signed for the other side.
    #[error("the token's signature is wrong")]
    BadSignature,
}

/// A secret that is too short.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected at least 1 key of at least {SECRET_BYTES_MIN} bytes with ids of their own")]
pub struct WeakKeyring;

/// The keys that sign and verify notices.
pub struct Keyring {
    keys: Vec<Key>,
}

struct Key {
    id: u8,
    sign: Hmac<Sha256>,
    mask: Hmac<Sha256>,
}

impl Key {
    /// Two keys are made of the secret, so that tags and masks have nothing in common.
    fn new(id: u8, secret: &[u8]) -> Option<Self> {
        let derive = |purpose: &[u8]| {
            let mut mac: Hmac<Sha256> = Hmac::new_from_slice(secret).ok()?;
            mac.update(purpose);
            Hmac::new_from_slice(&mac.finalize().into_bytes()).ok()
        };
        Some(Self {
            id,
            sign: derive(b"homing notice sign 1")?,
            mask: derive(b"homing notice mask 1")?,
        })
    }
}

/// The two tokens of one bid. Reused: [`Keyring::sign`] overwrites them.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// For win, billing and loss.
    pub exchange: String,
    /// For view and click.
    pub browser: String,
}

type Payload = SmallVec<[u8; 192]>;

impl Keyring {
    /// A ring of (id, secret); the first signs.
    ///
    /// # Errors
    /// No key, a short one, or two with one id.
    pub fn new(secrets: &[(u8, Vec<u8>)]) -> Result<Self, WeakKeyring> {
        let mut keys: Vec<Key> = Vec::new();
        for (id, secret) in secrets {
            if secret.len() < SECRET_BYTES_MIN || keys.iter().any(|known| known.id == *id) {
                return Err(WeakKeyring);
            }
            keys.push(Key::new(*id, secret).ok_or(WeakKeyring)?);
        }
        if keys.is_empty() { Err(WeakKeyring) } else { Ok(Self { keys }) }
    }

    /// Signs a claim for both sides.
    pub fn sign(&self, claim: &Claim, tokens: &mut Tokens) {
        let key = &self.keys[0];
        let mut payload = payload(claim, key);
        let tags = tags(&key.sign, &payload);
        let length = payload.len();
        for (token, tag) in [(&mut tokens.exchange, &tags[0]), (&mut tokens.browser, &tags[1])] {
            payload.truncate(length);
            payload.extend_from_slice(tag);
            token.clear();
            URL_SAFE_NO_PAD.encode_string(&payload, token);
        }
    }

    /// Opens a token of `side`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(&self, token: &str, side: Side) -> Result<Claim, TokenError> {
        let mut bytes = [0; TOKEN_CHARACTERS_MAX];
        if token.len() > TOKEN_CHARACTERS_MAX {
            return Err(TokenError::Malformed);
        }
        let length =
            URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).map_err(|_| TokenError::Malformed)?;
        let payload_length = length.checked_sub(TAG_BYTES).ok_or(TokenError::Malformed)?;
        let (payload, tag) = bytes[..length].split_at(payload_length);
        let [version, id, ..] = payload else { return Err(TokenError::Malformed) };
        if ![VERSION, VERSION_WITHOUT_NODE].contains(version) {
            return Err(TokenError::UnknownVersion);
        }
        let known = self.keys.iter().find(|known| known.id == *id);
        let key = known.ok_or(TokenError::UnknownKey)?;
        let expected = tags(&key.sign, payload)[usize::from(side == Side::Browser)];
        if !bool::from(expected.as_slice().ct_eq(tag)) {
            return Err(TokenError::BadSignature);
        }
        claim(payload, key).ok_or(TokenError::Malformed)
    }
}

/// The tags of both sides.
fn tags(key: &Hmac<Sha256>, payload: &[u8]) -> [[u8; TAG_BYTES]; 2] {
    let mut mac = key.clone();
    mac.update(payload);
    let sum: [u8; 2 * TAG_BYTES] = mac.finalize().into_bytes().into();
    let mut tags = [[0; TAG_BYTES]; 2];
    tags[0].copy_from_slice(&sum[..TAG_BYTES]);
    tags[1].copy_from_slice(&sum[TAG_BYTES..]);
    tags
}

fn payload(claim: &Claim, key: &Key) -> Payload {
    let keys = &claim.keys[..claim.keys.len().min(KEYS_MAX)];
    let mut payload = Payload::new();
    let flags = u8::from(claim.test) | (keys.len() as u8) << 1 | (claim.basis as u8) << BASIS_SHIFT;
    payload.extend_from_slice(&[VERSION, key.id, flags]);
    for id in [claim.bid.0, claim.exchange.0, claim.campaign.0, claim.creative.0] {
        payload.extend_from_slice(&id.to_le_bytes());
    }
    payload.extend_from_slice(&claim.currency.bytes());
    payload.extend_from_slice(&claim.issued.0.to_le_bytes());
    payload.extend_from_slice(&claim.notices_end.0.to_le_bytes());
    let hold_ttl = u16::try_from(claim.hold_ttl.0).unwrap_or(u16::MAX);
    payload.extend_from_slice(&hold_ttl.to_le_bytes());
    push_varint(&mut payload, claim.ceiling.0.max(0) as u64);
    push_varint(&mut payload, claim.held.0.max(0) as u64);
    payload.extend_from_slice(&claim.node.0.to_le_bytes());
    for (user, mask) in keys.iter().zip(masks(key, claim.bid)) {
        payload.extend_from_slice(&(user.0 ^ mask).to_le_bytes());
    }
    payload
}

/// The stream that hides the person's keys, of its own for every bid.
fn masks(key: &Key, bid: BidId) -> [u64; KEYS_MAX] {
    let mut mac = key.mask.clone();
    mac.update(&bid.0.to_le_bytes());
    let stream: [u8; 8 * KEYS_MAX] = mac.finalize().into_bytes().into();
    let mut masks = [0; KEYS_MAX];
    for (mask, bytes) in masks.iter_mut().zip(stream.as_chunks::<8>().0) {
        *mask = u64::from_le_bytes(*bytes);
    }
    masks
}

fn claim(payload: &[u8], key: &Key) -> Option<Claim> {
    let mut rest = &payload[2..];
    let [flags] = take(&mut rest)?;
    let mut claim = Claim {
        test: flags & 1 == 1,
        basis: Basis::ALL[usize::from(flags >> BASIS_SHIFT & BASIS_MASK)],
        bid: BidId(u64::from_le_bytes(take(&mut rest)?)),
        exchange: ExchangeKey(u64::from_le_bytes(take(&mut rest)?)),
        campaign: CampaignKey(u64::from_le_bytes(take(&mut rest)?)),
        creative: CreativeKey(u64::from_le_bytes(take(&mut rest)?)),
        currency: Currency::parse(std::str::from_utf8(&take::<3>(&mut rest)?).ok()?)?,
        issued: UnixSeconds(u32::from_le_bytes(take(&mut rest)?)),
        notices_end: UnixSeconds(u32::from_le_bytes(take(&mut rest)?)),
        hold_ttl: Seconds(u32::from(u16::from_le_bytes(take(&mut rest)?))),
        ceiling: CpmMicros(i64::try_from(take_varint(&mut rest)?).ok()?),
        held: MoneyNanos(i64::try_from(take_varint(&mut rest)?).ok()?),
        node: NodeKey::default(),
        keys: SmallVec::new(),
    };
    if payload[0] != VERSION_WITHOUT_NODE {
        claim.node = NodeKey(u32::from_le_bytes(take(&mut rest)?));
    }
    let count = usize::from(flags >> 1 & 7);
    let masks = masks(key, claim.bid);
    for mask in masks.get(..count)? {
        claim.keys.push(UserKey(u64::from_le_bytes(take(&mut rest)?) ^ mask));
    }
    rest.is_empty().then_some(claim)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk::<N>()?;
    *rest = others;
    Some(*first)
}

fn push_varint(payload: &mut Payload, mut value: u64) {
    while value >= 0x80 {
        payload.push(value as u8 | 0x80);
        value >>= 7;
    }
    payload.push(value as u8);
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = take(rest)?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
