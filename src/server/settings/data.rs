//! `[data]`: how the event log is kept: in files of this machine, or in a stream that many nodes
//! share. The folder is read with the other folders.

use crate::config::Section;
use crate::log::{Fsync, JournalRules, StreamRules};
use crate::model::Seconds;
use std::time::Duration;

/// Whether this homing can share its log.
const HAS_STREAMS: bool = cfg!(feature = "nats");
const STREAM_SCHEMES: [&str; 2] = ["nats://", "tls://"];

/// Reads how the log is kept.
pub(super) fn read(section: &Section<'_>) -> Option<JournalRules> {
    Some(JournalRules {
        fsync: fsync_of(section.text("fsync")?)?,
        segment_bytes: section.number_of("log_segment_bytes")?,
        keep: section.duration("log_keep")?,
        keep_bytes: section.number_of("log_keep_bytes_max")?,
        ..JournalRules::default()
    })
}

/// Reads `always`, or one to four digits and `ms`.
pub(super) fn fsync_of(text: &str) -> Option<Fsync> {
    if text == "always" {
        return Some(Fsync::Always);
    }
    let digits = text.strip_suffix("ms")?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || digits.is_empty() || digits.len() > 4 || digits.starts_with('0') {
        return None;
    }
    Some(Fsync::Every(Duration::from_millis(digits.parse().ok()?)))
}

/// Reads how the log is shared, if it is; `machine` is the whole file. A fault is told there.
pub(super) fn read_stream(machine: &Section<'_>, section: &Section<'_>) -> Option<StreamRules> {
    let servers = section.text("log")?;
    if !HAS_STREAMS {
        let message = format!("this homing was built without NATS: {servers}");
        let expected = "no `log`, which keeps the log in files of this machine, or a homing from \
                        `cargo build --release --features nats`";
        section.error("log", message, expected);
    }
    if !machine.has("node") {
        let expected = "`node = \"...\"`, another name for each machine";
        section.error("log", "a log that is shared needs to know the nodes apart", expected);
    }
    let silence: Seconds = section.duration("stream_silence_max")?;
    Some(StreamRules {
        servers: servers.split(',').map(str::to_owned).collect(),
        name: section.string("stream")?,
        node: machine.string("node")?,
        replicas: section.number_of("stream_replicas")?,
        keep: section.duration("log_keep")?,
        keep_bytes: section.number_of("log_keep_bytes_max")?,
        spool_bytes_max: section.number_of("spool_bytes_max")?,
        silence_max: Duration::from_secs(u64::from(silence.0)),
    })
}

/// Whether a text is a list of servers: see the rule in the grammar, which says the same as a
/// pattern.
pub(super) fn is_servers(text: &str) -> bool {
    let is_server = |one: &str| {
        let rest = STREAM_SCHEMES.iter().find_map(|scheme| one.strip_prefix(scheme));
        let Some((host, port)) = rest.and_then(|rest| rest.rsplit_once(':')) else { return false };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
        !host.is_empty() && host.bytes().all(is_host) && port.parse::<u16>().is_ok()
    };
    text.split(',').all(is_server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_plain_addresses() {
        for good in [
            "nats://127.0.0.1:4222",
            "tls://nats.example:4222",
            "nats://a:4222,nats://b:4222,nats://c:4222",
            "nats://[::1]:4222",
        ] {
            assert!(is_servers(good), "{good}");
        }
        for bad in [
            "",
            "nats://127.0.0.1",
            "127.0.0.1:4222",
            "nats://user:password@host:4222",
            "nats://a:4222, nats://b:4222",
            "nats://a:99999",
            "http://a:4222",
        ] {
            assert!(!is_servers(bad), "{bad}");
        }
    }
}
