//! How far a spot has been played, as players report it.

/// What a player reports of a video or a piece of audio (VAST, "TrackingEvents").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Progress {
    /// It began.
    Start,
    /// A quarter was played.
    FirstQuartile,
    /// Half was played.
    Midpoint,
    /// Three quarters were played.
    ThirdQuartile,
    /// It was played to its end.
    Complete,
}

impl Progress {
    /// Every report, in the order of playing.
    pub const ALL: [Self; 5] =
        [Self::Start, Self::FirstQuartile, Self::Midpoint, Self::ThirdQuartile, Self::Complete];

    /// The word in URLs, reports and metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::FirstQuartile => "first_quartile",
            Self::Midpoint => "midpoint",
            Self::ThirdQuartile => "third_quartile",
            Self::Complete => "complete",
        }
    }

    /// Position in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}
