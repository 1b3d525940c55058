//! Random US sections, read alike by us and by the crate `iab_gpp`.

use super::oracle::Random;
use super::strings::us;
use crate::privacy::us::{UsChoice, section};
use iab_gpp::sections::usnat::Core as Nat;
use iab_gpp::sections::{
    usca::UsCa, usco::UsCo, usct::UsCt, usde::UsDe, usfl::UsFl, usia::UsIa, usmn::UsMn, usmt::UsMt,
    usnat::UsNat, usne::UsNe, usnh::UsNh, usnj::UsNj, usor::UsOr, ustn::UsTn, ustx::UsTx,
    usut::UsUt, usva::UsVa,
};
use std::fmt::Debug;

/// Whether the oracle finds an opt-out among `fields`, written out.
fn refuses(opt_outs: &[&dyn Debug], children: &dyn Debug, control: Option<bool>) -> bool {
    let told = |field: &&dyn Debug| format!("{field:?}");
    let children = format!("{children:?}").replace("KnownChildSensitiveDataConsents", "");
    opt_outs.iter().map(told).any(|field| field == "OptedOut")
        || children.contains("Consent")
        || control == Some(true)
}

macro_rules! oracle {
    ($kind:ident, $text:expr, [$($opt_out:ident),+], $control:expr) => {{
        let read: $kind = $text.parse().unwrap_or_else(|error| panic!("{}: {error}", $text));
        let control: fn(&$kind) -> Option<bool> = $control;
        let core = &read.core;
        refuses(
            &[$(&core.$opt_out),+],
            &core.known_child_sensitive_data_consents,
            control(&read),
        )
    }};
    ($kind:ident, $text:expr) => {
        oracle!($kind, $text, [sale_opt_out, targeted_advertising_opt_out], |read| read.gpc)
    };
    ($kind:ident, $text:expr, no control) => {
        oracle!($kind, $text, [sale_opt_out, targeted_advertising_opt_out], |_| None)
    };
}

fn national(text: &str) -> bool {
    macro_rules! core {
        ($core:expr, $control:expr) => {
            refuses(
                &[&$core.sale_opt_out, &$core.sharing_opt_out, &$core.targeted_advertising_opt_out],
                &$core.known_child_sensitive_data_consents,
                $control,
            )
        };
    }
    let read: UsNat = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    match &read.core {
        Nat::V1(core) => core!(core, read.gpc),
        Nat::V2(core) => core!(core, read.gpc),
        other => panic!("a version of its own: {other:?}"),
    }
}

fn oracle_refuses(id: i64, text: &str) -> bool {
    match id {
        7 => national(text),
        8 => oracle!(UsCa, text, [sale_opt_out, sharing_opt_out], |read| read.gpc),
        9 => oracle!(UsVa, text, no control),
        10 => oracle!(UsCo, text),
        11 => oracle!(UsUt, text, no control),
        12 => oracle!(UsCt, text),
        13 => oracle!(UsFl, text, no control),
        14 => oracle!(UsMt, text),
        15 => oracle!(UsOr, text),
        16 => oracle!(UsTx, text),
        17 => oracle!(UsDe, text),
        18 => oracle!(UsIa, text),
        19 => oracle!(UsNe, text),
        20 => oracle!(UsNh, text),
        21 => oracle!(UsNj, text),
        22 => oracle!(UsTn, text),
        _ => oracle!(UsMn, text),
    }
}

/// Sections, versions and how many two-bit fields each has, from the specification.
const FIELDS: [(i64, u64, usize); 18] = [
    (7, 1, 27),
    (7, 2, 32),
    (8, 1, 20),
    (9, 1, 17),
    (10, 1, 16),
    (11, 1, 18),
    (12, 1, 19),
    (13, 1, 20),
    (14, 1, 20),
    (15, 1, 23),
    (16, 1, 18),
    (17, 1, 23),
    (18, 1, 18),
    (19, 1, 18),
    (20, 1, 20),
    (21, 1, 24),
    (22, 1, 18),
    (23, 1, 18),
];

#[test]
fn us_sections_are_read_as_the_oracle_reads_them() {
    let mut random = Random(7);
    let (mut allowed, mut refused) = (0, 0);
    for (id, version, count) in FIELDS {
        for _ in 0..2_000 {
            // Mostly zeros, or hardly any section would leave the person reachable.
            let mut field = || [0, 0, 0, 0, 0, 0, 2, 1][random.below(8) as usize];
            let mut fields: Vec<u8> = (0..count).map(|_| field()).collect();
            // `MspaCoveredTransaction` is 1 or 2.
            fields[count - 3] = 2;
            let control = [None, Some(false), Some(true)][random.below(3) as usize];
            let control = control.filter(|_| ![9, 11, 13].contains(&id));
            let text = us(version, &fields, control);
            let expected = oracle_refuses(id, &text);
            assert_eq!(section(id, &text) == UsChoice::OptedOut, expected, "{id}: {text}");
            if expected { refused += 1 } else { allowed += 1 }
        }
        let short = us(version, &vec![0; count - 3], None);
        assert_eq!(section(id, &short), UsChoice::OptedOut, "{id}: cut off");
        let whole = us(version, &vec![0; count], None);
        assert_eq!(section(id, &whole), UsChoice::NotOptedOut, "{id}: no more fields than these");
    }
    assert!(allowed > 1_000 && refused > 1_000, "{allowed} allowed, {refused} refused");
}
