//! Forgetting a person: `DELETE /api/v1/users/{id}?space=...` of the admin API.
//!
//! Guarantees: once it is answered, nothing that was known is used any more on any node, also
//! of snapshots made before; and the key is in the suppression list, which
//! `homing snapshot build --suppress` reads, so that the next snapshot does not hold it.
//! May wait: it runs on a thread of its own.

use super::Collector;
use super::field::{of_query, percent_decoded};
use crate::event::{EventId, EventKeys, What};
use crate::log::Answer;
use crate::model::ids::ID_BYTES_MAX;
use crate::model::{UnixSeconds, UserKey};
use crate::server::service::{AdminAnswer, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};
use tokio::sync::oneshot::error::TryRecvError;

/// The suppression list's name in the folder of our own files: a key a line.
pub const SUPPRESSION_FILE: &str = "suppressed.txt";
/// Between two looks whether the log has answered.
const LOOK: Duration = Duration::from_millis(2);
/// The path below which people are.
const PATH: &str = "/api/v1/users";

/// Why a person is not forgotten yet.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The suppression list cannot be written.
    #[error("the suppression list {path} cannot be written: {source}")]
    List {
        /// The file.
        path: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The log did not answer for it.
    #[error("the log cannot be written now: try again")]
    Log,
}

impl Collector {
    /// Forgets whoever is known under `key`. Doing it again does no harm.
    ///
    /// # Errors
    /// It is not certain that all is forgotten: to be done again.
    pub fn erase(&self, key: UserKey, now: UnixSeconds) -> Result<(), EraseError> {
        self.suppress(key)?;
        let keys: EventKeys = std::iter::once(key).collect();
        let answer = self.hand_in(id_of(key, now), What::Erasure(keys), now);
        if wait_for(answer, self.ack_wait) { Ok(()) } else { Err(EraseError::Log) }
    }

    fn suppress(&self, key: UserKey) -> Result<(), EraseError> {
        let path = self.data.join(SUPPRESSION_FILE);
        let write = || {
            let mut list = OpenOptions::new().create(true).append(true).open(&path)?;
            // `Debug` of a key is the form that the list is read in.
            list.write_all(format!("{key:?}\n").as_bytes())?;
            list.sync_data()
        };
        let failed = |source| EraseError::List { path: path.display().to_string(), source };
        write().map_err(failed)
    }

    /// Answers `DELETE /api/v1/users/{id}?space=...`, or `?space=...&id=...` for ids that
    /// cannot stand in a path; `None` for another path or method.
    pub fn erase_call(
        &self,
        (method, path, query): (&str, &str, &str),
        now: UnixSeconds,
    ) -> Option<AdminAnswer> {
        let rest = path.strip_prefix(PATH).filter(|_| method == "DELETE")?;
        let answer = |status, body: &Value| AdminAnswer::json(status, format!("{body:#}\n"));
        let Some(key) = key_of(rest, query) else {
            let why = "expected DELETE /api/v1/users/{id}?space=..., or ?space=...&id=...";
            return Some(answer(StatusCode::BAD_REQUEST, &json!({ "error": why })));
        };
        Some(match self.erase(key, now) {
            Ok(()) => answer(StatusCode::OK, &json!({ "erased": format!("{key:?}") })),
            Err(error) => {
                let why = json!({ "error": error.to_string() });
                answer(StatusCode::SERVICE_UNAVAILABLE, &why)
            }
        })
    }
}

/// The key that a path and a query name.
fn key_of(rest: &str, query: &str) -> Option<UserKey> {
    let fields = of_query(query, 8)?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let in_path = rest.strip_prefix('/').map(percent_decoded);
    let id = match (in_path, text("id")) {
        (Some(id), None) => id?,
        (None, Some(id)) if rest.is_empty() => id.to_owned(),
        _ => return None,
    };
    let fits = |text: &str| (1..=ID_BYTES_MAX).contains(&text.len());
    let space = text("space").filter(|space| fits(space))?;
    fits(&id).then(|| UserKey::new(space, &id))
}

/// Every request to be forgotten is an event of its own: what came in between goes too.
fn id_of(key: UserKey, now: UnixSeconds) -> EventId {
    let hash = Sha256::new().chain_update("erasure").chain_update(key.0.to_le_bytes());
    let digest: [u8; 32] = hash.chain_update(now.0.to_le_bytes()).finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    EventId(u128::from_be_bytes(id))
}

fn wait_for(mut answer: Answer, at_most: Duration) -> bool {
    let begun = Instant::now();
    loop {
        match answer.try_recv() {
            Ok(answer) => return answer.is_ok(),
            Err(TryRecvError::Closed) => return false,
            Err(TryRecvError::Empty) if begun.elapsed() > at_most => return false,
            Err(TryRecvError::Empty) => std::thread::sleep(LOOK),
        }
    }
}
