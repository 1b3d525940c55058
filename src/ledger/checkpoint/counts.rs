//! The report's rows.

use super::people::{read_line, write_line};
use super::purchases::{read_currency, write_currency};
use super::wire::{In, Out};
use super::{Checked, CheckpointError};
use crate::ledger::report::sums::COUNTERS;
use crate::ledger::report::{ROWS_MAX, Report, Rows, Sums};
use crate::model::{MoneyNanos, UnixSeconds};
use std::io::{Read, Write};

/// Rows beyond the bound: those in which campaigns are not told apart, one an hour and one a day.
const OTHERS_MAX: u64 = 1_000;

/// Writes hours, then days, each in order.
pub(super) fn write(report: &Report, out: &mut Out<'_, impl Write>) -> std::io::Result<()> {
    write_rows(&report.hours, out)?;
    write_rows(&report.days, out)
}

fn write_rows(rows: &Rows, out: &mut Out<'_, impl Write>) -> std::io::Result<()> {
    out.count(rows.len())?;
    for ((start, line), sums) in rows {
        out.u32(start.0)?;
        write_line(line, out)?;
        write_sums(sums, out)?;
    }
    Ok(())
}

/// Which counters are not 0, as bits; those; and the money.
fn write_sums(sums: &Sums, out: &mut Out<'_, impl Write>) -> std::io::Result<()> {
    let counters = sums.counters();
    let bit = |(number, counter): (usize, &u64)| u32::from(*counter > 0) << number;
    out.u32(counters.iter().enumerate().map(bit).sum())?;
    counters.iter().filter(|counter| **counter > 0).try_for_each(|counter| out.u64(*counter))?;
    out.i64(sums.spend.0)?;
    out.u8(sums.revenue.len() as u8)?;
    for (currency, micros) in &sums.revenue {
        write_currency(*currency, out)?;
        out.u64(*micros)?;
    }
    Ok(())
}

pub(super) fn read(report: &mut Report, input: &mut In<'_, impl Read>) -> Checked<()> {
    report.hours = read_rows(input)?;
    report.days = read_rows(input)?;
    Ok(())
}

fn read_rows(input: &mut In<'_, impl Read>) -> Checked<Rows> {
    let mut rows = Vec::new();
    let count = input.count()?;
    if count > ROWS_MAX as u64 + OTHERS_MAX {
        return Err(CheckpointError::Damaged("too many rows"));
    }
    for _ in 0..count {
        let key = (UnixSeconds(input.u32()?), read_line(input)?);
        if rows.last().is_some_and(|(last, _)| *last >= key) {
            return Err(CheckpointError::Damaged("rows are not in order"));
        }
        rows.push((key, read_sums(input)?));
    }
    Ok(rows.into_iter().collect())
}

fn read_sums(input: &mut In<'_, impl Read>) -> Checked<Sums> {
    let mut sums = Sums::default();
    let told = input.u32()?;
    if told >> COUNTERS != 0 {
        return Err(CheckpointError::Damaged("a row has counters that are not known"));
    }
    for (number, counter) in sums.counters_mut().into_iter().enumerate() {
        if told & (1 << number) != 0 {
            *counter = input.u64()?;
        }
    }
    sums.spend = MoneyNanos(input.i64()?);
    for _ in 0..input.u8()? {
        let currency = read_currency(input)?;
        sums.earn(currency, input.u64()?);
    }
    Ok(sums)
}
