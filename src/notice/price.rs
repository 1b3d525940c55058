//! The price that a notice carries. Exchanges put a number for `${AUCTION_PRICE}`; but the
//! value may also be empty, the literal `AUDIT`, or the macro itself, unreplaced (field note
//! openrtb.md, 1.7). From an exchange that encrypts prices, only an encrypted one is a price.

use super::encrypted_price::PriceKeys;
use crate::model::{CpmMicros, UnixSeconds};
use std::ops::RangeInclusive;

/// The query key of the price in our notice URLs.
pub const PRICE_KEY: &str = "p";

/// How an exchange writes prices.
#[derive(Clone)]
pub enum PriceForm<'a> {
    /// As a number.
    Plain,
    /// Encrypted with these keys, within this span of time.
    Encrypted(&'a PriceKeys, RangeInclusive<UnixSeconds>),
}

impl PriceForm<'_> {
    fn read(&self, value: &str) -> Option<CpmMicros> {
        match self {
            Self::Plain => CpmMicros::parse_up(value),
            Self::Encrypted(keys, span) => keys.decrypt(value, span).ok(),
        }
    }
}

/// What a notice says of the price.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PriceSaid {
    /// A price, rounded up to micros.
    Amount(CpmMicros),
    /// Nothing: the key is missing or empty.
    Nothing,
    /// An exchange's audit of our creative.
    Audit,
    /// The macro as we wrote it.
    Unreplaced,
    /// Something else.
    Unreadable,
}

impl PriceSaid {
    /// Reads the price in a query string.
    pub fn in_query(query: &str, form: &PriceForm<'_>) -> Self {
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut prices = values.filter(|(key, _)| *key == PRICE_KEY).map(|(_, value)| value);
        match (prices.next(), prices.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) => Self::read(value, form),
            (Some(_), Some(_)) => Self::Unreadable,
        }
    }

    fn read(value: &str, form: &PriceForm<'_>) -> Self {
        if value.is_empty() {
            Self::Nothing
        } else if value == "AUDIT" {
            Self::Audit
        } else if value.contains("AUCTION_PRICE") {
            Self::Unreplaced
        } else {
            form.read(value).map_or(Self::Unreadable, Self::Amount)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_arrives_is_told_apart() {
        for (query, expected) in [
            ("p=1.23", PriceSaid::Amount(CpmMicros(1_230_000))),
            ("x=1&p=0.5&y=", PriceSaid::Amount(CpmMicros(500_000))),
            ("p=2.3456789", PriceSaid::Amount(CpmMicros(2_345_679))),
            ("p=", PriceSaid::Nothing),
            ("", PriceSaid::Nothing),
            ("price=3", PriceSaid::Nothing),
            ("p=AUDIT", PriceSaid::Audit),
            ("p=${AUCTION_PRICE}", PriceSaid::Unreplaced),
            ("p=%24%7BAUCTION_PRICE%7D", PriceSaid::Unreplaced),
            ("p=-1", PriceSaid::Unreadable),
            ("p=NaN", PriceSaid::Unreadable),
            ("p=abc", PriceSaid::Unreadable),
            ("p=1&p=2", PriceSaid::Unreadable),
        ] {
            assert_eq!(PriceSaid::in_query(query, &PriceForm::Plain), expected, "{query}");
        }
    }

    #[test]
    fn an_encrypting_exchange_says_no_plain_price() {
        use crate::notice::encrypted_price::tests::{ENCRYPTED, MOMENT, keys};
        let keys = keys();
        let form = PriceForm::Encrypted(&keys, MOMENT..=MOMENT);
        for (value, expected) in [
            (ENCRYPTED, PriceSaid::Amount(CpmMicros(1_900))),
            ("0.0019", PriceSaid::Unreadable),
            ("", PriceSaid::Nothing),
            ("AUDIT", PriceSaid::Audit),
            ("${AUCTION_PRICE}", PriceSaid::Unreplaced),
        ] {
            assert_eq!(PriceSaid::in_query(&format!("p={value}"), &form), expected, "{value}");
        }
    }
}
