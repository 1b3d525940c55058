//! A server with tiny fake services, and a raw client: what every test here starts from.

use flate2::{Compression, write::GzEncoder};
use homing::server::events::{
    EventAnswer, EventBody, EventCall, EventFuture, EventRoute, EventService,
};
use homing::server::service::{
    AdminAnswer, AdminCall, AdminService, BidAnswer, BidCall, BidService, ContentKind, HeaderValue,
    NoticeAnswer, NoticeKind, NoticeService, NoticeWork, Refusal, StatusCode,
};
use homing::server::{
    BearerToken, ConnectionLimits, DrainLimits, Running, Server, ServerConfig, Services, StartError,
};
use homing::telemetry::Metrics;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) const TOKEN: &str = "s3cret";
/// How long any single read of a test may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Larger than both ends' socket buffers together.
pub(crate) const HUGE_REPLY_BYTES: usize = 32 * 1024 * 1024;

/// Answers by the body's text.
#[derive(Default)]
pub(crate) struct FakeBids {
    pub(crate) refused: Mutex<Vec<Refusal>>,
}

impl BidService for FakeBids {
    type Scratch = u32;

    fn scratch(&self, _worker: usize) -> u32 {
        0
    }

    fn answer(&self, count: &mut u32, call: BidCall<'_>, out: &mut Vec<u8>) -> BidAnswer {
        assert!(out.is_empty(), "the output buffer comes empty");
        *count += 1;
        match (call.exchange, call.body) {
            ("unknown", _) => return BidAnswer::UnknownExchange,
            (_, b"panic") => panic!("as the test asked"),
            (_, b"bad") => return BidAnswer::BadRequest,
            (_, b"none") => return BidAnswer::NoContent,
            (_, b"slow") => std::thread::sleep(Duration::from_millis(300)),
            (_, b"huge") => out.resize(HUGE_REPLY_BYTES, b'x'),
            (_, b"count") => out.extend_from_slice(count.to_string().as_bytes()),
            (_, b"kind") => out.extend_from_slice(kind_name(call.content_kind).as_bytes()),
            (_, body) => out.extend_from_slice(body),
        }
        let version_header = Some(HeaderValue::from_static("2.6"));
        let may_be_packed = call.exchange == "packs";
        BidAnswer::Body { content_type: "application/json", version_header, may_be_packed }
    }

    fn refused(&self, why: Refusal) {
        self.refused.lock().expect("no test panics with it").push(why);
    }
}

fn kind_name(kind: ContentKind) -> &'static str {
    match kind {
        ContentKind::Json => "json",
        ContentKind::Protobuf(_) => "protobuf",
        ContentKind::Text => "text",
        ContentKind::Other => "other",
    }
}

pub(crate) struct FakeNotices;

impl NoticeService for FakeNotices {
    fn notice<'a>(&'a self, kind: NoticeKind, token: &'a str, query: &'a str) -> NoticeWork<'a> {
        NoticeWork::Ready(match (kind, token) {
            (_, "forged") => NoticeAnswer::Refused(StatusCode::FORBIDDEN, "not ours\n"),
            (_, "panic") => panic!("as the test asked"),
            (NoticeKind::View, _) => NoticeAnswer::Pixel,
            (NoticeKind::Click, _) => {
                NoticeAnswer::Redirect(format!("https://shop.example/?{query}"))
            }
            _ => NoticeAnswer::NoContent,
        })
    }
}

/// Tells what it was called with.
pub(crate) struct FakeEvents;

impl FakeEvents {
    /// How long it takes for the body `slow`.
    pub(crate) const SLOW: Duration = Duration::from_millis(1_500);
}

impl EventService for FakeEvents {
    fn receive<'a>(&'a self, call: EventCall<'a>) -> EventFuture<'a> {
        Box::pin(async move {
            if call.body == b"slow" {
                tokio::time::sleep(Self::SLOW).await;
            }
            let peer = call.peer.map_or_else(String::new, |peer| peer.to_string());
            let kind = kind_name(call.content_kind);
            let (route, length) = (call.route, call.body.len());
            let told = format!("{route:?} {} {} {length} {kind} {peer}", call.method, call.query);
            match (call.route, call.method.as_str()) {
                (_, "OPTIONS") => EventAnswer {
                    allow: Some("POST"),
                    ..EventAnswer::new(StatusCode::NO_CONTENT, EventBody::None)
                },
                (EventRoute::Pixel, _) => {
                    let cookies = ["a=1", "b=2"].map(HeaderValue::from_static).to_vec();
                    EventAnswer { cookies, ..EventAnswer::new(StatusCode::OK, EventBody::Pixel) }
                }
                (EventRoute::OptOut, _) => EventAnswer::new(StatusCode::OK, EventBody::Html("<p>")),
                _ => crate::events::answer_to(call.body, told),
            }
        })
    }
}

pub(crate) struct FakeAdmin {
    pub(crate) token: BearerToken,
    pub(crate) metrics: Metrics,
}

impl AdminService for FakeAdmin {
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn metrics(&self) -> String {
        self.metrics.render()
    }

    fn call(&self, call: AdminCall) -> AdminAnswer {
        match call.path.as_str() {
            "/api/v1/slow" => std::thread::sleep(Duration::from_millis(400)),
            "/api/v1/slower" => std::thread::sleep(Duration::from_millis(1_500)),
            "/api/v1/panic" => panic!("as the test asked"),
            _ => {}
        }
        let text = format!("{} {} {} {}", call.method, call.path, call.query, call.body.len());
        AdminAnswer::json(StatusCode::OK, text)
    }

    fn page(&self, path: &str) -> Option<AdminAnswer> {
        let body = b"<!doctype html>".to_vec();
        let page = AdminAnswer { status: StatusCode::OK, content_type: "text/html", body };
        (path == "/console").then_some(page)
    }

    fn has_token(&self) -> bool {
        self.token.is_set()
    }

    fn token_matches(&self, presented: &str) -> bool {
        self.token.matches(presented)
    }
}

/// A running server and what its fakes saw.
pub(crate) struct Shell {
    pub(crate) running: Running,
    pub(crate) bids: Arc<FakeBids>,
    pub(crate) metrics: Metrics,
}

pub(crate) fn loopback_config() -> ServerConfig {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    ServerConfig {
        bid: any,
        notices: any,
        admin: any,
        workers: NonZeroUsize::new(2).expect("two"),
        bid_limits: ConnectionLimits::default(),
        notices_limits: ConnectionLimits::of_notices(),
        admin_limits: ConnectionLimits::of_admin(),
        browser_origins: vec!["https://news.example".to_owned()],
        drain: DrainLimits { delay: Duration::ZERO, drain: PATIENCE },
        end_on_signals: false,
    }
}

impl Shell {
    pub(crate) fn start() -> Self {
        Self::with(&loopback_config())
    }

    pub(crate) fn with(config: &ServerConfig) -> Self {
        Self::with_token(config, Some(TOKEN))
    }

    pub(crate) fn with_token(config: &ServerConfig, token: Option<&str>) -> Self {
        Self::try_start(config, token).expect("loopback has ports")
    }

    pub(crate) fn try_start(
        config: &ServerConfig,
        token: Option<&str>,
    ) -> Result<Self, StartError> {
        Self::try_with(config, (token, None))
    }

    /// A shell with somebody who takes events.
    pub(crate) fn with_events(
        config: &ServerConfig,
        events: Option<Arc<dyn EventService>>,
    ) -> Self {
        Self::try_with(config, (Some(TOKEN), events)).expect("loopback has ports")
    }

    fn try_with(
        config: &ServerConfig,
        (token, events): (Option<&str>, Option<Arc<dyn EventService>>),
    ) -> Result<Self, StartError> {
        let metrics = Metrics::new(config.workers.get());
        let bids = Arc::new(FakeBids::default());
        let admin = FakeAdmin { token: BearerToken::new(token), metrics: metrics.clone() };
        let services = Services {
            events,
            bids: Arc::clone(&bids),
            notices: Arc::new(FakeNotices),
            admin: Arc::new(admin),
        };
        let running = Server::start(config, &services, &metrics.shell)?;
        Ok(Self { running, bids, metrics })
    }

    pub(crate) fn bid_client(&self) -> Client {
        Client::to(self.running.addresses().bid)
    }

    pub(crate) fn notices_client(&self) -> Client {
        Client::to(self.running.addresses().notices)
    }

    pub(crate) fn admin_client(&self) -> Client {
        Client::to(self.running.addresses().admin)
    }

    /// Waits until the metrics hold `line`.
    pub(crate) fn await_metric(&self, line: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.metrics.render().lines().any(|found| found == line) {
            assert!(Instant::now() < until, "{line} not in\n{}", self.metrics.render());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn refusals(&self) -> Vec<Refusal> {
        self.bids.refused.lock().expect("no test panics with it").clone()
    }
}

/// A raw HTTP/1.1 client: it sends what it is told and reads replies of known length.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Client {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a plain socket");
        stream.set_nodelay(true).expect("a plain socket");
        Self { stream, unread: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
    }

    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Reply {
        self.send(request);
        self.reply()
    }

    /// Posts `body` to the exchange `adx`.
    pub(crate) fn bid(&mut self, body: impl AsRef<[u8]>) -> Reply {
        self.ask(post("/openrtb2/adx", "", body.as_ref()))
    }

    /// The next reply; fails the test when the connection closes before its end.
    pub(crate) fn reply(&mut self) -> Reply {
        self.try_reply().expect("a whole reply before the connection closes")
    }

    /// The next reply, or `None` when the connection closes without one.
    pub(crate) fn try_reply(&mut self) -> Option<Reply> {
        let head_end = loop {
            if let Some(place) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break place + 4;
            }
            if !self.read_more() {
                return None;
            }
        };
        let head: Vec<u8> = self.unread.drain(..head_end).collect();
        let head = String::from_utf8(head).expect("heads are ASCII");
        let status: u16 = head.split(' ').nth(1).expect("a status line").parse().expect("a number");
        let mut reply = Reply { status, head, body: Vec::new() };
        let length = reply.header("content-length");
        assert!(length.is_some() || status == 204, "no Content-Length: {}", reply.head);
        let length: usize = length.unwrap_or("0").parse().expect("a number");
        assert!(reply.header("transfer-encoding").is_none(), "{}", reply.head);
        while self.unread.len() < length {
            assert!(self.read_more(), "closed within a body");
        }
        reply.body = self.unread.drain(..length).collect();
        Some(reply)
    }

    fn read_more(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => false,
            Ok(count) => {
                self.unread.extend_from_slice(&bytes[..count]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("no reply and no close in time: {error}"),
        }
    }

    /// Waits for the server to close without another byte; how long that took.
    pub(crate) fn closed_after(&mut self) -> Duration {
        let started = Instant::now();
        assert!(self.unread.is_empty() && !self.read_more(), "expected a close, not bytes");
        started.elapsed()
    }
}

/// A POST with `Content-Length`; `headers` are whole lines.
pub(crate) fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A GET; `headers` are whole lines.
pub(crate) fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\n{headers}\r\n")
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}
