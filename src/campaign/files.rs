//! Reads the folder of advertiser files: the only file of this room that touches a disk.
//!
//! Guarantees: every `*.toml` of the folder in the order of their names; bounded numbers and
//! sizes; creative files only from at or below the folder of the file that names them.

use super::advertiser_file::Machine;
use super::book::BookBuilder;
use super::creative_section::{CONTENTS_BYTES_MAX, CreativeFiles};
use super::model::Book;
use crate::config::files::{read_bounded, read_source};
use crate::config::{Diagnostic, Place};
use std::path::{Path, PathBuf};

/// Most advertiser files of one folder.
pub const FILES_MAX: usize = 10_000;

/// Loads the folder: the book, or why not.
///
/// # Errors
/// Every fault of every file; warnings are not among them.
pub fn load_book(folder: &Path) -> Result<Book, Vec<Diagnostic>> {
    let (book, mut diagnostics) = check_paths(&[folder.to_owned()], None);
    diagnostics.retain(Diagnostic::is_error);
    book.ok_or(diagnostics)
}

/// Loads the folder for a machine: what campaigns refer to there must exist.
///
/// # Errors
/// Every fault of every file; warnings are not among them.
pub fn load_book_for(folder: &Path, machine: Machine<'_>) -> Result<Book, Vec<Diagnostic>> {
    let (book, mut diagnostics) = check_paths(&[folder.to_owned()], Some(machine));
    diagnostics.retain(Diagnostic::is_error);
    book.ok_or(diagnostics)
}

/// Checks files, and all files of folders, together: the book if there is no error, and all
/// errors and warnings.
pub fn check_paths(
    paths: &[PathBuf],
    machine: Option<Machine<'_>>,
) -> (Option<Book>, Vec<Diagnostic>) {
    let mut builder = BookBuilder::new(machine);
    for path in paths {
        let files = if path.is_dir() { list(path) } else { Ok(vec![path.clone()]) };
        match files {
            Ok(files) => files.iter().for_each(|file| add_file(&mut builder, file)),
            Err(fault) => builder.report(*fault),
        }
    }
    builder.finish()
}

/// The `*.toml` files of `folder`, sorted by name.
///
/// # Errors
/// The folder cannot be read, has none, or has too many.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let refuse = |message: String| {
        let place = Place::whole_file(folder.display().to_string());
        let expected = format!("a folder with 1 to {FILES_MAX} files *.toml");
        Box::new(Diagnostic::error(place, message, expected))
    };
    let unreadable = |error: std::io::Error| refuse(format!("cannot be read: {error}"));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(refuse("too many advertiser files".to_owned()));
        }
    }
    if files.is_empty() {
        return Err(refuse("no advertiser files here".to_owned()));
    }
    files.sort();
    Ok(files)
}

fn add_file(builder: &mut BookBuilder<'_>, path: &Path) {
    match read_source(path) {
        Ok(source) => {
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            builder.add(&source, &Folder(folder));
        }
        Err(fault) => builder.report(*fault),
    }
}

/// Creative files in the folder of an advertiser file.
struct Folder(PathBuf);

impl CreativeFiles for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let folder = if self.0.as_os_str().is_empty() { Path::new(".") } else { &self.0 };
        let resolve =
            |path: &Path| path.canonicalize().map_err(|error| format!("cannot be read: {error}"));
        let file = resolve(&folder.join(path))?;
        // A symbolic link must not lead out of the folder: what it names would be published.
        if !file.starts_with(resolve(folder)?) {
            return Err("leads out of the folder of its advertiser file".to_owned());
        }
        read_bounded(&file, CONTENTS_BYTES_MAX).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const ADVERTISER: &str = "\
[advertiser]
id = \"ID\"
domain = \"acme.example\"
currency = \"EUR\"

[[creative]]
id = \"c\"
type = \"html5\"
size = \"1x1\"
file = \"c.html\"
landing = \"https://acme.example/\"
";

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for id in ["b", "a"] {
            let text = ADVERTISER.replace("ID", id);
            fs::write(folder.path().join(format!("{id}.toml")), text).expect("written");
        }
        fs::write(folder.path().join("c.html"), "<b>hello</b>").expect("written");
        folder
    }

    #[test]
    fn files_are_taken_in_the_order_of_their_names() {
        let folder = folder();
        fs::write(folder.path().join(".hidden.toml"), "not read").expect("written");
        fs::write(folder.path().join("notes.txt"), "not read").expect("written");
        let book = load_book(folder.path()).expect("no fault");
        let ids: Vec<_> = book.advertisers.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(book.creatives.len(), 2);
    }

    #[test]
    fn a_book_with_one_faulty_file_is_refused_whole() {
        let folder = folder();
        fs::write(folder.path().join("z.toml"), "x = 1").expect("written");
        let faults = load_book(folder.path()).expect_err("one file is faulty");
        assert!(faults.iter().all(|fault| fault.place.file.ends_with("z.toml")));
        assert!(load_book(&folder.path().join("none")).is_err());
    }

    #[test]
    fn creative_files_are_bounded_and_stay_in_their_folder() {
        let folder = folder();
        let creative = folder.path().join("c.html");
        let said = || load_book(folder.path()).expect_err("refused")[0].message.clone();
        fs::write(&creative, vec![b'x'; CONTENTS_BYTES_MAX as usize + 1]).expect("written");
        assert!(said().contains("larger than 65536 bytes"), "{}", said());
        fs::remove_file(&creative).expect("removed");
        assert!(said().contains("cannot be read"), "{}", said());
        let elsewhere = tempfile::NamedTempFile::new().expect("a file elsewhere");
        std::os::unix::fs::symlink(elsewhere.path(), &creative).expect("linked");
        assert!(said().contains("leads out of the folder"), "{}", said());
    }
}
