//! Money in integers. A price is a CPM in micros; what an impression costs is in nanos.
//!
//! Why two units: an impression bought at a CPM of one micro costs a thousandth of a micro,
//! that is one nano. Counting budgets in nanos makes every charge exact, where micros would
//! round each of them. Nothing here computes in floats: they come in and go out only where a wire
//! form or a person knows nothing else.

use std::fmt;

const MICROS_PER_UNIT: i64 = 1_000_000;
const NANOS_PER_MICRO: i64 = 1_000;

/// An ISO 4217 alphabetic code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The protocol's default where no currency is named (OpenRTB 2.6, 3.2.1 and 3.2.4).
    pub const USD: Self = Self(*b"USD");

    /// Three capital letters; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 3] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    /// The code as it goes over the wire.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is made of ASCII capitals only")
    }

    /// The three bytes.
    pub fn bytes(self) -> [u8; 3] {
        self.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A price: micros of a currency unit per thousand impressions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct CpmMicros(pub i64);

impl CpmMicros {
    /// What one impression costs at this price: exact.
    pub fn cost_of_one(self) -> MoneyNanos {
        MoneyNanos(self.0)
    }

    /// What `thousandths` of an impression cost at this price, rounded up to the nano: one
    /// showing on a screen in public counts as many impressions, or as part of one. Saturates.
    pub fn cost_of(self, thousandths: u32) -> MoneyNanos {
        let product = u128::from(self.0.max(0) as u64) * u128::from(thousandths);
        MoneyNanos(i64::try_from(product.div_ceil(1_000)).unwrap_or(i64::MAX))
    }

    /// Reads a non-negative decimal in units, as exchanges write prices: exact for plain
    /// decimals, by float for those with an exponent; rounded up to the micro.
    pub fn parse_up(text: &str) -> Option<Self> {
        let (units, places) = text.split_once('.').unwrap_or((text, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if units.is_empty() || !plain(units) || !plain(places) {
            return Self::from_float_up(text.parse().ok()?);
        }
        let kept = &places[..places.len().min(6)];
        let dropped = places.bytes().skip(6).any(|byte| byte != b'0');
        let fraction: i64 = if kept.is_empty() { 0 } else { kept.parse().ok()? };
        let fraction = fraction * 10_i64.pow(6 - kept.len() as u32) + i64::from(dropped);
        let units: i64 = units.parse().ok()?;
        units.checked_mul(MICROS_PER_UNIT)?.checked_add(fraction).map(Self)
    }

    /// Takes a price in units that came as a float, rounded up to the micro; `None` below zero
    /// and beyond what any price can be. What is nearer to a whole micro than a float can tell
    /// is that micro: 0.84 is 840,000 and not one more.
    pub fn from_float_up(units: f64) -> Option<Self> {
        let micros = units * 1e6;
        let (whole, untold) = (micros.round(), micros * 2.0 * f64::EPSILON);
        let up = if (micros - whole).abs() <= untold { whole } else { micros.ceil() };
        (0.0..=9e12).contains(&units).then_some(Self(up as i64))
    }

    /// The price in units as the nearest float, for wire forms that know no decimals.
    pub fn to_float(self) -> f64 {
        self.0 as f64 / MICROS_PER_UNIT as f64
    }
}

impl fmt::Display for CpmMicros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, self.0, 6)
    }
}

/// An amount of money: nanos (10^-9) of a currency unit. An `i64` holds nine billion units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct MoneyNanos(pub i64);

impl MoneyNanos {
    /// From micros of a unit, saturating.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.saturating_mul(NANOS_PER_MICRO))
    }

    /// The sum, saturating.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, saturating.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for MoneyNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, self.0, 9)
    }
}

/// An amount as people write it: `"2.40 EUR"`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Amount {
    /// Micros of a currency unit.
    pub micros: i64,
    /// Which currency.
    pub currency: Currency,
}

impl Amount {
    /// Largest amount a config may name, in units: keeps nanos well inside an `i64`.
    pub const UNITS_MAX: i64 = 1_000_000_000;

    /// Reads `"2.40 EUR"`: a non-negative decimal of at most six places, a space, a code.
    ///
    /// # Errors
    /// What is wrong with the text, in words fit for a config diagnostic.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || format!("expected an amount such as \"2.40 EUR\", found {text:?}");
        let (number, code) = text.trim().split_once(' ').ok_or_else(expected)?;
        let currency = Currency::parse(code.trim()).ok_or_else(expected)?;
        let micros = parse_micros(number).ok_or_else(expected)?;
        if micros > Self::UNITS_MAX * MICROS_PER_UNIT {
            return Err(format!("{text:?} is more than {} units", Self::UNITS_MAX));
        }
        Ok(Self { micros, currency })
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, self.micros, 6)?;
        write!(f, " {}", self.currency)
    }
}

/// Reads a plain non-negative decimal with at most six places as micros; `None` otherwise.
pub fn parse_micros(text: &str) -> Option<i64> {
    let (units, places) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if units.is_empty() || !digits(units) || !digits(places) || places.len() > 6 {
        return None;
    }
    let units: i64 = units.parse().ok()?;
    let scale = 10_i64.pow(6 - places.len() as u32);
    let fraction: i64 = if places.is_empty() { 0 } else { places.parse().ok()? };
    units.checked_mul(MICROS_PER_UNIT)?.checked_add(fraction * scale)
}

/// Writes `value / 10^places` without trailing zeros: `2400000, 6` is `2.4`.
fn write_decimal(f: &mut impl fmt::Write, value: i64, places: u32) -> fmt::Result {
    let scale = 10_u64.pow(places);
    let magnitude = value.unsigned_abs();
    if value < 0 {
        f.write_char('-')?;
    }
    write!(f, "{}", magnitude / scale)?;
    let (mut fraction, mut width) = (magnitude % scale, places as usize);
    if fraction == 0 {
        return Ok(());
    }
    while fraction % 10 == 0 {
        fraction /= 10;
        width -= 1;
    }
    write!(f, ".{fraction:0width$}")
}

/// Appends a price as a JSON number of at most six places. No allocation but `out`'s own.
pub fn push_decimal(out: &mut Vec<u8>, price: CpmMicros) {
    struct Bytes<'a>(&'a mut Vec<u8>);
    impl fmt::Write for Bytes<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    write_decimal(&mut Bytes(out), price.0, 6).expect("writing into a Vec never fails");
}

/// Which way a converted amount is rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    /// Towards zero: for our own bids, which must not exceed the campaign's maximum.
    Down,
    /// Away from zero: for floors, which must be met, and for charges.
    Up,
}

/// Exchange rates: how many nano-dollars one unit of each known currency is worth.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    usd_nanos_per_unit: Vec<(Currency, u64)>,
}

impl Rates {
    /// Adds or replaces a rate, given in nanos of a US dollar per unit. Zero is refused.
    pub fn set(&mut self, currency: Currency, usd_nanos: u64) {
        self.usd_nanos_per_unit.retain(|(known, _)| *known != currency);
        if usd_nanos > 0 {
            self.usd_nanos_per_unit.push((currency, usd_nanos));
        }
    }

    /// The rate of `currency`: nano-dollars per unit. The dollar is always known.
    pub fn usd_nanos(&self, currency: Currency) -> Option<u64> {
        if currency == Currency::USD {
            return Some(1_000_000_000);
        }
        self.usd_nanos_per_unit.iter().find(|(known, _)| *known == currency).map(|(_, rate)| *rate)
    }

    /// Converts a price; `None` when a rate is missing. Same currency is always exact.
    pub fn convert(
        &self,
        price: CpmMicros,
        pair: (Currency, Currency),
        rounding: Rounding,
    ) -> Option<CpmMicros> {
        let (from, to) = pair;
        if from == to {
            return Some(price);
        }
        let numerator = u128::from(price.0.max(0) as u64) * u128::from(self.usd_nanos(from)?);
        let denominator = u128::from(self.usd_nanos(to)?);
        let quotient = match rounding {
            Rounding::Down => numerator / denominator,
            Rounding::Up => numerator.div_ceil(denominator),
        };
        Some(CpmMicros(i64::try_from(quotient).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_alike() {
        let amount = Amount::parse("2.40 EUR").expect("well formed");
        assert_eq!((amount.micros, amount.to_string().as_str()), (2_400_000, "2.4 EUR"));
        for bad in [
            "2.40",
            "EUR 2.40",
            "-1 EUR",
            "2.4000001 EUR",
            "2,40 EUR",
            "1e3 EUR",
            "2 eur",
            "2000000000 EUR",
        ] {
            assert!(Amount::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn decimals_have_no_trailing_zeros_and_lose_nothing() {
        let shown = |micros| {
            let mut out = Vec::new();
            push_decimal(&mut out, CpmMicros(micros));
            String::from_utf8(out).expect("ascii")
        };
        for (micros, text) in [
            (0, "0"),
            (1, "0.000001"),
            (2_400_000, "2.4"),
            (10_000_000, "10"),
            (-1_500_000, "-1.5"),
        ] {
            assert_eq!(shown(micros), text);
        }
    }

    #[test]
    fn floats_are_taken_for_the_decimal_that_they_stand_for() {
        for text in ["0", "0.84", "0.000001", "2.3456", "1.000001", "123456.789012", "8999999.1"] {
            let float: f64 = text.parse().expect("a number");
            let exact = CpmMicros::parse_up(text).expect("a price");
            assert_eq!(CpmMicros::from_float_up(float), Some(exact), "{text}");
            assert_eq!(exact.to_float().to_bits(), float.to_bits(), "{text}");
        }
        for little in [0.000_000_1, 5.95e-194, f64::MIN_POSITIVE] {
            assert_eq!(CpmMicros::from_float_up(little), Some(CpmMicros(1)), "rounded up");
            assert_eq!(CpmMicros::parse_up(&format!("{little:e}")), Some(CpmMicros(1)));
        }
        let much = CpmMicros::from_float_up(3_633_043_151.0);
        assert_eq!(much, Some(CpmMicros(3_633_043_151_000_000)), "not a micro less");
        // As a float, 7e-2 is a little more than 70,000 micros.
        assert_eq!(CpmMicros::parse_up("7e-2"), CpmMicros::parse_up("0.07"));
        assert_eq!(CpmMicros::from_float_up(-0.0), Some(CpmMicros(0)));
        for none in [-0.01, f64::NAN, f64::INFINITY, 1e13] {
            assert_eq!(CpmMicros::from_float_up(none), None);
        }
    }

    #[test]
    fn conversions_round_the_way_they_are_told() {
        let eur = Currency::parse("EUR").expect("code");
        let mut rates = Rates::default();
        rates.set(eur, 1_080_000_000);
        let one_euro = CpmMicros(1_000_000);
        assert_eq!(
            rates.convert(one_euro, (eur, Currency::USD), Rounding::Up),
            Some(CpmMicros(1_080_000))
        );
        let third = CpmMicros(1);
        assert_eq!(rates.convert(third, (Currency::USD, eur), Rounding::Down), Some(CpmMicros(0)));
        assert_eq!(rates.convert(third, (Currency::USD, eur), Rounding::Up), Some(CpmMicros(1)));
        let gbp = Currency::parse("GBP").expect("code");
        assert_eq!(rates.convert(one_euro, (eur, gbp), Rounding::Down), None);
    }

    #[test]
    fn a_thousand_impressions_cost_exactly_their_cpm() {
        let price = CpmMicros(2_345_678);
        let thousand = (0..1_000).fold(MoneyNanos(0), |sum, _| sum.plus(price.cost_of_one()));
        assert_eq!(thousand, MoneyNanos::from_micros(price.0));
        assert_eq!(price.cost_of(1_000_000), thousand);
        assert_eq!(price.cost_of(1_000), price.cost_of_one());
        assert_eq!(CpmMicros(3).cost_of(500), MoneyNanos(2), "one and a half, rounded up");
        assert_eq!(CpmMicros(i64::MAX).cost_of(u32::MAX), MoneyNanos(i64::MAX));
    }
}
