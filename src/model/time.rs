//! Time as an input: seconds since 1970 and lengths in seconds. Nothing here reads a clock.

use std::fmt;

/// Seconds since 1970-01-01T00:00:00Z; good until 2106.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct UnixSeconds(pub u32);

impl UnixSeconds {
    /// Later than any time that Homing handles: "never expires".
    pub const NEVER: Self = Self(u32::MAX);

    /// How long ago `earlier` was; zero when it lies in the future (clocks differ, and a
    /// negative age would make a price rise above its start).
    pub fn since(self, earlier: Self) -> Seconds {
        Seconds(self.0.saturating_sub(earlier.0))
    }

    /// This time plus `length`, saturating.
    #[must_use]
    pub fn plus(self, length: Seconds) -> Self {
        Self(self.0.saturating_add(length.0))
    }

    /// This time minus `length`, saturating at 1970.
    #[must_use]
    pub fn minus(self, length: Seconds) -> Self {
        Self(self.0.saturating_sub(length.0))
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(i64::from(self.0)) {
            Ok(stamp) => write!(f, "{stamp}"),
            Err(_) => write!(f, "{}s", self.0),
        }
    }
}

/// A length of time in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Seconds(pub u32);

impl Seconds {
    /// One hour.
    pub const HOUR: Self = Self(3_600);
    /// One day.
    pub const DAY: Self = Self(86_400);

    /// Reads `90s`, `30m`, `24h`, `14d`, `2w`, or a sum of them such as `1h30m`.
    ///
    /// # Errors
    /// What is wrong with the text, in words fit for a config diagnostic.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut total: u64 = 0;
        let mut rest = text;
        if rest.is_empty() {
            return Err("expected a duration such as \"30m\", \"24h\" or \"14d\"".to_owned());
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: u64 = rest[..digits].parse().map_err(|_| {
                format!("expected digits and a unit (s, m, h, d or w), found {rest:?}")
            })?;
            let unit = match rest.as_bytes().get(digits) {
                Some(b's') => 1,
                Some(b'm') => 60,
                Some(b'h') => 3_600,
                Some(b'd') => 86_400,
                Some(b'w') => 604_800,
                Some(_) => return Err(format!("expected a unit s, m, h, d or w in {text:?}")),
                None => return Err(format!("{text:?} has no unit: write for example \"{text}s\"")),
            };
            total = total.saturating_add(number.saturating_mul(unit));
            rest = &rest[digits + 1..];
        }
        u32::try_from(total).map(Self).map_err(|_| format!("{text:?} is longer than 136 years"))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        if rest == 0 {
            return write!(f, "0s");
        }
        for (unit, name) in [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')] {
            if rest >= unit {
                write!(f, "{}{name}", rest / unit)?;
                rest %= unit;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_alike() {
        for (text, seconds) in
            [("90s", 90), ("30m", 1_800), ("24h", 86_400), ("2w", 1_209_600), ("1h30m", 5_400)]
        {
            assert_eq!(Seconds::parse(text), Ok(Seconds(seconds)));
        }
        for seconds in [0, 1, 59, 60, 3_661, 90_061, 1_209_600] {
            assert_eq!(Seconds::parse(&Seconds(seconds).to_string()), Ok(Seconds(seconds)));
        }
    }

    #[test]
    fn bad_durations_say_what_was_expected() {
        for text in ["", "14", "d", "14 d", "-1d", "1y", "99999999999999999999w", "9999999d"] {
            let said = Seconds::parse(text).expect_err(text);
            assert!(!said.is_empty());
        }
    }

    #[test]
    fn ages_never_go_below_zero() {
        assert_eq!(UnixSeconds(5).since(UnixSeconds(9)), Seconds(0));
    }
}
