//! `homing snapshot sign`: puts a signature beside a set's manifest.

use super::super::exit::{self, Failure};
use super::in_folder;
use crate::audience::signature::{SIGNATURE_FILE, SIGNING_KEY_BYTES_MIN, SigningKey};
use crate::audience::snapshot::files;
use crate::audience::snapshot::manifest::MANIFEST_FILE;
use crate::server::settings::secrets::key_in_file;
use clap::Args;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Arguments of `snapshot sign`.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The set's folder.
    folder: PathBuf,
    /// The file that holds the key: at least 32 bytes, in hex, in base64 or raw.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
}

/// Signs a set of which every byte was verified: a signature vouches for all of it.
pub(super) fn run(args: &SignArgs) -> Result<(), Failure> {
    let key = key(&args.key_file)?;
    files::open(&args.folder).map_err(in_folder(&args.folder))?;
    sign(&args.folder, &key)?;
    writeln!(io::stdout().lock(), "{}: signed", args.folder.display())?;
    Ok(())
}

/// The key in a file.
pub(super) fn key(path: &Path) -> Result<SigningKey, Failure> {
    let told = |why: &str| Failure::new(exit::DATA, format!("{}: {why}", path.display()));
    let secret = key_in_file(path).map_err(|why| told(&why))?;
    let short = format!("expected at least {SIGNING_KEY_BYTES_MIN} bytes");
    SigningKey::new(secret.expose()).ok_or_else(|| told(&short))
}

/// Writes the signature of the manifest in `folder`, whole or not at all.
pub(super) fn sign(folder: &Path, key: &SigningKey) -> Result<(), Failure> {
    let manifest = folder.join(MANIFEST_FILE);
    let bytes = fs::read(&manifest).map_err(Failure::reading(&manifest))?;
    let (path, partial) = (folder.join(SIGNATURE_FILE), folder.join(".manifest.sig.partial"));
    let written = File::create(&partial).and_then(|mut out| {
        out.write_all(key.sign(&bytes).as_bytes())?;
        out.sync_all()?;
        fs::rename(&partial, &path)
    });
    written.map_err(Failure::creating(&path))
}
