//! Creatives to markup: what a browser, a player or a publisher's layout is given.
//!
//! - [`template`] markup cut into fixed pieces and holes, ready to be copied into a response
//! - [`banner`] banner markup: a picture that is a link, or a piece of HTML
//! - [`spot`] whether and as what a video or a piece of audio fits a place; [`vast`] its markup
//! - [`native`] whether and as what assets fit a place, and their JSON; [`native_message`] the
//!   same as protobuf; [`cut`] texts that are too long for their place
//! - [`xml`] text as it stands in XML
//!
//! Guarantees: banners and VAST are cut and escaped once, when a book is loaded, and filling in
//! copies bytes; native assets, whose choice and length each place asks for anew, are escaped
//! as they are copied. Text that an advertiser wrote as text is escaped for where it stands; its
//! own HTML is its own. Nothing here allocates on the bid path but for a buffer's growth.

pub mod banner;
pub mod cut;
pub mod native;
pub mod native_message;
pub mod spot;
pub mod template;
pub mod vast;
pub mod xml;

pub use native::NativeMarkup;
pub use spot::SpotChoice;
pub use template::{Fill, Hole, Template};
pub use vast::SpotMarkup;

use crate::campaign::model::{Advertiser, Book, Creative, CreativeBody};
use crate::openrtb::{Form, offer};

/// A creative's markup, ready to be filled in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Markup {
    /// HTML.
    Banner(Template),
    /// VAST.
    Spot(SpotMarkup),
    /// Assets.
    Native(NativeMarkup),
}

/// What the place of a bid wants its markup to be: the kind of the creative that was chosen.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'w> {
    /// HTML.
    Banner,
    /// VAST, as [`spot::choose`] chose.
    Spot(SpotChoice),
    /// These assets, which [`native::can_fill`] found to be there.
    Native(&'w offer::Native),
}

/// The markup of a book's creatives, in its order.
pub fn templates(book: &Book) -> Vec<Markup> {
    let markup = |creative: &Creative| markup(creative, book.advertisers.get(creative.advertiser));
    book.creatives.iter().map(markup).collect()
}

fn markup(creative: &Creative, advertiser: Option<&Advertiser>) -> Markup {
    let domain = advertiser.map_or("", |advertiser| &advertiser.domain);
    match &creative.body {
        CreativeBody::Image { src, alt } => Markup::Banner(banner::image(creative, (src, alt))),
        CreativeBody::Html { html } => Markup::Banner(banner::html(creative, html)),
        CreativeBody::Native(ad) => Markup::Native(NativeMarkup::new(ad)),
        CreativeBody::Video(ad) | CreativeBody::Audio(ad) => {
            Markup::Spot(SpotMarkup::new((creative, domain), ad))
        }
    }
}

impl Markup {
    /// Appends the markup as `wanted`, filled in: as the inside of a JSON string for
    /// [`Form::Json`], as it is for [`Form::Protobuf`] (and wherever else it travels alone).
    ///
    /// A place that wants another kind than this is none that this creative was chosen for;
    /// nothing is written then.
    pub fn write(&self, wanted: &Wanted<'_>, (fill, form): (&Fill<'_>, Form), out: &mut Vec<u8>) {
        match (self, wanted) {
            (Self::Banner(template), Wanted::Banner) => template.write(fill, form, out),
            (Self::Spot(markup), Wanted::Spot(choice)) => markup.write(*choice, (fill, form), out),
            (Self::Native(markup), Wanted::Native(native)) => {
                markup.write(native, (fill, form), out);
            }
            _ => debug_assert!(false, "a creative of another kind than its place"),
        }
    }
}

#[cfg(test)]
mod tests;
