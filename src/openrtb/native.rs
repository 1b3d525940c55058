//! Reads a native placement: `imp.native`, whose request is a text that holds JSON, an object,
//! or a message; with the root object of version 1.0 or without.
//!
//! Guarantees: at most [`ASSETS_MAX`] assets; where something is required that cannot be
//! understood, or stands beyond that, there is no placement, since nothing could fill it.

use super::member::{Member, Read, Stopped};
use super::offer::{ASSETS_MAX, Asset, AssetKind, Native};
use super::raw::RawObject;
use crate::model::MediaTypes;

/// `eventtrackers`: the event "impression", and the method "image".
const IMPRESSION: i64 = 1;
const IMAGE: i64 = 1;

impl Native {
    /// Reads a native placement; `None` where it cannot be understood, asks for nothing, or
    /// gives one id to two assets.
    pub fn read(raw: &RawObject<'_>) -> Option<Self> {
        let mut native = Self::default();
        let read = raw.each(|name, member| {
            match name {
                // One of the two; whatever says both says the same.
                "request" | "request_native" if !native.assets.is_empty() => {}
                "request" => drop(member.embedded(|name, member| native.root(name, member))?),
                "request_native" => {
                    // Its name in JSON, too, where the answer is JSON as ever.
                    native.message = matches!(raw, RawObject::Protobuf(_));
                    member.object(|name, member| native.asked(name, member))?;
                }
                "battr" => member.bits(&mut native.blocked_attributes)?,
                "api" => member.bits(&mut native.apis)?,
                _ => {}
            }
            Ok(())
        });
        let sound = read.is_ok() && !native.assets.is_empty() && !native.has_doubled_ids();
        sound.then_some(native)
    }

    /// Whether two assets have one id: then nobody could tell which of them an answer fills.
    fn has_doubled_ids(&self) -> bool {
        let assets = &self.assets;
        (1..assets.len()).any(|n| assets[..n].iter().any(|other| other.id == assets[n].id))
    }

    /// A member of the request, or the root of 1.0 around it.
    fn root(&mut self, name: &str, member: Member<'_, '_>) -> Read<()> {
        if name != "native" {
            return self.asked(name, member);
        }
        self.wrapped |= member.object(|name, member| self.asked(name, member))?;
        Ok(())
    }

    fn asked(&mut self, name: &str, member: Member<'_, '_>) -> Read<()> {
        match name {
            "assets" => member.each(|asset| self.add(asset))?,
            "eventtrackers" => member.each(|tracker| {
                self.event_trackers |= takes_impression_images(tracker)?;
                Ok(())
            })?,
            "privacy" => self.privacy = member.flag()? == Some(true),
            _ => {}
        }
        Ok(())
    }

    /// Adds an asset; one that cannot be added and is required ends the reading.
    fn add(&mut self, asset: Member<'_, '_>) -> Read<()> {
        let (id, required, kind) = asset_of(asset)?;
        match id.filter(|_| self.assets.len() < ASSETS_MAX) {
            Some(id) => self.assets.push(Asset { id, required, kind }),
            None if required => return Err(Stopped),
            None => {}
        }
        Ok(())
    }
}

fn asset_of(asset: Member<'_, '_>) -> Read<(Option<i64>, bool, AssetKind)> {
    let (mut id, mut required, mut kinds) = (None, false, 0);
    let mut kind = AssetKind::Unknown;
    asset.object(|name, member| {
        let read = match name {
            "id" => {
                id = member.integer()?;
                return Ok(());
            }
            "required" => {
                required = member.flag()? == Some(true);
                return Ok(());
            }
            "title" => title(member)?,
            "img" => image(member)?,
            "video" => video(member)?,
            "data" => data(member)?,
            _ => return Ok(()),
        };
        if let Some(read) = read {
            kind = read;
            kinds += 1;
        }
        Ok(())
    })?;
    // An asset is one thing; what claims to be several is none that we know.
    Ok((id, required, if kinds == 1 { kind } else { AssetKind::Unknown }))
}

fn title(member: Member<'_, '_>) -> Read<Option<AssetKind>> {
    let mut len = u32::MAX;
    let is_object = member.object(|name, member| {
        if name == "len" {
            len = member.amount()?.unwrap_or(u32::MAX);
        }
        Ok(())
    })?;
    Ok(is_object.then_some(AssetKind::Title { len }))
}

fn data(member: Member<'_, '_>) -> Read<Option<AssetKind>> {
    let (mut kind, mut len) = (None, u32::MAX);
    member.object(|name, member| {
        match name {
            "type" => kind = member.amount()?,
            "len" => len = member.amount()?.unwrap_or(u32::MAX),
            _ => {}
        }
        Ok(())
    })?;
    Ok(kind.map(|kind| AssetKind::Data { kind, len }))
}

fn image(member: Member<'_, '_>) -> Read<Option<AssetKind>> {
    let (mut role, mut size, mut min) = (None, (0, 0), (0, 0));
    let mut media_types = None;
    let is_object = member.object(|name, member| {
        match name {
            "type" => role = member.amount()?,
            "w" => size.0 = pixels(member)?,
            "h" => size.1 = pixels(member)?,
            "wmin" => min.0 = pixels(member)?,
            "hmin" => min.1 = pixels(member)?,
            "mimes" => member.media_types(&mut media_types)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(is_object.then_some(AssetKind::Image { role, size, min, media_types }))
}

/// Pixels, 0 where not said; more than any picture has are as many as any may have.
fn pixels(member: Member<'_, '_>) -> Read<u16> {
    let pixels = member.amount::<i64>()?.unwrap_or_default();
    Ok(u16::try_from(pixels).unwrap_or(u16::MAX))
}

fn video(member: Member<'_, '_>) -> Read<Option<AssetKind>> {
    let (mut durations_s, mut protocols) = ((0, u32::MAX), 0);
    let mut media_types: Option<MediaTypes> = None;
    let is_object = member.object(|name, member| {
        match name {
            "mimes" => member.media_types(&mut media_types)?,
            "minduration" => durations_s.0 = member.amount()?.unwrap_or_default(),
            "maxduration" => durations_s.1 = member.amount()?.unwrap_or(u32::MAX),
            "protocols" => member.bits(&mut protocols)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(is_object.then_some(AssetKind::Video { durations_s, protocols, media_types }))
}

/// Whether an event tracker that is welcome is an image at the impression.
fn takes_impression_images(tracker: Member<'_, '_>) -> Read<bool> {
    let (mut event, mut images) = (None, false);
    tracker.object(|name, member| {
        match name {
            "event" => event = member.integer()?,
            "methods" => member.each_integer(|method| images |= method == IMAGE)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(images && event == Some(IMPRESSION))
}

#[cfg(test)]
mod tests;
