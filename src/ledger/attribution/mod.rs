//! Attribution: which click or view a purchase is credited to (field note product.md, F11).
//!
//! - [`touches`] the clicks and views of every person
//! - [`conversions`] the purchases, each once
//!
//! The rule: the last click on an ad of the shop in the [`CLICK_WINDOW`] before the purchase; if
//! there is none, the last view in the [`VIEW_WINDOW`]; under any of the keys that the purchase
//! names. A purchase counts once by its transaction, or else by its event, at the hour of the
//! purchase, on the line of what it is credited to.
//!
//! Guarantees: a function of what happened, not of when it became known: a click that comes after
//! the purchase it led to takes the credit over. That holds for as many touches as are kept (eight
//! clicks and eight views a person and shop) and for as long as both are kept.

pub(super) mod conversions;
pub(super) mod touches;

use super::report::{Line, Report, Sums};
use crate::event::{Event, EventKeys, SiteEvent};
use crate::model::{AdvertiserKey, Seconds, UnixSeconds, UserKey};
use conversions::{Conversion, ConversionId, Conversions};
use touches::{Kind, Touch, Touches};

/// How long a click can be credited: 30 days, the field's commonest window.
pub const CLICK_WINDOW: Seconds = Seconds(30 * Seconds::DAY.0);
/// How long a view can be credited: nearly all purchases that an ad brings about come within a
/// week of it (field note product.md, "Attribution").
pub const VIEW_WINDOW: Seconds = Seconds(7 * Seconds::DAY.0);
/// How long purchases are known: shops show the page that tells of one again when somebody comes
/// back to it, for weeks. One that is told later does not count.
pub const CONVERSIONS_KEPT: Seconds = Seconds(90 * Seconds::DAY.0);

/// Bounds of what is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) touched_max: usize,
    pub(super) conversions_max: usize,
}

/// Clicks, views and purchases.
pub(super) struct Attribution {
    pub(super) touches: Touches,
    pub(super) conversions: Conversions,
}

/// A click or view of somebody.
pub(super) struct Touched<'a> {
    pub(super) keys: &'a [UserKey],
    pub(super) advertiser: AdvertiserKey,
    pub(super) line: Line,
    pub(super) kind: Kind,
    pub(super) at: UnixSeconds,
}

impl Attribution {
    pub(super) fn new(bounds: Bounds, seed: super::hashing::Seeded) -> Self {
        Self {
            touches: Touches::new(bounds.touched_max, seed),
            conversions: Conversions::new(bounds.conversions_max),
        }
    }

    /// Takes in a click or a view.
    pub(super) fn touch(
        &mut self,
        touched: &Touched<'_>,
        log_time: UnixSeconds,
        report: &mut Report,
    ) {
        for key in touched.keys {
            self.touches.add(*key, touched, log_time);
        }
        let touch = Touch { kind: touched.kind, at: touched.at, line: touched.line };
        for id in self.conversions.of(touched.keys, touched.advertiser) {
            self.conversions.change(id, report, |conversion| conversion.offer(touch));
        }
    }

    /// Lets the time of the log pass.
    pub(super) fn pass(&mut self, log_time: UnixSeconds) {
        self.conversions.forget_before(log_time.minus(CONVERSIONS_KEPT));
    }

    /// Takes in a purchase; whether it is a new one.
    pub(super) fn purchase(
        &mut self,
        (event, site): (&Event, &SiteEvent),
        report: &mut Report,
    ) -> bool {
        let id = ConversionId::of(event, site);
        let new = self.conversions.add(id, Conversion::new(event, site), report);
        let touches = &self.touches;
        self.conversions.change(id, report, |conversion| {
            // Its time or its keys may be others than before: the credit is given anew.
            let offered = conversion.keys.iter().flat_map(|key| touches.of(*key, site.advertiser));
            let offered: Vec<Touch> = offered.collect();
            offered.into_iter().for_each(|touch| conversion.offer(touch));
        });
        new
    }

    /// Forgets whose touches and purchases they are; what was counted stays.
    pub(super) fn forget(&mut self, keys: &EventKeys) {
        for key in keys {
            self.touches.forget(*key);
            self.conversions.forget(*key);
        }
    }
}

/// Counts, or takes back, what a conversion is worth to the line it is credited to.
fn count(conversion: &Conversion, report: &mut Report, back: bool) {
    let Some(credit) = conversion.credit else { return };
    report.count(conversion.happened, credit.line, |sums: &mut Sums| {
        let counter = match credit.kind {
            Kind::Click => &mut sums.conversions_click,
            Kind::View => &mut sums.conversions_view,
        };
        *counter = if back { counter.saturating_sub(1) } else { counter.saturating_add(1) };
        let Some(value) = conversion.value else { return };
        if back {
            sums.unearn(value.currency, value.micros);
        } else {
            sums.earn(value.currency, value.micros);
        }
    });
}

#[cfg(test)]
mod tests;
