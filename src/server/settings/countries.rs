//! Countries that settings name together.

/// The countries of the European Economic Area, the United Kingdom and Switzerland, whose laws
/// are GDPR or its like: ISO 3166-1 alpha-3.
pub(super) const EEA_UK_CH: [[u8; 3]; 32] = [
    *b"AUT", *b"BEL", *b"BGR", *b"CHE", *b"CYP", *b"CZE", *b"DEU", *b"DNK", *b"ESP", *b"EST",
    *b"FIN", *b"FRA", *b"GBR", *b"GRC", *b"HRV", *b"HUN", *b"IRL", *b"ISL", *b"ITA", *b"LIE",
    *b"LTU", *b"LUX", *b"LVA", *b"MLT", *b"NLD", *b"NOR", *b"POL", *b"PRT", *b"ROU", *b"SVK",
    *b"SVN", *b"SWE",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_without_doubles() {
        assert!(EEA_UK_CH.is_sorted_by(|left, right| left < right));
        assert!(!EEA_UK_CH.contains(b"USA"));
    }
}
