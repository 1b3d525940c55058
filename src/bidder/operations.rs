//! The admin API: status, campaigns, snapshots, reload, explain, reports.
//!
//! Every answer is JSON, but for reports that are asked for otherwise. A refused load answers 422 with the reason, and what was loaded
//! before serves on.

use super::Bidder;
use super::loading::{LoadError, Loaded};
use crate::campaign::model::CampaignIndex;
use crate::config::Diagnostic;
use crate::decide::Case;
use crate::decide::explain::explain;
use crate::model::{Currency, MoneyNanos, Progress, UnixSeconds};
use crate::openrtb::decode_json;
use crate::server::clock;
use crate::server::service::{AdminAnswer, AdminCall, AdminService, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Reply = Result<Value, (StatusCode, Value)>;

impl AdminService for Bidder {
    fn ready(&self) -> Result<(), String> {
        let served = self.served.load();
        if served.audience.is_none() {
            return Err("no audience snapshot is loaded".to_owned());
        }
        if served.business.book.campaigns.is_empty() {
            return Err("no campaign is loaded".to_owned());
        }
        match self.logbook.get().and_then(|logbook| logbook.obstacle()) {
            Some(obstacle) => Err(obstacle),
            None => Ok(()),
        }
    }

    fn metrics(&self) -> String {
        for (currency, spent) in self.spent_by_currency() {
            self.metrics.spend(currency).show(spent);
        }
        self.metrics.render()
    }

    fn call(&self, call: AdminCall) -> AdminAnswer {
        let place = (call.method.as_str(), call.path.as_str(), call.query.as_str());
        let erasure = self.collector.get().and_then(|desk| desk.erase_call(place, clock::now()));
        if let Some(answer) = erasure {
            return answer;
        }
        if (call.method.as_str(), call.path.as_str()) == ("GET", "/api/v1/reports") {
            return self.report(&call.query);
        }
        let reply = match (call.method.as_str(), call.path.as_str()) {
            ("GET", "/api/v1/status") => Ok(self.status()),
            ("GET", "/api/v1/campaigns") => Ok(self.campaigns()),
            ("GET", "/api/v1/snapshots") => Ok(self.snapshot_status()),
            ("POST", "/api/v1/snapshots") => self.post_snapshot(&call.body),
            ("POST", "/api/v1/reload") => self.reload(),
            ("POST", "/api/v1/explain") => self.explain(&call.query, &call.body),
            (_, path) if PATHS.contains(&path) => {
                Err(refusal(StatusCode::METHOD_NOT_ALLOWED, "this path knows another method"))
            }
            _ => Err(refusal(StatusCode::NOT_FOUND, "no such path")),
        };
        let (status, body) = reply.map_or_else(|told| told, |body| (StatusCode::OK, body));
        AdminAnswer::json(status, format!("{body:#}\n"))
    }

    fn page(&self, _path: &str) -> Option<AdminAnswer> {
        None
    }

    fn has_token(&self) -> bool {
        self.admin_token.is_set()
    }

    fn token_matches(&self, presented: &str) -> bool {
        self.admin_token.matches(presented)
    }
}

const PATHS: [&str; 6] = [
    "/api/v1/status",
    "/api/v1/campaigns",
    "/api/v1/reports",
    "/api/v1/snapshots",
    "/api/v1/reload",
    "/api/v1/explain",
];

fn refusal(status: StatusCode, error: &str) -> (StatusCode, Value) {
    (status, json!({ "error": error }))
}

/// The body of `POST /api/v1/snapshots`; an empty body loads the set that the source means. While
/// another is being loaded the answer is 409.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct SnapshotOrder {
    /// The name of a set in the audience folder, or under the object store's prefix.
    set: Option<String>,
    /// Load it even if its epoch is older than the one in service.
    #[serde(default)]
    force: bool,
}

impl Bidder {
    fn spent_by_currency(&self) -> BTreeMap<Currency, MoneyNanos> {
        let served = self.served.load();
        let business = &served.business;
        let mut sums = BTreeMap::new();
        for (campaign, account) in business.book.campaigns.iter().zip(&business.accounts) {
            let currency = business.book.advertisers[campaign.advertiser].currency;
            let sum: &mut MoneyNanos = sums.entry(currency).or_default();
            *sum = sum.plus(account.money().spent);
        }
        sums
    }

    fn status(&self) -> Value {
        let book = &self.served.load().business.book;
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "node": self.rules.node,
            "uptime_s": self.started.elapsed().as_secs(),
            "ready": self.ready().is_ok(),
            "not_ready_because": self.ready().err(),
            "exchanges": self.desks.iter().map(|desk| desk.profile.name.as_str()).collect::<Vec<_>>(),
            "advertisers": book.advertisers.len(),
            "campaigns": book.campaigns.len(),
            "creatives": book.creatives.len(),
            "snapshot": self.snapshot_status(),
            "log": self.log_status(),
            "holds_live": self.ledger().holds_live(),
            "holds_expired": self.ledger().holds_expired(),
            "persons": self.ledger().persons(),
        })
    }

    fn log_status(&self) -> Value {
        let status = self.logbook.get().and_then(|logbook| logbook.status());
        status.map_or(Value::Null, |status| {
            let stream = status.stream.map(|stream| {
                json!({
                    "connected": stream.connected_since.is_some(),
                    "behind": stream.behind,
                    "spooled": stream.spooled_events,
                    "silent_ms": stream.silent_ms,
                })
            });
            json!({ "folded": status.folded.0, "available": status.is_available, "stream": stream })
        })
    }

    fn snapshot_status(&self) -> Value {
        self.served.load().audience.as_ref().map_or(Value::Null, |audience| {
            let info = audience.snapshot.info();
            let mut told = json!(info);
            told["age_s"] = json!(clock::now().since(info.epoch).0);
            told
        })
    }

    fn campaigns(&self) -> Value {
        let served = self.served.load();
        let count = served.business.book.campaigns.len();
        let told = (0..count).map(|number| self.campaign(CampaignIndex(number as u32)));
        Value::Array(told.collect())
    }

    fn campaign(&self, index: CampaignIndex) -> Value {
        let business = &self.served.load().business;
        let at = index.0 as usize;
        let (Some(campaign), Some(account)) =
            (business.book.campaigns.get(at), business.accounts.get(at))
        else {
            return Value::Null;
        };
        let advertiser = &business.book.advertisers[campaign.advertiser];
        let (tally, money) = (account.tally(), account.money());
        let units = |amount: MoneyNanos| amount.0 as f64 / 1e9;
        let progress = Progress::ALL.into_iter().map(|progress| {
            (progress.label().into(), tally.progress[progress.index()].get().into())
        });
        let noes =
            tally.top_noes().into_iter().map(|(no, count)| (no.label().into(), count.into()));
        json!({
            "advertiser": advertiser.id,
            "campaign": campaign.id,
            "audience": campaign.audience_text,
            "currency": advertiser.currency.to_string(),
            "considered": tally.considered(),
            "bids": tally.bids.get(),
            "ghost_bids": tally.ghosts.get(),
            "wins": tally.wins.get(),
            "losses": tally.losses.get(),
            "impressions": tally.impressions.get(),
            "late_impressions": tally.late.get(),
            "views": tally.views.get(),
            "clicks": tally.clicks.get(),
            "progress": progress.collect::<serde_json::Map<String, Value>>(),
            "spent": units(money.spent),
            "held": units(money.held),
            "budget_daily": campaign.budget.daily.map(units),
            "budget_total": campaign.budget.total.map(units),
            "no_bids": noes.collect::<serde_json::Map<String, Value>>(),
        })
    }

    fn post_snapshot(&self, body: &[u8]) -> Reply {
        let order: SnapshotOrder = if body.is_empty() {
            SnapshotOrder::default()
        } else {
            serde_json::from_slice(body).map_err(|error| {
                let told = format!("expected {{\"set\": name, \"force\": true|false}}: {error}");
                refusal(StatusCode::BAD_REQUEST, &told)
            })?
        };
        let loaded = self.load_snapshot(order.set.as_deref(), order.force);
        let told = |Loaded { info, unchanged, kept }| json!({ "loaded": info, "unchanged": unchanged, "kept": kept });
        loaded.map(told).map_err(|error| {
            let told = json!({ "error": error.to_string(), "reason": error.reason() });
            let busy = matches!(error, LoadError::Busy);
            (if busy { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY }, told)
        })
    }

    fn reload(&self) -> Reply {
        self.load_campaigns().map(|counts| json!({ "loaded": counts })).map_err(|faults| {
            let told = faults.iter().map(fault).collect::<Vec<_>>();
            (StatusCode::UNPROCESSABLE_ENTITY, json!({ "error": "refused", "faults": told }))
        })
    }

    /// Explains a bid request: `?exchange=NAME` (the first one if left out) and `&now=SECONDS`.
    fn explain(&self, query: &str, body: &[u8]) -> Reply {
        let bad = |told: &str| refusal(StatusCode::BAD_REQUEST, told);
        let value = |key: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next()
        };
        let desk = match value("exchange") {
            Some(name) => self.desk(name).ok_or_else(|| bad("no such exchange"))?,
            None => self.desks.first().ok_or_else(|| bad("no exchange is configured"))?,
        };
        let now = match value("now") {
            Some(text) => {
                UnixSeconds(text.parse().map_err(|_| bad("expected now=SECONDS since 1970"))?)
            }
            None => clock::now(),
        };
        let request = decode_json(body).map_err(|error| bad(&error.to_string()))?;
        let served = self.served.load();
        let Some(audience) = &served.audience else {
            return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "no snapshot is loaded"));
        };
        let people = self.people(&served, audience);
        let world = self.world(&served, desk, &people);
        let (explanation, _) = explain(&Case { request: &request, world: &world, now });
        serde_json::to_value(explanation)
            .map_err(|error| refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()))
    }
}

fn fault(diagnostic: &Diagnostic) -> Value {
    json!({
        "file": diagnostic.place.file,
        "line": diagnostic.place.line,
        "column": diagnostic.place.column,
        "message": diagnostic.message,
        "expected": diagnostic.expected,
    })
}
