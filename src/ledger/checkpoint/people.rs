//! The people: their impressions, clicks and views.

use super::wire::{In, Out};
use super::{Checked, CheckpointError};
use crate::ledger::Ledger;
use crate::ledger::attribution::touches::{Kind, LINES_MAX, TOUCHES_MAX, Touch, Touches};
use crate::ledger::exposure;
use crate::ledger::records::RECORD_WORDS_MAX;
use crate::ledger::report::Line;
use crate::model::{
    AdvertiserKey, CampaignKey, CreativeKey, ExchangeKey, Seconds, UnixSeconds, UserKey,
};
use std::collections::{BTreeSet, HashMap};
use std::io::{Read, Write};

/// Touches of one person: of more shops than anybody visits in a month.
const PERSON_TOUCHES_MAX: u16 = (RECORD_WORDS_MAX / 2) as u16;

/// Writes how long impressions are kept, and every person's record: its length in words, its key,
/// its words; a length of 0 ends them.
pub(super) fn write_exposures(
    ledger: &Ledger,
    out: &mut Out<'_, impl Write>,
) -> std::io::Result<()> {
    out.u32(ledger.persons.kept().0)?;
    ledger.persons.for_each(ledger.log_time(), |key, record| {
        out.u16(record.len() as u16)?;
        out.u64(key)?;
        record.iter().try_for_each(|word| out.u32(*word))
    })?;
    out.u16(0)
}

pub(super) fn read_exposures(ledger: &Ledger, input: &mut In<'_, impl Read>) -> Checked<()> {
    ledger.persons.keep_at_least(Seconds(input.u32()?));
    let (mut last, mut record) = (None, Vec::new());
    loop {
        let words = usize::from(input.u16()?);
        if words == 0 {
            return Ok(());
        }
        let key = input.u64()?;
        if last.replace(key).is_some_and(|last| last >= key) {
            return Err(CheckpointError::Damaged("people are not in order"));
        }
        record.clear();
        for _ in 0..words {
            record.push(input.u32()?);
        }
        if !exposure::is_sound(&record) {
            return Err(CheckpointError::Damaged("a person's impressions cannot be"));
        }
        ledger.persons.restore(UserKey(key), &record);
    }
}

/// Writes the lines that touches name, in order, and every person's touches: how many, the key,
/// and of each its line's number, its kind and its time; 0 touches end them.
pub(super) fn write_touches(
    touches: &Touches,
    log_time: UnixSeconds,
    out: &mut Out<'_, impl Write>,
) -> std::io::Result<()> {
    let named = touches.persons(log_time).flat_map(|(_, touches)| touches);
    let named: BTreeSet<_> = named.map(|(advertiser, touch)| (advertiser, touch.line)).collect();
    out.u32(named.len() as u32)?;
    for (advertiser, line) in &named {
        out.u64(advertiser.0)?;
        write_line(line, out)?;
    }
    let numbers: HashMap<_, u32> = named.into_iter().zip(0..).collect();
    for (key, touches) in touches.persons(log_time) {
        out.u16(touches.len() as u16)?;
        out.u64(key.0)?;
        for (advertiser, touch) in touches {
            out.u32(numbers[&(advertiser, touch.line)])?;
            out.u8(u8::from(touch.kind == Kind::Click))?;
            out.u32(touch.at.0)?;
        }
    }
    out.u16(0)
}

pub(super) fn read_touches(
    touches: &mut Touches,
    log_time: UnixSeconds,
    input: &mut In<'_, impl Read>,
) -> Checked<()> {
    let mut lines = Vec::new();
    for _ in 0..input.u32()? {
        let line = (AdvertiserKey(input.u64()?), read_line(input)?);
        if lines.len() >= LINES_MAX || lines.last().is_some_and(|last| *last >= line) {
            return Err(CheckpointError::Damaged("lines of touches are not in order"));
        }
        lines.push(line);
    }
    let mut last = None;
    loop {
        let count = input.u16()?;
        if count == 0 {
            return Ok(());
        }
        let key = UserKey(input.u64()?);
        if count > PERSON_TOUCHES_MAX || last.replace(key).is_some_and(|last| last >= key) {
            return Err(CheckpointError::Damaged("touched people are not in order"));
        }
        for _ in 0..count {
            let number = input.u32()? as usize;
            let kind = if input.flag()? { Kind::Click } else { Kind::View };
            let at = UnixSeconds(input.u32()?);
            let line = lines.get(number).ok_or(CheckpointError::Damaged("an unknown line"))?;
            touches.put(key, (line.0, Touch { kind, at, line: line.1 }), log_time);
        }
    }
}

pub(super) fn write_line(line: &Line, out: &mut Out<'_, impl Write>) -> std::io::Result<()> {
    out.u64(line.campaign.0)?;
    out.u64(line.creative.0)?;
    out.u64(line.exchange.0)
}

pub(super) fn read_line(input: &mut In<'_, impl Read>) -> Checked<Line> {
    Ok(Line {
        campaign: CampaignKey(input.u64()?),
        creative: CreativeKey(input.u64()?),
        exchange: ExchangeKey(input.u64()?),
    })
}

const _: () = assert!(TOUCHES_MAX <= PERSON_TOUCHES_MAX as usize);
