//! A second-price auction: the dearest wins and pays what the next would have paid.

use super::dice::Dice;
use crate::model::CpmMicros;

/// What rivals pay on average: half of their bids are below this CPM.
const RIVAL_MEDIAN: CpmMicros = CpmMicros(900_000);
/// How far rivals' bids lie apart: the standard deviation of their logarithm.
const RIVAL_SPREAD: f64 = 0.8;
/// The least that a sold impression costs: a cent per thousand.
const PRICE_MIN: CpmMicros = CpmMicros(10_000);

/// How an auction ended for us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Won, at this price.
    Won(CpmMicros),
    /// Lost to a higher bid.
    Lost,
}

/// The bids of two or three rivals.
pub fn rivals(dice: &mut Dice) -> Vec<CpmMicros> {
    let count = dice.between(2, 4);
    (0..count).map(|_| dice.log_normal(RIVAL_MEDIAN, RIVAL_SPREAD)).collect()
}

/// Auctions one impression; `bid` is at least `floor`. Of equal bids the rival's came first.
pub fn hold(bid: CpmMicros, floor: CpmMicros, rivals: &[CpmMicros]) -> Outcome {
    let next = rivals.iter().copied().filter(|price| *price >= floor).max();
    match next {
        Some(next) if next >= bid => Outcome::Lost,
        next => Outcome::Won(next.unwrap_or(floor).max(PRICE_MIN).min(bid)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auction(bid: i64, floor: i64, rivals: &[i64]) -> Outcome {
        let rivals: Vec<_> = rivals.iter().map(|price| CpmMicros(*price)).collect();
        hold(CpmMicros(bid), CpmMicros(floor), &rivals)
    }

    #[test]
    fn the_winner_pays_the_second_price_or_the_floor() {
        let won = |price| Outcome::Won(CpmMicros(price));
        assert_eq!(auction(2_000_000, 0, &[1_500_000, 900_000]), won(1_500_000));
        assert_eq!(auction(2_000_000, 1_600_000, &[1_500_000]), won(1_600_000));
        assert_eq!(auction(2_000_000, 0, &[]), won(PRICE_MIN.0));
        assert_eq!(auction(5, 0, &[]), won(5), "never more than was bid");
    }

    #[test]
    fn a_dearer_or_equal_rival_wins() {
        assert_eq!(auction(2_000_000, 0, &[2_000_000]), Outcome::Lost);
        assert_eq!(auction(2_000_000, 0, &[1, 2_000_001]), Outcome::Lost);
    }
}
