//! Reads the frames of a segment, one after the other, in bounded memory; finds its way again
//! after damage.

use super::disk::Disk;
use super::frames::{
    FRAME_HEADER_BYTES, FrameFault, HEADER_BYTES, Header, HeaderFault, PAYLOAD_BYTES_MAX,
    decode_frame, frame_bytes, peek_frame,
};
use crate::event::LogPosition;
use std::io::{self, Read};

/// How much is read at a time: some thousand frames, and at least one of the longest.
const BUFFER_BYTES: usize = 1 << 20;
const _: () = assert!(BUFFER_BYTES >= PAYLOAD_BYTES_MAX);

/// A frame that is whole.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The event's place in the log.
    pub position: LogPosition,
    /// Where the frame begins in its segment.
    pub offset: u64,
    /// All bytes of the segment before this offset were durable when the frame was written.
    pub synced: u64,
    /// The encoded event.
    pub payload: &'a [u8],
}

/// What comes next in a segment.
#[derive(Debug)]
pub enum Step<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// The end of the file, after a whole frame.
    End,
    /// Bytes that are no frame. They are not passed: [`FrameReader::resync`] does that.
    Bad(FrameFault),
}

/// Reads frames.
pub struct FrameReader {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// Where the bytes that were not yet passed begin in `buffer`.
    start: usize,
    /// The offset in the file of `buffer[start]`.
    offset: u64,
    is_at_end: bool,
}

/// Reads the header of a segment.
///
/// # Errors
/// The disk's.
pub fn read_header(disk: &dyn Disk, name: &str) -> io::Result<Result<Header, HeaderFault>> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    disk.read(name, 0)?.take(HEADER_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(Header::decode(&bytes))
}

impl FrameReader {
    /// Reads the segment `name` after its header.
    ///
    /// # Errors
    /// The disk's.
    pub fn open(disk: &dyn Disk, name: &str) -> io::Result<Self> {
        Self::open_at(disk, name, HEADER_BYTES as u64)
    }

    /// Reads the segment `name` from `offset` on.
    ///
    /// # Errors
    /// The disk's.
    pub fn open_at(disk: &dyn Disk, name: &str, offset: u64) -> io::Result<Self> {
        let source = disk.read(name, offset)?;
        Ok(Self { source, buffer: Vec::new(), start: 0, offset, is_at_end: false })
    }

    /// Where what comes next begins in the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next frame; it is passed.
    ///
    /// # Errors
    /// The disk's.
    pub fn step(&mut self) -> io::Result<Step<'_>> {
        if self.fill(1)? == 0 {
            return Ok(Step::End);
        }
        match self.whole()? {
            Ok(length) => Ok(Step::Frame(self.take(length))),
            Err(fault) => Ok(Step::Bad(fault)),
        }
    }

    /// Passes bytes until a whole frame begins whose position `is_plausible` (what looks like a
    /// frame by chance is too seldom otherwise, and costs time); the frame is not passed.
    /// `false` where there is none up to the end.
    ///
    /// # Errors
    /// The disk's.
    pub fn resync(&mut self, is_plausible: impl Fn(LogPosition) -> bool) -> io::Result<bool> {
        while self.fill(FRAME_HEADER_BYTES)? >= FRAME_HEADER_BYTES {
            let header = peek_frame(&self.buffer[self.start..]);
            let is_possible = u64::from(header.synced) <= self.offset;
            if is_possible && is_plausible(header.position) && self.whole()?.is_ok() {
                return Ok(true);
            }
            self.pass(1);
        }
        let rest = self.buffer.len() - self.start;
        self.pass(rest);
        Ok(false)
    }

    /// The length of the frame that comes next, if it is whole.
    fn whole(&mut self) -> io::Result<Result<usize, FrameFault>> {
        if self.fill(FRAME_HEADER_BYTES)? < FRAME_HEADER_BYTES {
            return Ok(Err(FrameFault::Short));
        }
        let length = match frame_bytes(&self.buffer[self.start..]) {
            Ok(length) => length,
            Err(fault) => return Ok(Err(fault)),
        };
        if self.fill(length)? < length {
            return Ok(Err(FrameFault::Short));
        }
        Ok(decode_frame(&self.buffer[self.start..self.start + length]).map(|_| length))
    }

    /// Passes a frame that was found to be whole.
    fn take(&mut self, length: usize) -> Frame<'_> {
        let (begin, offset) = (self.start, self.offset);
        self.pass(length);
        let frame = &self.buffer[begin..begin + length];
        let header = peek_frame(frame);
        let payload = &frame[FRAME_HEADER_BYTES..];
        Frame { position: header.position, offset, synced: u64::from(header.synced), payload }
    }

    fn pass(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Sees to it that `wanted` bytes are there, if the file has them; how many are.
    fn fill(&mut self, wanted: usize) -> io::Result<usize> {
        let there = self.buffer.len() - self.start;
        if there >= wanted || self.is_at_end {
            return Ok(there);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let missing = (wanted.max(BUFFER_BYTES) - there) as u64;
        let read = self.source.by_ref().take(missing).read_to_end(&mut self.buffer)?;
        self.is_at_end = (read as u64) < missing;
        Ok(self.buffer.len())
    }
}
