//! Random well-formed TCF and GPP strings, read alike by us and by the crate `iab_gpp`.
//!
//! Publisher restrictions are left out here: `iab_gpp` 0.1.2 reads a largest vendor before their
//! ranges, which the specification does not have. The truth table covers them.

use super::strings::{Tc, Vendors, gpp};
use crate::privacy::gpp::GppString;
use crate::privacy::tcf::{Purposes, TcfString};
use iab_gpp::sections::tcfeuv2::TcfEuV2;
use iab_gpp::v1::GPPString;
use std::num::NonZeroU16;

/// Strings compared.
const STRINGS: u64 = 100_000;
/// Largest vendor id in them.
const VENDOR_MAX: u64 = 90;

/// A reproducible stream of numbers (`SplitMix64`).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn purposes(&mut self) -> Vec<u8> {
        let bits = self.next();
        (1..=24).filter(|number| bits >> number & 1 == 1).collect()
    }

    fn vendors(&mut self) -> Vendors {
        let (first, length) = (self.below(VENDOR_MAX) + 1, self.below(9));
        let mut vendors = Vendors::bits(&[]);
        vendors.as_ranges = self.below(2) == 0;
        vendors.ids.extend((first..first + length).map(|id| id as u16));
        vendors.ids.extend((0..self.below(5)).map(|_| self.below(VENDOR_MAX) as u16 + 1));
        vendors
    }

    fn optional_vendors(&mut self) -> Option<Vendors> {
        (self.below(2) == 0).then(|| self.vendors())
    }

    fn tc(&mut self) -> Tc {
        Tc {
            version: 2,
            noise: self.next(),
            policy: self.below(64) as u8,
            consents: self.purposes(),
            interests: self.purposes(),
            one_treatment: self.below(2) == 0,
            country: [b'A' + self.below(26) as u8, b'A' + self.below(26) as u8],
            vendor_consents: self.vendors(),
            vendor_interests: self.vendors(),
            restrictions: vec![],
            disclosed: self.optional_vendors(),
            allowed: self.optional_vendors(),
            publisher_custom: (self.below(2) == 0).then(|| self.below(30) as u8),
        }
    }
}

#[test]
fn tcf_strings_are_read_as_the_oracle_reads_them() {
    let mut random = Random(755);
    for turn in 0..STRINGS {
        let text = random.tc().text();
        let oracle: TcfEuV2 = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let vendor = NonZeroU16::new(random.below(VENDOR_MAX + 10) as u16 + 1).expect("above 0");
        let ours = TcfString::read(&text, vendor).unwrap_or_else(|| panic!("{turn}: {text}"));
        let purposes = |set: Purposes| set.numbers().map(u16::from).collect::<Vec<_>>();
        let of_oracle = |set: &std::collections::BTreeSet<u16>| set.iter().copied().collect();
        let (core, id) = (&oracle.core, vendor.get());
        let expected: (Vec<u16>, Vec<u16>) =
            (of_oracle(&core.purpose_consents), of_oracle(&core.purpose_legitimate_interests));
        let read = (purposes(ours.consents), purposes(ours.legitimate_interests));
        assert_eq!(read, expected, "{text}");
        assert_eq!(ours.policy_version, core.policy_version, "{text}");
        assert_eq!(ours.purpose_one_treatment, core.purpose_one_treatment, "{text}");
        assert_eq!(ours.publisher_country, core.publisher_country_code.as_bytes(), "{text}");
        assert_eq!(ours.vendor_consent, core.vendor_consents.contains(&id), "{text}");
        let interest = core.vendor_legitimate_interests.contains(&id);
        assert_eq!(ours.vendor_legitimate_interest, interest, "{text}");
        let disclosed = oracle.disclosed_vendors.map(|vendors| vendors.contains(&id));
        assert_eq!(ours.disclosed, disclosed, "{text}");
    }
    println!("{STRINGS} strings read alike");
}

#[test]
fn gpp_frames_are_read_as_the_oracle_reads_them() {
    // At most two sections: `iab_gpp` 0.1.2 counts the third id from the distance of the second.
    let mut random = Random(2);
    for _ in 0..5_000 {
        let first = random.below(22) + 1;
        let second = first + 1 + random.below(23 - first);
        let both = [(first as u16, "one"), (second as u16, "two")];
        let sections = &both[..=random.below(2) as usize];
        let text = gpp(sections);
        let ours = GppString::read(&text).expect("sound");
        let oracle: GPPString = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let ids = oracle.section_ids().map(|id| *id as i64);
        assert_eq!(ours.ids().collect::<Vec<_>>(), ids.collect::<Vec<_>>(), "{text}");
        for id in oracle.section_ids() {
            assert_eq!(ours.section(*id as i64), oracle.section(*id), "{text}");
        }
    }
}
