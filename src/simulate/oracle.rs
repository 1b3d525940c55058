//! What must hold, by a count of its own: it reads the log and the campaigns' file, and asks the
//! nodes only where their books are compared with it.
//!
//! - In every rolling window of a cap there are at most as many impressions as the cap allows, of
//!   those whose notice came while their hold stood. Where several nodes bid for one person
//!   within the time that a hold takes from one to the other, or where the log is out of reach,
//!   each of them can fill the cap: then it is that often. A notice that a node kept on its disk
//!   until the others took that node for gone is late.
//! - What is billed, without what was billed late, is at most the budget, in all and by day.
//! - On every node and in every account: spent + held + leased + free = budget.
//! - Nobody is bid for by a campaign that sells to its buyers once, after the purchase was folded.

use super::node::{Common, Node};
use super::plan::{CLOCK_STEP_MAX_S, Plan};
use crate::campaign::model::Caps;
use crate::event::{Claim, Event, LogPosition, NoticeKind, SiteEventName, What};
use crate::ledger::account::Balance;
use crate::model::{BidId, CampaignKey, MoneyNanos, NodeKey, Seconds, UnixSeconds, UserKey};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What did not hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Violation {
    /// A cap.
    #[error(
        "{shown} impressions within {per} where the cap is {allowed}: {key:?}, campaign {campaign:?}, at {at}"
    )]
    Cap {
        /// Whose.
        key: UserKey,
        /// Of which campaign; none for the advertiser's own cap.
        campaign: Option<CampaignKey>,
        /// How many were shown.
        shown: usize,
        /// How many may be.
        allowed: usize,
        /// In which time.
        per: Seconds,
        /// When the last was shown.
        at: UnixSeconds,
    },
    /// A budget.
    #[error("campaign {campaign:?} spent {spent:?} in time where the budget is {budget:?}")]
    Budget {
        /// Which.
        campaign: CampaignKey,
        /// How much.
        spent: MoneyNanos,
        /// Of how much.
        budget: MoneyNanos,
    },
    /// An account's books.
    #[error("node {node:?}, campaign {campaign:?}: the books do not balance: {balance:?}")]
    Books {
        /// Of which node.
        node: NodeKey,
        /// Of which campaign.
        campaign: CampaignKey,
        /// How they stand.
        balance: Balance,
    },
    /// A bid for a buyer.
    #[error("node {node:?} bid for {key:?}, whose purchase at {} it had folded", position.0)]
    Burn {
        /// Which node.
        node: NodeKey,
        /// For whom.
        key: UserKey,
        /// Where the purchase stands in the log.
        position: LogPosition,
    },
    /// Two nodes that folded the same are not the same.
    #[error("nodes {0:?} and {1:?} folded the same log and differ in {2}")]
    Apart(NodeKey, NodeKey, &'static str),
    /// An event that was acknowledged is not in the log.
    #[error("an acknowledged event is not in the log")]
    Lost,
}

type Checked = Result<(), Violation>;

/// The count.
#[derive(Default)]
pub struct Oracle {
    /// Impressions in time, by person and campaign, and by person alone.
    shown: BTreeMap<(UserKey, Option<CampaignKey>), Vec<UnixSeconds>>,
    spent: HashMap<CampaignKey, MoneyNanos>,
    spent_by_day: HashMap<(CampaignKey, i64), MoneyNanos>,
    billed: HashSet<BidId>,
    bought: HashMap<UserKey, LogPosition>,
    /// Impressions that were billed late.
    pub late: u64,
    /// Impressions.
    pub impressions: u64,
    /// By how many the fullest window was over its cap.
    pub over_cap: usize,
}

impl Oracle {
    /// Takes in an event of the log.
    pub fn see(
        &mut self,
        (position, event, was_waited_for): (LogPosition, &Event, bool),
        common: &Common,
        plan: &Plan,
    ) -> Checked {
        match &event.what {
            What::Notice(notice) => match notice.kind {
                NoticeKind::Bill(price) | NoticeKind::WinAndBill(price)
                    if self.billed.insert(notice.claim.bid) =>
                {
                    let cost = notice.claim.charge_at(price);
                    let late = !was_waited_for || is_late(&notice.claim, event.at, plan);
                    self.bill((&notice.claim, cost, event.at), late, (common, plan))
                }
                _ => Ok(()),
            },
            What::Site(site) if site.name == SiteEventName::Purchase => {
                for key in &site.keys {
                    self.bought.entry(*key).or_insert(position);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn bill(
        &mut self,
        (claim, cost, at): (&Claim, MoneyNanos, UnixSeconds),
        late: bool,
        (common, plan): (&Common, &Plan),
    ) -> Checked {
        self.impressions += 1;
        if late {
            self.late += 1;
            return Ok(());
        }
        let campaign = common.book.campaigns.iter().find(|one| one.key == claim.campaign);
        let Some(campaign) = campaign else { return Ok(()) };
        let shop = &common.book.advertisers[campaign.advertiser];
        for key in &claim.keys {
            self.show((*key, Some(campaign.key)), (&campaign.caps, at), plan)?;
            self.show((*key, None), (&shop.caps, at), plan)?;
        }
        let spent = self.spent.entry(campaign.key).or_default();
        *spent = spent.plus(cost);
        let over = |spent: MoneyNanos, budget: Option<MoneyNanos>| match budget {
            Some(budget) if spent > budget => {
                Err(Violation::Budget { campaign: campaign.key, spent, budget })
            }
            _ => Ok(()),
        };
        over(*spent, campaign.budget.total)?;
        // New York is five hours behind in all of a run; a wrong clock moves a day's end.
        let day = (i64::from(at.0) - 5 * 3_600).div_euclid(86_400);
        let today = self.spent_by_day.entry((campaign.key, day)).or_default();
        *today = today.plus(cost);
        if plan.clocks_step { Ok(()) } else { over(*today, campaign.budget.daily) }
    }

    fn show(
        &mut self,
        of: (UserKey, Option<CampaignKey>),
        (caps, at): (&Caps, UnixSeconds),
        plan: &Plan,
    ) -> Checked {
        let stamps = self.shown.entry(of).or_default();
        let place = stamps.partition_point(|one| *one <= at);
        stamps.insert(place, at);
        for cap in &caps.windows {
            let per = Seconds(cap.per.0.saturating_sub(doubt(plan).0));
            let allowed = usize::from(cap.impressions);
            // The windows that the new one is part of end at it or at one after it.
            for end in place..stamps.len() {
                let from = stamps[end].minus(per);
                let shown = stamps[..=end].iter().rev().take_while(|one| **one > from).count();
                self.over_cap = self.over_cap.max(shown.saturating_sub(allowed));
                if shown > allowed * fillers(plan) {
                    let (key, campaign) = of;
                    let at = stamps[end];
                    return Err(Violation::Cap { key, campaign, shown, allowed, per, at });
                }
            }
        }
        Ok(())
    }

    /// Checks the books of a node.
    pub fn books(&self, node: &Node, common: &Common, now: UnixSeconds) -> Checked {
        let Some(folds) = node.folds() else { return Ok(()) };
        for campaign in &common.book.campaigns {
            let Some(account) = folds.ledger.account(campaign.key) else { continue };
            let (today, total) = account.balance(now);
            for balance in [today, total] {
                let Balance { budget, spent, late, held, leased, free } = balance;
                let sum = free.map(|free| spent.plus(held).plus(leased).plus(free));
                // What is billed late comes out of the lease that its bid was made with, whose
                // money may be held for another bid by then.
                let negative = held.0 < 0 || leased.plus(late).0 < 0 || spent.0 < 0;
                if negative || (budget.is_some() && sum != budget) {
                    let (node, campaign) = (node.key, campaign.key);
                    return Err(Violation::Books { node, campaign, balance });
                }
            }
        }
        Ok(())
    }

    /// Checks a bid.
    pub fn bid(&self, node: &Node, claim: &Claim, common: &Common) -> Checked {
        let burns = |key: &UserKey| {
            let campaign = common.book.campaigns.iter().find(|one| one.key == claim.campaign)?;
            campaign.burned_by?;
            let position = *self.bought.get(key)?;
            (position <= node.folded()).then_some((*key, position))
        };
        match claim.keys.iter().find_map(burns) {
            Some((key, position)) => Err(Violation::Burn { node: node.key, key, position }),
            None => Ok(()),
        }
    }
}

/// Whether a billing came when its hold had ended: a clock that went forth and back ends holds
/// before their time.
fn is_late(claim: &Claim, at: UnixSeconds, plan: &Plan) -> bool {
    at.plus(doubt(plan)) >= claim.hold_ends()
}

/// By how much clocks that are wrong stretch or shrink a window or a hold: by twice as much as one
/// is wrong, and by a second at each end.
fn doubt(plan: &Plan) -> Seconds {
    if plan.clocks_step { Seconds(2 * CLOCK_STEP_MAX_S + 2) } else { Seconds(0) }
}

/// How many nodes can fill a cap each, in the worst case.
fn fillers(plan: &Plan) -> usize {
    plan.nodes
}
