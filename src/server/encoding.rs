//! What a body is packed and written in, and unpacking it.
//!
//! Guarantees: unpacking stops one byte past the limit, whatever the body promises; gzip
//! inside gzip is refused. Must not keep anything between two requests but the buffer that
//! it is given.

use super::service::{ContentKind, Refusal};
use flate2::bufread::MultiGzDecoder;
use hyper::HeaderMap;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use std::io::Read;

/// The first bytes of every gzip member.
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// How a body is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Packing {
    /// As it is.
    Plain,
    /// gzip.
    Gzip,
}

impl Packing {
    /// Reads the header, or, where there is none, `gzip=1` in the query: Prebid.js sends that
    /// since a header would cost it a preflight. `None` for what is not understood.
    pub(super) fn of(headers: &HeaderMap, query: Option<&str>) -> Option<Self> {
        let mut named = headers.get_all(CONTENT_ENCODING).iter();
        let Some(name) = named.next() else {
            let gzip = query.is_some_and(|query| query.split('&').any(|pair| pair == "gzip=1"));
            return Some(if gzip { Self::Gzip } else { Self::Plain });
        };
        let name = name.to_str().ok()?.trim();
        match name {
            _ if named.next().is_some() => None,
            _ if name.is_empty() || name.eq_ignore_ascii_case("identity") => Some(Self::Plain),
            _ if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                Some(Self::Gzip)
            }
            _ => None,
        }
    }
}

/// Whether the caller takes an answer that is packed by gzip (RFC 9110, 12.5.3): it must name
/// gzip, or everything that it does not name; a weight of 0 is a refusal.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut named, mut others) = (None, false);
    for value in headers.get_all(ACCEPT_ENCODING) {
        for offer in value.as_bytes().split(|byte| *byte == b',') {
            let mut parts = offer.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let name = parts.next().unwrap_or_default();
            let wanted = parts.all(|parameter| !is_zero_weight(parameter));
            if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") {
                named = Some(named.unwrap_or(true) && wanted);
            } else if name == b"*" {
                others = wanted;
            }
        }
    }
    named.unwrap_or(others)
}

/// Whether a parameter is `q=0`, `q=0.0` and so on.
fn is_zero_weight(parameter: &[u8]) -> bool {
    let mut halves = parameter.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
    let is_weight = halves.next().is_some_and(|name| name.eq_ignore_ascii_case(b"q"));
    let is_zero = |weight: &[u8]| weight.iter().all(|byte| matches!(byte, b'0' | b'.'));
    is_weight && halves.next().is_some_and(is_zero)
}

/// Names under which exchanges send protobuf.
const PROTOBUF_TYPES: [&str; 3] =
    ["application/x-protobuf", "application/protobuf", "application/octet-stream"];

impl ContentKind {
    /// Reads the `Content-Type`; parameters such as `charset` are ignored.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(CONTENT_TYPE) else {
            return Self::Json;
        };
        let name = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        let name = name.trim_ascii();
        let is =
            |known: &[&str]| known.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        let mut binary = PROTOBUF_TYPES.iter();
        if is(&["application/json", "text/json", "application/openrtb+json", ""]) {
            Self::Json
        } else if let Some(known) = binary.find(|known| is(&[known])) {
            Self::Protobuf(known)
        } else if is(&["text/plain"]) {
            Self::Text
        } else {
            Self::Other
        }
    }
}

/// Unpacks `packed` into `out`, which is cleared first.
///
/// # Errors
/// What is not gzip, is more than `bytes_max` unpacked, or holds gzip again.
pub fn gunzip(packed: &[u8], out: &mut Vec<u8>, bytes_max: usize) -> Result<(), Refusal> {
    out.clear();
    let mut limited = MultiGzDecoder::new(packed).take(bytes_max as u64 + 1);
    limited.read_to_end(out).map_err(|_| Refusal::BadGzip)?;
    if out.len() > bytes_max {
        return Err(Refusal::TooLarge);
    }
    if out.starts_with(GZIP_MAGIC) {
        return Err(Refusal::UnknownEncoding);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use hyper::header::HeaderValue;
    use proptest::prelude::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("a Vec takes everything");
        encoder.finish().expect("a Vec takes everything")
    }

    fn headers(name: &hyper::header::HeaderName, values: &[&'static str]) -> HeaderMap {
        let pairs = values.iter().map(|value| (name.clone(), HeaderValue::from_static(value)));
        pairs.fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, value);
            map
        })
    }

    #[test]
    fn packing_is_read_from_the_header_and_then_from_the_query() {
        let of = |values: &[&'static str], query| {
            Packing::of(&headers(&CONTENT_ENCODING, values), query)
        };
        assert_eq!(of(&[], None), Some(Packing::Plain));
        assert_eq!(of(&[], Some("a=b&gzip=1")), Some(Packing::Gzip));
        assert_eq!(of(&[], Some("gzip=10&xgzip=1")), Some(Packing::Plain));
        assert_eq!(of(&["GZip"], None), Some(Packing::Gzip));
        assert_eq!(of(&["identity"], Some("gzip=1")), Some(Packing::Plain), "the header decides");
        for unknown in [&["br"][..], &["gzip, gzip"], &["gzip", "gzip"], &["deflate"]] {
            assert_eq!(of(unknown, None), None, "{unknown:?}");
        }
    }

    #[test]
    fn gzip_is_accepted_where_it_is_named_and_not_refused() {
        for (values, accepted) in [
            (&[][..], false),
            (&["gzip"], true),
            (&["deflate, GZIP ;q=0.5"], true),
            (&["br", "x-gzip"], true),
            (&["gzip;q=0"], false),
            (&["gzip; q=0.000, *"], false),
            (&["gzip;q=0.001"], true),
            (&["*"], true),
            (&["*;q=0"], false),
            (&["identity"], false),
            (&["gzipped"], false),
            (&[""], false),
            (&[",;,q=0"], false),
        ] {
            assert_eq!(accepts_gzip(&headers(&ACCEPT_ENCODING, values)), accepted, "{values:?}");
        }
    }

    #[test]
    fn content_kinds() {
        for (value, kind) in [
            ("application/json", ContentKind::Json),
            ("Application/JSON; charset=utf-8", ContentKind::Json),
            ("application/X-Protobuf", ContentKind::Protobuf("application/x-protobuf")),
            ("application/octet-stream", ContentKind::Protobuf("application/octet-stream")),
            ("text/plain;charset=UTF-8", ContentKind::Text),
            ("text/html", ContentKind::Other),
        ] {
            assert_eq!(ContentKind::of(&headers(&CONTENT_TYPE, &[value])), kind, "{value}");
        }
        assert_eq!(ContentKind::of(&HeaderMap::new()), ContentKind::Json);
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![b' '; 64 * 1024 * 1024]);
        let mut out = Vec::new();
        assert_eq!(gunzip(&bomb, &mut out, 1_000), Err(Refusal::TooLarge));
        assert!(out.capacity() < 64 * 1024, "{} bytes held", out.capacity());
    }

    #[test]
    fn what_is_not_exactly_gzip_is_refused() {
        let mut out = Vec::new();
        let good = gzip(b"hello");
        assert_eq!(gunzip(&good, &mut out, 5), Ok(()));
        assert_eq!(out, b"hello");
        let trailing = [&good[..], b"x"].concat();
        for bad in [b"hello".as_slice(), &good[..good.len() - 1], &[], &trailing] {
            assert_eq!(gunzip(bad, &mut out, 100), Err(Refusal::BadGzip), "{bad:?}");
        }
        assert_eq!(gunzip(&gzip(&good), &mut out, 100), Err(Refusal::UnknownEncoding));
    }

    proptest! {
        #[test]
        fn any_bytes_are_unpacked_or_refused_within_the_limit(bytes: Vec<u8>, limit in 0_usize..64) {
            let mut out = Vec::new();
            let _ = gunzip(&bytes, &mut out, limit);
            prop_assert!(out.len() <= limit + 1);
            let outcome = gunzip(&gzip(&bytes), &mut out, limit);
            if bytes.len() > limit {
                prop_assert_eq!(outcome, Err(Refusal::TooLarge));
            } else if !bytes.starts_with(GZIP_MAGIC) {
                prop_assert_eq!((outcome, &out), (Ok(()), &bytes));
            }
        }
    }
}
