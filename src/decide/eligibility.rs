//! May this campaign bid? Gate after gate, to the first "no".
//!
//! The order of the gates is the order of [`NoBidReason`]: cheap and static ones first, then
//! the person, the message, caps, the price and its limits.

use super::price::{self, Facts, Quote};
use super::world::Case;
use super::{Candidate, Compared, Fit, Fits, No, Observer, plan};
use crate::audience::{Membership, Person};
use crate::campaign::model::{
    Advertiser, Campaign, CampaignIndex, Creative, CreativeIndex, Message, MessagePlan, Target,
};
use crate::ledger::{CapRefusal, Scope};
use crate::model::place::is_within_domain;
use crate::model::{CpmMicros, Currency, DeviceType, Factor, NoBidReason, Rounding, UnixSeconds};
use crate::openrtb::Impression;
use crate::openrtb::offer::Medium;

/// Keeps the holdout independent of the arms.
const HOLDOUT_SALT: u64 = 0x686f_6c64;

type Gate<T> = Result<T, No>;

/// Judges campaigns for one person of one request.
pub struct Judge<'j, 'c, 'r> {
    /// The request, the world, the moment.
    pub case: &'j Case<'c, 'r>,
    /// The person.
    pub person: &'j Person,
    /// The currency of the bid.
    pub currency: Currency,
}

impl<'j, 'c> Judge<'j, 'c, '_> {
    /// Judges one campaign.
    ///
    /// # Errors
    /// The last gate that it reached; `observer` has the details.
    pub fn campaign(
        &self,
        index: CampaignIndex,
        observer: &mut impl Observer,
    ) -> Result<Candidate, NoBidReason> {
        self.judge(index, observer).map_err(|no| {
            observer.no(index, None, no);
            no.reason
        })
    }

    fn judge(&self, index: CampaignIndex, observer: &mut impl Observer) -> Gate<Candidate> {
        let (campaign, advertiser) = self.case.world.campaign(index);
        if !campaign.audience.holds(self.person, self.case.now) {
            return Err(NoBidReason::NotInAudience.into());
        }
        self.flight(campaign)?;
        self.target(campaign)?;
        self.publisher_blocks(advertiser)?;
        let visit = self.visit(campaign);
        self.timing(campaign, visit)?;
        let message = self.message(campaign, visit)?;
        let fitting = self.fitting(index, message, observer)?;
        self.caps(campaign, advertiser)?;
        let quote = self.quote(index, visit)?;
        observer.priced(index, &quote);
        self.money(index, &quote)?;
        let fits = self.above_floor(index, (fitting, &quote), observer)?;
        let number = self.person.keys[0].split_per_10k(campaign.key.0 ^ HOLDOUT_SALT);
        Ok(Candidate { campaign: index, quote, fits, ghost: number < campaign.holdout_per_10k })
    }

    fn flight(&self, campaign: &Campaign) -> Gate<()> {
        let now = self.case.now;
        let moment = |reason, at| Err(No { reason, compared: Compared::Moment(at) });
        if campaign.paused {
            return Err(NoBidReason::Paused.into());
        }
        if now < campaign.flight.from {
            return moment(NoBidReason::FlightNotStarted, campaign.flight.from);
        }
        if now >= campaign.flight.to {
            return moment(NoBidReason::FlightEnded, campaign.flight.to);
        }
        let on_air = campaign.target.dayparts.is_none_or(|hours| {
            hour_of_week(&campaign.budget.timezone, now).is_some_and(|hour| hours.contains(hour))
        });
        if on_air { Ok(()) } else { Err(NoBidReason::OutsideDaypart.into()) }
    }

    fn target(&self, campaign: &Campaign) -> Gate<()> {
        let (target, device) = (&campaign.target, &self.case.request.device);
        let exchange = &self.case.world.exchange.name;
        if !target.exchanges.is_empty() && !target.exchanges.contains(exchange) {
            return Err(NoBidReason::ExchangeExcluded.into());
        }
        let country = device.country.is_some_and(|country| target.countries.contains(&country));
        let region = allows_text(&target.regions, device.region.as_deref());
        if !(target.countries.is_empty() || country) || !region {
            return Err(NoBidReason::GeoExcluded.into());
        }
        let kind = device.device_type.unwrap_or(DeviceType::Other);
        let system = allows_text(&target.operating_systems, device.operating_system.as_deref());
        if !(target.devices.is_empty() || target.devices.contains(&kind)) || !system {
            return Err(NoBidReason::DeviceExcluded.into());
        }
        if self.inventory_fits(target) {
            Ok(())
        } else {
            Err(NoBidReason::InventoryExcluded.into())
        }
    }

    fn inventory_fits(&self, target: &Target) -> bool {
        let inventory = &self.case.request.inventory;
        let kind = inventory.kind.is_some_and(|kind| target.kinds.contains(&kind));
        let named = |list: &[String]| {
            let is_named = |name: &str| list.iter().any(|entry| is_within_domain(name, entry));
            inventory.name().is_some_and(is_named)
        };
        (target.kinds.is_empty() || kind)
            && (target.allow.is_empty() || named(&target.allow))
            && !named(&target.block)
    }

    /// `bcat` on the advertiser's categories, `badv` on its domain.
    fn publisher_blocks(&self, advertiser: &Advertiser) -> Gate<()> {
        let request = self.case.request;
        if self.category_blocked(advertiser.categories.in_taxonomy(1)) {
            return Err(NoBidReason::CategoryBlocked.into());
        }
        let blocks_domain = |blocked: &str| is_within_domain(&advertiser.domain, blocked);
        if request.blocked_advertisers.any_text(blocks_domain) {
            return Err(NoBidReason::AdvertiserBlocked.into());
        }
        Ok(())
    }

    /// Whether one of `categories` is blocked, itself or by its parent (`IAB7` blocks `IAB7-39`).
    fn category_blocked(&self, categories: &[String]) -> bool {
        let blocked = &self.case.request.blocked_categories;
        !categories.is_empty()
            && blocked.any_text(|blocked| {
                categories.iter().any(|own| {
                    own.strip_prefix(blocked)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
                })
            })
    }

    /// The visit that triggers the campaign: the newest among its anchors.
    pub fn visit(&self, campaign: &Campaign) -> Option<&'j Membership> {
        let live = |segment| self.person.live(segment, self.case.now);
        campaign.anchors.iter().filter_map(|segment| live(*segment)).max_by_key(|one| one.last_seen)
    }

    fn timing(&self, campaign: &Campaign, visit: Option<&Membership>) -> Gate<()> {
        let Some(age) = visit.map(|visit| visit.age(self.case.now)) else { return Ok(()) };
        let compared = |limit| Compared::Age { age, limit };
        if age < campaign.start_after {
            let compared = compared(campaign.start_after);
            return Err(No { reason: NoBidReason::TooEarly, compared });
        }
        match campaign.stop_after.filter(|limit| age >= *limit) {
            Some(limit) => Err(No { reason: NoBidReason::TooLate, compared: compared(limit) }),
            None => Ok(()),
        }
    }

    fn message(&self, campaign: &'c Campaign, visit: Option<&Membership>) -> Gate<&'c Message> {
        let (keys, ledger) = (&self.person.keys, self.case.world.ledger);
        // Only a sequence asks how far it has come, and the ledger's answer is a cache miss.
        let shown = match campaign.plan {
            MessagePlan::Sequence(_) => ledger.shown_total(keys, campaign.key.into()),
            _ => 0,
        };
        let moment = plan::Moment {
            campaign: campaign.key,
            person: keys[0],
            visit,
            shown,
            now: self.case.now,
        };
        plan::due(&campaign.plan, &moment).ok_or_else(|| NoBidReason::NoMessage.into())
    }

    /// The impressions that one of the message's creatives fits.
    fn fitting(
        &self,
        index: CampaignIndex,
        message: &Message,
        observer: &mut impl Observer,
    ) -> Gate<Fits> {
        let mut fits = Fits::new();
        let mut furthest = NoBidReason::SizeMismatch;
        for (impression, offer) in self.case.request.impressions.iter().enumerate() {
            match self.creative_for(message, offer) {
                Ok(creative) => {
                    fits.push(Fit { impression, creative, medium: Medium::Banner, deal: None });
                }
                Err(reason) => {
                    observer.no(index, Some(impression), reason.into());
                    furthest = furthest.max(reason);
                }
            }
        }
        if fits.is_empty() { Err(furthest.into()) } else { Ok(fits) }
    }

    /// The message's first creative that fits an impression.
    fn creative_for(
        &self,
        message: &Message,
        offer: &Impression<'_>,
    ) -> Result<CreativeIndex, NoBidReason> {
        let mut furthest = NoBidReason::SizeMismatch;
        for index in &message.creatives {
            let creative = &self.case.world.book.creatives[index.0 as usize];
            match self.creative_fits(creative, offer) {
                Ok(()) => return Ok(*index),
                Err(reason) => furthest = furthest.max(reason),
            }
        }
        Err(furthest)
    }

    fn creative_fits(
        &self,
        creative: &Creative,
        offer: &Impression<'_>,
    ) -> Result<(), NoBidReason> {
        let size = (creative.width, creative.height);
        let banner = offer.banner.as_ref().filter(|banner| banner.sizes.contains(&size));
        let Some(banner) = banner.filter(|_| !offer.private_auction) else {
            return Err(NoBidReason::SizeMismatch);
        };
        let secure_wanted = offer.secure.unwrap_or(self.case.world.exchange.secure_by_default);
        let attribute_blocked = creative
            .attributes
            .iter()
            .any(|one| banner.blocked_attributes & (1 << (one % 32)) != 0);
        let type_blocked = banner.blocked_types & (1 << creative.body.banner_type()) != 0;
        let insecure = secure_wanted && !creative.secure;
        if attribute_blocked
            || type_blocked
            || insecure
            || self.category_blocked(creative.categories.in_taxonomy(1))
        {
            return Err(NoBidReason::CreativeBlocked);
        }
        Ok(())
    }

    fn caps(&self, campaign: &Campaign, advertiser: &Advertiser) -> Gate<()> {
        let (ledger, keys) = (self.case.world.ledger, &self.person.keys);
        let advertiser_scope: Scope = advertiser.key.into();
        ledger
            .check_caps(keys, (campaign.key.into(), &campaign.caps), self.case.now)
            .and_then(|()| {
                ledger.check_caps(keys, (advertiser_scope, &advertiser.caps), self.case.now)
            })
            .map_err(|refusal| No {
                reason: cap_reason(&refusal),
                compared: Compared::Cap(refusal),
            })
    }

    fn quote(&self, index: CampaignIndex, visit: Option<&Membership>) -> Gate<Quote> {
        let (campaign, advertiser) = self.case.world.campaign(index);
        let facts = Facts {
            person: self.person,
            visit,
            start_after: campaign.start_after,
            shown: self.shown(campaign, visit),
            modifiers: self.modifiers(campaign),
            now: self.case.now,
        };
        let factors = price::factors(&campaign.price, &facts);
        let product = price::multiply(campaign.price.base, &factors);
        let price = product.min(campaign.price.max);
        let pair = (advertiser.currency, self.currency);
        let converted = self.case.world.rates.convert(price, pair, Rounding::Down);
        let bid = converted.ok_or(NoBidReason::CurrencyMismatch)?;
        let currency = advertiser.currency;
        Ok(Quote { base: campaign.price.base, factors, product, price, currency, bid })
    }

    /// Impressions since the visit or the last click; not asked where they change no price.
    fn shown(&self, campaign: &Campaign, visit: Option<&Membership>) -> u32 {
        if campaign.price.fatigue == Factor::ONE {
            return 0;
        }
        let since = visit.map_or(UnixSeconds(0), |visit| visit.last_seen);
        self.case.world.ledger.shown_since(&self.person.keys, campaign.key.into(), since)
    }

    fn modifiers(&self, campaign: &Campaign) -> [Factor; 3] {
        let (price, device) = (&campaign.price, &self.case.request.device);
        let kind = device.device_type.unwrap_or(DeviceType::Other);
        let exchange = &self.case.world.exchange.name;
        let by_device = price.by_device.iter().find(|(one, _)| *one == kind);
        let by_exchange = price.by_exchange.iter().find(|(name, _)| name == exchange);
        let by_country = price.by_country.iter().find(|(one, _)| Some(*one) == device.country);
        [
            by_device.map_or(Factor::ONE, |(_, factor)| *factor),
            by_exchange.map_or(Factor::ONE, |(_, factor)| *factor),
            by_country.map_or(Factor::ONE, |(_, factor)| *factor),
        ]
    }

    /// The budget's room for this price, and the campaign's own minimum.
    fn money(&self, index: CampaignIndex, quote: &Quote) -> Gate<()> {
        let (campaign, _) = self.case.world.campaign(index);
        let account = self.case.world.account(index);
        account
            .check(quote.price.cost_of_one(), self.case.now)
            .map_err(|refusal| No { reason: refusal.reason, compared: Compared::Money(refusal) })?;
        // A price of zero could win nothing but a dispute: it counts as below any minimum.
        let least = campaign.price.min.max(CpmMicros(1));
        if quote.price >= least && quote.bid.0 > 0 {
            return Ok(());
        }
        let compared = Compared::Price { price: quote.price, least, currency: quote.currency };
        Err(No { reason: NoBidReason::BelowMinimum, compared })
    }

    /// Of the impressions that fit, those whose floor the bid meets.
    fn above_floor(
        &self,
        index: CampaignIndex,
        (mut fits, quote): (Fits, &Quote),
        observer: &mut impl Observer,
    ) -> Gate<Fits> {
        let mut furthest: Option<No> = None;
        fits.retain(|fit| {
            match self.floor(&self.case.request.impressions[fit.impression], quote) {
                Ok(()) => true,
                Err(no) => {
                    observer.no(index, Some(fit.impression), no);
                    furthest = Some(no);
                    false
                }
            }
        });
        match furthest.filter(|_| fits.is_empty()) {
            Some(no) => Err(no),
            None => Ok(fits),
        }
    }

    fn floor(&self, offer: &Impression<'_>, quote: &Quote) -> Gate<()> {
        let convert =
            |from| self.case.world.rates.convert(offer.floor, (from, self.currency), Rounding::Up);
        let least = offer.floor_currency.and_then(convert).ok_or(NoBidReason::CurrencyMismatch)?;
        if quote.bid >= least {
            return Ok(());
        }
        let compared = Compared::Price { price: quote.bid, least, currency: self.currency };
        Err(No { reason: NoBidReason::BelowFloor, compared })
    }
}

/// The reason by which a refusing cap is counted.
pub fn cap_reason(refusal: &CapRefusal) -> NoBidReason {
    match refusal {
        CapRefusal::Window { .. } => NoBidReason::FrequencyCap,
        CapRefusal::Gap { .. } => NoBidReason::MinGap,
    }
}

/// An empty list allows everything; otherwise the value must be there and listed.
fn allows_text(list: &[String], value: Option<&str>) -> bool {
    let listed = |value: &str| list.iter().any(|entry| entry.eq_ignore_ascii_case(value));
    list.is_empty() || value.is_some_and(listed)
}

/// The hour of the week in a time zone; 0 is Monday 00:00.
fn hour_of_week(zone: &jiff::tz::TimeZone, now: UnixSeconds) -> Option<u8> {
    let at = jiff::Timestamp::from_second(i64::from(now.0)).ok()?.to_zoned(zone.clone());
    let day = at.weekday().to_monday_zero_offset();
    u8::try_from(i32::from(day) * 24 + i32::from(at.hour())).ok()
}
