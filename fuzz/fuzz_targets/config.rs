//! Configuration files: the machine's and an advertiser's.
//!
//! Law: a file is refused with faults that can be printed, or accepted; a file that is accepted
//! is accepted again, with a comment at its end too, and then says the same.

#![no_main]

use homing::campaign::Book;
use homing::campaign::book::BookBuilder;
use homing::campaign::creative_section::CreativeFiles;
use homing::config::{Diagnostic, Source, render};
use homing::message;
use homing::server::settings::{self, Settings};
use std::path::Path;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let again = format!("{text}\n# the same");
    if let Some(settings) = machine(text) {
        assert_eq!(machine(&again).map(|one| format!("{one:?}")), Some(format!("{settings:?}")));
    }
    if let Some(book) = advertiser(text) {
        message::templates(&book);
        assert_eq!(advertiser(&again).map(|one| told(&one)), Some(told(&book)));
    }
});

fn machine(text: &str) -> Option<Settings> {
    let checked = settings::check(&Source::new("homing.toml", text), Path::new("folder"));
    print(&checked.diagnostics, checked.settings.is_some());
    checked.settings
}

fn advertiser(text: &str) -> Option<Book> {
    let mut builder = BookBuilder::new(None);
    builder.add(&Source::new("shop.toml", text), &OneFile);
    let (book, diagnostics) = builder.finish();
    print(&diagnostics, book.is_some());
    book
}

/// A book but for its table of segments, whose order of printing is the hash table's.
fn told(book: &Book) -> String {
    let Book { advertisers, creatives, campaigns, by_segment, prospecting, contextual, .. } = book;
    let all = (advertisers, creatives, campaigns, by_segment, prospecting, contextual);
    format!("{all:?}")
}

/// Faults are there exactly where a file is refused, and people and programs can read them.
fn print(diagnostics: &[Diagnostic], accepted: bool) {
    assert_eq!(accepted, !diagnostics.iter().any(Diagnostic::is_error), "{diagnostics:?}");
    let people = render::text(diagnostics);
    let hidden = |character: char| character.is_control() && character != '\n';
    assert!(!people.contains(hidden), "escape sequences reach the terminal: {people:?}");
    for line in render::json_lines(diagnostics).lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("a line of JSON");
    }
}

/// A folder in which every creative's file is the same small picture.
struct OneFile;

impl CreativeFiles for OneFile {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if path.contains("missing") {
            return Err("is not there".to_owned());
        }
        Ok(b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"300\" height=\"250\"/>".to_vec())
    }
}
