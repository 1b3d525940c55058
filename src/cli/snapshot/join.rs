//! `homing snapshot merge-manifest`: shards that were built by themselves become a set.

use super::super::exit::Failure;
use crate::audience::builder::files::join_parts;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `snapshot merge-manifest`.
#[derive(Debug, Args)]
pub struct JoinArgs {
    /// The set's folder: must not exist yet.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// What `build --shard` made: the folders of all shards, in any order.
    #[arg(required = true, value_name = "PART")]
    parts: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Joins parts.
pub(super) fn run(args: &JoinArgs) -> Result<(), Failure> {
    let info = join_parts(&args.parts, &args.out)?;
    super::show(&info, args.json, "every file as it was built")
}
