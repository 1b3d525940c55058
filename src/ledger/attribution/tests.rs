//! Which touch a purchase is credited to.

use super::*;
use crate::event::site::EventValue;
use crate::event::{Claim, Event, EventId, Notice, NoticeKind, SiteEventName, What};
use crate::ledger::report::{GroupBy, Query, Sums};
use crate::ledger::tests::world::{Dice, event, person, random_claim, shop_of, small};
use crate::ledger::{Ledger, Noted};
use crate::model::{BidId, CampaignKey, Currency, ExchangeKey, NodeKey};
use crate::privacy::Basis;
use smallvec::smallvec;

const NOON: UnixSeconds = UnixSeconds(1_800_014_400);
const SHOP: AdvertiserKey = AdvertiserKey(91);

struct Shop {
    ledger: Ledger,
    dice: Dice,
}

impl Shop {
    fn new() -> Self {
        Self { ledger: Ledger::new(small(), 1), dice: Dice::new(1) }
    }

    /// Somebody touches an ad of a campaign.
    fn touch(&mut self, kind: NoticeKind, (who, campaign): (u32, u64), at: UnixSeconds) {
        let claim = Claim {
            bid: BidId(self.dice.throw()),
            campaign: CampaignKey(campaign),
            exchange: ExchangeKey(1),
            keys: smallvec![person(who)],
            ..random_claim(&mut self.dice, at)
        };
        let advertiser = shop_of(claim.campaign);
        let notice = Notice { kind, claim, advertiser };
        let event = event(&mut self.dice, (at, NodeKey(1)), What::Notice(notice));
        assert_eq!(self.ledger.apply(&event), Noted::Counted);
    }

    fn purchase(&mut self, who: &[u32], happened: UnixSeconds) -> SiteEvent {
        SiteEvent {
            advertiser: SHOP,
            name: SiteEventName::Purchase,
            keys: who.iter().map(|number| person(*number)).collect(),
            happened,
            value: Some(EventValue { micros: 30_000_000, currency: Currency::parse("EUR") }),
            transaction: Some(self.dice.throw()),
            items: Vec::new(),
            session: None,
            basis: Basis::default(),
            clamped: false,
        }
    }

    fn tell(&mut self, site: &SiteEvent) -> Noted {
        let what = What::Site(site.clone());
        let event = event(&mut self.dice, (site.happened, NodeKey(1)), what);
        self.ledger.apply(&event)
    }

    fn buy(&mut self, who: &[u32], happened: UnixSeconds) {
        let site = self.purchase(who, happened);
        assert_eq!(self.tell(&site), Noted::Counted);
    }

    /// Purchases after clicks and after views, by campaign.
    fn credited(&self) -> Vec<(u64, u64, u64)> {
        let by = GroupBy { campaign: true, ..GroupBy::default() };
        let (from, to) = (UnixSeconds(0), UnixSeconds::NEVER);
        let query = Query { from, to, by, currency_of: &|_| Some(Currency::USD) };
        let rows = self.ledger.report(&query).into_iter().map(|row| {
            let Sums { conversions_click, conversions_view, .. } = row.sums;
            (row.campaign.unwrap_or_default().0, conversions_click, conversions_view)
        });
        rows.filter(|(_, clicks, views)| clicks + views > 0).collect()
    }
}

fn ago(length: Seconds) -> UnixSeconds {
    NOON.minus(length)
}

#[test]
fn the_last_click_goes_before_any_view_and_the_last_view_before_none() {
    let mut shop = Shop::new();
    shop.touch(NoticeKind::View, (1, 1), ago(Seconds(50)));
    shop.touch(NoticeKind::View, (1, 2), ago(Seconds(40)));
    shop.buy(&[1], NOON);
    assert_eq!(shop.credited(), [(2, 0, 1)]);
    shop.touch(NoticeKind::Click, (2, 1), ago(Seconds(60)));
    shop.touch(NoticeKind::Click, (2, 2), ago(Seconds(55)));
    shop.touch(NoticeKind::View, (2, 1), ago(Seconds(1)));
    shop.buy(&[2], NOON);
    assert_eq!(shop.credited(), [(2, 1, 1)]);
    shop.buy(&[3], NOON);
    assert_eq!(shop.credited(), [(2, 1, 1)], "who saw nothing came by themselves");
}

#[test]
fn windows_end_where_they_say() {
    let cases = [
        (NoticeKind::Click, CLICK_WINDOW, vec![(1, 1, 0)]),
        (NoticeKind::Click, Seconds(CLICK_WINDOW.0 + 1), vec![]),
        (NoticeKind::View, VIEW_WINDOW, vec![(1, 0, 1)]),
        (NoticeKind::View, Seconds(VIEW_WINDOW.0 + 1), vec![]),
    ];
    for (kind, before, credited) in cases {
        let mut shop = Shop::new();
        shop.touch(kind, (1, 1), ago(before));
        shop.buy(&[1], NOON);
        assert_eq!(shop.credited(), credited, "{kind:?} {before} before");
    }
    let mut shop = Shop::new();
    shop.touch(NoticeKind::Click, (1, 1), NOON.plus(Seconds(1)));
    shop.buy(&[1], NOON);
    assert_eq!(shop.credited(), [], "a click after the purchase did not bring it about");
}

#[test]
fn any_key_of_the_purchase_leads_to_the_touch_and_no_other_shops_does() {
    let mut shop = Shop::new();
    shop.touch(NoticeKind::Click, (1, 3), ago(Seconds(9)));
    shop.buy(&[1], NOON);
    assert_eq!(shop.credited(), [], "campaign 3 is another shop's");
    shop.touch(NoticeKind::Click, (7, 1), ago(Seconds(9)));
    shop.buy(&[5, 6, 7], NOON);
    assert_eq!(shop.credited(), [(1, 1, 0)]);
}

#[test]
fn a_purchase_counts_once_with_the_keys_of_all_who_tell_it() {
    let mut shop = Shop::new();
    shop.touch(NoticeKind::Click, (2, 1), ago(Seconds(90)));
    let from_tag = shop.purchase(&[1], NOON);
    assert_eq!(shop.tell(&from_tag), Noted::Counted);
    assert_eq!(shop.credited(), []);
    let from_server = SiteEvent {
        keys: smallvec![person(2)],
        happened: NOON.plus(Seconds(5)),
        value: None,
        ..from_tag.clone()
    };
    assert_eq!(shop.tell(&from_server), Noted::Duplicate);
    assert_eq!(shop.tell(&from_server), Noted::Duplicate);
    assert_eq!(shop.credited(), [(1, 1, 0)], "known by the server's key");
    let by = GroupBy::default();
    let (from, to) = (UnixSeconds(0), UnixSeconds::NEVER);
    let query = Query { from, to, by, currency_of: &|_| Currency::parse("EUR") };
    let rows = shop.ledger.report(&query);
    let euro = Currency::parse("EUR").expect("real");
    assert_eq!(rows[0].sums.revenue_in(euro), 30_000_000, "the value of the earlier");
    let nameless = SiteEvent { transaction: None, ..shop.purchase(&[2], NOON) };
    assert_eq!([shop.tell(&nameless), shop.tell(&nameless)], [Noted::Counted; 2], "two events");
    assert_eq!(shop.credited(), [(1, 3, 0)]);
}

#[test]
fn a_click_that_comes_late_takes_the_credit_over() {
    let mut shop = Shop::new();
    shop.touch(NoticeKind::View, (1, 1), ago(Seconds(20)));
    shop.buy(&[1], NOON);
    assert_eq!(shop.credited(), [(1, 0, 1)]);
    shop.touch(NoticeKind::Click, (1, 2), ago(Seconds(30)));
    assert_eq!(shop.credited(), [(2, 1, 0)]);
    shop.touch(NoticeKind::View, (1, 1), ago(Seconds(10)));
    shop.touch(NoticeKind::Click, (1, 1), ago(Seconds(40)));
    assert_eq!(shop.credited(), [(2, 1, 0)], "an earlier click and a view do not");
}

#[test]
fn the_latest_eight_of_each_kind_are_kept() {
    let mut shop = Shop::new();
    shop.touch(NoticeKind::Click, (1, 1), ago(Seconds(900)));
    for n in 0..20 {
        shop.touch(NoticeKind::View, (1, 2), ago(Seconds(n)));
    }
    let kept = shop.ledger.folds.lock().attribution.touches.of(person(1), SHOP).count();
    assert_eq!(kept, 9);
    shop.buy(&[1], NOON);
    assert_eq!(shop.credited(), [(1, 1, 0)], "views push no click out");
}

#[test]
fn what_can_be_credited_no_more_is_forgotten() {
    let mut shop = Shop::new();
    shop.touch(NoticeKind::View, (1, 1), NOON);
    shop.buy(&[1], NOON);
    let old = shop.purchase(&[1], NOON);
    let later = NOON.plus(CONVERSIONS_KEPT).plus(Seconds(1));
    shop.touch(NoticeKind::View, (1, 1), later);
    assert_eq!(shop.tell(&old), Noted::Expired);
    let folds = shop.ledger.folds.lock();
    assert_eq!(folds.attribution.touches.of(person(1), SHOP).count(), 1);
    assert_eq!(folds.attribution.conversions.len(), 0);
}

#[test]
fn at_the_bound_the_oldest_purchase_is_forgotten_and_stays_counted() {
    let mut report = Report::new(100);
    let bounds = Bounds { touched_max: 100, conversions_max: 2 };
    let mut attribution = Attribution::new(bounds, crate::ledger::hashing::Seeded(1));
    let line = Line { campaign: CampaignKey(1), ..Line::default() };
    let keys = [person(1)];
    let touched = Touched { keys: &keys, advertiser: SHOP, line, kind: Kind::Click, at: NOON };
    attribution.touch(&touched, NOON, &mut report);
    let mut shop = Shop::new();
    for n in 0..3 {
        let site = shop.purchase(&[1], NOON.plus(Seconds(n)));
        let what = What::Site(site.clone());
        let event = Event { id: EventId(n.into()), at: NOON, node: NodeKey(1), what };
        assert!(attribution.purchase((&event, &site), &mut report));
    }
    assert_eq!(attribution.conversions.len(), 2);
    assert_eq!(attribution.conversions.of(&keys, SHOP).len(), 2);
    let counted: u64 = report.hours.values().map(Sums::conversions).sum();
    assert_eq!(counted, 3);
}
