//! Answering notices: the same desk on the bid port, where exchanges call it, and on the
//! notices port, where browsers do.
//!
//! A notice's body is read and ignored, so that the connection survives. Must not repeat
//! anything of the request in its answers.

use super::body::{self, BodyFault, BodyPool};
use super::connection::Handler;
use super::events::{EventDesk, EventService};
use super::limits::ConnectionLimits;
use super::reply::{self, Reply};
use super::route::PublicRoute;
use super::service::{NoticeAnswer, NoticeKind, NoticeService, NoticeWork};
use super::watch::Watch;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

/// A request whose head has been read.
pub(super) struct Arrived<'a> {
    /// Its head.
    pub(super) head: &'a Parts,
    /// Its body, still to be read.
    pub(super) body: Incoming,
}

/// Answers notices on one thread, and beside them what shops and browsers send.
pub(super) struct NoticeDesk<N> {
    notices: Arc<N>,
    /// Answers the calls of shops and browsers.
    pub(super) events: EventDesk,
    pool: Rc<BodyPool>,
    body_bytes_max: usize,
}

impl<N: NoticeService> NoticeDesk<N> {
    /// A desk that shares `pool` with its thread.
    pub(super) fn new(
        (notices, events): (Arc<N>, Option<Arc<dyn EventService>>),
        pool: Rc<BodyPool>,
        limits: &ConnectionLimits,
    ) -> Self {
        let events = EventDesk::new(events, Rc::clone(&pool), limits);
        Self { notices, events, pool, body_bytes_max: limits.body_bytes_max }
    }

    /// Answers one notice.
    pub(super) async fn answer(
        &self,
        kind: NoticeKind,
        token: &str,
        arrived: Arrived<'_>,
    ) -> Reply {
        if !matches!(arrived.head.method, Method::GET | Method::POST) {
            return reply::method_not_allowed("GET, POST");
        }
        match body::read(arrived.body, &self.pool, self.body_bytes_max).await {
            Ok(_) | Err(BodyFault::Shed) => {}
            Err(BodyFault::TooLarge) => return reply::too_large(),
            Err(BodyFault::Aborted) => {
                return reply::text(StatusCode::BAD_REQUEST, "the body is cut short\n");
            }
        }
        let query = arrived.head.uri.query().unwrap_or_default();
        let work = catch_unwind(AssertUnwindSafe(|| self.notices.notice(kind, token, query)));
        reply::of_notice(match work {
            Ok(NoticeWork::Ready(answer)) => answer,
            Ok(NoticeWork::Waiting(answer)) => answer.await,
            Err(_) => NoticeAnswer::Refused(
                StatusCode::INTERNAL_SERVER_ERROR,
                "this notice could not be handled\n",
            ),
        })
    }
}

impl<N: NoticeService> Handler for NoticeDesk<N> {
    async fn handle(&self, request: Request<Incoming>, watch: &Watch) -> Reply {
        let (head, body) = request.into_parts();
        let arrived = Arrived { head: &head, body };
        match PublicRoute::of(head.uri.path()) {
            Some(PublicRoute::Notice { kind, token }) => self.answer(kind, token, arrived).await,
            Some(PublicRoute::Event(route)) => self.events.answer(route, arrived, watch).await,
            _ => reply::not_found(),
        }
    }
}
