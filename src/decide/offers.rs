//! What the impressions of a request offer besides banners: spots, native placements and deals,
//! each read when the first campaign asks for it, and once.
//!
//! Guarantees: a request of which nobody asks anything costs nothing here, and one that offers
//! only banners in the open auction never allocates here.

use super::world::Case;
use crate::openrtb::deals;
use crate::openrtb::offer::{Deal, Medium, Native, Spot};
use crate::openrtb::request::Impression;
use smallvec::SmallVec;
use std::cell::OnceCell;

/// So many impressions with more than a banner are kept without an allocation: as many as a
/// request keeps itself.
const IMPRESSIONS_INLINE: usize = 8;
/// So many deals of one impression are: more than nearly all have.
const DEALS_INLINE: usize = 4;

/// A deal that our seat may bid on, and its place in `pmp.deals`.
#[derive(Clone, Debug)]
pub struct OpenDeal<'r> {
    /// Its place.
    pub place: u8,
    /// What it asks.
    pub deal: Deal<'r>,
}

/// What one impression offers, as far as anybody has asked.
#[derive(Default)]
struct Offer<'r> {
    impression: usize,
    video: OnceCell<Option<Spot>>,
    audio: OnceCell<Option<Spot>>,
    native: OnceCell<Option<Native>>,
    deals: OnceCell<SmallVec<[OpenDeal<'r>; DEALS_INLINE]>>,
}

/// What the impressions of one request offer.
pub struct Offers<'j, 'c, 'r> {
    case: &'j Case<'c, 'r>,
    read: OnceCell<SmallVec<[Offer<'r>; IMPRESSIONS_INLINE]>>,
}

impl<'j, 'c, 'r> Offers<'j, 'c, 'r> {
    /// Of a request of which nothing has been asked yet.
    pub fn new(case: &'j Case<'c, 'r>) -> Self {
        Self { case, read: OnceCell::new() }
    }

    /// The place for a video or a piece of audio that an impression offers.
    pub fn spot(&self, impression: usize, medium: Medium) -> Option<&Spot> {
        let of = &self.case.request.impressions[impression];
        let raw = if medium == Medium::Video { of.video } else { of.audio }?;
        let offer = self.of(impression)?;
        let cell = if medium == Medium::Video { &offer.video } else { &offer.audio };
        cell.get_or_init(|| Spot::read(&raw)).as_ref()
    }

    /// The native placement that an impression offers.
    pub fn native(&self, impression: usize) -> Option<&Native> {
        let raw = self.case.request.impressions[impression].native?;
        self.of(impression)?.native.get_or_init(|| Native::read(&raw)).as_ref()
    }

    /// The deals of an impression that our seat may bid on, in the request's order.
    pub fn deals(&self, impression: usize) -> &[OpenDeal<'r>] {
        let list = &self.case.request.impressions[impression].deals;
        if list.is_empty() {
            return &[];
        }
        self.of(impression).map_or(&[], |offer| {
            offer.deals.get_or_init(|| {
                let mut open = SmallVec::new();
                deals::each(list, |place, deal| {
                    if let (Ok(place), true) = (u8::try_from(place), self.seat_may_bid(deal)) {
                        open.push(OpenDeal { place, deal: deal.clone() });
                    }
                    true
                });
                open
            })
        })
    }

    /// `wseat` of a deal against our seat there.
    fn seat_may_bid(&self, deal: &Deal<'_>) -> bool {
        let seat = self.case.world.exchange.seat.as_deref();
        let is_ours = |allowed: &str| Some(allowed) == seat;
        deal.allowed_seats.is_empty() || deal.allowed_seats.any_text(is_ours)
    }

    fn of(&self, impression: usize) -> Option<&Offer<'r>> {
        let read = self.read.get_or_init(|| {
            let more = |one: &Impression<'_>| {
                let objects = [&one.video, &one.audio, &one.native];
                objects.iter().any(|object| object.is_some()) || !one.deals.is_empty()
            };
            let all = self.case.request.impressions.iter().enumerate();
            let offering = all.filter(|(_, one)| more(one));
            offering.map(|(impression, _)| Offer { impression, ..Offer::default() }).collect()
        });
        read.iter().find(|offer| offer.impression == impression)
    }
}
