//! The bid path, stage by stage and whole: what each costs on one thread, warm, without sockets.
//!
//! Many people and bodies take turns, so that neither the parser's branches nor the caches are
//! flattered by one; the parser's own bench repeats one body a size, as its rivals' do.

#[path = "../tests/support/protobuf.rs"]
mod convert;
#[path = "support/mod.rs"]
mod support;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use homing::audience::Person;
use homing::decide::choose::abandon;
use homing::decide::identity::recognise;
use homing::decide::{Bid, BidIds, Case, Decision, commit, decide};
use homing::message::{Fill, Markup, Wanted, templates};
use homing::model::{BidId, NoBidReason};
use homing::notice::Keyring;
use homing::notice::token::Tokens;
use homing::notice::urls::NoticeUrls;
use homing::openrtb::json::Index;
use homing::openrtb::offer::Medium;
use homing::openrtb::response::{self, BidFields, MarkupField, ResponseHead};
use homing::openrtb::{BidRequest, Form, decode_indexed, decode_json, decode_protobuf};
use homing::privacy::tcf::TcfString;
use homing::privacy::{Ground, verdict};
use homing::server::clock;
use std::hint::black_box;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};
use support::consent::tcf_string;
use support::in_batches;
use support::market::Market;
use support::people::{People, SHOPS};
use support::requests::{SIZED, SMALL, USUAL, of_nobody, of_person};
use support::service::Service;
use support::stage::{NOW, Stage, snapshot};

const PEOPLE: People = People { users: 1_000_000, now: NOW };
/// 100 campaigns, ten of which are the shop's whose customer is asked about.
const HUNDRED: Market = Market { shops: 10, campaigns_a_shop: 10 };
/// 1,000 campaigns, as many for each person as in [`HUNDRED`].
const THOUSAND: Market = Market { shops: SHOPS, campaigns_a_shop: 10 };
/// 1,000 campaigns, all of one shop: several hundred are judged for each person.
const DENSE: Market = Market { shops: 1, campaigns_a_shop: 1_000 };
/// People who take turns: their records do not all fit the nearer caches.
const TURNS: usize = 4_096;
/// Steps between two looks at the clock where preparation must not be measured.
const BATCH: usize = 256;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50)
        .configure_from_args();
    decode(&mut criterion);
    decode_packed(&mut criterion);
    stages(&mut criterion);
    answers(&mut criterion);
    criterion.final_summary();
}

/// Our reader, which keeps what a decision reads, beside a whole tree by serde_json.
fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode_json");
    for (name, body) in SIZED {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| decode_json(black_box(body.as_bytes())).expect("a bid request"));
        });
        // As the bid path reads it: impressions only when somebody asks for them.
        let mut index = Index::default();
        group.bench_function(format!("{name}_indexed"), |bencher| {
            bencher.iter(|| {
                let mut request = BidRequest::silent();
                let read = decode_indexed(black_box(body.as_bytes()), &mut index, &mut request);
                black_box((&request, read)).1.is_ok()
            });
        });
        group.bench_function(format!("{name}_serde_json_value"), |bencher| {
            bencher.iter(|| {
                let tree: serde_json::Result<serde_json::Value> =
                    serde_json::from_slice(black_box(body.as_bytes()));
                tree.expect("JSON")
            });
        });
    }
}

/// The same requests as protobuf, of which only what our schema has is there: the bytes are
/// fewer for that, too.
fn decode_packed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode_protobuf");
    for (name, body) in SIZED {
        let packed = convert::packed(&serde_json::from_str(body).expect("JSON"));
        group.throughput(Throughput::Bytes(packed.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| decode_protobuf(black_box(&packed)).expect("a bid request"));
        });
    }
}

/// The stages between decoding and the answer.
fn stages(criterion: &mut Criterion) {
    let people = snapshot(PEOPLE);
    let stage = Stage::new(THOUSAND, people.clone());
    let known = bodies(SMALL, &PEOPLE.ids(THOUSAND.shops, TURNS));
    let unknown = bodies(SMALL, &PEOPLE.strangers(TURNS));
    privacy(criterion, &stage);
    identity(criterion, &stage, (&known, &unknown));
    expression(criterion, &stage, &known);
    let mut group = criterion.benchmark_group("decide");
    deciding(&mut group, ("known_1000_campaigns", &stage), &known);
    deciding(&mut group, ("unknown", &stage), &unknown);
    deciding(&mut group, ("no_id", &stage), &[of_nobody(SMALL)]);
    for (name, market) in [("known_100_campaigns", HUNDRED), ("known_1000_dense", DENSE)] {
        let stage = Stage::new(market, people.clone());
        let known = bodies(SMALL, &PEOPLE.ids(market.shops, TURNS));
        deciding(&mut group, (name, &stage), &known);
    }
    group.finish();
    let mut group = criterion.benchmark_group("bid");
    commit_and_release(&mut group, &stage, &known);
    write_bid(&mut group, &stage, &known);
}

fn bodies(body: &str, ids: &[String]) -> Vec<String> {
    ids.iter().map(|id| of_person(body, id)).collect()
}

fn decoded(bodies: &[String]) -> Vec<BidRequest<'_>> {
    bodies.iter().map(|body| decode_json(body.as_bytes()).expect("a bid request")).collect()
}

fn privacy(criterion: &mut Criterion, stage: &Stage) {
    let mut group = criterion.benchmark_group("privacy_verdict");
    let ground = Ground { rules: stage.world().privacy, exchange: None };
    for (name, body) in [("free", SMALL), ("gdpr", USUAL)] {
        let request = decode_json(body.as_bytes()).expect("a bid request");
        group.bench_function(name, |bencher| {
            bencher.iter(|| verdict(black_box(&request), ground));
        });
    }
    for (name, vendors_as_ranges) in [("tcf_1200_vendors", false), ("tcf_200_ranges", true)] {
        let text = tcf_string(vendors_as_ranges);
        let vendor = NonZeroU16::new(755).expect("above 0");
        assert!(TcfString::read(&text, vendor).is_some_and(|string| string.vendor_consent));
        group.bench_function(name, |bencher| {
            bencher.iter(|| TcfString::read(black_box(&text), vendor));
        });
    }
}

/// Two ids a request, ours and an extended one, of which only ours may be known.
fn identity(criterion: &mut Criterion, stage: &Stage, (hit, miss): (&[String], &[String])) {
    let mut group = criterion.benchmark_group("identity_and_lookup");
    let world = stage.world();
    for (name, bodies) in [("hit", hit), ("miss", miss)] {
        let requests = decoded(bodies);
        let mut turns = requests.iter().cycle();
        let mut person = Person::default();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let request = turns.next().expect("they go round for ever");
                person.clear();
                recognise(&Case { request, world: &world, now: NOW }, &mut person)
            });
        });
    }
}

fn expression(criterion: &mut Criterion, stage: &Stage, known: &[String]) {
    let world = stage.world();
    let people: Vec<_> = decoded(known)
        .iter()
        .map(|request| {
            let mut person = Person::default();
            recognise(&Case { request, world: &world, now: NOW }, &mut person).expect("known");
            person
        })
        .collect();
    let audience = &stage.book.campaigns[0].audience;
    let mut turns = people.iter().cycle();
    criterion.bench_function("expression/cart_without_purchase", |bencher| {
        bencher.iter(|| audience.holds(turns.next().expect("they go round for ever"), NOW));
    });
}

fn deciding(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (name, stage): (&str, &Stage),
    bodies: &[String],
) {
    let world = stage.world();
    let requests = decoded(bodies);
    let mut turns = requests.iter().cycle();
    let mut decision = Decision::default();
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let request = turns.next().expect("they go round for ever");
            decide(&Case { request, world: &world, now: NOW }, &mut decision);
            decision.candidates.len()
        });
    });
}

/// Of `requests` those for which a campaign may bid.
fn eligible<'r>(stage: &Stage, bodies: &'r [String]) -> Vec<BidRequest<'r>> {
    let world = stage.world();
    let mut decision = Decision::default();
    let mut requests = decoded(bodies);
    requests.retain(|request| {
        decide(&Case { request, world: &world, now: NOW }, &mut decision);
        decision.candidates.iter().any(|candidate| !candidate.ghost)
    });
    requests
}

/// The holds of a decision, taken and given back.
fn commit_and_release(group: &mut BenchmarkGroup<'_, WallTime>, stage: &Stage, bodies: &[String]) {
    let world = stage.world();
    let requests = eligible(stage, bodies);
    let mut turns = requests.iter().cycle();
    let mut ids = BidIds::new(1);
    let mut decisions: Vec<_> = (0..BATCH).map(|_| Decision::default()).collect();
    group.bench_function("commit_and_release", |bencher| {
        bencher.iter_custom(|iterations| {
            in_batches(iterations, BATCH, |size| {
                let cases: Vec<_> = (&mut turns)
                    .take(size)
                    .map(|request| Case { request, world: &world, now: NOW })
                    .collect();
                for (case, decision) in cases.iter().zip(&mut decisions) {
                    decide(case, decision);
                }
                let start = Instant::now();
                for (case, decision) in cases.iter().zip(&mut decisions) {
                    commit(case, decision, &mut ids);
                    abandon(case, decision, NoBidReason::Late);
                }
                start.elapsed()
            })
        });
    });
}

/// Signing a bid's tokens, and the rest of writing its answer.
fn write_bid(group: &mut BenchmarkGroup<'_, WallTime>, stage: &Stage, bodies: &[String]) {
    let world = stage.world();
    let keyring = Keyring::new(&[(1, vec![7; 32])]).expect("a long key");
    let request = eligible(stage, bodies).swap_remove(0);
    let case = Case { request: &request, world: &world, now: NOW };
    let mut decision = Decision::default();
    decide(&case, &mut decision);
    commit(&case, &mut decision, &mut BidIds::new(2));
    let bid = decision.bids.first().expect("an eligible person gets a bid");
    let mut tokens = Tokens::default();
    group.bench_function("sign_tokens", |bencher| {
        bencher.iter(|| keyring.sign(black_box(&bid.claim), &mut tokens));
    });
    let templates = templates(&stage.book);
    let markup = &templates[bid.creative.0 as usize];
    let mut urls = NoticeUrls::default();
    let mut out = Vec::with_capacity(1 << 14);
    group.bench_function("write_response", |bencher| {
        bencher.iter(|| {
            out.clear();
            urls.write("https://ads.homing.example", &tokens, world.exchange);
            write_response((stage, bid), (&urls, markup), &mut out);
            out.len()
        });
    });
}

/// What the bidder writes for one bid.
fn write_response(
    (stage, bid): (&Stage, &Bid),
    (urls, markup): (&NoticeUrls, &Markup),
    out: &mut Vec<u8>,
) {
    let world = stage.world();
    let (campaign, advertiser) = world.campaign(bid.campaign);
    let creative = &stage.book.creatives[bid.creative.0 as usize];
    let id = "0123456789abcdef";
    let head = ResponseHead {
        request_id: "1818e811-892f-902b-d23f-0824128b2f33",
        bid_id: id,
        currency: bid.claim.currency,
        seat: world.exchange.seat.as_deref(),
    };
    response::begin(out, &head);
    let fields = BidFields {
        id,
        impression_id: "1",
        price: bid.price,
        advertiser_domain: &advertiser.domain,
        campaign_id: &campaign.id,
        creative_id: &creative.id,
        medium: Medium::Banner,
        size: Some((creative.width, creative.height)),
        duration_s: None,
        protocol: None,
        frameworks: &[],
        deal_id: None,
        bundle: None,
        category_taxonomy: 1,
        transparency: None,
        categories: advertiser.categories.in_taxonomy(1),
        attributes: &creative.attributes,
        language: None,
        sample_image: None,
        expires_s: bid.claim.hold_ttl.0,
        win_url: &urls.win,
        billing_url: Some(&urls.bill),
        loss_url: &urls.loss,
        markup: MarkupField::Text,
    };
    let (pixels, count) = urls.pixels(world.exchange.billing);
    let fill = Fill {
        click_url: &urls.click,
        pixels: &pixels[..count],
        cache_buster: id,
        progress: [""; 5],
        bid_id: id,
    };
    response::write_bid(out, &fields, true, |out| {
        markup.write(&Wanted::Banner, (&fill, Form::Json), out);
    });
    response::end(out);
}

/// From the body to the finished answer, as a worker runs it.
fn answers(criterion: &mut Criterion) {
    let people = People { now: clock::now(), ..PEOPLE };
    let mut service = Service::new(THOUSAND, people);
    for (size, body) in [("1k", SMALL), ("3k", USUAL)] {
        let mut group = criterion.benchmark_group(format!("answer_{size}"));
        let (bid, silent): (Vec<_>, Vec<_>) = bodies(body, &people.ids(THOUSAND.shops, TURNS))
            .into_iter()
            .partition(|body| service.bids_on(body));
        answering(&mut group, ("no_id", &mut service), &[of_nobody(body)]);
        answering(&mut group, ("unknown", &mut service), &bodies(body, &people.strangers(TURNS)));
        answering(&mut group, ("not_eligible", &mut service), &silent);
        bidding(&mut group, &mut service, &bid);
    }
}

fn answering(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (name, service): (&str, &mut Service),
    bodies: &[String],
) {
    let mut turns = bodies.iter().cycle();
    group.bench_function(name, |bencher| {
        bencher.iter(|| service.answer(turns.next().expect("they go round for ever")));
    });
}

/// Bids; what they hold is given back between the batches, as loss notices would.
fn bidding(group: &mut BenchmarkGroup<'_, WallTime>, service: &mut Service, bodies: &[String]) {
    let mut turns = bodies.iter().cycle();
    let mut held: Vec<BidId> = Vec::with_capacity(BATCH);
    group.bench_function("bid", |bencher| {
        bencher.iter_custom(|iterations| {
            in_batches(iterations, BATCH, |size| {
                let start = Instant::now();
                for body in (&mut turns).take(size) {
                    black_box(service.answer(body));
                    held.push(service.last_bid());
                }
                let spent = start.elapsed();
                held.drain(..).for_each(|bid| service.release(bid));
                spent
            })
        });
    });
    service.forget_ended_holds();
}
