//! Why a snapshot was refused or could not be written: each kind has a short name for
//! metrics ([`SnapshotError::reason`]) and a message that says what to do.

use super::format::FORMAT_VERSION;
use crate::model::UnixSeconds;
use std::io;
use std::path::{Path, PathBuf};

/// A snapshot that is not loaded, or not written.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A file system call failed.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something other than a regular file stands where a file should.
    #[error("expected a regular file at {path}, found {found}: copy the set, do not link it",
        path = path.display())]
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What stands there.
        found: &'static str,
    },
    /// A set of this name is there already.
    #[error("{path} exists already: choose another name, a set is never overwritten",
        path = path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// A folder of sets with more entries than are looked at.
    #[error("expected at most {max} entries in {path}, found more: remove old sets",
        path = path.display())]
    Crowded {
        /// The folder.
        path: PathBuf,
        /// The limit.
        max: usize,
    },
    /// A path that cannot name a set.
    #[error("expected the path of a folder with a name, found {path}", path = path.display())]
    Unnamed {
        /// The path.
        path: PathBuf,
    },
    /// The manifest is refused.
    #[error("manifest: {0}")]
    Manifest(#[from] ManifestFault),
    /// A shard is refused.
    #[error("{file}: {fault}")]
    Shard {
        /// The shard's file name.
        file: String,
        /// Why.
        fault: ShardFault,
    },
    /// The set is not signed with the key that this bidder asks for.
    #[error(
        "expected a signature of this bidder's key in manifest.sig, found {0}: \
         `homing snapshot sign` makes one"
    )]
    Signature(&'static str),
    /// The pointer file does not name a set.
    #[error("expected the name of a set beside it in {path}, found {found}",
        path = path.display())]
    Pointer {
        /// The file.
        path: PathBuf,
        /// What it holds, shortened.
        found: String,
    },
    /// The set is older than the one in service.
    #[error(
        "the set is complete through {offered}, the one in service through {loaded}: \
         an older set brings back people who have bought; force it if that is meant"
    )]
    Older {
        /// Epoch of the set that was offered.
        offered: UnixSeconds,
        /// Epoch of the set in service.
        loaded: UnixSeconds,
    },
}

impl SnapshotError {
    /// A short fixed name for metrics and logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => "missing",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotADirectory => {
                "not_a_folder"
            }
            Self::Io { .. } => "io",
            Self::NotAFile { .. } => "not_a_file",
            Self::Exists { .. } => "exists",
            Self::Crowded { .. } => "crowded",
            Self::Unnamed { .. } => "unnamed",
            Self::Manifest(fault) => fault.reason(),
            Self::Shard { fault, .. } => fault.reason(),
            Self::Signature(_) => "manifest_signature",
            Self::Pointer { .. } => "pointer",
            Self::Older { .. } => "older",
        }
    }

    /// For `map_err` behind a file system call.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}

/// Why a manifest is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ManifestFault {
    /// Longer than any manifest.
    #[error("expected at most {max} bytes, found {found}: this is another kind of file")]
    TooLong {
        /// The limit.
        max: u64,
        /// Its length.
        found: u64,
    },
    /// Not the protobuf message that it should be.
    #[error("expected the manifest of a Homing audience snapshot, found something else")]
    Foreign,
    /// Made by an older or a newer program.
    #[error(
        "expected format version 1 to {FORMAT_VERSION}, found {found}: \
        build the set with the same version of homing as reads it"
    )]
    Version {
        /// The version that it names.
        found: u32,
    },
    /// Bytes have changed since it was written.
    #[error("its checksum does not match its content: it was damaged, copy it again")]
    Checksum,
    /// It holds what this version does not write: fields or bytes of unknown meaning.
    #[error("expected the exact form in which homing writes it, found additional bytes")]
    Unknown,
    /// A field makes no sense.
    #[error("{field}: expected {expected}, found {found}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What would have been right.
        expected: String,
        /// What stands there.
        found: String,
    },
}

impl ManifestFault {
    fn reason(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "manifest_too_long",
            Self::Foreign => "manifest_foreign",
            Self::Version { .. } => "manifest_version",
            Self::Checksum => "manifest_checksum",
            Self::Unknown => "manifest_unknown",
            Self::Field { .. } => "manifest_field",
        }
    }
}

/// Why a shard file is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ShardFault {
    /// Fewer bytes than the manifest says.
    #[error("expected {expected} bytes, found {found}: it was cut short, copy it again")]
    Truncated {
        /// What the manifest says.
        expected: u64,
        /// Its length.
        found: u64,
    },
    /// More bytes than the manifest says.
    #[error("expected {expected} bytes, found {found}: it belongs to another set")]
    Trailing {
        /// What the manifest says.
        expected: u64,
        /// Its length.
        found: u64,
    },
    /// Not a shard at all.
    #[error("expected a Homing shard, which begins with HOMSHARD: this is another kind of file")]
    Magic,
    /// Made by an older or a newer program.
    #[error(
        "expected format version {expected}, found {found}: \
        build the set with the same version of homing as reads it"
    )]
    Version {
        /// The version that the manifest names.
        expected: u32,
        /// The version that it names.
        found: u32,
    },
    /// More than the format can hold.
    #[error("expected at most {max} {what}, found {users}: build the set with more shards")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        max: u64,
        /// How many there are.
        users: u64,
    },
    /// Bytes have changed since they were written.
    #[error("{part}: the checksum does not match: it was damaged, copy it again")]
    Checksum {
        /// Which part of the file, e.g. `block 7`.
        part: String,
    },
    /// A header field contradicts the manifest or the file.
    #[error("header: expected {field} {expected}, found {found}: it belongs to another set")]
    Header {
        /// Which field.
        field: &'static str,
        /// What would have been right.
        expected: u64,
        /// What stands there.
        found: u64,
    },
    /// The directory does not cover the file block by block.
    #[error("directory: entry {entry} does not follow the one before: the writer is at fault")]
    Directory {
        /// Which entry.
        entry: usize,
    },
    /// Keys that do not ascend, or are there twice.
    #[error("block {block}: the key of user {user} does not ascend: the writer is at fault")]
    Order {
        /// Which block.
        block: usize,
        /// Which user of the block.
        user: usize,
    },
    /// A block or a record that cannot be read.
    #[error("block {block}, user {user}: {problem}: the writer is at fault")]
    Record {
        /// Which block.
        block: usize,
        /// Which user of the block.
        user: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

impl ShardFault {
    fn reason(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "shard_truncated",
            Self::Trailing { .. } => "shard_trailing",
            Self::Magic => "shard_magic",
            Self::Version { .. } => "shard_version",
            Self::Checksum { .. } => "shard_checksum",
            Self::Header { .. } => "shard_header",
            Self::Directory { .. } => "shard_directory",
            Self::Order { .. } => "shard_order",
            Self::Record { .. } => "shard_record",
            Self::TooMany { .. } => "shard_too_large",
        }
    }
}
