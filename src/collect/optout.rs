//! `/optout`: a browser that does not want to be followed.
//!
//! Guarantees: its cookie says so from now on, and nothing of it is kept while that is there;
//! nobody bids for its id any more, as the log says so on every node. Opts out only the id of
//! the browser's own cookie: anybody may call this.

use super::{Collector, Moment, cookie};
use crate::event::{EventId, EventKeys, What};
use crate::model::UserKey;
use crate::server::events::{EventAnswer, EventBody, EventCall};
use crate::server::service::StatusCode;
use sha2::{Digest, Sha256};

const DONE: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n\
    <title>Opted out</title>\n<h1>You have opted out</h1>\n\
    <p>This browser is no longer followed, and no ad is chosen by what it did. The choice is \
    kept in a cookie: if cookies are deleted, opt out again.</p>\n</html>\n";
const LATER: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n\
    <title>Opted out</title>\n<h1>You have opted out in this browser</h1>\n\
    <p>Nothing is kept of this browser from now on. What is known already could not be marked \
    just now: please open this page again in a minute.</p>\n</html>\n";

impl Collector {
    pub(super) async fn opt_out(&self, call: &EventCall<'_>, moment: Moment) -> EventAnswer {
        let mut answers = Vec::new();
        if let Some(key) = cookie::read(call.headers).key {
            let keys: EventKeys = std::iter::once(key).collect();
            answers.push(self.hand_in(id_of(key), What::OptOut(keys), moment.now));
        }
        let done = self.acknowledged(answers).await;
        let (status, page) =
            if done { (StatusCode::OK, DONE) } else { (StatusCode::SERVICE_UNAVAILABLE, LATER) };
        // Where the log does not know yet, the id must stay, so that it can be told.
        let cookies = cookie::opt_out().into_iter().take(if done { 2 } else { 1 }).collect();
        EventAnswer { cookies, ..EventAnswer::new(status, EventBody::Html(page)) }
    }
}

/// Who opted out once has: the same key always makes the same event.
fn id_of(key: UserKey) -> EventId {
    let digest: [u8; 32] =
        Sha256::new().chain_update("opt-out").chain_update(key.0.to_le_bytes()).finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    EventId(u128::from_be_bytes(id))
}
