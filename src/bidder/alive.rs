//! A file that says whether the last stop was a clean one, and when the node was last alive.
//!
//! It is there while the bidder runs, and its time of change is set anew all the while. A clean
//! stop removes it; whoever finds it at a start knows that bids were in flight when the process
//! ended, of which nobody knows any more. Its own clock is the file system's: it need not be
//! flushed, since only a power cut loses it, and then it is the older.

use crate::model::UnixSeconds;
use crate::server::clock;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const FILE: &str = "running";

/// The file of this process.
#[derive(Debug)]
pub(super) struct Alive {
    path: PathBuf,
}

impl Alive {
    /// Takes the file over; since when nobody has been alive, if the last stop was unclean.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(super) fn begin(data: &Path) -> io::Result<(Self, Option<UnixSeconds>)> {
        let path = data.join(FILE);
        let last = fs::metadata(&path).and_then(|found| found.modified());
        File::create(&path)?;
        Ok((Self { path }, last.ok().map(seconds_of)))
    }

    /// Says that the process is alive.
    pub(super) fn touch(&self) {
        let touched = File::options().write(true).open(&self.path);
        let now = UNIX_EPOCH + Duration::from_secs(u64::from(clock::now().0));
        // Where it fails, the next start waits longer.
        let _ = touched.and_then(|file| file.set_modified(now));
    }

    /// Says that nothing is in flight that is not known: the stop is a clean one.
    pub(super) fn end(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn seconds_of(time: SystemTime) -> UnixSeconds {
    let since = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    UnixSeconds(u32::try_from(since).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unclean_stop_leaves_a_trace() {
        let data = tempfile::tempdir().expect("a folder");
        let (first, last) = Alive::begin(data.path()).expect("made");
        assert_eq!(last, None);
        first.touch();
        let (second, last) = Alive::begin(data.path()).expect("made");
        assert!(last.is_some_and(|last| last.0 > 1_700_000_000), "it ended without a word");
        second.end();
        let (_, last) = Alive::begin(data.path()).expect("made");
        assert_eq!(last, None);
    }
}
