//! Reads configuration files from disk: the only file of this room that does.
//!
//! Guarantees: never more than a file's bound is read, and a folder, a device or a pipe in a
//! file's place is refused instead of waited for.

use super::{Diagnostic, Place, Source};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Largest configuration file, in bytes: thousands of campaigns fit.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// A folder, a device, a pipe.
    #[error("cannot be read: not a regular file")]
    NotAFile,
    /// Larger than the bound.
    #[error("is larger than {bytes_max} bytes")]
    TooLarge {
        /// The bound.
        bytes_max: u64,
    },
}

/// All of a regular file of at most `bytes_max` bytes.
///
/// # Errors
/// It is missing, unreadable, not a regular file, or larger.
pub fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ReadError> {
    // Looked at before it is opened: opening a pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(ReadError::NotAFile);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(ReadError::TooLarge { bytes_max });
    }
    Ok(bytes)
}

/// A configuration file as text.
///
/// # Errors
/// A diagnostic of the file as a whole, or of the first byte that is not UTF-8.
pub fn read_source(path: &Path) -> Result<Source, Box<Diagnostic>> {
    let name = path.display().to_string();
    let refuse = |error: ReadError| {
        let expected = format!("a readable text file of at most {FILE_BYTES_MAX} bytes");
        let place = Place::whole_file(name.clone());
        Box::new(Diagnostic::error(place, error.to_string(), expected))
    };
    let bytes = read_bounded(path, FILE_BYTES_MAX).map_err(refuse)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let place = Source::new(name, text).place(valid..valid + 1);
            Err(Box::new(Diagnostic::error(place, "not UTF-8", "a file saved as UTF-8")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_readable_text_file_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        let said = |name: &str| read_source(&path(name)).expect_err(name).message;
        std::fs::write(path("latin1"), b"a = 1\nb = \"\xe9\"\n").expect("written");
        std::fs::write(path("large"), vec![b'#'; FILE_BYTES_MAX as usize + 1]).expect("written");
        assert!(said("missing").contains("cannot be read"));
        assert!(said(".").contains("not a regular file"));
        assert!(said("large").contains("larger than"));
        let fault = read_source(&path("latin1")).expect_err("not UTF-8");
        assert_eq!((fault.place.line, fault.place.column), (2, 6));
    }
}
