//! A report as CSV: a line of names, then a line a row. The columns are always the same; those
//! of what is not told apart are empty.

use super::sheet::{Sheet, SheetLine};

const KEYS: [&str; 7] =
    ["start", "length_s", "advertiser", "campaign", "creative", "exchange", "currency"];

/// Writes it.
pub(super) fn write(sheet: &Sheet) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing into a Vec cannot fail.
    let _ = writer.write_record(names());
    for line in &sheet.lines {
        let _ = writer.write_record(fields(line));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn names() -> Vec<String> {
    let none = SheetLine::default();
    let mut names: Vec<String> = KEYS.map(str::to_owned).into();
    names.extend(none.counters().map(|(name, _)| name.to_owned()));
    names.extend(["spend", "revenue", "revenue_other"].map(str::to_owned));
    for ratio in none.ratios() {
        let name = ratio.name;
        names.extend([name.to_owned(), format!("{name}_numerator"), format!("{name}_denominator")]);
    }
    names
}

fn fields(line: &SheetLine) -> Vec<String> {
    let named = line.named.clone();
    let text = Option::unwrap_or_default;
    let mut fields = vec![
        text(line.start.map(|start| start.to_string())),
        text(line.length.map(|length| length.0.to_string())),
        text(named.advertiser),
        text(named.campaign),
        text(named.creative),
        text(named.exchange),
        text(line.currency.map(|currency| currency.to_string())),
    ];
    fields.extend(line.counters().map(|(_, count)| count.to_string()));
    let other = line.revenue_other().map(|(currency, amount)| format!("{amount} {currency}"));
    fields.extend([line.spend(), line.revenue(), other.collect::<Vec<_>>().join(" + ")]);
    for ratio in line.ratios() {
        let value = ratio.value.map(|value| value.to_string());
        fields.extend([text(value), ratio.numerator, ratio.denominator]);
    }
    fields
}
