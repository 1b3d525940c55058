//! `caps`: the frequency caps of an advertiser or a campaign.

use super::model::{CAPS_MAX, Cap, Caps};
use crate::config::Section;

/// Reads the list `caps` of `section`.
pub(super) fn read(section: &Section<'_>) -> Caps {
    let mut caps = Caps::default();
    for entry in section.tables("caps") {
        match (entry.has("impressions"), entry.has("per"), entry.has("min_gap")) {
            (true, true, false) => caps.windows.extend(window(&entry)),
            (false, false, true) if caps.min_gap.is_some() => {
                entry.error("min_gap", "a second `min_gap`", "at most one in a list of caps");
            }
            (false, false, true) => caps.min_gap = entry.duration("min_gap"),
            _ => report_form(&entry),
        }
    }
    if caps.windows.len() > CAPS_MAX {
        let message = format!("{} windows of impressions", caps.windows.len());
        section.error("caps", message, format!("at most {CAPS_MAX}"));
    }
    caps
}

fn window(entry: &Section<'_>) -> Option<Cap> {
    Some(Cap { impressions: entry.number_of("impressions")?, per: entry.duration("per")? })
}

fn report_form(entry: &Section<'_>) {
    if !entry.may_be_incomplete() {
        let expected = "either { impressions = 3, per = \"1h\" } or { min_gap = \"5m\" }";
        entry.faults().error(entry.at(), "an incomplete or mixed cap", expected);
    }
}
