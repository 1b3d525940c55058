//! JSON body to [`BidRequest`]: only the fields that a decision reads, everything else skipped.
//!
//! Guarantees: only a body that is no JSON object, or lacks `id` or `imp`, is refused; a bad
//! impression is left out alone; a wrong-typed optional field is absent, except among the
//! privacy flags, where what cannot be read counts as the strictest.

mod impression;
mod regulations;

use super::impressions::{Impressions, ReadImpressions, Unread};
use super::json::{Index, JsonError, Reader};
use super::raw::RawObject;
use super::request::{
    BidRequest, Device, IMPRESSIONS_MAX, Impression, InvalidRequest, Inventory, User,
};
use crate::model::{DeviceType, InventoryKind};
use impression::impression;
pub(super) use impression::{floor_currency, seconds, size, thousandths};
use regulations::{flag, regulations};
pub(super) use regulations::{join_dsa, known_level};
use std::borrow::Cow;

type Read<T> = Result<T, JsonError>;

/// Reads a JSON body.
///
/// # Errors
/// See [`InvalidRequest`].
pub fn decode_json(body: &[u8]) -> Result<BidRequest<'_>, InvalidRequest> {
    let text = std::str::from_utf8(body).map_err(|_| InvalidRequest::NotText)?;
    let mut request = BidRequest::silent();
    decode(Reader::new(text), &mut request)?;
    Ok(request)
}

/// As [`decode_json`], with the help of an index, whose buffers are used, into a request that
/// says nothing yet: on the bid path.
///
/// # Errors
/// See [`InvalidRequest`].
pub fn decode_indexed<'a>(
    body: &'a [u8],
    index: &'a mut Index,
    request: &mut BidRequest<'a>,
) -> Result<(), InvalidRequest> {
    let text = simdutf8::basic::from_utf8(body).map_err(|_| InvalidRequest::NotText)?;
    decode(Reader::with_index(text, index), request)
}

fn decode<'a>(mut reader: Reader<'a>, request: &mut BidRequest<'a>) -> Result<(), InvalidRequest> {
    let mut impressions_offered = false;
    let is_object = reader.object(|reader, key| {
        if key == "imp" {
            impressions_offered = impressions(reader, request)?;
            return Ok(());
        }
        top_level(reader, key, request)
    })?;
    reader.end()?;
    if !is_object {
        return Err(InvalidRequest::NotAnObject);
    }
    whole(request, impressions_offered)
}

/// Whether the request has what none can do without.
pub(super) fn whole(
    request: &BidRequest<'_>,
    impressions_offered: bool,
) -> Result<(), InvalidRequest> {
    if request.id.is_empty() {
        return Err(InvalidRequest::MissingId);
    }
    if !impressions_offered {
        return Err(InvalidRequest::MissingImpressions);
    }
    Ok(())
}

fn top_level<'a>(reader: &mut Reader<'a>, key: &str, request: &mut BidRequest<'a>) -> Read<()> {
    match key {
        "id" => request.id = reader.text()?.unwrap_or_default(),
        "test" => request.test = reader.integer()? == Some(1),
        "at" => request.auction_type = reader.integer()?.unwrap_or(2),
        "tmax" => request.tmax_ms = reader.integer()?.and_then(|ms| u32::try_from(ms).ok()),
        "cur" => request.currencies = reader.list()?,
        "bcat" => request.blocked_categories = reader.list()?,
        "badv" => request.blocked_advertisers = reader.list()?,
        "wseat" => request.allowed_seats = reader.list()?,
        "bseat" => request.blocked_seats = reader.list()?,
        "acat" => request.allowed_categories = reader.list()?,
        "cattax" => request.category_taxonomy = reader.integer()?.unwrap_or(1),
        "bapp" => request.blocked_apps = reader.list()?,
        "wlang" => request.allowed_languages[0] = reader.list()?,
        "wlangb" => request.allowed_languages[1] = reader.list()?,
        "source" => source(reader, &mut request.supply_chains)?,
        "site" => site(reader, &mut request.inventory)?,
        "app" => app(reader, &mut request.inventory)?,
        "dooh" => dooh(reader, &mut request.inventory)?,
        "device" => device(reader, &mut request.device)?,
        "user" => user(reader, &mut request.user)?,
        "regs" => regulations(reader, &mut request.regulations)?,
        _ => reader.pass()?,
    }
    Ok(())
}

/// Reads `imp`, or has it read later where it can be stepped over; whether it is a list with
/// anything in it.
fn impressions<'a>(reader: &mut Reader<'a>, request: &mut BidRequest<'a>) -> Read<bool> {
    if reader.is_indexed() {
        request.impressions = Impressions::later(Unread::Json(reader.clone()));
        return reader.json_list().map(|list| !list.is_empty());
    }
    let mut read = ReadImpressions::default();
    read_impressions(reader, &mut read)?;
    let offered = !read.list.is_empty() || read.skipped > 0;
    request.impressions = Impressions::now(read);
    Ok(offered)
}

/// Adds the impressions of the array that comes next.
pub(super) fn read_impressions<'a>(
    reader: &mut Reader<'a>,
    read: &mut ReadImpressions<'a>,
) -> Read<()> {
    reader.array(|reader| {
        if read.list.len() == IMPRESSIONS_MAX {
            read.skipped += 1;
            return reader.pass();
        }
        let one = impression(reader)?;
        keep(read, one);
        Ok(())
    })?;
    Ok(())
}

/// Keeps an impression that could be read and is not there already; counts any other.
pub(super) fn keep<'a>(read: &mut ReadImpressions<'a>, one: Option<Impression<'a>>) {
    let doubled = |one: &Impression<'_>| read.list.iter().any(|old| old.id == one.id);
    match one.filter(|one| !doubled(one)) {
        Some(one) => read.list.push(one),
        None => read.skipped += 1,
    }
}

/// The supply chain in its 2.6 and its 2.5 place.
fn source<'a>(reader: &mut Reader<'a>, chains: &mut [Option<RawObject<'a>>; 2]) -> Read<()> {
    reader.object(|reader, key| {
        match key {
            "schain" => chains[0] = reader.raw_object()?,
            "ext" => {
                reader.object(|reader, key| {
                    match key {
                        "schain" => chains[1] = reader.raw_object()?,
                        _ => reader.pass()?,
                    }
                    Ok(())
                })?;
            }
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    Ok(())
}

fn site<'a>(reader: &mut Reader<'a>, inventory: &mut Inventory<'a>) -> Read<()> {
    let mut page = None;
    let is_object = reader.object(|reader, key| {
        match key {
            "domain" => inventory.domain = present(reader.text()?),
            "page" => page = reader.text()?,
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    if is_object {
        inventory.kind = Some(InventoryKind::Site);
    }
    if inventory.domain.is_none() {
        inventory.domain = page.and_then(host_of);
    }
    Ok(())
}

/// The host of a URL, without its port.
pub(super) fn host_of(page: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let range = {
        let start = page.find("://").map_or(0, |scheme| scheme + 3);
        let length = page[start..].find(['/', '?', '#', ':']).unwrap_or(page.len() - start);
        start..start + length
    };
    let host = match page {
        Cow::Borrowed(page) => Cow::Borrowed(&page[range]),
        Cow::Owned(page) => Cow::Owned(page[range].to_owned()),
    };
    present(Some(host))
}

fn app<'a>(reader: &mut Reader<'a>, inventory: &mut Inventory<'a>) -> Read<()> {
    let is_object = reader.object(|reader, key| {
        match key {
            "bundle" => inventory.bundle = present(reader.text()?),
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    if is_object {
        inventory.kind = Some(InventoryKind::App);
    }
    Ok(())
}

fn dooh<'a>(reader: &mut Reader<'a>, inventory: &mut Inventory<'a>) -> Read<()> {
    let is_object = reader.object(|reader, key| {
        match key {
            "domain" => inventory.domain = present(reader.text()?),
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    if is_object {
        inventory.kind = Some(InventoryKind::Dooh);
    }
    Ok(())
}

fn device<'a>(reader: &mut Reader<'a>, device: &mut Device<'a>) -> Read<()> {
    reader.object(|reader, key| {
        match key {
            "devicetype" => device.device_type = reader.integer()?.map(device_type),
            "os" => device.operating_system = present(reader.text()?),
            "ua" => device.user_agent = present(reader.text()?),
            "sua" => device.structured_user_agent = reader.raw_object()?,
            "ifa" => device.ifa = present(reader.text()?).filter(|ifa| !is_zero_id(ifa)),
            "lmt" | "dnt" => {
                let mut unreadable = false;
                let said = flag(reader, &mut unreadable)?;
                device.tracking_limited |= said == Some(true) || unreadable;
            }
            "geo" => geo(reader, device)?,
            "ext" => device_extension(reader, device)?,
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    Ok(())
}

/// `ext.atts`, Apple's tracking status: 3 is authorised; 0 undetermined, 1 restricted and
/// 2 denied are not.
fn device_extension(reader: &mut Reader<'_>, device: &mut Device<'_>) -> Read<()> {
    reader.object(|reader, key| {
        match key {
            "atts" => device.tracking_limited |= matches!(reader.integer()?, Some(0..=2)),
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    Ok(())
}

fn geo<'a>(reader: &mut Reader<'a>, device: &mut Device<'a>) -> Read<()> {
    reader.object(|reader, key| {
        match key {
            "country" => {
                device.country = reader.text()?.and_then(|code| country_code(&code));
            }
            "region" => device.region = present(reader.text()?),
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    Ok(())
}

pub(super) fn country_code(code: &str) -> Option<[u8; 3]> {
    let letters = <[u8; 3]>::try_from(code.as_bytes()).ok()?;
    Some(letters.map(|letter| letter.to_ascii_uppercase()))
}

/// AdCOM list "Device Types".
pub(super) fn device_type(code: i64) -> DeviceType {
    match code {
        1 | 4 => DeviceType::Mobile,
        2 => DeviceType::Desktop,
        5 => DeviceType::Tablet,
        3 | 7 => DeviceType::Tv,
        _ => DeviceType::Other,
    }
}

/// An advertising id that was wiped: zeros and dashes only.
pub(super) fn is_zero_id(id: &str) -> bool {
    id.bytes().all(|byte| byte == b'0' || byte == b'-')
}

fn user<'a>(reader: &mut Reader<'a>, user: &mut User<'a>) -> Read<()> {
    let mut consents = [None, None];
    reader.object(|reader, key| {
        match key {
            "id" => user.id = present(reader.text()?),
            "buyeruid" => user.buyeruid = present(reader.text()?),
            "eids" => user.eids[0] = reader.list()?,
            "consent" => consents[0] = present(reader.text()?),
            "ext" => {
                reader.object(|reader, key| {
                    match key {
                        "eids" => user.eids[1] = reader.list()?,
                        "consent" => consents[1] = present(reader.text()?),
                        _ => reader.pass()?,
                    }
                    Ok(())
                })?;
            }
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    user.consent = joined_consent(consents);
    Ok(())
}

/// The consent of two places. Where they contradict each other it is an empty text, which
/// grants nothing, and for which no other string may stand in.
pub(super) fn joined_consent(places: [Option<Cow<'_, str>>; 2]) -> Option<Cow<'_, str>> {
    match places {
        [Some(first), Some(second)] if first != second => Some(Cow::Borrowed("")),
        [first, second] => first.or(second),
    }
}

/// An empty text is as good as none.
pub(super) fn present(text: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
