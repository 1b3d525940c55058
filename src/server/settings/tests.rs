//! The machine's file from text to settings: the whole grammar, and every fault at its place.

use super::secrets::SecretFrom;
use super::*;
use crate::config::spec::unused_keys;
use crate::log::Fsync;
use crate::openrtb::profile::{
    BillingEvent, Completeness, IdSource, MarkupDelivery, NoBidStyle, PriceEncoding, RequiredField,
    SupplyChainRule,
};
use crate::privacy::tcf::Purposes;
use proptest::prelude::*;
use std::num::NonZeroU16;

/// The least that a machine's file must say.
const LEAST: &str = "\
[secrets]
notice_keys = [{ id = 1, env = \"HOMING_NOTICE_KEY\" }]

[[exchange]]
name = \"demo\"
";

/// A file that uses every key.
const FULL: &str = r#"
node = "bidder-7"

[listen]
bid = "0.0.0.0:8080"
notice = "0.0.0.0:8081"
admin = "127.0.0.1:9090"
public_url = "https://ads.homing.example/rtb"
workers = 4
browser_origins = ["https://news.example", "http://localhost:3000"]

[business]
folder = "shops"
[audience]
folder = "/srv/audience"
[data]
folder = "var"
fsync = "100ms"
log_keep = "30d"
log_keep_bytes_max = 1073741824
log_segment_bytes = 16777216

[collect]
events_per_second_max = 500
calls_per_second_max = 0
past_max = "7d"
client_address_header = "X-Forwarded-For"
overlay_users_max = 20000
overlay_mib_max = 64
events_seen_max = 30000

[limits]
decision_budget_us = 1500
body_bytes_max = 65536
connections_max = 5000
first_byte_ms = 9000
head_ms = 1000
body_ms = 500
write_ms = 4000
idle_s = 200
drain_s = 20
drain_delay_ms = 250
holds_max = 50000
persons_max = 60000
notices_max = 70000
notice_ttl = "12h"

[privacy]
gdpr_assumed_in = ["DEU", "FRA"]
gvl_id = 755
tcf_policy_min = 5
purposes_by_consent = [1, 3, 4]
purposes_by_legitimate_interest = [2, 7]
purpose_one_exempt_countries = ["DE"]
require_disclosed_vendors = true
contextual = true

[block]
sites = ["bad.example"]
apps = ["com.Bad"]
sellers = ["ssp.example", "other.example/1234"]

[currency]
rates = { EUR = 1.08, JPY = 0.006543211 }

[secrets]
notice_keys = [{ id = 2, file = "keys/2" }, { id = 1, env = "HOMING_NOTICE_KEY" }]
admin_token = { env = "HOMING_ADMIN_TOKEN" }
shop_keys = [{ advertiser = "acme", env = "ACME_KEY" }, { advertiser = "acme", file = "acme.key" }]

[[exchange]]
name = "demo"
preset = "google"
no_bid = "nbr"
version_header = "2.6"
tmax_default_ms = 150
network_allowance_ms = 30
currencies = ["USD", "EUR"]
ids = ["buyeruid", "ifa", "eids:uidapi.com", "user.id", "eids"]
user_id_space = "demo"
billing = "pixel"
price = "google"
price_keys = { encryption = { env = "E_KEY" }, integrity = { file = "i" } }
click_macro = { text = "${CLICK_URL}", escape = true }
seat = "homing-1"
answer_test_requests = true
hold_ttl = "5s"
secure_by_default = false
supply_chain = { complete = "required", nodes_max = 5 }
required = ["iurl", "cat", "attr", "language", "bundle"]
markup = "win"
requests_per_second_max = 20000
gzip_answers = true
gvl_id = 52
"#;

/// Sets from elsewhere, and only signed ones.
const SETS_FROM_ELSEWHERE: [&str; 2] = [
    "[audience]\nsource = \"file:///srv/sets\"\npoll_s = 5\nsignature_key = { env = \"SETS_KEY\" }\n",
    "[audience]\nsignature_key = { file = \"sets.key\" }\n",
];

/// A log that nodes share.
const SHARED_LOG: &str = "[data]\nlog = \"nats://127.0.0.1:4222\"\nstream = \"homing\"\nstream_replicas = 3\n\
    stream_silence_max = \"1m\"\nspool_bytes_max = 1048576\n[secrets]\nstream = { env = \"LOGIN\" }\n";

/// The other place of a secret.
const TOKEN_IN_FILE: &str = "[secrets]\nadmin_token = { file = \"token\" }\n";

fn checked(text: &str) -> Checked {
    check(&Source::new("homing.toml", text), Path::new("/etc/homing"))
}

fn good(text: &str) -> Settings {
    let Checked { settings, diagnostics, .. } = checked(text);
    settings.unwrap_or_else(|| panic!("{}", crate::config::render::text(&diagnostics)))
}

#[track_caller]
fn assert_fault(from: &str, to: &str, underlined: &str, message: &str) {
    assert!(FULL.contains(from), "{from:?} is not in the file");
    let Checked { settings, diagnostics, .. } = checked(&FULL.replacen(from, to, 1));
    assert_eq!(diagnostics.len(), 1, "{to:?} gives {diagnostics:#?}");
    assert_eq!(settings.is_none(), diagnostics[0].is_error());
    let place = &diagnostics[0].place;
    let shown: String =
        place.excerpt.chars().skip(place.excerpt_column).take(place.width).collect();
    assert_eq!(shown, underlined, "{diagnostics:?}");
    assert!(diagnostics[0].message.contains(message), "{:?}", diagnostics[0].message);
}

#[test]
fn the_full_file_uses_every_key_of_the_grammar() {
    let [from_folder, key_in_file] = SETS_FROM_ELSEWHERE;
    let files = [FULL, TOKEN_IN_FILE, from_folder, key_in_file, SHARED_LOG];
    let unused = unused_keys(&grammar::MACHINE_FILE, &files);
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn everything_is_read_as_it_is_written() {
    let settings = good(FULL);
    assert_eq!(settings.node, "bidder-7");
    assert_eq!(settings.listen.public_url, "https://ads.homing.example/rtb");
    assert_eq!(settings.listen.browser_origins.len(), 2);
    assert_eq!((settings.listen.bid.port(), settings.listen.workers), (8080, 4));
    assert_eq!(settings.folders.business, Path::new("/etc/homing/shops"));
    assert_eq!(settings.folders.audience, Path::new("/srv/audience"));
    assert_eq!(settings.folders.data, Path::new("/etc/homing/var"));
    let privacy = PrivacyRules {
        gdpr_assumed_in: vec![*b"DEU", *b"FRA"],
        gvl_id: NonZeroU16::new(755),
        tcf_policy_min: 5,
        purposes_by_consent: Purposes::of(&[1, 3, 4]),
        purposes_by_legitimate_interest: Purposes::of(&[2, 7]),
        purpose_one_exempt_countries: vec![*b"DE"],
        require_disclosed_vendors: true,
        contextual: true,
    };
    assert_eq!(settings.privacy, privacy);
    assert_eq!(settings.blocked_sites, ["bad.example"]);
    assert_eq!(settings.blocked_apps, ["com.Bad"]);
    assert_eq!(settings.blocked_sellers, ["ssp.example", "other.example/1234"]);
    let yen = Currency::parse("JPY").expect("a code");
    assert_eq!(settings.rates.usd_nanos(yen), Some(6_543_211));
    let keys = &settings.secrets.notice_keys;
    assert_eq!((keys[0].0, &keys[0].1.from), (2, &SecretFrom::File("/etc/homing/keys/2".into())));
    assert!(settings.secrets.admin_token.is_some());
    let [(shop, first), (_, second)] = &settings.secrets.shop_keys[..] else { panic!("two keys") };
    assert_eq!((shop.as_str(), &first.from), ("acme", &SecretFrom::Env("ACME_KEY".to_owned())));
    assert_eq!(second.from, SecretFrom::File("/etc/homing/acme.key".into()));
}

#[test]
fn bounds_on_events_are_read_as_they_are_written() {
    let collect = good(FULL).collect;
    assert_eq!((collect.events_per_second_max, collect.calls_per_second_max), (500, 0));
    assert_eq!(collect.past_max, Seconds(7 * 86_400));
    assert_eq!(collect.client_address_header.expect("a header"), "x-forwarded-for");
    let overlay = collect.overlay;
    assert_eq!((overlay.users_max, overlay.bytes_max), (20_000, 64 << 20));
    assert_eq!(overlay.seen_max, 30_000);
    assert_eq!(good(LEAST).collect.overlay, crate::audience::overlay::OverlayLimits::default());
    assert_fault("\"X-Forwarded-For\"", "\"a b\"", "\"a b\"", "`client_address_header`");
}

#[test]
fn the_log_is_kept_as_it_is_written() {
    let expected = JournalRules {
        fsync: Fsync::Every(Duration::from_millis(100)),
        segment_bytes: 16 << 20,
        segment_age: Seconds::DAY,
        keep: Seconds(30 * 86_400),
        keep_bytes: 1 << 30,
    };
    assert_eq!(good(FULL).log, expected);
    assert_eq!(good(LEAST).log, JournalRules::default());
    for bad in ["sometimes", "0ms", "10000ms", "ms", "1s", "+5ms"] {
        let to = format!("fsync = \"{bad}\"");
        assert_fault("fsync = \"100ms\"", &to, &format!("\"{bad}\""), "fsync");
    }
}

#[test]
fn limits_are_read_in_their_units() {
    let expected = Limits {
        decision_budget: Duration::from_micros(1_500),
        body_bytes_max: 65_536,
        connections_max: 5_000,
        first_byte: Duration::from_secs(9),
        head: Duration::from_secs(1),
        body: Duration::from_millis(500),
        write: Duration::from_secs(4),
        idle: Duration::from_secs(200),
        drain: Duration::from_secs(20),
        drain_delay: Duration::from_millis(250),
        holds_max: 50_000,
        persons_max: 60_000,
        notices_max: 70_000,
        notice_ttl: Seconds(43_200),
    };
    assert_eq!(good(FULL).limits, expected);
}

#[test]
fn an_exchange_is_read_as_it_is_written() {
    let exchange = &good(FULL).exchanges[0];
    assert_eq!((exchange.no_bid, exchange.billing), (NoBidStyle::Nbr, BillingEvent::Pixel));
    assert_eq!((exchange.tmax_default_ms, exchange.network_allowance_ms), (150, 30));
    let uid2 = IdSource::Eid { source: "uidapi.com".to_owned() };
    let own = IdSource::UserId { space: "demo".to_owned() };
    assert_eq!(exchange.ids, [IdSource::Buyeruid, IdSource::Ifa, uid2, own, IdSource::AnyEid]);
    let click = exchange.click_macro.as_ref().expect("given");
    assert_eq!((click.text.as_str(), click.escape), ("${CLICK_URL}", true));
    assert_eq!(exchange.price, PriceEncoding::Google);
    let (name, [_, integrity]) = &good(FULL).secrets.price_keys[0];
    assert_eq!((&**name, &integrity.from), ("demo", &SecretFrom::File("/etc/homing/i".into())));
    assert_eq!((exchange.hold_ttl, exchange.secure_by_default), (Seconds(5), false));
    assert_eq!(exchange.version_header.as_deref(), Some("2.6"));
    assert!(exchange.answer_test_requests);
    let chain = SupplyChainRule { complete: Completeness::Required, nodes_max: Some(5) };
    assert_eq!(exchange.supply_chain, chain);
    let all = [
        RequiredField::SampleImage,
        RequiredField::Categories,
        RequiredField::Attributes,
        RequiredField::Language,
        RequiredField::Bundle,
    ];
    assert_eq!(exchange.required_fields, all);
    assert_eq!(exchange.markup, MarkupDelivery::OnWin);
    assert_eq!(exchange.requests_per_second_max, Some(20_000));
    assert!(exchange.gzip_answers);
    assert_eq!(exchange.gvl_id, NonZeroU16::new(52));
}

#[test]
fn what_is_not_written_has_the_documented_default() {
    let settings = good(LEAST);
    assert_eq!(settings.node, "node-1");
    assert_eq!(settings.listen.public_url, "http://127.0.0.1:8081");
    assert_eq!(settings.limits.decision_budget, Duration::from_millis(1));
    assert_eq!(settings.limits.holds_max, 1_000_000);
    assert_eq!(settings.limits.notice_ttl, Seconds::DAY);
    assert!(settings.privacy.gdpr_assumed_in.contains(b"ISL"));
    assert_eq!(settings.privacy, PrivacyRules::default());
    assert_eq!(settings.folders.business, Path::new("/etc/homing/advertisers"));
    let exchange = &settings.exchanges[0];
    assert_eq!(exchange.ids, [IdSource::Buyeruid, IdSource::Ifa, IdSource::AnyEid]);
    assert_eq!((exchange.tmax_default_ms, exchange.hold_ttl), (120, Seconds(60)));
    assert!(exchange.secure_by_default && !exchange.answer_test_requests);
    assert_eq!(exchange.supply_chain, SupplyChainRule::default());
    assert!(exchange.required_fields.is_empty() && settings.blocked_sellers.is_empty());
    assert_eq!(exchange.markup, MarkupDelivery::InBid);
    assert_eq!((exchange.requests_per_second_max, exchange.gzip_answers), (None, false));
    assert_eq!(exchange.gvl_id, None);
}

#[test]
fn a_preset_fills_in_what_is_not_written() {
    let exchange = |keys: &str| good(&format!("{LEAST}{keys}")).exchanges[0].clone();
    let index = exchange("preset = \"index\"\n");
    assert_eq!((index.tmax_default_ms, index.network_allowance_ms), (100, 20));
    assert_eq!(index.version_header.as_deref(), Some("2.6"));
    let own = exchange("preset = \"index\"\ntmax_default_ms = 250\nbilling = \"nurl\"\n");
    assert_eq!((own.tmax_default_ms, own.billing), (250, BillingEvent::Nurl));
    let google = exchange("preset = \"google\"\nprice = \"plain\"\n");
    assert_eq!((google.no_bid, google.billing), (NoBidStyle::NoContent, BillingEvent::Pixel));
    assert_eq!(google.ids, [IdSource::Buyeruid, IdSource::Ifa]);
    let click = google.click_macro.expect("of the preset");
    assert_eq!((click.text.as_str(), click.escape), ("%%CLICK_URL_UNESC%%", true));
    assert!(google.gzip_answers);
    let plain_text = exchange("preset = \"google\"\nprice = \"plain\"\ngzip_answers = false\n");
    assert!(!plain_text.gzip_answers, "what is written goes before the preset");
    let pubmatic = exchange("preset = \"pubmatic\"\n");
    let asked = [RequiredField::SampleImage, RequiredField::Attributes];
    assert_eq!((&pubmatic.required_fields[..], pubmatic.gvl_id), (&asked[..], NonZeroU16::new(76)));
    let plain = exchange("");
    assert!(plain.click_macro.is_none() && plain.version_header.is_none());
    assert_fault("\"google\"", "\"gogle\"", "\"gogle\"", "`preset` cannot be");
    let eaten = format!("{LEAST}preset = \"pubmatic\"\nnetwork_allowance_ms = 80\n");
    let told = checked(&eaten).diagnostics;
    assert!(told[0].message.contains("the network eats all of the 75 ms"), "{told:?}");
}

#[test]
fn gdpr_may_be_assumed_nowhere() {
    let nowhere = format!("{LEAST}\n[privacy]\ngdpr_assumed_in = \"nowhere\"\n");
    assert!(good(&nowhere).privacy.gdpr_assumed_in.is_empty());
    assert_fault("[\"DEU\", \"FRA\"]", "\"everywhere\"", "\"everywhere\"", "`gdpr_assumed_in`");
    assert_fault("\"FRA\"", "\"FR\"", "\"FR\"", "`gdpr_assumed_in` cannot be");
}

#[test]
fn consent_rules_that_the_law_does_not_know_are_refused() {
    for number in [1, 3, 4, 5, 6] {
        let list = format!("[2, {number}]");
        let message = format!("purpose {number} cannot rest on legitimate interest");
        assert_fault("[2, 7]", &list, &list, &message);
    }
    assert_fault("[2, 7]", "[2, 12]", "12", "`purposes_by_legitimate_interest` cannot be 12");
    assert_fault("gvl_id = 755", "gvl_id = 0", "0", "`gvl_id` cannot be 0");
    assert_fault("tcf_policy_min = 5", "tcf_policy_min = 1", "1", "`tcf_policy_min` cannot be 1");
    assert_fault("[\"DE\"]", "[\"DEU\"]", "\"DEU\"", "`purpose_one_exempt_countries` cannot be");
}

#[test]
fn faults_are_found_at_their_place() {
    assert_fault("\"0.0.0.0:8080\"", "\"localhost:8080\"", "\"localhost:8080\"", "`bid`");
    assert_fault("\"0.0.0.0:8081\"", "\"0.0.0.0:8080\"", "\"0.0.0.0:8080\"", "used twice");
    assert_fault(
        "homing.example/rtb",
        "homing.example/",
        "\"https://ads.homing.example/\"",
        "`public_url`",
    );
    assert_fault(
        "public_url = \"https://ads.homing.example/rtb\"",
        "",
        "\"0.0.0.0:8081\"",
        "would begin with",
    );
    assert_fault("workers = 4", "workers = 257", "257", "`workers` cannot be 257");
    assert_fault("EUR = 1.08", "EUR = 1.0800000001", "1.0800000001", "`EUR` cannot be");
    assert_fault("EUR = 1.08", "EUR = 0", "0", "`EUR` cannot be 0");
    assert_fault("JPY =", "USD = 1.0, JPY =", "USD", "`USD` cannot be a name");
    assert_fault("\"USD\", \"EUR\"", "\"USD\", \"SEK\"", "\"SEK\"", "no exchange rate for SEK");
    assert_fault("{ id = 1,", "{ id = 2,", "2", "notice key 2 is there twice");
    assert_fault(
        "file = \"keys/2\"",
        "file = \"k\", env = \"K\"",
        "{ id = 2, file = \"k\", env = \"K\" }",
        "not one place",
    );
    assert_fault(
        "user_id_space = \"demo\"\n",
        "",
        "[\"buyeruid\", \"ifa\", \"eids:uidapi.com\", \"user.id\", \"eids\"]",
        "without `user_id_space`",
    );
    assert_fault("\"user.id\", ", "", "user_id_space", "means nothing");
    assert_fault("\"ifa\",", "\"idfa\",", "\"idfa\"", "`ids` cannot be \"idfa\"");
    assert_fault("\"ifa\",", "\"ifa\", \"ifa\",", "\"ifa\"", "there twice");
    assert_fault(
        "network_allowance_ms = 30",
        "network_allowance_ms = 150",
        "150",
        "the network eats all",
    );
    assert_fault("price = \"google\"", "price = \"plain\"", "price_keys", "means nothing");
    let keys = "price_keys = { encryption = { env = \"E_KEY\" }, integrity = { file = \"i\" } }\n";
    assert_fault(keys, "", "\"google\"", "without `price_keys`");
    assert_fault("\"required\", nodes", "\"yes\", nodes", "\"yes\"", "`complete` cannot be");
    assert_fault("nodes_max = 5", "nodes_max = 0", "0", "`nodes_max` cannot be 0");
    assert_fault("\"attr\", ", "\"iurl\", ", "\"iurl\"", "there twice");
    assert_fault("\"language\", ", "\"lang\", ", "\"lang\"", "`required` cannot be");
    assert_fault("markup = \"win\"", "markup = \"wins\"", "\"wins\"", "`markup` cannot be");
    assert_fault("second_max = 20000", "second_max = 0", "0", "cannot be 0");
    assert_fault("gvl_id = 52", "gvl_id = 0", "0", "`gvl_id` cannot be 0");
    for seller in ["other.example/", "/1", "a b", "a.example/x y"] {
        let quoted = format!("{seller:?}");
        assert_fault("\"other.example/1234\"", &quoted, &quoted, "`sellers` cannot be");
    }
    assert_fault("hold_ttl = \"5s\"", "hold_ttl = \"2h\"", "\"2h\"", "`hold_ttl` cannot be");
    assert_fault(
        "secure_by_default = false",
        "secure_by_default = false\n[[exchange]]\nname = \"demo\"",
        "\"demo\"",
        "there twice",
    );
}

#[test]
fn unknown_keys_are_refused_at_every_level() {
    assert_fault("node =", "nodes = 1\nnode =", "nodes", "unknown key `nodes`");
    for section in [
        "listen",
        "business",
        "audience",
        "data",
        "limits",
        "privacy",
        "block",
        "currency",
        "secrets",
        "[exchange]",
    ] {
        let header = format!("[{section}]");
        assert_fault(&header, &format!("{header}\nxyz = 1"), "xyz", "unknown key `xyz`");
    }
    assert_fault("{ id = 2,", "{ xyz = 1, id = 2,", "xyz", "unknown key `xyz`");
    assert_fault("{ env = \"HOMING_A", "{ xyz = 1, env = \"HOMING_A", "xyz", "unknown key `xyz`");
    assert_fault("{ text =", "{ xyz = 1, text =", "xyz", "unknown key `xyz`");
}

#[test]
fn secrets_and_exchanges_are_required() {
    let Checked { settings, business, diagnostics } = checked("");
    assert!(settings.is_none());
    let said: Vec<_> = diagnostics.iter().map(|one| one.message.as_str()).collect();
    let of = |key: &str| format!("missing key `{key}` in the machine's file");
    assert_eq!(said, [of("secrets"), of("exchange")]);
    assert_eq!(business.as_deref(), Some(Path::new("/etc/homing/advertisers")));
}

proptest! {
    /// Whatever is cut out or put in: never a panic, and no refusal without an explanation.
    #[test]
    fn any_mutilation_is_survived(
        at in 0..FULL.len(),
        cut in 0_usize..200,
        put in "[\\[\\]{}=\",.\n#a0é\u{0}-]{0,6}",
    ) {
        let text = crate::config::source::mutilated(FULL, at..at + cut, &put);
        let Checked { settings, diagnostics, .. } = checked(&text);
        prop_assert_eq!(settings.is_none(), diagnostics.iter().any(Diagnostic::is_error));
    }
}

#[test]
fn what_goes_into_markup_unescaped_needs_no_escaping() {
    let click = |text: &str| format!("click_macro = {{ text = {text:?}, escape = true }}");
    for text in ["${CLICK\"URL}", "<b>", "a b", "it's", "a\\b", "a\nb", "é", ""] {
        let edited = FULL.replacen(&click("${CLICK_URL}"), &click(text), 1);
        assert_ne!(edited, FULL);
        assert!(checked(&edited).settings.is_none(), "{text:?}");
    }
    let quoted =
        FULL.replacen("https://ads.homing.example/rtb", "https://ads.homing.example/r'b", 1);
    assert!(checked(&quoted).settings.is_none());
    for text in ["${CLICK_URL}", "%%CLICK_URL_UNESC%%", "[CLICK]?u=", "{clickurl}&x;"] {
        let edited = FULL.replacen(&click("${CLICK_URL}"), &click(text), 1);
        assert!(checked(&edited).settings.is_some(), "{text:?}");
    }
}
