//! Answering operators: health, readiness, metrics, console pages and the API.
//!
//! Guarantees: whatever tells more than "alive" and "ready", and is not a bare console page,
//! needs the token; without a configured token it is closed to everyone. Calls that may wait
//! run on threads of their own, few at once, so that health is always answered.

use super::body::{self, BodyFault, BodyPool};
use super::connection::Handler;
use super::encoding::{self, Packing};
use super::limits::{ADMIN_CALLS_MAX, ADMIN_LOOKS_MAX, ConnectionLimits};
use super::notices::Arrived;
use super::reply::{self, Reply};
use super::route::AdminRoute;
use super::service::{AdminAnswer, AdminCall, AdminService, Refusal};
use super::stage::{Stage, StageView};
use super::watch::{Phase, Watch};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, Request, StatusCode};
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Content type of Prometheus' text format.
const METRICS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers the admin port.
pub(super) struct AdminDesk<A> {
    admin: Arc<A>,
    stage: StageView,
    calls: Arc<Semaphore>,
    looks: Arc<Semaphore>,
    pool: Rc<BodyPool>,
    body_bytes_max: usize,
}

impl<A: AdminService> AdminDesk<A> {
    /// The desk; `stage` is what readiness depends on.
    pub(super) fn new(admin: Arc<A>, stage: StageView, limits: &ConnectionLimits) -> Self {
        Self {
            admin,
            stage,
            calls: Arc::new(Semaphore::new(ADMIN_CALLS_MAX)),
            looks: Arc::new(Semaphore::new(ADMIN_LOOKS_MAX)),
            pool: BodyPool::new(limits.held_body_bytes_max),
            body_bytes_max: limits.body_bytes_max,
        }
    }

    fn ready(&self) -> Reply {
        let ready = if self.stage.now() > Stage::Serving {
            Err("the server is draining".to_owned())
        } else {
            self.admin.ready()
        };
        match ready {
            Ok(()) => reply::text(StatusCode::OK, "ready\n"),
            Err(why) => {
                let why = Bytes::from(why + "\n");
                reply::with_body(StatusCode::SERVICE_UNAVAILABLE, reply::TEXT, why)
            }
        }
    }

    /// What to answer instead, if the caller may not pass.
    fn guard(&self, headers: &HeaderMap) -> Option<Reply> {
        if !self.admin.has_token() {
            let why = "closed: no admin token is configured\n";
            return Some(reply::text(StatusCode::FORBIDDEN, why));
        }
        if bearer(headers).is_some_and(|presented| self.admin.token_matches(presented)) {
            return None;
        }
        let reply = reply::text(StatusCode::UNAUTHORIZED, "send Authorization: Bearer <token>\n");
        Some(reply::and(reply, WWW_AUTHENTICATE, "Bearer realm=\"homing\""))
    }

    async fn call(&self, arrived: Arrived<'_>, watch: &Watch) -> Reply {
        let Arrived { head, body } = arrived;
        let Some(packing) = Packing::of(&head.headers, None) else {
            return reply::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected gzip or nothing\n");
        };
        let body = match body::read(body, &self.pool, self.body_bytes_max).await {
            Ok(body) => body,
            Err(BodyFault::TooLarge) => return reply::too_large(),
            Err(BodyFault::Shed) => return busy(),
            Err(BodyFault::Aborted) => return bad_request(),
        };
        watch.enter(Phase::Working);
        let mut bytes = Vec::new();
        match packing {
            Packing::Plain => bytes.extend_from_slice(body.bytes()),
            Packing::Gzip => {
                match encoding::gunzip(body.bytes(), &mut bytes, self.body_bytes_max) {
                    Ok(()) => {}
                    Err(Refusal::TooLarge) => return reply::too_large(),
                    Err(_) => return bad_request(),
                }
            }
        }
        let call = AdminCall {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            body: bytes,
        };
        let admin = Arc::clone(&self.admin);
        aside(&self.calls, move || Some(admin.call(call))).await
    }

    async fn metrics(&self) -> Reply {
        let admin = Arc::clone(&self.admin);
        let render = move || {
            let body = admin.metrics().into_bytes();
            Some(AdminAnswer { status: StatusCode::OK, content_type: METRICS_TEXT, body })
        };
        aside(&self.looks, render).await
    }

    async fn page(&self, path: &str) -> Reply {
        let (admin, path) = (Arc::clone(&self.admin), path.to_owned());
        aside(&self.looks, move || admin.page(&path)).await
    }
}

impl<A: AdminService> Handler for AdminDesk<A> {
    async fn handle(&self, request: Request<Incoming>, watch: &Watch) -> Reply {
        let (head, body) = request.into_parts();
        let Some(route) = AdminRoute::of(head.uri.path()) else {
            return reply::not_found();
        };
        let looks = matches!(head.method, Method::GET | Method::HEAD);
        let changes = matches!(head.method, Method::POST | Method::PUT | Method::DELETE);
        if !(looks || changes && route == AdminRoute::Api) {
            let api = "GET, HEAD, POST, PUT, DELETE";
            let allow = if route == AdminRoute::Api { api } else { "GET, HEAD" };
            return reply::method_not_allowed(allow);
        }
        let guarded = matches!(route, AdminRoute::Api | AdminRoute::Metrics);
        if guarded && let Some(refusal) = self.guard(&head.headers) {
            return refusal;
        }
        watch.enter(if route == AdminRoute::Api { Phase::Body } else { Phase::Working });
        let reply = match route {
            AdminRoute::Health => reply::text(StatusCode::OK, "alive\n"),
            AdminRoute::Ready => self.ready(),
            AdminRoute::Metrics => self.metrics().await,
            AdminRoute::Console => self.page(head.uri.path()).await,
            AdminRoute::Api => self.call(Arrived { head: &head, body }, watch).await,
        };
        reply::and(reply, CACHE_CONTROL, "no-store")
    }
}

/// Runs what may wait on a thread of its own, if one of `permits` is free.
async fn aside(
    permits: &Arc<Semaphore>,
    work: impl FnOnce() -> Option<AdminAnswer> + Send + 'static,
) -> Reply {
    let Ok(permit) = Arc::clone(permits).try_acquire_owned() else {
        return busy();
    };
    let done = tokio::task::spawn_blocking(move || {
        // Held by the work, not by the connection: work goes on when its client has left.
        let _permit = permit;
        work()
    });
    match done.await {
        Ok(Some(answer)) => {
            reply::with_body(answer.status, answer.content_type, Bytes::from(answer.body))
        }
        Ok(None) => reply::not_found(),
        Err(_) => reply::internal_error(),
    }
}

/// The bearer token that a request presents.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (values.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim())
}

fn busy() -> Reply {
    let why = "other admin calls are running: try again when they are done\n";
    reply::and(reply::text(StatusCode::SERVICE_UNAVAILABLE, why), RETRY_AFTER, "1")
}

fn bad_request() -> Reply {
    reply::text(StatusCode::BAD_REQUEST, "the body is cut short, or not what its headers say\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn a_bearer_token_is_read_from_one_header_only() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            bearer(&headers).map(ToOwned::to_owned)
        };
        assert_eq!(of(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(of(&["bearer  abc "]).as_deref(), Some("abc"));
        for none in [&[][..], &["abc"], &["Basic abc"], &["Bearer"], &["Bearer a", "Bearer b"]] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
