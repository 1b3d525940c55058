//! Writes TCF, GPP and US strings for tests, from the specifications and not from the readers.

use std::collections::BTreeSet;

/// Our vendor id in tests.
pub(crate) const OURS: u16 = 755;

/// Bits to web-safe base64.
#[derive(Clone, Default)]
pub(crate) struct BitWriter(Vec<bool>);

impl BitWriter {
    pub(crate) fn put(&mut self, value: u64, bits: usize) {
        self.0.extend((0..bits).rev().map(|place| value >> place & 1 == 1));
    }

    pub(crate) fn text(&self) -> String {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let value = |six: &[bool]| {
            (0..6).fold(0, |value, place| value << 1 | usize::from(six.get(place) == Some(&true)))
        };
        self.0.chunks(6).map(|six| char::from(alphabet[value(six)])).collect()
    }

    /// Purposes, purpose 1 first.
    fn purposes(&mut self, purposes: &[u8]) {
        (1..=24).for_each(|number| self.put(u64::from(purposes.contains(&number)), 1));
    }

    fn vendors(&mut self, set: &Vendors) {
        let vendor_max = set.ids.last().copied().unwrap_or(0);
        self.put(u64::from(vendor_max), 16);
        self.put(u64::from(set.as_ranges), 1);
        if set.as_ranges {
            self.ranges(&set.ids);
        } else {
            (1..=vendor_max).for_each(|id| self.put(u64::from(set.ids.contains(&id)), 1));
        }
    }

    fn ranges(&mut self, ids: &BTreeSet<u16>) {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for id in ids {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *id => *last = *id,
                _ => ranges.push((*id, *id)),
            }
        }
        self.put(ranges.len() as u64, 12);
        for (first, last) in ranges {
            self.put(u64::from(first != last), 1);
            self.put(u64::from(first), 16);
            if first != last {
                self.put(u64::from(last), 16);
            }
        }
    }

    fn fibonacci(&mut self, number: u16) {
        let mut terms = vec![1_u16, 2];
        while terms[terms.len() - 1] <= number {
            terms.push(terms[terms.len() - 1] + terms[terms.len() - 2]);
        }
        let (mut left, mut bits, mut begun) = (number, Vec::new(), false);
        for term in terms.iter().rev() {
            let taken = left >= *term;
            left -= if taken { *term } else { 0 };
            begun |= taken;
            if begun {
                bits.push(taken);
            }
        }
        self.0.extend(bits.iter().rev());
        self.0.push(true);
    }
}

/// A set of vendors.
#[derive(Clone, Default)]
pub(crate) struct Vendors {
    pub(crate) ids: BTreeSet<u16>,
    pub(crate) as_ranges: bool,
}

impl Vendors {
    pub(crate) fn bits(ids: &[u16]) -> Self {
        Self { ids: ids.iter().copied().collect(), as_ranges: false }
    }

    pub(crate) fn ranges(ids: &[u16]) -> Self {
        Self { as_ranges: true, ..Self::bits(ids) }
    }
}

/// What is written of a TCF string.
#[derive(Clone)]
pub(crate) struct Tc {
    pub(crate) version: u8,
    /// Created, updated, CMP and language, which nobody reads.
    pub(crate) noise: u64,
    pub(crate) policy: u8,
    pub(crate) consents: Vec<u8>,
    pub(crate) interests: Vec<u8>,
    pub(crate) one_treatment: bool,
    pub(crate) country: [u8; 2],
    pub(crate) vendor_consents: Vendors,
    pub(crate) vendor_interests: Vendors,
    /// Purpose, type, vendors.
    pub(crate) restrictions: Vec<(u8, u8, Vec<u16>)>,
    pub(crate) disclosed: Option<Vendors>,
    pub(crate) allowed: Option<Vendors>,
    pub(crate) publisher_custom: Option<u8>,
}

impl Tc {
    /// All that retargeting by [`OURS`] needs, in a string of TCF 2.3.
    pub(crate) fn granting() -> Self {
        Self {
            version: 2,
            noise: 0x0123_4567_89AB_CDEF,
            policy: 5,
            consents: vec![1, 2, 3, 4, 7],
            interests: vec![],
            one_treatment: false,
            country: *b"DE",
            vendor_consents: Vendors::bits(&[OURS]),
            vendor_interests: Vendors::default(),
            restrictions: vec![],
            disclosed: Some(Vendors::ranges(&[OURS])),
            allowed: None,
            publisher_custom: None,
        }
    }

    pub(crate) fn without_disclosed(self) -> Self {
        Self { disclosed: None, ..self }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn text(&self) -> String {
        let mut text = self.core().text();
        for (kind, set) in [(1, &self.disclosed), (2, &self.allowed)] {
            if let Some(set) = set {
                let mut segment = BitWriter::default();
                segment.put(kind, 3);
                segment.vendors(set);
                text = format!("{text}.{}", segment.text());
            }
        }
        if let Some(custom) = self.publisher_custom {
            let mut segment = BitWriter::default();
            segment.put(3, 3);
            segment.put(self.noise >> 16, 48);
            segment.put(u64::from(custom), 6);
            segment.put(self.noise, 2 * usize::from(custom));
            text = format!("{text}.{}", segment.text());
        }
        text
    }

    fn core(&self) -> BitWriter {
        let mut bits = BitWriter::default();
        bits.put(u64::from(self.version), 6);
        bits.put(self.noise, 36); // Created
        bits.put(self.noise >> 7, 36); // LastUpdated
        bits.put(self.noise >> 3, 12); // CmpId
        bits.put(self.noise >> 5, 12); // CmpVersion
        bits.put(self.noise >> 9, 6); // ConsentScreen
        bits.put(4, 6); // ConsentLanguage
        bits.put(13, 6);
        bits.put(self.noise >> 11, 12); // VendorListVersion
        bits.put(u64::from(self.policy), 6);
        bits.put(self.noise >> 13, 2); // IsServiceSpecific, UseNonStandardTexts
        bits.put(self.noise >> 17, 12); // SpecialFeatureOptIns
        bits.purposes(&self.consents);
        bits.purposes(&self.interests);
        bits.put(u64::from(self.one_treatment), 1);
        self.country.iter().for_each(|letter| bits.put(u64::from(letter - b'A'), 6));
        bits.vendors(&self.vendor_consents);
        bits.vendors(&self.vendor_interests);
        bits.put(self.restrictions.len() as u64, 12);
        for (purpose, kind, vendors) in &self.restrictions {
            bits.put(u64::from(*purpose), 6);
            bits.put(u64::from(*kind), 2);
            bits.ranges(&vendors.iter().copied().collect());
        }
        bits
    }
}

/// A GPP string of these sections, ids ascending.
pub(crate) fn gpp(sections: &[(u16, &str)]) -> String {
    let mut header = BitWriter::default();
    header.put(3, 6);
    header.put(1, 6);
    header.put(sections.len() as u64, 12);
    let mut last = 0;
    for (id, _) in sections {
        header.put(0, 1);
        header.fibonacci(id - last);
        last = *id;
    }
    sections.iter().fold(header.text(), |text, (_, section)| format!("{text}~{section}"))
}

/// A US section of this version and two-bit fields, with its segment of the Global Privacy
/// Control.
pub(crate) fn us(version: u64, fields: &[u8], control: Option<bool>) -> String {
    let mut core = BitWriter::default();
    core.put(version, 6);
    for field in fields {
        core.put(u64::from(*field), 2);
    }
    let Some(control) = control else { return core.text() };
    let mut segment = BitWriter::default();
    segment.put(1, 2);
    segment.put(u64::from(control), 1);
    format!("{}.{}", core.text(), segment.text())
}
