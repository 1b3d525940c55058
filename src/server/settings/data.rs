//! `[data]`: how the event log is kept. The folder is read with the other folders.

use crate::config::Section;
use crate::log::{Fsync, JournalRules};
use std::time::Duration;

/// Reads how the log is kept.
pub(super) fn read(section: &Section<'_>) -> Option<JournalRules> {
    Some(JournalRules {
        fsync: fsync_of(section.text("fsync")?)?,
        segment_bytes: section.number_of("log_segment_bytes")?,
        keep: section.duration("log_keep")?,
        keep_bytes: section.number_of("log_keep_bytes_max")?,
        ..JournalRules::default()
    })
}

/// Reads `always`, or one to four digits and `ms`.
pub(super) fn fsync_of(text: &str) -> Option<Fsync> {
    if text == "always" {
        return Some(Fsync::Always);
    }
    let digits = text.strip_suffix("ms")?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || digits.is_empty() || digits.len() > 4 || digits.starts_with('0') {
        return None;
    }
    Some(Fsync::Every(Duration::from_millis(digits.parse().ok()?)))
}
