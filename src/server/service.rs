//! What the shell serves: three traits that the rest of the program implements.
//!
//! Guarantees to an implementation: bodies are complete, decompressed and within their limit;
//! paths are plain; a panic costs one request. What is asked of it: [`BidService::answer`] and
//! [`NoticeService::notice`] run on a bid worker, so they must not block;
//! [`AdminService::call`] may.

pub use crate::telemetry::labels::{NoticeKind, Refusal};
pub use hyper::StatusCode;
pub use hyper::header::HeaderValue;
use std::pin::Pin;
use std::time::Instant;

/// In which language a body is written, as its `Content-Type` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ContentKind {
    /// `application/json` and the like, or nothing said.
    Json,
    /// `application/x-protobuf`, `application/protobuf` or `application/octet-stream`: which of
    /// them, since the answer is sent under the same name.
    Protobuf(&'static str),
    /// `text/plain`: what browsers send to avoid a preflight.
    Text,
    /// Something else.
    Other,
}

/// One bid request as the worker hands it over: body complete and decompressed.
#[derive(Clone, Copy, Debug)]
pub struct BidCall<'a> {
    /// The last part of the path `/openrtb2/{exchange}`, as sent.
    pub exchange: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// What the body is written in.
    pub content_kind: ContentKind,
    /// When the request's head had been read.
    pub received: Instant,
    /// The worker that asks: the column of its histograms.
    pub worker: usize,
}

/// What is answered to a bid request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BidAnswer {
    /// 204: no bid.
    NoContent,
    /// 200 with the bytes of the output buffer.
    Body {
        /// `Content-Type` of the answer.
        content_type: &'static str,
        /// `x-openrtb-version`, if the exchange wants it; made once and cloned (cheap).
        version_header: Option<HeaderValue>,
        /// Whether it may be packed for a caller that accepts that.
        may_be_packed: bool,
    },
    /// 400 without a body: the request is none.
    BadRequest,
    /// 404.
    UnknownExchange,
}

/// The bidder.
pub trait BidService: Send + Sync + 'static {
    /// What one worker keeps from request to request: buffers, counters.
    type Scratch: 'static;

    /// A fresh scratch for `worker`; asked for at the start and after a panic.
    fn scratch(&self, worker: usize) -> Self::Scratch;

    /// Answers one request. `out` comes empty, with the capacity of the largest answer so far.
    fn answer(
        &self,
        scratch: &mut Self::Scratch,
        call: BidCall<'_>,
        out: &mut Vec<u8>,
    ) -> BidAnswer;

    /// A request was refused before `answer` saw it, or `answer` panicked: to be counted.
    fn refused(&self, why: Refusal);
}

/// What is answered to a notice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoticeAnswer {
    /// 204: machines.
    NoContent,
    /// A transparent 1x1 GIF: browsers.
    Pixel,
    /// 200 with the markup of an ad.
    Markup {
        /// `Content-Type` of the markup.
        content_type: &'static str,
        /// The markup.
        body: Vec<u8>,
    },
    /// 302 to an address that the token vouches for; never one taken from the query.
    Redirect(String),
    /// The status, and a short text that never repeats anything of the request.
    Refused(StatusCode, &'static str),
}

/// Whoever counts notices.
pub trait NoticeService: Send + Sync + 'static {
    /// Handles one notice; `query` is raw, without its question mark. What is counted is
    /// answered when it is durable; until then the future waits, and must not block.
    fn notice<'a>(&'a self, kind: NoticeKind, token: &'a str, query: &'a str) -> NoticeWork<'a>;
}

/// The answer to a notice, or the way to it.
pub enum NoticeWork<'a> {
    /// There is nothing to wait for.
    Ready(NoticeAnswer),
    /// It comes.
    Waiting(Pin<Box<dyn Future<Output = NoticeAnswer> + 'a>>),
}

/// What is answered to an admin call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminAnswer {
    /// The status.
    pub status: StatusCode,
    /// `Content-Type` of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl AdminAnswer {
    /// A JSON answer.
    pub fn json(status: StatusCode, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type: "application/json", body: body.into() }
    }
}

/// An admin call behind the token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminCall {
    /// The method, in capitals.
    pub method: String,
    /// The whole path, e.g. `/api/v1/status`.
    pub path: String,
    /// Raw, without its question mark.
    pub query: String,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

/// Operations.
pub trait AdminService: Send + Sync + 'static {
    /// Whether bids can be answered; if not, why. Must not wait.
    fn ready(&self) -> Result<(), String>;

    /// All metrics, in Prometheus' text format. May wait.
    fn metrics(&self) -> String;

    /// Answers a call under `/api/v1/`. May wait; few run at once.
    fn call(&self, call: AdminCall) -> AdminAnswer;

    /// A page under `/console` that anyone who reaches the port may load; it must hold nothing
    /// secret, since the token is asked for by the page itself. May wait.
    fn page(&self, path: &str) -> Option<AdminAnswer>;

    /// Whether any token is configured; without one every guarded route is 403.
    fn has_token(&self) -> bool;

    /// Whether this is the token, compared in constant time ([`super::BearerToken`] does).
    fn token_matches(&self, presented: &str) -> bool;
}
