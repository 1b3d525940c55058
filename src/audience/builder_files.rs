//! Writes a built audience as a set of files. Called by the shell.
//!
//! Guarantees: the set appears under its name whole or not at all; one shard at a time is in
//! memory beside the rows.

use super::builder::{Audience, BuildError};
use super::snapshot::format::shard_file_name;
use super::snapshot::manifest::MANIFEST_FILE;
use super::snapshot::{SetFolder, SnapshotInfo};
use std::path::Path;

impl Audience {
    /// Packs the set into the folder `out`, which must not exist yet.
    pub fn write(&mut self, out: &Path) -> Result<SnapshotInfo, BuildError> {
        let folder = SetFolder::create(out)?;
        let mut entries = Vec::with_capacity(self.shards() as usize);
        for shard in 0..self.shards() {
            let (bytes, entry) = self.pack(shard)?;
            folder.write(&shard_file_name(shard as usize), &bytes)?;
            entries.push(entry);
        }
        let manifest = self.manifest(entries);
        folder.write(MANIFEST_FILE, &manifest.encode())?;
        folder.publish()?;
        self.summary.bytes = manifest.bytes();
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        Ok(SnapshotInfo::new(&name, &manifest))
    }
}
