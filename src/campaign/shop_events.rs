//! The events of shops, as the model has them: how they are taken, and which segments of the
//! book they lead to.

use super::model::{Advertiser, Book, Objective};
use crate::audience::overlay::{EventSegments, EventShop};
use crate::model::Seconds;

impl Advertiser {
    /// What its events' segments are called, if they are taken.
    fn event_shop(&self) -> Option<EventShop<'_>> {
        let ShopEvents { prefix, ttl, .. } = self.events.as_ref()?;
        Some(EventShop { advertiser: self.key, prefix, ttl: *ttl })
    }
}

/// How the events of a shop are taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShopEvents {
    /// What the names of its segments begin with; no other shop's begin so.
    pub prefix: String,
    /// How long after the latest event a membership ends.
    pub ttl: Seconds,
    /// What is made of purchases that browsers tell.
    pub browser_purchases: BrowserPurchases,
    /// Origins of pages that may send its events, beside those within its domain.
    pub origins: Vec<String>,
    /// Where its visitors are taken to be if an event does not say: ISO-3166 alpha-3.
    pub country: Option<[u8; 3]>,
}

/// What is made of purchases that browsers tell: anybody can send one from a page of the shop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BrowserPurchases {
    /// They count as those of the shop's server.
    Take,
    /// They stop the ads, but are worth nothing.
    WithoutValue,
    /// They are refused.
    Refuse,
}

impl Book {
    /// Which of its segments the events of which shop lead to, for looking people up in the
    /// overlay.
    pub fn event_segments(&self) -> EventSegments {
        let shops: Vec<_> = self.advertisers.iter().filter_map(Advertiser::event_shop).collect();
        let mut segments = EventSegments::new(&shops, &self.segments);
        for campaign in &self.campaigns {
            if let Objective::Conversion(event) = &campaign.objective {
                segments.keep(self.advertisers[campaign.advertiser].key, event);
            }
        }
        segments
    }
}
