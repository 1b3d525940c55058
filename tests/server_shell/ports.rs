//! Which port answers what: notices on both public ports, operations on the admin port only.

use crate::support::{Client, PATIENCE, Shell, TOKEN, get, gzip, loopback_config, post};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fn authorized() -> String {
    format!("authorization: Bearer {TOKEN}\r\n")
}

fn status(address: SocketAddr, request: impl AsRef<[u8]>) -> u16 {
    Client::to(address).ask(request).status
}

#[test]
fn notices_are_answered_on_both_public_ports() {
    let shell = Shell::start();
    let addresses = shell.running.addresses();
    for address in [addresses.bid, addresses.notices] {
        for kind in ["win", "bill", "loss"] {
            let path = format!("/n/{kind}/token?p=1.5");
            assert_eq!(status(address, get(&path, "")), 204);
            assert_eq!(status(address, post(&path, "", b"ignored")), 204);
        }
        let view = Client::to(address).ask(get("/n/view/token", ""));
        assert_eq!((view.status, view.header("content-type")), (200, Some("image/gif")));
        assert!(view.body.starts_with(b"GIF89a") && view.body.len() == 42);
        assert_eq!(view.header("cache-control"), Some("no-store"));
        let click = Client::to(address).ask(get("/n/click/token?a=b", ""));
        assert_eq!(click.status, 302);
        assert_eq!(click.header("location"), Some("https://shop.example/?a=b"));
        assert_eq!(status(address, get("/n/win/forged", "")), 403);
        assert_eq!(status(address, get("/n/win/panic", "")), 500);
        assert_eq!(status(address, get("/n/won/token", "")), 404);
        let wrong = Client::to(address).ask("DELETE /n/win/token HTTP/1.1\r\nhost: a\r\n\r\n");
        assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, POST")));
    }
}

#[test]
fn no_route_answers_on_a_port_that_is_not_its_own() {
    let shell = Shell::start();
    let addresses = shell.running.addresses();
    let admin_paths = [
        "/healthz",
        "/readyz",
        "/metrics",
        "/console",
        "/api/v1/status",
        "/api/v1/reload",
        "//api/v1/status",
        "/%61pi/v1/status",
        "/n/../metrics",
        "/n/win/%2e%2e/%2e%2e/metrics",
        "/openrtb2/../healthz",
        "http://a/metrics",
    ];
    for path in admin_paths {
        for address in [addresses.bid, addresses.notices] {
            let found = status(address, get(path, &authorized()));
            assert_eq!(found, 404, "{path} on {address}");
            let found = status(address, post(path, &authorized(), b"{}"));
            assert_eq!(found, 404, "POST {path} on {address}");
        }
    }
    for path in ["/openrtb2/adx", "/n/win/token"] {
        assert_eq!(status(addresses.admin, post(path, &authorized(), b"x")), 404, "{path}");
    }
    assert_eq!(status(addresses.notices, post("/openrtb2/adx", "", b"x")), 404);
}

#[test]
fn the_admin_port_guards_what_tells_more_than_alive_and_ready() {
    let shell = Shell::start();
    let admin = shell.running.addresses().admin;
    assert_eq!(status(admin, get("/healthz", "")), 200);
    assert_eq!(status(admin, get("/readyz", "")), 200);
    assert_eq!(status(admin, get("/console", "")), 200);
    assert_eq!(status(admin, get("/console/none", "")), 404);
    for path in ["/metrics", "/api/v1/status"] {
        let refused = Client::to(admin).ask(get(path, ""));
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.header("www-authenticate").is_some_and(|how| how.starts_with("Bearer")));
        assert_eq!(status(admin, get(path, "authorization: Bearer wrong\r\n")), 401);
        assert_eq!(status(admin, get(path, "authorization: Basic s3cret\r\n")), 401);
        assert_eq!(status(admin, get(path, &authorized())), 200);
    }
    for path in ["//api/v1/status", "/api/v1/%2e%2e", "/api/v1/", "/metrics/", "/none"] {
        assert_eq!(status(admin, get(path, &authorized())), 404, "{path}");
    }
}

#[test]
fn without_a_configured_token_the_guarded_routes_are_closed() {
    let shell = Shell::with_token(&loopback_config(), None);
    let admin = shell.running.addresses().admin;
    for headers in ["", "authorization: Bearer \r\n", "authorization: Bearer x\r\n"] {
        assert_eq!(status(admin, get("/metrics", headers)), 403);
        assert_eq!(status(admin, get("/api/v1/status", headers)), 403);
    }
    assert_eq!(status(admin, get("/healthz", "")), 200);
}

#[test]
fn admin_calls_carry_method_path_query_and_body() {
    let shell = Shell::start();
    let admin = shell.running.addresses().admin;
    let reply = Client::to(admin).ask(get("/api/v1/users/u.1?space=ifa", &authorized()));
    assert_eq!(reply.body, b"GET /api/v1/users/u.1 space=ifa 0");
    let headers = authorized() + "content-encoding: gzip\r\n";
    let reply = Client::to(admin).ask(post("/api/v1/lists", &headers, &gzip(&vec![b'x'; 50_000])));
    assert_eq!(reply.body, b"POST /api/v1/lists  50000");
    let wrong = Client::to(admin).ask(post("/metrics", &authorized(), b""));
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(status(admin, get("/api/v1/panic", &authorized())), 500);
}

#[test]
fn slow_admin_calls_are_few_at_once_and_delay_neither_health_nor_notices() {
    let shell = Shell::start();
    let slow = get("/api/v1/slow", &authorized());
    let mut waiting: Vec<Client> = (0..6).map(|_| shell.admin_client()).collect();
    for client in &mut waiting {
        client.send(&slow);
    }
    std::thread::sleep(Duration::from_millis(100));
    let started = Instant::now();
    assert_eq!(shell.admin_client().ask(get("/healthz", "")).status, 200);
    assert_eq!(shell.notices_client().ask(get("/n/win/t", "")).status, 204);
    assert!(started.elapsed() < Duration::from_millis(250), "{:?}", started.elapsed());
    let statuses: Vec<u16> = waiting.iter_mut().map(|client| client.reply().status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 4, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 2, "{statuses:?}");
}

#[test]
fn two_servers_live_in_one_process() {
    let (one, other) = (Shell::start(), Shell::start());
    assert_ne!(one.running.addresses(), other.running.addresses());
    assert_eq!(one.bid_client().bid("panic").status, 204);
    assert_eq!(other.bid_client().bid("fine").body, b"fine");
    assert_eq!((one.refusals().len(), other.refusals().len()), (1, 0));
    one.running.shutdown();
    one.running.wait().expect("no thread panicked");
    assert_eq!(other.bid_client().bid("fine").body, b"fine");
}

#[test]
fn a_taken_port_stops_the_start_and_names_it() {
    let first = Shell::start();
    let mut config = loopback_config();
    config.admin = first.running.addresses().admin;
    let error = Shell::try_start(&config, None).err().expect("the port is taken").to_string();
    assert!(
        error.contains(&format!("the admin port cannot be opened on {}", config.admin)),
        "{error}"
    );
}

#[test]
fn connections_beyond_the_cap_wait_instead_of_being_reset() {
    let mut config = loopback_config();
    config.workers = std::num::NonZeroUsize::MIN;
    config.bid_limits.connections_max = 2;
    let shell = Shell::with(&config);
    let mut first = shell.bid_client();
    let mut second = shell.bid_client();
    assert_eq!(first.bid("a").status, 200);
    assert_eq!(second.bid("b").status, 200);
    let mut third = shell.bid_client();
    third.send(post("/openrtb2/adx", "", b"c"));
    shell.await_metric("homing_accept_pauses_total{port=\"bid\"} 1");
    third.stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a plain socket");
    let mut byte = [0];
    let waits = third.stream.peek(&mut byte).expect_err("nobody serves it yet");
    assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock);
    drop(first);
    third.stream.set_read_timeout(Some(PATIENCE)).expect("a plain socket");
    assert_eq!(third.reply().body, b"c");
    assert_eq!(shell.admin_client().ask(get("/healthz", "")).status, 200, "admin has its own cap");
}
