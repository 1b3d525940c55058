//! Which of a message's creatives fits which impression, as which kind of markup.
//!
//! The first creative that fits wins, so on an impression of several formats the order of the
//! message's creatives decides.
//!
//! Guarantees: an impression is taken only if a bid on it is wanted at all, in the open auction
//! or on a deal; which of these, and at what price, is for [`super::terms`] to say.

use super::target::place_fits;
use super::{Gate, Judge, banner};
use crate::campaign::model::{
    Advertiser, Campaign, CampaignIndex, Creative, CreativeBody, CreativeIndex, Message, SpotAd,
};
use crate::decide::offers::OpenDeal;
use crate::decide::{Fit, Fits, Observer};
use crate::message::{native, spot};
use crate::model::place::is_within_domain;
use crate::model::{CpmMicros, MoneyNanos, NoBidReason};
use crate::openrtb::offer::Pod;

impl<'r> Judge<'_, '_, 'r> {
    /// The impressions that one of the message's creatives fits.
    pub(super) fn fitting(
        &self,
        index: CampaignIndex,
        message: &Message,
        observer: &mut impl Observer,
    ) -> Gate<Fits> {
        let (campaign, _) = self.case.world.campaign(index);
        let mut fits = Fits::new();
        let mut furthest = None;
        for impression in 0..self.case.request.impressions.len() {
            match self.fit(campaign, message, impression) {
                Ok(fit) => fits.push(fit),
                Err(reason) => {
                    observer.no(index, Some(impression), reason.into());
                    furthest = furthest.max(Some(reason));
                }
            }
        }
        let nothing = furthest.filter(|_| fits.is_empty());
        nothing.map_or(Ok(fits), |reason| Err(reason.into()))
    }

    fn fit(
        &self,
        campaign: &Campaign,
        message: &Message,
        impression: usize,
    ) -> Result<Fit, NoBidReason> {
        let advertiser = &self.case.world.book.advertisers[campaign.advertiser];
        let offer = &self.case.request.impressions[impression];
        if !place_fits(&campaign.target, offer) {
            return Err(NoBidReason::InventoryExcluded);
        }
        let fit = self.creative_for(advertiser, message, impression)?;
        let by_deal = || self.open_deals((campaign, advertiser), impression).next().is_some();
        if !self.open_auction(campaign, impression) && !by_deal() {
            return Err(NoBidReason::DealMissing);
        }
        Ok(fit)
    }

    /// Whether a campaign may bid on an impression without a deal.
    pub(super) fn open_auction(&self, campaign: &Campaign, impression: usize) -> bool {
        !self.case.request.impressions[impression].private_auction
            && campaign.target.deals.is_empty()
    }

    /// The deals of an impression that a campaign may bid on.
    pub(super) fn open_deals<'s>(
        &'s self,
        (campaign, advertiser): (&'s Campaign, &'s Advertiser),
        impression: usize,
    ) -> impl Iterator<Item = &'s OpenDeal<'r>> {
        let wanted = &campaign.target.deals;
        self.offers.deals(impression).iter().filter(move |open| {
            let allowed = &open.deal.allowed_advertisers;
            let is_ours = |domain: &str| is_within_domain(&advertiser.domain, domain);
            (wanted.is_empty() || wanted.iter().any(|id| *id == open.deal.id))
                && (allowed.is_empty() || allowed.any_text(is_ours))
        })
    }

    /// The message's first creative that fits an impression.
    fn creative_for(
        &self,
        advertiser: &Advertiser,
        message: &Message,
        impression: usize,
    ) -> Result<Fit, NoBidReason> {
        let mut furthest = NoBidReason::FormatMismatch;
        for index in &message.creatives {
            let creative = &self.case.world.book.creatives[index.0 as usize];
            let fitting = self.medium_fits(creative, impression);
            let taken = fitting.and_then(|pod| self.takes(advertiser, creative).map(|()| pod));
            match taken {
                Ok(pod) => return Ok(fit(impression, (*index, creative), pod)),
                Err(reason) => furthest = furthest.max(reason),
            }
        }
        Err(furthest)
    }

    /// Whether the impression has a place of the creative's kind that it fits; the pod that
    /// the place is part of.
    fn medium_fits(
        &self,
        creative: &Creative,
        impression: usize,
    ) -> Result<Option<Pod>, NoBidReason> {
        let offer = &self.case.request.impressions[impression];
        let wants_secure = offer.secure.unwrap_or(self.case.world.exchange.secure_by_default);
        let none = NoBidReason::FormatMismatch;
        let (blocked, apis, pod, secure) = match &creative.body {
            CreativeBody::Image { .. } | CreativeBody::Html { .. } => {
                let place = offer.banner.as_ref().ok_or(none)?;
                banner::fits(creative, place)?;
                (place.blocked_attributes, place.apis, None, creative.secure)
            }
            CreativeBody::Video(ad) | CreativeBody::Audio(ad) => {
                let medium = creative.body.medium();
                let place = self.offers.spot(impression, medium).ok_or(none)?;
                let choice = spot::choose(ad, medium, place, wants_secure);
                choice.ok_or(NoBidReason::SpotMismatch)?;
                // What it chose is secure where that is wanted.
                (place.blocked_attributes, place.apis, place.pod, true)
            }
            CreativeBody::Native(ad) => {
                let place = self.offers.native(impression).ok_or(none)?;
                if !native::can_fill(ad, place) {
                    return Err(NoBidReason::AssetMissing);
                }
                (place.blocked_attributes, place.apis, None, creative.secure)
            }
        };
        let has = |set: u32, one: &u8| set & 1_u32.checked_shl(u32::from(*one)).unwrap_or(0) != 0;
        let attribute_blocked = creative.attributes.iter().any(|one| has(blocked, one));
        let frameworks = &creative.frameworks;
        let framework_missing =
            !frameworks.is_empty() && !frameworks.iter().any(|one| has(apis, one));
        if attribute_blocked || framework_missing || (wants_secure && !secure) {
            return Err(NoBidReason::CreativeBlocked);
        }
        Ok(pod)
    }
}

/// A fit whose terms are still open.
fn fit(impression: usize, (index, creative): (CreativeIndex, &Creative), pod: Option<Pod>) -> Fit {
    Fit {
        impression,
        creative: index,
        medium: creative.body.medium(),
        deal: None,
        price: CpmMicros(0),
        cost: MoneyNanos(0),
        pod,
    }
}

/// How long a creative plays, if it does.
pub fn duration_s(creative: &Creative) -> Option<u32> {
    match &creative.body {
        CreativeBody::Video(SpotAd { duration_s, .. })
        | CreativeBody::Audio(SpotAd { duration_s, .. }) => Some(*duration_s),
        _ => None,
    }
}
