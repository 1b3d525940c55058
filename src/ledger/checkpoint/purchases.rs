//! The purchases, and what each is credited to.

use super::people::{read_line, write_line};
use super::wire::{In, Out};
use super::{Checked, CheckpointError};
use crate::event::EventId;
use crate::event::site::EventValue;
use crate::ledger::attribution::conversions::{Conversion, ConversionId, Conversions, KEYS_MAX};
use crate::ledger::attribution::touches::{Kind, Touch};
use crate::model::{AdvertiserKey, Currency, UnixSeconds, UserKey};
use smallvec::SmallVec;
use std::io::{Read, Write};

/// Writes the purchases, the oldest first.
pub(super) fn write(
    conversions: &Conversions,
    out: &mut Out<'_, impl Write>,
) -> std::io::Result<()> {
    out.count(conversions.len())?;
    for (id, conversion) in conversions.iter() {
        write_id(id, out)?;
        out.u64(conversion.advertiser.0)?;
        out.u32(conversion.happened.0)?;
        out.u128(conversion.event.0)?;
        out.u8(conversion.keys.len() as u8)?;
        conversion.keys.iter().try_for_each(|key| out.u64(key.0))?;
        out.u8(u8::from(conversion.value.is_some()))?;
        if let Some(value) = conversion.value {
            out.u64(value.micros)?;
            write_currency(value.currency, out)?;
        }
        out.u8(u8::from(conversion.credit.is_some()))?;
        if let Some(credit) = &conversion.credit {
            out.u8(u8::from(credit.kind == Kind::Click))?;
            out.u32(credit.at.0)?;
            write_line(&credit.line, out)?;
        }
    }
    Ok(())
}

fn write_id(id: ConversionId, out: &mut Out<'_, impl Write>) -> std::io::Result<()> {
    match id {
        ConversionId::Transaction(advertiser, transaction) => {
            out.u8(1)?;
            out.u64(advertiser.0)?;
            out.u64(transaction)
        }
        ConversionId::Event(event) => {
            out.u8(0)?;
            out.u128(event.0)
        }
    }
}

/// Three letters, or three zeros where none is told.
pub(super) fn write_currency(
    currency: Option<Currency>,
    out: &mut Out<'_, impl Write>,
) -> std::io::Result<()> {
    match &currency {
        Some(currency) => out.bytes(currency.as_str().as_bytes()),
        None => out.bytes(&[0; 3]),
    }
}

pub(super) fn read_currency(input: &mut In<'_, impl Read>) -> Checked<Option<Currency>> {
    let letters = input.array::<3>()?;
    if letters == [0; 3] {
        return Ok(None);
    }
    let currency = std::str::from_utf8(&letters).ok().and_then(Currency::parse);
    currency.map(Some).ok_or(CheckpointError::Damaged("a currency cannot be"))
}

pub(super) fn read(conversions: &mut Conversions, input: &mut In<'_, impl Read>) -> Checked<()> {
    let mut last = None;
    for _ in 0..input.count()? {
        let (id, conversion) = read_one(input)?;
        let place = (conversion.happened, id);
        if last.replace(place).is_some_and(|last| last >= place) {
            return Err(CheckpointError::Damaged("purchases are not in order"));
        }
        conversions.insert(id, conversion);
    }
    Ok(())
}

fn read_one(input: &mut In<'_, impl Read>) -> Checked<(ConversionId, Conversion)> {
    let id = if input.flag()? {
        ConversionId::Transaction(AdvertiserKey(input.u64()?), input.u64()?)
    } else {
        ConversionId::Event(EventId(input.u128()?))
    };
    let advertiser = AdvertiserKey(input.u64()?);
    let happened = UnixSeconds(input.u32()?);
    let event = EventId(input.u128()?);
    let mut keys = SmallVec::new();
    for _ in 0..input.u8()? {
        keys.push(UserKey(input.u64()?));
    }
    if keys.len() > KEYS_MAX || !keys.is_sorted() {
        return Err(CheckpointError::Damaged("the keys of a purchase cannot be"));
    }
    let value = if input.flag()? {
        Some(EventValue { micros: input.u64()?, currency: read_currency(input)? })
    } else {
        None
    };
    let credit = if input.flag()? {
        let kind = if input.flag()? { Kind::Click } else { Kind::View };
        Some(Touch { kind, at: UnixSeconds(input.u32()?), line: read_line(input)? })
    } else {
        None
    };
    Ok((id, Conversion { advertiser, happened, event, keys, value, credit }))
}
