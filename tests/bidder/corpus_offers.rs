//! Real bid requests again: everything that they offer and ask beside a size and a person, as
//! the bidder's reader and as a patient one finds it.

#![allow(clippy::print_stdout, reason = "how often each field is there is worth seeing")]

use crate::corpus::lines;
use crate::patient as said;
use homing::openrtb::list::RawList;
use homing::openrtb::offer::{DEALS_MAX, Native, Pod, Spot, SupplyChain};
use homing::openrtb::raw::RawObject;
use homing::openrtb::request::{BidRequest, IMPRESSIONS_MAX, Impression};
use homing::openrtb::{deals, decode_json, user_agent};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How often each field was there.
type Met = BTreeMap<&'static str, usize>;

/// A request that is printed if it fails the test.
struct ShownOnFailure<'a>(&'a str);

impl Drop for ShownOnFailure<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.0);
        }
    }
}

fn note(met: &mut Met, what: &'static str, there: bool) {
    *met.entry(what).or_default() += usize::from(there);
}

fn texts(list: &RawList<'_>) -> Vec<String> {
    let mut all = Vec::new();
    list.each_text(|text| {
        all.push(text.to_owned());
        true
    });
    all
}

/// A spot whose pod's key says only whether there is one.
fn comparable(spot: Spot) -> Spot {
    let pod = spot.pod.map(|pod| Pod { key: u64::from(pod.key != 0), ..pod });
    Spot { pod, ..spot }
}

/// The impressions of a tree that are kept, with those of the request.
fn paired<'a, 'r>(
    request: &'r BidRequest<'a>,
    tree: &'r Value,
) -> Vec<(&'r Impression<'a>, &'r Value)> {
    let mut trees: Vec<&Value> = Vec::new();
    for one in said::elements(&tree["imp"]) {
        let id = said::id_text(&one["id"]);
        let doubled = trees.iter().any(|old| said::id_text(&old["id"]) == id);
        if id.is_some() && !doubled && trees.len() < IMPRESSIONS_MAX {
            trees.push(one);
        }
    }
    assert_eq!(request.impressions.len(), trees.len());
    request.impressions.iter().zip(trees).collect()
}

fn compare_request(request: &BidRequest<'_>, tree: &Value, met: &mut Met) {
    for (name, list) in [
        ("cur", &request.currencies),
        ("bcat", &request.blocked_categories),
        ("badv", &request.blocked_advertisers),
        ("wseat", &request.allowed_seats),
        ("bseat", &request.blocked_seats),
        ("acat", &request.allowed_categories),
        ("bapp", &request.blocked_apps),
        ("wlang", &request.allowed_languages[0]),
        ("wlangb", &request.allowed_languages[1]),
    ] {
        assert_eq!(texts(list), said::texts(&tree[name]), "{name}");
        note(met, name, !texts(list).is_empty());
    }
    assert_eq!(request.category_taxonomy, said::whole(&tree["cattax"]).unwrap_or(1));
    assert_eq!(request.auction_type, said::whole(&tree["at"]).unwrap_or(2));
    assert_eq!(request.test, said::is_one(&tree["test"]));
    let tmax = said::whole(&tree["tmax"]).and_then(|ms| u32::try_from(ms).ok());
    assert_eq!(request.tmax_ms, tmax);
    let source = &tree["source"];
    for (chain, place) in
        request.supply_chains.iter().zip([&source["schain"], &source["ext"]["schain"]])
    {
        let mut sellers = Vec::new();
        let read = chain.as_ref().and_then(|raw| {
            SupplyChain::read(raw, |system, account| sellers.push(format!("{system}/{account}")))
        });
        note(met, "schain", read.is_some());
        assert_eq!(read.map(|chain| (chain, sellers)), said::chain(place));
    }
    assert_eq!(request.regulations.dsa, said::transparency(&tree["regs"]));
    note(met, "dsa", request.regulations.dsa.is_some());
}

fn compare_device(request: &BidRequest<'_>, tree: &Value, met: &mut Met) {
    let (device, said_device) = (&request.device, &tree["device"]);
    assert_eq!(device.user_agent.as_deref(), said::id_text(&said_device["ua"]).as_deref());
    assert_eq!(device.operating_system.as_deref(), said::id_text(&said_device["os"]).as_deref());
    assert_eq!(device.structured_user_agent.is_some(), said_device["sua"].is_object());
    assert_eq!(device.device_type.is_some(), said::whole(&said_device["devicetype"]).is_some());
    let country = said::id_text(&said_device["geo"]["country"]).filter(|code| code.len() == 3);
    let read = device.country.map(|code| String::from_utf8_lossy(&code).into_owned());
    assert_eq!(read, country.map(|code| code.to_ascii_uppercase()));
    assert_eq!(device.region.as_deref(), said::id_text(&said_device["geo"]["region"]).as_deref());
    let class = user_agent::class(device);
    note(met, "ua", device.user_agent.is_some());
    note(met, "sua", device.structured_user_agent.is_some());
    note(met, "ua: a known system", class.operating_system.is_some());
    note(met, "ua: a crawler", class.crawler);
    let kinds = ["site", "app", "dooh"].map(|kind| tree[kind].is_object());
    assert_eq!(request.inventory.kind.is_some(), kinds.contains(&true));
    note(met, "dooh", kinds[2]);
}

fn compare_impression(one: &Impression<'_>, tree: &Value, met: &mut Met) {
    let spot = |raw: &Option<RawObject<'_>>| raw.as_ref().and_then(Spot::read).map(comparable);
    for (name, raw) in [("video", &one.video), ("audio", &one.audio)] {
        assert_eq!(spot(raw), said::spot(&tree[name]), "{name}");
        note(met, name, raw.is_some());
    }
    let native = one.native.as_ref().and_then(Native::read);
    assert_eq!(native, Some(&tree["native"]).filter(|it| it.is_object()).and_then(said::native));
    note(met, "native", native.is_some());
    if let (Some(banner), banner_said) = (&one.banner, &tree["banner"]) {
        let bits = ["battr", "btype", "api", "expdir"].map(|name| said::bits(&banner_said[name]));
        let found =
            [banner.blocked_attributes, banner.blocked_types, banner.apis, banner.expansions];
        assert_eq!(found, bits);
        assert_eq!(banner.media_types, said::media_types(&banner_said["mimes"]));
        note(met, "banner.mimes", banner.media_types.is_some());
    }
    let (prebid, video) = (&tree["ext"]["prebid"], &tree["video"]["ext"]);
    let rewarded = [&tree["rwdd"], &prebid["is_rewarded_inventory"], &video["rewarded"]];
    assert_eq!(one.rewarded, rewarded.into_iter().any(said::is_one));
    note(met, "rewarded", one.rewarded);
    assert_eq!(one.interstitial, said::is_one(&tree["instl"]));
    note(met, "instl", one.interstitial);
    let expires = said::whole(&tree["exp"]).and_then(|exp| u32::try_from(exp).ok());
    assert_eq!(one.expires_s, expires.filter(|seconds| *seconds > 0));
    assert_eq!(one.secure, said::whole(&tree["secure"]).map(|flag| flag != 0));
    let multiplier =
        said::price(&tree["qty"]["multiplier"]).map(|micros| micros.0.div_euclid(1_000));
    assert_eq!(one.quantity_thousandths.map(i64::from), multiplier.filter(|some| *some > 0));
    note(met, "qty", one.quantity_thousandths.is_some());
    compare_deals(one, &tree["pmp"], met);
}

fn compare_deals(one: &Impression<'_>, pmp: &Value, met: &mut Met) {
    assert_eq!(one.private_auction, said::is_one(&pmp["private_auction"]));
    let mut found = Vec::new();
    deals::each(&one.deals, |number, deal| {
        assert_eq!(deals::nth(&one.deals, number).map(|deal| deal.id), Some(deal.id.clone()));
        found.push(json!([
            number,
            deal.id,
            deal.floor.0,
            deal.floor_currency.map(|currency| currency.as_str().to_owned()),
            deal.auction_type,
            deal.guaranteed,
            texts(&deal.allowed_seats),
            texts(&deal.allowed_advertisers),
            format!("{:?}", deal.floors),
        ]));
        true
    });
    note(met, "deals", !found.is_empty());
    let deals = said::elements(&pmp["deals"]).iter().take(DEALS_MAX).enumerate();
    let expected: Vec<_> = deals
        .filter_map(|(number, deal)| {
            let currency = said::id_text(&deal["bidfloorcur"]).unwrap_or_else(|| "USD".to_owned());
            let is_code =
                currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
            Some(json!([
                number,
                said::id_text(&deal["id"])?,
                said::price(&deal["bidfloor"]).unwrap_or_default().0,
                is_code.then_some(currency),
                said::whole(&deal["at"]),
                said::is_one(&deal["guar"]),
                said::texts(&deal["wseat"]),
                said::texts(&deal["wadomain"]),
                format!("{:?}", said::floors(deal)),
            ]))
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn offers_and_rules_are_what_a_patient_reader_finds() {
    let Some(lines) = lines("valid.ndjson") else { return };
    let mut met = Met::new();
    for line in &lines {
        let request = decode_json(line.as_bytes()).expect("a valid request");
        let tree: Value = serde_json::from_str(line).expect("JSON");
        let _shown = ShownOnFailure(line);
        compare_request(&request, &tree, &mut met);
        compare_device(&request, &tree, &mut met);
        for (one, tree) in paired(&request, &tree) {
            compare_impression(one, tree, &mut met);
            note(&mut met, "impressions", true);
        }
    }
    println!("of {} requests: {met:?}", lines.len());
    let enough = ["video", "audio", "native", "deals", "schain", "dsa", "rewarded", "ua", "bcat"];
    for field in enough {
        assert!(met[field] >= 10, "{field} is hardly ever there: {met:?}");
    }
}
