//! How often answering a request asks the allocator for memory: never without a bid, and a
//! stated number of times with one.
//!
//! Only allocations of the measuring thread count, and only while it measures, so that what
//! the test harness does beside it does not show. Growing a block counts like a new one.

#![allow(unsafe_code, reason = "a counting allocator cannot be written without")]

#[path = "support/protobuf.rs"]
mod convert;
#[path = "../benches/support/mod.rs"]
mod support;

use homing::model::{CpmMicros, Currency};
use homing::openrtb::Form;
use homing::openrtb::offer::Medium;
use homing::openrtb::response::{BidFields, MarkupField, ResponseHead};
use homing::server::clock;
use homing::server::service::{BidAnswer, ContentKind};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use support::market::Market;
use support::people::People;
use support::requests::{SIZED, of_nobody, of_person};
use support::service::Service;

/// The system's allocator, and a count of what the measuring thread asks of it.
struct Counting;

thread_local! {
    /// Allocations since measuring began; none while this thread does not measure. Constant
    /// and without a destructor, so that reading it never allocates.
    static COUNTED: Cell<Option<u64>> = const { Cell::new(None) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    // A thread that is ending has no cell any more; it does not measure either.
    let _ = COUNTED.try_with(|counted| counted.set(counted.get().map(|so_far| so_far + 1)));
}

// SAFETY: every call is handed on to the system's allocator unchanged, with the same layout,
// so its contract is the system's; counting touches a thread-local cell and no memory block.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `alloc`'s contract, and `System` asks for the same one.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: `block` came from `System` with this layout, since every allocation does.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `realloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

/// How many allocations `work` makes on this thread.
fn allocations(work: impl FnOnce()) -> u64 {
    COUNTED.set(Some(0));
    work();
    COUNTED.take().expect("it was set above, and nothing else takes it")
}

const MARKET: Market = Market { shops: 20, campaigns_a_shop: 10 };
/// The table of holds; and of their ends the list of a second, the tree of seconds, the tree's root.
const TABLES_GROWN_BY_A_BID: u64 = 4;
/// Rounds before anything is measured: buffers grow, thread-locals are made.
const WARM_UP: usize = 3;

fn people() -> People {
    People { users: 20_000, now: clock::now() }
}

fn service() -> Service {
    Service::new(MARKET, people())
}

/// As [`refusing_as`], in JSON.
fn while_refusing(service: &mut Service, bodies: &[String]) -> u64 {
    refusing_as(ContentKind::Json, service, bodies)
}

/// Answers `bodies` until everything is warm, then once more: the allocations of that. None
/// of them may be answered with a bid.
fn refusing_as(kind: ContentKind, service: &mut Service, bodies: &[impl AsRef<[u8]>]) -> u64 {
    for _ in 0..WARM_UP {
        for body in bodies {
            assert_eq!(service.answer_as(kind, body.as_ref()), BidAnswer::NoContent);
        }
    }
    allocations(|| bodies.iter().for_each(|body| drop(service.answer_as(kind, body.as_ref()))))
}

fn bodies(ids: &[String]) -> Vec<String> {
    SIZED.iter().flat_map(|(_, body)| ids.iter().map(|id| of_person(body, id))).collect()
}

#[test]
fn the_count_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1_u64)))), 1);
    let mut grown = Vec::with_capacity(1);
    assert_eq!(allocations(|| grown.extend_from_slice(&[1_u64, 2, 3])), 1);
    assert_eq!(allocations(|| ()), 0);
}

#[test]
fn a_request_without_an_id_allocates_nothing() {
    let bodies: Vec<_> = SIZED.iter().map(|(_, body)| of_nobody(body)).collect();
    assert_eq!(while_refusing(&mut service(), &bodies), 0);
}

#[test]
fn an_unknown_person_allocates_nothing() {
    let bodies = bodies(&people().strangers(100));
    assert_eq!(while_refusing(&mut service(), &bodies), 0);
}

#[test]
fn a_known_person_without_a_bid_allocates_nothing() {
    let mut service = service();
    let mut bodies = bodies(&people().ids(MARKET.shops, 200));
    bodies.retain(|body| !service.bids_on(body));
    assert!(bodies.len() > 100, "many people are known and reached by no campaign");
    assert_eq!(while_refusing(&mut service, &bodies), 0);
}

#[test]
fn a_protobuf_request_without_a_bid_allocates_nothing() {
    let mut service = service();
    let mut texts = bodies(&people().ids(MARKET.shops, 100));
    texts.retain(|body| !service.bids_on(body));
    assert!(texts.len() > 50, "many people are known and reached by no campaign");
    texts.extend(bodies(&people().strangers(100)));
    texts.extend(SIZED.iter().map(|(_, body)| of_nobody(body)));
    let pack = |text: &String| convert::packed(&serde_json::from_str(text).expect("JSON"));
    let packed: Vec<_> = texts.iter().map(pack).collect();
    let kind = ContentKind::Protobuf("application/x-protobuf");
    assert_eq!(refusing_as(kind, &mut service, &packed), 0);
}

#[test]
fn writing_an_answer_allocates_nothing_once_the_buffer_is_large() {
    let bid = BidFields {
        id: "1",
        impression_id: "i",
        price: CpmMicros(2_345_600),
        advertiser_domain: "acme.example",
        campaign_id: "c",
        creative_id: "cr",
        medium: Medium::Banner,
        size: Some((300, 250)),
        duration_s: None,
        protocol: None,
        frameworks: &[],
        deal_id: None,
        bundle: None,
        category_taxonomy: 1,
        transparency: None,
        categories: &[],
        attributes: &[1, 13],
        language: Some("de"),
        sample_image: None,
        expires_s: 3_600,
        win_url: "https://n.example/w",
        billing_url: Some("https://n.example/b"),
        loss_url: "https://n.example/l",
        markup: MarkupField::Text,
    };
    let head = ResponseHead { request_id: "r", bid_id: "b", currency: Currency::USD, seat: None };
    for form in [Form::Json, Form::Protobuf] {
        let mut out = Vec::with_capacity(1 << 12);
        let counted = allocations(|| {
            let mut response = form.begin(&mut out, &head);
            response.write_bid(&mut out, &bid, |out, _| out.extend_from_slice(&[b'm'; 2_000]));
            response.write_bid(&mut out, &bid, |_, _| ());
            response.end(&mut out);
        });
        assert_eq!(counted, 0, "{form:?}");
        assert!(out.len() > 2_000, "it was written: {form:?}");
    }
}

/// A bid itself allocates nothing. The ledger's tables double as they grow, and a table that
/// is as full as it ever was may do so at any bid; so do the sixteen lists of what ends in one
/// second, in a second with more bids than those whose lists they use again. That is all that is left.
#[test]
fn a_bid_allocates_only_where_a_table_of_the_ledger_grows() {
    let mut service = service();
    let mut bodies = bodies(&people().ids(MARKET.shops, 700));
    bodies.retain(|body| service.bids_on(body));
    assert!(bodies.len() > 1_000, "many people are reached by a campaign");
    service.forget_ended_holds();
    let (mut allocating, mut most) = (0, 0);
    for body in &bodies {
        let counted = allocations(|| drop(service.answer(body)));
        allocating += usize::from(counted > 0);
        most = most.max(counted);
        service.release(service.last_bid());
    }
    assert!(most <= TABLES_GROWN_BY_A_BID, "{most} allocations for one bid");
    assert!(allocating <= bodies.len() / 10, "{allocating} of {} bids allocated", bodies.len());
}
