//! Rows as somebody asks for them: some time, summed up by some of hour, campaign, creative and
//! exchange, in a fixed order.

use super::{Line, Report, Rows, Sums, start_of};
use crate::model::{CampaignKey, CreativeKey, Currency, ExchangeKey, Seconds, UnixSeconds};
use std::collections::BTreeMap;

/// What is told apart by time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TimeSpan {
    /// Nothing: one row for all of it.
    #[default]
    All,
    /// UTC days.
    Day,
    /// Hours; UTC days where hours are not kept any more.
    Hour,
}

/// What is told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GroupBy {
    /// By time.
    pub time: TimeSpan,
    /// By campaign.
    pub campaign: bool,
    /// By creative.
    pub creative: bool,
    /// By exchange.
    pub exchange: bool,
}

/// What is asked for.
pub struct Query<'a> {
    /// The first second.
    pub from: UnixSeconds,
    /// The first second after it. A row belongs to the time in which it begins.
    pub to: UnixSeconds,
    /// What is told apart.
    pub by: GroupBy,
    /// Which campaigns, and the currency of each. Campaigns of different currencies are never
    /// summed up; those for which there is `None` are left out.
    pub currency_of: &'a dyn Fn(CampaignKey) -> Option<Currency>,
}

/// A row of the answer; `None` stands for all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// When it begins.
    pub start: Option<UnixSeconds>,
    /// How long it is.
    pub length: Option<Seconds>,
    /// The campaign.
    pub campaign: Option<CampaignKey>,
    /// The creative.
    pub creative: Option<CreativeKey>,
    /// The exchange.
    pub exchange: Option<ExchangeKey>,
    /// The currency of what was spent.
    pub currency: Currency,
    /// What was counted.
    pub sums: Sums,
}

type Key = (
    Option<(UnixSeconds, Seconds)>,
    Currency,
    Option<CampaignKey>,
    Option<CreativeKey>,
    Option<ExchangeKey>,
);

impl Report {
    /// The rows of a query, by time, then currency, campaign, creative and exchange.
    pub(in crate::ledger) fn rows(&self, query: &Query<'_>) -> Vec<Row> {
        let mut groups: BTreeMap<Key, Sums> = BTreeMap::new();
        query.collect((&self.days, Seconds::DAY), &mut groups);
        query.collect((&self.hours, Seconds::HOUR), &mut groups);
        let row = |(key, sums): (Key, Sums)| {
            let (time, currency, campaign, creative, exchange) = key;
            let (start, length) = time.unzip();
            Row { start, length, campaign, creative, exchange, currency, sums }
        };
        groups.into_iter().map(row).collect()
    }
}

impl Query<'_> {
    fn collect(&self, (rows, length): (&Rows, Seconds), groups: &mut BTreeMap<Key, Sums>) {
        if self.from >= self.to {
            return;
        }
        let range = (self.from, Line::default())..(self.to, Line::default());
        for ((start, line), sums) in rows.range(range) {
            let Some(currency) = (self.currency_of)(line.campaign) else { continue };
            let time = match self.by.time {
                TimeSpan::All => None,
                TimeSpan::Day => Some((start_of(*start, Seconds::DAY), Seconds::DAY)),
                TimeSpan::Hour => Some((*start, length)),
            };
            let key = (
                time,
                currency,
                self.by.campaign.then_some(line.campaign),
                self.by.creative.then_some(line.creative),
                self.by.exchange.then_some(line.exchange),
            );
            groups.entry(key).or_default().add(sums);
        }
    }
}
