//! Made-up traffic for the laws of the ledger: random, and the same for the same seed.

use super::*;
use crate::event::site::EventValue;
use crate::event::{
    Count, Event, EventId, LeaseLimits, LeaseRequest, Notice, NoticeKind, SiteEvent, SiteEventName,
    What,
};
use crate::model::{AdvertiserKey, BidId, CreativeKey, Currency, ExchangeKey, NodeKey, Progress};

/// Random numbers from a seed.
pub(in crate::ledger) struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    pub(in crate::ledger) fn new(seed: u64) -> Self {
        Self { seed: BidId::nth(seed, 0xd1ce).0, thrown: 0 }
    }

    pub(in crate::ledger) fn throw(&mut self) -> u64 {
        self.thrown += 1;
        BidId::nth(self.seed, self.thrown).0
    }

    /// One of `0..sides`.
    pub(in crate::ledger) fn below(&mut self, sides: u32) -> u32 {
        (self.throw() % u64::from(sides)) as u32
    }

    pub(in crate::ledger) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    pub(in crate::ledger) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

/// Limits under which a ledger is made quickly.
pub(in crate::ledger) fn small() -> LedgerLimits {
    LedgerLimits { holds_max: 10_000, persons_max: 10_000, notices_max: 100_000 }
}

/// A key of a made-up person.
pub(in crate::ledger) fn person(number: u32) -> UserKey {
    UserKey(BidId::nth(5, u64::from(number)).0)
}

/// Whose campaign it is.
pub(in crate::ledger) fn shop_of(campaign: CampaignKey) -> AdvertiserKey {
    AdvertiserKey(if campaign.0 < 3 { 91 } else { 92 })
}

const PERSONS: u32 = 30;

/// A bid for somebody by one of three campaigns of two shops, made by one of three nodes.
pub(in crate::ledger) fn random_claim(dice: &mut Dice, now: UnixSeconds) -> Claim {
    let campaign = 1 + dice.below(3);
    let first = dice.below(PERSONS);
    let mut keys: EventKeys = smallvec![person(first)];
    if dice.percent(30) {
        keys.push(person(PERSONS + first));
    }
    let creative = u64::from(10 * campaign + dice.below(2));
    Claim {
        bid: BidId(dice.throw()),
        exchange: ExchangeKey(u64::from(1 + dice.below(2))),
        campaign: CampaignKey(u64::from(campaign)),
        creative: CreativeKey(creative),
        keys,
        node: NodeKey(1 + dice.below(3)),
        ..super::claim(0, now)
    }
}

/// An event at `at`, under its own name or under the next random one.
pub(in crate::ledger) fn event(
    dice: &mut Dice,
    (at, node): (UnixSeconds, NodeKey),
    what: What,
) -> Event {
    let id = match &what {
        What::Notice(notice) => {
            let kind = match notice.kind {
                NoticeKind::Win => 0,
                NoticeKind::Bill(_) => 1,
                NoticeKind::WinAndBill(_) => 2,
                NoticeKind::Loss => 3,
                NoticeKind::View => 4,
                NoticeKind::Click => 5,
                NoticeKind::Progress(progress) => 6 + progress.index() as u128,
            };
            u128::from(notice.claim.bid.0) << 8 | kind
        }
        _ => u128::from(dice.throw()) << 64 | u128::from(dice.throw()),
    };
    Event { id: EventId(id), at, node, what }
}

fn notices(dice: &mut Dice, claim: &Claim) -> Vec<Event> {
    let mut events = Vec::new();
    let mut tell = |dice: &mut Dice, delay: u32, kind| {
        let notice = Notice { kind, claim: claim.clone(), advertiser: shop_of(claim.campaign) };
        let at = claim.issued.plus(Seconds(delay));
        events.push(event(dice, (at, claim.node), What::Notice(notice)));
    };
    if dice.percent(30) {
        let delay = dice.below(30);
        tell(dice, delay, NoticeKind::Loss);
        if dice.percent(80) {
            return events;
        }
    }
    let price = CpmMicros(1 + i64::from(dice.below(PRICE.0 as u32)));
    // Some come when their hold has ended.
    let billed = dice.below(75);
    if dice.percent(80) {
        tell(dice, billed / 2, NoticeKind::Win);
        tell(dice, billed, NoticeKind::Bill(price));
    } else {
        tell(dice, billed, NoticeKind::WinAndBill(price));
    }
    if dice.percent(60) {
        tell(dice, billed + 1, NoticeKind::View);
    }
    if dice.percent(20) {
        let later = dice.below(100);
        tell(dice, billed + later, NoticeKind::Click);
    }
    if dice.percent(20) {
        tell(dice, billed + 2, NoticeKind::Progress(Progress::Midpoint));
    }
    events
}

fn purchase(dice: &mut Dice, now: UnixSeconds) -> Event {
    let euro = Currency::parse("EUR");
    let site = SiteEvent {
        advertiser: AdvertiserKey(u64::from(91 + dice.below(2))),
        name: if dice.percent(90) { SiteEventName::Purchase } else { SiteEventName::AddToCart },
        keys: smallvec![person(dice.below(2 * PERSONS))],
        happened: now.minus(Seconds(dice.below(60))),
        value: dice.percent(80).then(|| EventValue {
            micros: 1_000_000 + u64::from(dice.below(1_000)),
            currency: euro.filter(|_| dice.percent(50)),
        }),
        transaction: dice.percent(70).then(|| u64::from(dice.below(20))),
        items: Vec::new(),
        session: None,
        basis: Basis::default(),
        clamped: false,
    };
    event(dice, (now, NodeKey(1)), What::Site(site))
}

fn lease(dice: &mut Dice, now: UnixSeconds) -> Event {
    let campaign = CampaignKey(u64::from(1 + dice.below(3)));
    let node = NodeKey(1 + dice.below(3));
    let amount = MoneyNanos(i64::from(dice.below(PRICE.0 as u32)) * 10);
    if dice.percent(20) {
        return event(dice, (now, node), What::LeaseReturn { campaign, amount });
    }
    let limits = LeaseLimits {
        daily: Some(MoneyNanos(50 * PRICE.0)),
        total: dice.percent(50).then_some(MoneyNanos(80 * PRICE.0)),
        day_from: UnixSeconds(START.0 / 86_400 * 86_400),
        day_to: UnixSeconds(START.0 / 86_400 * 86_400 + 86_400),
    };
    let ttl = Seconds(60 + dice.below(200));
    let request = LeaseRequest { campaign, amount, ttl, limits };
    event(dice, (now, node), What::LeaseRequest(request))
}

fn counts(dice: &mut Dice, now: UnixSeconds) -> Event {
    let count = Count {
        hour: UnixSeconds(now.0 - now.0 % 3_600),
        campaign: CampaignKey(u64::from(1 + dice.below(3))),
        creative: CreativeKey(0),
        exchange: ExchangeKey(1),
        considered: u64::from(dice.below(100)),
        bids: u64::from(dice.below(10)),
        ghosts: u64::from(dice.below(2)),
    };
    event(dice, (now, NodeKey(2)), What::Counts(vec![count, count]))
}

/// A log of what `bids` bids and as much beside them lead to, by time. What depends on the order
/// of the log (leases, erasures) is in it only if asked for.
pub(in crate::ledger) fn random_log(seed: u64, bids: u32, ordered: bool) -> Vec<Event> {
    let mut dice = Dice::new(seed);
    let (mut now, mut log) = (START, Vec::new());
    for _ in 0..bids {
        now = now.plus(Seconds(dice.below(20)));
        let claim = random_claim(&mut dice, now);
        log.extend(notices(&mut dice, &claim));
        match dice.below(10) {
            0..4 => log.push(purchase(&mut dice, now)),
            4 => log.push(counts(&mut dice, now)),
            5 => log.push(event(&mut dice, (now, NodeKey(3)), What::Tick)),
            6 => log.push(event(&mut dice, (now, NodeKey(3)), What::OptOut(claim.keys.clone()))),
            7..9 if ordered => log.push(lease(&mut dice, now)),
            9 if ordered && dice.percent(30) => {
                log.push(event(&mut dice, (now, NodeKey(1)), What::Erasure(claim.keys)));
            }
            _ => {}
        }
    }
    log.sort_by_key(|event| event.at);
    log
}

/// The whole of a ledger's state, as bytes.
pub(in crate::ledger) fn state(ledger: &Ledger) -> Vec<u8> {
    let mut bytes = Vec::new();
    ledger.write_checkpoint(&mut bytes, Holds::LeftOut).expect("a vector has room");
    bytes
}

/// A ledger that has folded a log.
pub(in crate::ledger) fn folded(log: &[Event], seed: u64) -> Ledger {
    let ledger = Ledger::new(small(), seed);
    log.iter().for_each(|event| {
        ledger.apply(event);
    });
    ledger
}
