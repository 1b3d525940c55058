//! A whole bidder without sockets: a body in, an answer out.

use super::market::Market;
use super::people::People;
use super::stage::settings;
use homing::bidder::answer::Scratch;
use homing::bidder::{Bidder, Private};
use homing::model::{BidId, Seconds};
use homing::notice::Keyring;
use homing::server::service::{BidAnswer, BidCall, BidService, ContentKind};
use homing::server::{BearerToken, clock};
use homing::telemetry::Metrics;
use std::fs;
use std::time::Instant;
use tempfile::TempDir;

/// A bidder with what one worker keeps from request to request.
pub(crate) struct Service {
    bidder: Bidder,
    scratch: Scratch,
    out: Vec<u8>,
    _folder: TempDir,
}

impl Service {
    /// Writes the market and its people to a folder and loads them from there.
    pub(crate) fn new(market: Market, people: People) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = settings(folder.path());
        fs::create_dir(&settings.folders.business).expect("a new folder");
        for (name, text) in market.files() {
            fs::write(settings.folders.business.join(name), text).expect("a new file");
        }
        fs::create_dir(&settings.folders.audience).expect("a new folder");
        people.built().write(&settings.folders.audience.join("people")).expect("a new set");
        let private = Private {
            price_keys: std::collections::HashMap::new(),
            keyring: Keyring::new(&[(1, vec![7; 32])]).expect("a long key"),
            admin_token: BearerToken::default(),
            seed: 42,
            signature_key: None,
        };
        let bidder = Bidder::in_memory(&settings, private, Metrics::new(1)).expect("a folder");
        bidder.load_campaigns().expect("a good market");
        bidder.load_snapshot(None, false).expect("a sound snapshot");
        let scratch = bidder.scratch(0);
        Self { bidder, scratch, out: Vec::with_capacity(1 << 16), _folder: folder }
    }

    /// Answers one request in JSON.
    pub(crate) fn answer(&mut self, body: &str) -> BidAnswer {
        self.answer_as(ContentKind::Json, body.as_bytes())
    }

    /// Answers one request in whichever form.
    pub(crate) fn answer_as(&mut self, content_kind: ContentKind, body: &[u8]) -> BidAnswer {
        let call =
            BidCall { exchange: "demo", body, content_kind, received: Instant::now(), worker: 0 };
        self.out.clear();
        self.bidder.answer(&mut self.scratch, call, &mut self.out)
    }

    /// Whether a body is answered with a bid; nothing stays held.
    pub(crate) fn bids_on(&mut self, body: &str) -> bool {
        let bids = matches!(self.answer(body), BidAnswer::Body { .. });
        if bids {
            let bid = self.last_bid();
            self.release(bid);
        }
        bids
    }

    /// The first bid of the last answer.
    pub(crate) fn last_bid(&self) -> BidId {
        let key = b"\"bidid\":\"";
        let found = self.out.windows(key.len()).position(|window| window == key);
        let at = found.expect("an answer that bids names its bid") + key.len();
        let hex = std::str::from_utf8(&self.out[at..at + 16]).expect("ids are hexadecimal");
        BidId(u64::from_str_radix(hex, 16).expect("ids are hexadecimal"))
    }

    /// Gives back what a bid holds, as its loss notice would.
    pub(crate) fn release(&self, bid: BidId) {
        self.bidder.ledger().release(bid);
    }

    /// Lets the time of all holds end, as housekeeping would: their ends are forgotten too.
    pub(crate) fn forget_ended_holds(&self) {
        self.bidder.ledger().advance(clock::now().plus(Seconds::DAY));
    }
}
