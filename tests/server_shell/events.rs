//! Events, pixel and opt-out through real sockets: what the shell does before and after
//! whoever takes them in.

use crate::support::{Client, FakeEvents, PATIENCE, Shell, get, gzip, loopback_config, post};
use homing::server::events::{EventAnswer, EventBody};
use homing::server::service::{HeaderValue, StatusCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A shell whose collector says what it was called with.
fn shell() -> Shell {
    Shell::with_events(&loopback_config(), Some(Arc::new(FakeEvents)))
}

#[test]
fn events_are_taken_on_both_public_ports() {
    let shell = shell();
    let addresses = shell.running.addresses();
    for address in [addresses.bid, addresses.notices] {
        let reply = Client::to(address).ask(post(
            "/events?a=b",
            "origin: https://shop.example\r\n",
            b"hello",
        ));
        let told = String::from_utf8(reply.body.clone()).expect("a text");
        assert_eq!((reply.status, told.as_str()), (200, "Events POST a=b 5 json 127.0.0.1"));
        assert_eq!(reply.header("access-control-allow-origin"), Some("https://shop.example"));
        assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(reply.header("vary"), Some("origin"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let pixel = Client::to(address).ask(get("/px.gif?x", ""));
        assert_eq!((pixel.status, pixel.header("content-type")), (200, Some("image/gif")));
        assert!(pixel.body.starts_with(b"GIF89a"));
        let cookies: Vec<_> =
            pixel.head.lines().filter(|line| line.starts_with("set-cookie")).collect();
        assert_eq!(cookies, ["set-cookie: a=1", "set-cookie: b=2"]);
        let page = Client::to(address).ask(get("/optout", ""));
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=utf-8"))
        );
        let later = Client::to(address).ask(post("/events", "", b"later"));
        assert_eq!((later.status, later.header("retry-after")), (503, Some("1")));
    }
    assert_eq!(Client::to(addresses.admin).ask(post("/events", "", b"x")).status, 404);
}

#[test]
fn a_preflight_is_answered_with_what_may_be_sent() {
    let shell = shell();
    let asks = "OPTIONS /events HTTP/1.1\r\nhost: a\r\norigin: https://shop.example\r\n\r\n";
    let reply = shell.notices_client().ask(asks);
    assert_eq!((reply.status, reply.header("access-control-allow-methods")), (204, Some("POST")));
    assert_eq!(reply.header("access-control-allow-headers"), Some("content-type, authorization"));
    assert!(reply.header("allow").is_none());
}

#[test]
fn bodies_are_unpacked_and_bounded() {
    let mut config = loopback_config();
    config.notices_limits.body_bytes_max = 1_000;
    let shell = Shell::with_events(&config, Some(Arc::new(FakeEvents)));
    let mut client = shell.notices_client();
    let packed = post("/events", "content-encoding: gzip\r\n", &gzip(&[b' '; 900]));
    assert_eq!(client.ask(packed).body, b"Events POST  900 json 127.0.0.1");
    let bomb = post("/events", "content-encoding: gzip\r\n", &gzip(&[b' '; 2_000]));
    assert_eq!(shell.notices_client().ask(bomb).status, 413);
    let large = post("/events", "", &[b' '; 1_001]);
    assert_eq!(shell.notices_client().ask(large).status, 413);
    let strange = post("/events", "content-encoding: br\r\n", b"x");
    assert_eq!(shell.notices_client().ask(strange).status, 415);
    let broken = post("/events", "content-encoding: gzip\r\n", b"x");
    assert_eq!(shell.notices_client().ask(broken).status, 400);
}

#[test]
fn a_slow_log_ends_no_connection_and_delays_no_other() {
    let mut config = loopback_config();
    config.notices_limits.body = Duration::from_millis(250);
    let shell = Shell::with_events(&config, Some(Arc::new(FakeEvents)));
    let mut slow = shell.notices_client();
    let began = Instant::now();
    slow.send(post("/events", "", b"slow"));
    assert_eq!(shell.notices_client().ask(post("/events", "", b"x")).status, 200);
    assert_eq!(slow.reply().status, 200, "waiting for the log is no fault of the client");
    assert!(began.elapsed() >= FakeEvents::SLOW && began.elapsed() < PATIENCE);
}

#[test]
fn where_nobody_takes_events_there_is_nothing() {
    let shell = Shell::start();
    for path in ["/events", "/px.gif", "/optout"] {
        assert_eq!(shell.notices_client().ask(post(path, "", b"{}")).status, 404, "{path}");
        assert_eq!(shell.bid_client().ask(get(path, "")).status, 404, "{path}");
    }
}

/// What [`FakeEvents`] answers to these bodies.
pub(crate) fn answer_to(body: &[u8], told: String) -> EventAnswer {
    let origin = Some(HeaderValue::from_static("https://shop.example"));
    match body {
        b"later" => EventAnswer {
            retry_after_s: Some(1),
            ..EventAnswer::new(StatusCode::SERVICE_UNAVAILABLE, EventBody::Text("later\n"))
        },
        _ => EventAnswer {
            origin,
            ..EventAnswer::new(StatusCode::OK, EventBody::Json(told.into_bytes()))
        },
    }
}
