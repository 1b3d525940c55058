//! Text as it stands inside a JSON string.

use super::json::plain_run_end;

/// Appends `text` as the inside of a JSON string.
pub fn push_json_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    loop {
        let at = plain_run_end(bytes, copied);
        out.extend_from_slice(&bytes[copied..at]);
        let Some(special) = bytes.get(at) else { return };
        push_escape(out, *special);
        copied = at + 1;
    }
}

/// Appends the escape of a quote, a backslash or a control character.
fn push_escape(out: &mut Vec<u8>, special: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match special {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0..0x20 => b'u',
        quote_or_backslash => quote_or_backslash,
    };
    out.extend_from_slice(&[b'\\', short]);
    if short == b'u' {
        let low = [HEX[usize::from(special >> 4)], HEX[usize::from(special & 15)]];
        out.extend_from_slice(b"00");
        out.extend_from_slice(&low);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_survives_the_trip_through_json(text in any::<String>()) {
            let mut out = vec![b'"'];
            push_json_escaped(&mut out, &text);
            out.push(b'"');
            prop_assert_eq!(serde_json::from_slice::<String>(&out).expect("valid JSON"), text);
        }
    }
}
