//! The same tables of keys as a JSON Schema (draft 2020-12), for editors and generators.
//!
//! TOML dates have no JSON type: they are described as strings, as TOML editors expect.

use super::spec::{Field, Kind, MapRule, NameRule, Need, NumberRange, Table, TextRule};
use serde_json::{Map, Value, json};

/// The schema of a file of `spec`.
pub fn schema(spec: &'static Table) -> Value {
    let mut schema = table(spec);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(spec.name);
    schema
}

fn table(spec: &'static Table) -> Value {
    let properties: Map<String, Value> =
        spec.fields.iter().map(|field| (field.name.to_owned(), property(field))).collect();
    let required: Vec<_> = spec
        .fields
        .iter()
        .filter(|field| matches!(field.need, Need::Required))
        .map(|field| field.name)
        .collect();
    json!({
        "type": "object",
        "description": spec.doc,
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(field: &'static Field) -> Value {
    let mut property = kind(&field.kind);
    property["description"] = json!(field.doc);
    let default = match field.need {
        Need::Required | Need::Optional => return property,
        Need::Text(default) => json!(default),
        Need::Integer(default) => json!(default),
        Need::Number(default) => json!(default),
        Need::Flag(default) => json!(default),
        Need::Texts(default) => json!(default),
        Need::Integers(default) => json!(default),
    };
    property["default"] = default;
    property
}

fn kind(kind_of: &'static Kind) -> Value {
    match kind_of {
        Kind::Text(rule) => text(rule),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Integer(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Kind::Number(range) => number(*range),
        Kind::Rate => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Kind::Duration(..) => json!({ "type": "string", "pattern": "^([0-9]+[smhdw])+$" }),
        Kind::Amount => {
            json!({ "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,6})? [A-Z]{3}$" })
        }
        Kind::Percent(_) => {
            json!({ "type": "string", "pattern": "^[0-9]{1,3}(\\.[0-9]{1,2})?%$" })
        }
        Kind::When => json!({
            "type": "string",
            "anyOf": [{ "format": "date" }, { "format": "date-time" }],
        }),
        Kind::List(rule) => json!({
            "type": "array",
            "items": kind(&rule.of),
            "minItems": rule.min,
            "maxItems": rule.max,
        }),
        Kind::Table(spec) => table(spec),
        Kind::Map(rule) => map(rule),
        Kind::Either(kinds) => json!({ "anyOf": kinds.iter().map(kind).collect::<Vec<_>>() }),
    }
}

fn text(rule: &TextRule) -> Value {
    if rule.pattern.is_empty() {
        return json!({ "type": "string" });
    }
    json!({ "type": "string", "pattern": rule.pattern })
}

fn number(range: NumberRange) -> Value {
    let low = if range.with_low { "minimum" } else { "exclusiveMinimum" };
    json!({ "type": "number", low: range.low, "maximum": range.high })
}

fn map(rule: &'static MapRule) -> Value {
    let names = match rule.names {
        NameRule::Text(rule) => text(rule),
        NameRule::Choice(words) => json!({ "enum": words }),
    };
    json!({
        "type": "object",
        "propertyNames": names,
        "additionalProperties": kind(&rule.of),
        "maxProperties": rule.max,
    })
}
