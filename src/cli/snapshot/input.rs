//! The input files of a build: opened by name or standard input, unpacked, read as rows.

use super::super::exit::{self, Failure};
use super::super::progress::{Counted, Progress};
use crate::audience::rows::{Offered, ReadError, delimited, ndjson};
use clap::ValueEnum;
use flate2::read::MultiGzDecoder;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// How much is read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// How the rows are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header line.
    Csv,
}

/// One input.
#[derive(Debug)]
pub(super) struct Input {
    /// As it was named.
    pub(super) path: PathBuf,
    format: Format,
    gzip: bool,
}

impl Input {
    /// What `path` is by its name, or by `format` where that is given.
    pub(super) fn of(path: &Path, format: Option<Format>) -> Result<Self, Failure> {
        let name = path.to_string_lossy();
        let (stem, gzip) = match name.strip_suffix(".gz") {
            Some(stem) => (stem, true),
            None => (&*name, false),
        };
        let by_name = match stem.rsplit_once('.').map(|(_, extension)| extension) {
            Some("ndjson") => Some(Format::Ndjson),
            Some("csv") => Some(Format::Csv),
            _ => None,
        };
        let format = format.or(by_name).ok_or_else(|| {
            let expected = "expected a name that ends in .ndjson or .csv (and .gz)";
            Failure::new(exit::USAGE, format!("{expected}, found {name}: give --format"))
        })?;
        Ok(Self { path: path.to_path_buf(), format, gzip })
    }

    /// Whether it is standard input.
    pub(super) fn is_stdin(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    /// Its size on disk; `None` if that cannot be known.
    pub(super) fn bytes(&self) -> Result<Option<u64>, Failure> {
        if self.is_stdin() {
            return Ok(None);
        }
        let found = fs::metadata(&self.path).map_err(Failure::reading(&self.path))?;
        Ok(found.is_file().then_some(found.len()))
    }

    /// Hands every row to `each`.
    pub(super) fn read<E: From<ReadError> + From<Failure>>(
        &self,
        progress: &Rc<Progress>,
        each: impl FnMut(Offered<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let input = Counted::new(self.open()?, Rc::clone(progress));
        let input: Box<dyn Read> =
            if self.gzip { Box::new(MultiGzDecoder::new(input)) } else { Box::new(input) };
        match self.format {
            Format::Ndjson => ndjson::read(BufReader::with_capacity(BUFFER_BYTES, input), each),
            Format::Csv => delimited::read(input, each),
        }
    }

    fn open(&self) -> Result<Box<dyn Read>, Failure> {
        if self.is_stdin() {
            return Ok(Box::new(io::stdin().lock()));
        }
        let file = File::open(&self.path).map_err(Failure::reading(&self.path))?;
        Ok(Box::new(file))
    }
}
