//! A bid worker's desk: from a request's head to its reply, on one thread.
//!
//! Guarantees: once the body is in, a request is answered without waiting for anything but the
//! requests that are there with it ([`super::turns`]); scratch, output and unpacking buffers are
//! reused; a panic while deciding costs that one request, which is answered "no bid". Must not
//! know what a bid request says.

use super::body::{self, BodyFault, BodyPool, HeldBody};
use super::connection::Handler;
use super::cors::{self, Origins};
use super::encoding::{self, Packing};
use super::events::EventService;
use super::limits::ConnectionLimits;
use super::notices::{Arrived, NoticeDesk};
use super::packing::Packer;
use super::reply::{self, Reply};
use super::route::PublicRoute;
use super::service::{BidAnswer, BidCall, BidService, ContentKind, NoticeService, Refusal};
use super::turns::after_the_others;
use super::watch::Watch;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderName};
use hyper::{Method, Request, StatusCode};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

const VERSION_HEADER: HeaderName = HeaderName::from_static("x-openrtb-version");

/// Answers the requests of one worker.
pub(super) struct BidDesk<B: BidService, N> {
    bids: Arc<B>,
    notices: NoticeDesk<N>,
    worker: usize,
    origins: Origins,
    bench: RefCell<Bench<B::Scratch>>,
    pool: Rc<BodyPool>,
    body_bytes_max: usize,
}

/// What a worker keeps from request to request.
struct Bench<S> {
    scratch: S,
    out: Vec<u8>,
    unpacked: Vec<u8>,
    packer: Packer,
}

/// How a body is packed, and whether its answer may be.
#[derive(Clone, Copy)]
struct Packings {
    request: Packing,
    gzip_accepted: bool,
}

impl<B: BidService, N: NoticeService> BidDesk<B, N> {
    /// The desk of `worker`.
    pub(super) fn new(
        bids: Arc<B>,
        notices: (Arc<N>, Option<Arc<dyn EventService>>),
        worker: usize,
        (limits, browser_origins): (&ConnectionLimits, &[String]),
    ) -> Self {
        let pool = BodyPool::new(limits.held_body_bytes_max);
        let scratch = bids.scratch(worker);
        Self {
            bids,
            notices: NoticeDesk::new(notices, Rc::clone(&pool), limits),
            worker,
            origins: Origins::new(browser_origins),
            bench: RefCell::new(Bench {
                scratch,
                out: Vec::new(),
                unpacked: Vec::new(),
                packer: Packer::default(),
            }),
            pool,
            body_bytes_max: limits.body_bytes_max,
        }
    }

    async fn bid(&self, exchange: &str, received: Instant, arrived: Arrived<'_>) -> Reply {
        let Arrived { head, body } = arrived;
        if head.method != Method::POST {
            return self.refuse(Refusal::MethodNotAllowed);
        }
        let Some(packing) = Packing::of(&head.headers, head.uri.query()) else {
            return self.refuse(Refusal::UnknownEncoding);
        };
        let body = match body::read(body, &self.pool, self.body_bytes_max).await {
            Ok(body) => body,
            Err(BodyFault::TooLarge) => return self.refuse(Refusal::TooLarge),
            Err(BodyFault::Aborted) => return self.refuse(Refusal::BodyAborted),
            Err(BodyFault::Shed) => return self.refuse(Refusal::Shed),
        };
        let call = BidCall {
            exchange,
            body: &[],
            content_kind: ContentKind::of(&head.headers),
            received,
            worker: self.worker,
        };
        let gzip_accepted = encoding::accepts_gzip(&head.headers);
        after_the_others().await;
        let reply = self.decide(call, &body, Packings { request: packing, gzip_accepted });
        // Its room is another's while the answer waits for its turn.
        drop(body);
        after_the_others().await;
        reply
    }

    /// Everything that happens once the body is in: synchronous, on the worker's bench.
    fn decide(&self, call: BidCall<'_>, body: &HeldBody, packings: Packings) -> Reply {
        let bench = &mut *self.bench.borrow_mut();
        let body = match packings.request {
            Packing::Plain => body.bytes(),
            Packing::Gzip => {
                let unpacked = &mut bench.unpacked;
                match encoding::gunzip(body.bytes(), unpacked, self.body_bytes_max) {
                    Ok(()) => unpacked,
                    Err(why) => return self.refuse(why),
                }
            }
        };
        bench.out.clear();
        let call = BidCall { body, ..call };
        let answer = catch_unwind(AssertUnwindSafe(|| {
            self.bids.answer(&mut bench.scratch, call, &mut bench.out)
        }));
        if let Ok(answer) = answer {
            let packer = packings.gzip_accepted.then_some(&mut bench.packer);
            reply_of(answer, &bench.out, packer)
        } else {
            // The panic may have left the scratch half changed.
            bench.scratch = self.bids.scratch(self.worker);
            self.refuse(Refusal::Panic)
        }
    }

    fn refuse(&self, why: Refusal) -> Reply {
        self.bids.refused(why);
        match why {
            Refusal::TooLarge => reply::too_large(),
            Refusal::UnknownEncoding => reply::text(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "expected a body that is plain or packed by gzip, once\n",
            ),
            Refusal::BadGzip => {
                reply::text(StatusCode::BAD_REQUEST, "the body is not whole, valid gzip\n")
            }
            Refusal::BodyAborted => reply::text(StatusCode::BAD_REQUEST, "the body is cut short\n"),
            Refusal::NotFound => reply::not_found(),
            Refusal::MethodNotAllowed => reply::method_not_allowed("POST"),
            // Exchanges slow down bidders that answer 5xx: "no bid" is the honest answer.
            Refusal::Shed | Refusal::Panic => reply::no_content(),
        }
    }
}

impl<B: BidService, N: NoticeService> Handler for BidDesk<B, N> {
    async fn handle(&self, request: Request<Incoming>, watch: &Watch) -> Reply {
        let received = Instant::now();
        let (head, body) = request.into_parts();
        let arrived = Arrived { head: &head, body };
        match PublicRoute::of(head.uri.path()) {
            Some(PublicRoute::Bid { exchange }) => {
                if let Some(preflight) = self.origins.preflight(&head) {
                    return preflight;
                }
                let origin = self.origins.allowed(&head.headers);
                cors::granted(self.bid(exchange, received, arrived).await, origin)
            }
            Some(PublicRoute::Notice { kind, token }) => {
                self.notices.answer(kind, token, arrived).await
            }
            Some(PublicRoute::Event(route)) => {
                self.notices.events.answer(route, arrived, watch).await
            }
            None => self.refuse(Refusal::NotFound),
        }
    }
}

/// The reply; packed by `packer`, where there is one, if the answer may be and gains by it.
fn reply_of(answer: BidAnswer, out: &[u8], packer: Option<&mut Packer>) -> Reply {
    match answer {
        BidAnswer::NoContent => reply::no_content(),
        BidAnswer::Body { content_type, version_header, may_be_packed } => {
            let smaller = packer.filter(|_| may_be_packed).and_then(|packer| packer.pack(out));
            let body = Bytes::copy_from_slice(smaller.unwrap_or(out));
            let mut reply = reply::with_body(StatusCode::OK, content_type, body);
            if smaller.is_some() {
                reply = reply::and(reply, CONTENT_ENCODING, "gzip");
            }
            if let Some(version) = version_header {
                reply.headers_mut().insert(VERSION_HEADER, version);
            }
            reply
        }
        BidAnswer::BadRequest => reply::bad_request(),
        BidAnswer::UnknownExchange => {
            reply::text(StatusCode::NOT_FOUND, "this bidder knows no such exchange\n")
        }
    }
}
