//! The bidder's own folder of sets.
//!
//! Loading reads a set into memory and verifies what is there, so that whatever happens to the
//! source afterwards does not matter; keeping writes it from there into the own folder, for the
//! next start. Guarantees: what is loaded was verified, and signed where a key is asked for; an older epoch is refused unless forced; at
//! most two sets are on the disk, also while a third is on its way. Called by the shell, off
//! the request threads; one install at a time.

use super::signature::{SIGNATURE_BYTES_MAX, SIGNATURE_FILE, SigningKey};
use super::snapshot::files::{open_as, open_promised, open_regular, read_manifest, set_name};
use super::snapshot::format::shard_file_name;
use super::snapshot::manifest::{Checksum, MANIFEST_BYTES_MAX, MANIFEST_FILE, Manifest, checksum};
use super::snapshot::{
    ManifestFault, PARTIAL_SUFFIX, SetFolder, Snapshot, SnapshotError, parent_of, sync_folder,
};
use super::store_folder::{folders, is_hidden, set_folders};
use crate::model::UnixSeconds;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most sets kept in the own folder: the one in service and the one before, or the one that
/// is being installed.
pub const INSTALLED_SETS_MAX: usize = 2;

/// Which set something is: two of the same identity hold the same bytes under one name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The set's name.
    pub name: String,
    /// Event time through which it is complete.
    pub epoch: UnixSeconds,
    /// Of the manifest, which has the checksum of every shard.
    manifest: Checksum,
}

impl Identity {
    /// A short name of the very bytes, for a folder.
    pub fn fingerprint(&self) -> String {
        let first = self.manifest.first_chunk().copied().unwrap_or_default();
        format!("{:016x}", u64::from_be_bytes(first))
    }
}

/// A set that somebody offers: its manifest was read and checked, its shards were not.
#[derive(Debug)]
pub struct Offer {
    identity: Identity,
    manifest: Manifest,
    manifest_bytes: Box<[u8]>,
    signature: Option<Box<[u8]>>,
}

impl Offer {
    /// An offer of these bytes. With a key, they must be signed with it.
    pub fn new(
        name: &str,
        (manifest, signature): (Box<[u8]>, Option<Box<[u8]>>),
        key: Option<&SigningKey>,
    ) -> Result<Self, SnapshotError> {
        if let Some(key) = key {
            let signature = signature.as_deref().ok_or(SnapshotError::Signature("none"))?;
            key.check(&manifest, signature)?;
        }
        let checked = Manifest::decode(&manifest)?;
        let identity =
            Identity { name: name.to_owned(), epoch: checked.epoch, manifest: checksum(&manifest) };
        Ok(Self { identity, manifest: checked, manifest_bytes: manifest, signature })
    }

    /// The offer that the set in `folder` is, under the folder's name.
    pub fn read(folder: &Path, key: Option<&SigningKey>) -> Result<Self, SnapshotError> {
        let manifest = read_small(folder, MANIFEST_FILE, MANIFEST_BYTES_MAX)?;
        let signature = match read_small(folder, SIGNATURE_FILE, SIGNATURE_BYTES_MAX) {
            Ok(signature) => Some(signature),
            Err(error) if key.is_some() && error.reason() != "missing" => return Err(error),
            Err(_) => None,
        };
        Self::new(&set_name(folder)?, (manifest, signature), key)
    }

    /// Which set it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What its manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes the small files into a folder that is to become the set.
    fn write_small(&self, folder: &SetFolder) -> Result<(), SnapshotError> {
        folder.write(MANIFEST_FILE, &self.manifest_bytes)?;
        let signature = self.signature.as_ref();
        signature.map_or(Ok(()), |signature| folder.write(SIGNATURE_FILE, signature))
    }

    /// Whether `folder` holds the very same small files.
    fn is_in(&self, folder: &Path) -> bool {
        let same =
            |file, max, own: &[u8]| read_small(folder, file, max).is_ok_and(|found| *found == *own);
        let signature = self.signature.as_ref();
        same(MANIFEST_FILE, MANIFEST_BYTES_MAX, &self.manifest_bytes)
            && signature.is_none_or(|own| same(SIGNATURE_FILE, SIGNATURE_BYTES_MAX, own))
    }
}

/// What came of an order.
#[derive(Debug)]
pub enum Installed {
    /// The set, verified and in memory.
    New(Box<Snapshot>, Identity),
    /// The set is the one in service: nothing was done.
    Same,
}

/// What came of loading a set, before it is kept.
#[derive(Debug)]
pub enum Loaded {
    /// The set, verified and in memory, and what is needed to keep it.
    New(Box<Snapshot>, Box<Offer>),
    /// The set, verified and in memory; the own folder has it already.
    Kept(Box<Snapshot>, Identity),
    /// The set is the one in service: nothing was done.
    Same,
}

/// The own folder, and the rules by which sets come into it.
#[derive(Debug)]
pub struct Store<'a> {
    /// The own folder.
    pub folder: &'a Path,
    /// The set in service.
    pub loaded: Option<&'a Identity>,
    /// Whether a set may be older than the one in service.
    pub force: bool,
    /// The key that sets must be signed with, if there is one.
    pub key: Option<&'a SigningKey>,
}

impl Store<'_> {
    /// Verifies and loads the set in `source`, and keeps a copy in the own folder.
    pub fn install(&self, source: &Path) -> Result<Installed, SnapshotError> {
        match self.load(source)? {
            Loaded::Kept(snapshot, identity) => Ok(Installed::New(snapshot, identity)),
            Loaded::New(snapshot, offer) => {
                self.keep(&snapshot, &offer)?;
                Ok(Installed::New(snapshot, offer.identity))
            }
            Loaded::Same => Ok(Installed::Same),
        }
    }

    /// Verifies and loads the set in `source`. What is in memory then is a copy of its own;
    /// for the next start there is none before [`Store::keep`] made it.
    pub fn load(&self, source: &Path) -> Result<Loaded, SnapshotError> {
        let source = fs::canonicalize(source).map_err(SnapshotError::io("find", source))?;
        let offer = Offer::read(&source, self.key)?;
        if !self.wants(&offer)? {
            return Ok(Loaded::Same);
        }
        if let Some(snapshot) = self.installed_before(&offer)? {
            return Ok(Loaded::Kept(Box::new(snapshot), offer.identity));
        }
        let manifest = &offer.manifest;
        let snapshot = open_promised(&source, &offer.identity.name, manifest)?;
        Ok(Loaded::New(Box::new(snapshot), Box::new(offer)))
    }

    /// Writes a set that was loaded into the own folder, in the place of a namesake.
    ///
    /// # Errors
    /// The folder cannot be written: the set can be served, but not after a restart.
    pub fn keep(&self, snapshot: &Snapshot, offer: &Offer) -> Result<(), SnapshotError> {
        self.make_room()?;
        let folder = SetFolder::begin(&self.target(offer))?;
        offer.write_small(&folder)?;
        for (number, shard) in snapshot.shard_files().enumerate() {
            folder.write(&shard_file_name(number), shard)?;
        }
        remove_set(&self.target(offer))?;
        folder.publish()
    }

    /// Whether the offer is to be installed; the set in service is not, once more.
    ///
    /// # Errors
    /// It is older than the set in service, and that is not forced.
    pub fn wants(&self, offer: &Offer) -> Result<bool, SnapshotError> {
        let Some(loaded) = self.loaded else { return Ok(true) };
        let offered = offer.identity.epoch;
        if offered < loaded.epoch && !self.force {
            return Err(SnapshotError::Older { offered, loaded: loaded.epoch });
        }
        Ok(*loaded != offer.identity)
    }

    /// The very same set, if it is in the own folder and still sound: after a restart it need
    /// not be copied again. Otherwise makes room for it.
    pub fn installed_before(&self, offer: &Offer) -> Result<Option<Snapshot>, SnapshotError> {
        fs::create_dir_all(self.folder).map_err(SnapshotError::io("create", self.folder))?;
        remove_partial(self.folder)?;
        let (target, name) = (self.target(offer), &offer.identity.name);
        if offer.is_in(&target)
            && let Ok(snapshot) = open_as(&target, name)
        {
            return Ok(Some(snapshot));
        }
        self.make_room()?;
        Ok(None)
    }

    /// Verifies and loads the set whose shards are in `staged`, and moves it into the own
    /// folder. `staged` must be on the same disk; it is gone afterwards if that succeeds.
    pub fn adopt(
        &self,
        staged: &Path,
        offer: Offer,
    ) -> Result<(Snapshot, Identity), SnapshotError> {
        let folder = SetFolder::begin(&self.target(&offer))?;
        offer.write_small(&folder)?;
        for number in 0..offer.manifest.shards.len() {
            let file = shard_file_name(number);
            let (from, to) = (staged.join(&file), folder.path().join(&file));
            fs::rename(&from, &to).map_err(SnapshotError::io("move", &from))?;
        }
        let snapshot = self.publish(folder, &offer)?;
        remove_set(staged)?;
        Ok((snapshot, offer.identity))
    }

    /// The newest sound set of the own folder, for a start while its source cannot be reached.
    pub fn reopen(&self) -> Option<(Snapshot, Identity)> {
        let mut offers: Vec<Offer> = set_folders(self.folder)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|path| Offer::read(&path, self.key).ok())
            .collect();
        offers.sort_by_key(|offer| offer.identity.epoch);
        offers.into_iter().rev().find_map(|offer| {
            let snapshot = open_as(&self.target(&offer), &offer.identity.name).ok()?;
            Some((snapshot, offer.identity))
        })
    }

    fn target(&self, offer: &Offer) -> PathBuf {
        self.folder.join(&offer.identity.name)
    }

    /// Loads what is in `folder`, and puts it in the place of a namesake if it is sound.
    fn publish(&self, folder: SetFolder, offer: &Offer) -> Result<Snapshot, SnapshotError> {
        let snapshot = open_as(folder.path(), &offer.identity.name)?;
        remove_set(&self.target(offer))?;
        folder.publish()?;
        Ok(snapshot)
    }

    /// Leaves one set of the own folder: the one in service, or the newest. What is not a set
    /// was not put here by us and is left alone.
    fn make_room(&self) -> Result<(), SnapshotError> {
        let mut sets = Vec::new();
        for path in set_folders(self.folder)? {
            let loaded = self.loaded.map(|loaded| OsStr::new(&loaded.name));
            let kept = loaded.is_some() && path.file_name() == loaded;
            if let Ok(manifest) = read_manifest(&path) {
                sets.push((kept, manifest.epoch, path));
            }
        }
        sets.sort_unstable();
        let surplus = sets.len().saturating_sub(INSTALLED_SETS_MAX - 1);
        sets.iter().take(surplus).try_for_each(|(_, _, path)| remove_set(path))?;
        sync_folder(parent_of(&self.folder.join(MANIFEST_FILE)))
    }
}

/// Removes what interrupted installs left.
fn remove_partial(own_folder: &Path) -> Result<(), SnapshotError> {
    let partial = folders(own_folder)?.into_iter().filter(|path| is_partial(path));
    partial.into_iter().try_for_each(|path| remove_set(&path))
}

/// Removes a folder with all that is in it; none is as good.
pub fn remove_set(folder: &Path) -> Result<(), SnapshotError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SnapshotError::io("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

/// Reads a small regular file of a set; a longer one than `bytes_max` is refused.
fn read_small(folder: &Path, file: &str, bytes_max: u64) -> Result<Box<[u8]>, SnapshotError> {
    let path = folder.join(file);
    let (opened, _) = open_regular(&path)?;
    let mut bytes = Vec::new();
    let read = opened.take(bytes_max + 1).read_to_end(&mut bytes);
    read.map_err(SnapshotError::io("read", &path))?;
    let found = bytes.len() as u64;
    if found > bytes_max {
        return Err(ManifestFault::TooLong { max: bytes_max, found }.into());
    }
    Ok(bytes.into_boxed_slice())
}

fn is_partial(path: &Path) -> bool {
    let suffix = OsStr::new(PARTIAL_SUFFIX.trim_start_matches('.'));
    is_hidden(path) && path.extension() == Some(suffix)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
