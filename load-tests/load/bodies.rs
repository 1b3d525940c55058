//! Bid requests of a wanted size, no two alike.
//!
//! Each begins as one of the sized requests of the benches (site, device, extended ids, consent,
//! supply chain; two impressions from 3 KB on) and is made its own: other ids, pages, browsers,
//! places, floors, lists of other lengths, parts that are there or not, members in another order.
//! One document measured again and again would flatter every parser.

use super::consent::tcf_string;
use super::requests::SIZED;
use homing::audience::generate::demo_user_id;
use homing::demo::dice::Dice;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9 Pro) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.6778.39 Mobile Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
];
const SITES: [&str; 7] = [
    "news.example.com",
    "wetter.example",
    "kochen-und-backen.example",
    "sport.example.org",
    "forum.example",
    "a.example",
    "regionalzeitung-am-abend.example.net",
];
const CITIES: [(&str, &str, &str); 5] = [
    ("DEU", "BE", "Berlin"),
    ("DEU", "HH", "Hamburg"),
    ("DEU", "BY", "München"),
    ("AUT", "9", "Wien"),
    ("AUT", "6", "Graz"),
];
const WORDS: [&str; 8] =
    ["politik", "sport", "wirtschaft", "reisen", "schuhe", "garten", "“zitiert”", "leben"];
/// Longest hold that a request asks for. Real ones ask for minutes; a saturating load would hold
/// millions of bids for so long, which no bidder meets.
const EXPIRES_S: u64 = 2;
/// Of requests of 3 KB and more: with a consent string of 1,200 vendors, in a thousand.
const GDPR_PER_MILLE: u64 = 500;

/// Who is behind a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Person {
    /// Nobody: no id that a bidder could use.
    Nobody,
    /// The `n`-th of the generated people.
    Nth(u64),
}

/// Makes bodies.
pub(crate) struct Bodies {
    base: Value,
    small: bool,
    dice: Dice,
    consent: [String; 2],
}

impl Bodies {
    /// Bodies of about the size called `size`; `None` where there is none of that name.
    pub(crate) fn new(size: &str, seed: u64) -> Option<Self> {
        let (_, text) = SIZED.iter().find(|(name, _)| *name == size)?;
        let base = serde_json::from_str(text).expect("the benches' requests are JSON");
        let consent = [tcf_string(false), tcf_string(true)];
        Some(Self { base, small: size == "1k", dice: Dice::new(seed), consent })
    }

    /// A body for `person`.
    pub(crate) fn next(&mut self, person: Person) -> Value {
        let mut body = self.base.clone();
        body["id"] = json!(self.uuid());
        body["tmax"] = json!(self.dice.between(90, 250));
        self.impressions(&mut body);
        self.site(&mut body["site"]);
        self.device(&mut body["device"]);
        self.user(&mut body["user"], person);
        self.lists(&mut body);
        self.law(&mut body);
        self.shuffled(body)
    }

    fn impressions(&mut self, body: &mut Value) {
        let Some(impressions) = body["imp"].as_array_mut() else { return };
        for impression in impressions {
            impression["bidfloor"] = json!(self.dice.between(2, 60) as f64 / 100.0);
            impression["exp"] = json!(EXPIRES_S);
            impression["tagid"] = json!(format!("/{}/slot", self.dice.below(100_000)));
            impression["ext"]["tid"] = json!(self.uuid());
            let Some(members) = impression.as_object_mut() else { continue };
            if self.dice.per_mille(400) {
                members.remove("native");
            }
            if members.contains_key("video") && self.dice.per_mille(300) {
                members.remove("video");
                members.insert("banner".to_owned(), json!({ "w": 300, "h": 250, "pos": 1 }));
            }
        }
    }

    fn site(&mut self, site: &mut Value) {
        let domain = *self.dice.one_of(&SITES);
        let words = self.words(1, 6).join("-");
        let number = self.dice.below(10_000_000);
        site["id"] = json!(self.dice.below(1_000_000).to_string());
        site["domain"] = json!(domain);
        site["page"] = json!(format!("https://{domain}/{words}/{number}.html?utm_source=feed"));
        site["publisher"]["id"] = json!(format!("pub-{}", self.dice.below(10_000)));
        let Some(members) = site.as_object_mut() else { return };
        if self.dice.per_mille(400) {
            members.remove("ref");
        }
        if members.contains_key("content") {
            let title = self.words(2, 9).join(" ");
            members.insert("content".to_owned(), json!({ "language": "de", "title": title }));
            members.insert("keywords".to_owned(), json!(self.words(0, 12).join(",")));
        }
    }

    fn device(&mut self, device: &mut Value) {
        let (country, region, city) = *self.dice.one_of(&CITIES);
        device["ua"] = json!(self.dice.one_of(&AGENTS));
        device["ip"] = json!(format!("203.0.113.{}", self.dice.below(256)));
        device["devicetype"] = json!(self.dice.between(1, 6));
        device["geo"]["country"] = json!(country);
        if !self.small {
            device["geo"]["region"] = json!(region);
            device["geo"]["city"] = json!(city);
            device["geo"]["lat"] = json!(47.0 + self.dice.below(8_000) as f64 / 1_000.0);
        }
    }

    fn user(&mut self, user: &mut Value, person: Person) {
        user["id"] = json!(self.hex(32));
        let Some(members) = user.as_object_mut() else { return };
        match person {
            Person::Nobody => {
                members.remove("buyeruid");
                members.remove("eids");
                return;
            }
            Person::Nth(n) => members.insert("buyeruid".to_owned(), json!(demo_user_id(n))),
        };
        let Some(sources) = members.get_mut("eids").and_then(Value::as_array_mut) else { return };
        for source in sources {
            source["uids"][0]["id"] = json!(self.hex(40));
        }
    }

    fn lists(&mut self, body: &mut Value) {
        if self.small {
            return;
        }
        let categories: Vec<_> =
            (0..self.dice.below(14)).map(|n| format!("IAB7-{}", n + 1)).collect();
        let blocked = (0..self.dice.below(12)).map(|_| {
            let number = self.dice.below(10_000);
            format!("brand-{number}.example")
        });
        let blocked: Vec<_> = blocked.collect();
        body["bcat"] = json!(categories);
        body["badv"] = json!(blocked);
        body["source"]["tid"] = json!(self.uuid());
    }

    /// Half of the larger ones are under GDPR with a consent that suffices; no law binds the rest.
    fn law(&mut self, body: &mut Value) {
        body["regs"] = json!({ "gdpr": 0, "coppa": 0 });
        if !self.small && self.dice.per_mille(GDPR_PER_MILLE) {
            body["regs"]["gdpr"] = json!(1);
            // Most strings list vendors as bits.
            let string = &self.consent[usize::from(self.dice.per_mille(50))];
            body["user"]["consent"] = json!(string);
        }
    }

    /// The same members in another order: exchanges agree on none.
    fn shuffled(&mut self, body: Value) -> Value {
        let Value::Object(members) = body else { return body };
        let mut members: Vec<_> = members.into_iter().collect();
        for end in (2..=members.len()).rev() {
            members.swap(end - 1, self.dice.below(end as u64) as usize);
        }
        Value::Object(members.into_iter().collect::<Map<_, _>>())
    }

    fn words(&mut self, low: u64, high: u64) -> Vec<&'static str> {
        (0..self.dice.between(low, high)).map(|_| *self.dice.one_of(&WORDS)).collect()
    }

    fn uuid(&mut self) -> String {
        demo_user_id(self.dice.throw() >> 16)
    }

    fn hex(&mut self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            let _ = write!(text, "{:016x}", self.dice.throw());
        }
        text.truncate(digits);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use homing::openrtb::decode_json;

    #[test]
    fn bodies_are_requests_of_about_their_size_and_no_two_are_alike() {
        for (size, bytes) in [("1k", 1_000), ("3k", 3_000), ("10k", 10_000)] {
            let mut bodies = Bodies::new(size, 5).expect("a known size");
            let (mut all, mut sum) = (std::collections::HashSet::new(), 0);
            for n in 0..200 {
                let person = if n % 2 == 0 { Person::Nobody } else { Person::Nth(n) };
                let text = bodies.next(person).to_string();
                let request = decode_json(text.as_bytes()).expect("a bid request");
                let id = request.user.buyeruid.as_deref().map(ToOwned::to_owned);
                drop(request);
                assert_eq!(id, (n % 2 == 1).then(|| demo_user_id(n)));
                sum += text.len();
                assert!(all.insert(text), "twice the same");
            }
            let mean = sum / 200;
            assert!((bytes * 7 / 10..bytes * 13 / 10).contains(&mean), "{size}: {mean} bytes");
        }
        assert!(Bodies::new("2k", 5).is_none());
    }
}
