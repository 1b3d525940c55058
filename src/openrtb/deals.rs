//! Reads the deals of an impression: `imp.pmp.deals`.
//!
//! Guarantees: at most [`DEALS_MAX`] elements are looked at; an element without an id is no
//! deal, but has its number, so that a deal is found again by the number it was met under.

use super::decode::floor_currency;
use super::list::RawList;
use super::member::{Member, Read, Stopped};
use super::offer::{DEALS_MAX, Deal, SpotFloors};
use super::protobuf::Shape;
use super::spot::floors_by_duration;
use crate::model::{CpmMicros, Currency};
use std::borrow::Cow;

/// Calls `visit(number, deal)` for each deal, in the order of the request, until it returns
/// `false`. Numbers count every element of the list from 0.
pub fn each<'a>(list: &RawList<'a>, mut visit: impl FnMut(usize, &Deal<'a>) -> bool) {
    let mut number = 0;
    list.each_member(Shape::Deal, |element| {
        if number == DEALS_MAX {
            return Err(Stopped);
        }
        // A deal that is broken within is passed over; after one in JSON nothing follows.
        let deal = deal(element).ok().flatten();
        let goes_on = deal.is_none_or(|deal| visit(number, &deal));
        number += 1;
        if goes_on { Ok(()) } else { Err(Stopped) }
    });
}

/// The deal that [`each`] meets under `number`.
pub fn nth<'a>(list: &RawList<'a>, number: usize) -> Option<Deal<'a>> {
    let mut found = None;
    each(list, |at, deal| {
        if at == number {
            found = Some(deal.clone());
        }
        at < number
    });
    found
}

fn deal<'a>(element: Member<'_, 'a>) -> Read<Option<Deal<'a>>> {
    let mut deal = Deal {
        id: Cow::default(),
        floor: CpmMicros::default(),
        floor_currency: Some(Currency::USD),
        auction_type: None,
        guaranteed: false,
        allowed_seats: RawList::default(),
        allowed_advertisers: RawList::default(),
        floors: SpotFloors::default(),
    };
    element.object(|name, member| {
        match name {
            "id" => deal.id = member.text()?.unwrap_or_default(),
            "bidfloor" => deal.floor = member.price()?.unwrap_or_default(),
            "bidfloorcur" => deal.floor_currency = floor_currency(member.text()?.as_deref()),
            "at" => deal.auction_type = member.integer()?,
            "guar" => deal.guaranteed = member.integer()? == Some(1),
            "wseat" => member.keep(&mut deal.allowed_seats)?,
            "wadomain" => member.keep(&mut deal.allowed_advertisers)?,
            "mincpmpersec" => deal.floors.per_second = member.price()?,
            "durfloors" => floors_by_duration(member, &mut deal.floors)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(Some(deal).filter(|deal| !deal.id.is_empty()))
}

#[cfg(test)]
mod tests;
