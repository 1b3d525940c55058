//! Advertiser files from text to book: the whole grammar, and every fault at its place.

use super::advertiser_file::Machine;
use super::book::BookBuilder;
use super::creative_section::CreativeFiles;
use super::grammar::ADVERTISER_FILE;
use super::model::*;
use crate::config::{Diagnostic, Source, render, spec};
use crate::model::{CpmMicros, Currency, Factor, MoneyNanos, Rates, Seconds, UnixSeconds};
use proptest::prelude::*;

/// A file without a fault, with a campaign of each kind; tests change one thing in it.
pub(super) const GOOD: &str = include_str!("../../examples/advertisers/acme-shoes.toml");
const OTHER: &str = include_str!("../../examples/advertisers/globex-travel.toml");

/// Creative files that are all there.
struct AllThere;

impl CreativeFiles for AllThere {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if path.contains("missing") {
            return Err("cannot be read: no such file".to_owned());
        }
        Ok(b"<b>http-free</b>".to_vec())
    }
}

pub(super) fn bind(
    texts: &[&str],
    machine: Option<Machine<'_>>,
) -> (Option<Book>, Vec<Diagnostic>) {
    let mut builder = BookBuilder::new(machine);
    for (n, text) in texts.iter().enumerate() {
        builder.add(&Source::new(format!("file-{n}.toml"), *text), &AllThere);
    }
    builder.finish()
}

pub(super) fn book(text: &str) -> Book {
    let (book, diagnostics) = bind(&[text], None);
    book.unwrap_or_else(|| panic!("{}", render::text(&diagnostics)))
}

/// What is underlined, and what is said of it, once `from` is replaced by `to` in the good file.
pub(super) fn faults_of(from: &str, to: &str) -> Vec<(String, String)> {
    assert!(GOOD.contains(from), "{from:?} is not in the good file");
    let text = GOOD.replacen(from, to, 1);
    let (book, diagnostics) = bind(&[&text], None);
    let any_error = diagnostics.iter().any(Diagnostic::is_error);
    assert_eq!(book.is_none(), any_error, "{to}");
    let underlined = |one: &Diagnostic| {
        let place = &one.place;
        let shown = place.excerpt.chars().skip(place.excerpt_column);
        (shown.take(place.width).collect(), one.message.clone())
    };
    diagnostics.iter().map(underlined).collect()
}

#[track_caller]
pub(super) fn assert_fault(from: &str, to: &str, underlined: &str, message: &str) {
    let faults = faults_of(from, to);
    assert_eq!(faults.len(), 1, "{to:?} gives {faults:#?}");
    assert_eq!(faults[0].0, underlined, "{faults:?}");
    assert!(faults[0].1.contains(message), "{message:?} is not in {:?}", faults[0].1);
}

#[test]
fn the_good_files_use_every_key_of_the_grammar() {
    let unused = spec::unused_keys(&ADVERTISER_FILE, &[GOOD, OTHER]);
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn a_campaign_is_read_as_it_is_written() {
    let book = book(GOOD);
    let campaign = &book.campaigns[0];
    // Midnight in Berlin, an hour before midnight in Greenwich; the last day is whole.
    assert_eq!(campaign.flight.from, UnixSeconds(1_793_487_600));
    assert_eq!(campaign.flight.to, UnixSeconds(1_798_758_000));
    assert_eq!(campaign.budget.daily, Some(MoneyNanos(200_000_000_000)));
    assert_eq!(campaign.objective, Objective::Conversion("purchase".to_owned()));
    assert_eq!(campaign.caps.windows.len(), 2);
    assert_eq!(campaign.caps.min_gap, Some(Seconds(300)));
    assert_eq!(
        (campaign.start_after, campaign.stop_after),
        (Seconds(1_800), Some(Seconds(1_209_600)))
    );
    assert_eq!(campaign.holdout_per_10k, 1_000);
    let price = &campaign.price;
    assert_eq!(
        (price.base, price.max, price.min),
        (CpmMicros(2_400_000), CpmMicros(9_000_000), CpmMicros(100_000))
    );
    assert_eq!(price.value.map(|value| value.reference_thousandths), Some(80_000));
    assert_eq!(Some(price.fatigue), Factor::from_f64(0.85));
    let vip = book.segments.get("crm_vip").expect("interned");
    assert!(price.segments.contains(&(vip, Factor::from_f64(2.0).expect("in range"))));
    let MessagePlan::Phased { phases, gap, from } = &campaign.plan else { panic!("phased") };
    assert_eq!((phases[0].from, phases[1].to), (Seconds(0), Seconds(1_209_600)));
    assert_eq!((*gap, *from), (Gap::Silent, PhaseStart::LastSeen));
    assert_eq!(phases[0].message.creatives, [CreativeIndex(0), CreativeIndex(1)]);
}

#[test]
fn steps_arms_targets_and_bands_are_read_as_they_are_written() {
    let book = book(GOOD);
    let [browsers, lapsed] = &book.campaigns[1..] else { panic!("three campaigns") };
    let MessagePlan::Sequence(steps) = &browsers.plan else { panic!("a sequence") };
    assert_eq!((steps[0].impressions, steps[1].impressions), (Some(3), None));
    let MessagePlan::Ab(arms) = &lapsed.plan else { panic!("a comparison") };
    assert_eq!((arms[0].below_per_10k, arms[1].below_per_10k), (5_000, 10_000));
    let Recency::Bands(bands) = &browsers.price.recency else { panic!("bands") };
    assert_eq!(bands[1].0, Seconds::DAY);
    let hours = browsers.target.dayparts.expect("dayparts");
    assert!(hours.contains(8) && !hours.contains(7) && !hours.contains(22));
    assert!(hours.contains(5 * 24 + 23) && !hours.contains(6 * 24 + 12));
    assert_eq!(browsers.target.countries, [*b"DEU"]);
    assert_eq!(browsers.target.kinds, [InventoryKind::Site]);
    assert_eq!(lapsed.holdout_per_10k, 1_250);
    assert_eq!(lapsed.budget.pacing, Pacing::Asap);
}

#[test]
fn every_campaign_is_listed_under_its_anchors_or_as_prospecting() {
    let (book, diagnostics) = bind(&[GOOD, OTHER], None);
    assert_eq!(diagnostics, []);
    let book = book.expect("no fault");
    let cart = book.segments.get("add_to_cart").expect("interned");
    assert_eq!(book.by_segment[cart.0 as usize], [CampaignIndex(0)]);
    let vip = book.segments.get("crm_vip").expect("interned");
    assert_eq!(book.by_segment[vip.0 as usize], [CampaignIndex(3)]);
    assert_eq!(book.prospecting, [CampaignIndex(4)]);
    assert_eq!(book.by_segment.len(), book.segments.len());
    assert_eq!(book.campaigns[3].advertiser, 1);
    let MessagePlan::Single(message) = &book.campaigns[3].plan else { panic!("single") };
    assert_eq!(book.creatives[message.creatives[0].0 as usize].id, "loyal-320x50");
}

#[test]
fn an_advertiser_or_a_key_is_not_there_twice() {
    let (book, diagnostics) = bind(&[GOOD, GOOD], None);
    assert!(book.is_none());
    let first = &diagnostics[0];
    assert!(first.message.contains("advertiser `acme-shoes` is there twice"));
    assert!(first.expected.contains("file-0.toml:4"), "{}", first.expected);
    let (_, faulty_too) =
        bind(&[GOOD, &GOOD.replacen("paused", "", 1).replacen("\"clicks\"", "5", 1)], None);
    assert!(faulty_too.iter().any(|one| one.message.contains("is there twice")));
}

#[test]
fn prospecting_needs_no_audience_and_takes_any() {
    let everyone = OTHER.replacen("audience = \"not purchase\"\n", "", 1);
    let everyone = book(&everyone);
    assert!(everyone.campaigns[1].anchors.is_empty());
    assert_eq!(everyone.campaigns[1].audience_text, "");
    let anchored = OTHER.replacen("\"not purchase\"", "\"visitors\"", 1);
    // Who is not recognised is in no segment.
    let anchored = anchored.replacen("contextual = true", "", 1);
    let anchored = book(&anchored);
    assert_eq!(anchored.prospecting, [CampaignIndex(1)]);
    let visitors = anchored.segments.get("visitors").expect("interned");
    assert_eq!(anchored.campaigns[1].anchors[..], [visitors]);
    assert!(anchored.by_segment[visitors.0 as usize].is_empty(), "not met twice");
}

#[test]
fn unknown_keys_are_refused_at_every_level() {
    assert_fault("[advertiser]", "x = 1\n[advertiser]", "x", "unknown key `x`");
    for section in ["[advertiser]", "[[creative]]", "[[campaign]]", "[campaign.price]"] {
        assert_fault(section, &format!("{section}\nxyz = 1"), "xyz", "unknown key `xyz`");
    }
    for section in ["[campaign.target]", "[[campaign.message]]"] {
        assert_fault(section, &format!("{section}\nxyz = 1"), "xyz", "unknown key `xyz`");
    }
    for (from, to) in [
        ("{ conversion =", "{ xyz = 1, conversion ="),
        ("{ from = 2026", "{ xyz = 1, from = 2026"),
        ("{ daily =", "{ xyz = 1, daily ="),
        ("{ impressions = 20,", "{ xyz = 1, impressions = 20,"),
        ("{ half_life =", "{ xyz = 1, half_life ="),
        ("{ from = \"0h\",", "{ xyz = 1, from = \"0h\","),
    ] {
        assert_fault(from, to, "xyz", "unknown key `xyz`");
    }
}

#[test]
fn a_misspelt_key_is_one_fault() {
    assert_fault("domain =", "domian =", "domian", "unknown key `domian`");
    assert_fault("budget = { total =", "budget = { totl =", "totl", "unknown key `totl`");
    assert_fault(
        "src = \"https://cdn.acme.example/autumn",
        "srv = \"https://cdn.acme.example/autumn",
        "srv",
        "unknown key `srv`",
    );
}

#[test]
fn missing_keys_are_named_at_their_section() {
    assert_fault("domain = \"acme.example\"\n", "", "[advertiser]", "missing key `domain`");
    assert_fault("max_cpm = \"9.00 EUR\"\n", "", "[campaign.price]", "missing key `max_cpm`");
    assert_fault(
        "audience = \"purchase older than 60d\"\n",
        "",
        "[[campaign]]",
        "missing key `audience`",
    );
    assert_fault(
        "{ total = \"1500 EUR\", pacing = \"asap\" }",
        "{ pacing = \"asap\" }",
        "{ pacing = \"asap\" }",
        "without an amount",
    );
}

#[test]
fn faults_of_the_advertiser_and_its_creatives() {
    assert_fault(
        "\"acme.example\"",
        "\"https://acme.example\"",
        "\"https://acme.example\"",
        "`domain` cannot be",
    );
    assert_fault("\"Europe/Berlin\"", "\"Berlin\"", "\"Berlin\"", "`timezone` cannot be");
    assert_fault("[\"IAB18\"]", "[\"IAB18\", \"shoes\"]", "\"shoes\"", "`categories` cannot be");
    assert_fault("\"728x90\"", "\"728x9000\"", "\"728x9000\"", "`size` cannot be");
    assert_fault("id = \"cart-728x90\"", "id = \"cart-300x250\"", "\"cart-300x250\"", "used twice");
    assert_fault(
        "https://acme.example/new",
        "https://u:p@acme.example/",
        "\"https://u:p@acme.example/\"",
        "`landing` cannot be",
    );
    assert_fault("creatives/cart-728x90.svg", "../cart.svg", "\"../cart.svg\"", "`file` cannot be");
    assert_fault("creatives/cart-728x90.svg", "missing.svg", "\"missing.svg\"", "no such file");
    assert_fault(
        "creatives/cart-728x90.svg",
        "cart.pdf",
        "\"cart.pdf\"",
        "not a known kind of image",
    );
    assert_fault("[13]", "[13, 18]", "18", "`attributes` cannot be 18");
    assert_fault(
        "alt = \"New shoes\"",
        "html = \"<b>\"",
        "html",
        "means nothing for type \"image\"",
    );
    assert_fault("size = \"728x90\"\n", "", "[[creative]]", "missing key `size`");
    let twice = "type = \"image\"\nsrc = \"https://a.example/\"";
    assert_fault("type = \"image\"", twice, "[[creative]]", "two things to show");
}

#[test]
fn a_creative_without_a_message_is_a_warning() {
    assert_fault(
        "[\"club-300x250\", \"new-300x250\"]",
        "[\"new-300x250\"]",
        "\"club-300x250\"",
        "not used by any message",
    );
}

#[test]
fn faults_of_campaigns() {
    assert_fault("to = 2026-12-31 }", "to = 2026-10-01 }", "2026-10-01", "ends before it starts");
    assert_fault(
        "from = 2026-11-01,",
        "from = \"2026-11-01\",",
        "\"2026-11-01\"",
        "`from` cannot be",
    );
    assert_fault("T08:00:00+01:00", "T08:00:00", "2026-11-01T08:00:00", "`from` cannot be");
    assert_fault("\"200 EUR\"", "\"200 USD\"", "\"200 USD\"", "`daily` is in USD");
    assert_fault("\"200 EUR\"", "\"0 EUR\"", "\"0 EUR\"", "`daily` is 0");
    assert_fault("\"200 EUR\"", "200", "200", "`daily` cannot be 200");
    assert_fault("\"200 EUR\"", "\"6000 EUR\"", "\"6000 EUR\"", "`daily` is more than `total`");
    assert_fault("\"clicks\"", "\"sales\"", "\"sales\"", "`objective` cannot be");
    assert_fault("\"30m\"", "\"14d\"", "\"14d\"", "`stop_after`");
    assert_fault("\"10%\"", "\"50.01%\"", "\"50.01%\"", "`holdout` cannot be");
    assert_fault("\"10%\"", "\"1.005%\"", "\"1.005%\"", "`holdout` cannot be");
    assert_fault(
        "impressions = 3, per",
        "impressions = 256, per",
        "256",
        "`impressions` cannot be",
    );
    assert_fault("per = \"7d\"", "per = \"541d\"", "\"541d\"", "`per` cannot be");
    assert_fault(
        "{ impressions = 10, per = \"7d\" }",
        "{ min_gap = \"1m\" }",
        "\"5m\"",
        "a second `min_gap`",
    );
    assert_fault(", per = \"30d\"", "", "{ impressions = 8 }", "incomplete or mixed cap");
}

#[test]
fn faults_in_an_audience_point_into_the_text() {
    assert_fault("14d and no", "14d adn no", "adn", "in the audience");
    assert_fault(
        "purchase older than",
        "not purchase older than",
        "\"not purchase older than 60d\"",
        "in no segment",
    );
    let lines = "\"\"\"\nview_item within 30d\n  andd not add_to_cart\"\"\"";
    let from = "\"view_item within 30d and not add_to_cart and not purchase within 30d\"";
    assert_fault(from, lines, "andd", "in the audience");
}

#[test]
fn faults_of_prices() {
    assert_fault("\"2.40 EUR\"", "\"0 EUR\"", "\"0 EUR\"", "`base_cpm` is 0");
    assert_fault("\"9.00 EUR\"", "\"0.05 EUR\"", "\"0.05 EUR\"", "`max_cpm` is 0.05");
    assert_fault("[0.5, 3.0]", "[3.0, 0.5]", "[3.0, 0.5]", "3 is more than 0.5");
    assert_fault("[0.5, 3.0]", "[0.5]", "[0.5]", "1 elements");
    assert_fault("[0.5, 3.0]", "[0, 3.0]", "0", "`value_range` cannot be 0");
    assert_fault(
        "value = \"membership\"\nvalue_reference = 80.0\nvalue_range = [0.5, 3.0]",
        "value = \"none\"\nvalue_reference = 8.0",
        "value_reference",
        "means nothing without a value",
    );
}

#[test]
fn faults_of_messages() {
    assert_fault("[\"returns-300x250\"]", "[\"return\"]", "\"return\"", "no creative `return`");
    assert_fault("\"3d..14d\"", "\"2d..14d\"", "\"2d..14d\"", "starts at 2d");
    assert_fault("\"3d..14d\"", "\"14d..3d\"", "\"14d..3d\"", "`phase` cannot be");
    assert_fault("step = 2", "step = 3", "3", "this is step 3");
    assert_fault("impressions = 3\ncreatives", "creatives", "[[campaign.message]]", "never ends");
    assert_fault("step = 2", "step = 2\nimpressions = 3", "3", "end of the last step");
    assert_fault("step = 2", "arm = \"x\"", "[[campaign.message]]", "mixture");
    assert_fault("step = 2", "", "[[campaign.message]]", "mixture");
    assert_fault("arm = \"photo\"", "arm = \"red\"", "\"red\"", "there twice");
    assert_fault("weight = 50\n", "", "[[campaign.message]]", "without `weight`");
    assert_fault("step = 2", "step = 2\nweight = 5", "weight", "means nothing without `arm`");
    assert_fault(
        "caps = [{ impressions = 5",
        "gap = \"silent\"\ncaps = [{ impressions = 5",
        "gap",
        "means nothing without `phase`",
    );
}

#[test]
fn faults_of_targets() {
    assert_fault(
        "\"mon-fri 08:00-22:00\"",
        "\"mon-fri 22:00-06:00\"",
        "\"mon-fri 22:00-06:00\"",
        "`dayparts` cannot be",
    );
    assert_fault("[\"news.example\"]", "[]\nblock = [\"a b\"]", "\"a b\"", "`block` cannot be");
    assert_fault("\"tablet\", ", "\"watch\", ", "\"watch\"", "`devices` cannot be");
    assert_fault(
        "[\"news.example\"]",
        "[\"a.example\"]\nblock = [\"a.example\"]",
        "\"a.example\"",
        "both allowed and blocked",
    );
}

#[test]
fn what_campaigns_refer_to_in_the_machines_file_must_be_there() {
    let exchanges = ["other".to_owned()];
    let machine = Machine { exchanges: &exchanges, rates: &Rates::default() };
    let (book, diagnostics) = bind(&[GOOD], Some(machine));
    assert!(book.is_none());
    let said: Vec<_> = diagnostics.iter().map(|one| one.message.as_str()).collect();
    let no_exchange = "no exchange `demo` in the machine's file";
    assert_eq!(said, ["no exchange rate for EUR", no_exchange, no_exchange]);

    let exchanges = ["demo".to_owned()];
    let mut rates = Rates::default();
    rates.set(Currency::parse("EUR").expect("a code"), 1_080_000_000);
    let (book, _) = bind(&[GOOD], Some(Machine { exchanges: &exchanges, rates: &rates }));
    assert!(book.is_some());
}

#[test]
fn five_faults_are_five_diagnostics() {
    let text = "\
[advertiser]
id = \"Acme\"
domain = \"acme.example\"
currency = \"EUR\"

[[campaign]]
id = \"x\"
objective = \"clicks\"
flight = { from = 2026-11-01, to = 2026-10-01 }
budget = { dayly = \"200 EUR\" }
audience = \"add_to_cart within 14d andd not bounced\"

[campaign.price]
base_cpm = \"2.40 EUR\"
max_cpm = 9

[[campaign.message]]
creatives = []
";
    let golden = "\
error: `id` cannot be \"Acme\"
 --> file-0.toml:2:6
  |
2 | id = \"Acme\"
  |      ^^^^^^ expected 1 to 64 characters of a-z, 0-9, `-`, `_` and `.`

error: the flight ends before it starts
 --> file-0.toml:9:36
  |
9 | flight = { from = 2026-11-01, to = 2026-10-01 }
  |                                    ^^^^^^^^^^ expected a time after `from`

error: unknown key `dayly`
  --> file-0.toml:10:12
   |
10 | budget = { dayly = \"200 EUR\" }
   |            ^^^^^ expected one of: daily, total, pacing, timezone; did you mean `daily`?

error: in the audience: found `andd`
  --> file-0.toml:11:36
   |
11 | audience = \"add_to_cart within 14d andd not bounced\"
   |                                    ^^^^ expected `and`, `or` or the end

error: `max_cpm` cannot be 9
  --> file-0.toml:15:11
   |
15 | max_cpm = 9
   |           ^ expected an amount such as \"2.40 EUR\", at most six decimals and 1000000000 units

";
    let text = text.replace("creatives = []", "creatives = [\"a\"]");
    let creative = "[[creative]]\nid = \"a\"\ntype = \"html5\"\nsize = \"1x1\"\nhtml = \"<b>\"\n\
                    landing = \"https://acme.example/\"\n";
    let (book, diagnostics) = bind(&[&format!("{text}{creative}")], None);
    assert!(book.is_none());
    assert_eq!(render::text(&diagnostics), golden);
}

#[test]
fn syntax_faults_are_diagnostics_and_the_rest_is_still_checked() {
    let faults = faults_of("id = \"lapsed\"", "id = \"lapsed");
    assert!(faults[0].1.starts_with("syntax:"), "{faults:?}");
    let text = GOOD.replacen("domain = \"acme.example\"", "domain = acme.example", 1);
    let text = text.replacen("size = \"728x90\"", "size = \"0x90\"", 1);
    let (_, diagnostics) = bind(&[&text], None);
    let said: Vec<_> = diagnostics.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(said, ["syntax: string values must be quoted", "`size` cannot be \"0x90\""]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is cut out or put in: never a panic, and no book without a fault explained.
    #[test]
    fn any_mutilation_is_survived(
        at in 0..GOOD.len(),
        cut in 0_usize..200,
        put in "[\\[\\]{}=\",.\n#a0é\u{0}-]{0,6}",
    ) {
        let text = crate::config::source::mutilated(GOOD, at..at + cut, &put);
        let (book, diagnostics) = bind(&[&text], None);
        let errors: Vec<_> = diagnostics.iter().filter(|one| one.is_error()).collect();
        prop_assert_eq!(book.is_none(), !errors.is_empty());
        prop_assert!(errors.iter().all(|one| !one.place.is_whole_file()), "{errors:?}");
    }
}

#[test]
fn the_events_of_a_shop_are_read_as_they_are_written() {
    let full = book(GOOD);
    let events = full.advertisers[0].events.as_ref().expect("taken");
    assert_eq!((events.prefix.as_str(), events.ttl), ("", Seconds(540 * 86_400)));
    assert_eq!(events.browser_purchases, BrowserPurchases::Take);
    assert_eq!((events.origins.len(), events.country), (1, Some(*b"DEU")));
    let purchase = full.segments.get("purchase");
    assert!(purchase.is_some() && full.campaigns[0].burned_by == purchase);
    assert!(full.segments.get("engaged").is_some(), "who bounced is asked for");
    let least = GOOD.replacen("segment_prefix = \"\"", "segment_prefix = \"acme_\"", 1);
    let prefixed = book(&least.replacen("country = \"DEU\"", "", 1));
    assert_eq!(prefixed.campaigns[0].burned_by, prefixed.segments.get("acme_purchase"));
    assert_eq!(book(OTHER).advertisers[0].events, None);
    let goes_on = GOOD.replacen("after_conversion = \"stop\"", "after_conversion = \"go_on\"", 1);
    assert_eq!(book(&goes_on).campaigns[0].burned_by, None);
}

#[test]
fn two_shops_must_not_share_the_beginning_of_their_segments() {
    let other = |prefix: &str| {
        let events = format!("[advertiser.events]\nsegment_prefix = \"{prefix}\"\n\n[[creative]]");
        OTHER.replacen("[[creative]]", &events, 1)
    };
    let good = |prefix: &str| {
        GOOD.replacen("segment_prefix = \"\"", &format!("segment_prefix = \"{prefix}\""), 1)
    };
    for (first, second, clash) in [
        ("acme_", "globex_", false),
        ("", "globex_", true),
        ("acme_", "acme_", true),
        ("acme_shoes_", "acme_", true),
    ] {
        let (book, diagnostics) = bind(&[&good(first), &other(second)], None);
        assert_eq!(book.is_none(), clash, "{first:?} {second:?}");
        assert_eq!(diagnostics.len(), usize::from(clash), "{diagnostics:?}");
    }
    assert_fault("segment_prefix = \"\"", "segment_prefix = \"A\"", "\"A\"", "`segment_prefix`");
}

#[test]
fn what_follows_a_conversion_needs_one() {
    assert_fault(
        "objective = \"clicks\"",
        "after_conversion = \"go_on\"\nobjective = \"clicks\"",
        "\"go_on\"",
        "a campaign without a conversion",
    );
}
