//! `homing snapshot build`: rows in, a set out, or a list of what is wrong with the rows.

use super::super::exit::{self, Failure};
use super::super::progress::{Progress, Unit};
use super::super::wall_clock;
use super::input::{Format, Input};
use super::{print_json, time_argument};
use crate::audience::SnapshotInfo;
use crate::audience::builder::{BuildError, BuildOptions, BuildSummary, Builder, ROWS_MAX_DEFAULT};
use crate::audience::rejects::{Reject, Rejects};
use crate::audience::rows::{FieldFault, Offered, ReadError};
use crate::model::UnixSeconds;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Arguments of `snapshot build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The set's folder: must not exist yet.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Files of rows: .ndjson or .csv, also .gz; - for standard input.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// How the inputs are written, whatever their names.
    #[arg(long)]
    format: Option<Format>,
    /// Event time through which the rows are complete; the newest last_seen if not given.
    #[arg(long, value_name = "TIME", value_parser = time_argument)]
    epoch: Option<UnixSeconds>,
    /// Later than this is the future; the clock's time if not given.
    #[arg(long, value_name = "TIME", value_parser = time_argument)]
    now: Option<UnixSeconds>,
    /// How many shards, a power of two; one for every 4 million users if not given.
    #[arg(long)]
    shards: Option<u32>,
    /// How many bad rows to tolerate.
    #[arg(long, default_value_t = 0)]
    max_rejects: u64,
    /// How many rows to take at most: each takes 40 bytes of memory.
    #[arg(long, default_value_t = ROWS_MAX_DEFAULT)]
    rows_max: usize,
    /// Sign the set with the key in this file.
    #[arg(long, value_name = "FILE")]
    sign_with: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What is printed at the end.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    summary: &'a BuildSummary,
    bytes_per_user: f64,
    rejected: u64,
    rejected_by_reason: &'a BTreeMap<&'static str, u64>,
    examples: &'a [Reject],
    /// Absent when the build failed for its bad rows.
    snapshot: Option<SnapshotInfo>,
}

/// Builds a set.
pub(super) fn run(args: &BuildArgs) -> Result<(), Failure> {
    let inputs = inputs(args)?;
    let key = args.sign_with.as_deref().map(super::sign::key).transpose()?;
    if args.out.exists() {
        let message = format!("{} exists already: choose another name", args.out.display());
        return Err(Failure::new(exit::CANNOT_CREATE, message));
    }
    let mut rejects = Rejects::new(BufWriter::new(RejectsFile::beside(&args.out)?));
    let builder = take_rows(args, &inputs, &mut rejects)?;
    rejects.flush()?;
    if rejects.total() > args.max_rejects {
        return refuse(args, &rejects);
    }
    let mut audience = builder.finish()?;
    let info = audience.write(&args.out)?;
    key.map_or(Ok(()), |key| super::sign::sign(&args.out, &key))?;
    report(args, audience.summary(), &rejects, Some(info))
}

fn inputs(args: &BuildArgs) -> Result<Vec<Input>, Failure> {
    args.inputs.iter().map(|path| Input::of(path, args.format)).collect()
}

fn take_rows(
    args: &BuildArgs,
    inputs: &[Input],
    rejects: &mut Rejects<impl Write>,
) -> Result<Builder, Failure> {
    let mut builder = Builder::new(BuildOptions {
        now: args.now.unwrap_or_else(wall_clock),
        epoch: args.epoch,
        shards: args.shards,
        rows_max: args.rows_max,
    })?;
    let sizes = inputs.iter().map(Input::bytes).collect::<Result<Vec<_>, _>>()?;
    let total = sizes.into_iter().sum::<Option<u64>>();
    let progress = Rc::new(Progress::begin("reading", Unit::Bytes, total));
    for input in inputs {
        let name = input.path.to_string_lossy();
        input
            .read::<Stop>(&progress, |offered| take(offered, &name, &mut builder, rejects))
            .map_err(|stop| stop.in_file(&name))?;
    }
    progress.end();
    Ok(builder)
}

fn take(
    offered: Offered<'_>,
    source: &str,
    builder: &mut Builder,
    rejects: &mut Rejects<impl Write>,
) -> Result<(), Stop> {
    let fault: FieldFault = match offered.row {
        Err(fault) => fault,
        Ok(row) => match builder.add(&row) {
            Ok(()) => return Ok(()),
            Err(BuildError::Row(fault)) => fault,
            Err(error) => return Err(Stop(error.into())),
        },
    };
    let noted = rejects.note((source, offered.line), fault, &offered.text);
    noted.map_err(|error| Stop(error.into()))
}

/// What ends the reading of an input.
struct Stop(Failure);

impl Stop {
    fn in_file(self, name: &str) -> Failure {
        Failure { message: format!("{name}: {}", self.0.message), ..self.0 }
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self(error.into())
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

fn refuse(args: &BuildArgs, rejects: &Rejects<impl Write>) -> Result<(), Failure> {
    report(args, &BuildSummary::default(), rejects, None)?;
    let message = format!(
        "expected at most {} bad rows, found {}: all are in {}; correct them or raise \
         --max-rejects",
        args.max_rejects,
        rejects.total(),
        rejects_path(&args.out).display()
    );
    Err(Failure::new(exit::DATA, message))
}

fn report(
    args: &BuildArgs,
    summary: &BuildSummary,
    rejects: &Rejects<impl Write>,
    snapshot: Option<SnapshotInfo>,
) -> Result<(), Failure> {
    let report = Report {
        summary,
        bytes_per_user: summary.bytes_per_user(),
        rejected: rejects.total(),
        rejected_by_reason: rejects.by_reason(),
        examples: rejects.examples(),
        snapshot,
    };
    let mut out = io::stdout().lock();
    if args.json { print_json(&mut out, &report) } else { Ok(report.print(&mut out)?) }
}

impl Report<'_> {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(info) = &self.snapshot {
            let BuildSummary { rows, users, memberships, merged, removed, future, bytes } =
                self.summary;
            writeln!(out, "{}: complete through {}", info.name, info.epoch)?;
            writeln!(out, "  {users} users, {memberships} memberships of {rows} rows")?;
            writeln!(out, "  {bytes} bytes, {:.1} a user", self.bytes_per_user)?;
            writeln!(out, "  {merged} rows merged, {removed} removed, {future} in the future")?;
        }
        if self.rejected > 0 {
            writeln!(out, "{} rows refused:", self.rejected)?;
        }
        for (expected, count) in self.rejected_by_reason {
            writeln!(out, "  {count} x expected {expected}")?;
        }
        for one in self.examples {
            let Reject { source, line, field, expected, found } = one;
            writeln!(out, "  {source}:{line}: {field}: expected {expected}, found {found}")?;
        }
        Ok(())
    }
}

/// The rejects file: made when the first row is refused.
struct RejectsFile {
    path: PathBuf,
    file: Option<File>,
}

impl RejectsFile {
    /// Beside the output; what an earlier build left there is removed.
    fn beside(out: &Path) -> Result<Self, Failure> {
        let path = rejects_path(out);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::creating(&path)(error))
            }
            _ => Ok(Self { path, file: None }),
        }
    }
}

impl Write for RejectsFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::create(&self.path)?),
        };
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

fn rejects_path(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(".rejects.ndjson");
    out.with_file_name(name)
}
