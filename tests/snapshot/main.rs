//! Damaged snapshots: every one is refused for a reason that is named here before it is tried,
//! in bounded memory, while the set before goes on serving.
//!
//! - [`sealed_set`] a set that can be changed and sealed again, [`forge`] its blocks and records
//! - [`memory`] counts what a thread allocates
//! - [`accidents`] what happens on the way: files cut short, bits flipped, files mixed up
//! - [`forgeries`] what checksums do not tell: every check behind them, one by one
//! - [`claims`] numbers that promise more than is there, and what they may cost
//! - [`places`] what may stand where a file should, and installing while another set serves
//!
//! The bidder as a whole, over HTTP, is in `tests/bidder/loading.rs` and `sources.rs`.

#[path = "../support/sealed_set.rs"]
mod sealed_set;

mod accidents;
mod claims;
mod forge;
mod forgeries;
mod memory;
mod places;

use homing::audience::builder::{Audience, BuildOptions, Builder};
use homing::audience::snapshot::{ShardFault, SnapshotError};
use homing::audience::{Snapshot, generate};
use homing::model::UnixSeconds;
use sealed_set::Set;
use std::sync::LazyLock;

/// When the sets of this test are built.
pub(crate) const NOW: UnixSeconds = UnixSeconds(1_790_000_000);
const USERS: u64 = 3_000;
const SHARDS: u32 = 4;

/// Some thousand people in four shards, as the builder wrote them.
pub(crate) static GOOD: LazyLock<Set> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("set");
    people(USERS, NOW).write(&path).expect("written");
    Set::read(&path)
});

/// An audience of made-up people that is complete through `epoch`.
pub(crate) fn people(users: u64, epoch: UnixSeconds) -> Audience {
    let options =
        BuildOptions { now: NOW, epoch: Some(epoch), shards: Some(SHARDS), rows_max: 1 << 20 };
    let mut builder = Builder::new(options).expect("good options");
    let plan = generate::Plan { users, seed: 3, now: NOW };
    generate::rows(plan, |row| builder.add(row)).expect("good rows");
    builder.finish().expect("built")
}

impl Set {
    /// Loads the set as it is; what was in memory of it is gone afterwards.
    pub(crate) fn load(&self) -> Result<Snapshot, SnapshotError> {
        Snapshot::from_bytes("test", &self.manifest_bytes(), self.shards.clone())
    }

    /// Why the set is refused.
    #[track_caller]
    pub(crate) fn refusal(&self) -> SnapshotError {
        self.load().map(|snapshot| snapshot.info().clone()).expect_err("refused")
    }

    /// Why one of its shards is refused, and which.
    #[track_caller]
    pub(crate) fn fault(&self) -> (String, ShardFault) {
        match self.refusal() {
            SnapshotError::Shard { file, fault } => (file, fault),
            other => panic!("expected a shard to be refused, found {other}"),
        }
    }
}

/// The file name of a shard.
pub(crate) fn file_name(shard: usize) -> String {
    format!("shard-{shard:03}.hom")
}

#[test]
fn the_set_is_sound_and_sealing_it_changes_nothing() {
    let mut again = GOOD.clone();
    again.seal();
    assert_eq!((&again.shards, &again.manifest), (&GOOD.shards, &GOOD.manifest));
    assert!(again.shards.iter().all(|shard| shard.len() > 3 * 4_096), "several pages each");
    let snapshot = again.load().expect("sound");
    assert_eq!((snapshot.info().shards, snapshot.info().users), (SHARDS, again.manifest.users));
}
