//! Single values as people write them in TOML: numbers, rates, percentages, moments.
//!
//! Guarantees: exact where it matters (rates are read from their digits, never from a float),
//! `None` for whatever is not of the form.

use crate::model::UnixSeconds;
use crate::model::money::parse_micros;
use jiff::civil::Date;
use toml::de::DeValue;
use toml::value::Offset;

/// A moment as people write it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// A day; whose day, the reader must know.
    Date(Date),
    /// An exact second.
    Exact(UnixSeconds),
}

impl When {
    /// Reads a TOML date, or a date and time with an offset; years 1970 to 2105.
    pub fn read(value: &DeValue<'_>) -> Option<Self> {
        let stamp = value.as_datetime()?;
        let date = stamp.date.filter(|date| (1970..=2105).contains(&date.year))?;
        let civil = Date::new(date.year as i16, date.month as i8, date.day as i8).ok()?;
        let (Some(time), Some(offset)) = (stamp.time, stamp.offset) else {
            return (stamp.time.is_none()).then_some(Self::Date(civil));
        };
        let minutes_east = match offset {
            Offset::Z => 0,
            Offset::Custom { minutes } => i32::from(minutes),
        };
        let offset = jiff::tz::Offset::from_seconds(minutes_east * 60).ok()?;
        let second = time.second.unwrap_or(0) as i8;
        let local = civil.at(time.hour as i8, time.minute as i8, second.min(59), 0);
        let unix = offset.to_timestamp(local).ok()?.as_second();
        u32::try_from(unix).ok().map(|unix| Self::Exact(UnixSeconds(unix)))
    }
}

/// Reads `"12.5%"` as 1250 per 10,000: at most two decimals, at most 100%.
pub fn parse_percent(text: &str) -> Option<u16> {
    let micros = parse_micros(text.strip_suffix('%')?)?;
    let per_10k = u16::try_from(micros / 10_000).ok()?;
    (micros % 10_000 == 0 && per_10k <= 10_000).then_some(per_10k)
}

/// A TOML integer in whichever base it is written.
pub fn as_integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// A TOML integer or float as a number; infinities and NaN are none.
pub fn as_number(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Float(float) => float.as_str().parse().ok()?,
        other => as_integer(other)? as f64,
    };
    number.is_finite().then_some(number)
}

/// A TOML number of at most nine decimals in billionths, exactly as it is written.
pub fn as_nanos(value: &DeValue<'_>) -> Option<u64> {
    let text = match value {
        DeValue::Float(float) => float.as_str(),
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
        _ => return None,
    };
    let (units, places) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if units.is_empty() || !digits(units) || !digits(places) || places.len() > 9 {
        return None;
    }
    format!("{units}{places:0<9}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> DeValue<'_> {
        DeValue::parse(text).expect("well formed").into_inner()
    }

    #[test]
    fn rates_are_exact() {
        assert_eq!(as_nanos(&value("1.08")), Some(1_080_000_000));
        assert_eq!(as_nanos(&value("150")), Some(150_000_000_000));
        assert_eq!(as_nanos(&value("0.006543211")), Some(6_543_211));
        for bad in ["0.0065432111", "1e3", "-1.0", "nan", "0x10", "99999999999999999999.0"] {
            assert_eq!(as_nanos(&value(bad)), None, "{bad}");
        }
    }

    #[test]
    fn numbers_may_be_written_in_every_way_of_toml() {
        assert_eq!(as_integer(&value("1_000")), Some(1_000));
        assert_eq!(as_integer(&value("0xff")), Some(255));
        assert_eq!(as_integer(&value("99999999999999999999")), None);
        assert_eq!(as_number(&value("1_000.5")), Some(1_000.5));
        assert_eq!(as_number(&value("inf")), None);
    }

    #[test]
    fn percentages_have_two_decimals_at_most() {
        let cases = [("0%", 0), ("12.5%", 1_250), ("0.01%", 1), ("100%", 10_000)];
        for (text, per_10k) in cases {
            assert_eq!(parse_percent(text), Some(per_10k), "{text}");
        }
        for bad in ["", "%", "10", "-1%", "0.001%", "100.01%", "1e1%", "99999999999999%"] {
            assert_eq!(parse_percent(bad), None, "{bad}");
        }
    }

    #[test]
    fn moments_are_exact_and_days_have_no_time() {
        let read = |text: &str| When::read(&value(text));
        assert_eq!(read("1970-01-02T01:00:00+01:00"), Some(When::Exact(UnixSeconds(86_400))));
        assert_eq!(read("1970-01-02T00:00:00Z"), Some(When::Exact(UnixSeconds(86_400))));
        assert_eq!(read("2026-11-01"), Some(When::Date(jiff::civil::date(2026, 11, 1))));
        for bad in ["1969-12-31", "2106-01-01", "1970-01-01T00:00:00+01:00", "2026-11-01T08:00:00"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
