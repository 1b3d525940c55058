//! Slow and rude clients: each is cut within its deadline and a second, and nobody else notices.

use crate::support::{Client, PATIENCE, Shell, TOKEN, get, loopback_config, post};
use std::io::Write;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_millis(500);
/// What the watchdog may add: two of its periods, and a loaded machine's delay.
const GRACE: Duration = Duration::from_secs(1);
/// By how much a client may measure less than the server waited: it starts its watch later.
const SLACK: Duration = Duration::from_millis(50);

fn impatient() -> Shell {
    let mut config = loopback_config();
    for limits in [&mut config.bid_limits, &mut config.notices_limits, &mut config.admin_limits] {
        limits.first_byte = DEADLINE;
        limits.head = DEADLINE;
        limits.body = DEADLINE;
        limits.write = DEADLINE;
        limits.idle = 4 * DEADLINE;
    }
    Shell::with(&config)
}

/// Sends `opening`, then `drip` every 50 ms, until the server closes; how long that took.
fn dribble(mut client: Client, opening: &[u8], drip: &[u8]) -> Duration {
    let started = Instant::now();
    client.send(opening);
    let pause = Some(Duration::from_millis(50));
    client.stream.set_read_timeout(pause).expect("a plain socket");
    while started.elapsed() < PATIENCE {
        let mut byte = [0];
        match client.stream.peek(&mut byte) {
            Ok(0) => return started.elapsed(),
            Ok(_) => panic!("the server answered a request that never ended"),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return started.elapsed(),
        }
        if !drip.is_empty() && client.stream.write_all(drip).is_err() {
            return started.elapsed();
        }
    }
    panic!("never closed");
}

#[test]
fn slow_clients_of_every_shape_are_cut_while_others_are_served() {
    let shell = impatient();
    let body_head = b"POST /openrtb2/adx HTTP/1.1\r\nhost: a\r\ncontent-length: 9000\r\n\r\n";
    let chunked_head =
        b"POST /openrtb2/adx HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let shapes: [(&str, &[u8], &[u8]); 7] = [
        ("silent", b"", b""),
        ("one byte", b"P", b""),
        ("part of a head", b"POST /openrtb2/adx HTTP/1.1\r\nho", b""),
        ("dribbled head", b"POST /openrtb2/adx HTTP/1.1\r\nx: ", b"y"),
        ("part of a body", body_head, b""),
        ("dribbled body", body_head, b"z"),
        ("dribbled chunks", chunked_head, b"1\r\nz\r\n"),
    ];
    let addresses = shell.running.addresses();
    std::thread::scope(|scope| {
        for (name, opening, drip) in shapes {
            for address in [addresses.bid, addresses.notices] {
                let notice = String::from_utf8_lossy(opening).replace("openrtb2/adx", "n/win/t");
                scope.spawn(move || {
                    let opening =
                        if address == addresses.bid { opening } else { notice.as_bytes() };
                    let took = dribble(Client::to(address), opening, drip);
                    assert!(took + SLACK >= DEADLINE, "{name}: cut after {took:?}");
                    assert!(took <= DEADLINE + GRACE, "{name}: cut only after {took:?}");
                });
            }
        }
        let mut good = shell.bid_client();
        let until = Instant::now() + DEADLINE + GRACE;
        while Instant::now() < until {
            assert_eq!(good.bid("fine").body, b"fine");
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    // On each public port: one silent client, three stuck in the head, three in the body.
    for (deadline, count) in [("first_byte", 2), ("head", 6), ("body", 6)] {
        let name = "homing_connections_ended_total";
        shell.await_metric(&format!("{name}{{deadline=\"{deadline}\"}} {count}"));
    }
}

#[test]
fn a_client_that_never_reads_its_reply_is_cut() {
    let shell = impatient();
    let mut client = shell.bid_client();
    let started = Instant::now();
    client.send(post("/openrtb2/adx", "", b"huge"));
    shell.await_metric("homing_connections_ended_total{deadline=\"write\"} 1");
    let took = started.elapsed();
    assert!(took + SLACK >= DEADLINE && took <= DEADLINE + GRACE + GRACE, "{took:?}");
}

#[test]
fn a_client_that_reads_a_large_reply_gets_all_of_it() {
    let shell = impatient();
    assert_eq!(shell.bid_client().bid("huge").body.len(), crate::support::HUGE_REPLY_BYTES);
}

#[test]
fn an_idle_connection_outlives_the_head_deadline_and_ends_at_its_own() {
    let shell = impatient();
    let mut client = shell.bid_client();
    for _ in 0..2 {
        assert_eq!(client.bid("a").status, 200);
        std::thread::sleep(3 * DEADLINE);
    }
    assert_eq!(client.bid("a").status, 200, "still open after twice three head deadlines");
    let idle = client.closed_after();
    assert!(idle + SLACK >= 4 * DEADLINE && idle <= 4 * DEADLINE + GRACE, "{idle:?}");
}

#[test]
fn work_of_ours_is_not_held_against_the_client() {
    let shell = impatient();
    let headers = format!("authorization: Bearer {TOKEN}\r\n");
    let started = Instant::now();
    assert_eq!(shell.admin_client().ask(get("/api/v1/slower", &headers)).status, 200);
    assert!(started.elapsed() > 2 * DEADLINE, "it took longer than the deadlines");
}

#[test]
fn heads_are_bounded_in_count_and_size() {
    let shell = Shell::start();
    let many = "x: y\r\n".repeat(101);
    assert_eq!(shell.bid_client().ask(get("/n/win/t", &many)).status, 431);
    let large = format!("x: {}\r\n", "y".repeat(64 * 1024));
    assert_eq!(shell.bid_client().ask(get("/n/win/t", &large)).status, 431);
    assert_eq!(shell.bid_client().ask("not http at all\r\n\r\n").status, 400);
    let lying = "POST /n/win/t HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n";
    assert_eq!(shell.bid_client().ask(lying).status, 400);
}

#[test]
fn a_head_byte_by_byte_is_answered_and_what_is_no_http_is_refused_without_waiting_for_one() {
    let shell = Shell::start();
    let mut client = shell.bid_client();
    for byte in post("/openrtb2/adx", "", b"in drops") {
        client.send([byte]);
    }
    assert_eq!(client.reply().body, b"in drops");
    assert_eq!(client.bid("again").body, b"again");
    assert_eq!(shell.bid_client().ask(b"\x16\x03\x01\x02\x00\x01").status, 400);
}

#[test]
fn a_client_that_leaves_within_a_body_harms_nobody() {
    let shell = Shell::start();
    for _ in 0..20 {
        let mut client = shell.bid_client();
        client.send("POST /openrtb2/adx HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc");
    }
    assert_eq!(shell.bid_client().bid("fine").body, b"fine");
    for worker in 0..2 {
        shell.await_metric(&format!("homing_connections{{port=\"bid\",worker=\"{worker}\"}} 0"));
    }
}
