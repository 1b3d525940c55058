//! A report for people: columns as wide as what is in them; every ratio stands behind the two
//! counts that it is made of. What comes rarely (spots, losses, ghost bids) is in the other forms.

use super::sheet::{Ratio, Sheet, SheetLine, names_of};
use crate::ledger::report::TimeSpan;
use crate::model::Seconds;
use std::fmt::Write as _;

/// Between two columns.
const GAP: &str = "  ";

/// A column: its head, whether it is of texts, and what stands in it.
struct Column {
    head: &'static str,
    is_text: bool,
    cells: Vec<String>,
}

/// Writes it.
pub(super) fn write(sheet: &Sheet) -> String {
    let by = names_of(sheet.by);
    let by = if by.is_empty() { "in all".to_owned() } else { format!("by {}", by.join(", ")) };
    let mut text = format!("{} to {}, {by}\n", sheet.from, sheet.to);
    if sheet.lines.is_empty() {
        text += "nothing was counted\n";
        return text;
    }
    let totals: &[SheetLine] = if sheet.lines.len() > 1 { &sheet.totals } else { &[] };
    let lines: Vec<&SheetLine> = sheet.lines.iter().chain(totals).collect();
    let columns = columns(sheet, &lines);
    let widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let mut tell = |cell: &dyn Fn(&Column) -> String| {
        let mut line = String::new();
        for (column, width) in columns.iter().zip(&widths) {
            let cell = cell(column);
            // Writing into a String cannot fail.
            let _ = if column.is_text {
                write!(line, "{cell:<width$}{GAP}")
            } else {
                write!(line, "{cell:>width$}{GAP}")
            };
        }
        text += line.trim_end();
        text.push('\n');
    };
    tell(&|column| column.head.to_owned());
    (0..lines.len()).for_each(|at| tell(&|column| column.cells[at].clone()));
    text
}

impl Column {
    fn width(&self) -> usize {
        let widths = self.cells.iter().map(|cell| cell.chars().count());
        widths.max().unwrap_or(0).max(self.head.len())
    }
}

fn columns(sheet: &Sheet, lines: &[&SheetLine]) -> Vec<Column> {
    let rows = sheet.lines.len();
    let mut columns = keys(sheet, lines);
    // The first column says which lines are totals.
    if let Some(first) = columns.first_mut() {
        first.cells[rows..].iter_mut().for_each(|cell| "all".clone_into(cell));
    }
    let mut add = |head, of: &dyn Fn(&SheetLine) -> String| {
        let cells = lines.iter().map(|line| of(line)).collect();
        columns.push(Column { head, is_text: false, cells });
    };
    let ratio = |at: usize| move |line: &SheetLine| line.ratios()[at].clone();
    let [win_rate, view_rate, ctr, cvr, ecpm, roas] = [0, 1, 2, 3, 4, 5].map(ratio);
    add("bids", &|line| line.sums.bids.to_string());
    add("wins", &|line| line.sums.wins.to_string());
    add("win rate", &|line| percent(&win_rate(line)));
    add("impr.", &|line| line.sums.impressions.to_string());
    add("views", &|line| line.sums.views.to_string());
    add("view rate", &|line| percent(&view_rate(line)));
    add("clicks", &|line| line.sums.clicks.to_string());
    add("ctr", &|line| percent(&ctr(line)));
    add("conv.", &|line| line.sums.conversions_click.to_string());
    add("cvr", &|line| percent(&cvr(line)));
    add("view conv.", &|line| line.sums.conversions_view.to_string());
    add("spend", &SheetLine::spend);
    add("ecpm", &|line| amount(&ecpm(line)));
    add("revenue", &SheetLine::revenue);
    add("roas", &|line| amount(&roas(line)));
    add("", &|line| line.currency.map_or_else(|| "?".to_owned(), |one| one.to_string()));
    columns
}

/// What is told apart.
fn keys(sheet: &Sheet, lines: &[&SheetLine]) -> Vec<Column> {
    let mut columns = Vec::new();
    let mut add = |head, of: &dyn Fn(&SheetLine) -> String| {
        let cells = lines.iter().map(|line| of(line)).collect();
        columns.push(Column { head, is_text: true, cells });
    };
    match sheet.by.time {
        TimeSpan::All => {}
        TimeSpan::Day => add("day", &start),
        TimeSpan::Hour => add("hour", &start),
    }
    let (campaign, creative) = (sheet.by.campaign, sheet.by.creative);
    let text = |name: &Option<String>| name.clone().unwrap_or_default();
    if campaign || creative {
        add("advertiser", &|line| text(&line.named.advertiser));
    }
    // Campaigns that are in no file any more are told one by one.
    if campaign || lines.iter().any(|line| line.named.campaign.is_some()) {
        add("campaign", &|line| text(&line.named.campaign));
    }
    if creative {
        add("creative", &|line| text(&line.named.creative));
    }
    if sheet.by.exchange {
        add("exchange", &|line| text(&line.named.exchange));
    }
    columns
}

/// `2027-01-15`, or `2027-01-15 08:00` for an hour.
fn start(line: &SheetLine) -> String {
    let Some(start) = line.start else { return String::new() };
    let text = start.to_string().replace('T', " ");
    let columns = if line.length == Some(Seconds::DAY) { 10 } else { 16 };
    text.chars().take(columns).collect()
}

fn percent(ratio: &Ratio) -> String {
    ratio.value.map_or_else(|| "-".to_owned(), |value| format!("{:.2} %", 100.0 * value))
}

fn amount(ratio: &Ratio) -> String {
    ratio.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}
