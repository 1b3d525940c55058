//! The events of one call: one object, a list, or `{"shop": ..., "events": [...]}`; or a query.
//!
//! Guarantees: at most [`EVENTS_MAX`] events; what is no JSON of these forms is refused whole.

use super::field::{Refusal, of_query, refusal};
use serde_json::{Map, Value};

/// Most events of one call: a minute of a busy page, or a page of a shop's backlog.
pub const EVENTS_MAX: usize = 500;
/// Most fields of a query.
const QUERY_FIELDS_MAX: usize = 64;

/// The events of one call.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Batch {
    /// The shop, where it is told for all of them.
    pub(super) shop: Option<String>,
    /// The events; `None` for one that is no object.
    pub(super) events: Vec<Option<Map<String, Value>>>,
}

/// Reads a body; `query` may name the shop.
pub(super) fn of_body(body: &[u8], query: &str) -> Result<Batch, Refusal> {
    let bad = refusal("body", "expected JSON: an event, a list of events, or {\"events\": [...]}");
    let value: Value = serde_json::from_slice(body).map_err(|_| bad)?;
    let asked = of_query(query, QUERY_FIELDS_MAX).ok_or(refusal("shop", "a query that is none"))?;
    let asked = text(asked.get("shop"));
    let (shop, events) = match value {
        Value::Array(events) => (None, events),
        Value::Object(mut whole) => match whole.remove("events") {
            Some(Value::Array(events)) => (text(whole.get("shop")), events),
            Some(_) => return Err(refusal("events", "expected a list of events")),
            None => (None, vec![Value::Object(whole)]),
        },
        _ => return Err(bad),
    };
    if events.is_empty() || events.len() > EVENTS_MAX {
        return Err(refusal("events", "expected 1 to 500 events"));
    }
    let object = |event| if let Value::Object(event) = event { Some(event) } else { None };
    let events: Vec<_> = events.into_iter().map(object).collect();
    let first = || events.iter().flatten().find_map(|event| text(event.get("shop")));
    let shop = asked.or(shop).or_else(first);
    Ok(Batch { shop, events })
}

/// Reads the query of a pixel.
pub(super) fn of_pixel(query: &str) -> Result<Batch, Refusal> {
    let fields = of_query(query, QUERY_FIELDS_MAX)
        .ok_or(refusal("query", "expected at most 64 fields, name=value, percent-encoded"))?;
    Ok(Batch { shop: text(fields.get("shop")), events: vec![Some(fields)] })
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_a_list_and_a_batch_are_read() {
        for (body, query, shop, events) in [
            (r#"{"shop":"a","event":"x"}"#, "", Some("a"), 1),
            (r#"[{"event":"x"},{"shop":"b"},7]"#, "", Some("b"), 3),
            (r#"{"shop":"c","events":[{"event":"x"},{"shop":"d"}]}"#, "", Some("c"), 2),
            (r#"{"shop":"a"}"#, "shop=e&x=1", Some("e"), 1),
            (r#"{"event":"x"}"#, "", None, 1),
        ] {
            let batch = of_body(body.as_bytes(), query).expect(body);
            assert_eq!((batch.shop.as_deref(), batch.events.len()), (shop, events), "{body}");
        }
        let mixed = of_body(b"[7, {}]", "").expect("a list");
        assert_eq!(mixed.events, [None, Some(Map::new())]);
    }

    #[test]
    fn what_is_none_of_these_is_refused_whole() {
        let many = format!("[{}]", vec!["{}"; EVENTS_MAX + 1].join(","));
        for (body, field) in [
            ("", "body"),
            ("{", "body"),
            ("7", "body"),
            ("\"shop\"", "body"),
            ("[]", "events"),
            (r#"{"events":{}}"#, "events"),
            (&many, "events"),
        ] {
            assert_eq!(
                of_body(body.as_bytes(), "").map_err(|told| told.field),
                Err(field),
                "{body}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(of_body(deep.as_bytes(), "").is_err());
        assert!(of_pixel(&"a=1&".repeat(65)).is_err());
    }
}
