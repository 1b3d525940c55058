//! What a decision may look at: everything by reference, nothing that reads a clock.

use crate::audience::AudienceView;
use crate::campaign::model::{Advertiser, Book, Campaign, CampaignIndex};
use crate::ledger::{Account, Ledger};
use crate::model::place::is_within_domain;
use crate::model::{InventoryKind, NodeKey, Rates, Seconds, UnixSeconds};
use crate::openrtb::BidRequest;
use crate::openrtb::profile::ExchangeProfile;
use crate::openrtb::request::Inventory;
use crate::privacy::{Ground, PrivacyRules};
use std::sync::Arc;

/// The state of the world at one moment, as one consistent whole.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// The campaigns.
    pub book: &'a Book,
    /// Their accounts, in the book's order.
    pub accounts: &'a [Arc<Account>],
    /// The people.
    pub audience: &'a dyn AudienceView,
    /// Caps and holds.
    pub ledger: &'a Ledger,
    /// The exchange that asks.
    pub exchange: &'a ExchangeProfile,
    /// Exchange rates.
    pub rates: &'a Rates,
    /// The operator's privacy settings.
    pub privacy: &'a PrivacyRules,
    /// Sites and apps on which nothing is bought.
    pub blocked: &'a BlockList,
    /// How long the notices of a bid are accepted.
    pub notices_for: Seconds,
    /// Which node bids.
    pub node: NodeKey,
}

impl<'a> World<'a> {
    /// A campaign and its advertiser.
    pub fn campaign(&self, index: CampaignIndex) -> (&'a Campaign, &'a Advertiser) {
        let campaign = &self.book.campaigns[index.0 as usize];
        (campaign, &self.book.advertisers[campaign.advertiser])
    }

    /// Under what consents are judged.
    pub fn ground(&self) -> Ground<'a> {
        Ground { rules: self.privacy, exchange: self.exchange.gvl_id }
    }

    /// A campaign's account.
    pub fn account(&self, index: CampaignIndex) -> &'a Arc<Account> {
        &self.accounts[index.0 as usize]
    }
}

/// One request to be decided at one moment.
#[derive(Clone, Copy)]
pub struct Case<'a, 'r> {
    /// The request, which borrows from its body.
    pub request: &'a BidRequest<'r>,
    /// Everything else.
    pub world: &'a World<'a>,
    /// The moment.
    pub now: UnixSeconds,
}

/// Sites and apps on which nothing is bought, whatever the campaign.
#[derive(Clone, Debug, Default)]
pub struct BlockList {
    /// Domains; their subdomains are blocked too.
    pub sites: Vec<String>,
    /// App bundles.
    pub apps: Vec<String>,
    /// Sellers of supply chains: the domain of a selling system (`asi`), or one account there
    /// (`asi/sid`).
    pub sellers: Vec<String>,
}

impl BlockList {
    /// Whether `inventory` is on the list.
    pub fn blocks(&self, inventory: &Inventory<'_>) -> bool {
        let site = inventory
            .domain
            .as_deref()
            .is_some_and(|host| self.sites.iter().any(|domain| is_within_domain(host, domain)));
        let app = inventory.bundle.as_deref().is_some_and(|bundle| {
            self.apps.iter().any(|blocked| blocked.eq_ignore_ascii_case(bundle))
        });
        site || (app && inventory.kind == Some(InventoryKind::App))
    }

    /// Whether the account `sid` at the selling system `asi` is on the list.
    pub fn blocks_seller(&self, asi: &str, sid: &str) -> bool {
        self.sellers.iter().any(|blocked| match blocked.split_once('/') {
            None => blocked.eq_ignore_ascii_case(asi),
            Some((system, account)) => system.eq_ignore_ascii_case(asi) && account == sid,
        })
    }
}
