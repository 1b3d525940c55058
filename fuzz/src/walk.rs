//! A request as text, field by field: what two readings of one request must have in common.
//! Lists and objects that decisions read late are read here, and walked to their ends.

use homing::openrtb::list::RawList;
use homing::openrtb::offer::{Native, Spot, SupplyChain};
use homing::openrtb::raw::RawObject;
use homing::openrtb::request::{Device, Regulations, User};
use homing::openrtb::{BidRequest, Impression, deals, user_agent};
use std::fmt::{Debug, Write};

/// Longest text of one request that is kept: the rest is walked all the same.
const TOLD_BYTES_MAX: usize = 64 * 1024;

/// Everything in `request`, in an order of its own.
pub fn told(request: &BidRequest<'_>) -> String {
    let mut out = String::new();
    let BidRequest { id, impressions, test, auction_type, tmax_ms, .. } = request;
    line(&mut out, (id, impressions.len(), impressions.skipped(), test, auction_type, tmax_ms));
    line(&mut out, (request.category_taxonomy, &request.inventory));
    for list in [
        &request.currencies,
        &request.blocked_categories,
        &request.blocked_advertisers,
        &request.allowed_seats,
        &request.blocked_seats,
        &request.allowed_categories,
        &request.blocked_apps,
        &request.allowed_languages[0],
        &request.allowed_languages[1],
        &request.regulations.gpp_sections[0],
        &request.regulations.gpp_sections[1],
    ] {
        texts(&mut out, list);
    }
    request.supply_chains.iter().for_each(|chain| sellers(&mut out, chain.as_ref()));
    impressions.iter().for_each(|one| impression(&mut out, one));
    line(&mut out, user_agent::class(&request.device));
    line(&mut out, Device { structured_user_agent: None, ..request.device.clone() });
    request.user.each_eid(|source, id| {
        line(&mut out, (source, id));
        true
    });
    line(&mut out, User { eids: Default::default(), ..request.user.clone() });
    let regulations = request.regulations.clone();
    line(&mut out, Regulations { gpp_sections: Default::default(), ..regulations });
    out
}

fn impression(out: &mut String, one: &Impression<'_>) {
    let late = (&one.video, &one.audio, &one.native, &one.deals);
    let at_once = Impression { video: None, audio: None, native: None, ..one.clone() };
    line(out, (one.is_usable(), Impression { deals: RawList::default(), ..at_once }));
    let (video, audio, native, offered) = late;
    line(out, [video, audio].map(|raw| raw.as_ref().map(Spot::read)));
    // In which form a native request came decides how it is answered, and nothing else.
    let alike = |native| Native { wrapped: false, message: false, ..native };
    line(out, native.as_ref().map(|raw| Native::read(raw).map(alike)));
    deals::each(offered, |number, deal| {
        line(out, (number, &deal.id, deal.floor, deal.floor_currency, deal.auction_type));
        line(out, (deal.guaranteed, &deal.floors));
        texts(out, &deal.allowed_seats);
        texts(out, &deal.allowed_advertisers);
        let again = deals::nth(offered, number).map(|again| again.id);
        assert_eq!(again.as_ref(), Some(&deal.id), "a deal is found under its number");
        true
    });
}

fn sellers(out: &mut String, chain: Option<&RawObject<'_>>) {
    let Some(raw) = chain else { return line(out, "no chain") };
    let mut sellers = Vec::new();
    let read =
        SupplyChain::read(raw, |system, account| sellers.push(format!("{system}/{account}")));
    line(out, (read, sellers));
}

/// Walks a list in both ways that there are.
fn texts(out: &mut String, list: &RawList<'_>) {
    line(out, list.is_empty());
    list.each_text(|text| {
        line(out, text);
        true
    });
    list.each_element(|text| line(out, text.is_some()));
}

fn line(out: &mut String, what: impl Debug) {
    if out.len() < TOLD_BYTES_MAX {
        let _ = writeln!(out, "{what:?}");
    }
}
