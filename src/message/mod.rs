//! Creatives to markup: what the browser is given.
//!
//! - [`template`] markup cut into fixed pieces and holes, ready to be copied into a response
//! - [`banner`] banner markup: a picture that is a link, or a piece of HTML
//!
//! Guarantees: everything is cut and escaped once, when a book is loaded; filling in copies
//! bytes. Text that an advertiser wrote as text is escaped for HTML; its own HTML is its own.

pub mod banner;
pub mod template;

pub use template::{Fill, Hole, Template};

use crate::campaign::model::Book;

/// The templates of a book's creatives, in its order.
pub fn templates(book: &Book) -> Vec<Template> {
    book.creatives.iter().map(banner::template).collect()
}
