//! Names for a report: events know campaigns, creatives and exchanges by key, people by id.
//!
//! Guarantees: a key that is in no file any more is told in hex, never left out.

use crate::campaign::Book;
use crate::ledger::report::Row;
use crate::model::{CampaignKey, CreativeKey, Currency, ExchangeKey};
use std::collections::HashMap;

/// The names that a node's files know.
pub struct Names<'a> {
    book: &'a Book,
    campaigns: HashMap<CampaignKey, usize>,
    creatives: HashMap<CreativeKey, usize>,
    exchanges: HashMap<ExchangeKey, &'a str>,
}

/// The names of a row; `None` for what it does not tell apart.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Named {
    /// The advertiser, where a campaign or a creative says whose.
    pub advertiser: Option<String>,
    /// The campaign's id.
    pub campaign: Option<String>,
    /// The creative's id.
    pub creative: Option<String>,
    /// The exchange's name.
    pub exchange: Option<String>,
}

impl<'a> Names<'a> {
    /// Those of a book and of these exchanges.
    pub fn new(book: &'a Book, exchanges: impl Iterator<Item = (ExchangeKey, &'a str)>) -> Self {
        let campaigns = book.campaigns.iter().map(|campaign| campaign.key);
        let creatives = book.creatives.iter().map(|creative| creative.key);
        Self {
            campaigns: campaigns.zip(0..).collect(),
            creatives: creatives.zip(0..).collect(),
            exchanges: exchanges.collect(),
            book,
        }
    }

    /// The currency of a campaign; `None` for one that is in no file any more.
    pub fn currency_of(&self, campaign: CampaignKey) -> Option<Currency> {
        let at = *self.campaigns.get(&campaign)?;
        Some(self.book.advertisers[self.book.campaigns[at].advertiser].currency)
    }

    /// Whether it is a campaign of the advertiser with this id.
    pub fn is_of(&self, campaign: CampaignKey, advertiser: &str) -> bool {
        self.owner_of(campaign).is_some_and(|owner| owner == advertiser)
    }

    /// Whether there is an advertiser with this id.
    pub fn has_advertiser(&self, id: &str) -> bool {
        self.book.advertisers.iter().any(|advertiser| advertiser.id == id)
    }

    /// The campaigns that somebody means by an id, `advertiser/id`, or a key in hex.
    pub fn campaigns_meant(&self, text: &str) -> Vec<CampaignKey> {
        let (advertiser, id) = text.split_once('/').map_or((None, text), |(a, id)| (Some(a), id));
        let is_meant = |campaign: &&crate::campaign::model::Campaign| {
            let owner = &self.book.advertisers[campaign.advertiser].id;
            campaign.id == id && advertiser.is_none_or(|advertiser| advertiser == owner)
        };
        let named = self.book.campaigns.iter().filter(is_meant).map(|campaign| campaign.key);
        let mut meant: Vec<_> = named.collect();
        if meant.is_empty() && text.len() == 16 {
            meant.extend(u64::from_str_radix(text, 16).map(CampaignKey));
        }
        meant
    }

    fn owner_of(&self, campaign: CampaignKey) -> Option<&'a str> {
        let at = *self.campaigns.get(&campaign)?;
        Some(&self.book.advertisers[self.book.campaigns[at].advertiser].id)
    }

    /// Names what a row tells apart.
    pub fn of(&self, row: &Row) -> Named {
        let mut named = Named {
            advertiser: row.campaign.and_then(|key| self.owner_of(key)).map(str::to_owned),
            campaign: row.campaign.map(|key| self.campaign(key)),
            creative: None,
            exchange: row.exchange.map(|key| self.exchange(key)),
        };
        if let Some(key) = row.creative {
            let creative = self.creatives.get(&key).map(|at| &self.book.creatives[*at]);
            named.creative = Some(creative.map_or_else(|| hex(key.0), |one| one.id.clone()));
            let owner = creative.map(|one| &self.book.advertisers[one.advertiser].id);
            named.advertiser = named.advertiser.or_else(|| owner.cloned());
        }
        named
    }

    fn campaign(&self, key: CampaignKey) -> String {
        let at = self.campaigns.get(&key);
        at.map_or_else(|| hex(key.0), |at| self.book.campaigns[*at].id.clone())
    }

    fn exchange(&self, key: ExchangeKey) -> String {
        self.exchanges.get(&key).map_or_else(|| hex(key.0), |name| (*name).to_owned())
    }
}

/// A key as people see it; `-` for what is counted before there is one.
fn hex(key: u64) -> String {
    if key == 0 { "-".to_owned() } else { format!("{key:016x}") }
}
