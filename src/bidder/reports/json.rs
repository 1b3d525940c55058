//! A report as JSON. Amounts are texts, since a number of JSON would round them.

use super::sheet::{Ratio, Sheet, SheetLine, names_of};
use crate::model::UnixSeconds;
use serde_json::{Map, Value, json};

/// Writes it.
pub(super) fn write(sheet: &Sheet) -> String {
    let lines = |lines: &[SheetLine]| lines.iter().map(line).collect::<Vec<_>>();
    let told = json!({
        "from": stamp(sheet.from),
        "to": stamp(sheet.to),
        "by": names_of(sheet.by),
        "rows": lines(&sheet.lines),
        "totals": lines(&sheet.totals),
    });
    format!("{told:#}\n")
}

fn stamp(at: UnixSeconds) -> Value {
    at.to_string().into()
}

fn line(line: &SheetLine) -> Value {
    let mut told = Map::new();
    let mut tell = |name: &str, value: Option<Value>| {
        value.into_iter().for_each(|value| drop(told.insert(name.to_owned(), value)));
    };
    tell("start", line.start.map(stamp));
    tell("length_s", line.length.map(|length| length.0.into()));
    let named = &line.named;
    tell("advertiser", named.advertiser.clone().map(Value::from));
    tell("campaign", named.campaign.clone().map(Value::from));
    tell("creative", named.creative.clone().map(Value::from));
    tell("exchange", named.exchange.clone().map(Value::from));
    tell("currency", Some(line.currency.map(|currency| currency.to_string()).into()));
    line.counters().iter().for_each(|(name, count)| tell(name, Some((*count).into())));
    tell("spend", Some(line.spend().into()));
    tell("revenue", Some(line.revenue().into()));
    let other: Map<_, _> =
        line.revenue_other().map(|(code, amount)| (code.to_string(), amount.into())).collect();
    tell("revenue_other", Some(other.into()));
    line.ratios().iter().for_each(|one| tell(one.name, Some(ratio(one))));
    Value::Object(told)
}

/// Counts are numbers, amounts are texts.
fn ratio(ratio: &Ratio) -> Value {
    let part = |text: &str, of_money: bool| match text.parse::<u64>() {
        Ok(count) if !of_money => Value::from(count),
        _ => Value::from(text),
    };
    let [numerator, denominator] = ratio.of_money;
    json!({
        "numerator": part(&ratio.numerator, numerator),
        "denominator": part(&ratio.denominator, denominator),
        "value": ratio.value,
    })
}
