//! `load compare`: the bidder beside the floor, turn by turn, on one core each.
//!
//! The machine's speed changes from minute to minute; the ratio of two servers that take turns of
//! a few seconds hardly does. Guarantees: both get the same bytes by the same connections, the
//! floor answers as many 204 and bodies as long as the bidder does, and a round with a failure
//! is told. CPU time is the process's own, all threads.

use super::corpus::Corpus;
use super::drive::{self, Model, Plan};
use super::probe::{self, Order, ProbeError};
use super::process::{Server, listens};
use super::tally::Tally;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Before each round that counts: caches and connections warm up.
const WARM_UP: Duration = Duration::from_millis(500);
/// How late a request of the open model may be sent.
const LATE_MAX: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_secs(1);

/// What is compared.
#[derive(Clone, Debug)]
pub(crate) struct Contest {
    /// The bidder's binary.
    pub(crate) homing: PathBuf,
    /// The floor's binary.
    pub(crate) floor: PathBuf,
    /// A workspace of `load workspace`.
    pub(crate) workspace: PathBuf,
    /// Where its bidder listens.
    pub(crate) bidder: SocketAddr,
    /// Where the floor is to listen.
    pub(crate) floor_address: SocketAddr,
    /// Cores of the servers, as `taskset` writes them.
    pub(crate) server_cores: String,
    /// The corpora.
    pub(crate) orders: Vec<Order>,
    /// Turns of each server.
    pub(crate) rounds: usize,
    /// Length of a turn.
    pub(crate) length: Duration,
    /// Connections.
    pub(crate) connections: usize,
    /// Requests a second of the turns in the open model; without one there are none.
    pub(crate) rate: Option<f64>,
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompareError {
    /// A server.
    #[error("{0}: {1}")]
    Server(&'static str, io::Error),
    /// A corpus.
    #[error(transparent)]
    Probe(#[from] ProbeError),
}

/// Compares; hands each line to `say`.
///
/// # Errors
/// A server does not start or ends, or a corpus cannot be made.
pub(crate) fn run(contest: &Contest, say: &mut dyn FnMut(&str)) -> Result<(), CompareError> {
    let of_bidder = |error| CompareError::Server("the bidder", error);
    let config = contest.workspace.join("homing.toml").display().to_string();
    let arguments = ["serve".to_owned(), "--config".to_owned(), config];
    let mut bidder =
        Server::start(&contest.homing, &arguments, &contest.server_cores).map_err(of_bidder)?;
    bidder.wait_until(|| listens(contest.bidder)).map_err(of_bidder)?;
    for order in &contest.orders {
        let corpus = probe::corpus(order)?;
        say(&corpus.summary.text());
        compare(contest, (&bidder, &corpus), say)?;
    }
    Ok(())
}

/// One corpus.
fn compare(
    contest: &Contest,
    (bidder, corpus): (&Server, &Corpus),
    say: &mut dyn FnMut(&str),
) -> Result<(), CompareError> {
    let floor = floor(contest, corpus)?;
    let closed = (Model::Closed, "closed");
    let open = contest
        .rate
        .map(|rate| (Model::Open { rate, by_chance: true, late_max: LATE_MAX }, "open"));
    for (model, name) in [Some(closed), open].into_iter().flatten() {
        let turn = |server: (&Server, &'static str), address| {
            turn(contest, (server, address), (model, corpus))
        };
        let mut pairs = Vec::new();
        for round in 0..contest.rounds {
            let low = turn((&floor, "the floor"), contest.floor_address)?;
            say(&low.line((name, round), "floor"));
            let own = turn((bidder, "the bidder"), contest.bidder)?;
            say(&own.line((name, round), "homing"));
            pairs.push((low, own));
        }
        say(&summary(name, &pairs));
    }
    Ok(())
}

fn floor(contest: &Contest, corpus: &Corpus) -> Result<Server, CompareError> {
    let of_floor = |error| CompareError::Server("the floor", error);
    let summary = &corpus.summary;
    let arguments = [
        ("--port", u64::from(contest.floor_address.port())),
        ("--body-bytes", summary.answer_bytes.round() as u64),
        ("--no-content-per-mille", summary.no_content_per_mille()),
    ];
    let arguments: Vec<_> = arguments
        .iter()
        .flat_map(|(name, value)| [(*name).to_owned(), value.to_string()])
        .collect();
    let mut floor =
        Server::start(&contest.floor, &arguments, &contest.server_cores).map_err(of_floor)?;
    floor.wait_until(|| listens(contest.floor_address)).map_err(of_floor)?;
    Ok(floor)
}

/// What one turn of one server came to.
struct Turn {
    tally: Tally,
    user_us: f64,
    system_us: f64,
}

impl Turn {
    fn cpu_us(&self) -> f64 {
        self.user_us + self.system_us
    }

    fn line(&self, (model, round): (&str, usize), server: &str) -> String {
        let us = |share| self.tally.latencies.at_most_us(share);
        format!(
            "  {model:6} {round} {server:6} {:6.2} us CPU/request ({:5.2} user, {:5.2} system) \
             {:6.0}/s, 200 {:5.1} %, dropped {}, failed {}, p50 {:.0} p99 {:.0} p99.9 {:.0} us\n",
            self.cpu_us(),
            self.user_us,
            self.system_us,
            self.tally.rate(),
            self.tally.share(200) * 100.0,
            self.tally.dropped,
            self.tally.failed(),
            us(0.5),
            us(0.99),
            us(0.999),
        )
    }
}

fn turn(
    contest: &Contest,
    ((server, name), address): ((&Server, &'static str), SocketAddr),
    (model, corpus): (Model, &Corpus),
) -> Result<Turn, CompareError> {
    let failed = |error| CompareError::Server(name, error);
    let plan = Plan {
        target: address,
        model,
        connections: contest.connections,
        threads: 1,
        length: contest.length,
        requests_max: u64::MAX,
        timeout: TIMEOUT,
    };
    drive::run(&Plan { length: WARM_UP, ..plan }, corpus).map_err(failed)?;
    let before = server.cpu().map_err(failed)?;
    let tally = drive::run(&plan, corpus).map_err(failed)?;
    let after = server.cpu().map_err(failed)?;
    let answered = tally.answered().max(1) as f64;
    let each_us = |n: usize| after[n].saturating_sub(before[n]).as_secs_f64() * 1e6 / answered;
    Ok(Turn { user_us: each_us(0), system_us: each_us(1), tally })
}

/// What is read off a turn.
type Figure<'a> = &'a dyn Fn(&Turn) -> f64;

fn summary(model: &str, pairs: &[(Turn, Turn)]) -> String {
    let of = |figure: &dyn Fn(&(Turn, Turn)) -> f64| Spread::of(pairs.iter().map(figure).collect());
    let us = |share: f64| move |turn: &Turn| turn.tally.latencies.at_most_us(share);
    let mut text = format!("  {model}: medians of {} rounds (lowest to highest)\n", pairs.len());
    let mut row = |name: &str, floor: Spread, own: Spread, ratio: Spread| {
        let _ = writeln!(text, "    {name:18} floor {floor}, homing {own}, ratio {ratio}");
    };
    let figures: [(&str, Figure<'_>); 6] = [
        ("CPU us/request", &Turn::cpu_us),
        ("of which user", &|turn| turn.user_us),
        ("answers/s", &|turn| turn.tally.rate()),
        ("p50 us", &us(0.5)),
        ("p99 us", &us(0.99)),
        ("p99.9 us", &us(0.999)),
    ];
    for (name, figure) in figures {
        let floor = of(&|(low, _)| figure(low));
        let own = of(&|(_, own)| figure(own));
        row(name, floor, own, of(&|(low, own)| figure(own) / figure(low).max(1e-9)));
    }
    text
}

/// The median, and how far the rounds lie apart.
struct Spread {
    low: f64,
    median: f64,
    high: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |place: usize| figures.get(place).copied().unwrap_or_default();
        let last = figures.len().saturating_sub(1);
        let median = f64::midpoint(at(last / 2), at(last.div_ceil(2)));
        Self { low: at(0), median, high: at(last) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = if self.median < 1_000.0 { 2 } else { 0 };
        let Self { low, median, high } = self;
        write!(to, "{median:.digits$} ({low:.digits$} to {high:.digits$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_its_median_in_the_middle() {
        assert_eq!(Spread::of(vec![3.0, 1.0, 2.0]).to_string(), "2.00 (1.00 to 3.00)");
        assert_eq!(Spread::of(vec![3.0, 1.0]).to_string(), "2.00 (1.00 to 3.00)");
        assert_eq!(Spread::of(vec![]).to_string(), "0.00 (0.00 to 0.00)");
    }
}
