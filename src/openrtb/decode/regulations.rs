//! `regs`: under which rules. What cannot be read counts as the strictest.
//!
//! Guarantees: every signal is read in its 2.6 and its 2.5 place; where they differ, the
//! stricter is what there is.

use super::{Read, present};
use crate::openrtb::json::Reader;
use crate::openrtb::offer::DsaRequest;
use crate::openrtb::request::Regulations;
use std::borrow::Cow;

pub(super) fn regulations<'a>(
    reader: &mut Reader<'a>,
    regulations: &mut Regulations<'a>,
) -> Read<()> {
    reader.object(|reader, key| {
        if key != "ext" {
            return regulation(reader, key, (regulations, 0));
        }
        reader.object(|reader, key| regulation(reader, key, (regulations, 1)))?;
        Ok(())
    })?;
    Ok(())
}

/// One signal, in its 2.6 place (0) or its 2.5 place (1).
fn regulation<'a>(
    reader: &mut Reader<'a>,
    key: &str,
    (regulations, place): (&mut Regulations<'a>, usize),
) -> Read<()> {
    match key {
        "coppa" => {
            regulations.coppa |= flag(reader, &mut regulations.unreadable)? == Some(true);
        }
        "gdpr" => {
            let said = flag(reader, &mut regulations.unreadable)?;
            // Either place saying "applies" outweighs the other saying it does not.
            regulations.gdpr = regulations.gdpr.max(said);
        }
        "us_privacy" => {
            regulations.us_privacy[place] = signal(reader, &mut regulations.unreadable)?;
        }
        "gpc" => regulations.gpc |= flag(reader, &mut regulations.unreadable)? == Some(true),
        "gpp" => regulations.gpp[place] = signal(reader, &mut regulations.unreadable)?,
        "gpp_sid" => {
            let mut probe = reader.clone();
            regulations.gpp_sections[place] = reader.list()?;
            let text = probe.skip()?;
            regulations.unreadable |= !text.starts_with('[') && text != "null";
        }
        "dsa" => transparency(reader, regulations)?,
        _ => reader.pass()?,
    }
    Ok(())
}

/// What the Digital Services Act asks for; what cannot be read asks for the most.
fn transparency(reader: &mut Reader<'_>, regulations: &mut Regulations<'_>) -> Read<()> {
    let mut asked = DsaRequest::default();
    let mut probe = reader.clone();
    let is_object = reader.object(|reader, key| {
        match key {
            // Without the prefix in drafts of the extension, which are still about.
            "dsarequired" | "required" => asked.required = level(reader, 3, 3)?,
            "pubrender" => asked.publisher_renders = level(reader, 2, 0)?,
            "datatopub" => asked.data_to_publisher = level(reader, 2, 2)?,
            _ => reader.pass()?,
        }
        Ok(())
    })?;
    if !is_object {
        if probe.skip()? == "null" {
            return Ok(());
        }
        asked = DsaRequest { required: 3, publisher_renders: 0, data_to_publisher: 2 };
    }
    regulations.dsa = Some(join_dsa(regulations.dsa, asked));
    Ok(())
}

/// A level from 0 to `max`; `null` is 0, anything else is the `strictest`.
fn level(reader: &mut Reader<'_>, max: u8, strictest: u8) -> Read<u8> {
    let mut probe = reader.clone();
    let level = reader.integer()?;
    if level.is_none() && probe.skip()? == "null" {
        return Ok(0);
    }
    Ok(known_level(level, max, strictest))
}

/// A level from 0 to `max`; anything else is the `strictest`.
pub(in crate::openrtb) fn known_level(level: Option<i64>, max: u8, strictest: u8) -> u8 {
    let level = level.and_then(|level| u8::try_from(level).ok());
    level.filter(|level| *level <= max).unwrap_or(strictest)
}

/// What both places ask for together: of each the more.
pub(in crate::openrtb) fn join_dsa(first: Option<DsaRequest>, second: DsaRequest) -> DsaRequest {
    let Some(first) = first else { return second };
    DsaRequest {
        required: first.required.max(second.required),
        // What the publisher does not render, the advertiser must.
        publisher_renders: first.publisher_renders.min(second.publisher_renders),
        data_to_publisher: first.data_to_publisher.max(second.data_to_publisher),
    }
}

/// A 0/1 flag; `null` is absent; anything else is unreadable.
pub(super) fn flag(reader: &mut Reader<'_>, unreadable: &mut bool) -> Read<Option<bool>> {
    let mut probe = reader.clone();
    match reader.integer()? {
        Some(0) => Ok(Some(false)),
        Some(1) => Ok(Some(true)),
        Some(_) => {
            *unreadable = true;
            Ok(None)
        }
        None => {
            *unreadable |= probe.skip()? != "null";
            Ok(None)
        }
    }
}

/// A text; `null` is absent; what is neither text nor number is unreadable.
fn signal<'a>(reader: &mut Reader<'a>, unreadable: &mut bool) -> Read<Option<Cow<'a, str>>> {
    let mut probe = reader.clone();
    let text = reader.text()?;
    if text.is_none() {
        *unreadable |= probe.skip()? != "null";
    }
    Ok(present(text))
}
