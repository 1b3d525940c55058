//! Multipliers as fixed point, so that a price is the same on every machine and can be
//! multiplied out again by whoever reads an explanation.

use std::fmt;

const ONE_Q32: u64 = 1 << 32;

/// 2^(-1/2), 2^(-1/4), ... 2^(-1/65536) in Q32: the bits of a binary fraction, as powers.
const HALVINGS_Q32: [u64; 16] = [
    3_037_000_500,
    3_611_622_603,
    3_938_502_376,
    4_112_874_773,
    4_202_935_003,
    4_248_701_965,
    4_271_771_996,
    4_283_353_945,
    4_289_156_690,
    4_292_061_010,
    4_293_513_907,
    4_294_240_540,
    4_294_603_903,
    4_294_785_595,
    4_294_876_445,
    4_294_921_870,
];

/// The natural logarithm of two in Q32.
const LN_2_Q32: u64 = 2_977_044_472;

/// A factor of a price: an unsigned number with 32 binary digits behind the point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Factor(u64);

impl Factor {
    /// The factor that changes nothing.
    pub const ONE: Self = Self(ONE_Q32);
    /// Nothing is left.
    pub const ZERO: Self = Self(0);
    /// The largest factor a config may set: beyond it a price is a mistake.
    pub const CONFIG_MAX: f64 = 1_000.0;

    /// The nearest factor to `value`; `None` unless it is finite and in `0..=CONFIG_MAX`.
    pub fn from_f64(value: f64) -> Option<Self> {
        let allowed = value.is_finite() && (0.0..=Self::CONFIG_MAX).contains(&value);
        allowed.then(|| Self((value * ONE_Q32 as f64).round() as u64))
    }

    /// `numerator / denominator`, truncated; saturates, and is one when the denominator is 0.
    pub fn ratio(numerator: u64, denominator: u64) -> Self {
        if denominator == 0 {
            return Self::ONE;
        }
        let quotient = (u128::from(numerator) << 32) / u128::from(denominator);
        Self(u64::try_from(quotient).unwrap_or(u64::MAX))
    }

    /// The raw Q32 number.
    pub fn q32(self) -> u64 {
        self.0
    }

    /// As a float: exact for factors below 2^21, for humans and JSON.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / ONE_Q32 as f64
    }

    /// The product, truncated to Q32, saturating.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        let product = (u128::from(self.0) * u128::from(other.0)) >> 32;
        Self(u64::try_from(product).unwrap_or(u64::MAX))
    }

    /// This factor `count` times over.
    #[must_use]
    pub fn power(self, mut count: u32) -> Self {
        let (mut base, mut result) = (self, Self::ONE);
        while count > 0 {
            if count & 1 == 1 {
                result = result.times(base);
            }
            base = base.times(base);
            count >>= 1;
        }
        result
    }

    /// Limits this factor to `low..=high`.
    #[must_use]
    pub fn clamp_to(self, low: Self, high: Self) -> Self {
        Self(self.0.clamp(low.0, high.0.max(low.0)))
    }

    /// `2^-(elapsed / half_life)` to within 2^-28, in integers only: the same on every machine.
    pub fn halved_every(half_life_s: u32, elapsed_s: u32) -> Self {
        if half_life_s == 0 {
            return if elapsed_s == 0 { Self::ONE } else { Self::ZERO };
        }
        let whole = elapsed_s / half_life_s;
        if whole >= 64 {
            return Self::ZERO;
        }
        let fraction_q32 = (u64::from(elapsed_s % half_life_s) << 32) / u64::from(half_life_s);
        let mut power = ONE_Q32;
        for (bit, halving) in HALVINGS_Q32.iter().enumerate() {
            if fraction_q32 & (1 << (31 - bit)) != 0 {
                power = ((u128::from(power) * u128::from(*halving)) >> 32) as u64;
            }
        }
        // The last 16 bits are so small that the curve is straight: 2^-x = 1 - x ln 2.
        let straight = ONE_Q32 - (((fraction_q32 & 0xffff) * LN_2_Q32) >> 32);
        power = ((u128::from(power) * u128::from(straight)) >> 32) as u64;
        Self(power >> whole)
    }

    /// `floor + (1 - floor) * self`: a decay that never falls below `floor` (floor <= 1).
    #[must_use]
    pub fn above_floor(self, floor: Self) -> Self {
        let room = ONE_Q32.saturating_sub(floor.0);
        Self(floor.0.saturating_add(((u128::from(room) * u128::from(self.0)) >> 32) as u64))
    }
}

impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_f64())
    }
}

/// A price on its way through its factors: micros with 32 binary digits behind the point,
/// rounded once, at the end. That is why the factors multiply back to the bid.
#[derive(Clone, Copy, Debug)]
pub struct RunningPrice(u128);

impl RunningPrice {
    /// Starts from a price in micros.
    pub fn from_micros(micros: i64) -> Self {
        Self(u128::from(micros.max(0) as u64) << 32)
    }

    /// Multiplies by `factor`, saturating far above any price.
    #[must_use]
    pub fn times(self, factor: Factor) -> Self {
        let whole = (self.0 >> 32).saturating_mul(u128::from(factor.q32()));
        let rest = ((self.0 & u128::from(u32::MAX)) * u128::from(factor.q32())) >> 32;
        Self(whole.saturating_add(rest))
    }

    /// The price in micros, rounded half up.
    pub fn to_micros(self) -> i64 {
        let rounded = (self.0.saturating_add(1 << 31)) >> 32;
        i64::try_from(rounded).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn halving_agrees_with_floats(half_life in 1_u32..10_000_000, elapsed in 0_u32..40_000_000) {
            let exact = (-(f64::from(elapsed) / f64::from(half_life))).exp2();
            let ours = Factor::halved_every(half_life, elapsed).to_f64();
            prop_assert!((ours - exact).abs() < 1e-8, "{ours} v. {exact}");
        }

        #[test]
        fn halving_never_rises(half_life in 1_u32..1_000_000, elapsed in 0_u32..10_000_000) {
            let now = Factor::halved_every(half_life, elapsed);
            prop_assert!(Factor::halved_every(half_life, elapsed + 1) <= now);
        }

        #[test]
        fn a_price_multiplies_back(micros in 0_i64..1_000_000_000, a in 0.0_f64..10.0, b in 0.0_f64..10.0) {
            let (a, b) = (Factor::from_f64(a).expect("in range"), Factor::from_f64(b).expect("in range"));
            let ours = RunningPrice::from_micros(micros).times(a).times(b).to_micros();
            let exact = micros as f64 * a.to_f64() * b.to_f64();
            prop_assert!((ours as f64 - exact).abs() <= 0.5 + 1e-3);
        }
    }

    #[test]
    fn oracles_of_the_recency_formula() {
        // Field note F1: m(start)=1; m(start+h)=floor+(1-floor)/2; floor in [0,1].
        let floor = Factor::from_f64(0.1).expect("in range");
        assert_eq!(Factor::halved_every(100, 0).above_floor(floor), Factor::ONE);
        let half = Factor::halved_every(100, 100).above_floor(floor).to_f64();
        assert!((half - 0.55).abs() < 1e-9);
        assert_eq!(Factor::halved_every(1, u32::MAX).above_floor(floor), floor);
    }

    #[test]
    fn powers_are_repeated_products() {
        let factor = Factor::from_f64(0.85).expect("in range");
        assert_eq!(factor.power(0), Factor::ONE);
        assert!((factor.power(5).to_f64() - 0.85_f64.powi(5)).abs() < 1e-8);
    }

    #[test]
    fn config_factors_are_bounded() {
        for bad in [-0.1, 1_000.1, f64::NAN, f64::INFINITY] {
            assert!(Factor::from_f64(bad).is_none());
        }
    }
}
