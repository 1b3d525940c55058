//! Who may send, how often, and what is answered.

use super::*;
use proptest::prelude::*;

#[test]
fn without_consent_nothing_is_kept_and_no_cookie_is_set() {
    let stand = Stand::new();
    for call in [
        Call::page(&event(json!({"gdpr": 1}))),
        Call::page(&event(json!({"gdpr": 1, "gdpr_consent": "CPX"}))),
        Call::page(&event(json!({"coppa": 1}))),
        Call::page(&event(json!({"us_privacy": "1YYN"}))),
        Call::page(&event(json!({}))).with(HeaderName::from_static("sec-gpc"), "1"),
        Call::page(&event(json!({}))).with(HeaderName::from_static("dnt"), "1"),
    ] {
        let answer = stand.call(&call);
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", call.body);
        assert_eq!(told(&answer)["no_consent"], 1, "{}", call.body);
        assert!(answer.cookies.is_empty(), "{}", call.body);
    }
    let pixel = stand.call(&Call::pixel("shop=acme&event=page_view&gdpr=1"));
    assert_eq!((pixel.status, &pixel.body), (StatusCode::ACCEPTED, &EventBody::Pixel));
    assert!(pixel.cookies.is_empty() && stand.events().is_empty());
    assert_eq!(stand.counted(EventOutcome::NoConsent), 7);
    // What a server's own headers say is nothing of the person.
    let server = Call::server(&event(json!({}))).with(HeaderName::from_static("dnt"), "1");
    assert_eq!(stand.call(&server).status, StatusCode::OK);
}

#[test]
fn a_browser_is_given_an_id_and_known_by_it() {
    let stand = Stand::new();
    let pixel = "shop=acme&event=view_item&items=shoe&value=9.50&currency=EUR";
    let first = stand.call(&Call::pixel(pixel));
    assert_eq!((first.status, &first.body), (StatusCode::OK, &EventBody::Pixel));
    let cookie = set_cookie(&first).expect("a cookie");
    let id = cookie.strip_prefix("homing_id=").expect("ours");
    assert_eq!(stand.events()[0].keys[..], [UserKey::new(HOMING_SPACE, id)]);
    let page = Call::page(&event(json!({}))).with(COOKIE, &cookie);
    let second = stand.call(&page);
    assert!(second.cookies.is_empty(), "it has one already");
    let expected = [UserKey::new(HOMING_SPACE, id), UserKey::new("buyeruid", "u1")];
    assert_eq!(stand.events()[1].keys[..], expected);
    let forged = event(json!({"ids": {"homing": id}}));
    assert_eq!(told(&stand.call(&Call::page(&forged)))["refused"][0]["field"], "ids");
    assert_eq!(stand.call(&Call::server(&forged)).status, StatusCode::OK, "the server may");
}

#[test]
fn who_opted_out_is_not_followed_and_nobody_bids_for_them() {
    let stand = Stand::new();
    let first = stand.call(&Call::pixel("shop=acme&event=add_to_cart"));
    let cookie = set_cookie(&first).expect("a cookie");
    let key = stand.events()[0].keys[0];
    assert_eq!(stand.segments(key), ["add_to_cart", "engaged"]);
    let out = Call::new(EventRoute::OptOut, Method::GET).with(COOKIE, &cookie);
    let answer = stand.call(&out);
    assert_eq!(answer.status, StatusCode::OK);
    assert!(matches!(answer.body, EventBody::Html(page) if page.contains("opted out")));
    assert!(stand.log.overlay.is_opted_out(key) && stand.segments(key).is_empty());
    let set: Vec<_> = answer.cookies.iter().filter_map(|one| one.to_str().ok()).collect();
    assert!(set[0].starts_with("homing_optout=1;") && set[1].starts_with("homing_id=; Max-Age=0"));
    let later = Call::page(&event(json!({}))).with(COOKIE, "homing_optout=1");
    let answer = stand.call(&later);
    assert_eq!((answer.status, &told(&answer)["opted_out"]), (StatusCode::ACCEPTED, &json!(1)));
    assert!(answer.cookies.is_empty());
    // Without a cookie there is nobody to be marked, but the choice is kept.
    let stranger = stand.call(&Call::new(EventRoute::OptOut, Method::POST));
    assert_eq!((stranger.status, stranger.cookies.len()), (StatusCode::OK, 2));
    assert_eq!(stand.log.events.lock().len(), 2);
    // Where the log cannot know yet, the id stays, to be told again.
    *stand.log.state.lock() = State::Closed;
    let later = stand.call(&out);
    assert_eq!((later.status, later.cookies.len()), (StatusCode::SERVICE_UNAVAILABLE, 1));
}

#[test]
fn only_a_shop_that_takes_events_gets_any_and_only_from_its_own() {
    let stand = Stand::new();
    let named = |shop: &str| event(json!({"shop": shop}));
    for shop in ["mute", "nobody", ""] {
        let answer = stand.call(&Call::server(&named(shop)));
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{shop}");
    }
    let shopless = json!({"event": "page_view", "ids": {"a": "1"}});
    let answer = stand.call(&Call::server(&shopless));
    assert_eq!(
        (answer.status, &told(&answer)["refused"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("shop"))
    );
    let bare = Call::new(EventRoute::Events, Method::POST).body(&named("acme"));
    assert_eq!(stand.call(&bare).status, StatusCode::FORBIDDEN);
    let wrong = bare.clone().with(AUTHORIZATION, "Bearer zeta-key-0123456789");
    assert_eq!(stand.call(&wrong).status, StatusCode::UNAUTHORIZED);
    let foreign = bare.clone().with(ORIGIN, "https://zeta.example");
    let answer = stand.call(&foreign);
    assert_eq!((answer.status, answer.origin), (StatusCode::FORBIDDEN, None));
    let own = bare.with(ORIGIN, "https://pay.example");
    let answer = stand.call(&own);
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.origin, Some("https://pay.example".parse().expect("a header")));
    let strange = Call::server(&named("acme"));
    let form = Call { headers: strange.headers.clone(), ..strange }.with(CONTENT_TYPE, "image/png");
    assert_eq!(stand.call(&form).status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(stand.counted(EventOutcome::Denied), 3);
    assert_eq!(stand.counted(EventOutcome::UnknownShop), 3);
    assert_eq!(stand.events().len(), 1);
}

#[test]
fn pages_of_shops_may_ask_whether_they_may_post() {
    let stand = Stand::new();
    let asks = |origin: &str| Call::new(EventRoute::Events, Method::OPTIONS).with(ORIGIN, origin);
    let answer = stand.call(&asks("https://www.acme.example"));
    assert_eq!((answer.status, answer.allow), (StatusCode::NO_CONTENT, Some("POST")));
    assert!(answer.origin.is_some());
    for origin in ["https://mute.example", "null", "https://acme.example.evil.example"] {
        let answer = stand.call(&asks(origin));
        assert_eq!((answer.status, answer.origin), (StatusCode::FORBIDDEN, None), "{origin}");
    }
    for (route, method) in [
        (EventRoute::Events, Method::GET),
        (EventRoute::Pixel, Method::POST),
        (EventRoute::OptOut, Method::DELETE),
    ] {
        let answer = stand.call(&Call::new(route, method));
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{route:?}");
    }
}

#[test]
fn what_two_shops_take_in_stays_apart() {
    let book = book_of(&[
        ("acme", "acme_", "[advertiser.events]\nsegment_prefix = \"acme_\""),
        (
            "zeta",
            "zeta_",
            "[advertiser.events]\nsegment_prefix = \"zeta_\"\nbrowser_purchases = \"refuse\"",
        ),
    ]);
    let stand = Stand::of(book, |_| {});
    stand.call(&Call::server(&event(json!({"event": "purchase"}))));
    // The other shop's page names this shop's segment, and is its own all the same.
    let sly = json!({"shop": "zeta", "event": "acme_add_to_cart", "ids": {"buyeruid": "u1"}});
    let from_zeta = |body: &Value| {
        Call::new(EventRoute::Events, Method::POST).with(ORIGIN, "https://zeta.example").body(body)
    };
    assert_eq!(stand.call(&from_zeta(&sly)).status, StatusCode::OK);
    let key = UserKey::new("buyeruid", "u1");
    assert_eq!(stand.segments(key), ["acme_engaged", "acme_purchase"]);
    let bought = json!({"shop": "zeta", "event": "purchase", "ids": {"buyeruid": "u1"}});
    let refused = stand.call(&from_zeta(&bought));
    assert_eq!(told(&refused)["refused"][0]["field"], "event");
}

#[test]
fn nothing_is_answered_for_that_the_log_has_not() {
    for state in [State::Full, State::Closed, State::Silent, State::Unavailable] {
        let stand = Stand::new();
        *stand.log.state.lock() = state;
        let page = Call::page(&json!([event(json!({})), event(json!({"event": "purchase"}))]));
        let answer = stand.call(&page);
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.retry_after_s, Some(1));
        assert!(answer.cookies.is_empty() && answer.origin.is_some());
        assert_eq!(stand.counted(EventOutcome::LogUnavailable), 2);
        assert_eq!(stand.counted(EventOutcome::Accepted), 0);
    }
}

#[test]
fn shops_and_clients_have_rates() {
    let stand = Stand::with(|rules| rules.events_per_second_max = 4);
    let batch = json!([event(json!({})), event(json!({"event": "view_item"}))]);
    let sent = |at| stand.call_at(&Call::server(&batch), Duration::from_millis(at)).status;
    assert_eq!([sent(0), sent(0)], [StatusCode::OK; 2]);
    assert_eq!(sent(1), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(sent(500), StatusCode::OK);
    assert_eq!(stand.counted(EventOutcome::Throttled), 2);
    let stand = Stand::with(|rules| {
        rules.calls_per_second_max = 2;
        rules.client_address_header = Some(HeaderName::from_static("x-forwarded-for"));
    });
    let from = |client: &str| {
        let name = HeaderName::from_static("x-forwarded-for");
        stand.call(&Call::page(&event(json!({}))).with(name, client))
    };
    for client in ["1.1.1.1", "2.2.2.2", "9.9.9.9, 3.3.3.3", "2001:db8::1"] {
        assert_eq!(from(client).status, StatusCode::OK, "{client}");
        assert_eq!(from(client).status, StatusCode::OK, "{client}");
        let answer = from(client);
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{client}");
        assert_eq!(answer.retry_after_s, Some(1));
    }
    assert_eq!(from("2001:db8::2").status, StatusCode::TOO_MANY_REQUESTS, "the same network");
    assert_eq!(from("::ffff:1.1.1.1").status, StatusCode::TOO_MANY_REQUESTS, "the same address");
}

#[test]
fn a_person_is_forgotten_and_suppressed() {
    let stand = Stand::new();
    stand.call(&Call::server(&event(json!({}))));
    let key = UserKey::new("buyeruid", "u1");
    assert!(!stand.segments(key).is_empty());
    let erase = |path: &str, query: &str| stand.collector.erase_call(("DELETE", path, query), NOW);
    let answer = erase("/api/v1/users/u1", "space=buyeruid").expect("its path");
    assert_eq!(answer.status, StatusCode::OK);
    assert!(stand.segments(key).is_empty() && stand.log.overlay.hides(key, NOW));
    erase("/api/v1/users", "space=uidapi.com&id=a%2Bb%3D%3D").expect("its path");
    let list = std::fs::read_to_string(stand.data.path().join(SUPPRESSION_FILE)).expect("a list");
    let other = UserKey::new("uidapi.com", "a+b==");
    assert_eq!(list, format!("user:{:016x}\nuser:{:016x}\n", key.0, other.0));
    for (path, query) in [
        ("/api/v1/users/u1", ""),
        ("/api/v1/users", "space=buyeruid"),
        ("/api/v1/users/u1", "space=buyeruid&id=u2"),
        ("/api/v1/usersx", "space=buyeruid&id=u2"),
        ("/api/v1/users/", "space=buyeruid"),
    ] {
        let answer = erase(path, query).expect("its path");
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}?{query}");
    }
    assert_eq!(stand.collector.erase_call(("GET", "/api/v1/users/u1", "space=a"), NOW), None);
    assert_eq!(erase("/api/v1/status", ""), None);
    *stand.log.state.lock() = State::Closed;
    let failed = erase("/api/v1/users/u1", "space=buyeruid").expect("its path");
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
}

proptest! {
    #[test]
    fn whatever_is_sent_is_answered(body in "\\PC{0,200}", query in "[a-z.=&%0-9]{0,60}") {
        let stand = Stand::new();
        let call = Call { query: format!("shop=acme&{query}"), body, ..Call::server(&json!(1)) };
        let status = stand.call(&call).status;
        prop_assert!(status.is_success() || status.is_client_error(), "{}", status);
        let pixel = stand.call(&Call::pixel(&format!("shop=acme&event=page_view&{query}"))).status;
        prop_assert!(pixel.is_success() || pixel.is_client_error(), "{}", pixel);
    }
}
