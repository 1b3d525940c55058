//! What shops and browsers send beside notices: events, the pixel, opt-outs; and the trait of
//! whoever takes them in.
//!
//! Guarantees to an implementation: bodies are complete, unpacked and within their limit; a
//! panic costs one request. What is asked of it: it may wait for a log, but not for long, and
//! it never blocks the thread. Must not know what an event is.

use super::body::{self, BodyFault, BodyPool};
use super::cors;
use super::encoding::{self, Packing};
use super::limits::ConnectionLimits;
use super::notices::Arrived;
use super::reply::{self, Reply};
use super::service::{ContentKind, HeaderValue, Refusal, StatusCode};
use super::watch::{Phase, Watch};
use hyper::body::Bytes;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
    CACHE_CONTROL, RETRY_AFTER, SET_COOKIE,
};
use hyper::{HeaderMap, Method};
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

/// What is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventRoute {
    /// `/events`.
    Events,
    /// `/px.gif`.
    Pixel,
    /// `/optout`.
    OptOut,
}

/// A call, its body complete and unpacked.
#[derive(Clone, Copy, Debug)]
pub struct EventCall<'a> {
    /// What is called.
    pub route: EventRoute,
    /// How.
    pub method: &'a Method,
    /// Raw, without its question mark.
    pub query: &'a str,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// What the body is written in.
    pub content_kind: ContentKind,
    /// The body.
    pub body: &'a [u8],
    /// Who is at the other end of the connection: a client, or a balancer.
    pub peer: Option<IpAddr>,
}

/// What is answered. None may be cached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventAnswer {
    /// The status.
    pub status: StatusCode,
    /// What is sent along.
    pub body: EventBody,
    /// `Set-Cookie`, as often as it is needed.
    pub cookies: Vec<HeaderValue>,
    /// The page that may read the answer, with its cookies.
    pub origin: Option<HeaderValue>,
    /// When to try again, in seconds.
    pub retry_after_s: Option<u32>,
    /// Which methods are right, with a 405 or a preflight.
    pub allow: Option<&'static str>,
}

/// The body of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventBody {
    /// Nothing.
    None,
    /// JSON.
    Json(Vec<u8>),
    /// A page.
    Html(&'static str),
    /// A transparent 1x1 GIF.
    Pixel,
    /// A short text that repeats nothing of the request.
    Text(&'static str),
}

impl EventAnswer {
    /// An answer with nothing but a status and a body.
    pub fn new(status: StatusCode, body: EventBody) -> Self {
        let (cookies, origin, retry_after_s, allow) = (Vec::new(), None, None, None);
        Self { status, body, cookies, origin, retry_after_s, allow }
    }
}

/// The answer to a call, once it is known.
pub type EventFuture<'a> = Pin<Box<dyn Future<Output = EventAnswer> + 'a>>;

/// Whoever takes in events.
pub trait EventService: Send + Sync + 'static {
    /// Answers one call.
    fn receive<'a>(&'a self, call: EventCall<'a>) -> EventFuture<'a>;
}

/// Answers such calls on one thread.
pub(super) struct EventDesk {
    events: Option<Arc<dyn EventService>>,
    pool: Rc<BodyPool>,
    body_bytes_max: usize,
}

impl EventDesk {
    /// A desk that shares `pool` with its thread; where nobody takes events, there is nothing
    /// under these paths.
    pub(super) fn new(
        events: Option<Arc<dyn EventService>>,
        pool: Rc<BodyPool>,
        limits: &ConnectionLimits,
    ) -> Self {
        Self { events, pool, body_bytes_max: limits.body_bytes_max }
    }

    /// Answers one call.
    pub(super) async fn answer(
        &self,
        route: EventRoute,
        arrived: Arrived<'_>,
        watch: &Watch,
    ) -> Reply {
        let Some(events) = &self.events else { return reply::not_found() };
        let Arrived { head, body } = arrived;
        let Some(packing) = Packing::of(&head.headers, None) else {
            return reply::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected gzip or nothing\n");
        };
        let body = match body::read(body, &self.pool, self.body_bytes_max).await {
            Ok(body) => body,
            Err(BodyFault::TooLarge) => return reply::too_large(),
            Err(BodyFault::Shed) => return shed(),
            Err(BodyFault::Aborted) => {
                return reply::text(StatusCode::BAD_REQUEST, "the body is cut short\n");
            }
        };
        let mut unpacked = Vec::new();
        let body = match packing {
            Packing::Plain => body.bytes(),
            Packing::Gzip => {
                match encoding::gunzip(body.bytes(), &mut unpacked, self.body_bytes_max) {
                    Ok(()) => &unpacked,
                    Err(Refusal::TooLarge) => return reply::too_large(),
                    Err(_) => {
                        return reply::text(StatusCode::BAD_REQUEST, "the body is no gzip\n");
                    }
                }
            }
        };
        watch.enter(Phase::Working);
        let call = EventCall {
            route,
            method: &head.method,
            query: head.uri.query().unwrap_or_default(),
            headers: &head.headers,
            content_kind: ContentKind::of(&head.headers),
            body,
            peer: watch.peer(),
        };
        reply_of(events.receive(call).await, head.method == Method::OPTIONS)
    }
}

/// More bodies are in memory than there is room for: the events are to be sent again.
fn shed() -> Reply {
    let reply = reply::text(StatusCode::SERVICE_UNAVAILABLE, "busy: send it again\n");
    reply::and(reply, RETRY_AFTER, "1")
}

fn reply_of(answer: EventAnswer, is_preflight: bool) -> Reply {
    let status = answer.status;
    let mut reply = match answer.body {
        EventBody::None => reply::with_status(status),
        EventBody::Json(body) => reply::with_body(status, "application/json", body.into()),
        EventBody::Html(page) => {
            let body = Bytes::from_static(page.as_bytes());
            reply::with_body(status, "text/html; charset=utf-8", body)
        }
        EventBody::Pixel => reply::pixel(status),
        EventBody::Text(text) => reply::text(status, text),
    };
    let headers = reply.headers_mut();
    for cookie in answer.cookies {
        headers.append(SET_COOKIE, cookie);
    }
    if let Some(seconds) = answer.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(allow) = answer.allow {
        let (name, value) = (hyper::header::ALLOW, HeaderValue::from_static(allow));
        let name = if is_preflight { ACCESS_CONTROL_ALLOW_METHODS } else { name };
        headers.insert(name, value);
    }
    if is_preflight {
        let asked_for = HeaderValue::from_static("content-type, authorization");
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked_for);
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    let reply = reply::and(reply, CACHE_CONTROL, "no-store");
    cors::granted(reply, answer.origin)
}
