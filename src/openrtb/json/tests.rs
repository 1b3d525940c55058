//! The reader against its oracle, serde_json.

use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn accepts(text: &str) -> bool {
    let mut reader = Reader::new(text);
    reader.skip().and_then(|_| reader.end()).is_ok()
}

/// Rebuilds a `Value` from what the reader reads: the round trip against the oracle.
fn value(reader: &mut Reader<'_>) -> Result<Value> {
    Ok(match reader.kind()? {
        Kind::Object => {
            let mut map = serde_json::Map::new();
            reader.object(|reader, key| {
                let inner = value(reader)?;
                map.insert(key.to_owned(), inner);
                Ok(())
            })?;
            Value::Object(map)
        }
        Kind::Array => {
            let mut list = Vec::new();
            reader.array(|reader| {
                list.push(value(reader)?);
                Ok(())
            })?;
            Value::Array(list)
        }
        Kind::Text => Value::from(reader.text()?.unwrap_or_default().into_owned()),
        _ => serde_json::from_str(reader.skip()?).expect("scalars are valid JSON"),
    })
}

#[test]
fn grammar_agrees_with_the_oracle_on_hard_cases() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "[",
        "[]",
        "{}",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "01",
        "-",
        "-0",
        "1.",
        ".5",
        "1e",
        "1e+",
        "1E-7",
        "1.5e3",
        "+1",
        "0x1",
        "NaN",
        "tru",
        "true",
        "truee",
        "nul",
        "null",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u00e9\"",
        "\"\t\"",
        "\"a\u{7f}é\"",
        "[1 2]",
        "{\"a\" 1}",
        "1 2",
        "[[[]]]",
        "\"\\ud83d\\ude00\"",
        "\u{feff}{}",
        "{\"a\":1}}",
        "[\"\\/\"]",
        "\"\\b\\f\\n\\r\\t\"",
    ] {
        let oracle = serde_json::from_str::<Value>(text);
        assert_eq!(accepts(text), oracle.is_ok(), "{text:?}");
        if let Ok(expected) = oracle {
            assert_eq!(value(&mut Reader::new(text)).expect(text), expected);
        }
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(accepts(&nested(usize::from(DEPTH_MAX))));
    assert!(!accepts(&nested(usize::from(DEPTH_MAX) + 1)));
    assert!(!accepts(&"[".repeat(100_000)));
}

#[test]
fn lone_surrogates_are_replaced() {
    let read = |text| Reader::new(text).text().expect("grammar").expect("a text").into_owned();
    assert_eq!(read("\"\\ud83d\""), "\u{fffd}");
    assert_eq!(read("\"\\ude00x\""), "\u{fffd}x");
    assert_eq!(read("\"\\ud83d\\u0041\""), "\u{fffd}A");
}

#[test]
fn scalars_are_lenient_in_type() {
    for (text, expected) in [
        ("1", Some(1)),
        ("1.0", Some(1)),
        ("1e2", Some(100)),
        ("\"7\"", Some(7)),
        ("\" 7 \"", Some(7)),
        ("true", Some(1)),
        ("false", Some(0)),
        ("null", None),
        ("1.5", None),
        ("\"x\"", None),
        ("{}", None),
        ("[1]", None),
        ("99999999999999999999", None),
    ] {
        assert_eq!(Reader::new(text).integer().expect(text), expected, "{text}");
    }
    for (text, expected) in [
        ("0.84", Some(840_000)),
        ("1", Some(1_000_000)),
        ("\"0.5\"", Some(500_000)),
        ("1e-1", Some(100_000)),
        ("0.0000001", Some(1)),
        ("0.1234567", Some(123_457)),
        ("0.1000000", Some(100_000)),
        ("-1", None),
        ("null", None),
        ("\"\"", None),
        ("1e400", None),
        ("99999999999999999999", None),
    ] {
        assert_eq!(Reader::new(text).price().expect(text), expected.map(CpmMicros), "{text}");
    }
    assert_eq!(Reader::new("12").text().expect("number"), Some(Cow::Borrowed("12")));
    assert_eq!(Reader::new("{}").text().expect("object"), None);
}

#[test]
fn lists_are_walked_later() {
    let list = Reader::new(r#"[ "a", 1, null, {"x":[1]}, "b" ]"#).list().expect("grammar");
    let mut seen = Vec::new();
    list.each_text(|text| {
        seen.push(text.to_owned());
        true
    });
    assert_eq!(seen, ["a", "1", "b"]);
    assert!(list.any_text(|text| text == "b") && !list.any_text(|text| text == "c"));
    assert!(!list.is_empty() && RawList::default().is_empty());
    assert!(Reader::new(" [ ] ").list().expect("grammar").is_empty());
    assert!(Reader::new("5").list().expect("grammar").is_empty());
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
        ".{0,24}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(".{0,8}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_the_oracle_writes_is_read_back(expected in json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&expected) } else { serde_json::to_string(&expected) };
        let text = text.expect("values can be written");
        // Read back by the oracle too: its floats lose their last digit on the way.
        let expected: Value = serde_json::from_str(&text).expect("just written");
        prop_assert_eq!(value(&mut Reader::new(&text)).expect("valid"), expected);
    }

    #[test]
    fn every_truncation_and_mutation_is_judged_as_the_oracle_does(
        expected in json(), cut in 0.0_f64..1.0, byte in 0x20_u8..0x7f,
    ) {
        let text = serde_json::to_string(&expected).expect("values can be written");
        let at = (text.len() as f64 * cut) as usize;
        let judge = |text: &str| {
            let surrogate = text.contains("\\ud") || text.contains("\\uD");
            let huge = serde_json::from_str::<Value>(text).is_err_and(|e| e.to_string().contains("out of range"));
            surrogate || huge || accepts(text) == serde_json::from_str::<Value>(text).is_ok()
        };
        if text.is_char_boundary(at) {
            prop_assert!(judge(&text[..at]), "{}", &text[..at]);
        }
        let mut mutated = text.clone().into_bytes();
        mutated[at] = byte;
        if let Ok(mutated) = String::from_utf8(mutated) {
            prop_assert!(judge(&mutated), "{}", mutated);
        }
    }
}
