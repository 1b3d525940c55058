//! The impressions of a request, read when the first one is asked for.
//!
//! Most requests end before anybody asks what is on offer: nobody is recognised. Where the body's
//! skeleton is known, its impressions are stepped over then, and never looked into.
//!
//! Guarantees: whoever looks sees the same, whether they were read early or late; they are read
//! once. What is kept for later is an array whose grammar was checked.

use super::decode::read_impressions;
use super::json::Reader;
use super::request::Impression;
use smallvec::SmallVec;
use std::cell::OnceCell;
use std::ops::Deref;

/// So many impressions are kept without an allocation: more than nearly all requests have.
const INLINE: usize = 8;

/// Impressions that were read, and how many were not.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadImpressions<'a> {
    /// Those that can be read.
    pub(super) list: SmallVec<[Impression<'a>; INLINE]>,
    /// Impressions that were skipped: malformed, doubled, or beyond
    /// [`super::request::IMPRESSIONS_MAX`].
    pub(super) skipped: u32,
}

/// What a request offers: a slice of impressions, once somebody looks.
#[derive(Clone, Debug, Default)]
pub struct Impressions<'a> {
    /// Where they stand, if they are yet to be read.
    unread: Option<Reader<'a>>,
    read: OnceCell<ReadImpressions<'a>>,
}

impl<'a> Impressions<'a> {
    /// Those of the array before which `reader` stands, whose grammar was checked.
    pub(super) fn later(reader: Reader<'a>) -> Self {
        Self { unread: Some(reader), read: OnceCell::new() }
    }

    /// Those that were read as they came.
    pub(super) fn now(read: ReadImpressions<'a>) -> Self {
        Self { unread: None, read: OnceCell::from(read) }
    }

    /// How many were skipped, as far as anybody has looked.
    pub fn skipped(&self) -> u32 {
        self.read.get().map_or(0, |read| read.skipped)
    }

    fn read(&self) -> &ReadImpressions<'a> {
        self.read.get_or_init(|| {
            let mut read = ReadImpressions::default();
            if let Some(mut reader) = self.unread.clone() {
                // The grammar was checked, so no error can come.
                let _ = read_impressions(&mut reader, &mut read);
            }
            read
        })
    }
}

impl<'a> Deref for Impressions<'a> {
    type Target = [Impression<'a>];

    fn deref(&self) -> &[Impression<'a>] {
        &self.read().list
    }
}
