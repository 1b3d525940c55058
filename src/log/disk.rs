//! What the log needs of a disk: one folder, its files, and a word on when they are durable.
//!
//! - [`real`] the operating system's
//! - [`memory`] one in memory that loses power and fails on request, for tests and simulations
//!
//! Guarantees: nothing is durable before [`DiskFile::sync`] (a file's bytes and length) or
//! [`Disk::sync_folder`] (names: creations, renames, removals) has returned without error.
//! Errors name the file and what was tried. Must not know what is in the files.

pub mod memory;
pub mod real;

use std::any::Any;
use std::io::{self, Read};

/// One folder. Names are plain file names in it.
pub trait Disk: Send + Sync {
    /// Where it is, for people.
    fn place(&self) -> String;
    /// The names of its files, in no order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// How many bytes a file has.
    fn bytes(&self, name: &str) -> io::Result<u64>;
    /// An empty file of this name; one that was there before is gone.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// A file that is there, for writing on at its end.
    fn append(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// A file's bytes from `offset` on.
    fn read(&self, name: &str, offset: u64) -> io::Result<Box<dyn Read + Send>>;
    /// Gives a file another name; a file that had it before is gone.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes the names durable.
    fn sync_folder(&self) -> io::Result<()>;
    /// Keeps every other process, and every other opener in this one, from writing here until
    /// the lock is dropped.
    ///
    /// # Errors
    /// `WouldBlock` where somebody else has it.
    fn lock(&self) -> io::Result<FolderLock>;
}

/// Held for as long as the folder is written.
pub type FolderLock = Box<dyn Any + Send + Sync>;

/// A file that is written.
pub trait DiskFile: Send {
    /// Writes all of `bytes` at its end. After an error any part of them may be there.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Writes over what is there, from `offset` on.
    fn overwrite(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts it to this length.
    fn truncate(&mut self, bytes: u64) -> io::Result<()>;
    /// Makes its bytes and its length durable. After an error nobody knows which of the bytes
    /// since the last success are: asking again proves nothing, as the system may have dropped
    /// them and call that clean.
    fn sync(&mut self) -> io::Result<()>;
}
