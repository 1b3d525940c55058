//! Real bid requests, written by others: whole, cut off at every byte, and known to be bad.
//!
//! They lie beside the repository and are not part of it; without them these tests say so
//! and pass.

#![allow(clippy::print_stdout, reason = "how many real requests get a bid is worth seeing")]

use crate::patient::{id_text, price, size, whole};
use crate::support::*;
use homing::openrtb::decode_json;
use homing::openrtb::request::{BidRequest, IMPRESSIONS_MAX};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// Ids longer than this are no ids (`model::ids::ID_BYTES_MAX`).
const ID_BYTES_MAX: usize = 512;
/// Creatives for the sizes that the requests ask for most.
const SIZES: [&str; 12] = [
    "300x250", "300x600", "200x20", "33x11", "320x50", "728x90", "320x250", "300x300", "320x100",
    "300x50", "160x600", "970x250",
];

/// The lines of a file of the corpus; none if it is not there.
pub(crate) fn lines(name: &str) -> Option<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/requests");
    let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
        // Past the test runner's capture, which would swallow what a passing test prints.
        let told = format!("skipped: {name} is not in {}\n", folder.display());
        std::io::stderr().write_all(told.as_bytes()).expect("standard error can be written");
        return None;
    };
    Some(text.lines().map(str::to_owned).collect())
}

/// Every (id space, id) in a request, as the exchange `corpus` reads them.
fn ids_of(request: &Value) -> Vec<(String, String)> {
    let (user, device) = (&request["user"], &request["device"]);
    let mut ids = Vec::new();
    for (space, value) in
        [("buyeruid", &user["buyeruid"]), ("corpus", &user["id"]), ("ifa", &device["ifa"])]
    {
        ids.extend(id_text(value).map(|id| (space.to_owned(), id)));
    }
    let lists = [&user["eids"], &user["ext"]["eids"]];
    for eid in lists.into_iter().filter_map(Value::as_array).flatten() {
        let uids = eid["uids"].as_array().into_iter().flatten();
        for id in uids.filter_map(|uid| id_text(&uid["id"])) {
            ids.extend(id_text(&eid["source"]).map(|source| (source, id)));
        }
    }
    ids.retain(|(space, id)| space.len() <= ID_BYTES_MAX && id.len() <= ID_BYTES_MAX);
    ids
}

/// A shop that would like to reach everybody, with something for every common size.
fn permissive_shop() -> String {
    let mut file = String::from(
        "[advertiser]\nid = \"shop\"\ndomain = \"shop.example\"\ncurrency = \"USD\"\n",
    );
    for size in SIZES {
        write!(
            file,
            "[[creative]]\nid = \"c{size}\"\ntype = \"image\"\nsize = \"{size}\"\n\
             src = \"https://cdn.shop.example/{size}.png\"\nlanding = \"https://shop.example/\"\n"
        )
        .expect("a String takes everything");
    }
    let creatives: Vec<_> = SIZES.iter().map(|size| format!("\"c{size}\"")).collect();
    let reach = campaign("reach", "25 USD", "several_per_page = true", "");
    file + &reach.replace("\"b300\", \"b728\"", &creatives.join(", "))
}

/// A bidder that knows everybody in these requests.
fn bidder_that_knows(requests: &[Value]) -> Shop {
    let ids: BTreeSet<_> = requests.iter().flat_map(ids_of).collect();
    let members: Vec<Member<'_>> =
        ids.iter().map(|(space, id)| (&**space, &**id, "cart", 3_600)).collect();
    Shop::open(&permissive_shop(), &members)
}

/// Why the others were not.
fn print_reasons(shop: &Shop) {
    let metrics = shop.admin("GET", "/metrics", b"");
    let text = String::from_utf8(metrics.body).expect("metrics are text");
    let counted = |line: &&str| {
        line.starts_with("homing_no_bids_total{exchange=\"corpus\"") && !line.ends_with(" 0")
    };
    text.lines().filter(counted).for_each(|line| println!("{line}"));
}

/// The metric that counts panics stays at nothing.
fn assert_no_panic(shop: &Shop) {
    let metrics = shop.admin("GET", "/metrics", b"");
    let text = String::from_utf8(metrics.body).expect("metrics are text");
    let panics = text.lines().find(|line| line.contains("reason=\"panic\"")).expect("is counted");
    assert!(panics.ends_with(" 0"), "{panics}");
}

#[test]
fn every_real_request_is_answered_and_every_bid_is_acceptable() {
    let Some(lines) = lines("valid.ndjson") else { return };
    let requests: Vec<Value> =
        lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let shop = bidder_that_knows(&requests);
    let mut client = shop.client();
    let mut bids = 0;
    for (number, (line, request)) in lines.iter().zip(&requests).enumerate() {
        let reply = client.post("corpus", line.as_bytes());
        assert!(matches!(reply.status, 200 | 204), "line {}: {reply:?}\n{line}", number + 1);
        bids += usize::from(reply.status == 200 && accepted(request, &reply).is_some());
    }
    println!("{bids} of {} requests were answered with a bid; the others:", lines.len());
    print_reasons(&shop);
    assert!(bids >= 250, "only {bids}: too few to say anything about bids");
    assert_no_panic(&shop);
}

#[test]
fn every_truncation_is_refused() {
    let Some(lines) = lines("valid.ndjson") else { return };
    let some = lines.iter().step_by(lines.len() / 200).take(200);
    for line in some.clone() {
        let line = line.trim();
        for length in 0..line.len() {
            assert!(decode_json(&line.as_bytes()[..length]).is_err(), "{length} of {line}");
        }
    }
    let shop = Shop::open(&plain_shop(), U1);
    let mut client = shop.client();
    for line in some.step_by(8) {
        for length in (0..line.trim().len()).step_by(31) {
            let reply = client.post("adx", &line.as_bytes()[..length]);
            assert_eq!(reply.status, 400, "{length} of {line}");
        }
    }
    assert_no_panic(&shop);
}

#[test]
fn invalid_requests_are_refused_or_not_bid_on() {
    let (Some(lines), Some(sources)) = (lines("invalid.ndjson"), lines("invalid.source.tsv"))
    else {
        return;
    };
    let shop = Shop::open(&plain_shop(), U1);
    let mut client = shop.client();
    for (line, source) in lines.iter().zip(sources.iter().skip(1)) {
        let class = source.split('\t').nth(2).expect("a class");
        let status = client.post("corpus", line.as_bytes()).status;
        let allowed: &[u16] =
            if class == "prebid-specific" { &[200, 204, 400] } else { &[204, 400] };
        assert!(allowed.contains(&status), "{status} for {source}\n{line}");
    }
    assert_no_panic(&shop);
}

/// Id, floor in micros, sizes.
type Offer = (String, i64, Vec<(u16, u16)>);

/// What a request says, as a patient reader of the whole JSON finds it.
#[derive(PartialEq, Debug)]
struct Said {
    id: String,
    impressions: Vec<Offer>,
    buyeruid: Option<String>,
    ifa: Option<String>,
    coppa: bool,
    gdpr: Option<bool>,
    consent: Option<String>,
    tracking_limited: bool,
    eids: Vec<(String, String)>,
}

fn decoded(request: &BidRequest<'_>) -> Said {
    let mut eids = Vec::new();
    request.user.each_eid(|source, id| {
        eids.push((source.to_owned(), id.to_owned()));
        true
    });
    let impression = |one: &homing::openrtb::Impression<'_>| {
        let sizes = one.banner.iter().flat_map(|banner| banner.sizes.iter().copied());
        (one.id.to_string(), one.floor.0, sizes.collect())
    };
    Said {
        id: request.id.to_string(),
        impressions: request.impressions.iter().map(impression).collect(),
        buyeruid: request.user.buyeruid.as_deref().map(str::to_owned),
        ifa: request.device.ifa.as_deref().map(str::to_owned),
        coppa: request.regulations.coppa,
        gdpr: request.regulations.gdpr,
        consent: request.user.consent.as_deref().map(str::to_owned),
        tracking_limited: request.device.tracking_limited,
        eids,
    }
}

fn walked(request: &Value) -> Said {
    let (user, device, regs) = (&request["user"], &request["device"], &request["regs"]);
    let flags = |places: [&Value; 2]| places.into_iter().filter_map(whole).max();
    let limited = |value: &Value| !value.is_null() && whole(value) != Some(0);
    let refused = matches!(whole(&device["ext"]["atts"]), Some(0..=2));
    let consents: BTreeSet<_> =
        [&user["consent"], &user["ext"]["consent"]].into_iter().filter_map(id_text).collect();
    let eids = ids_of(request);
    let own = ["buyeruid", "corpus", "ifa"];
    Said {
        id: id_text(&request["id"]).expect("a valid request has an id"),
        impressions: impressions(request),
        buyeruid: id_text(&user["buyeruid"]),
        ifa: id_text(&device["ifa"]).filter(|ifa| !ifa.trim_matches(['0', '-']).is_empty()),
        coppa: flags([&regs["coppa"], &regs["ext"]["coppa"]]) == Some(1),
        gdpr: flags([&regs["gdpr"], &regs["ext"]["gdpr"]]).map(|flag| flag == 1),
        consent: consents.first().filter(|_| consents.len() == 1).cloned(),
        tracking_limited: limited(&device["lmt"]) || limited(&device["dnt"]) || refused,
        eids: eids.into_iter().filter(|(space, _)| !own.contains(&&**space)).collect(),
    }
}

fn impressions(request: &Value) -> Vec<Offer> {
    let mut found: Vec<Offer> = Vec::new();
    for one in request["imp"].as_array().into_iter().flatten() {
        let Some(id) = id_text(&one["id"]) else { continue };
        if found.iter().any(|(earlier, ..)| *earlier == id) || found.len() == IMPRESSIONS_MAX {
            continue;
        }
        let banner = &one["banner"];
        let formats = banner["format"].as_array().into_iter().flatten();
        let mut sizes: Vec<_> = formats.filter_map(size).collect();
        if sizes.is_empty() {
            sizes.extend(size(banner));
        }
        let micros = price(&one["bidfloor"]).unwrap_or_default().0;
        found.push((id, micros, sizes));
    }
    found
}

#[test]
fn the_borrowed_reader_finds_what_a_patient_one_finds() {
    let Some(lines) = lines("valid.ndjson") else { return };
    let mut met = HashMap::<&str, usize>::new();
    for line in &lines {
        let request = decode_json(line.as_bytes()).expect("a valid request");
        let found = decoded(&request);
        let expected = walked(&serde_json::from_str(line).expect("JSON"));
        assert_eq!(found, expected, "{line}");
        for (what, there) in [
            ("buyeruid", found.buyeruid.is_some()),
            ("ifa", found.ifa.is_some()),
            ("coppa", found.coppa),
            ("gdpr", found.gdpr.is_some()),
            ("consent", found.consent.is_some()),
            ("limited", found.tracking_limited),
            ("eids", !found.eids.is_empty()),
            ("floor", found.impressions.iter().any(|(_, floor, _)| *floor > 0)),
        ] {
            *met.entry(what).or_default() += usize::from(there);
        }
    }
    println!("{met:?}");
    assert!(met.values().all(|count| *count >= 10), "a field is hardly ever there: {met:?}");
}
