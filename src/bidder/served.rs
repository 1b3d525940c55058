//! The state in service: campaigns and audience as one consistent whole.
//!
//! Guarantees: immutable; a request that has loaded it sees the same campaigns and the same
//! snapshot until it is answered, whatever is swapped meanwhile.

use super::withheld::Discreet;
use super::{Bidder, ExchangeDesk};
use crate::audience::overlay::{EventSegments, OverlayView};
use crate::audience::{AudienceView, Membership, Person, Snapshot};
use crate::campaign::Book;
use crate::campaign::model::{Campaign, CreativeIndex};
use crate::decide::World;
use crate::ledger::Account;
use crate::message::{self, Markup};
use crate::model::{AdvertiserKey, CampaignKey, CreativeKey, SegmentId, UserKey};
use std::collections::HashMap;
use std::sync::Arc;

/// What is in service.
#[derive(Clone, Default)]
pub struct Served {
    /// The campaigns.
    pub business: Arc<Business>,
    /// The people; none before the first snapshot is loaded.
    pub audience: Option<Audience>,
}

/// The campaigns and what is made of them when they are loaded.
#[derive(Default)]
pub struct Business {
    /// The book.
    pub book: Book,
    /// Its accounts, in its order.
    pub accounts: Vec<Arc<Account>>,
    /// Its creatives' markup, in its order.
    pub templates: Vec<Markup>,
    /// The places of its creatives: notices name them by key.
    pub creatives: HashMap<CreativeKey, CreativeIndex>,
    /// Whose each campaign is.
    owners: HashMap<CampaignKey, AdvertiserKey>,
    /// The segments that events of shops lead to.
    pub event_segments: EventSegments,
}

impl Business {
    /// Makes what a book needs to be served.
    pub fn new(book: Book, accounts: Vec<Arc<Account>>) -> Self {
        let keys = book.creatives.iter().map(|creative| creative.key);
        let creatives = keys.zip((0..).map(CreativeIndex)).collect();
        let owner = |campaign: &Campaign| (campaign.key, book.advertisers[campaign.advertiser].key);
        Self {
            templates: message::templates(&book),
            owners: book.campaigns.iter().map(owner).collect(),
            event_segments: book.event_segments(),
            creatives,
            accounts,
            book,
        }
    }

    /// Whose campaign it is; the key 0 for one that is in no file any more.
    pub fn owner_of(&self, campaign: CampaignKey) -> AdvertiserKey {
        self.owners.get(&campaign).copied().unwrap_or(AdvertiserKey(0))
    }
}

/// A snapshot, in the numbers of the book beside it.
#[derive(Clone)]
pub struct Audience {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// The book's number of each of the snapshot's segments; none for segments that no
    /// campaign mentions, which are not even read.
    segments: Arc<[Option<SegmentId>]>,
}

impl Audience {
    /// Translates a snapshot's segments into a book's.
    pub fn new(snapshot: Arc<Snapshot>, book: &Book) -> Self {
        let names = &snapshot.info().segments;
        let segments = names.iter().map(|name| book.segments.get(name)).collect();
        Self { snapshot, segments }
    }
}

impl AudienceView for Audience {
    fn prefetch(&self, keys: &[UserKey]) {
        self.snapshot.prefetch(keys);
    }

    fn join(&self, key: UserKey, person: &mut Person) -> bool {
        let mut known = false;
        for stored in self.snapshot.memberships(key) {
            known = true;
            let Some(Some(segment)) = self.segments.get(stored.segment as usize) else { continue };
            person.add(Membership {
                segment: *segment,
                first_seen: stored.first_seen,
                last_seen: stored.last_seen,
                expires: stored.expires,
                count: stored.count,
                value: stored.value,
            });
        }
        known
    }
}

impl Bidder {
    /// The audience as a decision sees it: the snapshot, and what happened since.
    pub(super) fn people<'a>(
        &'a self,
        served: &'a Served,
        audience: &'a Audience,
    ) -> Discreet<'a, OverlayView<'a, Audience>> {
        let base = OverlayView {
            base: audience,
            epoch: audience.snapshot.info().epoch,
            overlay: &self.folds.overlay,
            segments: &served.business.event_segments,
        };
        Discreet { base, withheld: &self.folds.withheld }
    }

    /// The world as a decision for `desk` sees it.
    pub(super) fn world<'a>(
        &'a self,
        served: &'a Served,
        desk: &'a ExchangeDesk,
        audience: &'a dyn AudienceView,
    ) -> World<'a> {
        World {
            book: &served.business.book,
            accounts: &served.business.accounts,
            audience,
            ledger: &self.folds.ledger,
            exchange: &desk.profile,
            rates: &self.rules.rates,
            privacy: &self.rules.privacy,
            blocked: &self.rules.blocked,
            notices_for: self.rules.notices_for,
            node: self.rules.node_key,
        }
    }
}
