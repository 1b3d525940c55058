//! A request as text, field by field: what two readings of one request must have in common.
//! Lists and objects that decisions read late are walked here to their ends.

use homing::openrtb::BidRequest;
use homing::openrtb::list::RawList;
use homing::openrtb::request::{Device, Impression, Regulations, User};
use std::fmt::Write;

/// Longest text of one request's lists that is kept: the rest is walked all the same.
const TOLD_BYTES_MAX: usize = 64 * 1024;

/// Everything in `request`, in an order of its own.
pub fn told(request: &BidRequest<'_>) -> String {
    let mut out = String::new();
    let (id, inventory) = (&request.id, &request.inventory);
    let flags = (request.test, request.auction_type, request.tmax_ms, request.category_taxonomy);
    put(&mut out, format_args!("{id:?} {flags:?} {inventory:?} {}", request.impressions_skipped));
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
    ] {
        texts(&mut out, list);
    }
    request.impressions.iter().for_each(|one| impression(&mut out, one));
    device(&mut out, &request.device);
    user(&mut out, &request.user);
    regulations(&mut out, &request.regulations);
    out
}

fn impression(out: &mut String, one: &Impression<'_>) {
    let Impression { id, banner, floor, floor_currency, secure, private_auction, .. } = one;
    put(out, format_args!("{id:?} {banner:?} {floor:?} {floor_currency:?} {secure:?}"));
    let Impression { interstitial, rewarded, expires_s, quantity_thousandths, .. } = one;
    put(out, format_args!("{private_auction} {interstitial} {rewarded} {expires_s:?}"));
    put(out, format_args!("{quantity_thousandths:?} {}", one.is_usable()));
}

fn device(out: &mut String, device: &Device<'_>) {
    let Device { device_type, operating_system, user_agent, ifa, tracking_limited, .. } = device;
    put(out, format_args!("{device_type:?} {operating_system:?} {user_agent:?} {ifa:?}"));
    put(out, format_args!("{tracking_limited} {:?} {:?}", device.country, device.region));
}

fn user(out: &mut String, user: &User<'_>) {
    put(out, format_args!("{:?} {:?} {:?}", user.id, user.buyeruid, user.consent));
    user.each_eid(|source, id| {
        put(out, format_args!("{source:?}={id:?}"));
        true
    });
}

fn regulations(out: &mut String, said: &Regulations<'_>) {
    let Regulations { coppa, gdpr, us_privacy, gpc, gpp, unreadable, dsa, .. } = said;
    put(out, format_args!("{coppa} {gdpr:?} {us_privacy:?} {gpc} {gpp:?} {unreadable} {dsa:?}"));
    said.gpp_sections.iter().for_each(|list| texts(out, list));
}

/// Walks a list in both ways that there are.
fn texts(out: &mut String, list: &RawList<'_>) {
    put(out, format_args!("{}", list.is_empty()));
    list.each_text(|text| {
        put(out, format_args!("{text:?}"));
        true
    });
    list.each_element(|text| put(out, format_args!("{}", text.is_some())));
}

fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    if out.len() < TOLD_BYTES_MAX {
        let _ = writeln!(out, "{what}");
    }
}
