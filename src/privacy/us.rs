//! Opt-outs under the laws of US states: the US privacy string and the US sections of GPP.
//!
//! Guarantees: a person counts as opted out who opted out of sale, of sharing or of targeted
//! advertising, who sends a Global Privacy Control, or who is a known child; and whoever's
//! section cannot be read, or is of a law that is not in [`LAYOUTS`].

use super::bits::Bits;

/// What a US section says of retargeting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum UsChoice {
    /// It says that its law does not concern this request.
    NotApplicable,
    /// It does not stand against it.
    NotOptedOut,
    /// It stands against it, or cannot be read.
    OptedOut,
}

impl UsChoice {
    /// What two strings say together.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        self.max(other)
    }
}

/// What a US privacy string (IAB CCPA 1.0: version, notice, opt-out, LSPA) says.
pub fn us_privacy(text: &str) -> UsChoice {
    let bytes = text.as_bytes();
    let well_formed = bytes.len() == 4
        && bytes[0] == b'1'
        && bytes[1..].iter().all(|byte| matches!(byte.to_ascii_uppercase(), b'Y' | b'N' | b'-'));
    match bytes.get(2).map(u8::to_ascii_uppercase) {
        Some(b'N') if well_formed => UsChoice::NotOptedOut,
        Some(b'-') if well_formed => UsChoice::NotApplicable,
        _ => UsChoice::OptedOut,
    }
}

/// How many two-bit fields of each sort a version of a section has, in this order. Behind them
/// come fields of which no decision asks.
#[derive(Debug)]
struct Layout {
    section: i64,
    version: u16,
    notices: usize,
    opt_outs: usize,
    sensitive: usize,
    children: usize,
    /// Fields behind those of children; they must be there.
    others: usize,
    /// Whether the segment of the Global Privacy Control may follow.
    control: bool,
}

/// Bits of a field.
const FIELD_BITS: usize = 2;

const fn layout(
    (section, version): (i64, u16),
    [notices, opt_outs, sensitive, children, others]: [usize; 5],
    control: bool,
) -> Layout {
    Layout { section, version, notices, opt_outs, sensitive, children, others, control }
}

/// The sections that can be read (IAB GPP, "Sections"): national, then state by state.
static LAYOUTS: [Layout; 18] = [
    layout((7, 1), [6, 3, 12, 2, 4], true),  // national
    layout((7, 2), [6, 3, 16, 3, 4], true),  // national
    layout((8, 1), [3, 2, 9, 2, 4], true),   // California
    layout((9, 1), [3, 2, 8, 1, 3], false),  // Virginia
    layout((10, 1), [3, 2, 7, 1, 3], true),  // Colorado
    layout((11, 1), [4, 2, 8, 1, 3], false), // Utah
    layout((12, 1), [3, 2, 8, 3, 3], true),  // Connecticut
    layout((13, 1), [3, 2, 8, 3, 4], false), // Florida
    layout((14, 1), [3, 2, 8, 3, 4], true),  // Montana
    layout((15, 1), [3, 2, 11, 3, 4], true), // Oregon
    layout((16, 1), [3, 2, 8, 1, 4], true),  // Texas
    layout((17, 1), [3, 2, 9, 5, 4], true),  // Delaware
    layout((18, 1), [4, 2, 8, 1, 3], true),  // Iowa
    layout((19, 1), [3, 2, 8, 1, 4], true),  // Nebraska
    layout((20, 1), [3, 2, 8, 3, 4], true),  // New Hampshire
    layout((21, 1), [3, 2, 10, 5, 4], true), // New Jersey
    layout((22, 1), [3, 2, 8, 1, 4], true),  // Tennessee
    layout((23, 1), [3, 2, 8, 1, 4], true),  // Minnesota
];

/// What section `id` of a GPP string says.
pub fn section(id: i64, text: &str) -> UsChoice {
    if id == super::gpp::section::US_PRIVACY {
        return us_privacy(text);
    }
    match allows(id, text) {
        Some(true) => UsChoice::NotOptedOut,
        Some(false) | None => UsChoice::OptedOut,
    }
}

/// Whether the section leaves the person reachable; `None` where it cannot be read.
fn allows(id: i64, text: &str) -> Option<bool> {
    let mut segments = text.split('.');
    let mut bits = Bits::new(segments.next()?)?;
    let version = bits.small(6)?;
    let layout = LAYOUTS.iter().find(|one| (one.section, one.version) == (id, version))?;
    let core_allows = core_allows(&mut bits, layout)?;
    let Some(segment) = segments.next() else { return Some(core_allows) };
    let only = layout.control && segments.next().is_none();
    let controlled = if only { global_privacy_control(segment)? } else { return None };
    Some(core_allows && !controlled)
}

fn core_allows(bits: &mut Bits<'_>, layout: &Layout) -> Option<bool> {
    /// What an opt-out field says: 0 is "does not apply", 2 "did not opt out", 3 means nothing.
    const OPTED_OUT: u32 = 1;
    const MEANINGLESS: u32 = 3;
    let mut allows = true;
    bits.skip(FIELD_BITS * layout.notices)?;
    for _ in 0..layout.opt_outs {
        allows &= !matches!(bits.take(FIELD_BITS)?, OPTED_OUT | MEANINGLESS);
    }
    bits.skip(FIELD_BITS * layout.sensitive)?;
    for _ in 0..layout.children {
        // Anything but "does not apply" means that the person is a known child.
        allows &= bits.take(FIELD_BITS)? == 0;
    }
    bits.skip(FIELD_BITS * layout.others)?;
    Some(allows)
}

fn global_privacy_control(segment: &str) -> Option<bool> {
    const CONTROL_SEGMENT: u32 = 1;
    let mut bits = Bits::new(segment)?;
    if bits.take(2)? != CONTROL_SEGMENT {
        return None;
    }
    bits.flag()
}
