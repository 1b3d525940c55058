//! What a build prints at its end, and the file of refused rows beside its output.

use super::super::exit::Failure;
use super::print_json;
use crate::audience::SnapshotInfo;
use crate::audience::builder::part::Part;
use crate::audience::builder::{BuildSummary, Built, Output};
use crate::audience::rejects::{Reject, Rejects};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is printed at the end.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    #[serde(flatten)]
    summary: BuildSummary,
    bytes_per_user: f64,
    seconds: f64,
    rows_per_second: u64,
    /// The most memory that the process had at once; absent where the system does not tell.
    peak_memory_bytes: Option<u64>,
    rejected: u64,
    rejected_by_reason: &'a BTreeMap<&'static str, u64>,
    examples: &'a [Reject],
    /// Absent when the build failed for its bad rows, or made a part.
    snapshot: Option<SnapshotInfo>,
    /// The shard that was built by itself.
    part: Option<Part>,
}

impl<'a> Report<'a> {
    /// The report of a build; nothing is `built` where there were too many bad rows.
    pub(super) fn new(
        built: Option<Built>,
        rejects: &'a Rejects<impl Write>,
        took: Duration,
    ) -> Self {
        let (summary, snapshot, part) = match built {
            None => (BuildSummary::default(), None, None),
            Some(Built { summary, output: Output::Set(info) }) => (summary, Some(info), None),
            Some(Built { summary, output: Output::Part(part) }) => (summary, None, Some(part)),
        };
        let seconds = took.as_secs_f64();
        let taken = summary.rows + summary.base;
        Self {
            bytes_per_user: summary.bytes_per_user(),
            seconds,
            rows_per_second: (taken as f64 / seconds.max(0.001)) as u64,
            summary,
            peak_memory_bytes: peak_memory_bytes(),
            rejected: rejects.total(),
            rejected_by_reason: rejects.by_reason(),
            examples: rejects.examples(),
            snapshot,
            part,
        }
    }

    /// Prints it.
    pub(super) fn show(&self, json: bool) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        if json { print_json(&mut out, self) } else { Ok(self.print(&mut out)?) }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(info) = &self.snapshot {
            let shards = info.shards;
            writeln!(out, "{}: complete through {}, {shards} shards", info.name, info.epoch)?;
        }
        if let Some(Part { shard, epoch, .. }) = &self.part {
            writeln!(out, "shard {} of {}: rows through {epoch}", shard.number, shard.of)?;
        }
        if self.snapshot.is_some() || self.part.is_some() {
            self.print_summary(out)?;
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

    fn print_summary(&self, out: &mut impl Write) -> io::Result<()> {
        let BuildSummary { rows, base, users, memberships, .. } = &self.summary;
        write!(out, "  {users} users, {memberships} memberships of {rows} rows")?;
        if *base > 0 {
            write!(out, " and {base} memberships of the base")?;
        }
        let BuildSummary { merged, removed, suppressed, elsewhere, future, .. } = &self.summary;
        writeln!(out, "\n  {} bytes, {:.1} a user", self.summary.bytes, self.bytes_per_user)?;
        writeln!(
            out,
            "  {merged} rows merged, {removed} removed, {suppressed} suppressed, {future} in the \
             future"
        )?;
        if *elsewhere > 0 {
            writeln!(out, "  {elsewhere} rows of other shards")?;
        }
        write!(out, "  {:.1} s, {} rows/s", self.seconds, self.rows_per_second)?;
        if let Some(peak) = self.peak_memory_bytes {
            write!(out, ", {} MiB of memory at most", peak >> 20)?;
        }
        if self.summary.spilled_bytes > 0 {
            write!(out, ", {} MiB through the spill file", self.summary.spilled_bytes >> 20)?;
        }
        writeln!(out)
    }
}

/// The high-water mark of the process's memory, where the system tells.
fn peak_memory_bytes() -> Option<u64> {
    let told = fs::read_to_string("/proc/self/status").ok()?;
    let rest = told.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    rest.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}

/// The rejects file: made when the first row is refused.
pub(super) struct RejectsFile {
    path: PathBuf,
    file: Option<File>,
}

impl RejectsFile {
    /// Beside the output; what an earlier build left there is removed.
    pub(super) fn beside(out: &Path) -> Result<Self, Failure> {
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

/// The file of refused rows of a build into `out`.
pub(super) fn rejects_path(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(".rejects.ndjson");
    out.with_file_name(name)
}
