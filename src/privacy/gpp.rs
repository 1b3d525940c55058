//! The frame of a GPP string (IAB Global Privacy Platform): which sections it has, and the text
//! of each.
//!
//! Guarantees: a string whose header does not tell exactly the sections that follow is refused
//! whole; no allocation. What a section says is read in [`super::tcf`] and [`super::us`].

use super::bits::Bits;

/// Longest string that is read: the longest TCF string, and as much again for all others.
pub const TEXT_BYTES_MAX: usize = 2 * super::tcf::TEXT_BYTES_MAX;
/// Most sections; fewer than 30 ids are given out.
const SECTIONS_MAX: usize = 64;
/// What the header says that it is, and its version.
const HEADER: (u32, u32) = (3, 1);

/// Section ids (IAB GPP, "Section Information").
pub mod section {
    /// TCF EU of version 1, withdrawn.
    pub const TCF_EU_V1: i64 = 1;
    /// TCF EU of version 2.
    pub const TCF_EU: i64 = 2;
    /// The US privacy string.
    pub const US_PRIVACY: i64 = 6;
}

/// A GPP string whose frame is sound.
#[derive(Clone, Copy, Debug)]
pub struct GppString<'a> {
    sections: &'a str,
    ids: [u16; SECTIONS_MAX],
    count: usize,
}

impl<'a> GppString<'a> {
    /// Reads the frame; `None` where it is no GPP string of version 1.
    pub fn read(text: &'a str) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let (header, sections) = text.split_once('~')?;
        let mut string = Self { sections, ids: [0; SECTIONS_MAX], count: 0 };
        string.read_header(&mut Bits::new(header)?)?;
        (sections.split('~').count() == string.count).then_some(string)
    }

    /// The ids of its sections, in ascending order.
    pub fn ids(&self) -> impl Iterator<Item = i64> + '_ {
        self.ids[..self.count].iter().map(|id| i64::from(*id))
    }

    /// The text of section `id`; `None` where it is not there.
    pub fn section(&self, id: i64) -> Option<&'a str> {
        let place = self.ids().position(|one| one == id)?;
        self.sections.split('~').nth(place)
    }

    /// Ids are written as distances from the one before, alone or as a range.
    fn read_header(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        if (bits.take(6)?, bits.take(6)?) != HEADER {
            return None;
        }
        let mut last = 0_u16;
        for _ in 0..bits.take(12)? {
            let is_range = bits.flag()?;
            let first = last.checked_add(bits.fibonacci()?)?;
            last = if is_range { first.checked_add(bits.fibonacci()?)? } else { first };
            for id in first..=last {
                *self.ids.get_mut(self.count)? = id;
                self.count += 1;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_are_read() {
        let both = GppString::read("DBACNY~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN");
        let both = both.expect("the example of the specification");
        assert_eq!(both.ids().collect::<Vec<_>>(), [section::TCF_EU, section::US_PRIVACY]);
        assert_eq!(both.section(6), Some("1YNN"));
        assert_eq!(both.section(7), None);
        let one = GppString::read("DBABTA~1YNN").expect("the shortest");
        assert_eq!(one.section(section::US_PRIVACY), Some("1YNN"));
    }

    #[test]
    fn unsound_frames_are_refused() {
        for text in [
            "",
            "DBABTA",
            "DBABTA~",
            "DBABTA~1YNN~1YNN",
            "DBACNY~1YNN",
            "DBAB~1YNN",
            "EBABTA~1YNN",
            "DCABTA~1YNN",
            "DBABT=~1YNN",
            "~1YNN",
            "DB__TA~1YNN",
        ] {
            // An empty section is one all the same: its own reader refuses it.
            let sections = GppString::read(text).map(|string| string.section(6) == Some(""));
            assert!(sections.unwrap_or(true), "{text:?}");
        }
        let long = format!("DBABTA~{}", "1".repeat(TEXT_BYTES_MAX));
        assert!(GppString::read(&long).is_none());
    }

    #[test]
    fn ranges_count_from_the_id_before() {
        // 3, 1, two entries: a range from 2 (011) over 1 more (11); then alone, 3 further (0011).
        // 000011 000001 000000 000010 101111 000110
        let string = GppString::read("DBACvG~a~b~c").expect("sound");
        assert_eq!(string.ids().collect::<Vec<_>>(), [2, 3, 6]);
        assert_eq!(string.section(6), Some("c"));
    }
}
