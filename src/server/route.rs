//! Paths to routes: two closed tables, one for the public ports and one for the admin port.
//!
//! Guarantees: a path is matched as sent, byte for byte. Nothing is decoded or normalised, so
//! `//api`, `/%61pi` and `/x/../api` are simply unknown. The tables share no entry.

use super::events::EventRoute;
use super::service::NoticeKind;

/// A route of the public ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PublicRoute<'a> {
    /// `/openrtb2/{exchange}`.
    Bid {
        /// The exchange's name.
        exchange: &'a str,
    },
    /// `/n/{kind}/{token}`.
    Notice {
        /// What it tells.
        kind: NoticeKind,
        /// Signed by us.
        token: &'a str,
    },
    /// `/events`, `/px.gif` or `/optout`.
    Event(EventRoute),
}

impl<'a> PublicRoute<'a> {
    /// The route of `path`, if it is one.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let route = match parts.next()? {
            "openrtb2" => Self::Bid { exchange: parts.next().filter(|name| is_plain(name))? },
            "n" => {
                let kind = parts.next()?;
                let kind = NoticeKind::ALL.iter().find(|known| known.label() == kind)?;
                let token = parts.next().filter(|token| is_plain(token))?;
                Self::Notice { kind: *kind, token }
            }
            "events" => Self::Event(EventRoute::Events),
            "px.gif" => Self::Event(EventRoute::Pixel),
            "optout" => Self::Event(EventRoute::OptOut),
            _ => return None,
        };
        parts.next().is_none().then_some(route)
    }
}

/// A route of the admin port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum AdminRoute {
    /// `/healthz`: the process lives.
    Health,
    /// `/readyz`: bids can be answered.
    Ready,
    /// `/metrics`, behind the token.
    Metrics,
    /// `/console` and below.
    Console,
    /// `/api/v1/...`, behind the token.
    Api,
}

impl AdminRoute {
    /// The route of `path`, if it is one.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            "/healthz" => return Some(Self::Health),
            "/readyz" => return Some(Self::Ready),
            "/metrics" => return Some(Self::Metrics),
            "/console" | "/console/" => return Some(Self::Console),
            _ => {}
        }
        let (route, rest) = if let Some(rest) = path.strip_prefix("/console/") {
            (Self::Console, rest)
        } else {
            (Self::Api, path.strip_prefix("/api/v1/")?)
        };
        rest.split('/').all(is_plain).then_some(route)
    }
}

/// Whether a path segment is made of unreserved characters only, and is not a dot segment.
fn is_plain(segment: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !matches!(segment, "" | "." | "..") && segment.bytes().all(unreserved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_public_table() {
        assert_eq!(PublicRoute::of("/openrtb2/adx"), Some(PublicRoute::Bid { exchange: "adx" }));
        for kind in NoticeKind::ALL {
            let path = format!("/n/{}/tok-_.1", kind.label());
            assert_eq!(
                PublicRoute::of(&path),
                Some(PublicRoute::Notice { kind: *kind, token: "tok-_.1" })
            );
        }
        for (path, route) in [
            ("/events", EventRoute::Events),
            ("/px.gif", EventRoute::Pixel),
            ("/optout", EventRoute::OptOut),
        ] {
            assert_eq!(PublicRoute::of(path), Some(PublicRoute::Event(route)));
            assert_eq!(AdminRoute::of(path), None, "{path}");
        }
    }

    #[test]
    fn the_admin_table() {
        for (path, route) in [
            ("/healthz", AdminRoute::Health),
            ("/readyz", AdminRoute::Ready),
            ("/metrics", AdminRoute::Metrics),
            ("/console", AdminRoute::Console),
            ("/console/app.js", AdminRoute::Console),
            ("/api/v1/status", AdminRoute::Api),
            ("/api/v1/users/a.b", AdminRoute::Api),
        ] {
            assert_eq!(AdminRoute::of(path), Some(route), "{path}");
            assert_eq!(PublicRoute::of(path), None, "{path} is not public");
        }
    }

    #[test]
    fn path_tricks_are_unknown_paths() {
        for path in [
            "",
            "/",
            "*",
            "//openrtb2/adx",
            "/openrtb2/",
            "/openrtb2",
            "/openrtb2/adx/",
            "/openrtb2/a%2e",
            "/openrtb2/..",
            "/OPENRTB2/adx",
            "/n/win",
            "/n/win/",
            "/n/won/t",
            "/n/win/t/x",
            "/n//win/t",
            "//api/v1/status",
            "/api/v1",
            "/api/v1/",
            "/api/v1//status",
            "/api/v1/%2e%2e/x",
            "/api/v1/../healthz",
            "/api/v1/status/",
            "/api/v1/a;b",
            "/metrics/",
            "/%6detrics",
            "/Healthz",
            "/healthz/.",
            "/console//x",
            "/n/win/../../metrics",
            "/events/",
            "/events/x",
            "/px.gif/",
            "/px",
            "/optout/me",
        ] {
            assert_eq!(PublicRoute::of(path), None, "{path}");
            assert_eq!(AdminRoute::of(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_is_both_public_and_admin(path in "/(n|openrtb2|api|v1|metrics|win|[./%a-z]){0,5}") {
            prop_assert!(PublicRoute::of(&path).is_none() || AdminRoute::of(&path).is_none());
        }
    }
}
