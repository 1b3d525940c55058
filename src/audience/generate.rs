//! A made-up shop's audience, for the demo and for benchmarks: as skewed as real ones are.
//!
//! Guarantees: the same seed and `now` give the same rows on every machine (integers only), and
//! each user the same ones whoever else is made, so that threads can share the work. Visits are
//! spread evenly over the logarithm of their age, from a minute to 120 days; counts, items and
//! interests follow Zipf's law, values a bell over their logarithm. About three memberships a
//! person, most with a value: a cart's, an item's price, or a score.

use super::ValueThousandths;
use super::builder::{BuildError, Intake};
use super::rows::Row;
use super::threads::on_each;
use crate::model::ids::{UUID_CHARS, push_uuid};
use crate::model::{BidId, Seconds, UnixSeconds};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Users of the demo unless told otherwise.
pub const USERS_DEFAULT: u64 = 1_000_000;
/// Most users that can be made: ids are of ten digits, and a build holds no more anyway.
pub const USERS_MAX: u64 = 1_000_000_000;

const AGE_MIN: Seconds = Seconds(60);
const AGE_MAX: Seconds = Seconds(120 * 86_400);
const CRM_TTL: Seconds = Seconds(365 * 86_400);
const SKUS: u64 = 500;
/// Kinds of goods in which people are interested: `interest_01` the most.
const INTERESTS: u64 = 24;
const INTERESTS_OF_ONE_MAX: u64 = 3;
static INTEREST_NAMES: LazyLock<Vec<String>> =
    LazyLock::new(|| (1..=INTERESTS).map(|n| format!("interest_{n:02}")).collect());
/// What values are drawn from, so that they do not change what else is drawn.
const WORTH: u64 = 0x776f_7274_6800_0000;
/// How many users are made in one go where threads share the work.
pub const USERS_PER_TURN: u64 = 4_096;
const ITEMS_IN_CART_MAX: u64 = 6;
const VALUE_MIN_THOUSANDTHS: u64 = 15_000;
const VALUE_MAX_THOUSANDTHS: u64 = 400_000;

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many users.
    pub users: u64,
    /// Different seeds give different audiences of the same people.
    pub seed: u64,
    /// The time from which ages count back.
    pub now: UnixSeconds,
}

/// The `buyeruid` of the `n`-th user: looks like a UUID, and no two are the same.
pub fn demo_user_id(n: u64) -> String {
    uuid_like(0x6275_7965_7275_6964, n)
}

/// The `ifa` of the `n`-th user; three users in ten have one.
pub fn demo_ifa(n: u64) -> String {
    uuid_like(0x6966_6120_6966_6120, n)
}

/// Makes the rows of all users and hands each to `take`, until `take` fails.
pub fn rows<E>(plan: Plan, take: impl FnMut(&Row<'_>) -> Result<(), E>) -> Result<(), E> {
    rows_of(plan, 0..plan.users, take)
}

/// Makes the rows of some of the users.
pub fn rows_of<E>(
    plan: Plan,
    users: Range<u64>,
    mut take: impl FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut drafts = Vec::new();
    for n in users.start..users.end.min(plan.users).min(USERS_MAX) {
        let mut shop = Shopper {
            dice: Dice::of_user(plan.seed, n),
            worth: Dice::of_user(plan.seed ^ WORTH, n),
            now: plan.now,
        };
        drafts.clear();
        shop.live(&mut drafts);
        let ids = [
            Some(("buyeruid", demo_user_id(n))),
            (shop.dice.per_mille() < 300).then(|| ("ifa", demo_ifa(n))),
        ];
        shop.browse(&mut drafts);
        for (space, id) in ids.iter().flatten() {
            for draft in &drafts {
                take(&draft.row(space, id))?;
            }
        }
    }
    Ok(())
}

/// Makes the rows of all users into `intake`, on `threads` threads; `progress` is told of the
/// users made.
///
/// # Errors
/// Those of [`super::builder::Router::add`].
pub fn feed(
    plan: Plan,
    (intake, threads): (&Intake, usize),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), BuildError> {
    let next = AtomicU64::new(0);
    let make = || {
        let mut router = intake.router();
        loop {
            let begin = next.fetch_add(USERS_PER_TURN, Ordering::Relaxed);
            if begin >= plan.users {
                return router.close();
            }
            let end = plan.users.min(begin + USERS_PER_TURN);
            rows_of(plan, begin..end, |row| router.add(row))?;
            progress(end - begin);
        }
    };
    on_each(threads, make)
}

/// A membership before it is known under which id.
struct Draft {
    segment: &'static str,
    first_seen: UnixSeconds,
    last_seen: UnixSeconds,
    expires: Option<UnixSeconds>,
    count: u32,
    value: ValueThousandths,
    items: Vec<Cow<'static, str>>,
}

impl Draft {
    fn row<'a>(&'a self, space: &'a str, id: &'a str) -> Row<'a> {
        Row {
            id_space: space.into(),
            id: id.into(),
            segment: self.segment.into(),
            last_seen: self.last_seen,
            first_seen: (self.first_seen < self.last_seen).then_some(self.first_seen),
            expires: self.expires,
            count: self.count,
            value: self.value,
            items: self.items.clone(),
            remove: false,
        }
    }
}

/// One person's history.
struct Shopper {
    dice: Dice,
    worth: Dice,
    now: UnixSeconds,
}

impl Shopper {
    fn live(&mut self, drafts: &mut Vec<Draft>) {
        let visited = self.dice.per_mille() < 940;
        if visited {
            let visit = self.now.minus(self.dice.age());
            self.visit(visit, drafts);
        }
        let bought = drafts.iter().any(|draft| draft.segment == "purchase");
        self.relations(bought, !visited, drafts);
    }

    /// Of all visitors a third bounces; of the rest two thirds look at an item, and of those
    /// a fifth fills a cart.
    fn visit(&mut self, visit: UnixSeconds, drafts: &mut Vec<Draft>) {
        let times = self.dice.zipf(40) as u32;
        drafts.push(self.draft("visitors", visit, times));
        if self.dice.per_mille() < 340 {
            drafts.push(self.draft("bounced", visit, 1));
            return;
        }
        if self.dice.per_mille() < 550 {
            let lists = self.dice.zipf(20) as u32;
            drafts.push(self.draft("view_item_list", visit, lists));
        }
        if self.dice.per_mille() < 660 {
            let views = self.dice.zipf(30) as u32;
            let view = self.draft("view_item", visit, views);
            drafts.push(Draft { items: self.skus(u64::from(views)), ..view });
            if self.dice.per_mille() < 210 {
                self.cart(visit, drafts);
            }
        }
    }

    /// Of all carts half reach the checkout; a quarter is bought, and some people had bought
    /// before they filled this one.
    fn cart(&mut self, visit: UnixSeconds, drafts: &mut Vec<Draft>) {
        let value = self.dice.cart_value();
        let filled = self.dice.zipf(ITEMS_IN_CART_MAX) as u32;
        let items = self.skus(u64::from(filled));
        let cart_at = visit.minus(Seconds(self.dice.below(900) as u32));
        let cart = self.draft("add_to_cart", cart_at, filled);
        let with_items = |draft| Draft { value, items: items.clone(), ..draft };
        drafts.push(with_items(cart));
        if self.dice.per_mille() < 480 {
            drafts.push(with_items(self.draft("begin_checkout", cart_at, 1)));
        }
        let outcome = self.dice.per_mille();
        if outcome < 240 {
            let at = cart_at.plus(Seconds(30)).min(self.now);
            drafts.push(with_items(self.draft("purchase", at, 1)));
        } else if outcome < 310 {
            let before = cart_at.minus(self.dice.age());
            drafts.push(with_items(self.draft("purchase", before, 1)));
        }
    }

    /// Lists: who bought is mostly a customer; who never visited is known from a list only.
    fn relations(&mut self, bought: bool, listed: bool, drafts: &mut Vec<Draft>) {
        let customer = self.dice.per_mille() < if bought { 800 } else { 20 };
        if customer {
            drafts.push(self.listed("crm_customer"));
            if self.dice.per_mille() < 120 {
                drafts.push(self.listed("crm_vip"));
            }
        }
        if (listed && !customer) || self.dice.per_mille() < 60 {
            drafts.push(self.listed("newsletter"));
        }
    }

    /// Who looks at items has interests, and most of what people do is worth something.
    fn browse(&mut self, drafts: &mut Vec<Draft>) {
        let looked = drafts.iter().find(|draft| draft.segment == "view_item");
        if let Some(last_seen) = looked.map(|draft| draft.last_seen) {
            for _ in 0..self.worth.zipf(INTERESTS_OF_ONE_MAX) {
                let place = self.worth.zipf(INTERESTS) as usize - 1;
                let segment = INTEREST_NAMES.get(place).map_or("interest_01", String::as_str);
                if drafts.iter().all(|draft| draft.segment != segment) {
                    let before = Seconds(self.worth.below(86_400) as u32);
                    let count = self.worth.zipf(12) as u32;
                    let interest = self.draft(segment, last_seen.minus(before), 1);
                    drafts.push(Draft { count, ..interest });
                }
            }
        }
        for draft in drafts.iter_mut().filter(|draft| draft.value.0 == 0) {
            draft.value = match draft.segment {
                "bounced" | "newsletter" => ValueThousandths(0),
                "view_item" | "crm_customer" | "crm_vip" => self.worth.cart_value(),
                // A score between 0 and 1.
                _ => ValueThousandths(1 + self.worth.below(1_000)),
            };
        }
    }

    fn listed(&mut self, segment: &'static str) -> Draft {
        let added = self.now.minus(self.dice.age());
        Draft { expires: Some(added.plus(CRM_TTL)), ..self.draft(segment, added, 1) }
    }

    fn draft(&mut self, segment: &'static str, last_seen: UnixSeconds, count: u32) -> Draft {
        let since = if count > 1 { self.dice.age() } else { Seconds(0) };
        Draft {
            segment,
            first_seen: last_seen.minus(since),
            last_seen,
            expires: None,
            count,
            value: ValueThousandths(0),
            items: Vec::new(),
        }
    }

    /// Up to three of the items, the popular ones more often.
    fn skus(&mut self, count: u64) -> Vec<Cow<'static, str>> {
        let skus = (0..count.min(3)).map(|_| self.dice.zipf(SKUS));
        skus.map(|sku| Cow::Owned(format!("sku-{sku:03}"))).collect()
    }
}

/// Deterministic chance.
struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    fn of_user(seed: u64, n: u64) -> Self {
        Self { seed: BidId::nth(seed, n).0, thrown: 0 }
    }

    fn throw(&mut self) -> u64 {
        self.thrown += 1;
        BidId::nth(self.seed, self.thrown).0
    }

    /// A number below `end`, all alike.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.throw()) * u128::from(end)) >> 64) as u64
    }

    fn per_mille(&mut self) -> u64 {
        self.below(1_000)
    }

    /// From 1 to `max`; `k` or more with a chance of one in `k`.
    fn zipf(&mut self, max: u64) -> u64 {
        let scale = 1_000_000;
        (scale / (1 + self.below(scale))).clamp(1, max)
    }

    /// An age: every doubling is as likely as any other.
    fn age(&mut self) -> Seconds {
        let doublings = u64::from((AGE_MAX.0 / AGE_MIN.0).ilog2()) + 1;
        let least = u64::from(AGE_MIN.0) << self.below(doublings);
        let age = least + self.below(least);
        Seconds(age.min(u64::from(AGE_MAX.0)) as u32)
    }

    /// About 65, half of them between 45 and 100: four throws make a bell of the exponent.
    fn cart_value(&mut self) -> ValueThousandths {
        let bell: u64 = (0..4).map(|_| self.below(1_024)).sum();
        let (doublings, rest) = (bell / 1_024, bell % 1_024);
        let value = (16_000 << doublings) * (1_024 + rest) / 1_024;
        let cents = value.clamp(VALUE_MIN_THOUSANDTHS, VALUE_MAX_THOUSANDTHS) / 10;
        ValueThousandths(cents * 10)
    }
}

/// A text of the form 8-4-4-4-12 that is different for every `n`.
fn uuid_like(seed: u64, n: u64) -> String {
    let (high, low) = (BidId::nth(seed, n).0, BidId::nth(!seed, n).0);
    // Version 4 and variant a, as a random UUID has them.
    let high = high & !0xf000 | 0x4000;
    let low = (low & 0x0fff_ffff_ffff_ffff) | 0xa000_0000_0000_0000;
    let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
    let mut text = String::with_capacity(UUID_CHARS);
    push_uuid(&mut text, bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    const PLAN: Plan = Plan { users: 20_000, seed: 7, now: UnixSeconds(1_790_000_000) };

    type Segments = HashMap<String, UnixSeconds>;

    fn users(plan: Plan) -> HashMap<(String, String), Segments> {
        let mut users: HashMap<_, Segments> = HashMap::new();
        rows::<()>(plan, |row| {
            assert_eq!(row.check(), Ok(()));
            assert!(row.last_seen <= plan.now);
            let id = (row.id_space.to_string(), row.id.to_string());
            let twice = users.entry(id).or_default().insert(row.segment.to_string(), row.last_seen);
            assert_eq!(twice, None, "one row a segment");
            Ok(())
        })
        .expect("never fails");
        users
    }

    #[test]
    fn the_shares_are_those_of_a_shop() {
        let users = users(PLAN);
        let known: Vec<_> = users.iter().filter(|((space, _), _)| space == "buyeruid").collect();
        assert_eq!(known.len() as u64, PLAN.users, "everyone is in some segment");
        let share = |has: &dyn Fn(&Segments) -> bool| {
            known.iter().filter(|(_, segments)| has(segments)).count() as f64 / known.len() as f64
        };
        let has = |name: &'static str| move |segments: &Segments| segments.contains_key(name);
        assert!((0.02..0.03).contains(&share(&has("purchase"))), "{}", share(&has("purchase")));
        assert!((0.07..0.11).contains(&share(&has("add_to_cart"))));
        assert!((0.25..0.36).contains(&share(&has("bounced"))));
        assert!(share(&has("crm_vip")) > 0.001 && share(&has("newsletter")) > 0.05);
        let (with_ifa, all) = (users.len() as f64 - known.len() as f64, known.len() as f64);
        assert!((0.28..0.32).contains(&(with_ifa / all)));
        for segments in users.values().filter(|segments| segments.contains_key("add_to_cart")) {
            assert!(segments.contains_key("view_item") && segments.contains_key("visitors"));
        }
        let after_cart = share(&|segments| {
            segments.get("purchase").is_some_and(|at| Some(at) > segments.get("add_to_cart"))
        });
        assert!(after_cart > 0.01 && after_cart < share(&has("purchase")));
    }

    #[test]
    fn ages_reach_from_minutes_to_months() {
        let users = users(PLAN);
        let mut ages: Vec<_> =
            users.values().filter_map(|segments| segments.get("visitors")).collect();
        ages.sort_unstable();
        let hours = |at: usize| PLAN.now.since(*ages[ages.len() * at / 100]).0 / 3_600;
        assert!((3..12).contains(&hours(50)), "median {} h", hours(50));
        assert!(hours(5) > 24 * 45 && hours(95) < 1);
    }

    #[test]
    fn ids_are_those_of_every_demo_before() {
        assert_eq!(demo_user_id(0), "ee2eee4b-9677-46d5-a95d-2f10ad788de0");
        assert_eq!(demo_user_id(12_345), "925f1d9e-65b7-4ff9-a669-c359b1bd90d3");
    }

    #[test]
    fn ids_are_distinct_and_a_seed_says_it_all() {
        let ids: HashSet<_> = (0..50_000).flat_map(|n| [demo_user_id(n), demo_ifa(n)]).collect();
        assert_eq!(ids.len(), 100_000);
        assert_eq!(demo_user_id(0).len(), 36);
        let few = Plan { users: 500, ..PLAN };
        assert_eq!(users(few), users(few));
        assert_ne!(users(few), users(Plan { seed: 8, ..few }));
    }
}
