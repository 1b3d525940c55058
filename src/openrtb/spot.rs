//! Reads a place for a video or a piece of audio: `imp.video`, `imp.audio`.
//!
//! Guarantees: a wrong-typed member is absent; lists are bounded by [`SPOT_LIST_MAX`]; what is
//! no object or breaks its grammar is no spot.

use super::decode::size;
use super::member::{Member, Read, bit};
use super::offer::{DurationFloor, Pod, SPOT_LIST_MAX, Spot, SpotFloors};
use super::raw::RawObject;
use crate::model::CpmMicros;
use twox_hash::XxHash3_64;

impl Spot {
    /// Reads a spot; `None` where nothing can be understood.
    pub fn read(raw: &RawObject<'_>) -> Option<Self> {
        let mut reading = Reading::new();
        let is_object = raw.each(|name, member| reading.member(name, member)).ok()?;
        is_object.then(|| reading.done())
    }
}

/// A spot on the way, and what is joined only at its end.
struct Reading {
    spot: Spot,
    sides: [Option<i64>; 2],
    pod: Pod,
}

impl Reading {
    fn new() -> Self {
        let spot = Spot { bitrate_kbps: (0, u32::MAX), ..Spot::default() };
        Self { spot, sides: [None; 2], pod: Pod::default() }
    }

    fn member(&mut self, name: &str, member: Member<'_, '_>) -> Read<()> {
        let spot = &mut self.spot;
        match name {
            "mimes" => member.media_types(&mut spot.media_types)?,
            "minduration" => spot.durations.min_s = member.amount()?.unwrap_or_default(),
            "maxduration" => spot.durations.max_s = member.amount()?,
            "rqddurs" => exact(member, spot)?,
            "protocols" => member.bits(&mut spot.protocols)?,
            "protocol" => spot.protocols |= member.integer()?.map_or(0, bit),
            "w" => self.sides[0] = member.integer()?,
            "h" => self.sides[1] = member.integer()?,
            "startdelay" => spot.start_delay_s = member.number()?,
            "linearity" => spot.linearity = member.amount()?,
            "plcmt" => spot.placement = member.amount()?,
            "skip" => spot.skip = member.flag()?,
            "battr" => member.bits(&mut spot.blocked_attributes)?,
            "api" => member.bits(&mut spot.apis)?,
            "minbitrate" => spot.bitrate_kbps.0 = member.amount()?.unwrap_or_default(),
            "maxbitrate" => spot.bitrate_kbps.1 = member.amount()?.unwrap_or(u32::MAX),
            "companionad" => member.each(|banner| companion(banner, spot))?,
            "mincpmpersec" => spot.floors.per_second = member.price()?,
            "durfloors" => floors_by_duration(member, &mut spot.floors)?,
            _ => self.pod_member(name, member)?,
        }
        Ok(())
    }

    fn pod_member(&mut self, name: &str, member: Member<'_, '_>) -> Read<()> {
        match name {
            "podid" => {
                let id = member.text()?.filter(|id| !id.is_empty());
                // 0 is a pod that has no id.
                self.pod.key = id.map_or(0, |id| XxHash3_64::oneshot(id.as_bytes()).max(1));
            }
            "poddur" => self.pod.duration_s = member.amount()?,
            "maxseq" => self.pod.ads_max = member.amount()?,
            "slotinpod" => {
                self.pod.slot =
                    member.number()?.filter(|slot| (-1..=2).contains(slot)).unwrap_or(0);
            }
            "poddedupe" => {
                let mut bits = 0;
                member.bits(&mut bits)?;
                self.pod.dedupe |= bits as u8;
            }
            _ => {}
        }
        Ok(())
    }

    fn done(self) -> Spot {
        let pod = self.pod;
        let is_pod = pod.key != 0 || pod.duration_s.is_some() || pod.ads_max.is_some();
        let size = size(self.sides[0], self.sides[1]);
        Spot { size, pod: is_pod.then_some(pod), ..self.spot }
    }
}

fn exact(member: Member<'_, '_>, spot: &mut Spot) -> Read<()> {
    member.each_integer(|seconds| {
        let seconds = u32::try_from(seconds).ok().filter(|seconds| *seconds > 0);
        if spot.durations.exact.len() < SPOT_LIST_MAX {
            spot.durations.exact.extend(seconds);
        }
    })
}

/// The sizes of a companion: of its formats, else its own.
fn companion(banner: Member<'_, '_>, spot: &mut Spot) -> Read<()> {
    let already = spot.companions.len();
    let mut own = [None; 2];
    banner.object(|name, member| {
        match name {
            "w" => own[0] = member.integer()?,
            "h" => own[1] = member.integer()?,
            "format" => member.each(|format| {
                let sides = sides(format)?;
                add_companion(spot, sides);
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })?;
    if spot.companions.len() == already {
        add_companion(spot, own);
    }
    Ok(())
}

fn sides(format: Member<'_, '_>) -> Read<[Option<i64>; 2]> {
    let mut sides = [None; 2];
    format.object(|name, member| {
        match name {
            "w" => sides[0] = member.integer()?,
            "h" => sides[1] = member.integer()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(sides)
}

fn add_companion(spot: &mut Spot, sides: [Option<i64>; 2]) {
    if spot.companions.len() < SPOT_LIST_MAX {
        spot.companions.extend(size(sides[0], sides[1]));
    }
}

/// Reads `durfloors`, of a spot or of a deal.
pub(super) fn floors_by_duration(member: Member<'_, '_>, floors: &mut SpotFloors) -> Read<()> {
    member.each(|element| {
        let mut one = DurationFloor { min_s: 0, max_s: u32::MAX, floor: CpmMicros::default() };
        let is_object = element.object(|name, member| {
            match name {
                "mindur" => one.min_s = member.amount()?.unwrap_or_default(),
                "maxdur" => one.max_s = member.amount()?.unwrap_or(u32::MAX),
                "bidfloor" => one.floor = member.price()?.unwrap_or_default(),
                _ => {}
            }
            Ok(())
        })?;
        if is_object && floors.by_duration.len() < SPOT_LIST_MAX {
            floors.by_duration.push(one);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests;
