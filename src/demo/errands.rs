//! What follows an auction, each after a little while: win, billing, loss, view, click.
//!
//! Guarantees: a bounded number waits; when the exchange ends, what waits is still run,
//! within a bounded time; every answer is judged.

use super::line::{Answer, Line};
use super::tally::Tally;
use crate::notice::Kind;
use hyper::StatusCode;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

/// Errands that wait at most; beyond it the exchange asks more slowly.
pub const WAITING_MAX: usize = 10_000;
/// How long the errands that still wait may take when the exchange ends.
const LAST_RUN_MAX: Duration = Duration::from_secs(2);

/// A notice to be fired.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Errand {
    /// When.
    pub due: Instant,
    /// What is told; in the order in which those of one moment are run.
    pub order: u8,
    /// The whole address, with its macros filled in.
    pub address: String,
}

/// The place of a kind of notice among those of one moment.
pub fn order(kind: Kind) -> u8 {
    kind.index() as u8
}

/// Runs errands until no more can come.
pub async fn run(address: SocketAddr, mut errands: mpsc::Receiver<Errand>, tally: &Tally) {
    let mut waiting = BinaryHeap::new();
    let mut line = Line::new(address);
    loop {
        let due = waiting.peek().map(|Reverse(next): &Reverse<Errand>| next.due);
        let next_due = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = next_due => {
                if let Some(Reverse(errand)) = waiting.pop() {
                    fire(&mut line, &errand, tally).await;
                }
            }
            came = errands.recv(), if waiting.len() < WAITING_MAX => match came {
                Some(errand) => waiting.push(Reverse(errand)),
                None => break,
            },
        }
    }
    let last_run = async {
        while let Some(Reverse(errand)) = waiting.pop() {
            fire(&mut line, &errand, tally).await;
        }
    };
    // What does not get through in this time is lost, as notices are.
    let _ = timeout(LAST_RUN_MAX, last_run).await;
}

async fn fire(line: &mut Line, errand: &Errand, tally: &Tally) {
    let path = path_of(&errand.address);
    Tally::count(&tally.notices);
    let fault = match line.get(path).await {
        Ok(answer) => fault_of(errand, &answer),
        Err(error) => Some(error.to_string()),
    };
    if let Some(fault) = fault {
        let kind = path.split('/').nth(2).unwrap_or_default();
        tally.fault(format!("{kind} notice: {fault}"));
    }
}

/// What is wrong with the answer to a notice, if anything is.
fn fault_of(errand: &Errand, answer: &Answer) -> Option<String> {
    let is = |kind| errand.order == order(kind);
    let expected = if is(Kind::Click) {
        StatusCode::FOUND
    } else if is(Kind::View) {
        StatusCode::OK
    } else {
        StatusCode::NO_CONTENT
    };
    if answer.status != expected {
        let told = String::from_utf8_lossy(&answer.body);
        return Some(format!("expected {expected}, found {}: {}", answer.status, told.trim()));
    }
    let leads = answer.location.as_deref().unwrap_or_default();
    let lost = is(Kind::Click) && !leads.starts_with("https://");
    lost.then(|| format!("a click leads to {leads:?}"))
}

/// What follows the host.
pub(super) fn path_of(address: &str) -> &str {
    let host_from = address.find("://").map_or(0, |scheme| scheme + 3);
    address[host_from..].find('/').map_or("/", |at| &address[host_from + at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn paths_are_what_follows_the_host() {
        assert_eq!(path_of("http://127.0.0.1:1/n/win/T?p=1"), "/n/win/T?p=1");
        assert_eq!(path_of("https://h"), "/");
    }

    #[test]
    fn answers_are_judged_by_their_kind() {
        let errand =
            |kind| Errand { due: Instant::now(), order: order(kind), address: String::new() };
        let answer = |status, location: Option<&str>| Answer {
            status,
            location: location.map(str::to_owned),
            body: Bytes::new(),
        };
        let good =
            |kind, status, location| fault_of(&errand(kind), &answer(status, location)).is_none();
        assert!(good(Kind::Bill, StatusCode::NO_CONTENT, None));
        assert!(good(Kind::View, StatusCode::OK, None));
        assert!(good(Kind::Click, StatusCode::FOUND, Some("https://acme.example/")));
        assert!(!good(Kind::Click, StatusCode::FOUND, None));
        assert!(!good(Kind::Bill, StatusCode::GONE, None));
    }
}
