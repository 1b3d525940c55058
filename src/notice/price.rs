//! The price that a notice carries. Exchanges put a number for `${AUCTION_PRICE}`; but the
//! value may also be empty, the literal `AUDIT`, or the macro itself, unreplaced (field note
//! openrtb.md, 1.7).

use crate::model::CpmMicros;

/// The query key of the price in our notice URLs.
pub const PRICE_KEY: &str = "p";

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
    pub fn in_query(query: &str) -> Self {
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut prices = values.filter(|(key, _)| *key == PRICE_KEY).map(|(_, value)| value);
        match (prices.next(), prices.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) => Self::read(value),
            (Some(_), Some(_)) => Self::Unreadable,
        }
    }

    fn read(value: &str) -> Self {
        if value.is_empty() {
            Self::Nothing
        } else if value == "AUDIT" {
            Self::Audit
        } else if value.contains("AUCTION_PRICE") {
            Self::Unreplaced
        } else {
            CpmMicros::parse_up(value).map_or(Self::Unreadable, Self::Amount)
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
            assert_eq!(PriceSaid::in_query(query), expected, "{query}");
        }
    }
}
