//! Chance from a seed: the same seed plays the same demo.

use crate::model::{BidId, CpmMicros};

/// A stream of throws.
#[derive(Clone, Debug)]
pub struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    /// A stream of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    /// Any 64 bits.
    pub fn throw(&mut self) -> u64 {
        self.thrown = self.thrown.wrapping_add(1);
        BidId::nth(self.seed, self.thrown).0
    }

    /// A number below `end`, all alike; zero where `end` is.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.throw()) * u128::from(end)) >> 64) as u64
    }

    /// A number from `low` up to, but without, `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low))
    }

    /// Whether something happens that does so `chance` times in a thousand.
    pub fn per_mille(&mut self, chance: u64) -> bool {
        self.below(1_000) < chance
    }

    /// One of a list that must not be empty.
    pub fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    /// A price whose logarithm is bell-shaped around that of `median`: auctions are like that.
    pub fn log_normal(&mut self, median: CpmMicros, spread: f64) -> CpmMicros {
        // Twelve even throws add up to a bell of variance one (Irwin and Hall).
        let sum: f64 = (0..12).map(|_| self.below(1 << 32) as f64 / f64::from(1 << 16)).sum();
        let bell = sum / f64::from(1 << 16) - 6.0;
        CpmMicros((median.0 as f64 * (spread * bell).exp()) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_keep_their_bounds_and_a_seed_says_it_all() {
        let (mut one, mut same) = (Dice::new(7), Dice::new(7));
        for _ in 0..1_000 {
            let number = one.between(3, 9);
            assert!((3..9).contains(&number));
            assert_eq!(number, same.between(3, 9));
        }
        assert_eq!(one.below(0), 0);
    }

    #[test]
    fn half_of_the_prices_lie_below_the_median() {
        let mut dice = Dice::new(1);
        let median = CpmMicros(2_000_000);
        let prices: Vec<_> = (0..10_000).map(|_| dice.log_normal(median, 0.7)).collect();
        let below = prices.iter().filter(|price| **price < median).count();
        assert!((4_800..5_200).contains(&below), "{below} of 10,000 below the median");
        // One standard deviation up holds 84 in a hundred.
        let bound = CpmMicros((2_000_000.0 * 0.7_f64.exp()) as i64);
        let within = prices.iter().filter(|price| **price < bound).count();
        assert!((8_200..8_600).contains(&within), "{within} of 10,000 below e^0.7");
    }
}
