//! A shop that tells what people do in it, and a bidder that is stopped and started again.

use crate::support::*;
use homing::server::settings::Settings;
use serde_json::{Value, json};

/// The key of the shop's server.
pub(crate) const SHOP_KEY: &str = "shop-key-0123456789";

/// The shop, whose events are taken, with these campaigns.
pub(crate) fn telling_shop(campaigns: &[String]) -> String {
    let taken = "categories = [\"IAB18\"]\n\n[advertiser.events]\n";
    SHOP.replace("categories = [\"IAB18\"]\n", taken) + &campaigns.concat()
}

/// A campaign for carts that ends with a purchase.
pub(crate) fn until_purchase(id: &str, keys: &str) -> String {
    let aim = "objective = { conversion = \"purchase\" }";
    campaign(id, "2 USD", keys, "").replace("objective = \"clicks\"", aim)
}

/// The machine's file with the shop's key, an exchange that knows people by our own cookie, and
/// no bound on what one test may send.
pub(crate) fn machine() -> String {
    let token = "admin_token = { file = \"admin.token\" }\n";
    let keys = "shop_keys = [{ advertiser = \"shop\", file = \"shop.key\" }]\n";
    let rest = "\n[[exchange]]\nname = \"synced\"\nuser_id_space = \"homing\"\nids = [\"user.id\"]\n\
                tmax_default_ms = 10000\n\n[collect]\nevents_per_second_max = 0\n\
                calls_per_second_max = 0\n";
    MACHINE.replace(token, &format!("{token}{keys}")) + rest
}

/// A workspace of a shop that tells; no snapshot yet.
pub(crate) fn telling_workspace(campaigns: &[String]) -> Workspace {
    let workspace = Workspace::new(&telling_shop(campaigns));
    workspace.write("homing.toml", &machine());
    workspace.write("shop.key", SHOP_KEY);
    workspace
}

impl Shop {
    /// Opens a shop that tells, with people in its snapshot.
    pub(crate) fn open_telling(campaigns: &[String], members: &[Member<'_>]) -> Self {
        let workspace = telling_workspace(campaigns);
        workspace.build("set-1", 60, members);
        Self::start(workspace)
    }

    /// Tells an event as the shop's server does.
    pub(crate) fn tell(&self, event: &Value) -> Reply {
        tell_on(&mut Client::to(self.running.addresses().notices), event)
    }

    /// Stops it as an operator does; what is left is its folder.
    pub(crate) fn stop(self) -> Workspace {
        let Self { workspace, running, bidder } = self;
        running.shutdown();
        running.wait().expect("no thread panicked");
        bidder.close_books();
        workspace
    }

    /// The rows of a report.
    pub(crate) fn report(&self, query: &str) -> Vec<Value> {
        let reply = self.admin("GET", &format!("/api/v1/reports?{query}"), b"");
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["rows"].as_array().expect("a list").clone()
    }

    /// Why the campaign would not bid; `null` if it would.
    pub(crate) fn reason(&self, exchange: &str, request: &Value) -> Value {
        let body = request.to_string();
        let path = format!("/api/v1/explain?exchange={exchange}");
        let reply = self.admin("POST", &path, body.as_bytes());
        assert_eq!(reply.status, 200, "{reply:?}");
        let told = reply.json();
        let campaign = told["campaigns"].as_array().and_then(|all| all.first());
        campaign.map_or_else(|| told["reason"].clone(), |one| one["reason"].clone())
    }
}

/// Tells an event on a connection that is kept.
pub(crate) fn tell_on(client: &mut Client, event: &Value) -> Reply {
    let key = format!("Bearer {SHOP_KEY}");
    let headers = [("authorization", &*key), ("content-type", "application/json")];
    client.ask(("POST", "/events"), &headers, event.to_string().as_bytes())
}

/// An event of a person known by buyeruid, with more fields.
pub(crate) fn event_of(name: &str, buyeruid: &str, more: &Value) -> Value {
    let event = json!({ "shop": "shop", "event": name, "ids": { "buyeruid": buyeruid } });
    with(event, more)
}

/// Why a workspace's bidder does not start.
pub(crate) fn refusal_of(workspace: &Workspace) -> String {
    let settings = Settings::read(&workspace.path("homing.toml")).expect("a good file");
    match homing::bidder::start(&settings, false) {
        Ok(_) => panic!("it starts"),
        Err(error) => error.to_string(),
    }
}
