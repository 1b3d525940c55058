//! The demo's audience: made-up people, built into a snapshot in the workspace.
//!
//! Guarantees: a set that is at most a day old and has the wanted number of people is used
//! again; older ones of the demo's own making are removed, others are left alone.

use super::DemoError;
use crate::audience::SnapshotInfo;
use crate::audience::builder::rules::{MEMORY_BYTES_DEFAULT, Resources, Rules, Scope};
use crate::audience::builder::{BuildError, BuildOptions, Intake, Output, ROWS_MAX_DEFAULT};
use crate::audience::generate::{self, Plan};
use crate::audience::store_folder::newest_complete_set;
use crate::model::{Seconds, UnixSeconds};
use std::fs;
use std::path::Path;

/// Another audience of the same people would have another seed.
const SEED: u64 = 1;
/// The ages of visits count back from when the set was built: after a day it is stale.
const AGE_MAX: Seconds = Seconds::DAY;
/// A real audience is complete only up to some minutes before it is built. Here it also lets
/// one that is generated right afterwards, with its own newest visit, count as newer.
const BUILDING_TAKES: Seconds = Seconds(300);
/// What the name of a set of the demo's own making ends with, behind the number of people.
const NAME_END: &str = "-users";

/// The set in `folder` that can be used again, if there is one.
///
/// # Errors
/// The folder cannot be read.
pub fn usable(
    folder: &Path,
    users: u64,
    now: UnixSeconds,
) -> Result<Option<SnapshotInfo>, DemoError> {
    let newest = newest_complete_set(folder)?.newest.map(|(_, info)| info);
    Ok(newest.filter(|info| {
        let fits = users_in_name(&info.name).is_none_or(|found| found == users);
        fits && now.since(info.epoch) < AGE_MAX
    }))
}

/// Builds a set of `users` people into `folder`, on all cores; `progress` is told of those made.
///
/// # Errors
/// The rows cannot be built or the set cannot be written.
pub fn build(
    folder: &Path,
    (users, now): (u64, UnixSeconds),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<SnapshotInfo, DemoError> {
    let epoch = Some(now.minus(BUILDING_TAKES));
    let options = BuildOptions { now, epoch, shards: None, rows_max: ROWS_MAX_DEFAULT };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let spill_folder = Some(folder.to_path_buf());
    let resources = Resources { memory_bytes: MEMORY_BYTES_DEFAULT, threads, spill_folder };
    let intake = Intake::new(options, Rules::default(), resources, Scope::default())?;
    generate::feed(Plan { users, seed: SEED, now }, (&intake, threads), progress)?;
    remove_own(folder)?;
    match intake.write(&folder.join(name(users, now)), &|_| ())?.output {
        Output::Set(info) => Ok(info),
        // Only who asks for a part gets one.
        Output::Part(_) => Err(BuildError::NoEpoch.into()),
    }
}

/// `20261123T070409Z-1000000-users`
fn name(users: u64, now: UnixSeconds) -> String {
    let time = now.to_string().replace(['-', ':'], "");
    format!("{time}-{users}{NAME_END}")
}

fn users_in_name(name: &str) -> Option<u64> {
    name.strip_suffix(NAME_END)?.split_once('-')?.1.parse().ok()
}

/// Removes the sets that an earlier demo built.
fn remove_own(folder: &Path) -> Result<(), DemoError> {
    for entry in fs::read_dir(folder).map_err(DemoError::io("list", folder))? {
        let entry = entry.map_err(DemoError::io("list", folder))?;
        if entry.file_name().to_str().and_then(users_in_name).is_some() {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(DemoError::io("remove", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    const NOW: UnixSeconds = UnixSeconds(1_790_000_000);

    #[test]
    fn a_set_is_used_again_for_a_day_and_then_replaced() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("notes")).expect("created");
        let made = AtomicU64::new(0);
        let count = |by| _ = made.fetch_add(by, Ordering::Relaxed);
        let built = build(folder.path(), (500, NOW), &count).expect("built");
        assert_eq!(made.into_inner(), 500);
        assert!(built.users >= 500, "{} keys", built.users);
        let usable_at = |users, now| usable(folder.path(), users, now).expect("a folder");
        assert_eq!(usable_at(500, NOW).map(|info| info.name), Some(built.name.clone()));
        assert!(usable_at(501, NOW).is_none(), "another number of people");
        let tomorrow = NOW.plus(Seconds::DAY);
        assert!(usable_at(500, tomorrow).is_none(), "too old");
        build(folder.path(), (500, tomorrow), &|_| ()).expect("built");
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
            .collect();
        left.sort_unstable();
        assert_eq!(left, [name(500, tomorrow), "notes".to_owned()]);
    }
}
