//! A set to begin with: its memberships enter the build as rows, by key, and what comes after
//! is merged into them.
//!
//! With deltas that are newer than what the set holds, the result is what a build of all rows
//! would have made. A removal that is older than a membership's newest event leaves it whole:
//! of the events that it stands for only the sum is known.

use super::BuildError;
use super::intake::Intake;
use crate::audience::snapshot::SnapshotError;
use crate::audience::snapshot::files::{open_shard, read_manifest};
use crate::audience::threads::on_each;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Takes the set in `folder`, which is verified while it is read: as many shards at once as
/// the intake has threads. `progress` is told of the bytes of every shard.
///
/// # Errors
/// The set is damaged or cannot be read, or the build ends for another reason.
pub fn take_set(
    intake: &Intake,
    folder: &Path,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<(), BuildError> {
    let manifest = read_manifest(folder)?;
    intake.begin_with(manifest.epoch);
    let next = AtomicUsize::new(0);
    let take = || -> Result<(), BuildError> {
        let mut router = intake.router();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(entry) = manifest.shards.get(number) else { break };
            let shard = open_shard(folder, &manifest, number)?;
            shard.each_user(&mut |key, memberships| {
                for one in memberships {
                    let place = one.segment as usize;
                    let name = manifest.segments.get(place).map(String::as_str);
                    // A verified shard names no other segments.
                    router.add_known(key, name.unwrap_or_default(), &one)?;
                }
                Ok::<_, BuildError>(())
            })?;
            progress(entry.bytes);
        }
        router.close()
    };
    let threads = intake.resources.threads.clamp(1, manifest.shards.len().max(1));
    on_each(threads, || {
        let done = take();
        if done.is_err() {
            next.store(manifest.shards.len(), Ordering::Relaxed);
        }
        done
    })
    .map_err(|error| match error {
        // Which of several sets is meant.
        BuildError::Snapshot(SnapshotError::Shard { file, fault }) => {
            let file = folder.join(file).display().to_string();
            SnapshotError::Shard { file, fault }.into()
        }
        other => other,
    })
}
