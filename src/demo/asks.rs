//! Bid requests as exchanges send them: OpenRTB 2.6 with all the variety that a bidder meets.
//!
//! Guarantees: what is asked for is kept beside the body, so that the answer can be judged.

use super::crowd::Crowd;
use super::dice::Dice;
use crate::audience::generate::{demo_ifa, demo_user_id};
use crate::model::CpmMicros;
use serde_json::{Value, json};

/// A bid request, and what an answer to it must keep to.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The request's id.
    pub id: String,
    /// The only currency that an answer may have: that of the floors.
    pub currency: &'static str,
    /// What is on offer.
    pub offers: Vec<Offer>,
    /// The request as JSON.
    pub body: Vec<u8>,
}

/// One impression on offer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// Its id.
    pub id: String,
    /// The sizes that fit.
    pub sizes: Vec<(u64, u64)>,
    /// The least it sells for.
    pub floor: CpmMicros,
}

type Sizes = &'static [(u64, u64)];

/// Slots of pages and of apps on phones; the last is one that no creative fits.
const WIDE_SLOTS: [Sizes; 6] = [
    &[(300, 250)],
    &[(300, 250), (300, 600)],
    &[(728, 90)],
    &[(160, 600), (300, 600)],
    &[(728, 90), (970, 250)],
    &[(970, 250)],
];
const PHONE_SLOTS: [Sizes; 4] =
    [&[(320, 50)], &[(300, 250)], &[(320, 50), (300, 250)], &[(320, 480)]];
const SITES: [&str; 6] = [
    "news.example",
    "weather.example",
    "cooking.example",
    "sport.example",
    "gossip.example",
    "forum.example",
];
const APPS: [(&str, &str); 3] = [
    ("com.example.puzzle", "Puzzle of the Day"),
    ("com.example.radio", "Radio"),
    ("com.example.runner", "Runner"),
];
/// Country, and whether a request from there says that GDPR does not apply (a roaming visitor).
const COUNTRIES: [(&str, Option<u8>); 6] = [
    ("USA", None),
    ("USA", Some(0)),
    ("CAN", None),
    ("AUS", None),
    ("BRA", Some(0)),
    ("DEU", Some(0)),
];

/// How often a request is of a kind, in a thousand; the rest is of people online.
const UNKNOWN_PER_MILLE: u64 = 200;
const ANYBODY_PER_MILLE: u64 = 180;
const NO_ID_PER_MILLE: u64 = 120;

/// Makes requests.
#[derive(Clone, Debug)]
pub struct Asker {
    dice: Dice,
    asked: u64,
}

impl Asker {
    /// An asker whose requests follow from a seed.
    pub fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed), asked: 0 }
    }

    /// The next request.
    pub fn next(&mut self, crowd: &Crowd) -> Ask {
        self.asked += 1;
        let id = format!("demo-{}-{:08x}", self.asked, self.dice.throw() as u32);
        let phone = self.dice.per_mille(550);
        let currency = if self.dice.per_mille(700) { "USD" } else { "EUR" };
        let offers = self.offers(phone);
        let foreign_first = self.dice.per_mille(50);
        let currencies = if foreign_first { vec!["JPY", currency] } else { vec![currency] };
        let (country, gdpr) = *self.dice.one_of(&COUNTRIES);
        let mut body = json!({
            "id": id,
            "at": 2,
            "tmax": self.dice.between(100, 250),
            "cur": currencies,
            "imp": offers.iter().map(|offer| impression(offer, currency)).collect::<Vec<_>>(),
            "device": self.device(phone, country),
            "bcat": ["IAB25", "IAB26"],
            "regs": gdpr.map_or(json!({}), |gdpr| json!({ "gdpr": gdpr })),
            "source": { "tid": format!("{:016x}", self.dice.throw()) },
        });
        self.place(&mut body, phone);
        self.person(&mut body, crowd);
        self.law(&mut body);
        Ask { id, currency, offers, body: body.to_string().into_bytes() }
    }

    /// One to three impressions.
    fn offers(&mut self, phone: bool) -> Vec<Offer> {
        let count = 1 + u64::from(self.dice.per_mille(250)) + u64::from(self.dice.per_mille(80));
        let slots: &[Sizes] = if phone { &PHONE_SLOTS } else { &WIDE_SLOTS };
        let mut offer = |n: u64| {
            let floor = if self.dice.per_mille(600) {
                CpmMicros(self.dice.between(5, 90) as i64 * 10_000)
            } else {
                CpmMicros(self.dice.below(3) as i64 * 500_000)
            };
            Offer { id: n.to_string(), sizes: self.dice.one_of(slots).to_vec(), floor }
        };
        (1..=count).map(&mut offer).collect()
    }

    fn device(&mut self, phone: bool, country: &str) -> Value {
        let systems: &[&str] =
            if phone { &["iOS", "Android"] } else { &["Windows", "macOS", "Linux"] };
        json!({
            "ua": "Mozilla/5.0 (compatible; the demo's browser)",
            "ip": format!("198.51.100.{}", self.dice.below(256)),
            "devicetype": if phone { 4 } else { 2 },
            "os": self.dice.one_of(systems),
            "language": "en",
            "geo": { "country": country, "type": 2 },
        })
    }

    /// A site, or on phones often an app.
    fn place(&mut self, body: &mut Value, phone: bool) {
        if phone && self.dice.per_mille(500) {
            let (bundle, name) = self.dice.one_of(&APPS);
            body["app"] = json!({ "id": bundle, "bundle": bundle, "name": name });
        } else {
            let domain = self.dice.one_of(&SITES);
            let page = format!("https://{domain}/{}", self.dice.below(10_000));
            body["site"] = json!({ "id": domain, "domain": domain, "page": page });
        }
    }

    fn person(&mut self, body: &mut Value, crowd: &Crowd) {
        let kind = self.dice.below(1_000);
        let unknown_from = NO_ID_PER_MILLE;
        let anybody_from = unknown_from + UNKNOWN_PER_MILLE;
        let online_from = anybody_from + ANYBODY_PER_MILLE;
        if kind < unknown_from {
            body["user"] = json!({});
        } else if kind < anybody_from {
            body["user"] = json!({ "buyeruid": format!("stranger-{:016x}", self.dice.throw()) });
        } else {
            let n = if kind < online_from {
                crowd.anybody(&mut self.dice)
            } else {
                crowd.somebody(&mut self.dice)
            };
            self.known(body, n);
        }
    }

    /// Our own id, the device's, or both.
    fn known(&mut self, body: &mut Value, n: u64) {
        let (own, device) = match self.dice.below(10) {
            0 => (false, true),
            1..=3 => (true, true),
            _ => (true, false),
        };
        if own {
            body["user"] = json!({ "buyeruid": demo_user_id(n) });
        }
        if device {
            body["device"]["ifa"] = json!(demo_ifa(n));
        }
    }

    /// Some of the requests are those of children, of people who object, or under GDPR.
    fn law(&mut self, body: &mut Value) {
        match self.dice.below(1_000) {
            0..15 => body["regs"]["coppa"] = json!(1),
            15..45 => body["device"]["lmt"] = json!(1),
            45..80 => body["regs"]["gdpr"] = json!(1),
            80..95 => body["regs"]["us_privacy"] = json!("1YYN"),
            _ => {}
        }
    }
}

fn impression(offer: &Offer, currency: &str) -> Value {
    let formats = offer.sizes.iter().map(|(width, height)| json!({ "w": width, "h": height }));
    let (width, height) = offer.sizes[0];
    let floor = offer.floor.0 as f64 / 1e6;
    json!({
        "id": offer.id,
        "banner": { "w": width, "h": height, "format": formats.collect::<Vec<_>>(), "pos": 1 },
        "bidfloor": floor,
        "bidfloorcur": currency,
        "secure": 1,
        "exp": 300,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openrtb::decode_json;

    #[test]
    fn every_ask_is_a_bid_request_and_all_kinds_occur() {
        let crowd = Crowd { online: (0..50).collect(), at_home: Vec::new(), users: 1_000 };
        let mut asker = Asker::new(3);
        let (mut known, mut apps, mut no_id, mut coppa) = (0, 0, 0, 0);
        for _ in 0..2_000 {
            let ask = asker.next(&crowd);
            let request = decode_json(&ask.body).expect("a bid request");
            assert_eq!((request.id.as_ref(), request.impressions.skipped()), (ask.id.as_str(), 0));
            assert_eq!(request.impressions.len(), ask.offers.len());
            for (read, offer) in request.impressions.iter().zip(&ask.offers) {
                assert_eq!((read.id.as_ref(), read.floor), (offer.id.as_str(), offer.floor));
            }
            let stranger = |id: &str| id.starts_with("stranger");
            let (own, device) = (&request.user.buyeruid, &request.device.ifa);
            known += u32::from(own.as_deref().is_some_and(|id| !stranger(id)) || device.is_some());
            no_id += u32::from(own.is_none() && device.is_none());
            apps += u32::from(request.inventory.bundle.is_some());
            coppa += u32::from(request.regulations.coppa);
        }
        assert!((1_280..1_440).contains(&known), "{known} of 2,000 are known");
        assert!(apps > 400 && no_id > 180 && coppa > 10, "{apps} {no_id} {coppa}");
    }
}
