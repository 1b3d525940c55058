//! Protobuf body to [`BidRequest`]: only the fields that a decision reads, all else skipped.
//!
//! Why not prost: it owns every string. This walks the body once and borrows from it, like the
//! JSON reader; prost, generated from `proto/openrtb.proto`, is the oracle in the tests.
//!
//! Guarantees: never panics, never allocates but for more impressions than a request has
//! inline; a body that breaks the wire format, or lacks `id` or `imp`, is refused. Impressions are
//! read when somebody asks; one whose inside is broken is then skipped alone. A field that
//! came in another type, or a text that is not UTF-8, is absent, except among the privacy
//! flags, where it counts as the strictest. Signals are read in their 2.6 places and in those
//! of the IAB's `Ext` messages (field 99); what an exchange adds on its own is not known here.

pub(super) mod eids;
mod impression;
mod names;
mod regulations;
mod repeated;
pub(super) mod tags;
mod wire;

pub use names::RawMessage;
pub(super) use names::{Names, Shape, named};
pub(super) use repeated::Elements;
pub use repeated::Repeated;
pub(super) use wire::Field;
pub use wire::{GROUP_DEPTH_MAX, WireError};

use super::decode::{
    country_code, device_type, host_of, is_zero_id, joined_consent, keep, present, whole,
};
use super::impressions::{Impressions, ReadImpressions, Unread};
use super::list::RawList;
use super::raw::RawObject;
use super::request::{BidRequest, Device, IMPRESSIONS_MAX, InvalidRequest, Inventory, User};
use crate::model::InventoryKind;
use impression::impression;
use regulations::regulations;
use wire::{Message, Result as Read};

/// Reads a protobuf body.
///
/// # Errors
/// See [`InvalidRequest`].
pub fn decode_protobuf(body: &[u8]) -> Result<BidRequest<'_>, InvalidRequest> {
    let mut request = BidRequest::silent();
    read_protobuf(body, &mut request)?;
    Ok(request)
}

/// As [`decode_protobuf`], into a request that says nothing yet.
///
/// # Errors
/// See [`InvalidRequest`].
pub fn read_protobuf<'a>(
    body: &'a [u8],
    request: &mut BidRequest<'a>,
) -> Result<(), InvalidRequest> {
    let mut impressions = None;
    let mut met = Met::default();
    Message::new(body).each(|field| {
        if field.number == tags::bid_request::IMP {
            if impressions.is_none() && field.message().is_some() {
                impressions = Some(Repeated::starting_at(&field, Elements::Delimited));
            }
            return Ok(());
        }
        if met.twice(field.number) {
            request.regulations.unreadable = true;
        }
        top_level(&field, request)
    })?;
    if let Some(list) = impressions {
        request.impressions = Impressions::later(Unread::Protobuf(list));
    }
    whole(request, impressions.is_some())
}

/// Adds the impressions of a repeated field.
pub(super) fn read_impressions<'a>(list: &Repeated<'a>, read: &mut ReadImpressions<'a>) {
    list.each(|field| {
        let Some(message) = field.message() else { return Ok(()) };
        if read.list.len() == IMPRESSIONS_MAX {
            read.skipped += 1;
            return Ok(());
        }
        keep(read, impression(message).ok().flatten());
        Ok(())
    });
}

/// Which of the messages that carry privacy signals were met.
#[derive(Default)]
struct Met {
    device: bool,
    user: bool,
    regulations: bool,
}

impl Met {
    /// Whether this is one of them, for the second time. Protobuf would join the two; no
    /// exchange writes such a thing, so it is not worth more than to be read as "no".
    fn twice(&mut self, number: u32) -> bool {
        let met = match number {
            tags::bid_request::DEVICE => &mut self.device,
            tags::bid_request::USER => &mut self.user,
            tags::bid_request::REGS => &mut self.regulations,
            _ => return false,
        };
        std::mem::replace(met, true)
    }
}

fn top_level<'a>(field: &Field<'a>, request: &mut BidRequest<'a>) -> Read<()> {
    use tags::bid_request as tag;
    match field.number {
        tag::ID => request.id = field.text().unwrap_or_default(),
        tag::TEST => request.test = field.flag() == Some(true),
        tag::AT => request.auction_type = field.integer().unwrap_or(2),
        tag::TMAX => request.tmax_ms = field.integer().and_then(|ms| u32::try_from(ms).ok()),
        tag::CUR => list(field, &mut request.currencies),
        tag::BCAT => list(field, &mut request.blocked_categories),
        tag::BADV => list(field, &mut request.blocked_advertisers),
        tag::WSEAT => list(field, &mut request.allowed_seats),
        tag::BSEAT => list(field, &mut request.blocked_seats),
        tag::ACAT => list(field, &mut request.allowed_categories),
        tag::CATTAX => request.category_taxonomy = field.integer().unwrap_or(1),
        tag::BAPP => list(field, &mut request.blocked_apps),
        tag::WLANG => list(field, &mut request.allowed_languages[0]),
        tag::WLANGB => list(field, &mut request.allowed_languages[1]),
        tag::SOURCE => return within(field, |message| source(message, request)),
        tag::SITE => return within(field, |message| site(message, &mut request.inventory)),
        tag::APP => return within(field, |message| app(message, &mut request.inventory)),
        tag::DOOH => return within(field, |message| dooh(message, &mut request.inventory)),
        tag::DEVICE => return device(field, &mut request.device),
        tag::USER => return user(field, request),
        tag::REGS => return regulations(field, &mut request.regulations),
        _ => {}
    }
    Ok(())
}

/// Reads the message in a field; a field that holds none is passed over.
fn within<'a>(field: &Field<'a>, read: impl FnOnce(Message<'a>) -> Read<()>) -> Read<()> {
    field.message().map_or(Ok(()), read)
}

/// Notes where a repeated field of texts or messages begins.
fn list<'a>(field: &Field<'a>, list: &mut RawList<'a>) {
    if list.is_empty() && field.message().is_some() {
        *list = RawList::Protobuf(Repeated::starting_at(field, Elements::Delimited));
    }
}

/// Keeps a message for later.
fn raw<'a>(field: &Field<'a>, shape: Shape) -> Option<RawObject<'a>> {
    field.message().map(|message| RawObject::Protobuf(RawMessage::new(message, shape)))
}

fn source<'a>(message: Message<'a>, request: &mut BidRequest<'a>) -> Read<()> {
    let chains = &mut request.supply_chains;
    message.each(|field| {
        match field.number {
            tags::source::SCHAIN => chains[0] = raw(&field, Shape::SupplyChain),
            tags::EXT => {
                return within(&field, |message| {
                    message.each(|field| {
                        if field.number == tags::source_ext::SCHAIN {
                            chains[1] = raw(&field, Shape::SupplyChain);
                        }
                        Ok(())
                    })
                });
            }
            _ => {}
        }
        Ok(())
    })
}

fn site<'a>(message: Message<'a>, inventory: &mut Inventory<'a>) -> Read<()> {
    let mut page = None;
    message.each(|field| {
        match field.number {
            tags::site::DOMAIN => inventory.domain = present(field.text()),
            tags::site::PAGE => page = field.text(),
            _ => {}
        }
        Ok(())
    })?;
    inventory.kind = Some(InventoryKind::Site);
    if inventory.domain.is_none() {
        inventory.domain = page.and_then(host_of);
    }
    Ok(())
}

fn app<'a>(message: Message<'a>, inventory: &mut Inventory<'a>) -> Read<()> {
    inventory.kind = Some(InventoryKind::App);
    message.each(|field| {
        if field.number == tags::app::BUNDLE {
            inventory.bundle = present(field.text());
        }
        Ok(())
    })
}

fn dooh<'a>(message: Message<'a>, inventory: &mut Inventory<'a>) -> Read<()> {
    inventory.kind = Some(InventoryKind::Dooh);
    message.each(|field| {
        if field.number == tags::dooh::DOMAIN {
            inventory.domain = present(field.text());
        }
        Ok(())
    })
}

fn device<'a>(field: &Field<'a>, device: &mut Device<'a>) -> Read<()> {
    use tags::device as tag;
    let Some(message) = field.message() else { return Ok(()) };
    message.each(|field| {
        match field.number {
            tag::DEVICETYPE => device.device_type = field.integer().map(device_type),
            tag::OS => device.operating_system = present(field.text()),
            tag::UA => device.user_agent = present(field.text()),
            tag::SUA => device.structured_user_agent = raw(&field, Shape::UserAgent),
            tag::IFA => device.ifa = present(field.text()).filter(|ifa| !is_zero_id(ifa)),
            // A flag that cannot be read forbids.
            tag::LMT | tag::DNT => device.tracking_limited |= field.flag() != Some(false),
            tag::GEO => return within(&field, |message| geo(message, device)),
            tags::EXT => return within(&field, |message| device_extension(message, device)),
            _ => {}
        }
        Ok(())
    })
}

/// `atts`, Apple's tracking status: 3 is authorised; 0 undetermined, 1 restricted and 2 denied
/// are not.
fn device_extension(message: Message<'_>, device: &mut Device<'_>) -> Read<()> {
    message.each(|field| {
        if field.number == tags::device_ext::ATTS {
            device.tracking_limited |= matches!(field.integer(), Some(0..=2));
        }
        Ok(())
    })
}

fn geo<'a>(message: Message<'a>, device: &mut Device<'a>) -> Read<()> {
    message.each(|field| {
        match field.number {
            tags::geo::COUNTRY => {
                device.country = field.text().and_then(|code| country_code(&code));
            }
            tags::geo::REGION => device.region = present(field.text()),
            _ => {}
        }
        Ok(())
    })
}

fn user<'a>(field: &Field<'a>, request: &mut BidRequest<'a>) -> Read<()> {
    use tags::user as tag;
    let Some(message) = field.message() else { return Ok(()) };
    let user = &mut request.user;
    let mut consents = [None, None];
    message.each(|field| {
        match field.number {
            tag::ID => user.id = present(field.text()),
            tag::BUYERUID => user.buyeruid = present(field.text()),
            tag::CONSENT => consents[0] = present(field.text()),
            tag::EIDS => list(&field, &mut user.eids[0]),
            tags::EXT => {
                return within(&field, |message| user_extension(message, (user, &mut consents)));
            }
            _ => {}
        }
        Ok(())
    })?;
    user.consent = joined_consent(consents);
    Ok(())
}

type Text<'a> = Option<std::borrow::Cow<'a, str>>;

fn user_extension<'a>(
    message: Message<'a>,
    (user, consents): (&mut User<'a>, &mut [Text<'a>; 2]),
) -> Read<()> {
    message.each(|field| {
        match field.number {
            tags::user_ext::CONSENT => consents[1] = present(field.text()),
            tags::user_ext::EIDS => list(&field, &mut user.eids[1]),
            _ => {}
        }
        Ok(())
    })
}

#[cfg(test)]
pub(crate) mod tests;
