//! The field numbers of `proto/openrtb.proto` that this bidder reads or writes: those of the
//! IAB's schema, which Google's shares. The tests hold them against the compiled schema.

pub(crate) mod bid_request {
    pub(crate) const ID: u32 = 1;
    pub(crate) const IMP: u32 = 2;
    pub(crate) const SITE: u32 = 3;
    pub(crate) const APP: u32 = 4;
    pub(crate) const DEVICE: u32 = 5;
    pub(crate) const USER: u32 = 6;
    pub(crate) const AT: u32 = 7;
    pub(crate) const TMAX: u32 = 8;
    pub(crate) const WSEAT: u32 = 9;
    pub(crate) const CUR: u32 = 11;
    pub(crate) const BCAT: u32 = 12;
    pub(crate) const BADV: u32 = 13;
    pub(crate) const REGS: u32 = 14;
    pub(crate) const TEST: u32 = 15;
    pub(crate) const BAPP: u32 = 16;
    pub(crate) const BSEAT: u32 = 17;
    pub(crate) const WLANG: u32 = 18;
    pub(crate) const SOURCE: u32 = 19;
    pub(crate) const WLANGB: u32 = 20;
    pub(crate) const CATTAX: u32 = 21;
    pub(crate) const DOOH: u32 = 22;
    pub(crate) const ACAT: u32 = 23;
}

pub(crate) mod source {
    pub(crate) const SCHAIN: u32 = 4;
}

pub(crate) mod source_ext {
    pub(crate) const SCHAIN: u32 = 1;
}

/// The extension message, the same everywhere.
pub(crate) const EXT: u32 = 99;

pub(crate) mod imp {
    pub(crate) const ID: u32 = 1;
    pub(crate) const BANNER: u32 = 2;
    pub(crate) const VIDEO: u32 = 3;
    pub(crate) const INSTL: u32 = 6;
    pub(crate) const BIDFLOOR: u32 = 8;
    pub(crate) const BIDFLOORCUR: u32 = 9;
    pub(crate) const PMP: u32 = 11;
    pub(crate) const SECURE: u32 = 12;
    pub(crate) const NATIVE: u32 = 13;
    pub(crate) const EXP: u32 = 14;
    pub(crate) const AUDIO: u32 = 15;
    pub(crate) const RWDD: u32 = 18;
    pub(crate) const QTY: u32 = 20;
}

pub(crate) mod pmp {
    pub(crate) const PRIVATE_AUCTION: u32 = 1;
    pub(crate) const DEALS: u32 = 2;
}

pub(crate) mod qty {
    pub(crate) const MULTIPLIER: u32 = 1;
}

/// `w` and `h` have the same numbers in `Format`.
pub(crate) mod banner {
    pub(crate) const W: u32 = 1;
    pub(crate) const H: u32 = 2;
    pub(crate) const BTYPE: u32 = 5;
    pub(crate) const BATTR: u32 = 6;
    pub(crate) const MIMES: u32 = 7;
    pub(crate) const EXPDIR: u32 = 9;
    pub(crate) const API: u32 = 10;
    pub(crate) const FORMAT: u32 = 15;
}

pub(crate) mod site {
    pub(crate) const DOMAIN: u32 = 3;
    pub(crate) const PAGE: u32 = 7;
}

pub(crate) mod app {
    pub(crate) const BUNDLE: u32 = 8;
}

pub(crate) mod dooh {
    pub(crate) const DOMAIN: u32 = 6;
}

pub(crate) mod device {
    pub(crate) const DNT: u32 = 1;
    pub(crate) const UA: u32 = 2;
    pub(crate) const GEO: u32 = 4;
    pub(crate) const OS: u32 = 14;
    pub(crate) const DEVICETYPE: u32 = 18;
    pub(crate) const IFA: u32 = 20;
    pub(crate) const LMT: u32 = 23;
    pub(crate) const SUA: u32 = 31;
}

pub(crate) mod device_ext {
    pub(crate) const ATTS: u32 = 1;
}

pub(crate) mod geo {
    pub(crate) const COUNTRY: u32 = 3;
    pub(crate) const REGION: u32 = 4;
}

pub(crate) mod user {
    pub(crate) const ID: u32 = 1;
    pub(crate) const BUYERUID: u32 = 2;
    pub(crate) const CONSENT: u32 = 10;
    pub(crate) const EIDS: u32 = 11;
}

pub(crate) mod user_ext {
    pub(crate) const CONSENT: u32 = 1;
    pub(crate) const EIDS: u32 = 2;
}

pub(crate) mod eid {
    pub(crate) const SOURCE: u32 = 1;
    pub(crate) const UIDS: u32 = 2;
    pub(crate) const MM: u32 = 5;
}

pub(crate) mod uid {
    pub(crate) const ID: u32 = 1;
}

pub(crate) mod regs {
    pub(crate) const COPPA: u32 = 1;
    pub(crate) const GPP: u32 = 2;
    pub(crate) const GPP_SID: u32 = 3;
    pub(crate) const GDPR: u32 = 4;
    pub(crate) const US_PRIVACY: u32 = 5;
}

pub(crate) mod regs_ext {
    pub(crate) const GDPR: u32 = 1;
    pub(crate) const US_PRIVACY: u32 = 2;
    pub(crate) const GPC: u32 = 3;
    pub(crate) const DSA: u32 = 4;
}

pub(crate) mod dsa_request {
    pub(crate) const DSAREQUIRED: u32 = 1;
    pub(crate) const PUBRENDER: u32 = 2;
    pub(crate) const DATATOPUB: u32 = 3;
}

pub(crate) mod bid_response {
    pub(crate) const ID: u32 = 1;
    pub(crate) const SEATBID: u32 = 2;
    pub(crate) const BIDID: u32 = 3;
    pub(crate) const CUR: u32 = 4;
    pub(crate) const NBR: u32 = 6;
}

pub(crate) mod seat_bid {
    pub(crate) const BID: u32 = 1;
    pub(crate) const SEAT: u32 = 2;
}

pub(crate) mod bid {
    pub(crate) const ID: u32 = 1;
    pub(crate) const IMPID: u32 = 2;
    pub(crate) const PRICE: u32 = 3;
    pub(crate) const NURL: u32 = 5;
    pub(crate) const ADM: u32 = 6;
    pub(crate) const ADOMAIN: u32 = 7;
    pub(crate) const IURL: u32 = 8;
    pub(crate) const CID: u32 = 9;
    pub(crate) const CRID: u32 = 10;
    pub(crate) const ATTR: u32 = 11;
    pub(crate) const DEALID: u32 = 13;
    pub(crate) const BUNDLE: u32 = 14;
    pub(crate) const CAT: u32 = 15;
    pub(crate) const W: u32 = 16;
    pub(crate) const H: u32 = 17;
    pub(crate) const API: u32 = 18;
    pub(crate) const PROTOCOL: u32 = 19;
    pub(crate) const EXP: u32 = 21;
    pub(crate) const BURL: u32 = 22;
    pub(crate) const LURL: u32 = 23;
    pub(crate) const LANGUAGE: u32 = 25;
    pub(crate) const CATTAX: u32 = 30;
    pub(crate) const APIS: u32 = 31;
    pub(crate) const DUR: u32 = 32;
    pub(crate) const MTYPE: u32 = 33;
    pub(crate) const ADM_NATIVE: u32 = 50;
}

pub(crate) mod bid_ext {
    pub(crate) const DSA: u32 = 2;
}

pub(crate) mod dsa_response {
    pub(crate) const BEHALF: u32 = 1;
    pub(crate) const PAID: u32 = 2;
    pub(crate) const TRANSPARENCY: u32 = 3;
    pub(crate) const ADRENDER: u32 = 4;
}

pub(crate) mod transparency {
    pub(crate) const DOMAIN: u32 = 1;
    pub(crate) const DSAPARAMS: u32 = 2;
}
