//! What an event may say, and what is made of it.

use super::*;

#[test]
fn an_event_of_a_shop_s_server_is_kept_with_all_that_it_says() {
    let stand = Stand::new();
    let answer = stand.call(&Call::server(&event(json!({
        "event": "Order Completed", "time": NOW.0 - 3_600, "value": 49.9, "currency": "EUR",
        "transaction_id": "t-1", "items": [{"item_id": "shoe"}, "lace", "shoe"],
        "ids": [{"space": "buyeruid", "id": "u1"}, {"space": "ifa", "id": "A-1"}],
        "session_id": 77, "foreground_s": "12.5", "us_privacy": "1YNN", "other": {"tool": 1},
    }))));
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        told(&answer),
        json!({"accepted": 1, "no_consent": 0, "opted_out": 0, "refused": []})
    );
    let kept = &stand.events()[0];
    assert_eq!(kept.advertiser, AdvertiserKey::new("acme"));
    assert_eq!(kept.name, SiteEventName::Purchase);
    assert_eq!(kept.keys[..], [UserKey::new("buyeruid", "u1"), UserKey::new("ifa", "a-1")]);
    assert_eq!(kept.happened, UnixSeconds(NOW.0 - 3_600));
    let value = kept.value.expect("a value");
    assert_eq!((value.micros, value.currency), (49_900_000, Currency::parse("EUR")));
    assert!(kept.transaction.is_some() && kept.session.is_some() && !kept.clamped);
    assert_eq!(kept.session.map(|session| session.foreground), Some(Seconds(12)));
    assert_eq!(kept.items, ["shoe".into(), "lace".into()]);
    assert_eq!(kept.basis, Basis::UsNotOptedOut);
    assert!(answer.cookies.is_empty(), "servers get no cookies");
    let event = &stand.log.events.lock()[0];
    assert_eq!((event.at, event.node), (NOW, NodeKey::new("n")));
}

#[test]
fn bad_rows_are_refused_one_by_one_and_name_the_field() {
    let long = "x".repeat(600);
    let many: Vec<_> = (0..201).map(|n| n.to_string()).collect();
    let rows = [
        ("event", json!({"event": "No Such Event"})),
        ("event", json!({"event": 7})),
        ("event", json!({"event": "visitors"})),
        ("event", json!({"event": null})),
        ("ids", json!({"ids": {}})),
        ("ids", json!({"ids": null})),
        ("ids", json!({"ids": {"a b": "1"}})),
        ("ids", json!({"ids": {"a": long}})),
        ("ids", json!({"ids": {"a": {}}})),
        ("ids", json!({"ids": [{"space": "a"}]})),
        ("ids", json!({"ids": {"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1}})),
        ("value", json!({"value": -1})),
        ("value", json!({"value": "much"})),
        ("value", json!({"value": 1e30})),
        ("value", json!({"value": 1_000_000_001})),
        ("currency", json!({"value": 1, "currency": "eur"})),
        ("currency", json!({"value": 1, "currency": "JPY"})),
        ("currency", json!({"value": 1, "currency": ["EUR"]})),
        ("time", json!({"time": "yesterday"})),
        ("time", json!({"time": -1})),
        ("time", json!({"time": [1]})),
        ("items", json!({"items": "shoe"})),
        ("items", json!({"items": [{"name": "shoe"}]})),
        ("items", json!({"items": [""]})),
        ("items", json!({"items": ["x".repeat(129)]})),
        ("items", json!({"items": many})),
        ("event_id", json!({"event_id": "x".repeat(129)})),
        ("event_id", json!({"event_id": ""})),
        ("transaction_id", json!({"transaction_id": {}})),
        ("session_id", json!({"session_id": true})),
        ("foreground_s", json!({"foreground_s": 3})),
        ("foreground_s", json!({"session_id": "s", "foreground_s": -3})),
        ("foreground_s", json!({"session_id": "s", "foreground_s": 86_401})),
        ("shop", json!({"shop": "mute"})),
        ("shop", json!({"shop": 7})),
    ];
    let stand = Stand::new();
    let mut batch: Vec<Value> = rows.iter().map(|(_, more)| event(more.clone())).collect();
    batch.push(event(json!({})));
    batch.push(json!(7));
    let answer = stand.call(&Call::server(&json!({"shop": "acme", "events": batch})));
    assert_eq!(answer.status, StatusCode::OK, "the good one is kept");
    let answer = told(&answer);
    assert_eq!(answer["accepted"], 1);
    let refused = answer["refused"].as_array().expect("a list");
    let fields: Vec<_> = refused.iter().map(|one| one["field"].as_str().expect("a text")).collect();
    let mut expected: Vec<_> = rows.iter().map(|(field, _)| *field).collect();
    expected.push("event");
    assert_eq!(fields, expected);
    assert_eq!(refused.last().expect("one")["index"], rows.len() + 1);
    assert!(
        refused
            .iter()
            .all(|one| one["why"].as_str().is_some_and(|why| why.starts_with("expected")))
    );
    assert_eq!(stand.events().len(), 1);
    assert_eq!(stand.counted(EventOutcome::Refused), rows.len() as u64 + 1);
    let alone = stand.call(&Call::server(&event(json!({"value": -1}))));
    assert_eq!(alone.status, StatusCode::BAD_REQUEST);
    assert_eq!(told(&alone)["refused"][0]["field"], "value");
}

#[test]
fn impossible_times_are_clamped_and_said_to_be() {
    let day = 86_400;
    for (name, time, happened, clamped) in [
        ("add_to_cart", json!(null), NOW.0, false),
        ("add_to_cart", json!(NOW.0 - 60), NOW.0 - 60, false),
        ("add_to_cart", json!(u64::from(NOW.0 - 60) * 1_000 + 999), NOW.0 - 60, false),
        ("add_to_cart", json!(u64::from(NOW.0 - 60) * 1_000_000), NOW.0 - 60, false),
        ("add_to_cart", json!("2027-01-15T07:00:00Z"), NOW.0 - 3_600, false),
        ("add_to_cart", json!("2027-01-15T09:00:00+02:00"), NOW.0 - 3_600, false),
        ("add_to_cart", json!(NOW.0 + 300), NOW.0, false),
        ("add_to_cart", json!(NOW.0 + 301), NOW.0, true),
        ("add_to_cart", json!(NOW.0 - 30 * day), NOW.0 - 30 * day, false),
        ("add_to_cart", json!(NOW.0 - 31 * day), NOW.0 - 30 * day, true),
        ("add_to_cart", json!(0), NOW.0 - 30 * day, true),
        // A slow clock must not put a purchase before the cart that it ends.
        ("purchase", json!(NOW.0 - 300), NOW.0, false),
        ("purchase", json!(NOW.0 - 301), NOW.0 - 301, false),
    ] {
        let stand = Stand::new();
        let sent = event(json!({"event": name, "time": time}));
        assert_eq!(stand.call(&Call::server(&sent)).status, StatusCode::OK, "{sent}");
        let kept = &stand.events()[0];
        assert_eq!((kept.happened.0, kept.clamped), (happened, clamped), "{sent}");
    }
}

#[test]
fn values_are_exact_and_in_the_shop_s_own_currency() {
    for (value, currency, micros) in [
        (json!(49.9), "EUR", 49_900_000),
        (json!("49.90"), "EUR", 49_900_000),
        (json!(30.000_000_000_000_004_f64), "EUR", 30_000_000),
        (json!(29.999_999_999_999_996_f64), "EUR", 30_000_000),
        (json!(10), "USD", 8_000_000),
        (json!(0), "EUR", 0),
    ] {
        let stand = Stand::new();
        let sent = event(json!({"value": value, "currency": currency}));
        stand.call(&Call::server(&sent));
        let kept = stand.events()[0].value.expect("a value");
        assert_eq!((kept.micros, kept.currency), (micros, Currency::parse("EUR")), "{sent}");
    }
}

#[test]
fn a_browser_s_purchase_may_stop_the_ads_and_be_worth_nothing() {
    let setting = "[advertiser.events]\nbrowser_purchases = \"without_value\"";
    let stand = Stand::of(book_of(&[("acme", "", setting)]), |_| {});
    let bought = event(json!({"event": "purchase", "value": 90, "transaction_id": "t"}));
    stand.call(&Call::page(&bought));
    stand.call(&Call::server(&bought));
    let kept = stand.events();
    assert_eq!((kept[0].value, kept[0].transaction), (None, None));
    assert!(kept[1].value.is_some() && kept[1].transaction.is_some());
    let ids = stand.ids();
    assert_ne!(ids[0], ids[1], "the browser's does not stand for the server's");
}

#[test]
fn the_same_event_has_the_same_id_however_often_it_is_sent() {
    let stand = Stand::new();
    let id_of = |more: Value| {
        stand.call(&Call::server(&event(more)));
        *stand.ids().last().expect("kept")
    };
    let named = id_of(json!({"event_id": "e1"}));
    assert_eq!(named, id_of(json!({"event_id": "e1", "value": 5, "time": NOW.0 - 9})));
    assert_ne!(named, id_of(json!({"event_id": "e2"})));
    assert_ne!(named, id_of(json!({"event": "purchase", "event_id": "e1"})));
    let bought = id_of(json!({"event": "purchase", "transaction_id": "t1", "value": 1}));
    assert_eq!(bought, id_of(json!({"event": "Purchase", "order_id": "t1", "value": 2})));
    let with_both = json!({"event": "purchase", "transaction_id": "t1", "event_id": "e9"});
    assert_eq!(bought, id_of(with_both), "whatever page and server call it");
    let back = |id: &str| json!({"event": "refund", "transaction_id": "t1", "event_id": id});
    assert_ne!(id_of(back("r1")), id_of(back("r2")), "given back in two parts");
    assert_ne!(bought, id_of(json!({"event": "refund", "transaction_id": "t1"})));
    assert_ne!(bought, named);
    let content = id_of(json!({"time": NOW.0 - 9, "items": ["a", "b"]}));
    assert_eq!(content, id_of(json!({"items": ["a", "b"], "time": NOW.0 - 9})));
    for other in [
        json!({"time": NOW.0 - 8, "items": ["a", "b"]}),
        json!({"time": NOW.0 - 9, "items": ["ab"]}),
        json!({"time": NOW.0 - 9, "items": ["a", "b"], "value": 1}),
        json!({"time": NOW.0 - 9, "items": ["a", "b"], "ids": {"ifa": "x"}}),
        json!({"time": NOW.0 - 9, "items": ["a", "b"], "session_id": "s"}),
    ] {
        assert_ne!(content, id_of(other));
    }
    let cart = "add_to_cart".to_owned();
    assert!(stand.segments(UserKey::new("buyeruid", "u1")).contains(&cart));
}
