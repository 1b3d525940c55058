//! Every reason that a decision can give is given by at least one case here.

use super::*;
use crate::ledger::Standing;
use crate::model::NodeKey;
use crate::model::reason::ALL_REASONS;
use crate::openrtb::profile::{Completeness, RequiredField};
use std::collections::HashSet;

/// What only the server can say.
const OF_THE_SERVER: [NoBidReason; 5] = [
    NoBidReason::InvalidRequest,
    NoBidReason::NotReady,
    NoBidReason::Overload,
    NoBidReason::OverRate,
    NoBidReason::Late,
];

/// A scene, a request, and why nobody bids.
struct Row(NoBidReason, Scene, String);

fn plain() -> Scene {
    Scene::new(&[Written::new("c")])
}

fn written(change: impl FnOnce(&mut Written)) -> Scene {
    let mut campaign = Written::new("c");
    change(&mut campaign);
    Scene::new(&[campaign])
}

fn changed(mut scene: Scene, change: impl FnOnce(&mut Scene)) -> Scene {
    change(&mut scene);
    scene
}

/// The request as a whole is refused.
fn of_requests() -> Vec<Row> {
    use NoBidReason as R;
    let blocking = |scene: &mut Scene| scene.blocked.sites = vec!["bad.example".to_owned()];
    let row = |reason, rest: &str| Row(reason, plain(), request(rest));
    let chained =
        |complete| changed(plain(), |scene| scene.exchange.supply_chain.complete = complete);
    let selling = |scene: &mut Scene| scene.blocked.sellers = vec!["bad.example/7".to_owned()];
    let chain = r#""source":{"schain":{"complete":0,"nodes":[{"asi":"Bad.example","sid":"7"}]}}"#;
    let short = |scene: &mut Scene| scene.exchange.supply_chain.nodes_max = Some(0);
    vec![
        row(R::Crawler, r#""device":{"ua":"Mozilla/5.0 (compatible; Googlebot/2.1)"}"#),
        Row(R::SupplyChainIncomplete, chained(Completeness::Required), request("")),
        Row(R::SupplyChainIncomplete, chained(Completeness::IfPresent), request(chain)),
        Row(R::SupplyChainIncomplete, changed(plain(), short), request(chain)),
        Row(R::SupplyChainBlocked, changed(plain(), selling), request(chain)),
        row(R::TestRequest, r#""test":1"#),
        Row(
            R::BlockedInventory,
            changed(plain(), blocking),
            request(r#""site":{"page":"https://www.bad.example/x"}"#),
        ),
        row(R::SeatNotAllowed, r#""wseat":["other"]"#),
        row(R::SeatNotAllowed, r#""bseat":["homing-1"]"#),
        row(R::CurrencyUnknown, r#""cur":["ZZZ"]"#),
        row(R::AuctionType, r#""at":7"#),
        row(R::TimeTooShort, r#""tmax":20"#),
        row(R::Coppa, r#""regs":{"coppa":1}"#),
        row(R::TrackingLimited, r#""device":{"lmt":1}"#),
        row(R::OptedOut, r#""regs":{"us_privacy":"1YYN"}"#),
        row(R::ConsentMissing, r#""regs":{"ext":{"gdpr":1}}"#),
        Row(R::NoUsableImpression, plain(), known(r#"{"id":"i"}"#, "")),
        row(R::NoUserId, r#""user":{}"#),
        row(R::UnknownUser, r#""user":{"buyeruid":"nobody"}"#),
    ]
}

/// A campaign may not run, or not there.
fn of_targets() -> Vec<Row> {
    use NoBidReason as R;
    let target =
        |reason, target, rest: &str| Row(reason, written(|one| one.target = target), request(rest));
    let flight = |reason, flight| Row(reason, written(|one| one.flight = flight), request(""));
    let keys =
        |reason, keys: &str| Row(reason, written(|one| one.keys = keys.to_owned()), request(""));
    let audience = "cart within 30m";
    vec![
        Row(R::Burned, super::burned::of_a_buyer(), request("")),
        Row(R::NotInAudience, written(|one| one.audience = audience), request("")),
        keys(R::Paused, "paused = true"),
        flight(R::FlightNotStarted, "{ from = 2027-02-01, to = 2027-03-01 }"),
        flight(R::FlightEnded, "{ from = 2027-01-01, to = 2027-01-14 }"),
        target(R::OutsideDaypart, r#"dayparts = ["fri 09:00-24:00", "sat-sun 00:00-24:00"]"#, ""),
        target(R::ExchangeExcluded, r#"exchanges = ["other"]"#, ""),
        target(R::GeoExcluded, r#"countries = ["USA"]"#, r#""device":{"geo":{"country":"CAN"}}"#),
        target(R::GeoExcluded, r#"countries = ["USA"]"#, ""),
        target(R::GeoExcluded, r#"regions = ["NY"]"#, r#""device":{"geo":{"region":"CA"}}"#),
        target(R::DeviceExcluded, r#"devices = ["mobile"]"#, r#""device":{"devicetype":2}"#),
        target(R::DeviceExcluded, r#"os = ["ios"]"#, r#""device":{"os":"Android"}"#),
        target(R::InventoryExcluded, r#"inventory = ["app"]"#, r#""site":{"domain":"a.example"}"#),
        target(
            R::InventoryExcluded,
            r#"allow = ["a.example"]"#,
            r#""site":{"domain":"b.example"}"#,
        ),
        target(R::InventoryExcluded, r#"block = ["com.game"]"#, r#""app":{"bundle":"com.game"}"#),
        Row(R::CategoryBlocked, plain(), request(r#""bcat":["IAB18"]"#)),
        Row(R::CategoryBlocked, plain(), request(r#""acat":["IAB1","IAB18-1"]"#)),
        // Nothing is declared in taxonomy 7, so nothing can be proved.
        Row(R::CategoryBlocked, plain(), request(r#""bcat":["1"],"cattax":7"#)),
        Row(
            R::AppBlocked,
            written(|one| one.messages = message("m320")),
            request(r#""bapp":["COM.shop.app"]"#),
        ),
        target(R::InventoryExcluded, r#"rewarded = "only""#, ""),
        target(R::InventoryExcluded, r#"interstitial = "only""#, ""),
        Row(
            R::InventoryExcluded,
            written(|one| one.target = r#"interstitial = "exclude""#),
            known(r#"{"id":"i","banner":{"w":300,"h":250},"instl":1}"#, ""),
        ),
        target(R::InventoryExcluded, r#"inventory = ["dooh"]"#, r#""site":{"id":"1"}"#),
        target(
            R::DeviceExcluded,
            r#"devices = ["mobile"]"#,
            r#""device":{"ua":"(Windows NT 10)"}"#,
        ),
        Row(R::AdvertiserBlocked, plain(), request(r#""badv":["SHOP.example"]"#)),
        keys(R::TooEarly, r#"start_after = "2h""#),
        keys(R::TooLate, r#"stop_after = "1h""#),
    ]
}

/// There is nothing to show.
fn of_messages() -> Vec<Row> {
    use NoBidReason as R;
    let phase = "[[campaign.message]]\nphase = \"1d..2d\"\ncreatives = [\"b300\"]\n";
    let silent = written(|one| one.messages = phase.to_owned());
    let with_attribute = written(|one| one.messages = message("b728"));
    let insecure = written(|one| one.messages = message("b160"));
    let showing = |creative: &str| written(|one| one.messages = message(creative));
    let wanting = |field| changed(plain(), |scene| scene.exchange.required_fields = vec![field]);
    let impression = |parts: &str| known(&format!(r#"{{"id":"i",{parts}}}"#), "");
    let spoken = |rest: &str| known(r#"{"id":"i","video":{}}"#, rest);
    let offer = |banner: &str| known(&format!(r#"{{"id":"i","banner":{{{banner}}}}}"#), "");
    vec![
        Row(R::NoMessage, silent, request("")),
        Row(R::SizeMismatch, plain(), offer(r#""w":8,"h":8"#)),
        Row(R::CreativeBlocked, with_attribute, offer(r#""w":728,"h":90,"battr":[6]"#)),
        Row(R::FormatMismatch, plain(), impression(r#""video":{}"#)),
        Row(R::FormatMismatch, showing("n1"), impression(r#""native":{"request":"{"}"#)),
        Row(R::SpotMismatch, showing("v30"), impression(r#""video":{"maxduration":29}"#)),
        Row(R::SpotMismatch, showing("a15"), impression(r#""audio":{"mimes":["audio/ogg"]}"#)),
        Row(
            R::AssetMissing,
            showing("n1"),
            impression(
                r#""native":{"request":{"assets":[{"id":1,"required":1,"data":{"type":3}}]}}"#,
            ),
        ),
        Row(R::CreativeBlocked, showing("m320"), offer(r#""w":320,"h":50,"expdir":[3]"#)),
        Row(R::CreativeBlocked, showing("m320"), offer(r#""w":320,"h":50,"api":[5]"#)),
        Row(
            R::CreativeBlocked,
            showing("b728"),
            offer(r#""w":728,"h":90,"mimes":["text/html","image/gif"]"#),
        ),
        Row(R::CreativeBlocked, plain(), offer(r#""w":300,"h":250,"mimes":["image/png"]"#)),
        Row(R::CreativeIncomplete, wanting(RequiredField::SampleImage), request("")),
        Row(R::CreativeIncomplete, wanting(RequiredField::Attributes), request("")),
        Row(R::CreativeIncomplete, wanting(RequiredField::Language), request("")),
        Row(R::LanguageExcluded, plain(), request(r#""wlang":["de"]"#)),
        Row(R::LanguageExcluded, showing("v30"), spoken(r#""wlangb":["de-AT"]"#)),
        Row(
            R::TransparencyMissing,
            plain(),
            request(r#""regs":{"ext":{"dsa":{"dsarequired":2}}}"#),
        ),
        Row(
            R::DealMissing,
            plain(),
            impression(r#""pmp":{"private_auction":1},"banner":{"w":300,"h":250}"#),
        ),
        Row(R::DealMissing, written(|one| one.target = r#"deals = ["d1"]"#), request("")),
        Row(R::CreativeBlocked, insecure, offer(r#""w":160,"h":600"#)),
        Row(R::CreativeBlocked, plain(), offer(r#""w":300,"h":250,"btype":[3]"#)),
    ]
}

/// Caps, money and price stand in the way.
fn of_limits() -> Vec<Row> {
    use NoBidReason as R;
    let keys = |keys: &str| written(|one| one.keys = keys.to_owned());
    let spent = |mut scene: Scene| {
        let shown = scene.bid(&request(""));
        assert_eq!(shown.bids.len(), 1, "{:?}", shown.noes);
        scene.bill(&shown, NOW);
        scene
    };
    let small = r#"{ total = "0.003 USD", pacing = "asap" }"#;
    let even = r#"{ daily = "0.004 USD", pacing = "even" }"#;
    let floor = |floor: &str| {
        known(&format!(r#"{{"id":"i","banner":{{"w":300,"h":250}},"bidfloor":{floor}}}"#), "")
    };
    let once = r#"caps = [{ impressions = 1, per = "1h" }]"#;
    let over_all = Scene::capped(r#"[{ impressions = 1, per = "1h" }]"#, &[Written::new("c")]);
    vec![
        Row(R::FrequencyCap, spent(keys(once)), request("")),
        Row(R::FrequencyCap, spent(over_all), request("")),
        Row(R::MinGap, spent(keys(r#"caps = [{ min_gap = "5m" }]"#)), request("")),
        Row(R::BudgetSpent, spent(written(|one| one.budget = small)), request("")),
        // A third of the day has passed: a third of 0.004 is less than one impression.
        Row(R::PacingAhead, written(|one| one.budget = even), request("")),
        Row(R::AwaitingLease, changed(plain(), share_budgets), request("")),
        Row(R::CurrencyMismatch, plain(), floor(r#"0.1,"bidfloorcur":"XYZ""#)),
        Row(R::BelowMinimum, written(|one| one.price = "min_cpm = \"2.01 USD\""), request("")),
        Row(R::BelowFloor, plain(), floor("2.000001")),
    ]
}

/// The budgets are shared with nodes unknown, and nothing is leased yet.
fn share_budgets(scene: &mut Scene) {
    let standing = Standing::Shared(NodeKey(1));
    scene.ledger = Ledger::in_standing(standing, LedgerLimits::default(), 1);
    scene.accounts = scene.ledger.adopt(&scene.book);
}

/// A campaign would bid, but does not.
fn of_commit() -> Vec<Row> {
    use NoBidReason as R;
    let mut held_out = Scene::new(&[Written::keyed("c", "holdout = \"50%\"")]);
    let id = people::someone_held_out(&mut held_out);
    let body = request(&format!(r#""user":{{"buyeruid":"{id}"}}"#));
    let full = changed(plain(), |scene| {
        let limits = LedgerLimits { holds_max: 0, ..LedgerLimits::default() };
        scene.ledger = Ledger::new(limits, 1);
        scene.accounts = scene.ledger.adopt(&scene.book);
    });
    let unclean = changed(plain(), |scene| {
        scene.ledger.holds_unknown_until(NOW.plus(Seconds(1)));
    });
    vec![
        Row(R::Holdout, held_out, body),
        Row(R::HoldRefused, full, request("")),
        Row(R::Recovering, unclean, request("")),
    ]
}

#[test]
fn every_reason_is_given_and_nothing_is_held() {
    let mut given: HashSet<NoBidReason> = OF_THE_SERVER.into_iter().collect();
    let rows = [of_requests(), of_targets(), of_messages(), of_limits(), of_commit()];
    for Row(reason, mut scene, body) in rows.into_iter().flatten() {
        let held = scene.ledger.money_held();
        let decision = scene.bid(&body);
        assert_eq!(decision.no_bid_reason(), Some(reason), "{body}\n{:?}", decision.noes);
        assert_eq!(scene.ledger.money_held(), held, "{reason:?} holds nothing");
        given.insert(reason);
    }
    // The one reason that comes only beside a bid.
    let mut two = Scene::new(&[Written::based("dear", "3 USD"), Written::new("cheap")]);
    let decision = two.bid(&request(""));
    assert_eq!(two.placed(&decision), [(0, "dear")]);
    given.extend(two.reason(&decision, "cheap"));
    let missing: Vec<_> = ALL_REASONS.iter().filter(|one| !given.contains(one)).collect();
    assert!(missing.is_empty(), "no case gives {missing:?}");
}

/// Each of the rows above differs from this one in the one thing that its reason names.
#[test]
fn without_a_reason_there_is_a_bid() {
    for rest in
        ["", r#""at":1"#, r#""at":3"#, r#""at":500"#, r#""tmax":21"#, r#""wseat":["homing-1"]"#]
    {
        let decision = plain().bid(&request(rest));
        assert_eq!(decision.no_bid_reason(), None, "{rest}");
    }
    let mut aimed = written(|one| {
        one.target = r#"countries = ["USA"]
dayparts = ["fri 08:00-09:00"]
devices = ["desktop"]
os = ["macos"]
allow = ["news.example"]
inventory = ["site"]
exchanges = ["adx"]"#;
    });
    let device = r#""device":{"devicetype":2,"os":"macOS","geo":{"country":"usa"}}"#;
    let decision =
        aimed.bid(&request(&format!(r#"{device},"site":{{"domain":"m.news.example"}}"#)));
    assert_eq!(decision.no_bid_reason(), None, "{:?}", decision.noes);
}
