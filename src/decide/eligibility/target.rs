//! Where, when and on what a campaign may run: its flight, and its target against the request.
//!
//! Guarantees: what a target asks for and the request does not say is not met.

use super::{Gate, Judge};
use crate::campaign::model::{Campaign, Target};
use crate::decide::{Compared, No};
use crate::model::place::is_within_domain;
use crate::model::{DeviceType, NoBidReason, UnixSeconds};
use crate::openrtb::Impression;

impl Judge<'_, '_, '_> {
    pub(super) fn flight(&self, campaign: &Campaign) -> Gate<()> {
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

    pub(super) fn target(&self, campaign: &Campaign) -> Gate<()> {
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
        let kind = self.device_type();
        let system = allows_text(&target.operating_systems, self.operating_system());
        if !(target.devices.is_empty() || target.devices.contains(&kind)) || !system {
            return Err(NoBidReason::DeviceExcluded.into());
        }
        if self.inventory_fits(target) {
            Ok(())
        } else {
            Err(NoBidReason::InventoryExcluded.into())
        }
    }

    /// As the request says, else as the user agent does.
    pub(super) fn device_type(&self) -> DeviceType {
        let said = self.case.request.device.device_type;
        said.or(self.agent.device_type).unwrap_or(DeviceType::Other)
    }

    fn operating_system(&self) -> Option<&str> {
        let said = self.case.request.device.operating_system.as_deref();
        said.or(self.agent.operating_system)
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
}

/// Whether an impression is of the kinds that a target wants.
pub(super) fn place_fits(target: &Target, offer: &Impression<'_>) -> bool {
    target.rewarded.is_none_or(|wanted| wanted == offer.rewarded)
        && target.interstitial.is_none_or(|wanted| wanted == offer.interstitial)
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
