//! The stream: made where it is missing, and looked at before anything is read from it.
//!
//! Guarantees: a node reads only a stream that keeps everything in order as the folds need it,
//! and only the one that it has folded before: a stream that was made anew, or has lost events,
//! is refused in words.

use crate::event::LogPosition;
use crate::log::StreamRules;
use crate::log::disk::Disk;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    Context, CreateStreamError, CreateStreamErrorKind, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, RetentionPolicy, StorageType, Stream,
};
use std::io::{self, Read};
use std::time::Duration;

/// For how long the stream knows the ids of its messages: what is sent again within this is not
/// stored twice. Beyond it the folds notice.
const DUPLICATES_WINDOW: Duration = Duration::from_secs(120);
/// The file that says which stream this node has folded.
const IDENTITY_FILE: &str = "stream";
/// Longest such file: a name and a number.
const IDENTITY_BYTES_MAX: u64 = 1_024;

/// Why a stream cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamFault {
    /// The server does not answer, or not yet.
    #[error("the stream's server: {0}")]
    Passing(String),
    /// It never will.
    #[error("{0}")]
    Lasting(String),
}

/// A stream that can be read.
pub(super) struct Found {
    pub(super) stream: Stream,
    /// Which it is: another one of the same name has another.
    pub(super) identity: String,
    /// The first event that is still there.
    pub(super) first: LogPosition,
    /// The last one.
    pub(super) last: LogPosition,
}

/// Where the stream's events go.
pub(super) fn subject_of(rules: &StreamRules) -> String {
    format!("{}.log", rules.name)
}

/// Finds the stream, or makes it.
///
/// # Errors
/// It is kept in another way than the log needs, or the server does not answer.
pub(super) async fn open(context: &Context, rules: &StreamRules) -> Result<Found, StreamFault> {
    let stream = match context.get_stream(&rules.name).await {
        Ok(stream) => stream,
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(told) if told.code() == 404 => {
                make(context, rules).await?
            }
            _ => return Err(StreamFault::Passing(error.to_string())),
        },
    };
    let info = stream.cached_info();
    check(info, rules)?;
    let identity = format!("{} {}", rules.name, info.created.unix_timestamp_nanos());
    let (first, last) = (info.state.first_sequence, info.state.last_sequence);
    Ok(Found { identity, first: LogPosition(first), last: LogPosition(last), stream })
}

async fn make(context: &Context, rules: &StreamRules) -> Result<Stream, StreamFault> {
    let config = Config {
        name: rules.name.clone(),
        subjects: vec![subject_of(rules)],
        description: Some("The event log of Homing: every message counts".to_owned()),
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        num_replicas: usize::from(rules.replicas),
        max_age: Duration::from_secs(u64::from(rules.keep.0)),
        max_bytes: i64::try_from(rules.keep_bytes).unwrap_or(i64::MAX),
        duplicate_window: DUPLICATES_WINDOW,
        // A message that is taken out of the middle would make the nodes differ.
        deny_delete: true,
        ..Config::default()
    };
    let made = context.create_stream(config).await.map_err(|error| unmade(&error, rules))?;
    tracing::info!(stream = rules.name, replicas = rules.replicas, "stream made");
    Ok(made)
}

/// Why a stream is not made, and what to do. It is tried again: a server may be given more room.
fn unmade(error: &CreateStreamError, rules: &StreamRules) -> StreamFault {
    const NO_ROOM: [ErrorCode; 3] = [
        ErrorCode::STORAGE_RESOURCES_EXCEEDED,
        ErrorCode::INSUFFICIENT_RESOURCES,
        ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ];
    let CreateStreamErrorKind::JetStream(told) = error.kind() else {
        return StreamFault::Passing(format!("the stream cannot be made: {error}"));
    };
    let hint = if NO_ROOM.contains(&told.error_code()) {
        let (bytes, replicas) = (rules.keep_bytes, rules.replicas);
        format!(
            "; it may grow to {bytes} bytes (`log_keep_bytes_max` in [data]) on {replicas} \
             servers, more than they set aside: lower that, or raise `max_file_store` in the \
             servers' `jetstream` section or the account's limit"
        )
    } else {
        String::new()
    };
    StreamFault::Passing(format!("the stream cannot be made: {told}{hint}"))
}

fn check(info: &Info, rules: &StreamRules) -> Result<(), StreamFault> {
    let (config, subject) = (&info.config, subject_of(rules));
    let wrong = [
        (config.subjects != [subject.clone()], format!("the one subject `{subject}`")),
        (config.retention != RetentionPolicy::Limits, "retention by limits".to_owned()),
        (config.storage != StorageType::File, "storage in files".to_owned()),
        (config.no_ack, "acknowledgements".to_owned()),
        (config.duplicate_window < DUPLICATES_WINDOW, "a duplicate window of 2 minutes".to_owned()),
    ];
    if let Some((_, expected)) = wrong.into_iter().find(|(is_wrong, _)| *is_wrong) {
        let name = &rules.name;
        return Err(StreamFault::Lasting(format!(
            "the stream `{name}` is there, but not as the log needs it: expected {expected}; \
             change it, or name another one (`stream` in [data])"
        )));
    }
    let replicas = usize::from(rules.replicas);
    if config.num_replicas != replicas {
        let found = config.num_replicas;
        tracing::warn!(found, wanted = replicas, "the stream has another number of replicas");
    }
    Ok(())
}

/// Whether a node that has folded up to `folded` of the stream that `known` names can go on
/// with `found`.
///
/// # Errors
/// Why not, and what to do.
pub(super) fn check_history(
    found: &Found,
    known: Option<&str>,
    folded: LogPosition,
) -> Result<(), StreamFault> {
    let anew = "if it was made anew on purpose, move this node's folder `stream` away, too";
    let told = match known {
        Some(known) if known != found.identity => {
            let identity = &found.identity;
            format!("expected the stream {known} that this node has read, found {identity}: {anew}")
        }
        _ if found.last < folded => format!(
            "this node has read {} events of the stream, which now has {}: it has lost some; \
             {anew}",
            folded.0, found.last.0
        ),
        _ if found.first.0 > folded.0 + 1 && found.last > folded => format!(
            "the stream begins with event {}, this node's folds end with {}: what is between \
             was removed; copy the folder `stream` of a node that is well, or start without any",
            found.first.0, folded.0
        ),
        _ => return Ok(()),
    };
    Err(StreamFault::Lasting(told))
}

/// Reads which stream this node has folded.
///
/// # Errors
/// The disk's.
pub(super) fn read_identity(disk: &dyn Disk) -> io::Result<Option<String>> {
    if !disk.list()?.iter().any(|name| name == IDENTITY_FILE) {
        return Ok(None);
    }
    let mut text = String::new();
    disk.read(IDENTITY_FILE, 0)?.take(IDENTITY_BYTES_MAX).read_to_string(&mut text)?;
    Ok(Some(text.trim_end().to_owned()))
}

/// Writes it down.
///
/// # Errors
/// The disk's.
pub(super) fn write_identity(disk: &dyn Disk, identity: &str) -> io::Result<()> {
    let unfinished = format!("{IDENTITY_FILE}.new");
    let mut file = disk.create(&unfinished)?;
    file.write(format!("{identity}\n").as_bytes())?;
    file.sync()?;
    disk.rename(&unfinished, IDENTITY_FILE)?;
    disk.sync_folder()
}
