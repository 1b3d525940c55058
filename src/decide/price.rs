//! What reaching the person is worth: base x segment x value x recency x fatigue x modifiers
//! (field note product.md, F1 to F3), then limited to the campaign's maximum.
//!
//! Guarantees: integers only, rounded once; every factor is kept, and their product with the
//! base is the price before the limit, to the micro.

use crate::audience::{Membership, Person};
use crate::campaign::model::{Price, Recency};
use crate::model::ratio::RunningPrice;
use crate::model::{CpmMicros, Currency, Factor, Seconds, UnixSeconds};

/// The factors of a price, in the order in which they are multiplied.
pub const FACTOR_NAMES: [&str; 7] =
    ["segment", "value", "recency", "fatigue", "device", "exchange", "country"];

/// What a campaign would pay, and why.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quote {
    /// The campaign's base, in its own currency.
    pub base: CpmMicros,
    /// The factors, as named by [`FACTOR_NAMES`].
    pub factors: [Factor; FACTOR_NAMES.len()],
    /// The product of all these.
    pub product: CpmMicros,
    /// The product limited to the campaign's maximum: the price in the campaign's currency.
    pub price: CpmMicros,
    /// The campaign's currency.
    pub currency: Currency,
    /// The price in the auction's currency: the bid.
    pub bid: CpmMicros,
}

/// What a price depends on besides the campaign's rules.
pub struct Facts<'a> {
    /// The person.
    pub person: &'a Person,
    /// The visit that triggers the campaign; none for prospecting.
    pub visit: Option<&'a Membership>,
    /// The campaign's `start_after`: recency counts from there.
    pub start_after: Seconds,
    /// Impressions since the visit or the last click.
    pub shown: u32,
    /// The request's side: device, exchange, country.
    pub modifiers: [Factor; 3],
    /// Now.
    pub now: UnixSeconds,
}

/// The factors of a price.
pub fn factors(price: &Price, facts: &Facts<'_>) -> [Factor; FACTOR_NAMES.len()] {
    let [device, exchange, country] = facts.modifiers;
    [
        segment_factor(price, facts),
        value_factor(price, facts),
        recency_factor(price, facts),
        price.fatigue.power(facts.shown),
        device,
        exchange,
        country,
    ]
}

/// The base times its factors, rounded once.
pub fn multiply(base: CpmMicros, factors: &[Factor]) -> CpmMicros {
    let start = RunningPrice::from_micros(base.0);
    CpmMicros(factors.iter().fold(start, |price, factor| price.times(*factor)).to_micros())
}

/// The largest multiplier among the person's segments; one where none is listed.
fn segment_factor(price: &Price, facts: &Facts<'_>) -> Factor {
    let listed = |(segment, factor): &(_, Factor)| {
        facts.person.live(*segment, facts.now).is_some().then_some(*factor)
    };
    price.segments.iter().filter_map(listed).max().unwrap_or(Factor::ONE)
}

/// The visit's value over the reference; a visit without a value leaves the price as it is.
fn value_factor(price: &Price, facts: &Facts<'_>) -> Factor {
    let value = facts.visit.map_or(0, |visit| visit.value.0);
    match price.value {
        Some(rule) if value > 0 => {
            Factor::ratio(value, rule.reference_thousandths).clamp_to(rule.low, rule.high)
        }
        _ => Factor::ONE,
    }
}

fn recency_factor(price: &Price, facts: &Facts<'_>) -> Factor {
    let Some(visit) = facts.visit else { return Factor::ONE };
    let age = visit.age(facts.now);
    match &price.recency {
        Recency::Flat => Factor::ONE,
        Recency::HalfLife { half_life, floor } => {
            let elapsed = age.0.saturating_sub(facts.start_after.0);
            Factor::halved_every(half_life.0, elapsed).above_floor(*floor)
        }
        Recency::Bands(bands) => {
            let band = bands.iter().rev().find(|(from, _)| *from <= age);
            band.map_or(Factor::ONE, |(_, factor)| *factor)
        }
    }
}
