//! Binds checked advertiser files into one [`Book`] with its index of segments.
//!
//! Guarantees: ids unique over all files, keys without collisions, no more campaigns than the
//! bound; a book is only handed out when no file had an error.

use super::advertiser_file::{self, AdvertiserFile, Machine, Setting};
use super::creative_section::CreativeFiles;
use super::events_section::{Prefix, check_prefixes};
use super::model::{Book, CAMPAIGNS_MAX, Campaign, CampaignIndex};
use crate::audience::overlay::names::{BOUNCED, ENGAGED};
use crate::config::{Diagnostic, Place, Source};
use std::collections::{HashMap, HashSet};

/// Gathers advertiser files, then becomes a book.
#[derive(Default)]
pub struct BookBuilder<'a> {
    book: Book,
    machine: Option<Machine<'a>>,
    advertiser_ids: HashMap<String, Place>,
    campaign_keys: HashMap<u64, Place>,
    creative_keys: HashMap<u64, Place>,
    segment_prefixes: Vec<Prefix>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> BookBuilder<'a> {
    /// An empty book. Where the machine is known, what campaigns refer to in its file is
    /// checked too.
    pub fn new(machine: Option<Machine<'a>>) -> Self {
        Self { machine, ..Self::default() }
    }

    /// Reads one advertiser file and adds it.
    pub fn add(&mut self, source: &Source, files: &dyn CreativeFiles) {
        let mut setting = Setting {
            advertiser: self.book.advertisers.len(),
            first_creative: self.book.creatives.len(),
            segments: &mut self.book.segments,
            machine: self.machine,
        };
        let reading = advertiser_file::read(source, files, &mut setting);
        let explained = reading.diagnostics.iter().any(Diagnostic::is_error);
        self.diagnostics.extend(reading.diagnostics);
        if reading.file.is_none() && !explained {
            // A file must never be left out in silence, whatever the checks overlooked.
            let place = Place::whole_file(source.name());
            let expected = "a file that `homing check` explains: please report this one";
            self.diagnostics.push(Diagnostic::error(place, "cannot be understood", expected));
        }
        if let Some((id, place)) = reading.id {
            self.claim_advertiser(id, place);
        }
        if let Some(file) = reading.file {
            self.bind(file);
        }
    }

    /// Adds a fault that was met outside the files' texts.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The book, and every diagnostic; no book where one of them is an error.
    pub fn finish(mut self) -> (Option<Book>, Vec<Diagnostic>) {
        self.diagnostics.extend(check_prefixes(&self.segment_prefixes));
        self.name_engaged();
        self.index();
        let good = !self.diagnostics.iter().any(Diagnostic::is_error);
        (good.then_some(self.book), self.diagnostics)
    }

    /// Appends the parts of a checked file.
    fn bind(&mut self, file: AdvertiserFile) {
        for (creative, place) in file.creatives.iter().zip(&file.creative_places) {
            let fault = claim(&mut self.creative_keys, creative.key.0, place);
            self.diagnostics.extend(fault);
        }
        for (campaign, place) in file.campaigns.iter().zip(&file.campaign_places) {
            let fault = claim(&mut self.campaign_keys, campaign.key.0, place);
            self.diagnostics.extend(fault);
        }
        let first = self.book.campaigns.len();
        if first + file.campaigns.len() > CAMPAIGNS_MAX {
            let expected = format!("at most {CAMPAIGNS_MAX} in all files together");
            let fault = |place| Diagnostic::error(place, "too many campaigns", expected);
            self.diagnostics.extend(file.campaign_places.into_iter().next().map(fault));
            return;
        }
        for (n, _) in file.prospecting.iter().enumerate().filter(|(_, prospecting)| **prospecting) {
            self.book.prospecting.push(CampaignIndex((first + n) as u32));
        }
        for (n, _) in file.campaigns.iter().enumerate().filter(|(_, one)| one.contextual) {
            self.book.contextual.push(CampaignIndex((first + n) as u32));
        }
        self.segment_prefixes.extend(file.segment_prefix);
        self.book.advertisers.push(file.advertiser);
        self.book.creatives.extend(file.creatives);
        self.book.campaigns.extend(file.campaigns);
    }

    fn claim_advertiser(&mut self, id: String, place: Place) {
        if let Some(first) = self.advertiser_ids.get(&id) {
            let expected = format!("an id of its own; {}:{} has the same", first.file, first.line);
            let message = format!("advertiser `{id}` is there twice");
            self.diagnostics.push(Diagnostic::error(place, message, expected));
        } else {
            self.advertiser_ids.insert(id, place);
        }
    }

    /// Where campaigns ask who bounced, it must be known who is engaged: those did not.
    fn name_engaged(&mut self) {
        for advertiser in &self.book.advertisers {
            let Some(events) = &advertiser.events else { continue };
            let name = |own: &str| format!("{}{own}", events.prefix);
            if self.book.segments.get(&name(BOUNCED)).is_some() {
                self.book.segments.intern(&name(ENGAGED));
            }
        }
    }

    /// Lists every campaign under each segment that can trigger it.
    fn index(&mut self) {
        let mut by_segment = vec![Vec::new(); self.book.segments.len()];
        let prospecting: HashSet<_> = self.book.prospecting.iter().collect();
        for (n, Campaign { anchors, .. }) in self.book.campaigns.iter().enumerate() {
            let index = CampaignIndex(n as u32);
            for anchor in anchors.iter().filter(|_| !prospecting.contains(&index)) {
                if let Some(campaigns) = by_segment.get_mut(anchor.0 as usize) {
                    campaigns.push(index);
                }
            }
        }
        self.book.by_segment = by_segment;
    }
}

/// Takes a key; another holder of the same is a collision of hashes, since ids are unique.
fn claim(keys: &mut HashMap<u64, Place>, key: u64, place: &Place) -> Option<Diagnostic> {
    let Some(holder) = keys.get(&key) else {
        keys.insert(key, place.clone());
        return None;
    };
    let other = format!("{}:{}", holder.file, holder.line);
    let message = format!("this id has the same key as the one at {other}");
    Some(Diagnostic::error(place.clone(), message, "another id: rename one of the two"))
}
