//! Reading the fields of one event, told as JSON or in a query.
//!
//! Guarantees: a field that is there and is not what it should be is a [`Refusal`] that names
//! it; nothing is guessed at and nothing of the caller's is repeated. Fields that are not
//! known are left alone: shops send what other tools need too.

use serde_json::{Map, Value};
use std::borrow::Cow;

/// Why an event is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Refusal {
    /// The field that is to blame.
    pub field: &'static str,
    /// What was expected there.
    pub why: &'static str,
}

/// Shorthand for [`Refusal`].
pub(super) const fn refusal(field: &'static str, why: &'static str) -> Refusal {
    Refusal { field, why }
}

/// The fields of one event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// The value of the first of these names that is there and not null.
    pub(super) fn value(self, names: &[&str]) -> Option<&'a Value> {
        names.iter().find_map(|name| self.0.get(*name).filter(|value| !value.is_null()))
    }

    /// A text that is not empty, or a number as its text, of at most `bytes_max` bytes.
    pub(super) fn text(
        self,
        names: &[&'static str],
        bytes_max: usize,
        why: &'static str,
    ) -> Result<Option<Cow<'a, str>>, Refusal> {
        let Some(value) = self.value(names) else { return Ok(None) };
        let text = as_text(value).filter(|text| !text.is_empty() && text.len() <= bytes_max);
        text.map(Some).ok_or(refusal(names[0], why))
    }
}

/// A text, or a number as its text.
pub(super) fn as_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// Reads a query as fields: `id.<space>` goes into `ids`, `items` is split at commas. The
/// first of two alike counts. `None` for what is no query, or has more than `fields_max`.
pub(super) fn of_query(query: &str, fields_max: usize) -> Option<Map<String, Value>> {
    let (mut fields, mut ids) = (Map::new(), Map::new());
    for (n, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        if n == fields_max {
            return None;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (percent_decoded(name)?, percent_decoded(value)?);
        if value.is_empty() {
            continue;
        }
        if let Some(space) = name.strip_prefix("id.") {
            ids.entry(space).or_insert(Value::String(value));
        } else if name == "items" {
            let items = value.split(',').filter(|item| !item.is_empty());
            let items = items.map(|item| Value::String(item.to_owned())).collect();
            fields.entry("items").or_insert(Value::Array(items));
        } else {
            fields.entry(name).or_insert(Value::String(value));
        }
    }
    if !ids.is_empty() {
        fields.insert("ids".to_owned(), Value::Object(ids));
    }
    Some(fields)
}

/// Resolves `%xx`, and `+` as a space; `None` for what is not UTF-8 or no escape.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'%' => {
                let hex = std::str::from_utf8(after.get(..2)?).ok()?;
                let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
                bytes.push(u8::from_str_radix(hex, 16).ok().filter(|_| is_hex)?);
                rest = &after[2..];
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_query_is_read_as_the_fields_of_one_event() {
        let query =
            "shop=acme&event=add_to_cart&id.buyeruid=a%2Bb&id.ifa=1&items=a,b&value=9.90&&x";
        let fields = of_query(query, 20).expect("a query");
        let expected = json!({
            "shop": "acme", "event": "add_to_cart", "items": ["a", "b"], "value": "9.90",
            "ids": {"buyeruid": "a+b", "ifa": "1"},
        });
        assert_eq!(Value::Object(fields), expected);
        assert_eq!(of_query("a=1&b=2", 1), None, "too many");
        assert_eq!(of_query("a=%zz", 5), None);
    }

    #[test]
    fn escapes_are_resolved_or_refused() {
        assert_eq!(percent_decoded("a+b%20c%C3%A9").as_deref(), Some("a b cé"));
        for bad in ["%", "%2", "%+1", "%zz", "%ff"] {
            assert_eq!(percent_decoded(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_stand_for_their_text_and_nothing_else_does() {
        let fields = json!({"a": 7, "b": true, "c": "", "d": null, "e": "x"});
        let fields = fields.as_object().expect("an object");
        let text = |name: &'static str| {
            Fields(fields).text(&[name], 3, "short").map(|text| text.map(Cow::into_owned))
        };
        assert_eq!(text("a"), Ok(Some("7".to_owned())));
        assert_eq!(text("d"), Ok(None));
        assert_eq!(text("z"), Ok(None));
        for bad in ["b", "c"] {
            assert_eq!(text(bad), Err(refusal(bad, "short")));
        }
        assert_eq!(Fields(fields).text(&["z", "e"], 0, "short").err(), Some(refusal("z", "short")));
    }
}
