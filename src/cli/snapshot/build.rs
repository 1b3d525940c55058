//! `homing snapshot build`: rows in, a set out, or a list of what is wrong with the rows.

use super::super::exit::{self, Failure};
use super::super::progress::{Progress, Unit};
use super::super::wall_clock;
use super::input::{Format, Input, inputs};
use super::report::{RejectsFile, Report, rejects_path};
use super::{lists, time_argument};
use crate::audience::builder::feed::{FeedError, Feeder, feed};
use crate::audience::builder::rules::{MEMORY_BYTES_DEFAULT, MEMORY_BYTES_MIN};
use crate::audience::builder::{
    BuildOptions, Intake, ROWS_MAX_DEFAULT, Resources, Rule, Rules, Scope, ShardPart, base,
};
use crate::audience::rejects::Rejects;
use crate::audience::snapshot::files::inspect;
use crate::model::UnixSeconds;
use clap::{Args, ValueEnum};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Arguments of `snapshot build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The set's folder: must not exist yet.
    #[arg(long, value_name = "FOLDER")]
    pub(super) out: PathBuf,
    /// Rows: files (.ndjson, .csv, .pb, also .gz or .zst; .parquet where that was built in),
    /// patterns, folders; - for standard input.
    #[arg(required_unless_present = "base", value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// How the inputs are written, whatever their names.
    #[arg(long)]
    format: Option<Format>,
    /// A set to begin with: its memberships are merged with the rows.
    #[arg(long, value_name = "SET")]
    base: Option<PathBuf>,
    /// Users who must not be in the set, one a line: `id_space,id` or `user:` and the key.
    #[arg(long, value_name = "FILE")]
    suppress: Option<PathBuf>,
    /// The segments that there are, one a line: a row of another is refused.
    #[arg(long, value_name = "FILE")]
    segments: Option<PathBuf>,
    /// What becomes of the counts of rows that are merged.
    #[arg(long, default_value = "sum", value_name = "RULE")]
    counts: RuleName,
    /// What becomes of the values of rows that are merged.
    #[arg(long, default_value = "newest", value_name = "RULE")]
    values: RuleName,
    /// Event time through which the rows are complete; the newest last_seen if not given.
    #[arg(long, value_name = "TIME", value_parser = time_argument)]
    epoch: Option<UnixSeconds>,
    /// Later than this is the future; the clock's time if not given.
    #[arg(long, value_name = "TIME", value_parser = time_argument)]
    now: Option<UnixSeconds>,
    /// How many shards, a power of two; one for every 4 to 8 million rows if not given.
    #[arg(long)]
    shards: Option<u32>,
    /// Build only this shard, from 0, of so many: `0/16`. `merge-manifest` joins them.
    #[arg(long, value_name = "I/N", value_parser = part_argument, conflicts_with = "shards")]
    shard: Option<ShardPart>,
    /// Memory to use, about; 4GiB, or half of the machine's if that is less.
    #[arg(long, value_name = "SIZE", value_parser = memory_argument)]
    memory: Option<u64>,
    /// Where rows go that do not fit into the memory; beside the set if not given.
    #[arg(long, value_name = "FOLDER")]
    spill_folder: Option<PathBuf>,
    /// How many threads; one for each core if not given.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=512))]
    threads: Option<u16>,
    /// How many bad rows to tolerate.
    #[arg(long, default_value_t = 0)]
    pub(super) max_rejects: u64,
    /// How many rows to take at most.
    #[arg(long, default_value_t = ROWS_MAX_DEFAULT)]
    rows_max: usize,
    /// Sign the set with the key in this file.
    #[arg(long, value_name = "FILE")]
    sign_with: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// A rule of merging.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum RuleName {
    /// Added up.
    Sum,
    /// That of the newest row.
    Newest,
    /// The largest.
    Max,
}

impl From<RuleName> for Rule {
    fn from(name: RuleName) -> Self {
        match name {
            RuleName::Sum => Self::Sum,
            RuleName::Newest => Self::Newest,
            RuleName::Max => Self::Max,
        }
    }
}

/// Builds a set.
pub(super) fn run(args: &BuildArgs) -> Result<(), Failure> {
    let begun = Instant::now();
    let inputs = inputs(&args.inputs, args.format)?;
    let key = args.sign_with.as_deref().map(super::sign::key).transpose()?;
    if args.out.exists() {
        let message = format!("{} exists already: choose another name", args.out.display());
        return Err(Failure::new(exit::CANNOT_CREATE, message));
    }
    let mut rejects = Rejects::new(BufWriter::new(RejectsFile::beside(&args.out)?));
    let intake = intake(args)?;
    if let Some(set) = &args.base {
        take_base(set, &intake)?;
    }
    take_rows(&inputs, &intake, &mut rejects)?;
    rejects.flush()?;
    if rejects.total() > args.max_rejects {
        return refuse(args, &rejects);
    }
    let progress = Progress::begin("making shards", Unit::Steps, Some(intake.steps()));
    let built = intake.write(&args.out, &|steps| progress.advance(steps))?;
    progress.end();
    key.map_or(Ok(()), |key| super::sign::sign(&args.out, &key))?;
    Report::new(Some(built), &rejects, begun.elapsed()).show(args.json)
}

fn intake(args: &BuildArgs) -> Result<Intake, Failure> {
    let options = BuildOptions {
        now: args.now.unwrap_or_else(wall_clock),
        epoch: args.epoch,
        shards: args.shards,
        rows_max: args.rows_max,
    };
    let rules = Rules { counts: args.counts.into(), values: args.values.into() };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let spill_folder = args.spill_folder.clone().unwrap_or_else(|| parent_of(&args.out));
    let resources = Resources {
        memory_bytes: args.memory.unwrap_or_else(default_memory),
        threads: args.threads.map_or(cores, usize::from),
        spill_folder: Some(spill_folder),
    };
    let scope = Scope {
        part: args.shard,
        segments: args.segments.as_deref().map(lists::segments).transpose()?,
        suppressed: args
            .suppress
            .as_deref()
            .map(lists::suppressed)
            .transpose()?
            .unwrap_or_default(),
    };
    Ok(Intake::new(options, rules, resources, scope)?)
}

fn parent_of(out: &Path) -> PathBuf {
    match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Half of the machine's memory, at most [`MEMORY_BYTES_DEFAULT`].
fn default_memory() -> u64 {
    let told = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes = told
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let half = kibibytes.map_or(MEMORY_BYTES_DEFAULT, |kibibytes| kibibytes * 512);
    half.clamp(MEMORY_BYTES_MIN, MEMORY_BYTES_DEFAULT)
}

fn take_base(set: &Path, intake: &Intake) -> Result<(), Failure> {
    let bytes = inspect(set).map_err(super::in_folder(set))?.bytes;
    let progress = Progress::begin("reading the base", Unit::Bytes, Some(bytes));
    base::take_set(intake, set, &|bytes| progress.advance(bytes))?;
    progress.end();
    Ok(())
}

fn take_rows(
    inputs: &[Input],
    intake: &Intake,
    rejects: &mut Rejects<impl Write + Send>,
) -> Result<(), Failure> {
    let sizes = inputs.iter().map(Input::bytes).collect::<Result<Vec<_>, _>>()?;
    let total = sizes.into_iter().sum::<Option<u64>>();
    let progress = Arc::new(Progress::begin("reading", Unit::Bytes, total));
    feed::<_, Failure>(intake, rejects, |feeder| {
        inputs.iter().try_for_each(|input| {
            take_input(input, feeder, &progress).map_err(|failure| {
                let message = format!("{}: {}", input.path.display(), failure.message);
                Failure { message, ..failure }
            })
        })
    })?;
    progress.end();
    Ok(())
}

fn take_input(
    input: &Input,
    feeder: &mut Feeder<'_>,
    progress: &Arc<Progress>,
) -> Result<(), Failure> {
    let name = input.path.to_string_lossy();
    match input.blocks() {
        Some(format) => Ok(feeder.read(&name, format, input.open(progress)?)?),
        None => take_columns(input, feeder, progress),
    }
}

#[cfg(feature = "parquet")]
fn take_columns(
    input: &Input,
    feeder: &mut Feeder<'_>,
    progress: &Arc<Progress>,
) -> Result<(), Failure> {
    use crate::audience::rows::columns::cut;
    let name = input.path.to_string_lossy();
    let file = super::columns::Positioned::open(&input.path, progress)?;
    cut::<_, FeedError>(file, |block| {
        feeder.put(&name, block);
        Ok(())
    })?;
    Ok(())
}

#[cfg(not(feature = "parquet"))]
fn take_columns(input: &Input, _: &mut Feeder<'_>, _: &Arc<Progress>) -> Result<(), Failure> {
    input.check_columns()
}

fn refuse(args: &BuildArgs, rejects: &Rejects<impl Write>) -> Result<(), Failure> {
    Report::new(None, rejects, std::time::Duration::ZERO).show(args.json)?;
    let message = format!(
        "expected at most {} bad rows, found {}: see {}; correct them or raise --max-rejects",
        args.max_rejects,
        rejects.total(),
        rejects_path(&args.out).display()
    );
    Err(Failure::new(exit::DATA, message))
}

impl From<FeedError> for Failure {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Read(error) => error.into(),
            FeedError::Block { name, error } => {
                let failure = Self::from(error);
                let message = format!("{name}: {}", failure.message);
                Self { message, ..failure }
            }
            FeedError::Build(error) => error.into(),
            FeedError::Rejects(_) => Self::new(exit::IO, error),
        }
    }
}

/// For clap: `3/16`.
fn part_argument(text: &str) -> Result<ShardPart, String> {
    let (number, of) = text.split_once('/').ok_or("expected a shard and how many, as in 0/16")?;
    let read = |text: &str| text.parse().map_err(|error| format!("{text}: {error}"));
    Ok(ShardPart { number: read(number)?, of: read(of)? })
}

/// For clap: `512MiB`, `4GiB`, or bytes.
fn memory_argument(text: &str) -> Result<u64, String> {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("", 0)];
    let (digits, shift) = units
        .iter()
        .find_map(|(unit, shift)| text.strip_suffix(unit).map(|digits| (digits, *shift)))
        .unwrap_or((text, 0));
    let bytes = digits.trim().parse::<u64>().ok().and_then(|bytes| bytes.checked_mul(1 << shift));
    bytes
        .filter(|bytes| *bytes >= MEMORY_BYTES_MIN)
        .ok_or_else(|| "expected 64MiB or more, such as 512MiB or 4GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_shards_are_read_as_people_write_them() {
        assert_eq!(memory_argument("4GiB"), Ok(4 << 30));
        assert_eq!(memory_argument("512 MiB"), Ok(512 << 20));
        assert_eq!(memory_argument("100000000"), Ok(100_000_000));
        for bad in ["", "4", "4GB", "-1GiB", "99999999999GiB"] {
            assert!(memory_argument(bad).is_err(), "{bad}");
        }
        assert_eq!(part_argument("3/16"), Ok(ShardPart { number: 3, of: 16 }));
        for bad in ["3", "3/", "/4", "a/b", "-1/4"] {
            assert!(part_argument(bad).is_err(), "{bad}");
        }
        assert!((MEMORY_BYTES_MIN..=MEMORY_BYTES_DEFAULT).contains(&default_memory()));
    }
}
