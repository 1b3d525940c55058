//! Notice tokens: claims signed, opened, altered, and taken in as notices.
//!
//! Law: a signed claim is read back by its own side and by no other; with one character
//! changed, or of nobody's making, it is refused; a notice with a good token is counted or
//! refused without a panic whatever its query says, and never spends more than the claim holds.

#![no_main]

use arbitrary::Arbitrary;
use homing::ledger::{Claim, Ledger, LedgerLimits};
use homing::model::{
    BidId, CampaignKey, CpmMicros, CreativeKey, Currency, ExchangeKey, MoneyNanos, NodeKey,
    Seconds, UnixSeconds, UserKey,
};
use homing::notice::token::{TOKEN_CHARACTERS_MAX, Tokens};
use homing::notice::{Arrival, Keyring, Kind, Office, Outcome, Side, TokenError};
use homing::openrtb::profile::BillingEvent;
use homing::privacy::Basis;
use std::cell::RefCell;

/// Small tables: a long run must keep within the memory limit of the fuzzer.
const LIMITS: LedgerLimits = LedgerLimits { holds_max: 100, persons_max: 100, notices_max: 100 };
const KINDS: [(Kind, Side); 10] = [
    (Kind::Win, Side::Exchange),
    (Kind::Bill, Side::Exchange),
    (Kind::Loss, Side::Exchange),
    (Kind::View, Side::Browser),
    (Kind::Click, Side::Browser),
    (Kind::Start, Side::Browser),
    (Kind::FirstQuartile, Side::Browser),
    (Kind::Midpoint, Side::Browser),
    (Kind::ThirdQuartile, Side::Browser),
    (Kind::Complete, Side::Browser),
];

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    ids: [u64; 4],
    keys: [u64; 4],
    keys_used: u8,
    amounts: (u32, i64),
    times: (u32, u32, u16),
    test: bool,
    basis: u8,
    node: u32,
    changed: (u16, char),
    now: u32,
    query: &'a str,
    text: &'a str,
}

struct Desk {
    keyring: Keyring,
    ledger: Ledger,
    tokens: Tokens,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::new(Desk {
        keyring: Keyring::new(&[(1, vec![7; 32]), (2, vec![8; 32])]).expect("long keys"),
        ledger: Ledger::new(LIMITS, 42),
        tokens: Tokens::default(),
    });
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| DESK.with_borrow_mut(|desk| judge(&input, desk)));

fn judge(input: &Input<'_>, Desk { keyring, ledger, tokens }: &mut Desk) {
    let claim = claim(input);
    keyring.sign(&claim, tokens);
    let sides = [(Side::Exchange, &tokens.exchange), (Side::Browser, &tokens.browser)];
    for ((side, own), (_, other)) in sides.into_iter().zip(sides.into_iter().rev()) {
        assert!(own.len() <= TOKEN_CHARACTERS_MAX);
        assert_eq!(keyring.open(own, side).as_ref(), Ok(&claim));
        assert_eq!(keyring.open(other, side), Err(TokenError::BadSignature));
        assert!(keyring.open(&changed(own, input.changed), side).is_err(), "altered");
        assert!(keyring.open(input.text, side).is_err(), "nobody signed it");
    }
    let office = Office {
        keyring,
        billing: &|_| Some(if input.test { BillingEvent::Burl } else { BillingEvent::Nurl }),
        price_keys: &|_| None,
    };
    for (kind, side) in KINDS {
        let token = if side == Side::Browser { &tokens.browser } else { &tokens.exchange };
        let arrival = Arrival { kind, token, query: input.query, now: UnixSeconds(input.now) };
        let (outcome, opened) = office.receive(&arrival, ledger);
        assert_eq!(opened.as_ref(), Some(&claim));
        assert!(!matches!(outcome, Outcome::BadToken | Outcome::BadSignature));
    }
    let price = CpmMicros(i64::from(input.amounts.0) / 2);
    assert!(claim.charge_at(price) <= claim.held);
    ledger.advance(UnixSeconds::NEVER);
    ledger.forget_stale_persons(UnixSeconds::NEVER);
}

fn claim(input: &Input<'_>) -> Claim {
    let [bid, exchange, campaign, creative] = input.ids;
    let (issued, notices_end, hold_ttl) = input.times;
    let keys = &input.keys[..usize::from(input.keys_used) % (input.keys.len() + 1)];
    Claim {
        bid: BidId(bid),
        exchange: ExchangeKey(exchange),
        campaign: CampaignKey(campaign),
        creative: CreativeKey(creative),
        keys: keys.iter().map(|key| UserKey(*key)).collect(),
        ceiling: CpmMicros(input.amounts.0.into()),
        currency: Currency::USD,
        held: MoneyNanos(input.amounts.1 & i64::MAX),
        issued: UnixSeconds(issued),
        hold_ttl: Seconds(hold_ttl.into()),
        notices_end: UnixSeconds(notices_end),
        test: input.test,
        node: NodeKey(input.node),
        basis: Basis::ALL[usize::from(input.basis) % Basis::ALL.len()],
    }
}

/// `token` with another character in one place.
fn changed(token: &str, (at, to): (u16, char)) -> String {
    let place = usize::from(at) % token.len();
    let to = if token[place..].starts_with(to) { '.' } else { to };
    format!("{}{to}{}", &token[..place], &token[place + 1..])
}
