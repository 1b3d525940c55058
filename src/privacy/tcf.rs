//! A TCF string (IAB Transparency and Consent String 2.x) as one vendor needs it: whatever the
//! string says about everybody else is stepped over.
//!
//! Guarantees: the whole string is read, the segments behind the core too, and a fault anywhere
//! refuses it; no allocation, work bounded by [`TEXT_BYTES_MAX`]. What the bits suffice for is
//! decided in [`super::consent`].

use super::bits::Bits;
use std::num::NonZeroU16;

/// Longest string that is read. A vendor list of 5,000 as bitfields takes under 2 KB.
pub const TEXT_BYTES_MAX: usize = 4 * 1024;

/// The only version of the core segment that this reads.
const VERSION: u16 = 2;
/// `Created`, `LastUpdated`, `CmpId`, `CmpVersion`, `ConsentScreen`, `ConsentLanguage` and
/// `VendorListVersion`: no decision asks for them.
const BITS_BEFORE_POLICY: usize = 36 + 36 + 12 + 12 + 6 + 12 + 12;
/// `IsServiceSpecific`, `UseNonStandardTexts` and `SpecialFeatureOptIns`.
const BITS_BEFORE_PURPOSES: usize = 1 + 1 + 12;
/// Purposes that a string has room for.
const PURPOSES: usize = 24;

/// A set of purposes: bit n stands for purpose n, bit 0 for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Purposes(u32);

impl Purposes {
    /// The purposes listed; numbers beyond 24 mean nothing and are left out.
    pub fn of(numbers: &[u8]) -> Self {
        let known = numbers.iter().filter(|number| (1..=24).contains(*number));
        Self(known.fold(0, |bits, number| bits | (1 << number)))
    }

    /// Whether purpose `number` is in the set.
    pub fn contains(self, number: u8) -> bool {
        self.0.checked_shr(u32::from(number)).is_some_and(|bits| bits & 1 == 1)
    }

    /// Those of both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of this set that are not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The purposes, lowest first.
    pub fn numbers(self) -> impl Iterator<Item = u8> {
        (1..=24).filter(move |number| self.contains(*number))
    }

    /// As a string writes them: purpose 1 in the first bit.
    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        Some(Self(bits.take(PURPOSES)?.reverse_bits() >> (32 - PURPOSES - 1)))
    }

    fn add(&mut self, number: u16) {
        if (1..=24).contains(&number) {
            self.0 |= 1 << number;
        }
    }
}

/// What a publisher allows one vendor, whatever the person said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Restrictions {
    /// Purposes that are forbidden (type 0, and the undefined type 3).
    pub forbidden: Purposes,
    /// Purposes that must rest on consent (type 1).
    pub by_consent: Purposes,
    /// Purposes that must rest on legitimate interest (type 2).
    pub by_legitimate_interest: Purposes,
}

/// What a TCF string says to one vendor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcfString {
    /// `TcfPolicyVersion`.
    pub policy_version: u8,
    /// `PurposesConsent`.
    pub consents: Purposes,
    /// `PurposesLITransparency`.
    pub legitimate_interests: Purposes,
    /// `PurposeOneTreatment`: purpose 1 was not shown at all.
    pub purpose_one_treatment: bool,
    /// `PublisherCC`: ISO 3166-1 alpha-2.
    pub publisher_country: [u8; 2],
    /// Whether the vendor has consent.
    pub vendor_consent: bool,
    /// Whether the vendor's legitimate interest was shown and not objected to.
    pub vendor_legitimate_interest: bool,
    /// What the publisher forbids the vendor.
    pub restrictions: Restrictions,
    /// Whether the vendor was disclosed; `None` where the string lacks that segment, as those
    /// before TCF 2.3 may.
    pub disclosed: Option<bool>,
}

impl TcfString {
    /// What `text` says to `vendor`; `None` where it is no TCF string of version 2.
    pub fn read(text: &str, vendor: NonZeroU16) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let mut segments = text.split('.');
        let mut read = core(&mut Bits::new(segments.next()?)?, vendor.get())?;
        let mut seen = 0_u8;
        for segment in segments {
            let mut bits = Bits::new(segment)?;
            let kind = bits.take(3)?;
            if seen & (1 << kind) != 0 {
                return None;
            }
            seen |= 1 << kind;
            match kind {
                1 => read.disclosed = Some(vendor_in(&mut bits, vendor.get())?),
                2 => drop(vendor_in(&mut bits, vendor.get())?),
                3 => publisher_purposes(&mut bits)?,
                _ => return None,
            }
        }
        Some(read)
    }
}

fn core(bits: &mut Bits<'_>, vendor: u16) -> Option<TcfString> {
    if bits.small(6)? != VERSION {
        return None;
    }
    bits.skip(BITS_BEFORE_POLICY)?;
    let policy_version = u8::try_from(bits.take(6)?).ok()?;
    bits.skip(BITS_BEFORE_PURPOSES)?;
    Some(TcfString {
        policy_version,
        consents: Purposes::read(bits)?,
        legitimate_interests: Purposes::read(bits)?,
        purpose_one_treatment: bits.flag()?,
        publisher_country: [letter(bits)?, letter(bits)?],
        vendor_consent: vendor_in(bits, vendor)?,
        vendor_legitimate_interest: vendor_in(bits, vendor)?,
        restrictions: restrictions(bits, vendor)?,
        disclosed: None,
    })
}

/// Six bits that stand for a capital, A being 0.
fn letter(bits: &mut Bits<'_>) -> Option<u8> {
    let place = u8::try_from(bits.take(6)?).ok()?;
    (place < 26).then_some(b'A' + place)
}

/// Whether `vendor` is in a set that is written as a bitfield or as ranges.
fn vendor_in(bits: &mut Bits<'_>, vendor: u16) -> Option<bool> {
    let vendor_max = bits.small(16)?;
    if bits.flag()? {
        return vendor_in_ranges(bits, (vendor, vendor_max));
    }
    if vendor > vendor_max {
        bits.skip(usize::from(vendor_max))?;
        return Some(false);
    }
    bits.skip(usize::from(vendor - 1))?;
    let found = bits.flag()?;
    bits.skip(usize::from(vendor_max - vendor))?;
    Some(found)
}

/// Whether `vendor` is in one of the ranges; `None` where a range is upside down, or names a
/// vendor that there is not.
fn vendor_in_ranges(bits: &mut Bits<'_>, (vendor, vendor_max): (u16, u16)) -> Option<bool> {
    let mut found = false;
    for _ in 0..bits.take(12)? {
        let is_range = bits.flag()?;
        let first = bits.small(16)?;
        let last = if is_range { bits.small(16)? } else { first };
        if first == 0 || first > last || last > vendor_max {
            return None;
        }
        found |= (first..=last).contains(&vendor);
    }
    Some(found)
}

fn restrictions(bits: &mut Bits<'_>, vendor: u16) -> Option<Restrictions> {
    let mut all = Restrictions::default();
    for _ in 0..bits.take(12)? {
        let purpose = bits.small(6)?;
        let kind = bits.take(2)?;
        // Unlike the vendor sets, these ranges have no largest vendor before them.
        if vendor_in_ranges(bits, (vendor, u16::MAX))? {
            match kind {
                1 => all.by_consent.add(purpose),
                2 => all.by_legitimate_interest.add(purpose),
                _ => all.forbidden.add(purpose),
            }
        }
    }
    Some(all)
}

/// The publisher's own purposes concern no vendor; they are only checked for being there.
fn publisher_purposes(bits: &mut Bits<'_>) -> Option<()> {
    bits.skip(2 * PURPOSES)?;
    let custom = usize::from(bits.small(6)?);
    bits.skip(2 * custom)
}
