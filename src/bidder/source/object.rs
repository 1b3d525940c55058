//! Sets under a prefix of an object store: `current` holds the name of one, which is a folder
//! beside it.
//!
//! Guarantees: everything is asked for on the thread that wants it, in a runtime of this
//! source's own; a set whose manifest is refused is not downloaded; what is downloaded is kept
//! until it is whole, and goes on where it was interrupted. A set is written once: first its
//! files, then the pointer.

use super::super::loading::LoadError;
use super::Seen;
use super::client;
use super::download::{Download, refused, still};
use crate::audience::signature::{SIGNATURE_BYTES_MAX, SIGNATURE_FILE};
use crate::audience::snapshot::SnapshotError;
use crate::audience::snapshot::manifest::{MANIFEST_BYTES_MAX, MANIFEST_FILE, checksum};
use crate::audience::store::{Loaded, Offer, Store, remove_set};
use crate::audience::store_folder::{POINTER_FILE, SET_NAME_BYTES_MAX, name_in};
use futures_util::StreamExt as _;
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore};
use parking_lot::Mutex;
use std::fs;
use std::path::PathBuf;
use tokio::runtime::{Builder, Runtime};

/// A prefix in an object store.
#[derive(Debug)]
pub(in crate::bidder) struct ObjectSource {
    runtime: Runtime,
    bucket: Bucket,
    /// Where what is being downloaded is kept: on the disk of the own folder.
    incoming: PathBuf,
    /// The pointer's ETag and the name in it, as they were last.
    pointer: Mutex<Option<(String, String)>>,
}

/// The store, and the prefix below which everything is.
#[derive(Debug)]
pub(super) struct Bucket {
    store: Box<dyn ObjectStore>,
    prefix: Path,
}

impl Bucket {
    /// The path of a set's file, or of one beside the sets.
    fn path(&self, parts: &[&str]) -> Path {
        parts.iter().fold(self.prefix.clone(), |path, part| path.join(*part))
    }

    /// Asks for an object.
    pub(super) async fn get(
        &self,
        path: &Path,
        options: GetOptions,
    ) -> object_store::Result<object_store::GetResult> {
        self.store.get_opts(path, options).await
    }

    /// An object of at most `bytes_max` bytes, whole.
    async fn small(&self, path: &Path, bytes_max: u64) -> Result<(Vec<u8>, ObjectMeta), LoadError> {
        let found = self.get(path, GetOptions::default()).await.map_err(refused(path))?;
        Self::collect(path, found, bytes_max).await
    }

    async fn collect(
        path: &Path,
        found: object_store::GetResult,
        bytes_max: u64,
    ) -> Result<(Vec<u8>, ObjectMeta), LoadError> {
        let meta = found.meta.clone();
        let mut bytes = Vec::new();
        let mut chunks = found.into_stream();
        while let Some(chunk) = still(path, chunks.next()).await? {
            bytes.extend_from_slice(&chunk.map_err(refused(path))?);
            if bytes.len() as u64 > bytes_max {
                let why = format!("expected at most {bytes_max} bytes, found more");
                return Err(LoadError::Fetch { object: path.to_string(), why, missing: false });
            }
        }
        Ok((bytes, meta))
    }
}

impl ObjectSource {
    /// The prefix that `url` names; downloads are kept in `incoming`.
    pub(super) fn new(url: &str, incoming: PathBuf) -> Result<Self, String> {
        let (store, prefix) = client::open(url).map_err(|error| format!("{url}: {error}"))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let bucket = Bucket { store, prefix };
        Ok(Self { runtime, bucket, incoming, pointer: Mutex::new(None) })
    }

    /// Which set `current` names, and a mark of it and of its manifest.
    pub(super) fn look(&self) -> Result<Seen, LoadError> {
        self.runtime.block_on(async {
            let name = self.pointed().await?;
            let path = self.bucket.path(&[&name, MANIFEST_FILE]);
            let options = GetOptions { head: true, ..GetOptions::default() };
            let meta = self.bucket.get(&path, options).await.map_err(refused(&path))?.meta;
            let text = format!("{name}\0{:?}\0{}\0{}", meta.e_tag, meta.size, meta.last_modified);
            Ok(Seen { name, mark: checksum(text.as_bytes()) })
        })
    }

    /// Downloads, installs and loads the set of this name, or the one that `current` names.
    pub(super) fn fetch(&self, set: Option<&str>, store: &Store<'_>) -> Result<Loaded, LoadError> {
        let offer = self.runtime.block_on(self.offer(set, store))?;
        if !store.wants(&offer)? {
            return Ok(Loaded::Same);
        }
        if let Some(snapshot) = store.installed_before(&offer)? {
            return Ok(Loaded::Kept(Box::new(snapshot), offer.identity().clone()));
        }
        let staged = self.staged(&offer)?;
        self.runtime.block_on(self.download(&offer, &staged))?;
        let (snapshot, identity) = store.adopt(&staged, offer)?;
        Ok(Loaded::Kept(Box::new(snapshot), identity))
    }

    async fn offer(&self, set: Option<&str>, store: &Store<'_>) -> Result<Offer, LoadError> {
        let name = match set {
            Some(name) => name.to_owned(),
            None => self.pointed().await?,
        };
        let bucket = &self.bucket;
        let path = bucket.path(&[&name, MANIFEST_FILE]);
        let (manifest, _) = bucket.small(&path, MANIFEST_BYTES_MAX).await?;
        let signature = if store.key.is_some() {
            let path = bucket.path(&[&name, SIGNATURE_FILE]);
            match bucket.small(&path, SIGNATURE_BYTES_MAX).await {
                Ok((signature, _)) => Some(signature.into_boxed_slice()),
                Err(LoadError::Fetch { missing: true, .. }) => None,
                Err(error) => return Err(error),
            }
        } else {
            None
        };
        Ok(Offer::new(&name, (manifest.into_boxed_slice(), signature), store.key)?)
    }

    /// The name in `current`, which is only sent again if it has changed.
    async fn pointed(&self) -> Result<String, LoadError> {
        let path = self.bucket.path(&[POINTER_FILE]);
        let known = self.pointer.lock().clone();
        let options = GetOptions {
            if_none_match: known.as_ref().map(|(tag, _)| tag.clone()),
            ..GetOptions::default()
        };
        let found = self.bucket.get(&path, options).await;
        if let (Err(object_store::Error::NotModified { .. }), Some((_, name))) = (&found, known) {
            return Ok(name);
        }
        let found = found.map_err(refused(&path))?;
        let bytes_max = SET_NAME_BYTES_MAX as u64 + 2;
        let (bytes, meta) = Bucket::collect(&path, found, bytes_max).await?;
        let name = name_in(&bytes)
            .map_err(|found| SnapshotError::Pointer { path: path.to_string().into(), found })?;
        *self.pointer.lock() = meta.e_tag.map(|tag| (tag, name.clone()));
        Ok(name)
    }

    /// The folder for what is downloaded of this very set. What is there of others is removed:
    /// with the set in service there are two on the disk.
    fn staged(&self, offer: &Offer) -> Result<PathBuf, SnapshotError> {
        let staged = self.incoming.join(offer.identity().fingerprint());
        fs::create_dir_all(&staged).map_err(SnapshotError::io("create", &staged))?;
        let list = || SnapshotError::io("list", &self.incoming);
        for entry in fs::read_dir(&self.incoming).map_err(list())? {
            let path = entry.map_err(list())?.path();
            if path != staged {
                remove_set(&path)?;
            }
        }
        Ok(staged)
    }

    async fn download(&self, offer: &Offer, staged: &std::path::Path) -> Result<(), LoadError> {
        for (number, entry) in offer.manifest().shards.iter().enumerate() {
            let file = crate::audience::snapshot::format::shard_file_name(number);
            let path = self.bucket.path(&[&offer.identity().name, &file]);
            let download = Download {
                bucket: &self.bucket,
                path,
                entry,
                format_version: offer.manifest().format_version,
                target: staged.join(&file),
            };
            download.run(&file).await?;
        }
        Ok(())
    }
}
