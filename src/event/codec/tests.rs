//! What is encoded is decoded to the same event; anything else is refused.

use super::*;
use proptest::prelude::*;
use smallvec::smallvec;

fn claim() -> Claim {
    Claim {
        bid: BidId(1),
        exchange: ExchangeKey(2),
        campaign: CampaignKey(3),
        creative: CreativeKey(4),
        keys: smallvec![UserKey(5), UserKey(6)],
        ceiling: CpmMicros(7_000_000),
        currency: Currency::USD,
        held: MoneyNanos(7_000_000),
        issued: UnixSeconds(1_764_000_000),
        hold_ttl: Seconds(60),
        notices_end: UnixSeconds(1_764_086_400),
        test: false,
        node: NodeKey(9),
        basis: Basis::GdprConsent,
    }
}

fn site() -> SiteEvent {
    SiteEvent {
        advertiser: AdvertiserKey(11),
        name: SiteEventName::Purchase,
        keys: smallvec![UserKey(5)],
        happened: UnixSeconds(1_764_000_100),
        value: Some(EventValue { micros: 49_900_000, currency: Currency::parse("EUR") }),
        transaction: Some(12),
        items: vec!["shoe-1".into(), "shoe-2".into()],
        session: Some(site::Session { id: 13, foreground: Seconds(14) }),
        basis: Basis::NoRestriction,
        clamped: true,
    }
}

/// One event of every kind.
fn every_kind() -> Vec<What> {
    let price = CpmMicros(5_000_000);
    let kinds = [
        NoticeKind::Win,
        NoticeKind::Bill(price),
        NoticeKind::WinAndBill(price),
        NoticeKind::Loss,
        NoticeKind::View,
        NoticeKind::Click,
        NoticeKind::Progress(Progress::Complete),
    ];
    let notice =
        |kind| What::Notice(Notice { kind, claim: claim(), advertiser: AdvertiserKey(11) });
    let mut all: Vec<What> = kinds.into_iter().map(notice).collect();
    let bare = SiteEvent { value: None, transaction: None, session: None, ..site() };
    let count = Count {
        hour: UnixSeconds(1_763_999_200),
        campaign: CampaignKey(3),
        creative: CreativeKey(4),
        exchange: ExchangeKey(2),
        considered: 100,
        bids: 10,
        ghosts: 1,
    };
    all.extend([
        What::Site(site()),
        What::Site(SiteEvent { name: SiteEventName::Custom("size_guide".into()), ..bare }),
        What::OptOut(smallvec![UserKey(5)]),
        What::Erasure(smallvec![UserKey(5), UserKey(6), UserKey(7), UserKey(8), UserKey(9)]),
        What::LeaseRequest(LeaseRequest {
            campaign: CampaignKey(3),
            amount: MoneyNanos(1_000),
            ttl: Seconds(60),
            limits: LeaseLimits {
                daily: None,
                total: Some(MoneyNanos(5_000)),
                day_from: UnixSeconds(1_763_942_400),
                day_to: UnixSeconds(1_764_028_800),
            },
        }),
        What::LeaseReturn { campaign: CampaignKey(3), amount: MoneyNanos(10) },
        What::Tick,
        What::Counts(vec![count, count]),
    ]);
    all
}

fn encoded(event: &Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(event, &mut bytes);
    bytes
}

#[test]
fn every_kind_of_event_comes_back_as_it_went() {
    for (number, what) in every_kind().into_iter().enumerate() {
        let id = EventId(number as u128 + (1 << 100));
        let event = Event { id, at: UnixSeconds(1_764_000_200), node: NodeKey(9), what };
        assert_eq!(decode(&encoded(&event)), Ok(event));
    }
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let event =
        Event { id: EventId(1), at: UnixSeconds(1), node: NodeKey(1), what: What::Site(site()) };
    let mut wire = proto::Event::decode(encoded(&event).as_slice()).expect("just encoded");
    let Some(Wire::Site(site)) = &mut wire.what else { panic!("a site event") };
    site.basis = 99;
    assert_eq!(decode(&wire.encode_to_vec()), Err(DecodeError::Field("basis")));
    wire.what = None;
    assert_eq!(decode(&wire.encode_to_vec()), Err(DecodeError::Field("what")));
    wire.id.pop();
    assert_eq!(decode(&wire.encode_to_vec()), Err(DecodeError::Field("id")));
    assert!(matches!(decode(b"\xff\xff"), Err(DecodeError::Encoding(_))));
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(bytes: Vec<u8>) {
        if let Ok(event) = decode(&bytes) {
            prop_assert_eq!(decode(&encoded(&event)), Ok(event));
        }
    }
}
