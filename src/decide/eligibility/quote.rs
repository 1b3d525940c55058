//! What reaching the person is worth to a campaign: its base, times what it knows of the person and
//! the request.

use super::{Gate, Judge};
use crate::audience::Membership;
use crate::campaign::model::{Campaign, CampaignIndex};
use crate::decide::price::{self, Facts, Quote};
use crate::model::{Factor, NoBidReason, Rounding, UnixSeconds};

impl Judge<'_, '_, '_> {
    pub(super) fn quote(&self, index: CampaignIndex, visit: Option<&Membership>) -> Gate<Quote> {
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
        let kind = self.device_type();
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
}
