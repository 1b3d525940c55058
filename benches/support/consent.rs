//! Consent strings as long as they come.

/// A long TCF string: consent and interest of each 1,200 vendors, disclosed, as bits; or of
/// half of them, as 200 ranges.
pub(crate) fn tcf_string(as_ranges: bool) -> String {
    let (mut core, mut disclosed) = (vec![], vec![false, false, true]);
    put(&mut core, (2, 6));
    put(&mut core, (0, 126));
    put(&mut core, (5, 6));
    put(&mut core, (0, 14));
    put(&mut core, (u64::from(u32::MAX), 48));
    put(&mut core, (0, 13));
    vendors(&mut core, as_ranges);
    vendors(&mut core, as_ranges);
    put(&mut core, (0, 12));
    vendors(&mut disclosed, as_ranges);
    format!("{}.{}", web_safe(&core), web_safe(&disclosed))
}

fn put(bits: &mut Vec<bool>, (value, count): (u64, u32)) {
    bits.extend((0..count).rev().map(|place| value.checked_shr(place).unwrap_or(0) & 1 == 1));
}

fn vendors(bits: &mut Vec<bool>, as_ranges: bool) {
    put(bits, (1_200, 16));
    put(bits, (u64::from(as_ranges), 1));
    if !as_ranges {
        bits.extend([true; 1_200]);
        return;
    }
    put(bits, (200, 12));
    for number in 0..200 {
        // 755 is in the range from 753 to 755.
        put(bits, (1, 1));
        put(bits, (6 * number + 3, 16));
        put(bits, (6 * number + 5, 16));
    }
}

fn web_safe(bits: &[bool]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = |six: &[bool]| {
        (0..6).fold(0, |value, place| value << 1 | usize::from(six.get(place) == Some(&true)))
    };
    bits.chunks(6).map(|six| char::from(alphabet[value(six)])).collect()
}
