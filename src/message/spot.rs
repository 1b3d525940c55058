//! Whether a video or a piece of audio fits a place, and as what it is written there.
//!
//! Guarantees: pure and allocation-free; what is chosen, a place can play: linear, of a length,
//! a protocol, a media type and a bitrate that it takes (OpenRTB 2.6, 3.2.7 and 3.2.8).

use crate::campaign::model::{MediaFile, SpotAd, SpotSource};
use crate::openrtb::offer::{Medium, Spot};

/// Most media files of one spot: one bit each in [`SpotChoice::files`].
pub const FILES_MAX: usize = 32;

/// What a spot becomes for one place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpotChoice {
    /// `protocol`: the version of VAST, inline or wrapper (AdCOM list "Creative Subtypes").
    pub protocol: u8,
    /// The media files that the place can play, one bit each in the order of the ad; 0 for a
    /// wrapper.
    pub files: u32,
}

impl SpotChoice {
    /// Whether it is one in which `ad` can be written: an inline version with some of its own
    /// files, or a wrapper's.
    pub fn is_of(self, ad: &SpotAd) -> bool {
        let wraps = Version::of_protocol(self.protocol)
            .map(|version| version.protocols()[1] == self.protocol);
        match &ad.source {
            SpotSource::Wrapped { .. } => wraps == Some(true) && self.files == 0,
            SpotSource::Files(files) => {
                let beyond = self.files.checked_shr(files.len() as u32).unwrap_or(0);
                wraps == Some(false) && self.files != 0 && beyond == 0
            }
        }
    }
}

/// The versions of VAST that are written, oldest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(super) enum Version {
    V2,
    V3,
    V4,
    V41,
    V42,
}

impl Version {
    pub(super) const ALL: [Self; 5] = [Self::V2, Self::V3, Self::V4, Self::V41, Self::V42];
    /// What is written where a place does not say what it reads: 3.0 is old enough for every
    /// player in use to read it, and the first that can say when a spot may be skipped. What
    /// 4.x adds (ids of serving and of the creative) is not needed for playing.
    pub(super) const UNSAID: Self = Self::V3;

    /// Its numbers in `protocols`: inline, wrapper.
    fn protocols(self) -> [u8; 2] {
        match self {
            Self::V2 => [2, 5],
            Self::V3 => [3, 6],
            Self::V4 => [7, 8],
            Self::V41 => [11, 12],
            Self::V42 => [13, 14],
        }
    }

    /// The version that a number of `protocols` names, if it is one of ours.
    pub(super) fn of_protocol(protocol: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.protocols().contains(&protocol))
    }
}

/// What `ad` becomes on `spot`; `None` where it does not fit. `medium` is the list that the spot
/// stands in, `secure` whether everything must be https.
pub fn choose(ad: &SpotAd, medium: Medium, spot: &Spot, secure: bool) -> Option<SpotChoice> {
    let skippable = ad.skip_after_s.is_some();
    let fits = is_linear(spot)
        && is_of_length(ad.duration_s, spot)
        && !(skippable && spot.skip == Some(false))
        && !(secure && ad.companions.iter().any(|one| !is_secure(&one.url)));
    let (wrapper, files) = match &ad.source {
        SpotSource::Files(files) => (false, playable(files, medium, (spot, secure))),
        SpotSource::Wrapped { url } if secure && !is_secure(url) => return None,
        SpotSource::Wrapped { .. } => (true, 0),
    };
    let protocol = protocol(spot.protocols, wrapper)?;
    (fits && (wrapper || files != 0)).then_some(SpotChoice { protocol, files })
}

/// What we have is linear: it takes the place of the content for its time.
fn is_linear(spot: &Spot) -> bool {
    spot.linearity.is_none_or(|linearity| linearity == 1)
}

fn is_of_length(seconds: u32, spot: &Spot) -> bool {
    let pod_s = spot.pod.and_then(|pod| pod.duration_s);
    spot.durations.fit(seconds) && pod_s.is_none_or(|pod_s| seconds <= pod_s)
}

/// The newest of ours that the place reads.
fn protocol(offered: u32, wrapper: bool) -> Option<u8> {
    let number = |version: Version| version.protocols()[usize::from(wrapper)];
    if offered == 0 {
        return Some(number(Version::UNSAID));
    }
    let is_offered = |protocol: &u8| offered & 1 << protocol != 0;
    Version::ALL.into_iter().rev().map(number).find(is_offered)
}

/// The files that the place can play, one bit each.
fn playable(files: &[MediaFile], medium: Medium, (spot, secure): (&Spot, bool)) -> u32 {
    let mut mask = 0;
    for (place, file) in files.iter().enumerate().take(FILES_MAX) {
        let welcome = spot.media_types.is_none_or(|types| types.contains(file.media_type));
        let of_medium = match medium {
            Medium::Audio => file.media_type.is_audio(),
            _ => file.media_type.is_video(),
        };
        let secure_enough = !secure || is_secure(&file.url);
        if welcome && of_medium && secure_enough && is_of_bitrate(file, spot) {
            mask |= 1 << place;
        }
    }
    mask
}

/// Where the place limits bitrates, a file that does not say its own cannot be shown to keep
/// the limits.
fn is_of_bitrate(file: &MediaFile, spot: &Spot) -> bool {
    let (min, max) = spot.bitrate_kbps;
    let unlimited = min == 0 && (max == 0 || max == u32::MAX);
    unlimited || (file.bitrate_kbps > 0 && (min..=max).contains(&file.bitrate_kbps))
}

fn is_secure(url: &str) -> bool {
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

#[cfg(test)]
#[path = "spot_tests.rs"]
mod tests;
