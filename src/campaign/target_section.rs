//! `[campaign.target]`: where, when and on what a campaign may run.

use super::advertiser_file::Surroundings;
use super::model::{InventoryKind, Target, WeekHours};
use super::price_section::{country, device};
use crate::config::Section;
use std::collections::HashSet;
use std::ops::Range;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const HOURS_A_DAY: u8 = 24;

/// Reads a target.
pub(super) fn read(section: &Section<'_>, surroundings: &Surroundings<'_>) -> Target {
    for exchange in section.texts("exchanges") {
        surroundings.check_exchange(section, &exchange);
    }
    warn_of_contradictions(section);
    Target {
        countries: named(section, "countries", country),
        regions: section.strings("regions"),
        devices: named(section, "devices", device),
        operating_systems: section.strings("os"),
        exchanges: section.strings("exchanges"),
        kinds: named(section, "inventory", inventory),
        allow: section.strings("allow"),
        block: section.strings("block"),
        dayparts: section.has("dayparts").then(|| week_hours(section)),
        deals: section.strings("deals"),
        rewarded: wanted(section, "rewarded"),
        interstitial: wanted(section, "interstitial"),
    }
}

/// The week's hours in `"mon-fri 08:00-22:00"`: days and hours; neither wraps around.
pub(super) fn parse_daypart(text: &str) -> Option<(Range<u8>, Range<u8>)> {
    let (days, hours) = text.split_once(' ')?;
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    let day = |name: &str| DAYS.iter().position(|known| *known == name).map(|day| day as u8);
    let (from, to) = hours.split_once('-')?;
    let days = day(first)?..day(last)? + 1;
    let hours = parse_hour(from)?..parse_hour(to)?;
    (!days.is_empty() && !hours.is_empty()).then_some((days, hours))
}

/// `"08:00"` as 8; up to `"24:00"`.
fn parse_hour(text: &str) -> Option<u8> {
    let digits = text.strip_suffix(":00").filter(|digits| digits.len() == 2)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|hour| plain && *hour <= HOURS_A_DAY)
}

fn week_hours(section: &Section<'_>) -> WeekHours {
    let mut week = WeekHours::default();
    for daypart in section.texts("dayparts") {
        let Some((days, hours)) = parse_daypart(daypart.value) else { continue };
        for day in days {
            for hour in hours.clone() {
                week.insert(day * HOURS_A_DAY + hour);
            }
        }
    }
    week
}

fn named<T>(section: &Section<'_>, list: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
    section.texts(list).iter().filter_map(|name| parse(name.value)).collect()
}

fn inventory(name: &str) -> Option<InventoryKind> {
    match name {
        "site" => Some(InventoryKind::Site),
        "app" => Some(InventoryKind::App),
        "dooh" => Some(InventoryKind::Dooh),
        _ => None,
    }
}

/// Whether a kind of impression is the only one wanted, is not wanted, or does not matter.
fn wanted(section: &Section<'_>, name: &str) -> Option<bool> {
    match section.text(name)? {
        "only" => Some(true),
        "exclude" => Some(false),
        _ => None,
    }
}

/// Something both allowed and blocked is blocked; it was hardly meant.
fn warn_of_contradictions(section: &Section<'_>) {
    let allowed: HashSet<_> =
        section.texts("allow").into_iter().map(|allowed| allowed.value).collect();
    for blocked in section.texts("block") {
        if allowed.contains(blocked.value) {
            let message = format!("`{}` is both allowed and blocked", blocked.value);
            section.faults().warning(&blocked.at, message, "one of the two; blocked counts");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dayparts() {
        assert_eq!(parse_daypart("mon-fri 08:00-22:00"), Some((0..5, 8..22)));
        assert_eq!(parse_daypart("sun 10:00-24:00"), Some((6..7, 10..24)));
        let bad = ["", "mon", "fri-mon 08:00-09:00", "mon 22:00-06:00", "mon 08:30-09:00"];
        for text in bad.into_iter().chain(["mon 08:00-25:00", "mon 8:00-9:00", "Mon 08:00-09:00"]) {
            assert_eq!(parse_daypart(text), None, "{text}");
        }
    }
}
