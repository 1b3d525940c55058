//! What a seed says: how many nodes there are, and what goes wrong how often.

use crate::demo::dice::Dice;
use crate::ledger::LedgerLimits;
use crate::model::{Seconds, UnixSeconds};

/// Milliseconds of simulated time.
pub type Millis = u64;

/// The first moment of every run, in seconds since 1970: a morning of the campaigns' flight.
pub const BEGIN_S: u32 = 1_793_520_000;
/// How long a node's clock is wrong at most, in seconds, where clocks step at all.
pub const CLOCK_STEP_MAX_S: u32 = 5;

/// A run's plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many bidders.
    pub nodes: usize,
    /// How long it lasts.
    pub length: Millis,
    /// Time between two bid requests, on average.
    pub request_every: Millis,
    /// How many people there are: few, so that caps fill.
    pub people: u64,
    /// How long a bid is held.
    pub hold_ttl: Seconds,
    /// Of a thousand notices, so many come only when their hold has ended.
    pub late_per_mille: u64,
    /// So many are lost.
    pub lost_per_mille: u64,
    /// So many come twice.
    pub doubled_per_mille: u64,
    /// Of a thousand seconds, a node ends without a word in so many.
    pub crash_per_mille: u64,
    /// And with one in so many.
    pub stop_per_mille: u64,
    /// Of a thousand seconds, the stream goes out of reach in so many.
    pub outage_per_mille: u64,
    /// Whether clocks are wrong and step.
    pub clocks_step: bool,
    /// How long the stream takes to a node at most.
    pub stream_delay_max: Millis,
    /// How long a hold takes to other nodes at most.
    pub hold_delay_max: Millis,
    /// The bounds of the ledgers: tiny ones at times.
    pub limits: LedgerLimits,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x9d1f_5eed);
        let nodes = *dice.one_of(&[1, 1, 2, 3, 3, 5]);
        // A switch that is on in one run of four, with a strength of its own.
        let mut fault =
            |strength: u64| if dice.per_mille(250) { 1 + dice.below(strength) } else { 0 };
        let (late, lost, doubled) = (fault(100), fault(300), fault(300));
        let (crash, stop, outage, steps) = (fault(60), fault(40), fault(60), fault(1));
        let tiny = fault(3);
        Self {
            nodes,
            length: dice.between(20_000, 200_000),
            request_every: dice.between(20, 400),
            people: dice.between(1, 12),
            hold_ttl: Seconds(dice.between(3, 40) as u32),
            late_per_mille: late,
            lost_per_mille: lost,
            doubled_per_mille: doubled,
            crash_per_mille: crash,
            stop_per_mille: stop,
            outage_per_mille: if nodes > 1 { outage } else { 0 },
            clocks_step: steps > 0,
            stream_delay_max: dice.between(1, 800),
            hold_delay_max: dice.between(1, 30),
            limits: limits(tiny),
        }
    }

    /// When, at the earliest, something came that a node's clock says came at `at`.
    pub fn earliest(&self, at: UnixSeconds) -> Millis {
        let ahead = if self.clocks_step { CLOCK_STEP_MAX_S } else { 0 };
        Millis::from(at.0.saturating_sub(BEGIN_S + ahead)) * 1_000
    }

    /// Whether every notice comes while its hold stands.
    pub fn is_punctual(&self) -> bool {
        self.late_per_mille == 0
    }
}

/// Bounds that are never met, or that are met all the time.
fn limits(tiny: u64) -> LedgerLimits {
    let usual = LedgerLimits { holds_max: 100_000, persons_max: 100_000, notices_max: 1_000_000 };
    match tiny {
        1 => LedgerLimits { holds_max: 1, ..usual },
        2 => LedgerLimits { holds_max: 3, ..usual },
        _ => usual,
    }
}
