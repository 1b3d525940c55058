//! Bid requests: keep-alive, pipelining, encodings, refusals, panics.

use crate::support::{Shell, TOKEN, get, gzip, loopback_config, post};
use homing::server::ConnectionLimits;
use homing::server::service::Refusal;
use std::net::Shutdown;
use std::time::Duration;

#[test]
fn one_connection_carries_many_requests() {
    let shell = Shell::start();
    let mut client = shell.bid_client();
    for number in 0..300 {
        let body = format!("{{\"n\":{number}}}");
        let reply = client.bid(&body);
        assert_eq!((reply.status, reply.body), (200, body.into_bytes()));
    }
    assert_eq!(client.bid("count").body, b"301", "on one worker, with one scratch");
}

#[test]
fn a_bid_carries_its_type_its_version_and_its_length() {
    let shell = Shell::start();
    let reply = shell.bid_client().bid("hello");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-openrtb-version"), Some("2.6"));
    assert_eq!(reply.header("content-length"), Some("5"));
    let nothing = shell.bid_client().bid("");
    assert_eq!((nothing.status, nothing.header("content-length")), (200, Some("0")));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let shell = Shell::start();
    let mut client = shell.bid_client();
    let bodies: Vec<String> = (0..50).map(|number| format!("request {number}")).collect();
    let all: Vec<u8> =
        bodies.iter().flat_map(|body| post("/openrtb2/adx", "", body.as_bytes())).collect();
    client.send(all);
    for body in bodies {
        assert_eq!(client.reply().body, body.as_bytes());
    }
}

#[test]
fn each_answer_of_the_bidder_has_its_status() {
    let shell = Shell::start();
    let mut client = shell.bid_client();
    assert_eq!(client.bid("none").status, 204);
    let bad = client.bid("bad");
    assert_eq!((bad.status, bad.body.as_slice()), (400, b"".as_slice()));
    assert_eq!(client.ask(post("/openrtb2/unknown", "", b"x")).status, 404);
    assert_eq!(client.bid("none").status, 204, "the connection is still good");
}

#[test]
fn a_body_may_come_in_chunks_and_in_pieces() {
    let shell = Shell::start();
    let mut client = shell.bid_client();
    let head = "POST /openrtb2/adx HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let reply = client.ask(format!("{head}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
    assert_eq!(reply.body, b"abcde");
    let large = vec![b'y'; 100_000];
    let request = post("/openrtb2/adx", "", &large);
    let (first, second) = request.split_at(5_000);
    client.send(first);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(client.ask(second).body, large);
}

#[test]
fn gzip_is_unpacked_by_header_and_by_query() {
    let shell = Shell::start();
    let mut client = shell.bid_client();
    let packed = gzip(b"{\"id\":\"1\"}");
    let by_header = post("/openrtb2/adx", "content-encoding: gzip\r\n", &packed);
    assert_eq!(client.ask(by_header).body, b"{\"id\":\"1\"}");
    let by_query = post("/openrtb2/adx?gzip=1", "content-type: text/plain\r\n", &packed);
    assert_eq!(client.ask(by_query).body, b"{\"id\":\"1\"}");
    let kind = post("/openrtb2/adx?gzip=1", "content-type: text/plain\r\n", &gzip(b"kind"));
    assert_eq!(client.ask(kind).body, b"text");
}

#[test]
fn bad_gzip_is_400_and_a_bomb_is_413() {
    let shell = Shell::start();
    let ask = |body: &[u8]| {
        shell.bid_client().ask(post("/openrtb2/adx", "content-encoding: gzip\r\n", body)).status
    };
    assert_eq!(ask(b"not gzip"), 400);
    assert_eq!(ask(&gzip(&gzip(b"twice"))), 415);
    let bomb = gzip(&vec![b' '; 16 * 1024 * 1024]);
    assert!(bomb.len() < 64 * 1024, "the bomb itself is within the limit");
    assert_eq!(ask(&bomb), 413);
    let mut client = shell.bid_client();
    let by_query = post("/openrtb2/adx?gzip=1", "content-type: text/plain\r\n", &bomb);
    assert_eq!(client.ask(by_query).status, 413);
    client.closed_after();
    let too_large = Refusal::TooLarge;
    let refused = [Refusal::BadGzip, Refusal::UnknownEncoding, too_large, too_large];
    assert_eq!(shell.refusals(), refused);
}

#[test]
fn unknown_paths_methods_and_encodings_are_refused() {
    let shell = Shell::start();
    let ask = |request: Vec<u8>| shell.bid_client().ask(request);
    assert_eq!(ask(post("/openrtb2/adx/extra", "", b"x")).status, 404);
    let get = ask(get("/openrtb2/adx", "").into_bytes());
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    for encoding in ["br", "gzip, gzip", "deflate"] {
        let headers = format!("content-encoding: {encoding}\r\n");
        assert_eq!(ask(post("/openrtb2/adx", &headers, b"x")).status, 415, "{encoding}");
    }
    assert_eq!(shell.refusals()[..2], [Refusal::NotFound, Refusal::MethodNotAllowed]);
}

#[test]
fn a_body_above_the_limit_is_413_and_closes() {
    let shell = Shell::start();
    let limit = ConnectionLimits::default().body_bytes_max;
    assert_eq!(shell.bid_client().bid(vec![b'x'; limit]).status, 200, "the limit itself fits");

    // Announced: refused before a byte of it is sent.
    let mut client = shell.bid_client();
    let head = "POST /openrtb2/adx HTTP/1.1\r\nhost: a\r\ncontent-length: 1048576\r\n\r\n";
    assert_eq!(client.ask(head).status, 413);
    client.closed_after();

    // Not announced: refused as soon as it is known.
    let mut client = shell.bid_client();
    client.send("POST /openrtb2/adx HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    client.send(format!("{:x}\r\n{}", limit + 1, "x".repeat(limit + 1)));
    assert_eq!(client.reply().status, 413);
    client.closed_after();
}

#[test]
fn a_413_reaches_a_client_that_is_still_sending() {
    let shell = Shell::start();
    let mut client = shell.bid_client();
    client.send("POST /openrtb2/adx HTTP/1.1\r\nhost: a\r\ncontent-length: 1048576\r\n\r\n");
    for _ in 0..4 {
        // A socket closed with unread bytes resets the connection, and sending would fail.
        std::thread::sleep(Duration::from_millis(30));
        client.send(vec![b'x'; 10_000]);
    }
    assert_eq!(client.reply().status, 413);
}

#[test]
fn a_full_worker_sheds_without_closing() {
    let mut config = loopback_config();
    config.bid_limits.held_body_bytes_max = 10;
    let shell = Shell::with(&config);
    let mut client = shell.bid_client();
    assert_eq!(client.bid("0123456789").status, 200);
    assert_eq!(client.bid("0123456789x").status, 204);
    assert_eq!(client.bid("0123456789").status, 200, "same connection, room again");
    assert_eq!(shell.refusals(), [Refusal::Shed]);
}

#[test]
fn a_panic_costs_one_request() {
    let shell = Shell::start();
    let mut client = shell.bid_client();
    assert_eq!(client.bid("count").body, b"1");
    assert_eq!(client.bid("panic").status, 204);
    assert_eq!(client.bid("count").body, b"1", "same connection and worker, a fresh scratch");
    assert_eq!(shell.refusals(), [Refusal::Panic]);
}

#[test]
fn a_client_that_shuts_its_side_still_gets_its_answer() {
    let shell = Shell::start();
    let slow = get("/api/v1/slow", &format!("authorization: Bearer {TOKEN}\r\n"));
    for (mut client, request) in [
        (shell.bid_client(), post("/openrtb2/adx", "", b"last words")),
        (shell.admin_client(), slow.into_bytes()),
    ] {
        client.send(request);
        client.stream.shutdown(Shutdown::Write).expect("a plain socket");
        assert_eq!(client.reply().status, 200);
        client.closed_after();
    }
}

#[test]
fn expect_continue_is_honoured() {
    let shell = Shell::start();
    let mut client = shell.bid_client();
    client.send("POST /openrtb2/adx HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n");
    client.send("content-length: 2\r\n\r\n");
    let mut interim = [0; 25];
    std::io::Read::read_exact(&mut client.stream, &mut interim).expect("an interim reply");
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(client.ask("ok").body, b"ok");
}

#[test]
fn pages_of_configured_origins_may_call_and_no_others() {
    let shell = Shell::start();
    let mut client = shell.bid_client();
    let call = |origin: &str| {
        post(
            "/openrtb2/adx",
            &format!("origin: {origin}\r\ncontent-type: text/plain\r\n"),
            b"hello",
        )
    };
    let allowed = client.ask(call("https://news.example"));
    assert_eq!((allowed.status, allowed.body.as_slice()), (200, b"hello".as_slice()));
    let header = |name| allowed.header(name);
    assert_eq!(header("access-control-allow-origin"), Some("https://news.example"));
    assert_eq!(header("access-control-allow-credentials"), Some("true"));
    for stranger in ["https://evil.example", "https://news.example.evil", "null", "*"] {
        let reply = client.ask(call(stranger));
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, None));
    }
    let preflight = |origin: &str| {
        format!(
            "OPTIONS /openrtb2/adx HTTP/1.1\r\nhost: a\r\norigin: {origin}\r\n\
             access-control-request-method: POST\r\n\r\n"
        )
    };
    let granted = client.ask(preflight("https://news.example").into_bytes());
    assert_eq!(
        (granted.status, granted.header("access-control-allow-methods")),
        (204, Some("POST"))
    );
    assert_eq!(client.ask(preflight("https://evil.example").into_bytes()).status, 405);
}
