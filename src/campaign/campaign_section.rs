//! `[[campaign]]`: one campaign, from its section to the checked model.

use super::advertiser_file::{Ids, Surroundings};
use super::model::{Budget, Campaign, Flight, Objective, Pacing};
use super::{caps_section, message_section, price_section, target_section};
use crate::audience::{Expression, SegmentTable};
use crate::config::Section;
use crate::config::scalar::When;
use crate::model::{CampaignKey, MoneyNanos, Seconds, SegmentId, UnixSeconds};
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Reads the campaigns of one file.
pub(super) struct Reader<'a> {
    /// What the file says outside the campaigns.
    pub surroundings: &'a Surroundings<'a>,
    /// Numbers the segments.
    pub segments: &'a mut SegmentTable,
    /// The creatives that messages may name.
    pub creatives: &'a Ids<'a>,
}

/// Whom a campaign reaches.
struct Audience {
    expression: Expression,
    text: String,
    anchors: Vec<SegmentId>,
}

impl Reader<'_> {
    /// Reads a campaign, and whether it needs no segment. `None` comes with a fault.
    ///
    /// Every part is read before any is missed, so that the faults of all are found.
    pub(super) fn campaign(&mut self, section: &Section<'_>) -> Option<(Campaign, bool)> {
        let objective = objective(section);
        let conversion = self.conversion(section, objective.as_ref());
        let budget = self.budget(section);
        let flight = section.table("flight").and_then(|flight| self.flight(&flight));
        let audience = self.audience(section);
        let caps = caps_section::read(section);
        let price = section.table("price");
        let price =
            price.and_then(|price| price_section::read(&price, self.surroundings, self.segments));
        let target = section.table("target");
        let target = target.map(|target| target_section::read(&target, self.surroundings));
        let plan = message_section::read(section, self.creatives);
        check_delays(section);
        check_context(section, audience.as_ref());

        let (id, audience) = (section.string("id")?, audience?);
        let campaign = Campaign {
            key: CampaignKey::new(self.surroundings.advertiser_id, &id),
            id,
            advertiser: self.surroundings.advertiser,
            paused: section.flag("paused"),
            objective: objective?,
            burned_by: conversion.filter(|segment| !audience.expression.asks_for(*segment)),
            flight: flight?,
            budget: budget?,
            audience: audience.expression,
            audience_text: audience.text,
            anchors: audience.anchors.into(),
            start_after: section.duration("start_after")?,
            stop_after: section.duration("stop_after"),
            caps,
            holdout_per_10k: section.percent_per_10k("holdout")?,
            several_per_page: section.flag("several_per_page"),
            contextual: section.flag("contextual"),
            price: price?,
            target: target.unwrap_or_default(),
            plan: plan?,
        };
        Some((campaign, section.flag("prospecting")))
    }

    /// The segment of those whom the campaign need not reach any more. A shop's events have its
    /// prefix before their names.
    fn conversion(
        &mut self,
        section: &Section<'_>,
        objective: Option<&Objective>,
    ) -> Option<SegmentId> {
        let stops = section.text("after_conversion")? == "stop";
        match objective {
            Some(Objective::Conversion(event)) if stops => {
                let name = format!("{}{event}", self.surroundings.segment_prefix);
                Some(self.segments.intern(&name))
            }
            Some(Objective::Awareness | Objective::Clicks) if section.has("after_conversion") => {
                let expected = "`objective = { conversion = \"...\" }` beside it, or none of it";
                section.error("after_conversion", "a campaign without a conversion", expected);
                None
            }
            _ => None,
        }
    }

    /// From the first midnight to the one after the last day, or exact.
    fn flight(&self, section: &Section<'_>) -> Option<Flight> {
        let zone = &self.surroundings.timezone;
        let from = section.when("from")?;
        let from = moment(from, zone)?;
        let to = match section.when("to")? {
            When::Date(last) => moment(When::Date(last.tomorrow().ok()?), zone)?,
            exact @ When::Exact(_) => moment(exact, zone)?,
        };
        if from >= to {
            section.error("to", "the flight ends before it starts", "a time after `from`");
            return None;
        }
        Some(Flight { from, to })
    }

    fn budget(&self, campaign: &Section<'_>) -> Option<Budget> {
        let section = campaign.table("budget")?;
        if !section.has("daily") && !section.has("total") && !section.may_be_incomplete() {
            let expected = "at least one of `daily` and `total`";
            section.faults().error(section.at(), "a budget without an amount", expected);
        }
        let daily = self.money(&section, "daily");
        let total = self.money(&section, "total");
        if let (Some(daily), Some(total)) = (daily, total)
            && daily > total
        {
            let expected = "a daily budget that the total allows";
            section.warning("daily", "`daily` is more than `total`", expected);
        }
        let timezone = match section.text("timezone") {
            Some(name) => TimeZone::get(name).ok()?,
            None => self.surroundings.timezone.clone(),
        };
        let pacing = if section.text("pacing")? == "asap" { Pacing::Asap } else { Pacing::Even };
        Some(Budget { daily, total, pacing, timezone })
    }

    /// An amount of a budget; one of zero would be a campaign that never bids.
    fn money(&self, section: &Section<'_>, name: &str) -> Option<MoneyNanos> {
        let micros = self.surroundings.micros(section, name)?;
        if micros == 0 {
            let expected = "an amount above 0; to stop the campaign set `paused = true`";
            section.error(name, format!("`{name}` is 0"), expected);
        }
        Some(MoneyNanos::from_micros(micros))
    }

    fn audience(&mut self, section: &Section<'_>) -> Option<Audience> {
        let prospecting = section.flag("prospecting");
        let Some(text) = section.located_text("audience") else {
            let missing = !section.has("audience") && !section.may_be_incomplete();
            if missing && !prospecting {
                let expected = "`audience = \"...\"`, or `prospecting = true` to reach everyone";
                section.faults().error(section.at(), "missing key `audience`", expected);
            }
            let everyone = Audience {
                expression: Expression::everyone(),
                text: String::new(),
                anchors: Vec::new(),
            };
            return missing.then_some(everyone);
        };
        let expression = match Expression::parse(text.value, self.segments) {
            Ok(expression) => expression,
            Err(fault) => {
                let source = section.faults().source();
                let at = source.inside(&text.at, text.value, &fault.at);
                let message = format!("in the audience: found {}", fault.found);
                section.faults().error(&at, message, fault.expected);
                return None;
            }
        };
        let anchors = expression.anchors();
        if anchors.is_none() && !prospecting {
            let expected = "at least one segment that a person must be in; \
                            or `prospecting = true` to consider everyone";
            section.error("audience", "this audience holds for people in no segment", expected);
        }
        let (anchors, text) = (anchors.unwrap_or_default(), text.value.to_owned());
        Some(Audience { expression, text, anchors })
    }
}

fn objective(section: &Section<'_>) -> Option<Objective> {
    if let Some(conversion) = section.table("objective") {
        return conversion.string("conversion").map(Objective::Conversion);
    }
    match section.text("objective")? {
        "clicks" => Some(Objective::Clicks),
        _ => Some(Objective::Awareness),
    }
}

/// The moment that `when` means in `zone`; a date is its first moment.
fn moment(when: When, zone: &TimeZone) -> Option<UnixSeconds> {
    let midnight = |date: Date| {
        let second = date.to_zoned(zone.clone()).ok()?.timestamp().as_second();
        // West of Greenwich 1970 begins after second 0, east of it before: that is clamped.
        Some(UnixSeconds(u32::try_from(second.max(0)).ok()?))
    };
    match when {
        When::Date(date) => midnight(date),
        When::Exact(second) => Some(second),
    }
}

/// Where nobody is recognised, nobody has been anywhere and nothing can be counted.
fn check_context(section: &Section<'_>, audience: Option<&Audience>) {
    if !section.flag("contextual") {
        return;
    }
    if !section.flag("prospecting") {
        let expected = "`prospecting = true` beside it: whoever sees it is not known";
        section.error("contextual", "a contextual campaign that does not prospect", expected);
    }
    if audience.is_some_and(|audience| !audience.anchors.is_empty()) {
        let expected = "an audience that people in no segment belong to, or none";
        section.error("contextual", "a contextual campaign that needs a segment", expected);
    }
    for limit in ["caps", "holdout"] {
        if section.has(limit) {
            let message = format!("`{limit}` cannot be kept where nobody is recognised");
            let expected = "a campaign of its own for context, if the limit must hold everywhere";
            section.warning(limit, message, expected);
        }
    }
}

/// `stop_after` must leave time to bid in.
fn check_delays(section: &Section<'_>) {
    let start = section.duration("start_after").unwrap_or(Seconds(0));
    if let Some(stop) = section.duration("stop_after")
        && stop <= start
    {
        let expected = format!("more than `start_after`, which is {start}");
        section.error("stop_after", format!("`stop_after` is {stop}"), expected);
    }
}

#[cfg(test)]
mod tests {
    use crate::campaign::book::BookBuilder;
    use crate::campaign::creative_section::CreativeFiles;
    use crate::campaign::model::{CampaignIndex, InventoryKind};
    use crate::config::{Source, render};

    struct NoFiles;

    impl CreativeFiles for NoFiles {
        fn read(&self, path: &str) -> Result<Vec<u8>, String> {
            Err(format!("{path} is not there"))
        }
    }

    /// A book of one campaign with these keys, and what is told of it.
    fn read(keys: &str, target: &str) -> (Option<crate::campaign::model::Book>, String) {
        let text = format!(
            "[advertiser]\nid = \"s\"\ndomain = \"s.example\"\ncurrency = \"USD\"\n\
             [[creative]]\nid = \"b\"\ntype = \"html5\"\nsize = \"300x250\"\nhtml = \"<b>x</b>\"\n\
             landing = \"https://s.example/\"\n\
             [[campaign]]\nid = \"c\"\nobjective = \"clicks\"\n\
             flight = {{ from = 2027-01-01, to = 2027-12-31 }}\nbudget = {{ total = \"9 USD\" }}\n\
             {keys}\n[campaign.price]\nbase_cpm = \"1 USD\"\nmax_cpm = \"2 USD\"\n\
             [campaign.target]\n{target}\n[[campaign.message]]\ncreatives = [\"b\"]\n"
        );
        let mut builder = BookBuilder::new(None);
        builder.add(&Source::new("s.toml", text.as_str()), &NoFiles);
        let (book, diagnostics) = builder.finish();
        (book, render::text(&diagnostics))
    }

    #[test]
    fn a_contextual_campaign_prospects_and_is_told_what_it_cannot_keep() {
        let (book, told) = read("prospecting = true\ncontextual = true", "");
        let book = book.expect("sound");
        assert_eq!(book.contextual, [CampaignIndex(0)]);
        assert!(book.campaigns[0].contextual && told.is_empty(), "{told}");
        let (book, told) = read("contextual = true\naudience = \"cart\"", "");
        assert!(book.is_none() && told.contains("does not prospect"), "{told}");
        let needs = "prospecting = true\ncontextual = true\naudience = \"cart\"";
        let (book, told) = read(needs, "");
        assert!(book.is_none() && told.contains("needs a segment"), "{told}");
        let keys = "prospecting = true\ncontextual = true\nholdout = \"5%\"\n\
                    caps = [{ min_gap = \"1h\" }]";
        let (book, told) = read(keys, "");
        assert!(book.is_some(), "{told}");
        assert!(told.contains("`caps` cannot be kept"), "{told}");
        assert!(told.contains("`holdout` cannot be kept"), "{told}");
    }

    #[test]
    fn targets_name_deals_and_kinds_of_places() {
        let target = "deals = [\"d1\"]\nrewarded = \"exclude\"\ninterstitial = \"only\"\n\
                      inventory = [\"dooh\"]";
        let (book, told) = read("prospecting = true", target);
        let target = &book.expect(&told).campaigns[0].target;
        assert_eq!((target.rewarded, target.interstitial), (Some(false), Some(true)));
        assert_eq!(
            (&target.deals[..], &target.kinds[..]),
            (&["d1".to_owned()][..], &[InventoryKind::Dooh][..])
        );
        let (book, _) = read("prospecting = true", "rewarded = \"any\"");
        let target = &book.expect("sound").campaigns[0].target;
        assert_eq!((target.rewarded, target.interstitial), (None, None));
    }
}
