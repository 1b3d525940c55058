//! A disk in memory that can lose power at any step and fail on request.
//!
//! Each operation that changes something is a step, counted from 1. What is not synced when
//! power is lost is gone, or there, or there in part, as [`Loss`] says: sectors by themselves,
//! names from the first to some last one. A sync that fails drops some of what it was asked for,
//! and the next one succeeds without it, as Linux does.

mod state;

use super::{Disk, DiskFile, FolderLock};
use parking_lot::{Mutex, MutexGuard};
use state::{Change, Dice, MemoryFile, NameChange, State};
use std::io::{self, Cursor, Read};
use std::sync::Arc;

/// What becomes of what was not synced when power is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// All of it is gone.
    All,
    /// All of it had reached the disk.
    None,
    /// Some of it had, by this seed: each sector of its own, names up to one of them; sectors
    /// within a file's new length that had not are zero.
    Some(u64),
}

/// When and how steps fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The first step that fails.
    pub from: u64,
    /// The first one after it that does not.
    pub until: u64,
    /// How.
    pub kind: FaultKind,
}

/// How a step fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// The disk is full (ENOSPC): half of what is written finds room; removing and truncating
    /// go on, and so does syncing.
    Full,
    /// The disk does not answer (EIO): nothing works.
    Broken,
    /// Power is lost: nothing works until [`MemoryDisk::restart`].
    PowerLost,
}

/// The disk; clones are the same one.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

impl MemoryDisk {
    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.state.lock().steps
    }

    /// From now on steps fail as `fault` says, or not at all.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.state.lock().fault = fault;
    }

    /// The power is back: what was not synced has become of it what `loss` says; files and
    /// locks held from before are dead. Works as well without a fault before it.
    pub fn restart(&self, loss: Loss) {
        let mut state = self.state.lock();
        let mut dice = Dice(match loss {
            Loss::Some(seed) => seed,
            Loss::All | Loss::None => 0,
        });
        let changes = std::mem::take(&mut state.name_changes);
        let kept = match loss {
            Loss::All => 0,
            Loss::None => changes.len(),
            Loss::Some(_) => dice.below(changes.len() + 1),
        };
        for change in changes.into_iter().take(kept) {
            change.apply(&mut state.durable_names);
        }
        state.names = state.durable_names.clone();
        for file in &mut state.files {
            file.lose(loss, &mut dice);
        }
        state.fault = None;
        state.lives += 1;
        state.is_locked = false;
    }

    /// Changes a byte of a file, as a failing disk does.
    ///
    /// # Panics
    /// There is no such byte.
    pub fn damage(&self, name: &str, offset: usize, change: impl FnOnce(u8) -> u8) {
        let mut state = self.state.lock();
        let number = state.names[name];
        let file = &mut state.files[number];
        let changed = change(file.bytes[offset]);
        file.bytes[offset] = changed;
        file.durable[offset] = changed;
    }

    /// A step that may fail; `true` where it is to fail after half of its work.
    fn step(&self, needs_room: bool) -> io::Result<(MutexGuard<'_, State>, bool)> {
        let mut state = self.state.lock();
        state.steps += 1;
        let step = state.steps;
        let fault = state.fault.filter(|fault| (fault.from..fault.until).contains(&step));
        match fault.map(|fault| fault.kind) {
            Some(FaultKind::Full) if needs_room => Ok((state, true)),
            Some(FaultKind::Broken | FaultKind::PowerLost) => Err(broken()),
            _ => Ok((state, false)),
        }
    }

    fn read_only(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state.lock();
        let step = state.steps;
        let lost = state.fault.is_some_and(|fault| {
            fault.kind == FaultKind::PowerLost && (fault.from..fault.until).contains(&step)
        });
        if lost { Err(broken()) } else { Ok(state) }
    }
}

fn broken() -> io::Error {
    io::Error::other("the disk does not answer")
}

fn full() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "no space left")
}

impl Disk for MemoryDisk {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.read_only()?.names.keys().cloned().collect())
    }

    fn bytes(&self, name: &str) -> io::Result<u64> {
        let state = self.read_only()?;
        Ok(state.files[state.number(name)?].bytes.len() as u64)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let (mut state, is_full) = self.step(true)?;
        if is_full {
            return Err(full());
        }
        state.files.push(MemoryFile::default());
        let number = state.files.len() - 1;
        state.change_names(NameChange::Set(name.to_owned(), number));
        Ok(Box::new(OpenFile { disk: self.clone(), number, life: state.lives }))
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let state = self.read_only()?;
        let number = state.number(name)?;
        Ok(Box::new(OpenFile { disk: self.clone(), number, life: state.lives }))
    }

    fn read(&self, name: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let state = self.read_only()?;
        let bytes = &state.files[state.number(name)?].bytes;
        let from = bytes.len().min(offset as usize);
        Ok(Box::new(Cursor::new(bytes[from..].to_vec())))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (mut state, _) = self.step(false)?;
        let number = state.number(from)?;
        // One step of the journal: never a moment without either.
        state.change_names(NameChange::Set(to.to_owned(), number));
        state.change_names(NameChange::Remove(from.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let (mut state, _) = self.step(false)?;
        state.number(name)?;
        state.change_names(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        let (mut state, _) = self.step(false)?;
        state.name_changes.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn lock(&self) -> io::Result<FolderLock> {
        let mut state = self.read_only()?;
        if state.is_locked {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "the folder is in use"));
        }
        state.is_locked = true;
        Ok(Box::new(Lock { disk: self.clone(), life: state.lives }))
    }
}

struct Lock {
    disk: MemoryDisk,
    life: u64,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut state = self.disk.state.lock();
        if state.lives == self.life {
            state.is_locked = false;
        }
    }
}

struct OpenFile {
    disk: MemoryDisk,
    number: usize,
    life: u64,
}

impl OpenFile {
    fn step(&self, needs_room: bool) -> io::Result<(MutexGuard<'_, State>, bool)> {
        let (state, is_full) = self.disk.step(needs_room)?;
        if state.lives == self.life { Ok((state, is_full)) } else { Err(broken()) }
    }

    fn write_at(&mut self, offset: Option<usize>, bytes: &[u8]) -> io::Result<()> {
        let (mut state, is_full) = self.step(true)?;
        let room = if is_full { bytes.len() / 2 } else { bytes.len() };
        let file = &mut state.files[self.number];
        let offset = offset.unwrap_or(file.bytes.len());
        file.change(Change::Write(offset, bytes[..room].to_vec()));
        if is_full { Err(full()) } else { Ok(()) }
    }
}

impl DiskFile for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_at(None, bytes)
    }

    fn overwrite(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_at(Some(offset as usize), bytes)
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        let (mut state, _) = self.step(false)?;
        state.files[self.number].change(Change::Truncate(bytes as usize));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.step(false) {
            Ok((mut state, _)) => {
                let file = &mut state.files[self.number];
                for change in std::mem::take(&mut file.changes) {
                    change.apply(&mut file.durable);
                }
                Ok(())
            }
            Err(error) => {
                let mut state = self.disk.state.lock();
                let is_off = state.fault.is_some_and(|fault| fault.kind == FaultKind::PowerLost);
                if state.lives == self.life && !is_off {
                    // Some of it arrives, the rest is dropped, and all of it counts as written.
                    let mut dice = Dice(state.steps);
                    let file = &mut state.files[self.number];
                    for change in std::mem::take(&mut file.changes) {
                        change.apply_some(&mut file.durable, &mut dice);
                    }
                }
                Err(error)
            }
        }
    }
}
