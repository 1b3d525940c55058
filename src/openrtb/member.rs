//! A member of an object that is read late, in whichever form it came: one reader of spots,
//! deals and native placements serves JSON and protobuf.
//!
//! Guarantees: types are as lenient, and grammar as strict, as where the request itself is
//! read; a member that nobody asks about is skipped. Never panics on any text or bytes.

use super::json::{JsonError, Reader};
use super::list::RawList;
use super::protobuf::{Elements, Field, Names, Repeated, WireError, named};
use crate::model::{CpmMicros, MediaType, MediaTypes};
use std::borrow::Cow;

/// What stands there breaks its form's grammar, or no one wants to hear more of it. Nothing
/// that says where: what is read here was checked when the request was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stopped;

pub(super) type Read<T> = Result<T, Stopped>;

impl From<JsonError> for Stopped {
    fn from(_: JsonError) -> Self {
        Self
    }
}

impl From<WireError> for Stopped {
    fn from(_: WireError) -> Self {
        Self
    }
}

impl From<Stopped> for JsonError {
    fn from(_: Stopped) -> Self {
        Self { at: 0, expected: "what can be read" }
    }
}

impl From<Stopped> for WireError {
    fn from(_: Stopped) -> Self {
        Self { at: 0, expected: "what can be read" }
    }
}

/// A member, or an element of a list. Of a repeated field of a protobuf message each element
/// is a member by itself, so whoever reads lists adds to what is there.
pub(super) enum Member<'r, 'a> {
    /// Comes next in the reader.
    Json(&'r mut Reader<'a>),
    /// A field, and how the fields inside are named if it holds a message.
    Protobuf(Field<'a>, Names),
}

/// Calls `visit(name, member)` for each member of the JSON object that comes next; whether one
/// does.
pub(super) fn members<'a>(
    reader: &mut Reader<'a>,
    mut visit: impl FnMut(&str, Member<'_, 'a>) -> Read<()>,
) -> Read<bool> {
    let is_object = reader.object(|reader, key| {
        let before = reader.offset();
        visit(key, Member::Json(reader))?;
        if reader.offset() == before {
            reader.pass()?;
        }
        Ok(())
    })?;
    Ok(is_object)
}

/// Calls `visit` for each element of the JSON array that comes next.
fn elements<'a>(
    reader: &mut Reader<'a>,
    mut visit: impl FnMut(Member<'_, 'a>) -> Read<()>,
) -> Read<()> {
    reader.array(|reader| {
        let before = reader.offset();
        visit(Member::Json(reader))?;
        if reader.offset() == before {
            reader.pass()?;
        }
        Ok(())
    })?;
    Ok(())
}

impl<'a> Member<'_, 'a> {
    /// A text, or a number as text.
    pub(super) fn text(self) -> Read<Option<Cow<'a, str>>> {
        match self {
            Self::Json(reader) => Ok(reader.text()?),
            Self::Protobuf(field, _) => Ok(field.text()),
        }
    }

    /// A whole number.
    pub(super) fn integer(self) -> Read<Option<i64>> {
        match self {
            Self::Json(reader) => Ok(reader.integer()?),
            Self::Protobuf(field, _) => Ok(field.integer()),
        }
    }

    /// A whole number within a type.
    pub(super) fn number<T: TryFrom<i64>>(self) -> Read<Option<T>> {
        Ok(self.integer()?.and_then(|number| T::try_from(number).ok()))
    }

    /// As [`Self::number`], where 0 says as little as nothing: a length, a duration.
    pub(super) fn amount<T: TryFrom<i64>>(self) -> Read<Option<T>> {
        let number = self.integer()?.filter(|number| *number > 0);
        Ok(number.and_then(|number| T::try_from(number).ok()))
    }

    /// A flag.
    pub(super) fn flag(self) -> Read<Option<bool>> {
        match self {
            Self::Json(reader) => Ok(reader.integer()?.map(|number| number != 0)),
            Self::Protobuf(field, _) => Ok(field.flag()),
        }
    }

    /// A price in units, rounded up to the micro.
    pub(super) fn price(self) -> Read<Option<CpmMicros>> {
        match self {
            Self::Json(reader) => Ok(reader.price()?),
            Self::Protobuf(field, _) => Ok(field.double().and_then(CpmMicros::from_float_up)),
        }
    }

    /// Calls `visit` for each whole number of a list.
    pub(super) fn each_integer(self, mut visit: impl FnMut(i64)) -> Read<()> {
        match self {
            Self::Json(reader) => elements(reader, |element| {
                element.integer()?.into_iter().for_each(&mut visit);
                Ok(())
            }),
            Self::Protobuf(field, _) => Ok(field.each_integer(visit).map(drop)?),
        }
    }

    /// Adds a list of small numbers to a set, one bit each; others mean nothing to this bidder.
    pub(super) fn bits(self, bits: &mut u32) -> Read<()> {
        self.each_integer(|number| *bits |= bit(number))
    }

    /// Calls `visit` for each text of a list.
    pub(super) fn each_text(self, mut visit: impl FnMut(&str)) -> Read<()> {
        match self {
            Self::Json(reader) => elements(reader, |element| {
                element.text()?.as_deref().into_iter().for_each(&mut visit);
                Ok(())
            }),
            Self::Protobuf(field, _) => {
                field.text().as_deref().into_iter().for_each(visit);
                Ok(())
            }
        }
    }

    /// Adds a list of media types to a set; a list of unknown ones only is a set of none.
    pub(super) fn media_types(self, types: &mut Option<MediaTypes>) -> Read<()> {
        self.each_text(|name| add_media_type(types, name))
    }

    /// Calls `visit` for each element of a list of objects.
    pub(super) fn each(self, mut visit: impl FnMut(Member<'_, 'a>) -> Read<()>) -> Read<()> {
        match self {
            Self::Json(reader) => elements(reader, visit),
            element @ Self::Protobuf(..) => visit(element),
        }
    }

    /// Calls `visit(name, member)` for each member of an object; whether it is one.
    pub(super) fn object(self, visit: impl FnMut(&str, Member<'_, 'a>) -> Read<()>) -> Read<bool> {
        match self {
            Self::Json(reader) => members(reader, visit),
            Self::Protobuf(field, names) => {
                let Some(message) = field.message() else { return Ok(false) };
                named(message, names, visit).map(|()| true)
            }
        }
    }

    /// As [`Self::object`], also where the object stands in a text, as JSON. Escapes in it cost
    /// an allocation.
    pub(super) fn embedded(
        self,
        visit: impl FnMut(&str, Member<'_, '_>) -> Read<()>,
    ) -> Read<bool> {
        let text = match &self {
            Self::Json(reader) if !reader.is_at_text() => return self.object(visit),
            _ => self.text()?,
        };
        let Some(text) = text else { return Ok(false) };
        let mut reader = Reader::new(&text);
        let is_object = members(&mut reader, visit)?;
        reader.end()?;
        Ok(is_object)
    }

    /// Keeps a list of texts for later.
    pub(super) fn keep(self, list: &mut RawList<'a>) -> Read<()> {
        match self {
            Self::Json(reader) => *list = reader.list()?,
            Self::Protobuf(field, _) if list.is_empty() && field.message().is_some() => {
                *list = RawList::Protobuf(Repeated::starting_at(&field, Elements::Delimited));
            }
            Self::Protobuf(..) => {}
        }
        Ok(())
    }
}

/// A small number as a bit; others are none.
pub(super) fn bit(number: i64) -> u32 {
    if let 0..32 = number { 1 << number } else { 0 }
}

/// Adds a media type to a set, which there is from the first name on, known or not.
pub(super) fn add_media_type(types: &mut Option<MediaTypes>, name: &str) {
    let set = types.unwrap_or_default();
    *types = Some(MediaType::parse(name).map_or(set, |one| set.with(one)));
}
