//! `imp`: what is on offer. Banners are read whole; spots, native placements and deals are kept
//! as they came, for whoever has somebody to show something to.
//!
//! Guarantees: as [`super`].

use super::Read;
use crate::model::{CpmMicros, Currency, MediaTypes};
use crate::openrtb::json::Reader;
use crate::openrtb::member::{add_media_type, bit};
use crate::openrtb::raw::RawObject;
use crate::openrtb::request::{Banner, FORMATS_MAX, Impression};

pub(super) fn impression<'a>(reader: &mut Reader<'a>) -> Read<Option<Impression<'a>>> {
    let mut one = Impression { floor_currency: Some(Currency::USD), ..Impression::default() };
    let is_object = reader.object(|reader, key| {
        match key {
            "id" => one.id = reader.text()?.unwrap_or_default(),
            "banner" => one.banner = banner(reader)?,
            "bidfloor" => one.floor = reader.price()?.unwrap_or_default(),
            "bidfloorcur" => one.floor_currency = floor_currency(reader.text()?.as_deref()),
            "secure" => one.secure = reader.integer()?.map(|flag| flag != 0),
            "pmp" => market(reader, &mut one)?,
            "video" => one.video = video(reader, &mut one.rewarded)?,
            "audio" => one.audio = reader.raw_object()?,
            "native" => one.native = reader.raw_object()?,
            "instl" => one.interstitial = reader.integer()? == Some(1),
            "rwdd" => one.rewarded |= reader.integer()? == Some(1),
            "exp" => one.expires_s = seconds(reader.integer()?),
            "qty" => quantity(reader, &mut one)?,
            "ext" => extension(reader, &mut one)?,
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    Ok((is_object && !one.id.is_empty()).then_some(one))
}

/// The protocol's default where nothing is said; `None` for a code that is none.
pub(in crate::openrtb) fn floor_currency(code: Option<&str>) -> Option<Currency> {
    match code {
        Some(code) if !code.is_empty() => Currency::parse(code),
        _ => Some(Currency::USD),
    }
}

/// A number of seconds; none and fewer say nothing.
pub(in crate::openrtb) fn seconds(number: Option<i64>) -> Option<u32> {
    u32::try_from(number?).ok().filter(|seconds| *seconds > 0)
}

/// A multiplier in thousandths, rounded up; `None` for nothing and less.
pub(in crate::openrtb) fn thousandths(multiplier: Option<CpmMicros>) -> Option<u32> {
    let thousandths = u32::try_from(multiplier?.0.checked_add(999)? / 1_000).ok();
    thousandths.filter(|number| *number > 0)
}

/// `pmp`.
fn market<'a>(reader: &mut Reader<'a>, one: &mut Impression<'a>) -> Read<()> {
    reader.object(|reader, key| {
        match key {
            "private_auction" => one.private_auction = reader.integer()? == Some(1),
            "deals" => one.deals = reader.list()?,
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    Ok(())
}

fn quantity(reader: &mut Reader<'_>, one: &mut Impression<'_>) -> Read<()> {
    reader.object(|reader, key| {
        match key {
            "multiplier" => one.quantity_thousandths = thousandths(reader.price()?),
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    Ok(())
}

/// `ext.prebid.is_rewarded_inventory`: 2.5's way to say `rwdd`.
fn extension(reader: &mut Reader<'_>, one: &mut Impression<'_>) -> Read<()> {
    reader.object(|reader, key| {
        if key != "prebid" {
            return reader.pass();
        }
        reader.object(|reader, key| {
            match key {
                "is_rewarded_inventory" => one.rewarded |= reader.integer()? == Some(1),
                _ => reader.pass()?,
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(())
}

/// Keeps `video` for later; `ext.rewarded` in it is another of 2.5's ways to say `rwdd`, which
/// must be known before.
fn video<'a>(reader: &mut Reader<'a>, rewarded: &mut bool) -> Read<Option<RawObject<'a>>> {
    reader.seek_value();
    let start = reader.offset();
    let is_object = reader.object(|reader, key| {
        if key != "ext" {
            return reader.pass();
        }
        reader.object(|reader, key| {
            match key {
                "rewarded" => *rewarded |= reader.integer()? == Some(1),
                _ => reader.pass()?,
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(is_object.then(|| RawObject::Json(reader.since(start))))
}

fn banner(reader: &mut Reader<'_>) -> Read<Option<Banner>> {
    let mut banner = Banner::default();
    let (mut width, mut height) = (None, None);
    let is_object = reader.object(|reader, key| {
        match key {
            "format" => formats(reader, &mut banner)?,
            "w" => width = reader.integer()?,
            "h" => height = reader.integer()?,
            "battr" => banner.blocked_attributes = bits(reader)?,
            "btype" => banner.blocked_types = bits(reader)?,
            "api" => banner.apis = bits(reader)?,
            "expdir" => banner.expansions = bits(reader)?,
            "mimes" => media_types(reader, &mut banner.media_types)?,
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    if banner.sizes.is_empty() {
        banner.sizes.extend(size(width, height));
    }
    Ok((is_object && !banner.sizes.is_empty()).then_some(banner))
}

fn formats(reader: &mut Reader<'_>, banner: &mut Banner) -> Read<()> {
    reader.array(|reader| {
        let (mut width, mut height) = (None, None);
        reader.object(|reader, key| {
            match key {
                "w" => width = reader.integer()?,
                "h" => height = reader.integer()?,
                _ => reader.pass()?,
            }
            Ok(())
        })?;
        if banner.sizes.len() < FORMATS_MAX {
            banner.sizes.extend(size(width, height));
        }
        Ok(())
    })?;
    Ok(())
}

pub(in crate::openrtb) fn size(width: Option<i64>, height: Option<i64>) -> Option<(u16, u16)> {
    let pixels = |side: Option<i64>| u16::try_from(side?).ok().filter(|side| *side > 0);
    Some((pixels(width)?, pixels(height)?))
}

/// A list of small numbers as bits; numbers from 32 on mean nothing to this bidder.
fn bits(reader: &mut Reader<'_>) -> Read<u32> {
    let mut bits = 0;
    reader.array(|reader| {
        bits |= reader.integer()?.map_or(0, bit);
        Ok(())
    })?;
    Ok(bits)
}

fn media_types(reader: &mut Reader<'_>, types: &mut Option<MediaTypes>) -> Read<()> {
    reader.array(|reader| {
        if let Some(name) = reader.text()? {
            add_media_type(types, &name);
        }
        Ok(())
    })?;
    Ok(())
}
