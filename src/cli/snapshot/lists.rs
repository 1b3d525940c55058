//! The small lists that a build may be given: segments, and users who must not be in the set.

use super::super::exit::{self, Failure};
use crate::audience::builder::rules::SUPPRESSED_MAX;
use crate::audience::rows::ROW_BYTES_MAX;
use crate::audience::snapshot::format::SEGMENTS_MAX;
use crate::model::UserKey;
use crate::model::ids::ID_BYTES_MAX;
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// How a key is written in messages and lists: `user:` and sixteen digits.
const KEY_PREFIX: &str = "user:";
const KEY_DIGITS: usize = 16;

/// Reads a list of segments, one a line.
pub(super) fn segments(path: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    each_line(path, |line| {
        names.push(line.to_owned());
        let many = names.len() > SEGMENTS_MAX;
        if many { Err(format!("expected at most {SEGMENTS_MAX} segments")) } else { Ok(()) }
    })?;
    Ok(names)
}

/// Reads a list of users, one a line: `buyeruid,the-id` or `user:0123456789abcdef`.
pub(super) fn suppressed(path: &Path) -> Result<HashSet<UserKey>, Failure> {
    let mut keys = HashSet::new();
    each_line(path, |line| {
        keys.insert(user(line).ok_or_else(|| {
            format!("expected `id_space,id` or `{KEY_PREFIX}` and 16 hexadecimal digits")
        })?);
        let many = keys.len() > SUPPRESSED_MAX;
        if many { Err(format!("expected at most {SUPPRESSED_MAX} users")) } else { Ok(()) }
    })?;
    Ok(keys)
}

fn user(line: &str) -> Option<UserKey> {
    if let Some(digits) = line.strip_prefix(KEY_PREFIX)
        && digits.len() == KEY_DIGITS
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return u64::from_str_radix(digits, 16).ok().map(UserKey);
    }
    let (space, id) = line.split_once(',')?;
    let fits = |text: &str| (1..=ID_BYTES_MAX).contains(&text.len());
    (fits(space) && fits(id)).then(|| UserKey::new(space, id))
}

/// Calls `each` with every line that is neither empty nor begins with `#`.
fn each_line(path: &Path, mut each: impl FnMut(&str) -> Result<(), String>) -> Result<(), Failure> {
    let mut input = BufReader::new(File::open(path).map_err(Failure::reading(path))?);
    let mut line = String::new();
    for number in 1_u64.. {
        line.clear();
        let mut limited = Read::take(&mut input, ROW_BYTES_MAX as u64);
        let read = limited.read_line(&mut line).map_err(Failure::reading(path))?;
        if read == 0 {
            break;
        }
        let text = line.trim();
        if !text.is_empty() && !text.starts_with('#') {
            each(text).map_err(|problem| {
                Failure::new(exit::DATA, format!("{}:{number}: {problem}", path.display()))
            })?;
        }
    }
    Ok(())
}
