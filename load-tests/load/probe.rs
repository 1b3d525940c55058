//! Making a corpus whose shares are known: each candidate is sent once, and sorted by its answer.
//!
//! Whether a person is known and whom a campaign reaches is the bidder's to say; this tool asks
//! it as an exchange would. Guarantees: a corpus has exactly the shares of its mix, or is not made.

use super::answer;
use super::bodies::{Bodies, Person};
use super::convert;
use super::corpus::{Corpus, Summary};
use flate2::{Compression, write::GzEncoder};
use homing::demo::dice::Dice;
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take while nothing else happens.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Candidates a wanted request: with fewer than one in forty eligible, the mix makes no sense.
const CANDIDATES_EACH_MAX: u64 = 40;
/// Ids of strangers begin this far above the audience's.
const STRANGERS: u64 = 1_000_000_000;

/// What requests are mixed of, in shares of 1,000.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mix {
    name: &'static str,
    nobody: u64,
    unknown: u64,
    not_eligible: u64,
    bids: u64,
}

/// The mixes by name.
pub(crate) const MIXES: [Mix; 2] = [
    Mix { name: "typical", nobody: 350, unknown: 350, not_eligible: 200, bids: 100 },
    Mix { name: "all-bid", nobody: 0, unknown: 0, not_eligible: 0, bids: 1_000 },
];

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Where the bidder listens.
    pub(crate) target: SocketAddr,
    /// The path of its exchange.
    pub(crate) path: String,
    /// Users of its audience.
    pub(crate) users: u64,
    /// The mix.
    pub(crate) mix: Mix,
    /// `1k`, `3k` or `10k`.
    pub(crate) size: String,
    /// Whether bodies are protobuf.
    pub(crate) protobuf: bool,
    /// Whether bodies are packed.
    pub(crate) gzip: bool,
    /// How many requests.
    pub(crate) count: u64,
    /// Another seed makes another corpus.
    pub(crate) seed: u64,
}

impl Mix {
    /// The mix called `name`.
    pub(crate) fn called(name: &str) -> Option<Self> {
        MIXES.into_iter().find(|mix| mix.name == name)
    }
}

/// Why there is no corpus.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    /// The bidder did not answer as HTTP wants.
    #[error("the bidder at {0} does not answer: {1}")]
    Io(SocketAddr, io::Error),
    /// A status that no candidate should get.
    #[error("a request for {0:?} was answered {1}; expected 204, or 200 where the person is known")]
    Status(Person, u16),
    /// The mix cannot be made up.
    #[error(
        "of {tried} people {bids} were bid on and {not_eligible} were not, which is too few: has \
         the audience that many users, and do its campaigns reach them?"
    )]
    TooFew {
        /// Candidates tried.
        tried: u64,
        /// Bids among them.
        bids: usize,
        /// The others.
        not_eligible: usize,
    },
    /// No size of that name.
    #[error("there is no size `{0}`: expected 1k, 3k or 10k")]
    Size(String),
    /// Too much.
    #[error("{0} requests of that size are more than a corpus holds: ask for fewer")]
    TooLarge(u64),
}

/// Makes a corpus.
///
/// # Errors
/// The bidder is not there, or the mix cannot be made up.
pub(crate) fn corpus(order: &Order) -> Result<Corpus, ProbeError> {
    let bodies = Bodies::new(&order.size, order.seed);
    let bodies = bodies.ok_or_else(|| ProbeError::Size(order.size.clone()))?;
    let line = TcpStream::connect_timeout(&order.target, ANSWER_MAX).and_then(|line| {
        line.set_nodelay(true)?;
        line.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(line)
    });
    let line = line.map_err(|error| ProbeError::Io(order.target, error))?;
    let dice = Dice::new(order.seed ^ 0x6c6f_6164);
    let mut prober = Prober { order, bodies, line, dice, sorted: Sorted::default() };
    prober.strangers()?;
    prober.known()?;
    let Prober { mut dice, sorted, .. } = prober;
    sorted.into_corpus(order, &mut dice)
}

/// Requests sorted by their answers.
#[derive(Default)]
struct Sorted {
    nobody: Vec<Vec<u8>>,
    unknown: Vec<Vec<u8>>,
    not_eligible: Vec<Vec<u8>>,
    bids: Vec<Vec<u8>>,
    body_bytes: u64,
    answer_bytes: u64,
}

struct Prober<'a> {
    order: &'a Order,
    bodies: Bodies,
    line: TcpStream,
    dice: Dice,
    sorted: Sorted,
}

impl Prober<'_> {
    fn wanted(&self, per_mille: u64) -> usize {
        (self.order.count * per_mille / 1_000) as usize
    }

    fn strangers(&mut self) -> Result<(), ProbeError> {
        let mix = self.order.mix;
        for _ in 0..self.wanted(mix.nobody) {
            let request = self.refused(Person::Nobody)?;
            self.sorted.nobody.push(request);
        }
        for _ in 0..self.wanted(mix.unknown) {
            let stranger = Person::Nth(STRANGERS + self.dice.below(STRANGERS));
            let request = self.refused(stranger)?;
            self.sorted.unknown.push(request);
        }
        Ok(())
    }

    fn refused(&mut self, person: Person) -> Result<Vec<u8>, ProbeError> {
        let (request, status, _) = self.ask(person)?;
        if status == 204 { Ok(request) } else { Err(ProbeError::Status(person, status)) }
    }

    fn known(&mut self) -> Result<(), ProbeError> {
        let mix = self.order.mix;
        let (bids, others) = (self.wanted(mix.bids), self.wanted(mix.not_eligible));
        let tries_max = CANDIDATES_EACH_MAX * (bids + others) as u64;
        let mut tried = 0;
        while self.sorted.bids.len() < bids || self.sorted.not_eligible.len() < others {
            if tried == tries_max {
                let (bids, not_eligible) = (self.sorted.bids.len(), self.sorted.not_eligible.len());
                return Err(ProbeError::TooFew { tried, bids, not_eligible });
            }
            tried += 1;
            let person = Person::Nth(self.dice.below(self.order.users));
            let (request, status, answer_bytes) = self.ask(person)?;
            match status {
                200 if self.sorted.bids.len() < bids => {
                    self.sorted.answer_bytes += answer_bytes as u64;
                    self.sorted.bids.push(request);
                }
                204 if self.sorted.not_eligible.len() < others => {
                    self.sorted.not_eligible.push(request);
                }
                200 | 204 => {}
                other => return Err(ProbeError::Status(person, other)),
            }
        }
        Ok(())
    }

    /// Sends a fresh request: it, its status, and the bytes of its answer.
    fn ask(&mut self, person: Person) -> Result<(Vec<u8>, u16, usize), ProbeError> {
        let body = packed(&self.bodies.next(person), self.order);
        let request = rendered(&body, self.order);
        let (status, bytes) = exchange(&mut self.line, &request)
            .map_err(|error| ProbeError::Io(self.order.target, error))?;
        Ok((request, status, bytes))
    }
}

impl Sorted {
    fn into_corpus(mut self, order: &Order, dice: &mut Dice) -> Result<Corpus, ProbeError> {
        let mut all: Vec<_> = [&mut self.nobody, &mut self.unknown, &mut self.not_eligible]
            .into_iter()
            .chain([&mut self.bids])
            .flat_map(|kind| kind.iter())
            .collect();
        for end in (2..=all.len()).rev() {
            all.swap(end - 1, dice.below(end as u64) as usize);
        }
        let mut corpus = Corpus::default();
        for request in all {
            let head = request.windows(4).position(|window| window == b"\r\n\r\n");
            self.body_bytes += head.map_or(0, |at| request.len() - at - 4) as u64;
            if !corpus.push(request) {
                return Err(ProbeError::TooLarge(order.count));
            }
        }
        corpus.summary = Summary {
            mix: order.mix.name.to_owned(),
            size: order.size.clone(),
            form: if order.protobuf { "protobuf" } else { "json" }.to_owned(),
            gzip: order.gzip,
            body_bytes: self.body_bytes as f64 / corpus.len().max(1) as f64,
            nobody: self.nobody.len() as u64,
            unknown: self.unknown.len() as u64,
            not_eligible: self.not_eligible.len() as u64,
            bids: self.bids.len() as u64,
            answer_bytes: self.answer_bytes as f64 / self.bids.len().max(1) as f64,
        };
        Ok(corpus)
    }
}

fn packed(body: &Value, order: &Order) -> Vec<u8> {
    let plain = if order.protobuf { convert::packed(body) } else { body.to_string().into_bytes() };
    if !order.gzip {
        return plain;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let whole = encoder.write_all(&plain).and_then(|()| encoder.finish());
    whole.expect("a Vec takes everything")
}

/// A request as an exchange sends it.
fn rendered(body: &[u8], order: &Order) -> Vec<u8> {
    let content_type = if order.protobuf { "application/x-protobuf" } else { "application/json" };
    let packing = if order.gzip { "Content-Encoding: gzip\r\n" } else { "" };
    let mut request = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: load\r\nContent-Type: {content_type}\r\n\
         x-openrtb-version: 2.6\r\n{packing}Content-Length: {}\r\n\r\n",
        order.path,
        order.target,
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// Sends one request and waits for its answer: its status, and the bytes of its body.
fn exchange(line: &mut TcpStream, request: &[u8]) -> io::Result<(u16, usize)> {
    line.write_all(request)?;
    let mut input = Vec::new();
    let mut piece = [0; 4 * 1024];
    loop {
        let count = line.read(&mut piece)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        input.extend_from_slice(&piece[..count]);
        let head = answer::read(&input)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not an HTTP/1.1 answer"))?;
        if let Some(head) = head
            && input.len() >= head.head_bytes + head.body_bytes
        {
            return Ok((head.status, head.body_bytes));
        }
    }
}
