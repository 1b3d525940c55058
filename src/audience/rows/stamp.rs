//! The usual form of a time, `2026-11-23T06:00:00Z`, read without a library: rows have one or
//! more each. Any other form is left to the caller; jiff is the oracle in the tests.

/// Days of the months before each, in a year that is none of 366 days.
const DAYS_BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const DAYS_OF: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Seconds since 1970; `None` for every other form, and for what is no time of that form.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let bytes: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    if separators.iter().any(|(at, separator)| bytes[*at] != *separator) {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0_u64, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let at = usize::try_from(month.checked_sub(1)?).ok()?;
    let days_of_month = *DAYS_OF.get(at)? + u64::from(leap && month == 2);
    let valid = year >= 1970 && (1..=days_of_month).contains(&day);
    // A leap second has its own rules: the library knows them.
    if !valid || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let days = years + DAYS_BEFORE[at] + u64::from(leap && month > 2) + day - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_second_is_read_as_the_library_reads_it(at in 0_u32..=u32::MAX) {
            let stamp = jiff::Timestamp::from_second(i64::from(at)).expect("in range").to_string();
            prop_assert_eq!(seconds(&stamp), Some(u64::from(at)), "{}", stamp);
        }

        #[test]
        fn what_is_read_is_a_time_of_the_library(
            date in (1960_u32..2200, 0_u32..15, 0_u32..35),
            time in (0_u32..26, 0_u32..62, 0_u32..62),
        ) {
            let ((year, month, day), (hour, minute, second)) = (date, time);
            let text = format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
            if let Some(read) = seconds(&text) {
                let stamp: jiff::Timestamp = text.parse().expect("a time");
                prop_assert_eq!(i64::try_from(read), Ok(stamp.as_second()));
            }
        }
    }

    #[test]
    fn other_forms_are_left_alone() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T06:00:00+01:00",
            "2026-02-29T00:00:00Z",
            "2026-11-23 06:00:00Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
        assert_eq!(seconds("2024-02-29T00:00:00Z"), Some(1_709_164_800));
    }
}
