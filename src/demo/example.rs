//! A person to try things out with: a cart abandoner who is offered the cart campaign, and
//! nothing else, right now.
//!
//! Found by asking the bidder to explain, so that what is promised is what happens.

use super::{DemoError, EXCHANGE, crowd::Crowd};
use crate::audience::generate::demo_user_id;
use crate::bidder::Bidder;
use crate::server::service::{AdminCall, AdminService as _};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The campaign that the example is about.
const CAMPAIGN: &str = "acme-shoes/cart-rescue";
/// The file's name in the folder of requests.
const FILE: &str = "cart-abandoner.json";

/// Finds the person and writes the request for them; none where nobody fits, as when the
/// campaigns were edited.
///
/// # Errors
/// The file cannot be written.
pub fn write(bidder: &Bidder, crowd: &Crowd, folder: &Path) -> Result<Option<PathBuf>, DemoError> {
    let bodies = crowd.at_home.iter().map(|n| request("cart-abandoner", &demo_user_id(*n)));
    let Some(body) = bodies.into_iter().find(|body| is_offered(bidder, body)) else {
        return Ok(None);
    };
    let path = folder.join(FILE);
    let make = || {
        fs::create_dir_all(folder)?;
        fs::write(&path, format!("{body:#}\n"))
    };
    make().map_err(DemoError::io("write", &path))?;
    Ok(Some(path))
}

/// A page on a phone with one slot, and the person who looks at it.
pub(super) fn request(id: &str, user: &str) -> Value {
    json!({
        "id": id,
        "at": 2,
        "tmax": 150,
        "cur": ["USD"],
        "imp": [{
            "id": "1",
            "banner": { "format": [{ "w": 300, "h": 250 }, { "w": 320, "h": 50 }] },
            "bidfloor": 0.1,
            "bidfloorcur": "USD",
            "secure": 1,
        }],
        "site": { "domain": "news.example", "page": "https://news.example/today" },
        "device": { "devicetype": 4, "os": "Android", "geo": { "country": "USA" } },
        "user": { "buyeruid": user },
        "regs": { "gdpr": 0 },
    })
}

/// Whether the cart campaign, and nobody else, would bid.
fn is_offered(bidder: &Bidder, body: &Value) -> bool {
    let answer = bidder.call(AdminCall {
        method: "POST".to_owned(),
        path: "/api/v1/explain".to_owned(),
        query: format!("exchange={EXCHANGE}"),
        body: body.to_string().into_bytes(),
    });
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let campaigns = told["campaigns"].as_array();
    let bidding: Vec<_> = campaigns
        .into_iter()
        .flatten()
        .filter(|one| one["bids"] == true || one["holdout"] == true)
        .filter_map(|one| one["campaign"].as_str())
        .collect();
    bidding == [CAMPAIGN]
}
