//! `Imp` in its protobuf form; see `decode/impression.rs`.

use super::names::Shape;
use super::tags;
use super::wire::{Field, Message, Result as Read};
use super::{list, raw, within};
use crate::model::{CpmMicros, Currency};
use crate::openrtb::decode::{floor_currency, seconds, size, thousandths};
use crate::openrtb::member::{add_media_type, bit};
use crate::openrtb::request::{Banner, FORMATS_MAX, Impression};

pub(super) fn impression(message: Message<'_>) -> Read<Option<Impression<'_>>> {
    use tags::imp as tag;
    let mut one = Impression { floor_currency: Some(Currency::USD), ..Impression::default() };
    message.each(|field| {
        match field.number {
            tag::ID => one.id = field.text().unwrap_or_default(),
            tag::BANNER => one.banner = field.message().map(banner).transpose()?.flatten(),
            tag::BIDFLOOR => {
                one.floor = field.double().and_then(CpmMicros::from_float_up).unwrap_or_default();
            }
            tag::BIDFLOORCUR => one.floor_currency = floor_currency(field.text().as_deref()),
            tag::SECURE => one.secure = field.flag(),
            tag::PMP => return within(&field, |message| market(message, &mut one)),
            tag::VIDEO => one.video = raw(&field, Shape::Video),
            tag::AUDIO => one.audio = raw(&field, Shape::Audio),
            tag::NATIVE => one.native = raw(&field, Shape::Native),
            tag::INSTL => one.interstitial = field.flag() == Some(true),
            tag::RWDD => one.rewarded |= field.flag() == Some(true),
            tag::EXP => one.expires_s = seconds(field.integer()),
            tag::QTY => return within(&field, |message| quantity(message, &mut one)),
            _ => {}
        }
        Ok(())
    })?;
    Ok((!one.id.is_empty()).then_some(one))
}

fn market<'a>(message: Message<'a>, one: &mut Impression<'a>) -> Read<()> {
    message.each(|field| {
        match field.number {
            tags::pmp::PRIVATE_AUCTION => one.private_auction = field.flag() == Some(true),
            tags::pmp::DEALS => list(&field, &mut one.deals),
            _ => {}
        }
        Ok(())
    })
}

fn quantity(message: Message<'_>, one: &mut Impression<'_>) -> Read<()> {
    message.each(|field| {
        if field.number == tags::qty::MULTIPLIER {
            let multiplier = field.double().and_then(CpmMicros::from_float_up);
            one.quantity_thousandths = thousandths(multiplier);
        }
        Ok(())
    })
}

fn banner(message: Message<'_>) -> Read<Option<Banner>> {
    use tags::banner as tag;
    let mut banner = Banner::default();
    let mut own = [None, None];
    message.each(|field| {
        match field.number {
            tag::FORMAT => return within(&field, |message| format(message, &mut banner)),
            tag::W => own[0] = field.integer(),
            tag::H => own[1] = field.integer(),
            tag::BATTR => banner.blocked_attributes |= bits(&field)?,
            tag::BTYPE => banner.blocked_types |= bits(&field)?,
            tag::API => banner.apis |= bits(&field)?,
            tag::EXPDIR => banner.expansions |= bits(&field)?,
            tag::MIMES => {
                if let Some(name) = field.text() {
                    add_media_type(&mut banner.media_types, &name);
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    if banner.sizes.is_empty() {
        banner.sizes.extend(size(own[0], own[1]));
    }
    Ok((!banner.sizes.is_empty()).then_some(banner))
}

fn format(message: Message<'_>, banner: &mut Banner) -> Read<()> {
    let mut sides = [None, None];
    message.each(|field| {
        match field.number {
            tags::banner::W => sides[0] = field.integer(),
            tags::banner::H => sides[1] = field.integer(),
            _ => {}
        }
        Ok(())
    })?;
    if banner.sizes.len() < FORMATS_MAX {
        banner.sizes.extend(size(sides[0], sides[1]));
    }
    Ok(())
}

/// Small numbers as bits; numbers from 32 on mean nothing to this bidder.
fn bits(field: &Field<'_>) -> Read<u32> {
    let mut bits = 0;
    field.each_integer(|number| bits |= bit(number))?;
    Ok(bits)
}
