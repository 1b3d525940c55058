//! Prices that an exchange encrypts.
//!
//! Law: what the scheme's other side encrypts within the span is read back; one changed bit, or
//! any text that nobody signed, is no price, in a query as by itself.

#![no_main]

use arbitrary::Arbitrary;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use homing::model::{CpmMicros, UnixSeconds};
use homing::notice::encrypted_price::{PriceError, PriceKeys};
use homing::notice::price::{PriceForm, PriceSaid};
use sha1::Sha1;

const KEYS: [&[u8]; 2] = [&[1; 32], &[2; 32]];

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    vector: [u8; 16],
    price: u64,
    span: (u32, u32),
    changed_bit: u8,
    query: &'a str,
}

thread_local! {
    static OURS: PriceKeys = PriceKeys::new(KEYS[0], KEYS[1]).expect("keys of any length do");
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| OURS.with(|keys| judge(&input, keys)));

fn judge(input: &Input<'_>, keys: &PriceKeys) {
    let span = UnixSeconds(input.span.0)..=UnixSeconds(input.span.1);
    let bytes = encrypted(input);
    let read = keys.decrypt(&URL_SAFE_NO_PAD.encode(bytes), &span);
    let [a, b, c, d, ..] = input.vector;
    let moment = UnixSeconds(u32::from_be_bytes([a, b, c, d]));
    let expected = match i64::try_from(input.price) {
        _ if !span.contains(&moment) => Err(PriceError::OutOfTime),
        Ok(micros) => Ok(CpmMicros(micros)),
        Err(_) => Err(PriceError::TooLarge),
    };
    assert_eq!(read, expected);

    let mut altered = bytes;
    let bit = usize::from(input.changed_bit) % (bytes.len() * 8);
    altered[bit / 8] ^= 1 << (bit % 8);
    let read = keys.decrypt(&URL_SAFE_NO_PAD.encode(altered), &span);
    assert_eq!(read, Err(PriceError::BadSignature), "bit {bit}");

    assert!(keys.decrypt(input.query, &span).is_err(), "nobody signed it");
    PriceSaid::in_query(input.query, &PriceForm::Plain);
    let said = PriceSaid::in_query(input.query, &PriceForm::Encrypted(keys, span));
    assert!(!matches!(said, PriceSaid::Amount(_)), "nobody signed it");
}

/// The price as an exchange writes it (developers.google.com/authorized-buyers/rtb/
/// response-guide/decrypt-price), made from the guide and not from the reader.
fn encrypted(input: &Input<'_>) -> [u8; 28] {
    let price = input.price.to_be_bytes();
    let pad = sum(KEYS[0], &[&input.vector]);
    let signature = sum(KEYS[1], &[&price, &input.vector]);
    let mut bytes = [0; 28];
    bytes[..16].copy_from_slice(&input.vector);
    for (at, byte) in price.iter().enumerate() {
        bytes[16 + at] = byte ^ pad[at];
    }
    bytes[24..].copy_from_slice(&signature[..4]);
    bytes
}

fn sum(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let mut mac: Hmac<Sha1> = Hmac::new_from_slice(key).expect("keys of any length do");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}
