//! What a bid promised: everything a notice needs to be counted without looking anything up.
//! It travels in the notice URLs, signed, so a notice that comes late, after a restart or at
//! another node is as good as one that comes at once.

use crate::model::{
    BidId, CampaignKey, CpmMicros, CreativeKey, Currency, ExchangeKey, MoneyNanos, NodeKey,
    Seconds, UnixSeconds, UserKey,
};
use crate::privacy::Basis;
use smallvec::SmallVec;

/// A bid's promise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Which bid.
    pub bid: BidId,
    /// Where it was made.
    pub exchange: ExchangeKey,
    /// For which campaign.
    pub campaign: CampaignKey,
    /// With which creative.
    pub creative: CreativeKey,
    /// The keys under which the person is counted.
    pub keys: SmallVec<[UserKey; 4]>,
    /// The bid: the exchange may charge this much, never more.
    pub ceiling: CpmMicros,
    /// The bid's currency.
    pub currency: Currency,
    /// What the bid holds of the campaign's budget, in the campaign's currency.
    pub held: MoneyNanos,
    /// When it was made.
    pub issued: UnixSeconds,
    /// How long the hold waits for its notice.
    pub hold_ttl: Seconds,
    /// From when on its notices are refused.
    pub notices_end: UnixSeconds,
    /// A test auction: nothing is held and nothing counts.
    pub test: bool,
    /// The node that made it, whose part of the budget it holds.
    pub node: NodeKey,
    /// Why making it was lawful: stays with the bid in logs and notices.
    pub basis: Basis,
}

impl Claim {
    /// The first second at which the hold no longer stands.
    pub fn hold_ends(&self) -> UnixSeconds {
        self.issued.plus(self.hold_ttl)
    }

    /// What a clearing price costs the campaign, in its own currency: the same share of the
    /// held money as the price is of the ceiling, rounded up. The exchange rate is the one
    /// of the bid, however rates move until the notice.
    pub fn charge_at(&self, price: CpmMicros) -> MoneyNanos {
        let ceiling = u128::from(self.ceiling.0.max(0) as u64);
        let price = u128::from(price.0.max(0) as u64).min(ceiling);
        if ceiling == 0 {
            return MoneyNanos(0);
        }
        let share = (u128::from(self.held.0.max(0) as u64) * price).div_ceil(ceiling);
        MoneyNanos(i64::try_from(share).unwrap_or(i64::MAX))
    }
}
