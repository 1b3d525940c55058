//! The section `[collect]`: how much is taken in, and from when.

use crate::audience::overlay::OverlayLimits;
use crate::config::Section;
use crate::model::Seconds;
use hyper::header::HeaderName;

/// Bounds on what shops and browsers send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CollectRules {
    /// Events a second of one shop; 0: no limit.
    pub events_per_second_max: u32,
    /// Calls a second of one client; 0: no limit.
    pub calls_per_second_max: u32,
    /// How old an event may be; older ones are taken to be as old as that.
    pub past_max: Seconds,
    /// The header in which a balancer writes the client's address last.
    pub client_address_header: Option<HeaderName>,
    /// Bounds of the overlay.
    pub overlay: OverlayLimits,
}

/// Bytes of a MiB.
const MIB: usize = 1 << 20;

/// Reads the section.
pub(super) fn read(section: &Section<'_>) -> Option<CollectRules> {
    let header = section.text("client_address_header").map(str::to_ascii_lowercase);
    Some(CollectRules {
        events_per_second_max: section.number_of("events_per_second_max")?,
        calls_per_second_max: section.number_of("calls_per_second_max")?,
        past_max: section.duration("past_max")?,
        client_address_header: header.and_then(|name| HeaderName::try_from(name).ok()),
        overlay: OverlayLimits {
            users_max: section.number_of("overlay_users_max")?,
            bytes_max: section.number_of::<usize>("overlay_mib_max")?.saturating_mul(MIB),
            seen_max: section.number_of("events_seen_max")?,
        },
    })
}
