//! The head of an HTTP answer, as far as a load tool must read it: status and length.
//!
//! Guarantees: never reads past what came; an answer whose length it cannot know is refused.

/// Longest head that is accepted.
pub(crate) const HEAD_BYTES_MAX: usize = 8 * 1024;

/// An answer's head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(clippy::struct_field_names, reason = "bytes of the head, as of the body")]
pub(crate) struct Head {
    /// The status.
    pub(crate) status: u16,
    /// Bytes of the head, with the empty line.
    pub(crate) head_bytes: usize,
    /// Bytes of the body.
    pub(crate) body_bytes: usize,
    /// Whether the server closes the connection behind it.
    pub(crate) closes: bool,
}

/// Not an answer that this reader understands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unreadable;

/// Reads the head at the beginning of `bytes`; `None` while it is incomplete.
///
/// # Errors
/// It is no HTTP/1.1 answer of a known length.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Head>, Unreadable> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return if bytes.len() > HEAD_BYTES_MAX { Err(Unreadable) } else { Ok(None) };
    };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| Unreadable)?;
    let mut lines = text.split("\r\n");
    let first = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).ok_or(Unreadable)?;
    let status = first.get(..3).and_then(|digits| digits.parse().ok()).ok_or(Unreadable)?;
    let (mut length, mut closes) = (None, false);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Unreadable)?;
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse().map_err(|_| Unreadable)?);
        } else if name.eq_ignore_ascii_case("connection") {
            closes |= value.trim().eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Unreadable);
        }
    }
    let without_body = status == 204 || status == 304;
    let body_bytes = if without_body { 0 } else { length.ok_or(Unreadable)? };
    Ok(Some(Head { status, head_bytes: end + 4, body_bytes, closes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_once_they_are_whole() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nconnection: close\r\n\r\nhello";
        for cut in 0..text.len() - 5 {
            assert_eq!(read(&text[..cut]), Ok(None), "{cut}");
        }
        let head = Head { status: 200, head_bytes: text.len() - 5, body_bytes: 12, closes: true };
        assert_eq!(read(text), Ok(Some(head)));
        let none = b"HTTP/1.1 204 No Content\r\ndate: now\r\n\r\n";
        let head = Head { status: 204, head_bytes: none.len(), body_bytes: 0, closes: false };
        assert_eq!(read(none), Ok(Some(head)));
    }

    #[test]
    fn what_has_no_length_is_refused() {
        for text in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 2x0 OK\r\ncontent-length: 1\r\n\r\n",
            "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        ] {
            assert_eq!(read(text.as_bytes()), Err(Unreadable), "{text}");
        }
        assert_eq!(read(&vec![b'x'; HEAD_BYTES_MAX + 1]), Err(Unreadable));
    }
}
