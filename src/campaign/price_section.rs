//! `[campaign.price]`: how a bid is priced.

use super::advertiser_file::Surroundings;
use super::model::{DeviceType, Price, Recency, ValueRule};
use crate::audience::SegmentTable;
use crate::config::{Located, Section};
use crate::model::{CpmMicros, Factor, Seconds};

/// The range of the value's factor where none is given: a cart of a tenth or of ten times the
/// usual value moves the price, a mistyped one does not run away with it.
const VALUE_RANGE_DEFAULT: (f64, f64) = (0.1, 10.0);

/// Reads a price. `None` comes with a fault.
pub(super) fn read(
    section: &Section<'_>,
    surroundings: &Surroundings<'_>,
    segments: &mut SegmentTable,
) -> Option<Price> {
    let base = positive(section, "base_cpm", surroundings);
    let max = positive(section, "max_cpm", surroundings);
    let min = surroundings.micros(section, "min_cpm").unwrap_or(0);
    if let Some(max) = max
        && max.0 < min
    {
        let expected = format!("at least `min_cpm`, which is {}", CpmMicros(min));
        section.error("max_cpm", format!("`max_cpm` is {max}"), expected);
    }
    let value = value(section);
    let recency = recency(section);
    let exchanges = section.number_map("exchange");
    for (exchange, _) in &exchanges {
        surroundings.check_exchange(section, exchange);
    }
    Some(Price {
        base: base?,
        max: max?,
        min: CpmMicros(min),
        segments: factors(section.number_map("segments"), |name| Some(segments.intern(name))),
        value: value?,
        recency: recency?,
        fatigue: Factor::from_f64(section.number("fatigue")?)?,
        by_device: factors(section.number_map("device"), device),
        by_exchange: factors(exchanges, |name| Some(name.to_owned())),
        by_country: factors(section.number_map("country"), country),
    })
}

/// The device type of that name.
pub(super) fn device(name: &str) -> Option<DeviceType> {
    Some(match name {
        "mobile" => DeviceType::Mobile,
        "tablet" => DeviceType::Tablet,
        "desktop" => DeviceType::Desktop,
        "tv" => DeviceType::Tv,
        "other" => DeviceType::Other,
        _ => return None,
    })
}

/// A country code's three bytes.
pub(super) fn country(code: &str) -> Option<[u8; 3]> {
    code.as_bytes().try_into().ok()
}

fn factors<T>(
    numbers: Vec<(Located<&str>, f64)>,
    mut named: impl FnMut(&str) -> Option<T>,
) -> Vec<(T, Factor)> {
    let factor = |(name, number): (Located<&str>, f64)| {
        Some((named(name.value)?, Factor::from_f64(number)?))
    };
    numbers.into_iter().filter_map(factor).collect()
}

fn positive(
    section: &Section<'_>,
    name: &str,
    surroundings: &Surroundings<'_>,
) -> Option<CpmMicros> {
    let micros = surroundings.micros(section, name)?;
    if micros == 0 {
        section.error(name, format!("`{name}` is 0"), "an amount above 0");
    }
    Some(CpmMicros(micros))
}

/// Outer `None`: a fault; inner `None`: the value does not count.
#[expect(clippy::option_option, reason = "a fault and `value = \"none\"` are two things")]
fn value(section: &Section<'_>) -> Option<Option<ValueRule>> {
    let range = section.numbers("value_range");
    let (low, high) = match range[..] {
        [low, high] => (low, high),
        _ => VALUE_RANGE_DEFAULT,
    };
    if low > high {
        let expected = "the smaller factor first, such as [0.5, 3.0]";
        section.error("value_range", format!("{low} is more than {high}"), expected);
    }
    if section.text("value")? == "none" {
        for name in ["value_reference", "value_range"] {
            if section.has(name) {
                let expected = "`value = \"membership\"`, or this key left out";
                let message = format!("`{name}` means nothing without a value");
                section.faults().error(&section.key_at(name), message, expected);
            }
        }
        return Some(None);
    }
    let reference_thousandths = (section.number("value_reference")? * 1_000.0).round() as u64;
    let (low, high) = (Factor::from_f64(low)?, Factor::from_f64(high)?);
    Some(Some(ValueRule { reference_thousandths, low, high }))
}

fn recency(price: &Section<'_>) -> Option<Recency> {
    if !price.has("recency") {
        return Some(Recency::Flat);
    }
    let section = price.table("recency")?;
    match (section.has("half_life"), section.has("bands"), section.has("floor")) {
        (true, false, _) => {
            let floor = if section.has("floor") { section.number("floor")? } else { 0.0 };
            let half_life = section.duration("half_life")?;
            Some(Recency::HalfLife { half_life, floor: Factor::from_f64(floor)? })
        }
        (false, true, false) => bands(&section).map(Recency::Bands),
        _ => {
            if !section.may_be_incomplete() {
                let expected = "either `half_life` with or without `floor`, or `bands` alone";
                section.faults().error(section.at(), "an incomplete or mixed recency", expected);
            }
            None
        }
    }
}

/// The steps of a recency curve: from zero, ascending.
fn bands(section: &Section<'_>) -> Option<Vec<(Seconds, Factor)>> {
    let mut bands: Vec<(Seconds, Factor)> = Vec::new();
    for band in section.tables("bands") {
        let from = band.duration("from")?;
        let (expected, right) = match bands.last() {
            None => ("\"0s\" in the first band".to_owned(), from == Seconds(0)),
            Some((before, _)) => (format!("more than {before}, the band before"), from > *before),
        };
        if !right {
            band.error("from", format!("this band begins at {from}"), expected);
        }
        bands.push((from, Factor::from_f64(band.number("factor")?)?));
    }
    Some(bands)
}
