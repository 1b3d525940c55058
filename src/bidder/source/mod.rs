//! Where sets come from: a folder, or an object store (feature `object-store`).
//!
//! - [`Source::look`] what is meant now, and a mark that changes when anything about it does
//! - [`Source::fetch`] brings a set into memory
//! - `object` the object store; `client` how it is reached; `download` its files
//!
//! Guarantees: looking changes nothing; what is fetched went through the [`Store`]'s checks.
//! Must not be called by a bid worker: both wait for disks and networks.

#[cfg(feature = "object-store")]
mod client;
#[cfg(feature = "object-store")]
mod download;
#[cfg(feature = "object-store")]
mod object;

use super::loading::LoadError;
use crate::audience::store::{Loaded, Store};
use crate::audience::store_folder::{Meant, is_set_name, mark_of, meant_set};
use crate::server::settings::Settings;
use std::path::{Path, PathBuf};

/// Where sets come from.
#[derive(Debug)]
pub(super) enum Source {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A prefix in an object store.
    #[cfg(feature = "object-store")]
    Object(object::ObjectSource),
}

/// What a look found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    /// The set's name.
    pub(super) name: String,
    /// Of the set and its files as they are now.
    pub(super) mark: [u8; 32],
}

impl Source {
    /// The source that the settings name.
    ///
    /// # Errors
    /// Why sets cannot be fetched from there, for people.
    pub(super) fn new(settings: &Settings) -> Result<Self, String> {
        match &settings.audience.store {
            None => Ok(Self::Folder(settings.folders.audience.clone())),
            #[cfg(feature = "object-store")]
            Some(url) => {
                let incoming = settings.folders.data.join("incoming");
                object::ObjectSource::new(url, incoming).map(Self::Object)
            }
            // The settings were refused for it, so nobody comes here by way of a file.
            #[cfg(not(feature = "object-store"))]
            Some(url) => Err(format!("{url}: this homing was built without object stores")),
        }
    }

    /// Whether whatever is there may still be being written: a second look, a little later,
    /// tells. Objects appear whole.
    pub(super) fn may_be_in_the_making(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// Which set is meant now; `None` if there is none.
    pub(super) fn look(&self) -> Result<Option<Seen>, LoadError> {
        match self {
            Self::Folder(folder) => match meant_set(folder)? {
                Meant::Set(path) => {
                    let mark = mark_of(&path)?;
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    Ok(Some(Seen { name, mark }))
                }
                Meant::None(_) => Ok(None),
            },
            #[cfg(feature = "object-store")]
            Self::Object(source) => source.look().map(Some),
        }
    }

    /// Loads the set of this name, or the one that is meant.
    pub(super) fn fetch(&self, set: Option<&str>, store: &Store<'_>) -> Result<Loaded, LoadError> {
        if let Some(name) = set.filter(|name| !is_set_name(name)) {
            return Err(LoadError::Name(name.to_owned()));
        }
        match self {
            Self::Folder(folder) => {
                let path = set.map_or_else(|| meant(folder), |name| Ok(folder.join(name)))?;
                Ok(store.load(&path)?)
            }
            #[cfg(feature = "object-store")]
            Self::Object(source) => source.fetch(set, store),
        }
    }
}

fn meant(folder: &Path) -> Result<PathBuf, LoadError> {
    match meant_set(folder)? {
        Meant::Set(path) => Ok(path),
        Meant::None(skipped) => {
            let told = skipped.iter().map(|(path, why)| format!("; {}: {why}", path.display()));
            Err(LoadError::None { place: folder.display().to_string(), skipped: told.collect() })
        }
    }
}
