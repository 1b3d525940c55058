//! The sound set that is damaged, and why a damaged one is refused.

use crate::sealed_set::Set;
use homing::audience::builder::{Audience, BuildOptions, Builder};
use homing::audience::snapshot::{ShardFault, SnapshotError};
use homing::audience::{Snapshot, generate};
use homing::model::UnixSeconds;
use std::sync::LazyLock;

/// When the sets of this test are built.
pub(crate) const NOW: UnixSeconds = UnixSeconds(1_790_000_000);
const USERS: u64 = 3_000;
pub(crate) const SHARDS: u32 = 4;

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
