//! The operating system's disk.
//!
//! Guarantees: files are made readable by their owner alone; the folder is locked by an
//! advisory lock (`flock`) on its file `lock`, which ends with the process however it ends.

use super::{Disk, DiskFile, FolderLock};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file that is locked; it holds the number of the process that has it.
const LOCK_FILE: &str = "lock";
/// Events are personal data: nobody but the owner reads them.
const FILE_MODE: u32 = 0o600;

/// A folder of the file system.
#[derive(Clone, Debug)]
pub struct RealDisk {
    folder: PathBuf,
}

impl RealDisk {
    /// The folder at `path`; made where it is missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path).map_err(|error| tell("create the folder", path, &error))?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            // The folder's own name must last, too.
            sync_folder(parent)?;
        }
        Ok(Self { folder: path.to_path_buf() })
    }

    /// The folder at `path`, for reading: it must be there.
    ///
    /// # Errors
    /// It is not there, or no folder.
    pub fn existing(path: &Path) -> io::Result<Self> {
        fs::read_dir(path).map_err(|error| tell("read the folder", path, &error))?;
        Ok(Self { folder: path.to_path_buf() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Disk for RealDisk {
    fn place(&self) -> String {
        self.folder.display().to_string()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let told = |error| tell("list", &self.folder, &error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(told)? {
            let entry = entry.map_err(told)?;
            // Names that are not UTF-8, and folders, are not ours.
            if let Ok(name) = entry.file_name().into_string()
                && entry.file_type().map_err(told)?.is_file()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn bytes(&self, name: &str) -> io::Result<u64> {
        let path = self.path(name);
        let data = fs::metadata(&path).map_err(|error| tell("look at", &path, &error))?;
        Ok(data.len())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(tell("remove", &path, &error));
            }
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(FILE_MODE);
        let file = options.open(&path).map_err(|error| tell("create", &path, &error))?;
        Ok(Box::new(RealFile { file, path }))
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.path(name);
        let open = || -> io::Result<File> {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().map_err(|error| tell("open", &path, &error))?;
        Ok(Box::new(RealFile { file, path }))
    }

    fn read(&self, name: &str, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let path = self.path(name);
        let open = || -> io::Result<File> {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(offset))?;
            Ok(file)
        };
        Ok(Box::new(open().map_err(|error| tell("open", &path, &error))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let path = self.path(from);
        fs::rename(&path, self.path(to)).map_err(|error| tell("rename", &path, &error))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path(name);
        fs::remove_file(&path).map_err(|error| tell("remove", &path, &error))
    }

    fn sync_folder(&self) -> io::Result<()> {
        sync_folder(&self.folder)
    }

    fn lock(&self) -> io::Result<FolderLock> {
        let path = self.path(LOCK_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE);
        let mut file = options.open(&path).map_err(|error| tell("open", &path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(&mut file, &self.folder)),
            Err(TryLockError::Error(error)) => return Err(tell("lock", &path, &error)),
        }
        // Who has it is a help for people; the lock holds without it.
        let _ = file.set_len(0);
        let _ = write!(file, "{}", std::process::id());
        Ok(Box::new(file))
    }
}

/// The error for a folder that another process writes.
fn taken(lock: &mut File, folder: &Path) -> io::Error {
    let mut holder = String::new();
    // Whoever has it may be about to write its number.
    let _ = lock.read_to_string(&mut holder);
    let holder =
        if holder.is_empty() { "another process".to_owned() } else { format!("process {holder}") };
    let folder = folder.display();
    let message = format!("{folder} is in use by {holder}: stop it first, or use another folder");
    io::Error::new(io::ErrorKind::WouldBlock, message)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let sync = || File::open(path)?.sync_all();
    sync().map_err(|error| tell("sync the folder", path, &error))
}

fn tell(action: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {action} {}: {error}", path.display()))
}

/// An open file.
struct RealFile {
    file: File,
    path: PathBuf,
}

impl DiskFile for RealFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).map_err(|error| tell("write", &self.path, &error))
    }

    fn overwrite(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let done = self.file.write_all_at(bytes, offset);
        done.map_err(|error| tell("write", &self.path, &error))
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        let cut = |file: &mut File| -> io::Result<()> {
            file.set_len(bytes)?;
            file.seek(SeekFrom::Start(bytes))?;
            Ok(())
        };
        cut(&mut self.file).map_err(|error| tell("truncate", &self.path, &error))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data().map_err(|error| tell("sync", &self.path, &error))
    }
}
