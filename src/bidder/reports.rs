//! Reports: `GET /api/v1/reports`, and what `homing report` says of a log without a bidder.
//!
//! - [`ask`] the query; [`names`] keys to ids; [`sheet`] the rows
//! - `json`, `csv`, `table` the forms of an answer
//! - [`archive`] the folds of a log that no bidder has open
//!
//! Guarantees: all that was acknowledged before the question is in the answer, and all bids
//! that were sent before it; every ratio stands beside its two parts; amounts are exact.

pub mod archive;
pub mod ask;
mod csv;
mod json;
pub mod names;
pub mod sheet;
mod table;

use super::Bidder;
use crate::ledger::Ledger;
use crate::model::UnixSeconds;
use crate::server::clock;
use crate::server::service::{AdminAnswer, StatusCode};
use ask::{Ask, Format};
use names::Names;
use serde_json::json;
use sheet::{Sheet, SheetError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot::error::TryRecvError;

/// How long a report waits for the log to have the latest bids; without them it is as of a few
/// seconds ago.
const SETTLE_MAX: Duration = Duration::from_secs(2);
/// How often it looks whether it has.
const SETTLE_LOOK: Duration = Duration::from_millis(1);

/// What a report says, in the form that was asked for.
///
/// # Errors
/// The query is not right, or asks for too much.
pub fn report(
    query: &str,
    (ledger, names): (&Ledger, &Names<'_>),
    now: UnixSeconds,
) -> Result<(Format, String), SheetError> {
    let ask = Ask::parse(query, now)?;
    let sheet = Sheet::of(ledger, names, &ask)?;
    let text = match ask.format {
        Format::Json => json::write(&sheet),
        Format::Csv => csv::write(&sheet),
        Format::Table => table::write(&sheet),
    };
    Ok((ask.format, text))
}

impl Bidder {
    /// Has all bids that were sent before in the log, and waits for that.
    fn settle_counts(&self) {
        let Some(mut answer) = self.tell_counts() else { return };
        let begun = Instant::now();
        while begun.elapsed() < SETTLE_MAX && answer.try_recv() == Err(TryRecvError::Empty) {
            std::thread::sleep(SETTLE_LOOK);
        }
    }

    /// Answers `GET /api/v1/reports`. May wait for the log.
    pub(super) fn report(&self, query: &str) -> AdminAnswer {
        self.settle_counts();
        let served = self.served();
        let exchanges = self.desks.iter().map(|desk| (desk.profile.key, &*desk.profile.name));
        let names = Names::new(&served.business.book, exchanges);
        match report(query, (self.ledger(), &names), clock::now()) {
            Ok((format, text)) => AdminAnswer {
                status: StatusCode::OK,
                content_type: content_type(format),
                body: text.into_bytes(),
            },
            Err(error) => {
                let mut told = json!({ "error": error.to_string() });
                if let SheetError::Ask(fault) = &error {
                    told["parameter"] = fault.parameter.clone().into();
                }
                AdminAnswer::json(StatusCode::BAD_REQUEST, format!("{told:#}\n"))
            }
        }
    }
}

fn content_type(format: Format) -> &'static str {
    match format {
        Format::Json => "application/json",
        Format::Csv => "text/csv; charset=utf-8",
        Format::Table => "text/plain; charset=utf-8",
    }
}
