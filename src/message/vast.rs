//! VAST: the markup of videos and audio, for players (IAB, VAST 2.0, 3.0, 4.0, 4.1 and 4.2).
//!
//! Guarantees: cut once into pieces that know the versions and the media file that they are
//! for, so that writing is copying; well-formed whatever the texts hold, and valid by the schema
//! of 4.2 where that is written. Addresses stand in CDATA sections, which `]]>` cannot leave.
//!
//! The versions differ in the order of elements, in few attributes, and in what 4.x adds.

use super::spot::{FILES_MAX, SpotChoice, Version};
use super::template::{Fill, Hole, PROGRESS_EVENTS, Template};
use super::xml::{cdata, escaped};
use crate::campaign::model::{Companion, Creative, CreativeBody, MediaFile, SpotAd, SpotSource};
use crate::model::MediaType;
use crate::openrtb::Form;

/// A spot's VAST in every version, ready to be filled in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpotMarkup {
    pieces: Vec<Piece>,
}

/// A run of markup.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Piece {
    /// The versions that it belongs to.
    versions: Versions,
    /// The media file that it is of; it is left out where that is.
    file: Option<usize>,
    markup: Template,
}

/// A set of versions, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Versions(u8);

impl Versions {
    const ALL: Self = Self(0b1_1111);
    /// Before 4.0.
    const OLD: Self = Self(0b0_0011);
    /// 4.0 and later.
    const NEW: Self = Self(0b1_1100);
    const V3_ON: Self = Self(0b1_1110);
    const V41_ON: Self = Self(0b1_1000);

    const fn only(version: Version) -> Self {
        Self(1 << version as u8)
    }

    fn contains(self, version: Version) -> bool {
        self.0 & 1 << version as u8 != 0
    }
}

/// The start of a document; the namespace is that of the schemas from 4.0 on.
const OPENINGS: [(Version, &str); 5] = [
    (Version::V2, "<VAST version=\"2.0\">"),
    (Version::V3, "<VAST version=\"3.0\">"),
    (Version::V4, "<VAST version=\"4.0\" xmlns=\"http://www.iab.com/VAST\">"),
    (Version::V41, "<VAST version=\"4.1\" xmlns=\"http://www.iab.com/VAST\">"),
    (Version::V42, "<VAST version=\"4.2\" xmlns=\"http://www.iab.com/VAST\">"),
];

impl SpotMarkup {
    /// Cuts a spot's markup. `creative` is what the spot is the body of, with its advertiser's
    /// domain.
    pub fn new((creative, domain): (&Creative, &str), ad: &SpotAd) -> Self {
        let mut cutter = Cutter { pieces: Vec::new(), creative, domain };
        cutter.opening();
        match &ad.source {
            SpotSource::Files(files) => cutter.inline(ad, files),
            SpotSource::Wrapped { url } => cutter.wrapper(ad, url),
        }
        cutter.all("</Ad></VAST>");
        Self { pieces: cutter.pieces }
    }

    /// Appends the document that `choice` names.
    pub fn write(&self, choice: SpotChoice, (fill, form): (&Fill<'_>, Form), out: &mut Vec<u8>) {
        let version = Version::of_protocol(choice.protocol).unwrap_or(Version::UNSAID);
        for piece in &self.pieces {
            let of_file = piece.file.is_none_or(|file| choice.files & 1 << file != 0);
            if of_file && piece.versions.contains(version) {
                piece.markup.write(fill, form, out);
            }
        }
    }
}

/// Cuts one document.
struct Cutter<'a> {
    pieces: Vec<Piece>,
    creative: &'a Creative,
    domain: &'a str,
}

impl Cutter<'_> {
    fn add(&mut self, versions: Versions, markup: Template) {
        self.pieces.push(Piece { versions, file: None, markup });
    }

    fn fixed(&mut self, versions: Versions, markup: &str) {
        self.add(versions, Template::default().fixed(markup));
    }

    fn all(&mut self, markup: &str) {
        self.fixed(Versions::ALL, markup);
    }

    fn opening(&mut self) {
        self.all("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        for (version, markup) in OPENINGS {
            self.fixed(Versions::only(version), markup);
        }
        let is_audio = matches!(self.creative.body, CreativeBody::Audio(_));
        let id = escaped(&self.creative.id);
        let audio = if is_audio { " adType=\"audio\"" } else { "" };
        self.fixed(Versions::V41_ON, &format!("<Ad id=\"{id}\"{audio}>"));
        self.fixed(Versions::before(Version::V41), &format!("<Ad id=\"{id}\">"));
    }

    /// What both kinds begin with; `early` stands behind the system's name before 4.0.
    fn head(&mut self, early: &str) {
        self.all("<AdSystem>Homing</AdSystem>");
        self.fixed(Versions::OLD, early);
    }

    fn inline(&mut self, ad: &SpotAd, files: &[MediaFile]) {
        let title = format!("<AdTitle>{}</AdTitle>", escaped(&ad.title));
        let advertiser = format!("<Advertiser>{}</Advertiser>", escaped(self.domain));
        self.all("<InLine>");
        self.head(&title);
        self.fixed(Versions::only(Version::V3), &advertiser);
        self.add(Versions::ALL, Template::default().hole(Hole::Impressions));
        let serving =
            Template::default().fixed("<AdServingId>").hole(Hole::BidId).fixed("</AdServingId>");
        self.add(Versions::V41_ON, serving);
        self.fixed(Versions::NEW, &(title + &advertiser));
        self.all("<Creatives>");
        self.open_creative();
        self.linear(ad, files);
        self.universal_id();
        self.all("</Creative>");
        self.companions(&ad.companions, true);
        self.all("</Creatives></InLine>");
    }

    fn linear(&mut self, ad: &SpotAd, files: &[MediaFile]) {
        let duration = format!("<Duration>{}</Duration>", clock_time(ad.duration_s));
        let skip = |after| format!("<Linear skipoffset=\"{}\">", clock_time(after));
        let opening = ad.skip_after_s.map_or_else(|| "<Linear>".to_owned(), skip);
        self.fixed(Versions::only(Version::V2), "<Linear>");
        self.fixed(Versions::V3_ON, &opening);
        self.fixed(Versions::OLD, &duration);
        self.tracking_events();
        self.fixed(Versions::NEW, &duration);
        let clicks = clicks("ClickThrough");
        self.add(Versions::OLD, clicks.clone());
        self.all("<MediaFiles>");
        for (place, file) in files.iter().enumerate().take(FILES_MAX) {
            let markup = Template::default().fixed(&media_file(file));
            self.pieces.push(Piece { versions: Versions::ALL, file: Some(place), markup });
        }
        self.all("</MediaFiles>");
        self.add(Versions::NEW, clicks);
        self.all("</Linear>");
    }

    fn wrapper(&mut self, ad: &SpotAd, url: &str) {
        let tag = format!("<VASTAdTagURI>{}</VASTAdTagURI>", cdata(url));
        self.all("<Wrapper>");
        self.head(&tag);
        self.add(Versions::ALL, Template::default().hole(Hole::Impressions));
        self.all("<Creatives>");
        self.open_creative();
        self.all("<Linear>");
        self.tracking_events();
        // A click leads where the wrapped ad says; ours is told of it. What it answers, a
        // redirect to the landing page, a player that only reports does not follow to a page.
        self.add(Versions::ALL, clicks("ClickTracking"));
        self.all("</Linear></Creative>");
        self.companions(&ad.companions, false);
        self.all("</Creatives>");
        self.fixed(Versions::NEW, &tag);
        self.all("</Wrapper>");
    }

    fn open_creative(&mut self) {
        self.all(&format!("<Creative id=\"{}\">", escaped(&self.creative.id)));
    }

    /// The creative's id in a registry: ours is the advertiser's domain. 4.0 has the id in an
    /// attribute too.
    fn universal_id(&mut self) {
        let (domain, id) = (escaped(self.domain), escaped(&self.creative.id));
        let opening = format!("<UniversalAdId idRegistry=\"{domain}\"");
        let end = format!(">{id}</UniversalAdId>");
        self.fixed(Versions::NEW, &opening);
        self.fixed(Versions::only(Version::V4), &format!(" idValue=\"{id}\""));
        self.fixed(Versions::NEW, &end);
    }

    fn tracking_events(&mut self) {
        let mut events = Template::default().fixed("<TrackingEvents>");
        for (place, event) in PROGRESS_EVENTS.into_iter().enumerate() {
            events = events
                .fixed(&format!("<Tracking event=\"{event}\"><![CDATA["))
                .hole(Hole::Progress(place))
                .fixed("]]></Tracking>");
        }
        self.add(Versions::ALL, events.fixed("</TrackingEvents>"));
    }

    fn companions(&mut self, companions: &[Companion], inline: bool) {
        if companions.is_empty() {
            return;
        }
        self.open_creative();
        let mut markup = Template::default().fixed("<CompanionAds>");
        for companion in companions {
            markup = markup
                .fixed(&companion_picture(companion))
                .fixed("<CompanionClickThrough><![CDATA[")
                .hole(Hole::ClickUrl)
                .fixed("]]></CompanionClickThrough></Companion>");
        }
        self.add(Versions::ALL, markup.fixed("</CompanionAds>"));
        if inline {
            self.universal_id();
        }
        self.all("</Creative>");
    }
}

impl Versions {
    /// All that are older than `version`.
    const fn before(version: Version) -> Self {
        Self((1 << version as u8) - 1)
    }
}

fn clicks(element: &str) -> Template {
    Template::default()
        .fixed(&format!("<VideoClicks><{element}><![CDATA["))
        .hole(Hole::ClickUrl)
        .fixed(&format!("]]></{element}></VideoClicks>"))
}

fn media_file(file: &MediaFile) -> String {
    let streamed = matches!(file.media_type, MediaType::Hls | MediaType::Dash);
    let delivery = if streamed { "streaming" } else { "progressive" };
    let bitrate = match file.bitrate_kbps {
        0 => String::new(),
        kbps => format!(" bitrate=\"{kbps}\""),
    };
    // A script that plays itself is VPAID, which calls its type so: nothing else gives players
    // scripts as media.
    let script = file.media_type == MediaType::Script;
    let framework = if script { " apiFramework=\"VPAID\"" } else { "" };
    let media_type = if script { "application/javascript" } else { file.media_type.name() };
    format!(
        "<MediaFile delivery=\"{delivery}\" type=\"{media_type}\" width=\"{}\" height=\"{}\"{bitrate}\
         {framework}>{}</MediaFile>",
        file.width,
        file.height,
        cdata(&file.url),
    )
}

fn companion_picture(companion: &Companion) -> String {
    format!(
        "<Companion width=\"{}\" height=\"{}\"><StaticResource creativeType=\"{}\">{}\
         </StaticResource>",
        companion.width,
        companion.height,
        companion.media_type.name(),
        cdata(&companion.url),
    )
}

/// `HH:MM:SS`, as VAST writes lengths.
fn clock_time(seconds: u32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
#[path = "vast_tests.rs"]
mod tests;
