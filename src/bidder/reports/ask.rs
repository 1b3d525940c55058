//! What somebody asks of a report: the query of `GET /api/v1/reports`.
//!
//! Guarantees: what is not understood is refused, naming the parameter; nothing is guessed at.

use crate::audience::rows::fields::parse_time;
use crate::ledger::report::{GroupBy, TimeSpan};
use crate::model::{Seconds, UnixSeconds};
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// How long a report is unless it is asked for otherwise.
const LENGTH: Seconds = Seconds(7 * Seconds::DAY.0);

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The first second; rows belong to the time in which they begin.
    pub from: UnixSeconds,
    /// The first second after it.
    pub to: UnixSeconds,
    /// What is told apart.
    pub by: GroupBy,
    /// Only campaigns of this advertiser.
    pub advertiser: Option<String>,
    /// Only this campaign: its id, `advertiser/id`, or its key in hex.
    pub campaign: Option<String>,
    /// The form of the answer.
    pub format: Format,
}

/// The form of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// For programs.
    #[default]
    Json,
    /// For spreadsheets.
    Csv,
    /// For people.
    Table,
}

/// Why a query is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{parameter}: expected {expected}, found {found:?}")]
pub struct AskFault {
    /// The parameter that is to blame.
    pub parameter: String,
    /// What was expected there.
    pub expected: &'static str,
    /// What was found.
    pub found: String,
}

const TIME: &str = "a date such as 2027-01-15 (UTC), a time such as 2027-01-15T08:00:00Z, or \
                    seconds since 1970";
const DATE: &str = "2027-01-15";
const BY: &str = "some of day or hour, campaign, creative, exchange, each once, with commas";
const NAMES: &str = "one of from, to, by, advertiser, campaign, format, each once";

/// The parameters as they are told.
#[derive(Default)]
struct Told {
    from: Option<String>,
    to: Option<String>,
    by: Option<String>,
    advertiser: Option<String>,
    campaign: Option<String>,
    format: Option<String>,
}

impl Ask {
    /// Reads a query. Without times it asks for the seven days up to now, without `by` for a
    /// row a campaign.
    ///
    /// # Errors
    /// The first parameter that is not right.
    pub fn parse(query: &str, now: UnixSeconds) -> Result<Self, AskFault> {
        let told = Told::read(query)?;
        let time = |name, text: &Option<String>| {
            let read = |text: &String| time_of(text).ok_or_else(|| fault(name, TIME, text));
            text.as_ref().map(read).transpose()
        };
        let to = time("to", &told.to)?;
        let until = to.unwrap_or(now);
        // The hour in which it begins is part of the last seven days.
        let begin = until.minus(LENGTH);
        let begin = UnixSeconds(begin.0 - begin.0 % Seconds::HOUR.0);
        let from = time("from", &told.from)?.unwrap_or(begin);
        let to = to.unwrap_or(now.plus(Seconds(1)));
        if from >= to {
            return Err(fault("from", "a time before `to`", &from.to_string()));
        }
        Ok(Self {
            from,
            to,
            by: told.by.as_deref().map_or(Ok(BY_CAMPAIGN), by_of)?,
            advertiser: told.advertiser,
            campaign: told.campaign,
            format: told.format.as_deref().map_or(Ok(Format::default()), format_of)?,
        })
    }
}

const BY_CAMPAIGN: GroupBy =
    GroupBy { time: TimeSpan::All, campaign: true, creative: false, exchange: false };

impl Told {
    fn read(query: &str) -> Result<Self, AskFault> {
        let mut told = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let place = told.place(name).ok_or_else(|| fault(name, NAMES, name))?;
            let text = decoded(value).filter(|text| !text.is_empty());
            let text = text.ok_or_else(|| fault(name, "a value, percent-encoded", value))?;
            if let Some(before) = place.replace(text) {
                return Err(fault(name, "it once", &format!("{before} before")));
            }
        }
        Ok(told)
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "from" => &mut self.from,
            "to" => &mut self.to,
            "by" => &mut self.by,
            "advertiser" => &mut self.advertiser,
            "campaign" => &mut self.campaign,
            "format" => &mut self.format,
            _ => return None,
        })
    }
}

/// A fault of one parameter.
pub(super) fn fault(parameter: &str, expected: &'static str, found: &str) -> AskFault {
    AskFault { parameter: parameter.to_owned(), expected, found: found.to_owned() }
}

/// A date's first second in UTC, or a time.
fn time_of(text: &str) -> Option<UnixSeconds> {
    if text.len() != DATE.len() || text.as_bytes()[4] != b'-' {
        return parse_time(text).ok();
    }
    let date: Date = text.parse().ok()?;
    let midnight = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    u32::try_from(midnight).ok().map(UnixSeconds)
}

fn by_of(text: &str) -> Result<GroupBy, AskFault> {
    let bad = || fault("by", BY, text);
    let mut by = GroupBy::default();
    for part in text.split(',') {
        let flag = match part {
            "day" | "hour" if by.time == TimeSpan::All => {
                by.time = if part == "day" { TimeSpan::Day } else { TimeSpan::Hour };
                continue;
            }
            "campaign" => &mut by.campaign,
            "creative" => &mut by.creative,
            "exchange" => &mut by.exchange,
            _ => return Err(bad()),
        };
        if std::mem::replace(flag, true) {
            return Err(bad());
        }
    }
    Ok(by)
}

fn format_of(text: &str) -> Result<Format, AskFault> {
    match text {
        "json" => Ok(Format::Json),
        "csv" => Ok(Format::Csv),
        "table" => Ok(Format::Table),
        _ => Err(fault("format", "json, csv or table", text)),
    }
}

/// Resolves `%xx`. A plus stays one: in a time it stands before the offset.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |at: usize| (*after.get(at)? as char).to_digit(16);
        bytes.push((digit(0)? * 16 + digit(1)?) as u8);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_800_000_123);

    #[test]
    fn nothing_asked_is_a_week_by_campaign() {
        let ask = Ask::parse("", NOW).expect("nothing is wrong with it");
        assert_eq!(ask.to, NOW.plus(Seconds(1)));
        assert_eq!((ask.from.0 % 3_600, NOW.since(ask.from).0 / 86_400), (0, 7));
        assert_eq!((ask.by, ask.format), (BY_CAMPAIGN, Format::Json));
    }

    #[test]
    fn times_are_dates_times_and_seconds() {
        for (text, expected) in [
            ("2027-01-15", 1_799_971_200),
            ("2027-01-15T08:00:00Z", 1_800_000_000),
            ("2027-01-15T09:00:00%2B01:00", 1_800_000_000),
            ("2027-01-15T09:00:00+01:00", 1_800_000_000),
            ("1800000000", 1_800_000_000),
        ] {
            let ask = Ask::parse(&format!("from={text}&to=1900000000"), NOW).expect(text);
            assert_eq!(ask.from, UnixSeconds(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_names_the_parameter() {
        for (query, parameter) in [
            ("from=yesterday", "from"),
            ("from=2027-13-01", "from"),
            ("from=", "from"),
            ("to=%zz", "to"),
            ("to=%2", "to"),
            ("from=2027-01-15&to=2027-01-15", "from"),
            ("from=1900000000", "from"),
            ("by=week", "by"),
            ("by=day,hour", "by"),
            ("by=campaign,campaign", "by"),
            ("by=campaign,", "by"),
            ("format=xml", "format"),
            ("colour=red", "colour"),
            ("campaign", "campaign"),
            ("by=day&by=day", "by"),
        ] {
            let fault = Ask::parse(query, NOW).expect_err(query);
            assert_eq!(fault.parameter, parameter, "{query}");
            assert!(fault.to_string().starts_with(&format!("{parameter}: expected ")), "{fault}");
        }
    }

    #[test]
    fn all_of_it_is_read() {
        let query = "by=hour,creative,exchange&advertiser=acme&campaign=a%2Fb&format=csv&to=9";
        let ask = Ask::parse(&format!("{query}&from=5"), NOW).expect("good");
        let by = GroupBy { time: TimeSpan::Hour, campaign: false, creative: true, exchange: true };
        assert_eq!((ask.by, ask.format), (by, Format::Csv));
        assert_eq!(
            (ask.advertiser.as_deref(), ask.campaign.as_deref()),
            (Some("acme"), Some("a/b"))
        );
        assert_eq!((ask.from, ask.to), (UnixSeconds(5), UnixSeconds(9)));
    }
}
