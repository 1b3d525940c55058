//! The impressions of a request, read when the first one is asked for.
//!
//! Most requests end before anybody asks what is on offer: nobody is recognised. Where the body's
//! skeleton is known, and in protobuf, its impressions are stepped over then, and never looked into.
//!
//! Guarantees: whoever looks sees the same, whether they were read early or late; they are read
//! once. What is kept for later is an array of JSON whose grammar was checked, or fields whose
//! frames were: a message whose inside is broken is one impression that is skipped.

use super::decode::read_impressions;
use super::json::Reader;
use super::protobuf::{self, Repeated};
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
    unread: Option<Unread<'a>>,
    read: OnceCell<ReadImpressions<'a>>,
}

/// Where impressions stand, in either form.
#[derive(Clone, Debug)]
pub(super) enum Unread<'a> {
    /// The reader stands before the array, whose grammar was checked.
    Json(Reader<'a>),
    /// The repeated field.
    Protobuf(Repeated<'a>),
}

impl<'a> Impressions<'a> {
    /// Those that stand there.
    pub(super) fn later(unread: Unread<'a>) -> Self {
        Self { unread: Some(unread), read: OnceCell::new() }
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
            match self.unread.clone() {
                // The grammar was checked, so no error can come.
                Some(Unread::Json(mut reader)) => drop(read_impressions(&mut reader, &mut read)),
                Some(Unread::Protobuf(list)) => protobuf::read_impressions(&list, &mut read),
                None => {}
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
