//! What the operator sets of privacy: where GDPR is taken to apply when a request does not say.

/// The countries of the European Economic Area, the United Kingdom and Switzerland, whose laws
/// are GDPR or its like: ISO 3166-1 alpha-3.
pub const EEA_UK_CH: [[u8; 3]; 32] = [
    *b"AUT", *b"BEL", *b"BGR", *b"CHE", *b"CYP", *b"CZE", *b"DEU", *b"DNK", *b"ESP", *b"EST",
    *b"FIN", *b"FRA", *b"GBR", *b"GRC", *b"HRV", *b"HUN", *b"IRL", *b"ISL", *b"ITA", *b"LIE",
    *b"LTU", *b"LUX", *b"LVA", *b"MLT", *b"NLD", *b"NOR", *b"POL", *b"PRT", *b"ROU", *b"SVK",
    *b"SVN", *b"SWE",
];

/// The operator's privacy rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrivacyRules {
    /// Countries, in ISO 3166-1 alpha-3, where `gdpr` is taken as 1 when a request is silent.
    pub gdpr_assumed_in: Vec<[u8; 3]>,
}

impl PrivacyRules {
    /// Whether GDPR is taken to apply in `country` when a request is silent.
    pub fn assumes_gdpr_in(&self, country: [u8; 3]) -> bool {
        self.gdpr_assumed_in.contains(&country)
    }
}

impl Default for PrivacyRules {
    fn default() -> Self {
        Self { gdpr_assumed_in: EEA_UK_CH.to_vec() }
    }
}
