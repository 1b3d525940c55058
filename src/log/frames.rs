//! The bytes of a segment file, as `docs/log-format.md` specifies them: a header, then frames.
//!
//! Guarantees: what is written here is read here; any change of up to four bytes in a row, and
//! all but one in four thousand million others, is noticed. Must not do I/O.

use crate::event::LogPosition;
use crate::model::UnixSeconds;

/// What a segment begins with.
const MAGIC: [u8; 8] = *b"HOMINGLG";
/// The version of the format that is written, and the only one that is read.
pub const FORMAT_VERSION: u32 = 1;
/// Bytes of a segment's header.
pub const HEADER_BYTES: usize = 36;
/// Bytes of a frame before its payload.
pub const FRAME_HEADER_BYTES: usize = 20;
/// Longest payload: a sane bound for a length that is read from a damaged disk, and several
/// times what the largest event of the schema needs.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// The header of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The position of its first event.
    pub first: LogPosition,
    /// The position of the last event that counts before it: the one before `first`, or an
    /// earlier one where a salvage has found the events between to be lost.
    pub follows: LogPosition,
    /// The time of the log when it was begun: no event before it is of a later time.
    pub begun: UnixSeconds,
}

/// Why bytes are no header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderFault {
    /// Fewer bytes than a header has.
    #[error("expected a header of {HEADER_BYTES} bytes, found the end of the file")]
    Short,
    /// It does not begin as a segment does.
    #[error("expected a segment, found other bytes")]
    Magic,
    /// It is of another version.
    #[error(
        "expected format version {FORMAT_VERSION}, found {0}: use the version of Homing that wrote it"
    )]
    Version(u32),
    /// It is damaged.
    #[error("the checksum of the header is wrong")]
    Checksum,
}

impl Header {
    /// The bytes of the header.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.begun.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.follows.0.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..32]);
        bytes[32..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the header at the beginning of `bytes`.
    ///
    /// # Errors
    /// There is none that this version understands.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let bytes = bytes.get(..HEADER_BYTES).ok_or(HeaderFault::Short)?;
        if bytes[..8] != MAGIC {
            return Err(HeaderFault::Magic);
        }
        let version = read_u32(bytes, 8);
        if version != FORMAT_VERSION {
            return Err(HeaderFault::Version(version));
        }
        if read_u32(bytes, 32) != crc32fast::hash(&bytes[..32]) {
            return Err(HeaderFault::Checksum);
        }
        Ok(Self {
            begun: UnixSeconds(read_u32(bytes, 12)),
            first: LogPosition(read_u64(bytes, 16)),
            follows: LogPosition(read_u64(bytes, 24)),
        })
    }
}

/// What a frame says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameHeader {
    /// The event's place in the log.
    pub position: LogPosition,
    /// All bytes of the segment before this offset were durable when the frame was written.
    pub synced: u32,
}

/// Appends a frame to `out`.
pub fn encode_frame(header: FrameHeader, payload: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&header.position.0.to_le_bytes());
    out.extend_from_slice(&header.synced.to_le_bytes());
    out.extend_from_slice(payload);
    let checksum = crc32fast::hash(&out[begin + 4..]);
    out[begin..begin + 4].copy_from_slice(&checksum.to_le_bytes());
}

/// Why bytes are no frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameFault {
    /// The file ends within it.
    #[error("the file ends within a frame")]
    Short,
    /// A length that no frame has.
    #[error("expected a length of 1 to {PAYLOAD_BYTES_MAX}, found {0}")]
    Length(u32),
    /// It is damaged.
    #[error("the checksum of a frame is wrong")]
    Checksum,
    /// It is whole, but not the one that comes next.
    #[error("expected event {expected}, found event {found}")]
    Position {
        /// The one that comes next.
        expected: u64,
        /// The one that is there.
        found: u64,
    },
}

/// The length of the whole frame whose first [`FRAME_HEADER_BYTES`] bytes are given.
///
/// # Errors
/// No frame has such a length.
pub fn frame_bytes(header: &[u8]) -> Result<usize, FrameFault> {
    let length = read_u32(header, 4);
    if length == 0 || length as usize > PAYLOAD_BYTES_MAX {
        return Err(FrameFault::Length(length));
    }
    Ok(FRAME_HEADER_BYTES + length as usize)
}

/// What the first [`FRAME_HEADER_BYTES`] bytes of a frame say; not verified.
pub fn peek_frame(header: &[u8]) -> FrameHeader {
    FrameHeader { position: LogPosition(read_u64(header, 8)), synced: read_u32(header, 16) }
}

/// Reads a frame whose bytes are all there, no fewer and no more.
///
/// # Errors
/// The checksum is wrong.
pub fn decode_frame(frame: &[u8]) -> Result<(FrameHeader, &[u8]), FrameFault> {
    if read_u32(frame, 0) != crc32fast::hash(&frame[4..]) {
        return Err(FrameFault::Checksum);
    }
    Ok((peek_frame(frame), &frame[FRAME_HEADER_BYTES..]))
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes are four bytes"))
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes are eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header =
        Header { first: LogPosition(42), follows: LogPosition(40), begun: UnixSeconds(7) };

    #[test]
    fn a_header_is_read_as_it_was_written_and_any_changed_byte_is_noticed() {
        let bytes = HEADER.encode();
        assert_eq!(Header::decode(&bytes), Ok(HEADER));
        for at in 0..bytes.len() {
            let mut bad = bytes;
            bad[at] ^= 0x40;
            assert!(Header::decode(&bad).is_err(), "byte {at}");
            assert_eq!(Header::decode(&bytes[..at]), Err(HeaderFault::Short));
        }
    }

    #[test]
    fn a_frame_is_read_as_it_was_written_and_any_changed_byte_is_noticed() {
        let header = FrameHeader { position: LogPosition(9), synced: 36 };
        let mut frame = Vec::new();
        encode_frame(header, b"payload", &mut frame);
        assert_eq!(frame_bytes(&frame), Ok(frame.len()));
        assert_eq!(decode_frame(&frame), Ok((header, &b"payload"[..])));
        for at in 0..frame.len() {
            let mut bad = frame.clone();
            bad[at] ^= 1;
            assert_eq!(decode_frame(&bad), Err(FrameFault::Checksum), "byte {at}");
        }
    }
}
