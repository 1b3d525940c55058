//! An advertiser file, from its text to a checked advertiser with its creatives and campaigns.
//!
//! Guarantees: pure but for the given way to get creative files; goes on after each fault.
//! What it returns is only used when the file has no error. Must not read files itself.

use super::creative_section::CreativeFiles;
use super::events_section::{self, Prefix};
use super::model::{Advertiser, Campaign, Creative};
use super::{campaign_section, caps_section, creative_section, grammar};
use crate::audience::SegmentTable;
use crate::config::{Diagnostic, Document, Located, Place, Section, Source};
use crate::model::{AdvertiserKey, Amount, Currency, Rates};
use jiff::tz::TimeZone;
use std::collections::{HashMap, HashSet};

/// What the machine's file says that campaigns refer to.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    /// The names of the exchanges.
    pub exchanges: &'a [String],
    /// The currencies that can be converted.
    pub rates: &'a Rates,
}

/// Where in the book the file's parts will stand, and what they are read with.
pub(super) struct Setting<'a> {
    /// The advertiser's place in the book.
    pub advertiser: usize,
    /// The place of the file's first creative in the book.
    pub first_creative: usize,
    /// Numbers the segments.
    pub segments: &'a mut SegmentTable,
    /// The machine, where it is known.
    pub machine: Option<Machine<'a>>,
}

/// A checked file.
#[derive(Debug)]
pub(super) struct AdvertiserFile {
    pub advertiser: Advertiser,
    pub creatives: Vec<Creative>,
    pub campaigns: Vec<Campaign>,
    /// For each campaign, whether it needs no segment.
    pub prospecting: Vec<bool>,
    /// Where each campaign's id stands.
    pub campaign_places: Vec<Place>,
    /// Where each creative's id stands.
    pub creative_places: Vec<Place>,
    /// What the segments of its events begin with, if they are taken.
    pub segment_prefix: Option<Prefix>,
}

/// What came of a file.
#[derive(Debug)]
pub(super) struct Reading {
    /// The file, if it has no error.
    pub file: Option<AdvertiserFile>,
    /// The advertiser's id and its place, also of a faulty file: it may be another's too.
    pub id: Option<(String, Place)>,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// What sections need to know of the file around them.
pub(super) struct Surroundings<'a> {
    pub advertiser_id: &'a str,
    pub advertiser: usize,
    pub currency: Option<Currency>,
    pub timezone: TimeZone,
    pub machine: Option<Machine<'a>>,
    /// What the segments of the shop's events begin with.
    pub segment_prefix: String,
}

impl Surroundings<'_> {
    /// An amount in the file's currency, in micros; another currency is a fault.
    pub(super) fn micros(&self, section: &Section<'_>, name: &str) -> Option<i64> {
        let Amount { micros, currency } = section.amount(name)?;
        if let Some(own) = self.currency.filter(|own| *own != currency) {
            let expected = format!("an amount in {own}, the advertiser's currency");
            section.error(name, format!("`{name}` is in {currency}"), expected);
            return None;
        }
        Some(micros)
    }

    /// Reports an exchange that the machine's file does not have.
    pub(super) fn check_exchange(&self, section: &Section<'_>, exchange: &Located<&str>) {
        let Some(machine) = self.machine else { return };
        if !machine.exchanges.iter().any(|known| known == exchange.value) {
            let message = format!("no exchange `{}` in the machine's file", exchange.value);
            let known = format!("one of: {}", machine.exchanges.join(", "));
            section.faults().error(&exchange.at, message, known);
        }
    }
}

/// Reads an advertiser file.
pub(super) fn read(
    source: &Source,
    files: &dyn CreativeFiles,
    setting: &mut Setting<'_>,
) -> Reading {
    let document = Document::read(source, &grammar::ADVERTISER_FILE);
    let root = document.section(&grammar::ADVERTISER_FILE);
    let file = read_sections(&root, files, setting);
    let file = file.filter(|_| !document.faults().any_error());
    let id = root.table("advertiser").and_then(|head| Some((head.string("id")?, head.place("id"))));
    Reading { file, id, diagnostics: document.into_diagnostics() }
}

fn read_sections(
    root: &Section<'_>,
    files: &dyn CreativeFiles,
    setting: &mut Setting<'_>,
) -> Option<AdvertiserFile> {
    let head = root.table("advertiser");
    let surroundings = surroundings(head.as_ref(), setting);
    let creative_sections = root.tables("creative");
    let ids = unique_ids(&creative_sections, setting.first_creative, root);
    let creatives: Vec<_> = creative_sections
        .iter()
        .map(|section| creative_section::read(section, files, &surroundings))
        .collect();
    let mut reader = campaign_section::Reader {
        surroundings: &surroundings,
        segments: &mut *setting.segments,
        creatives: &ids,
    };
    let campaign_sections = root.tables("campaign");
    unique_ids(&campaign_sections, 0, root);
    let campaigns: Vec<_> =
        campaign_sections.iter().map(|section| reader.campaign(section)).collect();
    warn_of_unused(root, &creative_sections, &campaign_sections);
    let head = head?;
    let (events, segment_prefix) = events_section::read(&head).unzip();
    let (campaigns, prospecting) =
        campaigns.into_iter().collect::<Option<Vec<_>>>()?.into_iter().unzip();
    Some(AdvertiserFile {
        advertiser: Advertiser { events, ..advertiser(&head, surroundings.currency?)? },
        creatives: creatives.into_iter().collect::<Option<_>>()?,
        campaigns,
        prospecting,
        campaign_places: places_of_ids(&campaign_sections),
        creative_places: places_of_ids(&creative_sections),
        segment_prefix,
    })
}

/// Reads what the other sections depend on; where it is faulty they are checked without it.
fn surroundings<'a>(head: Option<&Section<'a>>, setting: &Setting<'a>) -> Surroundings<'a> {
    let text = |name| head.and_then(|head| head.text(name));
    let currency = text("currency").and_then(Currency::parse);
    if let (Some(head), Some(machine), Some(currency)) = (head, setting.machine, currency)
        && machine.rates.usd_nanos(currency).is_none()
    {
        let expected = format!(
            "a currency with a rate: add `{currency} = ...` to `rates` in the machine's file"
        );
        head.error("currency", format!("no exchange rate for {currency}"), expected);
    }
    Surroundings {
        advertiser_id: text("id").unwrap_or_default(),
        advertiser: setting.advertiser,
        currency,
        timezone: text("timezone")
            .and_then(|name| TimeZone::get(name).ok())
            .unwrap_or(TimeZone::UTC),
        machine: setting.machine,
        segment_prefix: head
            .and_then(|head| head.table("events")?.string("segment_prefix"))
            .unwrap_or_default(),
    }
}

fn advertiser(head: &Section<'_>, currency: Currency) -> Option<Advertiser> {
    let id = head.string("id")?;
    Some(Advertiser {
        key: AdvertiserKey::new(&id),
        id,
        domain: head.string("domain")?,
        currency,
        categories: creative_section::categories(head),
        transparency: creative_section::transparency(head),
        caps: caps_section::read(head),
        events: None,
        file: head.faults().source().name().to_owned(),
    })
}

/// The ids of sections and their places in the book; an id used twice is a fault.
///
/// `None` where a section's id could not be read, or is another's: then it cannot be told
/// whether a reference to an id is a mistake.
pub(super) type Ids<'a> = Option<HashMap<&'a str, usize>>;

fn unique_ids<'a>(sections: &[Section<'a>], first: usize, root: &Section<'_>) -> Ids<'a> {
    let mut ids = HashMap::new();
    let mut all_known = !root.may_be_incomplete();
    for (n, section) in sections.iter().enumerate() {
        let Some(id) = section.text("id") else {
            all_known = false;
            continue;
        };
        if let Some(earlier) = ids.insert(id, first + n) {
            all_known = false;
            let line = sections[earlier - first].place("id").line;
            let expected = format!("an id of its own; the one on line {line} is the same");
            section.error("id", format!("`{id}` is used twice"), expected);
        }
    }
    all_known.then_some(ids)
}

fn places_of_ids(sections: &[Section<'_>]) -> Vec<Place> {
    sections.iter().map(|section| section.place("id")).collect()
}

/// Warns of creatives that no message shows; beside an error that is likely its consequence.
fn warn_of_unused(root: &Section<'_>, creatives: &[Section<'_>], campaigns: &[Section<'_>]) {
    if root.faults().any_error() {
        return;
    }
    let messages = campaigns.iter().flat_map(|campaign| campaign.tables("message"));
    let used: HashSet<&str> = messages
        .flat_map(|message| message.texts("creatives"))
        .map(|creative| creative.value)
        .collect();
    for creative in creatives {
        if let Some(id) = creative.text("id").filter(|id| !used.contains(id)) {
            let expected = "a message that lists it in `creatives`";
            creative.warning("id", format!("creative `{id}` is not used by any message"), expected);
        }
    }
}
