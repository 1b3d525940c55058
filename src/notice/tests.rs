//! Tokens that cannot be altered, notices that count once.

use super::token::Tokens;
use super::*;
use crate::ledger::LedgerLimits;
use crate::model::{
    BidId, CampaignKey, CpmMicros, CreativeKey, Currency, MoneyNanos, NodeKey, Seconds,
    UnixSeconds, UserKey,
};
use crate::privacy::Basis;
use proptest::prelude::*;
use smallvec::smallvec;

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

fn claim() -> Claim {
    Claim {
        bid: BidId(0x0123_4567_89ab_cdef),
        exchange: ExchangeKey(2),
        campaign: CampaignKey(3),
        creative: CreativeKey(4),
        keys: smallvec![UserKey(5), UserKey(6)],
        ceiling: CpmMicros(2_400_000),
        currency: Currency::USD,
        held: MoneyNanos(2_222_222),
        issued: NOW,
        hold_ttl: Seconds(60),
        notices_end: NOW.plus(Seconds(86_400)),
        test: false,
        basis: Basis::default(),
        node: NodeKey(7),
    }
}

fn ring(ids: &[u8]) -> Keyring {
    let secrets: Vec<(u8, Vec<u8>)> = ids.iter().map(|id| (*id, vec![*id; 32])).collect();
    Keyring::new(&secrets).expect("strong enough")
}

fn signed(claim: &Claim) -> Tokens {
    let mut tokens = Tokens::default();
    ring(&[1]).sign(claim, &mut tokens);
    tokens
}

#[test]
fn a_token_brings_its_claim_back() {
    let tokens = signed(&claim());
    assert_eq!(ring(&[1]).open(&tokens.exchange, Side::Exchange), Ok(claim()));
    assert_eq!(ring(&[1]).open(&tokens.browser, Side::Browser), Ok(claim()));
    assert!(tokens.exchange.len() < token::TOKEN_CHARACTERS_MAX);
}

/// What was signed before tokens told the basis has zeros where it stands now.
#[test]
fn a_token_of_before_says_that_nothing_restricts() {
    assert_eq!(Basis::ALL[0], Basis::NoRestriction);
    let told = Claim { basis: Basis::Contextual, keys: smallvec![], ..claim() };
    let opened = ring(&[1]).open(&signed(&told).exchange, Side::Exchange).expect("ours");
    assert_eq!((opened.basis, opened.keys.len()), (Basis::Contextual, 0));
}

#[test]
fn two_tokens_of_one_person_do_not_show_that_it_is_the_same() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let first = signed(&claim());
    let second = signed(&Claim { bid: BidId(77), ..claim() });
    for token in [&first.browser, &second.browser] {
        let bytes = URL_SAFE_NO_PAD.decode(token).expect("ours");
        for key in claim().keys {
            let plain = key.0.to_le_bytes();
            assert!(!bytes.windows(8).any(|window| window == plain), "a key in the clear");
        }
    }
    // Two keys of eight bytes stand before the tag of sixteen.
    let keys = |token: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(token).expect("ours");
        bytes[bytes.len() - 32..bytes.len() - 16].to_vec()
    };
    assert_ne!(keys(&first.browser), keys(&second.browser));
}

#[test]
fn a_token_of_one_side_is_refused_on_the_other() {
    let tokens = signed(&claim());
    for (token, side) in [(&tokens.exchange, Side::Browser), (&tokens.browser, Side::Exchange)] {
        assert_eq!(ring(&[1]).open(token, side), Err(TokenError::BadSignature));
    }
}

#[test]
fn every_changed_bit_and_every_cut_is_refused() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (keyring, token) = (ring(&[1]), signed(&claim()).exchange);
    let bytes = URL_SAFE_NO_PAD.decode(&token).expect("ours");
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let altered = URL_SAFE_NO_PAD.encode(altered);
        assert!(keyring.open(&altered, Side::Exchange).is_err(), "bit {bit}");
    }
    for length in 0..token.len() {
        assert!(keyring.open(&token[..length], Side::Exchange).is_err(), "{length} characters");
    }
    for text in ["", "A", "....", "%%%", &"A".repeat(10_000), &format!("{token}A")] {
        assert!(keyring.open(text, Side::Exchange).is_err());
    }
}

#[test]
fn keys_rotate() {
    let old = signed(&claim()).exchange;
    assert!(ring(&[2, 1]).open(&old, Side::Exchange).is_ok(), "an old key verifies");
    assert_eq!(ring(&[2]).open(&old, Side::Exchange), Err(TokenError::UnknownKey));
    let mut new = Tokens::default();
    ring(&[2, 1]).sign(&claim(), &mut new);
    assert_eq!(ring(&[1]).open(&new.exchange, Side::Exchange), Err(TokenError::UnknownKey));
    let other_secret = Keyring::new(&[(1, vec![9; 32])]).expect("strong enough");
    assert_eq!(other_secret.open(&old, Side::Exchange), Err(TokenError::BadSignature));
}

#[test]
fn weak_rings_are_refused() {
    for secrets in [vec![], vec![(1, vec![0; 31])], vec![(1, vec![0; 32]), (1, vec![1; 32])]] {
        assert!(Keyring::new(&secrets).is_err());
    }
}

/// Receives notices of one claim with a fresh ledger.
fn receive(
    claim: &Claim,
    billing: BillingEvent,
    notices: &[(Kind, &str, UnixSeconds)],
) -> (Vec<Outcome>, Ledger) {
    let ledger = Ledger::new(LedgerLimits::default(), 1);
    let book = crate::campaign::Book::default();
    ledger.adopt(&book);
    ledger.open_account(claim.campaign);
    let (keyring, tokens) = (ring(&[1]), signed(claim));
    let billing_of = |_| Some(billing);
    let office = Office { keyring: &keyring, billing: &billing_of, price_keys: &|_| None };
    let mut outcomes = Vec::new();
    for (kind, query, now) in notices {
        let token = match side_of(*kind) {
            Side::Exchange => &tokens.exchange,
            Side::Browser => &tokens.browser,
        };
        outcomes.push(office.receive(&Arrival { kind: *kind, token, query, now: *now }, &ledger).0);
    }
    (outcomes, ledger)
}

fn spent(ledger: &Ledger) -> MoneyNanos {
    ledger.account(CampaignKey(3)).expect("opened").money().spent
}

#[test]
fn billing_counts_once_at_the_clearing_price() {
    let bill = (Kind::Bill, "p=1.2", NOW);
    let (outcomes, ledger) =
        receive(&claim(), BillingEvent::Burl, &[(Kind::Win, "p=1.2", NOW), bill, bill]);
    assert_eq!(outcomes, [Outcome::Counted, Outcome::Counted, Outcome::Duplicate]);
    assert_eq!(spent(&ledger), MoneyNanos(1_111_111), "half the ceiling, half of what was held");
}

#[test]
fn prices_that_are_none_bill_nothing() {
    for (query, expected) in [
        ("p=AUDIT", Outcome::Test),
        ("p=${AUCTION_PRICE}", Outcome::PriceUnreplaced),
        ("p=2.400001", Outcome::PriceAboveBid),
        ("p=x", Outcome::PriceUnreadable),
    ] {
        let (outcomes, ledger) = receive(&claim(), BillingEvent::Burl, &[(Kind::Bill, query, NOW)]);
        assert_eq!((outcomes[0], spent(&ledger)), (expected, MoneyNanos(0)), "{query}");
    }
    let (_, ledger) = receive(&claim(), BillingEvent::Burl, &[(Kind::Bill, "p=", NOW)]);
    assert_eq!(spent(&ledger), MoneyNanos(2_222_222), "an untold price is the bid");
}

#[test]
fn a_win_bills_only_where_the_exchange_knows_nothing_else() {
    let win = [(Kind::Win, "p=2.4", NOW)];
    let (_, ledger) = receive(&claim(), BillingEvent::Burl, &win);
    assert_eq!(spent(&ledger), MoneyNanos(0));
    let (_, ledger) = receive(&claim(), BillingEvent::Nurl, &win);
    assert_eq!(spent(&ledger), MoneyNanos(2_222_222));
}

#[test]
fn an_encrypted_price_bills_and_a_plain_one_does_not() {
    use encrypted_price::tests::{ENCRYPTED, MOMENT, keys};
    let now = MOMENT.plus(Seconds(60));
    let claim = Claim { issued: MOMENT, notices_end: now.plus(Seconds(60)), ..claim() };
    let (keys, keyring, tokens) = (keys(), ring(&[1]), signed(&claim));
    let ledger = Ledger::new(LedgerLimits::default(), 1);
    ledger.adopt(&crate::campaign::Book::default());
    ledger.open_account(claim.campaign);
    let office = Office {
        keyring: &keyring,
        billing: &|_| Some(BillingEvent::Burl),
        price_keys: &|_| Some(&keys),
    };
    let outcome = |price: &str| {
        let (query, token) = (format!("p={price}"), &tokens.exchange);
        office.receive(&Arrival { kind: Kind::Bill, token, query: &query, now }, &ledger).0
    };
    assert_eq!(outcome("0.0019"), Outcome::PriceUnreadable);
    assert_eq!(spent(&ledger), MoneyNanos(0));
    assert_eq!(outcome(ENCRYPTED), Outcome::CountedLate);
    assert_eq!(spent(&ledger), MoneyNanos(1_760), "1900 of 2400000 of what was held");
}

#[test]
fn late_tokens_and_test_auctions_do_not_count() {
    let after = claim().notices_end;
    let (outcomes, ledger) = receive(&claim(), BillingEvent::Burl, &[(Kind::Bill, "p=1", after)]);
    assert_eq!((outcomes[0], spent(&ledger)), (Outcome::Expired, MoneyNanos(0)));
    let test = Claim { test: true, ..claim() };
    let (outcomes, ledger) = receive(&test, BillingEvent::Burl, &[(Kind::Bill, "p=1", NOW)]);
    assert_eq!((outcomes[0], spent(&ledger)), (Outcome::Test, MoneyNanos(0)));
}

proptest! {
    #[test]
    fn any_claim_survives_the_trip(
        ids in any::<[u64; 4]>(), ceiling in 0..i64::MAX, held in 0..i64::MAX,
        keys in prop::collection::vec(any::<u64>(), 0..=4), ttl in 0_u32..=3_600, test: bool,
        basis in prop::sample::select(Basis::ALL.to_vec()),
    ) {
        let claim = Claim {
            bid: BidId(ids[0]), exchange: ExchangeKey(ids[1]), campaign: CampaignKey(ids[2]),
            creative: CreativeKey(ids[3]), keys: keys.into_iter().map(UserKey).collect(),
            ceiling: CpmMicros(ceiling), held: MoneyNanos(held), hold_ttl: Seconds(ttl), test, basis, ..claim()
        };
        prop_assert_eq!(ring(&[1]).open(&signed(&claim).exchange, Side::Exchange), Ok(claim));
    }

    #[test]
    fn no_text_is_taken_for_a_token(text in ".{0,300}") {
        prop_assert!(ring(&[1]).open(&text, Side::Exchange).is_err());
    }
}
