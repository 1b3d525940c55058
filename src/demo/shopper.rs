//! One shopper's story, told while it happens: a visit, a cart, an ad, a click, a purchase; then
//! no more ads, and the purchase in the report beside the click that led to it.
//!
//! Guarantees: all of it is HTTP against the running bidder, as browsers, a shop's server, an
//! exchange and an operator send it; what does not come out as it should is a fault.

use super::EXCHANGE;
use super::errands::path_of;
use super::line::{Answer, Call, Line};
use super::macros::{Filling, fill};
use super::verdict::address_in;
use crate::model::money::parse_micros;
use crate::model::{CpmMicros, Seconds, UnixSeconds};
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, ORIGIN};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::SocketAddr;

/// Whose story it is part of.
pub const SHOP: &str = "acme-shoes";
const CAMPAIGN: &str = "cart-rescue";
/// What is bought, and for how much.
const ITEM: &str = "runner-42";
const VALUE: &str = "89";
/// Where the shop's pages are.
const PAGE: &str = "https://acme.example";
/// When the shopper was in the shop: the campaign waits for half an hour after a cart.
const VISIT_AGO: Seconds = Seconds(3 * 3_600);
const CART_AGO: Seconds = Seconds(2 * 3_600);
/// Shoppers who are tried until one is not in the campaign's holdout, of a tenth of all.
const TRIES_MAX: u32 = 30;

/// Where the story plays.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The bid port.
    pub bids: SocketAddr,
    /// The port of notices and events.
    pub notices: SocketAddr,
    /// The admin port.
    pub admin: SocketAddr,
    /// The operator's token.
    pub admin_token: String,
    /// The key of the shop's server.
    pub shop_key: String,
}

/// What there is to tell.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Story {
    /// A line a step, up to the one that failed.
    pub told: String,
    /// What did not come out as it should.
    pub fault: Option<String>,
}

/// Plays the story at `now`.
pub async fn play(stage: &Stage, now: UnixSeconds) -> Story {
    let mut play = Play {
        lines: [stage.bids, stage.notices, stage.admin].map(Line::new),
        stage,
        now,
        told: "\nOne shopper's story, over HTTP, a moment ago:\n".to_owned(),
    };
    let fault = play.run().await.err().map(|fault| format!("the shopper's story: {fault}"));
    Story { told: play.told, fault }
}

struct Play<'a> {
    stage: &'a Stage,
    /// To the bid port, to that of notices, and to the admin port.
    lines: [Line; 3],
    now: UnixSeconds,
    told: String,
}

/// What a report says of the campaign.
#[derive(Clone, Copy, Default)]
struct Figures {
    impressions: u64,
    clicks: u64,
    purchases: u64,
    revenue_micros: i64,
}

impl Play<'_> {
    async fn run(&mut self) -> Result<(), String> {
        let before = self.figures().await?;
        let (shopper, bid) = self.shopper_with_bid().await?;
        self.show(&bid).await?;
        self.buy(&shopper).await?;
        self.expect_no_bid(&shopper).await?;
        self.report(before).await
    }

    /// Somebody who looks around, fills a cart, leaves, and is bid for elsewhere.
    async fn shopper_with_bid(&mut self) -> Result<(String, Value), String> {
        for _ in 0..TRIES_MAX {
            let shopper = format!("shopper-{:08x}", random()?);
            self.browse(&shopper, "view_item", VISIT_AGO).await?;
            self.browse(&shopper, "add_to_cart", CART_AGO).await?;
            let answer = self.ask(&shopper).await?;
            if answer.status == StatusCode::NO_CONTENT {
                match self.outcome_of(&shopper).await? {
                    // A tenth of all are never shown the campaign, and on a machine that is busy
                    // a decision comes too late now and then: neither is a story.
                    told if told["holdout"] == true || told["reason"].is_null() => continue,
                    told => return Err(format!("no bid after the cart: {}", told["reason"])),
                }
            }
            expect("the bid", &answer, StatusCode::OK)?;
            let told = json_of(&answer)?;
            let bid = told["seatbid"][0]["bid"][0].clone();
            if bid["cid"] != CAMPAIGN {
                return Err(format!("expected a bid of {CAMPAIGN}, found {}", bid["cid"]));
            }
            self.tell("3 h ago", "looks at a pair of shoes", "POST /events view_item", "200");
            self.tell(
                "2 h ago",
                "puts it in the cart, and leaves",
                "POST /events add_to_cart",
                "200",
            );
            let result = format!("200 {CAMPAIGN}: {} {} CPM", bid["price"], text(&told, "cur"));
            let call = format!("POST /openrtb2/{EXCHANGE}");
            self.tell("now", "reads the news", &call, &result);
            return Ok((shopper, bid));
        }
        Err(format!("{TRIES_MAX} shoppers were all in the holdout"))
    }

    /// The exchange shows the ad; it is seen and clicked.
    async fn show(&mut self, bid: &Value) -> Result<(), String> {
        let price = CpmMicros::parse_up(&bid["price"].to_string());
        let filling = Filling {
            auction: "shopper",
            impression: "1",
            bid: text(bid, "id"),
            currency: "USD",
            // A second-price auction with one rival, who bid four fifths of it.
            price: price.map(|price| CpmMicros(price.0 / 5 * 4)),
            loss: 0,
        };
        for (name, notice) in [("the win notice", "nurl"), ("the billing notice", "burl")] {
            let address = fill(text(bid, notice), &filling);
            expect(name, &self.fire(&address).await?, StatusCode::NO_CONTENT)?;
        }
        self.tell("", "is shown the ad", "GET /n/win/... /n/bill/...", "204");
        let markup = fill(text(bid, "adm"), &filling);
        let in_markup = |part| {
            let found = address_in(&markup, part).map(str::to_owned);
            found.ok_or_else(|| format!("the markup has no {part}"))
        };
        let (view, click) = (in_markup("/n/view/")?, in_markup("/n/click/")?);
        expect("the view", &self.fire(&view).await?, StatusCode::OK)?;
        let clicked = self.fire(&click).await?;
        expect("the click", &clicked, StatusCode::FOUND)?;
        let leads = clicked.location.unwrap_or_default();
        if !leads.starts_with(PAGE) {
            return Err(format!("the click leads to {leads:?}"));
        }
        let result = format!("302 {leads}");
        self.tell("", "sees it, and clicks", "GET /n/view/... /n/click/...", &result);
        Ok(())
    }

    /// The shop's server tells of the purchase.
    async fn buy(&mut self, shopper: &str) -> Result<(), String> {
        let event = json!({
            "shop": SHOP,
            "event": "purchase",
            "ids": { "buyeruid": shopper },
            "transaction_id": shopper,
            "items": [ITEM],
            "value": VALUE,
            "currency": "EUR",
            "gdpr": 0,
        });
        let key = format!("Bearer {}", self.stage.shop_key);
        let header = Some((AUTHORIZATION, key));
        let call = Call { header, body: body(&event), ..Call::new(Method::POST, "/events") };
        let answer = self.lines[1].call(call).await.map_err(|error| error.to_string())?;
        expect("the purchase", &answer, StatusCode::OK)?;
        self.tell("", "buys the shoes", "POST /events purchase", &format!("200 {VALUE} EUR"));
        Ok(())
    }

    async fn expect_no_bid(&mut self, shopper: &str) -> Result<(), String> {
        let answer = self.ask(shopper).await?;
        expect("the request after the purchase", &answer, StatusCode::NO_CONTENT)?;
        let told = self.outcome_of(shopper).await?;
        if told["reason"] != "burned" {
            return Err(format!("expected no bid because of `burned`, found {}", told["reason"]));
        }
        let call = format!("POST /openrtb2/{EXCHANGE}");
        self.tell("", "reads on", &call, &format!("204 {CAMPAIGN}: burned"));
        Ok(())
    }

    /// The report has one more of everything.
    async fn report(&mut self, before: Figures) -> Result<(), String> {
        let after = self.figures().await?;
        let more = Figures {
            impressions: after.impressions - before.impressions.min(after.impressions),
            clicks: after.clicks - before.clicks.min(after.clicks),
            purchases: after.purchases - before.purchases.min(after.purchases),
            revenue_micros: after.revenue_micros - before.revenue_micros,
        };
        let Figures { impressions, clicks, purchases, revenue_micros } = more;
        let expected = (1, 1, 1, parse_micros(VALUE).unwrap_or_default());
        if (impressions, clicks, purchases, revenue_micros) != expected {
            return Err(format!(
                "expected one more impression, click and purchase in the report, and {VALUE} EUR, \
                 found {impressions}, {clicks}, {purchases} and {revenue_micros} micros"
            ));
        }
        let result = format!("200 +1 shown, +1 click, +1 purchase, +{VALUE} EUR");
        self.tell("report", CAMPAIGN, "GET /api/v1/reports", &result);
        Ok(())
    }

    /// The shopper's browser tells what it does in the shop.
    async fn browse(&mut self, shopper: &str, event: &str, ago: Seconds) -> Result<(), String> {
        let told = json!({
            "shop": SHOP,
            "event": event,
            "ids": { "buyeruid": shopper },
            "items": [ITEM],
            "value": VALUE,
            "currency": "EUR",
            "time": self.now.minus(ago).0,
            "gdpr": 0,
        });
        let header = Some((ORIGIN, PAGE.to_owned()));
        let call = Call { header, body: body(&told), ..Call::new(Method::POST, "/events") };
        let answer = self.lines[1].call(call).await.map_err(|error| error.to_string())?;
        expect(event, &answer, StatusCode::OK)
    }

    /// An exchange asks for a bid for the shopper.
    async fn ask(&mut self, shopper: &str) -> Result<Answer, String> {
        let path = format!("/openrtb2/{EXCHANGE}");
        let request = super::example::request("shopper", shopper);
        let answer = self.lines[0].post(&path, request.to_string().into_bytes()).await;
        answer.map_err(|error| error.to_string())
    }

    async fn fire(&mut self, address: &str) -> Result<Answer, String> {
        self.lines[1].get(path_of(address)).await.map_err(|error| error.to_string())
    }

    /// What the bidder says that the campaign makes of a request for the shopper.
    async fn outcome_of(&mut self, shopper: &str) -> Result<Value, String> {
        let path = format!("/api/v1/explain?exchange={EXCHANGE}");
        let body = body(&super::example::request("shopper", shopper));
        let told = self.operate(Call { body, ..Call::new(Method::POST, &path) }).await?;
        let name = format!("{SHOP}/{CAMPAIGN}");
        let mut campaigns = told["campaigns"].as_array().into_iter().flatten();
        Ok(campaigns.find(|one| one["campaign"] == name).cloned().unwrap_or(told["reason"].clone()))
    }

    async fn figures(&mut self) -> Result<Figures, String> {
        let path = format!("/api/v1/reports?by=campaign&campaign={SHOP}%2F{CAMPAIGN}&from=0");
        let told = self.operate(Call::new(Method::GET, &path)).await?;
        let row = &told["rows"][0];
        let count = |name: &str| row[name].as_u64().unwrap_or_default();
        Ok(Figures {
            impressions: count("impressions"),
            clicks: count("clicks"),
            purchases: count("conversions_click"),
            revenue_micros: parse_micros(text(row, "revenue")).unwrap_or_default(),
        })
    }

    async fn operate(&mut self, call: Call<'_>) -> Result<Value, String> {
        let path = call.path;
        let token = format!("Bearer {}", self.stage.admin_token);
        let call = Call { header: Some((AUTHORIZATION, token)), ..call };
        let answer = self.lines[2].call(call).await.map_err(|error| error.to_string())?;
        expect(path, &answer, StatusCode::OK)?;
        json_of(&answer)
    }

    #[allow(clippy::too_many_arguments, reason = "the four columns of a line")]
    fn tell(&mut self, when: &str, what: &str, call: &str, result: &str) {
        // Writing into a String cannot fail.
        let _ = writeln!(self.told, "  {when:<8}  {what:<31}  {call:<28}  {result}");
    }
}

/// Says which answer was not the expected one.
fn expect(what: &str, answer: &Answer, status: StatusCode) -> Result<(), String> {
    if answer.status == status {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&answer.body);
    Err(format!("{what}: expected {status}, found {}: {}", answer.status, told.trim()))
}

fn json_of(answer: &Answer) -> Result<Value, String> {
    serde_json::from_slice(&answer.body).map_err(|error| format!("no JSON: {error}"))
}

fn body(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Another shopper every time: a log remembers the ones of before.
fn random() -> Result<u32, String> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(u32::from_le_bytes(bytes))
}
