//! Rows that do not fit into memory, in one file without a name.
//!
//! The file loses its name as soon as it is made, so that nothing is left behind however the
//! build ends; it takes disk until then. Rows of a partition are appended in large pieces and
//! read back in one go.

use parking_lot::Mutex;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many names are tried for the file.
const ATTEMPTS_MAX: u32 = 100;

/// A spill file; made when the first rows are written.
pub(super) struct Spill {
    folder: PathBuf,
    file: Mutex<Option<File>>,
    end: AtomicU64,
}

/// A piece of the spill file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    at: u64,
    bytes: usize,
}

impl Spill {
    /// A file to be made in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), file: Mutex::new(None), end: AtomicU64::new(0) }
    }

    /// Where the file is, for messages.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How much was written.
    pub(super) fn bytes(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    /// Appends some chunks of rows.
    pub(super) fn append(&self, chunks: &[Vec<u8>]) -> io::Result<Extent> {
        let mut file = self.file.lock();
        let out = match &mut *file {
            Some(out) => out,
            none => none.insert(nameless(&self.folder)?),
        };
        let begin = self.bytes();
        let mut at = begin;
        for chunk in chunks {
            out.write_all_at(chunk, at)?;
            at += chunk.len() as u64;
        }
        self.end.store(at, Ordering::Relaxed);
        Ok(Extent { at: begin, bytes: (at - begin) as usize })
    }

    /// Reads a piece back.
    pub(super) fn read(&self, extent: Extent) -> io::Result<Vec<u8>> {
        let file = self.file.lock().as_ref().map(File::try_clone).transpose()?;
        let file = file.ok_or(io::ErrorKind::NotFound)?;
        let mut piece = vec![0; extent.bytes];
        file.read_exact_at(&mut piece, extent.at)?;
        Ok(piece)
    }
}

fn nameless(folder: &Path) -> io::Result<File> {
    let mut attempt = 0;
    loop {
        let path = folder.join(format!(".homing-spill.{}-{attempt}", std::process::id()));
        match File::options().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => return fs::remove_file(&path).map(|()| file),
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists && attempt < ATTEMPTS_MAX =>
            {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back_and_nothing_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let spill = Spill::new(folder.path());
        let one = spill.append(&[b"first ".to_vec(), b"piece".to_vec()]).expect("written");
        let other = spill.append(&[b"another".to_vec()]).expect("written");
        assert_eq!(spill.read(other).expect("read"), b"another");
        assert_eq!(spill.read(one).expect("read"), b"first piece");
        assert_eq!(spill.bytes(), 18);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "it has no name");
        assert!(Spill::new(&folder.path().join("none")).append(&[]).is_err());
    }
}
