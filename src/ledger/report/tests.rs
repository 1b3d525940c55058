//! Rows: rolled up, bounded, taken back, and asked for.

use super::*;
use crate::model::{Currency, MoneyNanos};

const MIDNIGHT: UnixSeconds = UnixSeconds(1_800_000_000 / 86_400 * 86_400);

fn line(campaign: u64, creative: u64, exchange: u64) -> Line {
    Line {
        campaign: CampaignKey(campaign),
        creative: CreativeKey(creative),
        exchange: ExchangeKey(exchange),
    }
}

fn bill(sums: &mut Sums) {
    sums.impressions += 1;
    sums.spend = sums.spend.plus(MoneyNanos(1_000));
}

fn ask(report: &Report, by: GroupBy) -> Vec<Row> {
    let currency_of = |campaign: CampaignKey| match campaign.0 {
        1 | 2 => Some(Currency::USD),
        3 => Currency::parse("EUR"),
        _ => None,
    };
    let (from, to) = (UnixSeconds(0), UnixSeconds::NEVER);
    report.rows(&Query { from, to, by, currency_of: &currency_of })
}

#[test]
fn rows_are_summed_up_as_asked_for_and_never_over_currencies() {
    let mut report = Report::new(100);
    for (hour, campaign, creative) in [(0, 1, 1), (0, 1, 2), (1, 2, 1), (30, 3, 1), (0, 9, 9)] {
        report.count(MIDNIGHT.plus(Seconds(hour * 3_600 + 59)), line(campaign, creative, 7), bill);
    }
    let all = ask(&report, GroupBy::default());
    let told: Vec<_> = all.iter().map(|row| (row.currency, row.sums.impressions)).collect();
    assert_eq!(told, [(Currency::parse("EUR").expect("real"), 1), (Currency::USD, 3)]);
    assert!(all.iter().all(|row| row.start.is_none() && row.campaign.is_none()));
    let campaigns = ask(&report, GroupBy { campaign: true, ..GroupBy::default() });
    let told: Vec<_> = campaigns.iter().map(|row| (row.campaign, row.sums.impressions)).collect();
    let key = |campaign| Some(CampaignKey(campaign));
    assert_eq!(told, [(key(3), 1), (key(1), 2), (key(2), 1)]);
    let hours = ask(&report, GroupBy { time: TimeSpan::Hour, ..GroupBy::default() });
    let starts: Vec<_> = hours.iter().map(|row| row.start).collect();
    let at = |hour: u32| Some(MIDNIGHT.plus(Seconds(hour * 3_600)));
    assert_eq!(starts, [at(0), at(1), at(30)]);
    let days = ask(&report, GroupBy { time: TimeSpan::Day, exchange: true, ..GroupBy::default() });
    assert_eq!((days.len(), days[0].sums.impressions), (2, 3));
    assert_eq!(days[1].exchange, Some(ExchangeKey(7)));
}

#[test]
fn old_hours_become_days_and_late_events_find_them() {
    let mut report = Report::new(100);
    for hour in [0, 5, 23] {
        report.count(MIDNIGHT.plus(Seconds(hour * 3_600)), line(1, 1, 1), bill);
    }
    report.pass(MIDNIGHT.plus(HOURS_KEPT).plus(Seconds(86_399)));
    assert_eq!((report.hours.len(), report.days.len()), (3, 0));
    report.pass(MIDNIGHT.plus(HOURS_KEPT).plus(Seconds(86_400)));
    assert_eq!((report.hours.len(), report.days.len()), (0, 1));
    report.count(MIDNIGHT.plus(Seconds(7_000)), line(1, 1, 1), bill);
    let rows = ask(&report, GroupBy { time: TimeSpan::Hour, ..GroupBy::default() });
    assert_eq!((rows[0].length, rows[0].sums.impressions), (Some(Seconds::DAY), 4));
    assert_eq!(rows[0].sums.ecpm_nanos().value(), Some(1_000_000.0));
    report.pass(MIDNIGHT.plus(DAYS_KEPT).plus(Seconds(86_400)));
    assert_eq!(report.days.len(), 0);
    report.count(MIDNIGHT, line(1, 1, 1), bill);
    assert_eq!(report.days.len(), 0, "what is older than all is not kept");
}

#[test]
fn what_is_taken_back_leaves_no_trace() {
    let mut report = Report::new(100);
    let euro = Currency::parse("EUR");
    let gain = |sums: &mut Sums| {
        sums.conversions_view += 1;
        sums.earn(euro, 5);
    };
    report.count(MIDNIGHT, line(1, 1, 1), gain);
    report.count(MIDNIGHT, line(1, 1, 1), |sums| {
        sums.conversions_view -= 1;
        sums.unearn(euro, 5);
    });
    assert!(report.hours.is_empty());
}

#[test]
fn at_the_bound_nothing_goes_uncounted() {
    let mut report = Report::new(3);
    for campaign in 1..=10 {
        report.count(MIDNIGHT, line(campaign, 1, 1), bill);
        report.count(MIDNIGHT, line(campaign, 1, 1), bill);
    }
    assert_eq!(report.hours.len(), 4, "three, and one for the others");
    let counted: u64 = report.hours.values().map(|sums| sums.impressions).sum();
    assert_eq!(counted, 20);
}

#[test]
fn fractions_tell_their_parts() {
    let mut sums = Sums { clicks: 2, impressions: 100, bids: 50, wins: 20, ..Sums::default() };
    assert_eq!(sums.ctr(), Fraction { numerator: 2, denominator: 100 });
    assert_eq!(sums.win_rate().value(), Some(0.4));
    assert_eq!(Sums::default().ctr().value(), None);
    sums.conversions_click = 1;
    sums.spend = MoneyNanos(2_000_000_000);
    sums.earn(None, 3_000_000);
    sums.earn(Some(Currency::USD), 1_000_000);
    sums.earn(Currency::parse("EUR"), 9_000_000);
    assert_eq!(sums.roas(Currency::USD).value(), Some(2.0), "what is told in euros is apart");
    assert_eq!(sums.cvr().value(), Some(0.5));
    let mut twice = sums.clone();
    twice.add(&sums);
    assert_eq!(twice.counters(), sums.counters().map(|count| 2 * count));
    assert_eq!(twice.revenue_in(Currency::USD), 8_000_000);
}
