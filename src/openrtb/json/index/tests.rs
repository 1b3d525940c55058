//! The skeleton against its oracles: serde_json, the plain reader, and its own other way.

use super::{Index, masks};
use crate::openrtb::json::{DEPTH_MAX, Reader};
use proptest::prelude::*;
use serde_json::Value;

/// Whether `text` is accepted, by both ways alike.
fn accepts(text: &str) -> bool {
    let (mut index, mut narrow) = (Index::default(), Index::default());
    let accepts = index.read(text);
    assert_eq!(narrow.read_narrow(text), accepts, "{text}");
    if accepts {
        let quotes =
            |index: &Index| index.blocks.iter().map(|block| block.quote).collect::<Vec<_>>();
        assert_eq!(quotes(&index), quotes(&narrow), "{text}");
    }
    accepts
}

/// What the plain reader says; objects and arrays only.
fn plain(text: &str) -> bool {
    let mut reader = Reader::new(text);
    let begins = text.trim_start_matches([' ', '\n', '\r', '\t']).starts_with(['{', '[']);
    begins && reader.skip().and_then(|_| reader.end()).is_ok()
}

/// Every value of the text, by an indexed reader that skips nothing; each can also be passed.
fn walked(reader: &mut Reader<'_>) -> Value {
    let mut passing = reader.clone();
    passing.pass().expect("accepted");
    let value = read(reader);
    assert_eq!(passing.offset(), reader.offset(), "what was read is what is passed");
    value
}

fn read(reader: &mut Reader<'_>) -> Value {
    let mut map = serde_json::Map::new();
    let mut members = reader.clone();
    let is_object = members.object(|reader, key| {
        map.insert(key.to_owned(), walked(reader));
        Ok(())
    });
    if is_object.expect("accepted") {
        *reader = members;
        return Value::Object(map);
    }
    let mut list = Vec::new();
    let mut elements = reader.clone();
    let is_array = elements.array(|reader| {
        list.push(walked(reader));
        Ok(())
    });
    if is_array.expect("accepted") {
        *reader = elements;
        return Value::Array(list);
    }
    if reader.is_at_text() {
        return Value::from(reader.text().expect("accepted").expect("a text").into_owned());
    }
    serde_json::from_str(reader.skip().expect("accepted")).expect("a scalar")
}

/// With every length of white space before it, so that everything falls on a block's edge once.
fn shifted(text: &str) -> impl Iterator<Item = String> {
    (0..=masks::BLOCK_BYTES).map(move |spaces| " ".repeat(spaces) + text)
}

/// What may be misjudged.
const HARD_CASES: &[&str] = &[
    "{}",
    "[]",
    "{",
    "}",
    "[",
    "]",
    "",
    " ",
    "[[]",
    "[]]",
    "{]",
    "[}",
    "{}{}",
    "{},",
    "[],[]",
    "[1,]",
    "[,1]",
    "[,]",
    "[1 2]",
    "[1,2]",
    "[\"a\" \"b\"]",
    "[\"a\"\"b\"]",
    "[\"a\":1]",
    "[\"a\":\"b\":1]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\":1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1:2}",
    "{\"a\":1:\"b\":2}",
    "{\"a\":\"x\":\"b\":3}",
    "{\"a\"::1}",
    "{\"a\" 1}",
    "{a:1}",
    "{1:1}",
    "{\"a\":b}",
    "{:1}",
    "{\"a\",\"b\":1}",
    "[{\"a\"},\"b\":1]",
    "{\"x\":{\"a\"},\"b\":1}",
    "{\"x\":[{\"a\"}]:1}",
    "{[]:1}",
    "{{}:1}",
    "{\"a\":[]}",
    "{\"a\":[1,{\"b\":null}],\"c\":true}",
    "[01]",
    "[0]",
    "[-0]",
    "[-]",
    "[1.]",
    "[10.05,0.5]",
    "[00.5]",
    "[01.5]",
    "[1.5.5]",
    "[1..5]",
    "[1.5-]",
    "[1.\"5\"]",
    "[.5]",
    "[1e]",
    "[1e+]",
    "[1E-7]",
    "[1.5e3]",
    "[+1]",
    "[0x1]",
    "[NaN]",
    "[tru]",
    "[truee]",
    "[true]",
    "[nul]",
    "[null]",
    "[falsey]",
    "[1-2]",
    "[12a]",
    "[1\"a\"]",
    "[\"a\"1]",
    "[1[]]",
    "[[]1]",
    "[\"\\\"\"]",
    "[\"\\\\\"]",
    "[\"\\\\\\\"\"]",
    "[\"\\\\\"\"]",
    "[\"\\x\"]",
    "[\"\\u12\"]",
    "[\"\\u00e9\"]",
    "[\"\\u00eg\"]",
    "[\"\\",
    "[\\\"a\"]",
    "[\"\t\"]",
    "[\"a\u{7f}é\"]",
    "[\"a\nb\"]",
    "[1,\n\t\r 2]",
    "[1,\u{b}2]",
    "[1,\u{0}2]",
    "[1\u{a0}]",
    "[\"]\",\"}\",\",\",\":\"]",
    "{\"{\":\"[\",\"\\\"\":\"\\\\\"}",
    "[123456789,0.25,-1]",
    "[\"\"]",
    "{\"\":\"\"}",
];

#[test]
fn hard_cases_are_judged_as_the_plain_reader_judges_them() {
    for text in HARD_CASES {
        for text in shifted(text) {
            assert_eq!(accepts(&text), plain(&text), "{text:?}");
        }
    }
}

#[test]
fn nesting_and_number_of_containers_are_bounded() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(accepts(&nested(usize::from(DEPTH_MAX))));
    assert!(!accepts(&nested(usize::from(DEPTH_MAX) + 1)));
    assert!(!accepts(&"[".repeat(100_000)));
    let many = |count: usize| format!("[{}[]]", "[],".repeat(count));
    assert!(accepts(&many(4_000)) && !accepts(&many(5_000)) && !accepts(&many(50_000)));
}

#[test]
fn an_index_is_used_again_without_a_trace_of_the_text_before() {
    let mut index = Index::default();
    for text in [
        "{\"a\":[1,\"\\n\"],\"long\":\"a string, a [string] and {so} on, beyond a block\"}",
        "[]",
        "[",
        "[\"b\"]",
    ] {
        let expected = serde_json::from_str::<Value>(text).ok();
        let read = index.read(text).then(|| walked(&mut Reader::with_index(text, &mut index)));
        assert_eq!(read, expected, "{text}");
    }
}

#[test]
fn both_ways_find_the_same_bits() {
    #[cfg(target_arch = "x86_64")]
    for first in 0..=255_u8 {
        let text = String::from_utf8_lossy(&[first; 70]).into_owned();
        accepts(&format!("[\"{text}\"]"));
        accepts(&format!("[{text}]"));
    }
}

/// Texts that are nearly JSON: of pieces that are likely to meet.
fn nearly_json() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\"a\"", "\"b\":", "1", "-0.5", "true", "null",
        " ", "\n", "\\u00e9", "{\"k\":", "[1,2]", "é",
    ]);
    prop::collection::vec(piece, 1..40).prop_map(|pieces| pieces.concat())
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        ".{0,80}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(".{0,12}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
    .prop_map(|value| serde_json::json!([value]))
}

proptest! {
    #[test]
    fn what_is_nearly_json_is_judged_as_the_plain_reader_judges_it(
        text in nearly_json(), spaces in 0..64_usize,
    ) {
        let text = " ".repeat(spaces) + "[" + &text + "]";
        prop_assert_eq!(accepts(&text), plain(&text), "{:?}", text);
    }

    #[test]
    fn what_is_json_is_read_whole(value in json(), pretty in any::<bool>()) {
        let write = if pretty { serde_json::to_string_pretty } else { serde_json::to_string };
        let text = write(&value).expect("written");
        prop_assert!(accepts(&text));
        let mut index = Index::default();
        let mut reader = Reader::with_index(&text, &mut index);
        let oracle: Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(walked(&mut reader), oracle);
        prop_assert!(reader.end().is_ok());
    }

    #[test]
    fn a_byte_changed_is_judged_as_the_plain_reader_judges_it(
        value in json(), place in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"{}[],:\"\\ 0a\n".to_vec()),
    ) {
        let mut bytes = serde_json::to_vec(&value).expect("written");
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        prop_assert_eq!(accepts(&text), plain(&text), "{}", text);
    }
}
