//! The segment files of a log: their names, how one is begun, which there are.
//!
//! Guarantees: a segment has its name only once its header is durable, so a name always stands
//! for a whole header; beginning one again under the same name replaces the first attempt.

use super::disk::{Disk, DiskFile};
use super::frames::{HEADER_BYTES, Header, HeaderFault};
use super::scan::read_header;
use crate::event::LogPosition;
use crate::model::UnixSeconds;
use std::io;

const PREFIX: &str = "segment-";
const SUFFIX: &str = ".log";
/// A file with this ending is not finished; whoever finds it at start removes it.
pub const UNFINISHED_SUFFIX: &str = ".new";
/// The name of a segment until its header is durable.
const UNFINISHED: &str = "segment.new";

/// A segment that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// What its header says.
    pub header: Header,
    /// Its length.
    pub bytes: u64,
}

impl Segment {
    /// Its file.
    pub fn name(&self) -> String {
        name_of(self.header.first)
    }
}

/// The file of the segment whose first event is at `first`.
pub fn name_of(first: LogPosition) -> String {
    format!("{PREFIX}{:020}{SUFFIX}", first.0)
}

/// The position in the name of a segment's file; `None` for other files.
pub fn first_of(name: &str) -> Option<LogPosition> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let is_ours = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_ours.then(|| digits.parse().ok().map(LogPosition))?
}

/// A segment file with what its header says, or why it says nothing.
pub struct Found {
    /// Its name.
    pub name: String,
    /// The position in its name.
    pub first: LogPosition,
    /// Its length.
    pub bytes: u64,
    /// Its header.
    pub header: Result<Header, HeaderFault>,
}

/// The segments of a folder, in order.
///
/// # Errors
/// The disk's.
pub fn find(disk: &dyn Disk) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for name in disk.list()? {
        if let Some(first) = first_of(&name) {
            let header = read_header(disk, &name)?;
            // A header that belongs to another name was not written under this one.
            let header = header.and_then(|header| {
                if header.first == first { Ok(header) } else { Err(HeaderFault::Checksum) }
            });
            found.push(Found { bytes: disk.bytes(&name)?, name, first, header });
        }
    }
    found.sort_by_key(|segment| segment.first);
    Ok(found)
}

/// Begins a segment: `frames` are its first ones. It is durable, under its name, when this
/// returns. `reserve` bytes more are written and taken back, to see that there is room.
///
/// # Errors
/// The disk's; there may be a segment of this name all the same.
pub fn begin(
    disk: &dyn Disk,
    header: Header,
    frames: &[u8],
    reserve: usize,
) -> io::Result<(Segment, Box<dyn DiskFile>)> {
    let mut file = disk.create(UNFINISHED)?;
    let mut bytes = header.encode().to_vec();
    bytes.extend_from_slice(frames);
    file.write(&bytes)?;
    if reserve > 0 {
        file.write(&vec![0; reserve])?;
        file.sync()?;
        file.truncate(bytes.len() as u64)?;
    }
    file.sync()?;
    let segment = Segment { header, bytes: bytes.len() as u64 };
    disk.rename(UNFINISHED, &segment.name())?;
    disk.sync_folder()?;
    Ok((segment, file))
}

/// The header of the first segment of a log whose state is that after `after`.
pub fn first_header(after: LogPosition, begun: UnixSeconds) -> Header {
    Header { first: LogPosition(after.0 + 1), follows: after, begun }
}

/// Whether a segment holds no event.
pub fn is_empty(segment: &Segment) -> bool {
    segment.bytes <= HEADER_BYTES as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_positions_and_are_read_back() {
        let positions = [1, 9, 10, u64::MAX].map(LogPosition);
        let names = positions.map(name_of);
        assert!(names.is_sorted());
        assert_eq!(names.each_ref().map(|name| first_of(name)), positions.map(Some));
        for other in ["segment.new", "segment-1.log", "lock", "segment-0000000000000000000x.log"] {
            assert_eq!(first_of(other), None, "{other}");
        }
    }
}
