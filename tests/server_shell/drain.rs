//! The end of a server: what is in flight is answered, and it ends.

use crate::support::{PATIENCE, Shell, get, loopback_config, post};
use homing::server::{DrainLimits, Outcome};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

#[test]
fn a_drain_answers_what_is_in_flight_and_closes_what_is_idle() {
    let shell = Shell::start();
    let mut idle = shell.bid_client();
    assert_eq!(idle.bid("a").status, 200);
    let mut busy = shell.bid_client();
    busy.send(post("/openrtb2/adx", "", b"slow"));
    std::thread::sleep(Duration::from_millis(100));
    let address = shell.running.addresses().bid;
    let started = Instant::now();
    shell.running.shutdown();
    assert_eq!(busy.reply().status, 200);
    idle.closed_after();
    drop((idle, busy));
    assert_eq!(shell.running.wait().expect("no thread panicked"), Outcome::Drained);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn a_body_that_is_still_coming_when_the_drain_starts_is_answered() {
    let shell = Shell::start();
    let mut client = shell.bid_client();
    client.send("POST /openrtb2/adx HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab");
    let mut head = shell.bid_client();
    assert_eq!(head.bid("an earlier request").status, 200);
    head.send("POST /openrtb2/adx HTTP/1.1\r\nhost: a\r\ncontent-le");
    std::thread::sleep(Duration::from_millis(100));
    shell.running.shutdown();
    std::thread::sleep(Duration::from_millis(100));
    let reply = client.ask("cd");
    assert_eq!((reply.header("connection"), reply.body.as_slice()), (Some("close"), &b"abcd"[..]));
    let reply = head.ask("ngth: 2\r\n\r\nef");
    assert_eq!((reply.header("connection"), reply.body.as_slice()), (Some("close"), &b"ef"[..]));
    drop((client, head));
    assert_eq!(shell.running.wait().expect("no thread panicked"), Outcome::Drained);
}

#[test]
fn connections_in_the_backlog_when_the_drain_starts_are_answered() {
    let mut config = loopback_config();
    config.workers = NonZeroUsize::MIN;
    let shell = Shell::with(&config);
    let mut busy = shell.bid_client();
    busy.send(post("/openrtb2/adx", "", b"slow"));
    std::thread::sleep(Duration::from_millis(100));
    // The only worker is deciding: these two are not accepted before the drain starts.
    let (mut late, mut later) = (shell.bid_client(), shell.bid_client());
    late.send(post("/openrtb2/adx", "", b"late"));
    shell.running.shutdown();
    assert_eq!(busy.reply().status, 200);
    std::thread::sleep(Duration::from_millis(20));
    later.send(post("/openrtb2/adx", "", b"late"));
    for client in [&mut late, &mut later] {
        let reply = client.reply();
        assert_eq!(reply.header("connection"), Some("close"));
        assert_eq!(reply.body, b"late");
    }
    drop((busy, late, later));
    assert_eq!(shell.running.wait().expect("no thread panicked"), Outcome::Drained);
}

#[test]
fn readiness_fails_before_the_listeners_close() {
    let mut config = loopback_config();
    config.drain = DrainLimits { delay: Duration::from_millis(600), drain: PATIENCE };
    let shell = Shell::with(&config);
    let mut admin = shell.admin_client();
    assert_eq!(admin.ask(get("/readyz", "")).status, 200);
    shell.running.shutdown();
    std::thread::sleep(Duration::from_millis(100));
    let unready = admin.ask(get("/readyz", ""));
    assert_eq!((unready.status, unready.body), (503, b"the server is draining\n".to_vec()));
    assert_eq!(admin.ask(get("/healthz", "")).status, 200);
    assert_eq!(shell.bid_client().bid("new").body, b"new", "still accepting within the delay");
    drop(admin);
    assert_eq!(shell.running.wait().expect("no thread panicked"), Outcome::Drained);
}

#[test]
fn a_request_that_never_ends_is_cut_at_the_limit() {
    let mut config = loopback_config();
    config.bid_limits.body = PATIENCE;
    config.drain = DrainLimits { delay: Duration::ZERO, drain: Duration::from_millis(300) };
    let shell = Shell::with(&config);
    let mut stuck = shell.bid_client();
    stuck.send("POST /openrtb2/adx HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nab");
    std::thread::sleep(Duration::from_millis(100));
    let started = Instant::now();
    shell.running.shutdown();
    assert_eq!(shell.running.wait().expect("no thread panicked"), Outcome::CutByDeadline);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    stuck.closed_after();
}

#[test]
fn the_second_signal_ends_at_once() {
    let mut config = loopback_config();
    config.drain = DrainLimits { delay: 12 * PATIENCE, drain: PATIENCE };
    config.end_on_signals = true;
    let shell = Shell::with(&config);
    let terminate = || {
        let pid = std::process::id().to_string();
        let status = std::process::Command::new("kill").args(["-TERM", &pid]).status();
        assert!(status.expect("kill is everywhere").success());
    };
    terminate();
    let until = Instant::now() + PATIENCE;
    while shell.admin_client().ask(get("/readyz", "")).status != 503 {
        assert!(Instant::now() < until, "the signal starts the drain");
    }
    let started = Instant::now();
    terminate();
    assert_eq!(shell.running.wait().expect("no thread panicked"), Outcome::CutByRequest);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}
