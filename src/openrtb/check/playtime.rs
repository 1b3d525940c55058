//! Times as VAST writes them.

/// When a spot can be skipped: a time, or a share of its duration.
pub(super) fn skip_offset(offset: &str, duration: Option<&str>) -> Option<u64> {
    let Some(share) = offset.strip_suffix('%') else { return milliseconds(offset) };
    let share: u64 = share.parse().ok().filter(|share| *share <= 100)?;
    // A wrapper does not know the duration: then the earliest moment is all that can be said.
    let length = duration.and_then(milliseconds).unwrap_or(0);
    Some(length.saturating_mul(share) / 100)
}

/// `HH:MM:SS` or `HH:MM:SS.mmm`.
pub(super) fn milliseconds(time: &str) -> Option<u64> {
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "000"));
    let mut parts = whole.split(':').map(|part| digits(part, 2));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let fraction = digits(fraction, 3)?;
    let is_time = parts.next().is_none() && minutes < 60 && seconds < 60;
    is_time.then_some(((hours * 60 + minutes) * 60 + seconds) * 1_000 + fraction)
}

fn digits(text: &str, count: usize) -> Option<u64> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_strictly() {
        for (text, expected) in [
            ("00:00:30", Some(30_000)),
            ("01:02:03.004", Some(3_723_004)),
            ("30", None),
            ("0:00:30", None),
            ("00:60:00", None),
            ("00:00:30.5", None),
            ("00:00:30:00", None),
            ("+0:00:30", None),
            ("", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text:?}");
        }
        assert_eq!(skip_offset("25%", Some("00:00:30")), Some(7_500));
        assert_eq!(skip_offset("25%", None), Some(0));
        assert_eq!(skip_offset("101%", None), None);
    }
}
