//! The input files of a build: found by name, pattern or folder, or standard input; unpacked.

use super::super::exit::{self, Failure};
use super::super::progress::{Counted, Progress};
use crate::audience::rows::blocks;
use crate::audience::rows::zstd::ZstdReader;
use clap::ValueEnum;
use flate2::read::MultiGzDecoder;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much is read at once where a decoder does not ask for as much itself.
const BUFFER_BYTES: usize = 256 << 10;
/// Most files of one build: a year of hourly files from ten sources is fewer.
const INPUTS_MAX: usize = 100_000;
/// How deep folders of a partition may lie within each other: jobs divide by one to three columns.
const PARTITION_DEPTH_MAX: usize = 4;

/// How the rows are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header line.
    Csv,
    /// Messages `Row` of proto/audience.proto, each behind its length.
    Protobuf,
    /// Apache Parquet, with the fields as columns.
    Parquet,
}

/// How a file is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// One input.
#[derive(Debug)]
pub(super) struct Input {
    /// As it was named or found.
    pub(super) path: PathBuf,
    /// How its rows are written.
    pub(super) format: Format,
    packing: Packing,
}

/// What the arguments name: files, patterns such as `rows/**/part-*.parquet`, folders (the files
/// in them and in their `name=value` folders, but for those that begin with a dot or an
/// underscore), `-`. Files of a pattern or a folder are in order of name.
pub(super) fn inputs(paths: &[PathBuf], format: Option<Format>) -> Result<Vec<Input>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        let text = path.to_string_lossy();
        if text.contains(['*', '?', '[']) && !path.exists() {
            matching(&text, &mut found)?;
        } else if path.is_dir() {
            let failure = Failure::reading(path);
            files_of(path, &mut found).map_err(failure)?;
        } else {
            found.push(path.clone());
        }
        if found.len() > INPUTS_MAX {
            let message = format!("expected at most {INPUTS_MAX} input files, found more");
            return Err(Failure::new(exit::USAGE, message));
        }
    }
    found.iter().map(|path| Input::of(path, format)).collect()
}

fn matching(pattern: &str, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let bad = |error: &dyn std::fmt::Display| {
        Failure::new(exit::USAGE, format!("{pattern}: expected a pattern of files: {error}"))
    };
    let before = found.len();
    for path in glob::glob(pattern).map_err(|error| bad(&error))?.take(INPUTS_MAX + 1) {
        let path = path.map_err(|error| Failure::new(exit::IO, error))?;
        if path.is_file() {
            found.push(path);
        }
    }
    if found.len() == before {
        let message = format!("{pattern}: expected at least one file, found none");
        return Err(Failure::new(exit::NO_INPUT, message));
    }
    Ok(())
}

fn files_of(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let before = found.len();
    within(folder, PARTITION_DEPTH_MAX, found)?;
    found[before..].sort_unstable();
    if found.len() == before {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there are no files in it"));
    }
    Ok(())
}

fn within(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)?.take(INPUTS_MAX + 1) {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        // What Spark and others leave beside their rows: _SUCCESS, .part-0.crc.
        let aside = name.first().is_some_and(|byte| matches!(byte, b'.' | b'_'));
        if aside || found.len() > INPUTS_MAX {
            continue;
        }
        if entry.path().is_file() {
            found.push(entry.path());
        } else if depth > 0 && name.contains(&b'=') {
            // A part of a job's output: the rows of one value of a column.
            within(&entry.path(), depth - 1, found)?;
        }
    }
    Ok(())
}

impl Input {
    /// What `path` is by its name, or by `format` where that is given.
    fn of(path: &Path, format: Option<Format>) -> Result<Self, Failure> {
        let name = path.to_string_lossy();
        let (stem, packing) = if let Some(stem) = name.strip_suffix(".gz") {
            (stem, Packing::Gzip)
        } else if let Some(stem) = name.strip_suffix(".zst") {
            (stem, Packing::Zstd)
        } else {
            (&*name, Packing::Plain)
        };
        let by_name = match stem.rsplit_once('.').map(|(_, extension)| extension) {
            Some("ndjson" | "jsonl" | "json") => Some(Format::Ndjson),
            Some("csv") => Some(Format::Csv),
            Some("pb" | "protobuf") => Some(Format::Protobuf),
            Some("parquet") => Some(Format::Parquet),
            _ => None,
        };
        let format = format.or(by_name).ok_or_else(|| {
            let expected =
                "expected a name that ends in .ndjson, .csv, .pb or .parquet (and .gz or .zst)";
            Failure::new(exit::USAGE, format!("{expected}, found {name}: give --format"))
        })?;
        let input = Self { path: path.to_path_buf(), format, packing };
        if format == Format::Parquet {
            input.check_columns()?;
        }
        Ok(input)
    }

    /// Whether a file of columns can be read: told before anything is.
    pub(super) fn check_columns(&self) -> Result<(), Failure> {
        let message = if cfg!(not(feature = "parquet")) {
            "this homing was built without Parquet: build it with `cargo build --release \
             --features parquet`, or convert the file to NDJSON, CSV or protobuf"
        } else if self.is_stdin() {
            "Parquet cannot be read from standard input, since its index stands at its end: \
             give a file"
        } else if self.packing != Packing::Plain {
            "expected Parquet that is packed inside (snappy, gzip or zstd), found a packed file: \
             unpack it"
        } else {
            return Ok(());
        };
        Err(Failure::new(exit::USAGE, format!("{}: {message}", self.path.display())))
    }

    /// How its rows are cut; `None` for those of columns.
    pub(super) fn blocks(&self) -> Option<blocks::Format> {
        match self.format {
            Format::Ndjson => Some(blocks::Format::Ndjson),
            Format::Csv => Some(blocks::Format::Csv),
            Format::Protobuf => Some(blocks::Format::Protobuf),
            Format::Parquet => None,
        }
    }

    /// Whether it is standard input.
    fn is_stdin(&self) -> bool {
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

    /// Opens it, unpacked; what is read on disk is told to `progress`.
    pub(super) fn open(&self, progress: &Arc<Progress>) -> Result<Box<dyn Read>, Failure> {
        let file: Box<dyn Read> = if self.is_stdin() {
            Box::new(io::stdin().lock())
        } else {
            Box::new(File::open(&self.path).map_err(Failure::reading(&self.path))?)
        };
        let counted = Counted::new(file, Arc::clone(progress));
        let buffered = |input| BufReader::with_capacity(BUFFER_BYTES, input);
        Ok(match self.packing {
            Packing::Plain => Box::new(counted),
            Packing::Gzip => Box::new(MultiGzDecoder::new(buffered(counted))),
            Packing::Zstd => Box::new(ZstdReader::new(buffered(counted))),
        })
    }
}
