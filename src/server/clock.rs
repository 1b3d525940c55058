//! The wall clock: the only place in the crate that reads it.
//!
//! Everything else takes the time as an input, so that replaying, simulating and testing can
//! give another. Durations are measured with `Instant`, which never jumps, not with this.

use crate::model::UnixSeconds;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time now. Before 1970 it is 1970; after 2106 it stays there.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
pub fn now() -> UnixSeconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixSeconds(u32::try_from(since.as_secs()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_past_the_day_this_was_written() {
        assert!(now() > UnixSeconds(1_700_000_000));
    }
}
