//! Browsers at the bid port: a page of a configured origin may call it directly, as Prebid.js
//! does, with its cookies.
//!
//! Guarantees: an origin is allowed only if it is configured, byte for byte; never `*`, which
//! browsers refuse beside credentials. Exchanges send no `Origin` and see no difference.

use super::reply::{self, Reply};
use hyper::Method;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};
use hyper::http::request::Parts;

/// The origins whose pages may call.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(Vec<HeaderValue>);

impl Origins {
    /// Those of a list that can stand in a header; the settings' grammar lets no other through.
    pub(super) fn new(origins: &[String]) -> Self {
        Self(origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()).collect())
    }

    /// The request's origin, if it is one of these.
    pub(super) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.0.iter().find(|known| *known == origin).cloned()
    }

    /// The answer to a browser that asks first whether it may POST; `None` if it does not ask
    /// that, or may not.
    pub(super) fn preflight(&self, head: &Parts) -> Option<Reply> {
        let asks = head.method == Method::OPTIONS
            && head.headers.get(ACCESS_CONTROL_REQUEST_METHOD).is_some_and(|one| one == "POST");
        let origin = self.allowed(&head.headers).filter(|_| asks)?;
        let mut answer = reply::no_content();
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        let asked_for = HeaderValue::from_static("content-type, x-openrtb-version");
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked_for);
        // Ten minutes: browsers keep it no longer than that anyway, give or take.
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        Some(granted(answer, Some(origin)))
    }
}

/// The reply as the page of `origin` may read it.
pub(super) fn granted(mut reply: Reply, origin: Option<HeaderValue>) -> Reply {
    if let Some(origin) = origin {
        let headers = reply.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(VARY, HeaderValue::from_static("origin"));
    }
    reply
}
