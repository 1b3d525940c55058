//! Reports over a made-up ledger: names, exactness, filters, campaigns that are gone.

use super::*;
use crate::bidder::reports::names::Names;
use crate::bidder::reports::report;
use crate::campaign::advertiser_file::Machine;
use crate::campaign::files::check_paths;
use crate::event::{Event, EventId, Notice, NoticeKind, What};
use crate::ledger::{Claim, LedgerLimits};
use crate::model::{
    AdvertiserKey, BidId, CpmMicros, CreativeKey, ExchangeKey, MoneyNanos, NodeKey, Rates, UserKey,
};
use crate::privacy::Basis;
use serde_json::{Value, json};

const NOW: UnixSeconds = UnixSeconds(1_800_000_123);
const ADX: ExchangeKey = ExchangeKey(7);

fn book() -> crate::campaign::Book {
    let folder = tempfile::tempdir().expect("a folder");
    for (id, currency, campaigns) in
        [("acme", "EUR", &["cart", "view"][..]), ("zeta", "USD", &["cart"])]
    {
        let mut text = format!(
            "[advertiser]\nid = {id:?}\ndomain = \"{id}.example\"\ncurrency = {currency:?}\n\
             categories = [\"IAB18\"]\n[[creative]]\nid = \"b300\"\ntype = \"image\"\n\
             size = \"300x250\"\nsrc = \"https://{id}.example/a.png\"\nlanding = \"https://{id}.example/\"\n"
        );
        for campaign in campaigns {
            text += &format!(
                "[[campaign]]\nid = {campaign:?}\nobjective = \"clicks\"\n\
                 flight = {{ from = 2027-01-01, to = 2027-12-01 }}\n\
                 budget = {{ total = \"10 {currency}\", pacing = \"asap\" }}\naudience = \"cart\"\n\
                 [[campaign.message]]\ncreatives = [\"b300\"]\n\
                 [campaign.price]\nbase_cpm = \"2 {currency}\"\nmax_cpm = \"9 {currency}\"\n"
            );
        }
        std::fs::write(folder.path().join(format!("{id}.toml")), text).expect("written");
    }
    let mut rates = Rates::default();
    rates.set(Currency::parse("EUR").expect("a code"), 1_080_000_000);
    let machine = Machine { exchanges: &["adx".to_owned()], rates: &rates };
    let (book, faults) = check_paths(&[folder.path().to_owned()], Some(machine));
    book.unwrap_or_else(|| panic!("{}", crate::config::render::text(&faults)))
}

/// A notice of bid `bid`, of a campaign and of its shop's creative.
fn notice(bid: u64, (shop, campaign): (&str, &str), kind: NoticeKind) -> Event {
    let claim = Claim {
        bid: BidId(bid),
        exchange: ADX,
        campaign: CampaignKey::new(shop, campaign),
        creative: CreativeKey::new(shop, "b300"),
        keys: std::iter::once(UserKey(bid)).collect(),
        ceiling: CpmMicros(3_000_000),
        currency: Currency::USD,
        held: MoneyNanos(3_000_000),
        issued: NOW,
        hold_ttl: Seconds(60),
        notices_end: NOW.plus(Seconds(3_600)),
        test: false,
        node: NodeKey(1),
        basis: Basis::NoRestriction,
    };
    let notice = Notice { kind, claim, advertiser: AdvertiserKey::new(shop) };
    Event { id: EventId(u128::from(bid)), at: NOW, node: NodeKey(1), what: What::Notice(notice) }
}

/// Three impressions of `acme/cart` and a click, one of `zeta/cart`, one of a campaign that is
/// in no file.
fn ledger() -> Ledger {
    let ledger = Ledger::new(LedgerLimits::default(), 1);
    let bill = NoticeKind::Bill(CpmMicros(1_234_567));
    for (bid, whose, kind) in [
        (1, ("acme", "cart"), bill),
        (2, ("acme", "cart"), bill),
        (3, ("acme", "cart"), bill),
        (3, ("acme", "cart"), NoticeKind::Click),
        (4, ("zeta", "cart"), bill),
        (5, ("gone", "old"), bill),
    ] {
        ledger.apply(&notice(bid, whose, kind));
    }
    ledger
}

fn asked(query: &str) -> Result<String, SheetError> {
    let book = book();
    let names = Names::new(&book, std::iter::once((ADX, "adx")));
    report(query, (&ledger(), &names), NOW).map(|(_, text)| text)
}

fn rows(query: &str) -> Vec<Value> {
    let told: Value = serde_json::from_str(&asked(query).expect(query)).expect("JSON");
    told["rows"].as_array().expect("a list").clone()
}

#[test]
fn rows_have_names_exact_amounts_and_ratios_by_their_parts() {
    let rows = rows("by=campaign,creative,exchange");
    let acme = rows.iter().find(|row| row["advertiser"] == "acme").expect("a row");
    for (field, expected) in [
        ("campaign", json!("cart")),
        ("creative", json!("b300")),
        ("exchange", json!("adx")),
        ("currency", json!("EUR")),
        ("impressions", json!(3)),
        ("clicks", json!(1)),
        ("spend", json!("0.003703701")),
        ("revenue", json!("0")),
        ("revenue_other", json!({})),
        ("ctr", json!({ "numerator": 1, "denominator": 3, "value": 1.0 / 3.0 })),
        ("win_rate", json!({ "numerator": 0, "denominator": 0, "value": null })),
        ("ecpm", json!({ "numerator": "3.703701", "denominator": 3, "value": 1.234567 })),
        ("roas", json!({ "numerator": "0", "denominator": "0.003703701", "value": 0.0 })),
    ] {
        assert_eq!(acme[field], expected, "{field}");
    }
}

#[test]
fn currencies_are_never_summed_up_and_what_is_gone_is_told_by_its_key() {
    let rows = rows("by=exchange");
    let told: Vec<_> = rows.iter().map(|row| (&row["currency"], &row["impressions"])).collect();
    let none = Value::Null;
    assert_eq!(told, [(&json!("EUR"), &json!(3)), (&json!("USD"), &json!(1)), (&none, &json!(1))]);
    let key = format!("{:016x}", CampaignKey::new("gone", "old").0);
    assert_eq!((&rows[2]["campaign"], &rows[2]["roas"]["value"]), (&json!(key), &none));
    assert_eq!(rows[0].get("campaign"), None);
    let totals = asked("by=campaign").expect("good");
    let totals: Value = serde_json::from_str(&totals).expect("JSON");
    let totals: Vec<_> = totals["totals"].as_array().expect("a list").iter().collect();
    assert_eq!((totals.len(), &totals[0]["spend"]), (2, &json!("0.003703701")));
}

#[test]
fn filters_keep_what_is_meant_and_refuse_what_is_not_there() {
    let key = format!("campaign={:016x}", CampaignKey::new("gone", "old").0);
    for (query, expected) in [
        ("advertiser=acme", 1),
        ("campaign=cart", 2),
        ("campaign=zeta%2Fcart", 1),
        ("campaign=cart&advertiser=acme", 1),
        ("campaign=view", 0),
        (&*key, 1),
    ] {
        assert_eq!(rows(query).len(), expected, "{query}");
    }
    for (query, parameter) in
        [("advertiser=nobody", "advertiser"), ("campaign=zeta/view", "campaign"), ("by=x", "by")]
    {
        let Err(SheetError::Ask(fault)) = asked(query) else { panic!("{query}") };
        assert_eq!(fault.parameter, parameter);
    }
}

#[test]
fn times_outside_have_no_rows_and_days_have_their_lengths() {
    let midnight = NOW.0 - NOW.0 % 86_400;
    assert!(rows(&format!("from=5&to={midnight}")).is_empty());
    let day = &rows("by=day")[0];
    assert_eq!((&day["start"], &day["length_s"]), (&json!("2027-01-15T00:00:00Z"), &json!(86_400)));
    assert_eq!(rows("by=hour&campaign=acme/cart")[0]["start"], "2027-01-15T08:00:00Z");
}

#[test]
fn csv_has_a_column_for_everything_in_every_line() {
    let text = asked("by=day,campaign&format=csv").expect("good");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().expect("names").clone();
    let lines: Vec<_> = reader.records().map(|line| line.expect("as long as the names")).collect();
    let field = |line: usize, name: &str| {
        let at = names.iter().position(|known| known == name);
        lines[line][at.unwrap_or_else(|| panic!("no {name} in {names:?}"))].to_owned()
    };
    assert_eq!(lines.len(), 3);
    assert_eq!(field(0, "campaign") + &field(0, "currency"), "cartEUR");
    assert_eq!(field(0, "spend"), "0.003703701");
    let ctr = ["ctr", "ctr_numerator", "ctr_denominator"].map(|name| field(0, name));
    assert_eq!(ctr, ["0.3333333333333333", "1", "3"]);
    assert_eq!(field(2, "currency"), "");
}

#[test]
fn a_table_lines_up() {
    let text = asked("format=table").expect("good");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2 + 3 + 2, "two lines of head, three campaigns, two totals:\n{text}");
    let end = lines[1].find("spend").expect("a column") + "spend".len();
    assert!(lines[2][..end].ends_with("0.003703701") && lines[2].contains("33.33 %"), "{text}");
    assert!(lines[5].starts_with("all ") && lines[4].trim_end().ends_with('?'), "{text}");
    let none = asked("format=table&from=5&to=6").expect("good");
    assert!(none.ends_with("nothing was counted\n"), "{none}");
}

#[test]
fn decimals_are_exact() {
    for (nanos, text) in [
        (0, "0"),
        (1, "0.000000001"),
        (-1_500_000_000, "-1.5"),
        (i128::from(i64::MAX) * 1_000, "9223372036854.775807"),
    ] {
        assert_eq!(decimal(nanos, 9), text);
    }
}
