//! What a request says, as text: the same text for the same request, whichever form it came in.

use crate::openrtb::list::RawList;
use crate::openrtb::offer::{Native, Spot, SupplyChain};
use crate::openrtb::raw::RawObject;
use crate::openrtb::request::{Device, Regulations, User};
use crate::openrtb::{BidRequest, Impression, deals, user_agent};
use std::fmt::Write as _;

/// Every field of a request as text, its late parts read and its lists walked.
pub(in crate::openrtb) fn told(request: &BidRequest<'_>) -> String {
    let mut out = String::new();
    let lists = [
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
    ];
    for list in lists {
        line(&mut out, (texts(list), list.is_empty()));
    }
    let BidRequest { id, impressions, test, auction_type, tmax_ms, .. } = request;
    impressions.iter().for_each(|one| impression(&mut out, one));
    line(&mut out, (id, impressions.skipped(), test, auction_type, tmax_ms));
    line(&mut out, (request.category_taxonomy, &request.inventory));
    request.supply_chains.iter().for_each(|chain| line(&mut out, sellers(chain.as_ref())));
    line(&mut out, user_agent::class(&request.device));
    line(&mut out, Device { structured_user_agent: None, ..request.device.clone() });
    let mut ids = Vec::new();
    request.user.each_eid(|source, id| {
        ids.push(format!("{source}={id}"));
        true
    });
    line(&mut out, ids);
    line(&mut out, User { eids: Default::default(), ..request.user.clone() });
    let regulations = request.regulations.clone();
    line(&mut out, Regulations { gpp_sections: Default::default(), ..regulations });
    out
}

fn line(out: &mut String, what: impl std::fmt::Debug) {
    writeln!(out, "{what:?}").expect("a String takes everything");
}

fn impression(out: &mut String, one: &Impression<'_>) {
    let plain = Impression {
        video: None,
        audio: None,
        native: None,
        deals: RawList::default(),
        ..one.clone()
    };
    line(out, plain);
    line(out, one.is_usable());
    for raw in [&one.video, &one.audio] {
        line(out, raw.as_ref().map(Spot::read));
    }
    // The two forms of native requests differ in how they are answered.
    let native = one.native.as_ref().map(Native::read);
    let alike = |native| Native { wrapped: false, message: false, ..native };
    line(out, native.map(|native| native.map(alike)));
    deals::each(&one.deals, |number, deal| {
        line(out, (number, &deal.id, deal.floor, deal.floor_currency, deal.auction_type));
        line(out, (deal.guaranteed, texts(&deal.allowed_seats)));
        line(out, (texts(&deal.allowed_advertisers), &deal.floors));
        let again = deals::nth(&one.deals, number).expect("it was met before");
        assert_eq!(again.id, deal.id);
        true
    });
}

fn sellers(chain: Option<&RawObject<'_>>) -> (Option<SupplyChain>, Vec<String>) {
    let mut sellers = Vec::new();
    let read = chain.and_then(|raw| {
        SupplyChain::read(raw, |system, account| sellers.push(format!("{system}/{account}")))
    });
    (read, sellers)
}

pub(in crate::openrtb) fn texts(list: &RawList<'_>) -> Vec<String> {
    let mut all = Vec::new();
    list.each_text(|text| {
        all.push(text.to_owned());
        true
    });
    all
}
