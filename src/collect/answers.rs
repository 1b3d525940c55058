//! What callers are told.
//!
//! Guarantees: nothing of the caller's is repeated; every event of a call is counted under one
//! outcome.

use super::Collector;
use super::field::Refusal;
use crate::server::events::{EventAnswer, EventBody};
use crate::server::service::StatusCode;
use crate::telemetry::labels::EventOutcome;
use hyper::header::HeaderValue;

/// When to come again, in seconds.
const RETRY_AFTER_S: u32 = 1;

/// What came of the events of a call.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub(super) struct Outcome {
    /// Kept; also those that had come before.
    pub(super) accepted: usize,
    /// Not kept, for want of consent.
    pub(super) no_consent: usize,
    /// Not kept, as the person opted out.
    pub(super) opted_out: usize,
    /// Not kept, as they are none.
    pub(super) refused: Vec<Refused>,
}

/// An event that was refused.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub(super) struct Refused {
    /// Its place in the call.
    pub(super) index: usize,
    #[serde(flatten)]
    pub(super) refusal: Refusal,
}

/// What an answer carries whatever it says.
#[derive(Clone, Debug, Default)]
pub(super) struct Letter {
    /// The page that may read it.
    pub(super) origin: Option<HeaderValue>,
    /// The cookies that it sets.
    pub(super) cookies: Vec<HeaderValue>,
}

impl Collector {
    /// A call that is refused before its events are looked at.
    pub(super) fn refused_whole(&self, refusal: Refusal) -> EventAnswer {
        self.metrics.count(EventOutcome::Refused, 1);
        let body = serde_json::json!({ "refused": [refusal] });
        EventAnswer::new(StatusCode::BAD_REQUEST, json(&body))
    }

    /// Nothing is answered for: all of it is to come again, under the same ids.
    pub(super) fn unavailable(&self, count: usize, letter: Letter) -> EventAnswer {
        self.metrics.count(EventOutcome::LogUnavailable, count);
        let why = "events cannot be kept now: send them again, with the same event ids\n";
        again(letter, StatusCode::SERVICE_UNAVAILABLE, why)
    }

    /// Counts and tells what came of the events of a call.
    pub(super) fn finish(&self, outcome: &Outcome, letter: Letter) -> EventAnswer {
        let counts = [
            (EventOutcome::Accepted, outcome.accepted),
            (EventOutcome::NoConsent, outcome.no_consent),
            (EventOutcome::OptedOut, outcome.opted_out),
            (EventOutcome::Refused, outcome.refused.len()),
        ];
        for (outcome, count) in counts {
            self.metrics.count(outcome, count);
        }
        let status = match outcome {
            Outcome { accepted: 1.., .. } => StatusCode::OK,
            Outcome { refused, .. } if !refused.is_empty() => StatusCode::BAD_REQUEST,
            _ => StatusCode::ACCEPTED,
        };
        let body = serde_json::to_value(outcome).unwrap_or_default();
        let Letter { origin, cookies } = letter;
        EventAnswer { cookies, origin, ..EventAnswer::new(status, json(&body)) }
    }
}

fn json(value: &serde_json::Value) -> EventBody {
    EventBody::Json(format!("{value}\n").into_bytes())
}

/// A status alone.
pub(super) fn bare(status: StatusCode) -> EventAnswer {
    EventAnswer::new(status, EventBody::None)
}

/// A status and why.
pub(super) fn told(status: StatusCode, why: &'static str) -> EventAnswer {
    EventAnswer::new(status, EventBody::Text(why))
}

/// A status and why; the same call is welcome a little later.
pub(super) fn again(letter: Letter, status: StatusCode, why: &'static str) -> EventAnswer {
    let retry_after_s = Some(RETRY_AFTER_S);
    EventAnswer { origin: letter.origin, retry_after_s, ..told(status, why) }
}

/// 405; `allow` names what would be right.
pub(super) fn wrong_method(allow: &'static str) -> EventAnswer {
    let why = "see the Allow header for the right method\n";
    EventAnswer { allow: Some(allow), ..told(StatusCode::METHOD_NOT_ALLOWED, why) }
}
