//! Everything that a decision looks at, without a bidder around it, at a fixed moment.

use super::market::Market;
use super::people::People;
use homing::audience::Snapshot;
use homing::bidder::served::Audience;
use homing::campaign::Book;
use homing::config::Source;
use homing::decide::{BlockList, World};
use homing::ledger::{Account, Ledger, LedgerLimits};
use homing::model::{NodeKey, Seconds, UnixSeconds};
use homing::server::settings::{self, Settings};
use std::path::Path;
use std::sync::Arc;

/// The moment of every decision: 2026-11-23, noon.
pub(crate) const NOW: UnixSeconds = UnixSeconds(1_795_435_200);
/// How long notices are accepted.
const NOTICES_FOR: Seconds = Seconds(86_400);

/// The machine's file: one exchange that sends our own ids, device ids and extended ids.
pub(crate) const MACHINE: &str = r#"
[listen]
public_url = "https://ads.homing.example"

[limits]
decision_budget_us = 100000

[currency]
rates = { EUR = 1.08 }

[secrets]
notice_keys = [{ id = 1, env = "HOMING_NOTICE_KEY" }]

[[exchange]]
name = "demo"
currencies = ["USD", "EUR"]
ids = ["buyeruid", "ifa", "eids"]
click_macro = { text = "${CLICK_URL}", escape = false }
seat = "homing-1"
"#;

/// The machine's settings, with its folders below `base`.
pub(crate) fn settings(base: &Path) -> Settings {
    let checked = settings::check(&Source::new("homing.toml", MACHINE), base);
    let faults = checked.diagnostics;
    checked.settings.unwrap_or_else(|| panic!("the machine's file is refused: {faults:#?}"))
}

/// A market in service.
pub(crate) struct Stage {
    settings: Settings,
    blocked: BlockList,
    pub(crate) book: Book,
    pub(crate) accounts: Vec<Arc<Account>>,
    pub(crate) ledger: Ledger,
    pub(crate) audience: Audience,
}

impl Stage {
    /// A market with its people.
    pub(crate) fn new(market: Market, people: Arc<Snapshot>) -> Self {
        let book = market.book();
        let ledger = Ledger::new(LedgerLimits::default(), 42);
        Self {
            settings: settings(Path::new("")),
            blocked: BlockList::default(),
            accounts: ledger.adopt(&book),
            ledger,
            audience: Audience::new(people, &book),
            book,
        }
    }

    /// The world as a decision sees it.
    pub(crate) fn world(&self) -> World<'_> {
        World {
            book: &self.book,
            accounts: &self.accounts,
            audience: &self.audience,
            ledger: &self.ledger,
            exchange: &self.settings.exchanges[0],
            rates: &self.settings.rates,
            privacy: &self.settings.privacy,
            blocked: &self.blocked,
            notices_for: NOTICES_FOR,
            node: NodeKey::default(),
        }
    }
}

/// People packed in memory.
pub(crate) fn snapshot(people: People) -> Arc<Snapshot> {
    Arc::new(people.built().into_snapshot("people").expect("a sound snapshot"))
}
