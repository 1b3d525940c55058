//! A small ad exchange: asks for bids at a steady rate, auctions what is offered, and has the
//! winners and losers told.
//!
//! Guarantees: one connection for bids and one for notices; it never asks faster than its
//! rate; it ends when it is told to, or when its handle is dropped. Must not know the bidder
//! but by its sockets.

use super::EXCHANGE;
use super::asks::{Ask, Asker};
use super::auction::{self, Outcome};
use super::crowd::Crowd;
use super::dice::Dice;
use super::errands::{self, Errand, WAITING_MAX, order};
use super::line::Line;
use super::macros::{Filling, LOST_TO_A_HIGHER_BID, fill};
use super::tally::Tally;
use super::verdict::{Offered, address_in, judge};
use crate::model::CpmMicros;
use crate::notice::Kind;
use hyper::StatusCode;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Most requests a second: this is a demonstration, not a load test.
pub const RATE_MAX: u32 = 1_000;

const BILLED_PER_MILLE: u64 = 950;
const SEEN_PER_MILLE: u64 = 600;
const CLICKED_PER_MILLE: u64 = 20;

/// What an exchange needs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The bidder's bid port.
    pub bids: SocketAddr,
    /// Its notices port.
    pub notices: SocketAddr,
    /// Requests a second; at most [`RATE_MAX`].
    pub rate: u32,
    /// Who is online.
    pub crowd: Crowd,
    /// Another seed is another day.
    pub seed: u64,
}

/// An exchange that runs.
#[derive(Debug)]
pub struct Exchange {
    tally: Arc<Tally>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Exchange {
    /// Opens an exchange on a thread of its own.
    ///
    /// # Errors
    /// The thread or its runtime cannot be had.
    pub fn open(plan: Plan) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let tally = Arc::new(Tally::default());
        let counted = Arc::clone(&tally);
        let thread = std::thread::Builder::new()
            .name("demo-exchange".to_owned())
            .spawn(move || runtime.block_on(trade(&plan, &counted, stopped)))?;
        Ok(Self { tally, stop, thread })
    }

    /// What it has counted.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Ends it, and waits until its last notices are through.
    pub fn close(self) {
        let Self { tally, stop, thread } = self;
        drop(stop);
        if thread.join().is_err() {
            tally.fault("the exchange panicked: this is a bug of the demo".to_owned());
        }
    }
}

async fn trade(plan: &Plan, tally: &Tally, stopped: oneshot::Receiver<()>) {
    let (errands, to_run) = mpsc::channel(WAITING_MAX);
    let floor = Floor { plan, tally, errands, dice: Dice::new(plan.seed ^ 1) };
    let asking = floor.ask_until(stopped);
    tokio::join!(asking, errands::run(plan.notices, to_run, tally));
}

/// The trading floor.
struct Floor<'a> {
    plan: &'a Plan,
    tally: &'a Tally,
    errands: mpsc::Sender<Errand>,
    dice: Dice,
}

impl Floor<'_> {
    /// Asks at the rate until told to stop. Dropping the floor ends the errands.
    async fn ask_until(mut self, mut stopped: oneshot::Receiver<()>) {
        let rate = self.plan.rate.clamp(1, RATE_MAX);
        let mut ticks = interval(Duration::from_secs(1) / rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asker = Asker::new(self.plan.seed);
        let mut line = Line::new(self.plan.bids);
        loop {
            tokio::select! {
                _ = &mut stopped => return,
                _ = ticks.tick() => {}
            }
            self.ask(&mut line, asker.next(&self.plan.crowd)).await;
        }
    }

    async fn ask(&mut self, line: &mut Line, ask: Ask) {
        Tally::count(&self.tally.requests);
        let path = format!("/openrtb2/{EXCHANGE}");
        let answer = match line.post(&path, ask.body.clone()).await {
            Ok(answer) => answer,
            Err(error) => return self.tally.fault(format!("request {}: {error}", ask.id)),
        };
        match answer.status {
            StatusCode::NO_CONTENT => {}
            StatusCode::OK => match judge(&ask, &answer.body) {
                Ok(offered) => self.auction(&ask, &offered).await,
                Err(fault) => self.tally.fault(format!("answer to {}: {fault}", ask.id)),
            },
            other => {
                let told = String::from_utf8_lossy(&answer.body);
                self.tally.fault(format!("request {}: {other}: {}", ask.id, told.trim()));
            }
        }
    }

    async fn auction(&mut self, ask: &Ask, offered: &[Offered]) {
        Tally::count(&self.tally.answered);
        for bid in offered {
            Tally::count(&self.tally.bids);
            let rivals = auction::rivals(&mut self.dice);
            match auction::hold(bid.price, ask.offers[bid.offer].floor, &rivals) {
                Outcome::Won(price) => self.won(ask, bid, price).await,
                Outcome::Lost => self.lost(ask, bid).await,
            }
        }
    }

    async fn won(&mut self, ask: &Ask, bid: &Offered, price: CpmMicros) {
        Tally::count(&self.tally.won);
        let filling = filling(ask, bid, Some(price));
        let markup = fill(&bid.markup, &filling);
        let [win, bill, _] = &bid.notices;
        self.send(Kind::Win, (5, 100), fill(win, &filling)).await;
        if !self.dice.per_mille(BILLED_PER_MILLE) {
            return;
        }
        self.send(Kind::Bill, (100, 1_200), fill(bill, &filling)).await;
        if self.dice.per_mille(SEEN_PER_MILLE) {
            self.send_from(Kind::View, (1_200, 2_200), &markup).await;
        }
        if self.dice.per_mille(CLICKED_PER_MILLE) {
            self.send_from(Kind::Click, (2_200, 4_000), &markup).await;
        }
    }

    async fn lost(&mut self, ask: &Ask, bid: &Offered) {
        let loss = fill(&bid.notices[2], &filling(ask, bid, None));
        self.send(Kind::Loss, (5, 200), loss).await;
    }

    /// Sends a notice whose address is in the markup.
    async fn send_from(&mut self, kind: Kind, wait_ms: (u64, u64), markup: &str) {
        match address_in(markup, &format!("/n/{}/", kind.label())) {
            Some(address) => self.send(kind, wait_ms, address.to_owned()).await,
            None => self.tally.fault(format!("the markup has no {} address", kind.label())),
        }
    }

    /// Sends a notice after a random wait.
    async fn send(&mut self, kind: Kind, (least, most): (u64, u64), address: String) {
        let wait = Duration::from_millis(self.dice.between(least, most));
        let errand = Errand { due: Instant::now() + wait, order: order(kind), address };
        // The errands end after the floor does, so there is always somebody to take it.
        let _ = self.errands.send(errand).await;
    }
}

fn filling<'a>(ask: &'a Ask, bid: &'a Offered, price: Option<CpmMicros>) -> Filling<'a> {
    Filling {
        auction: &ask.id,
        impression: &ask.offers[bid.offer].id,
        bid: &bid.id,
        currency: ask.currency,
        price,
        loss: if price.is_some() { 0 } else { LOST_TO_A_HIGHER_BID },
    }
}
