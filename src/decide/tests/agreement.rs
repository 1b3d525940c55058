//! Bidding and explaining agree: on ten thousand requests of every kind, against thirty
//! campaigns of every kind, with a ledger that fills up on the way.

use super::prices::assert_is_product;
use super::*;
use crate::decide::Candidate;
use crate::decide::explain::CampaignStory;
use crate::model::BidId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const REQUESTS: u32 = 10_000;
const PERSONS: u32 = 200;

/// Numbers that are the same in every run.
pub(super) struct Numbers {
    pub(super) seed: u64,
    pub(super) taken: u64,
}

impl Numbers {
    fn below(&mut self, limit: u32) -> u32 {
        self.taken += 1;
        (BidId::nth(self.seed, self.taken).0 >> 32) as u32 % limit
    }

    fn one_in(&mut self, odds: u32) -> bool {
        self.below(odds) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u32) as usize]
    }
}

const AUDIENCES: [&str; 6] = [
    "cart within 3d",
    "cart and not bought",
    "viewed within 30d and no bought since viewed",
    "vip or bought count >= 2",
    "bought older than 10d",
    "viewed value > 20 and not cart within 1d",
];
const KEYS: [&str; 8] = [
    "",
    "start_after = \"30m\"",
    "stop_after = \"2d\"",
    "caps = [{ impressions = 2, per = \"1h\" }]",
    "caps = [{ impressions = 3, per = \"1d\" }, { min_gap = \"10m\" }]",
    "holdout = \"20%\"",
    "several_per_page = true",
    "paused = true",
];
const PRICES: [&str; 5] = [
    "",
    "recency = { half_life = \"12h\", floor = 0.1 }\nfatigue = 0.8",
    "value = \"membership\"\nvalue_reference = 30.0",
    "segments = { vip = 2.5, cart = 1.25 }\ndevice = { mobile = 1.3, desktop = 0.7 }",
    "min_cpm = \"1 USD\"\nexchange = { adx = 0.95 }\ncountry = { USA = 1.1, CAN = 0.333 }",
];
const TARGETS: [&str; 11] = [
    "",
    "",
    "countries = [\"USA\", \"CAN\"]",
    "devices = [\"mobile\", \"tablet\"]",
    "block = [\"bad.example\"]",
    "inventory = [\"app\"]",
    "dayparts = [\"mon-sun 08:00-12:00\"]",
    "dayparts = [\"sat 00:00-24:00\"]",
    "deals = [\"d1\", \"d2\"]",
    "rewarded = \"exclude\"",
    "interstitial = \"only\"",
];
/// What campaigns show: creatives in the order of preference.
const CREATIVES: [&str; 9] = [
    "\"b300\"",
    "\"b728\"",
    "\"b300\", \"v30\"",
    "\"b160\"",
    "\"v30\"",
    "\"n1\", \"b300\"",
    "\"b300\"",
    "\"a15\", \"m320\"",
    "\"m320\", \"n1\", \"v30\"",
];
const BUDGETS: [&str; 4] = [
    r#"{ total = "1000 USD", pacing = "asap" }"#,
    r#"{ total = "0.5 USD", pacing = "asap" }"#,
    r#"{ daily = "0.2 USD", pacing = "even" }"#,
    r#"{ daily = "5 USD", total = "20 USD" }"#,
];

fn campaigns() -> Vec<Written> {
    let mut campaigns = Vec::new();
    for number in 0..30_usize {
        let creative = CREATIVES[number % CREATIVES.len()];
        let mut one = Written {
            audience: AUDIENCES[number % AUDIENCES.len()],
            keys: KEYS[number % KEYS.len()].to_owned(),
            price: PRICES[number % PRICES.len()],
            target: TARGETS[number / 2 % TARGETS.len()],
            budget: BUDGETS[number / 3 % BUDGETS.len()],
            max: if number % 7 == 0 { "1.1 USD" } else { "50 USD" },
            messages: format!("[[campaign.message]]\ncreatives = [{creative}]\n"),
            ..Written::based(&format!("k{number}"), &format!("{}.{number:02} USD", number % 5))
        };
        if number % 11 == 10 {
            one.audience = "";
            let contextual = number % 2 == 0;
            one.keys = format!("prospecting = true\ncontextual = {contextual}");
        }
        campaigns.push(one);
    }
    campaigns[0].base = "0.5 USD".to_owned();
    campaigns[12].flight = "{ from = 2027-02-01, to = 2027-02-02 }";
    campaigns[13].flight = "{ from = 2027-01-01, to = 2027-01-02 }";
    campaigns
}

pub(super) fn populated(numbers: &mut Numbers) -> Scene {
    let shop = "caps = [{ impressions = 5, per = \"1h\" }]\n\
                transparency = { behalf = \"Shop\", paid = \"Shop\", parameters = [\"basic\"] }";
    let mut scene = Scene::headed(shop, &campaigns());
    scene.privacy.contextual = true;
    scene.exchange.supply_chain.nodes_max = Some(2);
    scene.blocked.sellers = vec!["bad.example".to_owned()];
    for number in 0..PERSONS {
        let mut segments = Vec::new();
        for segment in ["cart", "viewed", "bought", "vip"] {
            if numbers.one_in(2) {
                // Some have just been there.
                let hours = numbers.of(&[480, 480, 1]);
                segments.push((segment, numbers.below(hours * 3_600)));
            }
        }
        scene.person(&format!("u{number}"), &segments);
        scene.person_in("ifa", &format!("i{number}"), &segments[..segments.len() / 2]);
    }
    for memberships in scene.people.0.values_mut() {
        for one in memberships {
            one.count = 1 + one.last_seen.0 % 4;
            one.value = ValueThousandths(u64::from(one.last_seen.0 % 90_000));
            if one.last_seen.0 % 9 == 0 {
                one.expires = NOW.minus(Seconds(1));
            }
        }
    }
    scene.privacy.gdpr_assumed_in = vec![*b"DEU"];
    scene
}

fn impression(numbers: &mut Numbers, number: u32) -> String {
    let mut text = format!(r#"{{"id":"{number}""#);
    if !numbers.one_in(4) {
        let sizes = [(300, 250), (300, 250), (728, 90), (160, 600), (320, 50), (8, 8)];
        let size = numbers.of(&sizes);
        write!(text, r#","banner":{{"w":{},"h":{},"#, size.0, size.1).expect("a String");
        text += numbers.of(BANNERS);
        text += "}";
    }
    for (odds, name, choices) in FORMATS {
        if numbers.one_in(*odds) {
            write!(text, r#","{name}":{}"#, numbers.of(choices)).expect("a String");
        }
    }
    if numbers.one_in(2) {
        let floor = numbers.below(5_000_000);
        let (units, micros) = (floor / 1_000_000, floor % 1_000_000);
        write!(text, r#","bidfloor":{units}.{micros:06}"#).expect("a String takes everything");
        text += numbers.of(&["", "", r#","bidfloorcur":"EUR""#, r#","bidfloorcur":"ZZZ""#]);
    }
    text += numbers.of(&["", "", r#","secure":0"#, r#","exp":600"#, r#","rwdd":1"#]);
    text += numbers.of(&["", "", r#","instl":1"#, r#","qty":{"multiplier":2.5}"#]);
    if numbers.one_in(4) {
        let deals: Vec<_> = (0..numbers.below(3)).map(|_| numbers.of(DEALS)).collect();
        let (private, deals) = (numbers.below(2), deals.join(","));
        write!(text, r#","pmp":{{"private_auction":{private},"deals":[{deals}]}}"#)
            .expect("a String takes everything");
    }
    text + "}"
}

const BANNERS: &[&str] = &[
    r#""pos":1"#,
    r#""battr":[6]"#,
    r#""btype":[3]"#,
    r#""api":[3,5],"expdir":[3,5]"#,
    r#""mimes":["image/png"]"#,
    r#""mimes":["text/html","image/jpeg"]"#,
];
/// One in so many impressions offers one of these besides, or instead of, a banner.
const FORMATS: &[(u32, &str, &[&str])] = &[
    (
        3,
        "video",
        &[
            r#"{"mimes":["video/mp4"],"protocols":[2,3,7],"minduration":5,"maxduration":60}"#,
            r#"{"mimes":["video/webm"],"protocols":[2]}"#,
            r#"{"rqddurs":[15,30],"podid":"p1","poddedupe":[1,2],"durfloors":[{"mindur":20,"bidfloor":1.5}]}"#,
            r#"{"maxduration":15}"#,
            r#"{"podid":"p1","poddur":60,"maxseq":2,"mincpmpersec":0.05}"#,
            r#"{"linearity":2}"#,
            r#"{"protocols":[13],"battr":[16]}"#,
        ],
    ),
    (
        5,
        "audio",
        &[r#"{"mimes":["audio/mpeg"],"minduration":10,"maxduration":30}"#, r#"{"rqddurs":[30]}"#],
    ),
    (
        4,
        "native",
        &[
            r#"{"request":"{\"ver\":\"1.2\",\"assets\":[{\"id\":1,\"required\":1,\"title\":{\"len\":25}}]}"}"#,
            r#"{"request":"{\"native\":{\"assets\":[{\"id\":2,\"required\":1,\"img\":{\"type\":3,\"wmin\":600,\"hmin\":300}}]}}"}"#,
            r#"{"request":"{\"assets\":[{\"id\":3,\"required\":1,\"data\":{\"type\":3}}]}"}"#,
            r#"{"request":"nothing"}"#,
        ],
    ),
];
const DEALS: &[&str] = &[
    r#"{"id":"d1","bidfloor":1.25}"#,
    r#"{"id":"d2","bidfloor":0.75,"at":3}"#,
    r#"{"id":"d3","bidfloor":2,"bidfloorcur":"EUR","guar":1}"#,
    r#"{"id":"d4","wseat":["other"]}"#,
    r#"{"id":"d5","wseat":["homing-1"],"wadomain":["shop.example","x.example"]}"#,
    r#"{"id":"d6","wadomain":["x.example"]}"#,
    r#"{"id":"d7","at":9,"mincpmpersec":0.08}"#,
    r#"{"bidfloor":1}"#,
    r#"{"id":"d8","bidfloor":1,"bidfloorcur":"ZZZ"}"#,
];

pub(super) fn body(numbers: &mut Numbers) -> String {
    let count = 1 + numbers.below(3);
    let impressions: Vec<_> = (0..count).map(|number| impression(numbers, number)).collect();
    let person = numbers.below(PERSONS + PERSONS / 10);
    let user = match numbers.below(8) {
        0 => String::new(),
        1 => format!(r#","user":{{}},"device":{{"ifa":"I{person}","devicetype":4}}"#),
        2 => format!(r#","user":{{"buyeruid":"u{person}"}},"device":{{"lmt":1}}"#),
        _ => {
            let country = numbers.of(&["USA", "CAN", "DEU", "FRA", "US"]);
            let device = numbers.of(&[1, 2, 4, 5, 7]);
            format!(
                r#","user":{{"buyeruid":"u{person}"}},"device":{{"ifa":"i{person}","devicetype":{device},"geo":{{"country":"{country}"}}}}"#
            )
        }
    };
    let mut text = format!(r#"{{"id":"r","imp":[{}]{user}"#, impressions.join(","));
    for (odds, choices) in RARE {
        if numbers.one_in(*odds) {
            text += ",";
            text += numbers.of(choices);
        }
    }
    text + "}"
}

/// One in so many requests carries one of these.
const RARE: &[(u32, &[&str])] = &[
    (4, &[r#""cur":["EUR"]"#, r#""cur":["EUR","USD"]"#, r#""cur":["ZZZ"]"#, r#""cur":["JPY"]"#]),
    (8, &[r#""badv":["shop.example"]"#, r#""bcat":["IAB18"]"#, r#""bcat":["IAB1"]"#]),
    (
        6,
        &[
            r#""regs":{"coppa":1}"#,
            r#""regs":{"gdpr":1}"#,
            r#""regs":{"us_privacy":"1YYN"}"#,
            r#""regs":{"ext":{"dsa":{"dsarequired":2,"pubrender":0}}}"#,
            r#""regs":{"ext":{"dsa":{"dsarequired":3,"pubrender":2}}}"#,
        ],
    ),
    (
        9,
        &[
            r#""wseat":["homing-1"]"#,
            r#""bseat":["homing-1"]"#,
            r#""tmax":10"#,
            r#""at":7"#,
            r#""at":3"#,
        ],
    ),
    (
        2,
        &[
            r#""site":{"domain":"bad.example"}"#,
            r#""site":{"domain":"a.example"}"#,
            r#""app":{"bundle":"x"}"#,
        ],
    ),
    (20, &[r#""test":1"#]),
    (10, &[r#""wlang":["en"]"#, r#""wlangb":["de-AT"]"#, r#""wlang":["fr"]"#]),
    (12, &[r#""acat":["IAB18"]"#, r#""cattax":7,"bcat":["48"]"#, r#""bapp":["com.shop.app"]"#]),
    (
        12,
        &[
            r#""source":{"schain":{"complete":1,"nodes":[{"asi":"a.example","sid":"1"}]}}"#,
            r#""source":{"schain":{"complete":1,"nodes":[{"asi":"bad.example","sid":"1"}]}}"#,
            r#""source":{"ext":{"schain":{"nodes":[{"asi":"a","sid":"1"},{},{}]}}}"#,
        ],
    ),
];

#[test]
fn explaining_and_bidding_agree_on_ten_thousand_requests() {
    let mut numbers = Numbers { seed: 20_270_115, taken: 0 };
    let mut scene = populated(&mut numbers);
    let (mut bids, mut reasons) = (0, BTreeMap::<_, u32>::new());
    let mut media = BTreeMap::<_, u32>::new();
    for number in 0..REQUESTS {
        scene.privacy.contextual = number % 2 == 0;
        let body = body(&mut numbers);
        let mut decision = scene.decide(&body);
        assert_agree(&scene, &body, &decision);
        scene.commit_at(&body, &mut decision, NOW);
        assert_bids_are_quotes(&decision);
        bids += decision.bids.len();
        for bid in &decision.bids {
            *media.entry((bid.medium, bid.deal.is_some())).or_default() += 1;
        }
        for (_, reason) in &decision.noes {
            *reasons.entry(*reason).or_default() += 1;
        }
        *reasons.entry(decision.refused.unwrap_or(NoBidReason::Outranked)).or_default() += 1;
        // Some impressions are billed, some lost, and some holds are left standing.
        match number % 3 {
            0 => scene.bill(&decision, NOW.minus(Seconds(number % 5_000))),
            1 => decision.bids.iter().for_each(|bid| {
                scene.ledger.note(NoticeKind::Loss, &bid.claim, NOW);
            }),
            _ => {}
        }
    }
    assert!(bids > 500, "only {bids} bids: the requests have become too hard");
    assert!(reasons.len() > 38, "only {} reasons were met: {reasons:?}", reasons.len());
    assert!(media.len() == 8, "every medium, on deals and without: {media:?}");
}

/// The explanation of a case says what the decision did, campaign by campaign.
fn assert_agree(scene: &Scene, body: &str, decision: &Decision) {
    let (story, again) = scene.explain(body);
    assert_eq!(again.refused, decision.refused, "{body}");
    assert_eq!(story.refused, decision.refused.map(NoBidReason::label), "{body}");
    if decision.refused.is_some() {
        return;
    }
    let named = |index| format!("shop/{}", scene.campaign_id(index));
    let told: BTreeMap<_, _> =
        story.campaigns.iter().map(|one| (one.campaign.as_str(), one)).collect();
    assert_eq!(told.len(), scene.book.campaigns.len(), "every campaign is told of");
    let candidates: BTreeSet<_> =
        decision.candidates.iter().map(|one| named(one.campaign)).collect();
    let would: BTreeSet<_> = story
        .campaigns
        .iter()
        .filter(|one| one.bids || one.holdout)
        .map(|one| one.campaign.clone())
        .collect();
    assert_eq!(would, candidates, "{body}");
    let rank = |one: &Candidate| {
        (Reverse(one.quote.bid), scene.book.campaigns[one.campaign.0 as usize].key)
    };
    assert!(decision.candidates.is_sorted_by_key(rank), "the dearest first: {body}");
    for candidate in &decision.candidates {
        assert_priced(told[named(candidate.campaign).as_str()], candidate);
    }
    let noes: BTreeMap<_, _> =
        decision.noes.iter().map(|(index, reason)| (named(*index), reason.label())).collect();
    for (name, one) in told.iter().filter(|(_, one)| !one.bids && !one.holdout) {
        // A campaign to which no segment led is one whose audience does not hold; where nobody
        // may be recognised, one that asks for more than context.
        let unmet = decision.unrecognised.unwrap_or(NoBidReason::NotInAudience).label();
        let expected = noes.get(*name).copied().unwrap_or(unmet);
        assert_eq!(one.reason, Some(expected), "{name} {body}");
        one.price.iter().for_each(assert_is_product);
        for on in &one.impressions {
            assert!(on.because.is_some(), "{name} {} {body}", on.reason);
        }
    }
}

fn assert_priced(told: &CampaignStory, candidate: &Candidate) {
    let price = told.price.as_ref().expect("a candidate has a price");
    assert_is_product(price);
    let quote = &candidate.quote;
    assert_eq!(micros(price.product_cpm), quote.product);
    assert_eq!((micros(price.price_cpm), micros(price.bid_cpm)), (quote.price, quote.bid));
    assert_eq!((told.reason, told.holdout), (None, candidate.ghost));
    assert_eq!(told.fits.len(), candidate.fits.len());
    for (text, fit) in told.fits.iter().zip(&candidate.fits) {
        let terms = format!("as {} at {}", fit.medium.label(), fit.price);
        assert!(
            text.contains(&terms) && text.contains(" on deal ") == fit.deal.is_some(),
            "{text}"
        );
    }
}

fn assert_bids_are_quotes(decision: &Decision) {
    for bid in &decision.bids {
        let own = decision.candidates.iter().find(|one| one.campaign == bid.campaign);
        let own = own.expect("only candidates bid");
        let fit = own.fits.iter().find(|fit| fit.impression == bid.impression);
        let fit = fit.expect("a bid is on an impression that fits");
        assert_eq!((bid.medium, bid.deal, bid.creative), (fit.medium, fit.deal, fit.creative));
        assert_eq!((bid.price, bid.claim.ceiling), (fit.price, fit.price));
        assert_eq!(bid.claim.held, fit.cost);
        assert!(fit.price <= own.quote.bid, "nobody pays more than it is worth");
    }
}
