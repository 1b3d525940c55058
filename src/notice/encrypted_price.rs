//! Prices that an exchange encrypts: Google's scheme, which Index uses too.
//!
//! 38 characters of unpadded web-safe base64 hold an initialisation vector (16 bytes: seconds,
//! microseconds, server), the price (8 bytes) under a pad, and a signature (4 bytes). The price
//! is a CPM in micros of the currency that the account settles in, which is the bid's.
//!
//! Guarantees: no price without a good signature, compared in constant time, nor one of a
//! moment outside the given span, so that an older notice's price cannot be passed off as
//! this one's. Never panics. (developers.google.com/authorized-buyers/rtb/response-guide/
//! decrypt-price)

use crate::model::{CpmMicros, UnixSeconds};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::ops::RangeInclusive;
use subtle::ConstantTimeEq;

/// Characters of an encrypted price.
pub const CHARACTERS: usize = 38;
/// Bytes behind them.
const BYTES: usize = 28;
const VECTOR_BYTES: usize = 16;
const PRICE_BYTES: usize = 8;
const SIGNATURE_BYTES: usize = 4;

/// The two keys that an exchange shares with us.
pub struct PriceKeys {
    encryption: Hmac<Sha1>,
    integrity: Hmac<Sha1>,
}

/// Why an encrypted price is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PriceError {
    /// Not 38 characters of web-safe base64.
    #[error("expected 38 characters of web-safe base64")]
    Malformed,
    /// Not signed with these keys, or altered.
    #[error("the price's signature is wrong")]
    BadSignature,
    /// Encrypted at a moment that is not one of this bid.
    #[error("the price was not encrypted while this bid could be billed")]
    OutOfTime,
    /// More than any price.
    #[error("the price is beyond any amount")]
    TooLarge,
}

impl PriceKeys {
    /// The keys as the exchange gave them; `None` if one cannot key a hash.
    pub fn new(encryption: &[u8], integrity: &[u8]) -> Option<Self> {
        let keyed = |key: &[u8]| Hmac::new_from_slice(key).ok();
        Some(Self { encryption: keyed(encryption)?, integrity: keyed(integrity)? })
    }

    /// Decrypts a price that was encrypted within `span`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decrypt(
        &self,
        text: &str,
        span: &RangeInclusive<UnixSeconds>,
    ) -> Result<CpmMicros, PriceError> {
        let mut bytes = [0; BYTES];
        let is_whole =
            text.len() == CHARACTERS && URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) == Ok(BYTES);
        if !is_whole {
            return Err(PriceError::Malformed);
        }
        let (vector, rest) = bytes.split_at(VECTOR_BYTES);
        let (hidden, signature) = rest.split_at(PRICE_BYTES);
        let mut price = [0; PRICE_BYTES];
        let pad = sum(&self.encryption, &[vector]);
        for (byte, (hidden, pad)) in price.iter_mut().zip(hidden.iter().zip(pad)) {
            *byte = hidden ^ pad;
        }
        let expected = sum(&self.integrity, &[&price, vector]);
        if !bool::from(expected[..SIGNATURE_BYTES].ct_eq(signature)) {
            return Err(PriceError::BadSignature);
        }
        let seconds = vector.first_chunk::<4>().map_or(0, |first| u32::from_be_bytes(*first));
        if !span.contains(&UnixSeconds(seconds)) {
            return Err(PriceError::OutOfTime);
        }
        let micros = i64::try_from(u64::from_be_bytes(price));
        micros.map(CpmMicros).map_err(|_| PriceError::TooLarge)
    }
}

fn sum(key: &Hmac<Sha1>, parts: &[&[u8]]) -> [u8; 20] {
    let mut mac = key.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use base64::engine::general_purpose::URL_SAFE;
    use proptest::prelude::*;

    /// The moment in the vectors of Google's guide.
    pub(crate) const MOMENT: UnixSeconds = UnixSeconds(0x6162_6331);
    /// 1900 micros.
    pub(crate) const ENCRYPTED: &str = "YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCAWJRxOgA";

    pub(crate) fn keys() -> PriceKeys {
        let key = |text: &str| URL_SAFE.decode(text).expect("base64");
        PriceKeys::new(
            &key("skU7Ax_NL5pPAFyKdkfZjZz2-VhIN8bjj1rVFOaJ_5o="),
            &key("arO23ykdNqUQ5LEoQ0FVmPkBd7xB5CO89PDZlSjpFxo="),
        )
        .expect("good keys")
    }

    fn decrypted(text: &str) -> Result<CpmMicros, PriceError> {
        keys().decrypt(text, &(MOMENT..=MOMENT))
    }

    #[test]
    fn the_guides_vectors_are_read() {
        for (text, micros) in [
            ("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemCce_6msaw", 100),
            (ENCRYPTED, 1_900),
            ("YWJjMTIzZGVmNDU2Z2hpN7fhCuPemC32prpWWw", 2_700),
        ] {
            assert_eq!(decrypted(text), Ok(CpmMicros(micros)));
        }
    }

    #[test]
    fn other_moments_other_keys_and_other_forms_are_refused() {
        let later = UnixSeconds(MOMENT.0 + 1);
        assert_eq!(keys().decrypt(ENCRYPTED, &(later..=later)), Err(PriceError::OutOfTime));
        let other = PriceKeys::new(&[1; 32], &[2; 32]).expect("good keys");
        assert_eq!(other.decrypt(ENCRYPTED, &(MOMENT..=MOMENT)), Err(PriceError::BadSignature));
        for text in ["", "1.5", &ENCRYPTED[1..], &format!("{ENCRYPTED}="), &"?".repeat(38)] {
            assert_eq!(decrypted(text), Err(PriceError::Malformed), "{text}");
        }
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let bytes = URL_SAFE_NO_PAD.decode(ENCRYPTED).expect("base64");
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                decrypted(&URL_SAFE_NO_PAD.encode(altered)),
                Err(PriceError::BadSignature),
                "bit {bit}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_is_taken_for_a_price(text in ".{0,60}") {
            prop_assert!(decrypted(&text).is_err());
        }
    }
}
