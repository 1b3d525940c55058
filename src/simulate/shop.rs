//! What is simulated: a shop with three campaigns, people who know it, and their page views.

use crate::audience::membership::{Membership, Person, ValueThousandths};
use crate::audience::view::AudienceView;
use crate::campaign::Book;
use crate::campaign::book::BookBuilder;
use crate::campaign::creative_section::CreativeFiles;
use crate::config::{Source, render};
use crate::model::{AdvertiserKey, Seconds, UnixSeconds, UserKey};
use crate::simulate::plan::BEGIN_S;
use std::collections::HashMap;

/// The shop's file. Budgets are small and caps are tight, so that both are reached.
const SHOP: &str = r#"
[advertiser]
id = "shop"
domain = "shop.example"
currency = "USD"
timezone = "America/New_York"
caps = [{ impressions = 6, per = "5m" }]

[advertiser.events]
segment_ttl = "30d"

[[creative]]
id = "banner"
type = "html5"
size = "300x250"
html = "<b>hello</b>"
landing = "https://shop.example/"

[[campaign]]
id = "cart"
objective = { conversion = "purchase" }
flight = { from = 2026-10-01, to = 2026-12-31 }
budget = { total = "0.60 USD", daily = "0.40 USD", pacing = "asap" }
audience = "add_to_cart"
caps = [{ impressions = 2, per = "1m" }, { impressions = 4, per = "10m" }]
[campaign.price]
base_cpm = "5 USD"
max_cpm = "5 USD"
[[campaign.message]]
creatives = ["banner"]

[[campaign]]
id = "visit"
objective = "clicks"
flight = { from = 2026-10-01, to = 2026-12-31 }
budget = { total = "0.20 USD", pacing = "asap" }
audience = "view_item"
caps = [{ impressions = 3, per = "2m" }, { min_gap = "20s" }]
[campaign.price]
base_cpm = "3 USD"
max_cpm = "3 USD"
[[campaign.message]]
creatives = ["banner"]

[[campaign]]
id = "always"
objective = "awareness"
flight = { from = 2026-10-01, to = 2026-12-31 }
budget = { daily = "0.10 USD", pacing = "asap" }
audience = "add_to_cart or view_item"
[campaign.price]
base_cpm = "1 USD"
max_cpm = "1 USD"
[[campaign.message]]
creatives = ["banner"]
"#;

/// The shop's key.
pub fn shop_key() -> AdvertiserKey {
    AdvertiserKey::new("shop")
}

/// Every creative is inline, so no file is ever asked for.
struct NoFiles;

impl CreativeFiles for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("{path} is not there"))
    }
}

/// The shop's campaigns.
pub fn book() -> Book {
    let mut builder = BookBuilder::new(None);
    builder.add(&Source::new("shop.toml", SHOP), &NoFiles);
    let (book, faults) = builder.finish();
    book.unwrap_or_else(|| panic!("the simulated shop is sound: {}", render::text(&faults)))
}

/// The key of a person.
pub fn person_key(person: u64) -> UserKey {
    UserKey::new("buyeruid", &person_id(person))
}

fn person_id(person: u64) -> String {
    format!("p{person}")
}

/// A page view of a person, as an exchange asks for it.
pub fn request(id: u64, person: u64) -> String {
    let person = person_id(person);
    format!(
        r#"{{"id":"r{id}","at":2,"tmax":200,"cur":["USD"],"user":{{"buyeruid":"{person}"}},
        "site":{{"domain":"news.example"}},"imp":[{{"id":"1","banner":{{"w":300,"h":250}}}}]}}"#
    )
}

/// What the snapshot knows: everybody left a cart before the run began.
pub struct People(HashMap<UserKey, Vec<Membership>>);

impl People {
    /// So many people, in the numbers of `book`.
    pub fn of(book: &Book, people: u64) -> Self {
        let begin = UnixSeconds(BEGIN_S);
        let member = |name: &str| {
            let last_seen = begin.minus(Seconds::HOUR);
            Some(Membership {
                segment: book.segments.get(name)?,
                first_seen: last_seen,
                last_seen,
                expires: UnixSeconds::NEVER,
                count: 1,
                value: ValueThousandths(0),
            })
        };
        let known = || ["add_to_cart", "view_item"].into_iter().filter_map(member).collect();
        Self((0..people).map(|person| (person_key(person), known())).collect())
    }
}

impl AudienceView for People {
    fn join(&self, key: UserKey, person: &mut Person) -> bool {
        let Some(known) = self.0.get(&key) else { return false };
        known.iter().for_each(|membership| person.add(*membership));
        true
    }
}
