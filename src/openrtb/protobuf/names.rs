//! What the fields of the messages that are read late are called, so that one reader serves
//! both forms. Numbers as in `proto/openrtb.proto`, against which the tests hold them.

use super::wire::{Field, Message};
use crate::openrtb::member::{Member, Read, Stopped};

/// The fields of a message: number, name, and those of the message that it holds, if any.
#[derive(Clone, Copy, Debug)]
pub(in crate::openrtb) struct Names(&'static [(u32, &'static str, Names)]);

/// A message that is kept for later.
#[derive(Clone, Copy, Debug)]
pub struct RawMessage<'a> {
    inside: &'a [u8],
    shape: Shape,
}

/// Which message it is. Not its names: a request has many of these, and this is one byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::openrtb) enum Shape {
    Video,
    Audio,
    Native,
    Deal,
    SupplyChain,
    UserAgent,
}

impl<'a> RawMessage<'a> {
    pub(super) fn new(message: Message<'a>, shape: Shape) -> Self {
        Self { inside: message.rest(), shape }
    }

    /// See [`named`].
    pub(in crate::openrtb) fn each(
        &self,
        visit: impl FnMut(&str, Member<'_, 'a>) -> Read<()>,
    ) -> Read<()> {
        named(Message::new(self.inside), self.shape.names(), visit)
    }
}

/// Calls `visit(name, member)` for each field that has a name.
pub(in crate::openrtb) fn named<'a>(
    message: Message<'a>,
    names: Names,
    mut visit: impl FnMut(&str, Member<'_, 'a>) -> Read<()>,
) -> Read<()> {
    message.each(|field: Field<'a>| {
        let known = names.0.iter().find(|(number, ..)| *number == field.number);
        if let Some((_, name, inside)) = known {
            visit(name, Member::Protobuf(field, *inside))?;
        }
        Ok(())
    })?;
    Ok::<(), Stopped>(())
}

impl Shape {
    pub(in crate::openrtb) fn names(self) -> Names {
        match self {
            Self::Video => VIDEO,
            Self::Audio => AUDIO,
            Self::Native => NATIVE,
            Self::Deal => DEAL,
            Self::SupplyChain => SUPPLY_CHAIN,
            Self::UserAgent => USER_AGENT,
        }
    }
}

/// Of fields that hold no message.
const NONE: Names = Names(&[]);
const LEN: Names = Names(&[(1, "len", NONE)]);
const BRAND: Names = Names(&[(1, "brand", NONE)]);
const SIZE: Names = Names(&[(1, "w", NONE), (2, "h", NONE)]);
const BANNER: Names = Names(&[(1, "w", NONE), (2, "h", NONE), (15, "format", SIZE)]);
const DURATION_FLOOR: Names =
    Names(&[(1, "mindur", NONE), (2, "maxdur", NONE), (3, "bidfloor", NONE)]);

const VIDEO: Names = Names(&[
    (1, "mimes", NONE),
    (2, "linearity", NONE),
    (3, "minduration", NONE),
    (4, "maxduration", NONE),
    (5, "protocol", NONE),
    (6, "w", NONE),
    (7, "h", NONE),
    (8, "startdelay", NONE),
    (10, "battr", NONE),
    (12, "minbitrate", NONE),
    (13, "maxbitrate", NONE),
    (18, "companionad", BANNER),
    (19, "api", NONE),
    (21, "protocols", NONE),
    (23, "skip", NONE),
    (28, "maxseq", NONE),
    (29, "poddur", NONE),
    (30, "podid", NONE),
    (32, "rqddurs", NONE),
    (33, "slotinpod", NONE),
    (34, "mincpmpersec", NONE),
    (35, "plcmt", NONE),
    (36, "durfloors", DURATION_FLOOR),
    (37, "poddedupe", NONE),
]);

const AUDIO: Names = Names(&[
    (1, "mimes", NONE),
    (2, "minduration", NONE),
    (3, "maxduration", NONE),
    (4, "protocols", NONE),
    (5, "startdelay", NONE),
    (7, "battr", NONE),
    (9, "minbitrate", NONE),
    (10, "maxbitrate", NONE),
    (12, "companionad", BANNER),
    (13, "api", NONE),
    (21, "maxseq", NONE),
    (25, "poddur", NONE),
    (26, "rqddurs", NONE),
    (27, "podid", NONE),
    (29, "slotinpod", NONE),
    (30, "mincpmpersec", NONE),
    (31, "durfloors", DURATION_FLOOR),
]);

const NATIVE: Names = Names(&[
    (1, "request", NONE),
    (3, "api", NONE),
    (4, "battr", NONE),
    (50, "request_native", NATIVE_REQUEST),
]);

const NATIVE_REQUEST: Names =
    Names(&[(6, "assets", ASSET), (13, "eventtrackers", EVENT_TRACKER), (14, "privacy", NONE)]);

const ASSET: Names = Names(&[
    (1, "id", NONE),
    (2, "required", NONE),
    (3, "title", LEN),
    (4, "img", IMAGE),
    (5, "video", VIDEO),
    (6, "data", DATA),
]);

const IMAGE: Names = Names(&[
    (1, "type", NONE),
    (2, "w", NONE),
    (3, "h", NONE),
    (4, "wmin", NONE),
    (5, "hmin", NONE),
    (6, "mimes", NONE),
]);

const DATA: Names = Names(&[(1, "type", NONE), (2, "len", NONE)]);
const EVENT_TRACKER: Names = Names(&[(1, "event", NONE), (2, "methods", NONE)]);

const DEAL: Names = Names(&[
    (1, "id", NONE),
    (2, "bidfloor", NONE),
    (3, "bidfloorcur", NONE),
    (4, "wseat", NONE),
    (5, "wadomain", NONE),
    (6, "at", NONE),
    (7, "guar", NONE),
    (8, "mincpmpersec", NONE),
    (9, "durfloors", DURATION_FLOOR),
]);

const SUPPLY_CHAIN: Names = Names(&[(1, "complete", NONE), (2, "nodes", SELLER)]);
const SELLER: Names = Names(&[(1, "asi", NONE), (2, "sid", NONE)]);
const USER_AGENT: Names =
    Names(&[(1, "browsers", BRAND), (2, "platform", BRAND), (3, "mobile", NONE)]);
