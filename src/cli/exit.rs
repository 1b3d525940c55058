//! How a command ends: exit codes of BSD's sysexits, and the error that carries one.

use crate::audience::builder::BuildError;
use crate::audience::rows::ReadError;
use crate::audience::snapshot::SnapshotError;
use std::fmt::Display;
use std::io;
use std::path::Path;

/// It is done.
pub const OK: u8 = 0;
/// The command line is wrong.
pub const USAGE: u8 = 64;
/// The data are wrong: bad rows, a damaged set.
pub const DATA: u8 = 65;
/// An input is missing.
pub const NO_INPUT: u8 = 66;
/// A port is taken or closed to us.
pub const UNAVAILABLE: u8 = 69;
/// A fault of this program.
pub const SOFTWARE: u8 = 70;
/// The operating system refuses something.
pub const OS: u8 = 71;
/// An output cannot be created.
pub const CANNOT_CREATE: u8 = 73;
/// Reading or writing failed half-way.
pub const IO: u8 = 74;
/// It ended before everything was done.
pub const TEMPORARY: u8 = 75;
/// The other side does not know us: no token, or a wrong one.
pub const NO_PERMISSION: u8 = 77;
/// A configuration file has faults.
pub const CONFIG: u8 = 78;

/// Why a command ends early.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What to tell people.
    pub message: String,
}

impl Failure {
    /// A failure with this code and message.
    pub fn new(code: u8, message: impl Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// For `map_err`: a path that cannot be opened for reading.
    pub fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let message = format!("cannot read {}", path.display());
        move |error| {
            let missing = error.kind() == io::ErrorKind::NotFound;
            Self::new(if missing { NO_INPUT } else { IO }, format!("{message}: {error}"))
        }
    }

    /// For `map_err`: a file that cannot be created.
    pub fn creating(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let message = format!("cannot create {}", path.display());
        move |error| Self::new(CANNOT_CREATE, format!("{message}: {error}"))
    }
}

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        let code = match &error {
            SnapshotError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                NO_INPUT
            }
            SnapshotError::Io { action: "create", .. } | SnapshotError::Exists { .. } => {
                CANNOT_CREATE
            }
            SnapshotError::Io { .. } => IO,
            SnapshotError::Unnamed { .. } => USAGE,
            _ => DATA,
        };
        Self::new(code, error)
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Snapshot(error) => error.into(),
            BuildError::Shards { .. } | BuildError::Part { .. } => Self::new(USAGE, error),
            BuildError::Spill { .. } | BuildError::Damaged => Self::new(IO, error),
            _ => Self::new(DATA, error),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let code = match &error {
            ReadError::Header(_) => DATA,
            ReadError::Io { source, .. } => match source.kind() {
                // What a decompressor and the row limit say of bad input.
                io::ErrorKind::InvalidData
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::UnexpectedEof => DATA,
                _ => IO,
            },
        };
        Self::new(code, error)
    }
}

/// Writing results to a pipe that was closed, or to a full disk.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(IO, format!("cannot write the result: {error}"))
    }
}
