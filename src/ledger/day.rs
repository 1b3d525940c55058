//! A campaign's day: from midnight to midnight in its time zone, 23 to 25 hours long.

use crate::model::UnixSeconds;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::ops::Range;

/// The day in `zone` that `now` is part of, as the seconds at which it begins and ends.
pub(super) fn day_of(zone: &TimeZone, now: UnixSeconds) -> Range<UnixSeconds> {
    local_day(zone, now).unwrap_or_else(|| utc_day(now))
}

/// Where the calendar ends (before 1970, or in 2106) there is no local day.
fn local_day(zone: &TimeZone, now: UnixSeconds) -> Option<Range<UnixSeconds>> {
    let moment = Timestamp::from_second(i64::from(now.0)).ok()?.to_zoned(zone.clone());
    let midnight = moment.start_of_day().ok()?;
    let next = midnight.tomorrow().ok()?.start_of_day().ok()?;
    let second = |zoned: &jiff::Zoned| u32::try_from(zoned.timestamp().as_second()).ok();
    let day = UnixSeconds(second(&midnight)?)..UnixSeconds(second(&next)?);
    day.contains(&now).then_some(day)
}

fn utc_day(now: UnixSeconds) -> Range<UnixSeconds> {
    let from = now.0 - now.0 % 86_400;
    UnixSeconds(from)..UnixSeconds(from.saturating_add(86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixSeconds {
        let second = text.parse::<Timestamp>().expect("a timestamp").as_second();
        UnixSeconds(u32::try_from(second).expect("after 1970"))
    }

    #[test]
    fn days_begin_at_local_midnight_and_have_as_many_hours_as_they_have() {
        let berlin = TimeZone::get("Europe/Berlin").expect("known");
        let spring = day_of(&berlin, at("2026-03-29T12:00:00Z"));
        assert_eq!(spring, at("2026-03-28T23:00:00Z")..at("2026-03-29T22:00:00Z"));
        let autumn = day_of(&berlin, at("2026-10-25T12:00:00Z"));
        assert_eq!(autumn, at("2026-10-24T22:00:00Z")..at("2026-10-25T23:00:00Z"));
        let kathmandu = TimeZone::get("Asia/Kathmandu").expect("known");
        let day = day_of(&kathmandu, at("2026-12-31T18:15:00Z"));
        assert_eq!(day, at("2026-12-31T18:15:00Z")..at("2027-01-01T18:15:00Z"));
    }

    #[test]
    fn every_second_is_in_its_day_and_days_meet() {
        for name in ["UTC", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia", "Asia/Tehran"] {
            let zone = TimeZone::get(name).expect("known");
            let mut day = day_of(&zone, at("2026-01-01T00:00:00Z"));
            for _ in 0..400 {
                assert!(day.start < day.end && day.end.0 - day.start.0 <= 25 * 3_600, "{name}");
                let next = day_of(&zone, day.end);
                assert_eq!(day.end, next.start, "{name}");
                assert_eq!(day_of(&zone, UnixSeconds(next.end.0 - 1)), next, "{name}");
                day = next;
            }
        }
        let first = day_of(&TimeZone::UTC, UnixSeconds(5));
        assert_eq!(first, UnixSeconds(0)..UnixSeconds(86_400));
        assert!(day_of(&TimeZone::UTC, UnixSeconds::NEVER).contains(&UnixSeconds(u32::MAX - 1)));
    }
}
