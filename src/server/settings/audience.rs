//! The section `[audience]`: where sets come from, and how often that is looked at.

use crate::config::Section;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How sets come into service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AudienceRules {
    /// The folder of sets; of no meaning if there is a `store`.
    pub folder: PathBuf,
    /// The URL of a prefix in an object store that sets are fetched from instead.
    pub store: Option<String>,
    /// Time between two looks whether there is a new set; `None`: nobody looks.
    pub poll: Option<Duration>,
}

/// How a source names a folder of this machine.
const FILE_SCHEME: &str = "file://";
const STORE_SCHEMES: [&str; 5] = ["s3://", "gs://", "az://", "https://", "http://"];

/// Whether this homing can fetch from object stores.
const HAS_STORES: bool = cfg!(feature = "object-store");

/// Reads the section; a relative folder lies below `base`.
pub(super) fn read(section: &Section<'_>, base: &Path) -> Option<AudienceRules> {
    let poll_s: u64 = section.number_of("poll_s")?;
    let folder = base.join(section.text("folder")?);
    let poll = (poll_s > 0).then(|| Duration::from_secs(poll_s));
    let Some(source) = section.string("source") else {
        return Some(AudienceRules { folder, store: None, poll });
    };
    if section.has("folder") {
        section.error("source", "sets come from `folder` and from `source`", "one of the two");
    }
    if let Some(path) = source.strip_prefix(FILE_SCHEME) {
        return Some(AudienceRules { folder: PathBuf::from(path), store: None, poll });
    }
    if !HAS_STORES {
        let message = format!("this homing was built without object stores: {source}");
        let expected = "file:///..., or a homing from `cargo build --release --features \
                        object-store`";
        section.error("source", message, expected);
    }
    Some(AudienceRules { folder, store: Some(source), poll })
}

/// Whether a text is a source: see the rule in the grammar, which says the same as a pattern.
pub(super) fn is_source(text: &str) -> bool {
    let rest = match text.strip_prefix(FILE_SCHEME) {
        Some(path) => path.strip_prefix('/'),
        None => STORE_SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)),
    };
    let plain = |part: &str| {
        let odd = |one: char| one.is_whitespace() || one.is_control() || "?#@'".contains(one);
        !part.is_empty() && part != ".." && part != "." && !part.contains(odd)
    };
    rest.is_some_and(|rest| rest.split('/').all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_plain_url_of_a_prefix() {
        for good in [
            "s3://bucket",
            "s3://bucket/audience/eu",
            "gs://bucket/a",
            "az://container/a",
            "https://sets.example:8443/audience",
            "http://127.0.0.1:9000/bucket",
            "file:///var/lib/homing/sets",
        ] {
            assert!(is_source(good), "{good}");
        }
        for bad in [
            "",
            "audience",
            "s3://",
            "s3://bucket/",
            "s3://key:secret@bucket",
            "https://sets.example/a?token=1",
            "https://sets.example/a b",
            "ftp://sets.example/a",
            "file://relative/a",
            "file:///",
            "file:///a/../b",
            "s3://bucket//a",
        ] {
            assert!(!is_source(bad), "{bad}");
        }
    }
}
