//! Making replies: always of a known length, never chunked, never repeating the request.

use super::service::NoticeAnswer;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
};
use hyper::{Response, StatusCode};

/// A reply; its body is one piece, so hyper sends `Content-Length`.
pub(super) type Reply = Response<Full<Bytes>>;

/// Content type of short texts.
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// A transparent 1x1 GIF.
const PIXEL_GIF: &[u8] = &[
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00,
    0xff, 0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00, 0x00, 0x00,
    0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x01, 0x44, 0x00, 0x3b,
];

/// 204.
pub(super) fn no_content() -> Reply {
    with_status(StatusCode::NO_CONTENT)
}

/// A status without a body.
pub(super) fn with_status(status: StatusCode) -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = status;
    reply
}

/// A transparent 1x1 GIF.
pub(super) fn pixel(status: StatusCode) -> Reply {
    with_body(status, "image/gif", Bytes::from_static(PIXEL_GIF))
}

/// 400 without a body, as OpenRTB wants it for a malformed request.
pub(super) fn bad_request() -> Reply {
    with_status(StatusCode::BAD_REQUEST)
}

/// A status and a body.
pub(super) fn with_body(status: StatusCode, content_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// A status and a short text.
pub(super) fn text(status: StatusCode, text: &'static str) -> Reply {
    with_body(status, TEXT, Bytes::from_static(text.as_bytes()))
}

/// The reply with one more header.
pub(super) fn and(mut reply: Reply, name: HeaderName, value: &'static str) -> Reply {
    reply.headers_mut().insert(name, HeaderValue::from_static(value));
    reply
}

/// 404.
pub(super) fn not_found() -> Reply {
    text(StatusCode::NOT_FOUND, "there is nothing here\n")
}

/// 405; `allow` names what would be right.
pub(super) fn method_not_allowed(allow: &'static str) -> Reply {
    let reply = text(StatusCode::METHOD_NOT_ALLOWED, "see the Allow header for the right method\n");
    and(reply, ALLOW, allow)
}

/// 413, closing: what follows in the connection is a body that nobody wants to read.
pub(super) fn too_large() -> Reply {
    let reply = text(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than this port allows\n");
    and(reply, CONNECTION, "close")
}

/// 500.
pub(super) fn internal_error() -> Reply {
    text(StatusCode::INTERNAL_SERVER_ERROR, "this request could not be handled\n")
}

/// The reply to a notice. None may be cached: each fetch is an event.
pub(super) fn of_notice(answer: NoticeAnswer) -> Reply {
    let reply = match answer {
        NoticeAnswer::NoContent => no_content(),
        NoticeAnswer::Pixel => pixel(StatusCode::OK),
        NoticeAnswer::Markup { content_type, body } => {
            with_body(StatusCode::OK, content_type, body.into())
        }
        NoticeAnswer::Redirect(address) => redirect(address),
        NoticeAnswer::Refused(status, why) => text(status, why),
    };
    and(reply, CACHE_CONTROL, "no-store")
}

/// 302; an address that cannot stand in a header is a fault of ours, not the visitor's.
fn redirect(address: String) -> Reply {
    let Ok(address) = HeaderValue::try_from(address) else {
        return internal_error();
    };
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::FOUND;
    reply.headers_mut().insert(LOCATION, address);
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_cannot_smuggle_a_header() {
        let reply = of_notice(NoticeAnswer::Redirect("https://a/\r\nset-cookie: x".to_owned()));
        assert_eq!(reply.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(reply.headers().get(LOCATION).is_none());
    }

    #[test]
    fn no_notice_may_be_cached() {
        for answer in [
            NoticeAnswer::NoContent,
            NoticeAnswer::Pixel,
            NoticeAnswer::Markup { content_type: "text/html", body: b"<b>".to_vec() },
            NoticeAnswer::Redirect("https://shop.example/".to_owned()),
            NoticeAnswer::Refused(StatusCode::FORBIDDEN, "no"),
        ] {
            assert_eq!(of_notice(answer).headers()[CACHE_CONTROL], "no-store");
        }
    }
}
