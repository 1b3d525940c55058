//! Events as bytes: `proto/events.proto`, by prost.
//!
//! Guarantees: what is encoded is decoded to the same event; bytes that are not an event, or
//! one of a kind or with a value that this version does not know, are refused and never
//! guessed at. Never panics.

use super::site::EventValue;
use super::{
    Claim, Count, Event, EventId, EventKeys, LeaseLimits, LeaseRequest, Notice, NoticeKind,
    SiteEvent, SiteEventName, What, site,
};
use crate::model::{
    AdvertiserKey, BidId, CampaignKey, CpmMicros, CreativeKey, Currency, ExchangeKey, MoneyNanos,
    NodeKey, Progress, Seconds, UnixSeconds, UserKey,
};
use crate::privacy::Basis;
use prost::Message;
use proto::event::What as Wire;
use proto::notice::Kind;

pub(super) mod proto {
    //! Generated from `proto/events.proto`.
    #![allow(missing_docs, unreachable_pub, dead_code, clippy::pedantic, reason = "generated")]
    include!(concat!(env!("OUT_DIR"), "/homing.events.v1.rs"));
}

/// Why bytes are no event.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not protobuf, or not of this schema.
    #[error("not an encoded event: {0}")]
    Encoding(String),
    /// A field is missing, or has a value that this version does not know.
    #[error("expected a known value in the field {0} of an event (written by a newer version?)")]
    Field(&'static str),
}

type Decoded<T> = Result<T, DecodeError>;

/// Appends an event's bytes to `out`.
pub fn encode(event: &Event, out: &mut Vec<u8>) {
    let what = match &event.what {
        What::Site(site) => Wire::Site(from_site(site)),
        What::Notice(notice) => Wire::Notice(from_notice(notice)),
        What::OptOut(keys) => Wire::OptOut(from_keys(keys)),
        What::Erasure(keys) => Wire::Erasure(from_keys(keys)),
        What::LeaseRequest(request) => Wire::LeaseRequest(proto::LeaseRequest {
            campaign: request.campaign.0,
            amount_nanos: request.amount.0,
            ttl_s: request.ttl.0,
            daily_nanos: request.limits.daily.map(|daily| daily.0),
            total_nanos: request.limits.total.map(|total| total.0),
            day_from_s: request.limits.day_from.0,
            day_to_s: request.limits.day_to.0,
        }),
        What::LeaseReturn { campaign, amount } => {
            Wire::LeaseReturn(proto::LeaseReturn { campaign: campaign.0, amount_nanos: amount.0 })
        }
        What::Tick => Wire::Tick(proto::Tick {}),
        What::Counts(counts) => {
            Wire::Counts(proto::Counts { counts: counts.iter().map(from_count).collect() })
        }
    };
    let event = proto::Event {
        id: event.id.0.to_be_bytes().to_vec(),
        at_s: event.at.0,
        node: event.node.0,
        what: Some(what),
    };
    event.encode(out).expect("a Vec has room for everything");
}

/// Reads an event.
///
/// # Errors
/// The bytes are none that this version understands in full.
pub fn decode(bytes: &[u8]) -> Decoded<Event> {
    let event =
        proto::Event::decode(bytes).map_err(|error| DecodeError::Encoding(error.to_string()))?;
    let id = event.id.as_slice().try_into().map_err(|_| DecodeError::Field("id"))?;
    Ok(Event {
        id: EventId(u128::from_be_bytes(id)),
        at: UnixSeconds(event.at_s),
        node: NodeKey(event.node),
        what: to_what(event.what.ok_or(DecodeError::Field("what"))?)?,
    })
}

fn to_what(what: Wire) -> Decoded<What> {
    Ok(match what {
        Wire::Site(site) => What::Site(to_site(site)?),
        Wire::Notice(notice) => What::Notice(to_notice(notice)?),
        Wire::OptOut(keys) => What::OptOut(to_keys(&keys.keys)),
        Wire::Erasure(keys) => What::Erasure(to_keys(&keys.keys)),
        Wire::LeaseRequest(request) => What::LeaseRequest(LeaseRequest {
            campaign: CampaignKey(request.campaign),
            amount: MoneyNanos(request.amount_nanos),
            ttl: Seconds(request.ttl_s),
            limits: LeaseLimits {
                daily: request.daily_nanos.map(MoneyNanos),
                total: request.total_nanos.map(MoneyNanos),
                day_from: UnixSeconds(request.day_from_s),
                day_to: UnixSeconds(request.day_to_s),
            },
        }),
        Wire::LeaseReturn(back) => What::LeaseReturn {
            campaign: CampaignKey(back.campaign),
            amount: MoneyNanos(back.amount_nanos),
        },
        Wire::Tick(_) => What::Tick,
        Wire::Counts(counts) => What::Counts(counts.counts.iter().map(to_count).collect()),
    })
}

fn from_keys(keys: &[UserKey]) -> proto::Keys {
    proto::Keys { keys: keys.iter().map(|key| key.0).collect() }
}

fn to_keys(keys: &[u64]) -> EventKeys {
    keys.iter().map(|key| UserKey(*key)).collect()
}

fn from_site(site: &SiteEvent) -> proto::Site {
    let currency = site.value.and_then(|value| value.currency);
    proto::Site {
        advertiser: site.advertiser.0,
        name: site.name.as_str().to_owned(),
        keys: site.keys.iter().map(|key| key.0).collect(),
        happened_s: site.happened.0,
        value_micros: site.value.map(|value| value.micros),
        currency: currency.map_or_else(String::new, |currency| currency.as_str().to_owned()),
        transaction: site.transaction,
        items: site.items.iter().map(|item| item.to_string()).collect(),
        session: site.session.map(|session| session.id),
        foreground_s: site.session.map_or(0, |session| session.foreground.0),
        basis: site.basis.index() as u32,
        clamped: site.clamped,
    }
}

fn to_site(site: proto::Site) -> Decoded<SiteEvent> {
    let currency = (!site.currency.is_empty()).then(|| to_currency(&site.currency)).transpose()?;
    Ok(SiteEvent {
        advertiser: AdvertiserKey(site.advertiser),
        name: SiteEventName::parse(&site.name).ok_or(DecodeError::Field("site.name"))?,
        keys: to_keys(&site.keys),
        happened: UnixSeconds(site.happened_s),
        value: site.value_micros.map(|micros| EventValue { micros, currency }),
        transaction: site.transaction,
        items: site.items.into_iter().map(String::into_boxed_str).collect(),
        session: site
            .session
            .map(|id| site::Session { id, foreground: Seconds(site.foreground_s) }),
        basis: to_basis(site.basis)?,
        clamped: site.clamped,
    })
}

fn from_notice(notice: &Notice) -> proto::Notice {
    let (kind, price, progress) = match notice.kind {
        NoticeKind::Win => (Kind::Win, 0, 0),
        NoticeKind::Bill(price) => (Kind::Bill, price.0, 0),
        NoticeKind::WinAndBill(price) => (Kind::WinAndBill, price.0, 0),
        NoticeKind::Loss => (Kind::Loss, 0, 0),
        NoticeKind::View => (Kind::View, 0, 0),
        NoticeKind::Click => (Kind::Click, 0, 0),
        NoticeKind::Progress(progress) => (Kind::Progress, 0, progress.index() as u32),
    };
    proto::Notice {
        kind: kind.into(),
        price_cpm_micros: price,
        progress,
        claim: Some(from_claim(&notice.claim)),
        advertiser: notice.advertiser.0,
    }
}

fn to_notice(notice: proto::Notice) -> Decoded<Notice> {
    let price = CpmMicros(notice.price_cpm_micros);
    let kind = match notice.kind() {
        Kind::Win => NoticeKind::Win,
        Kind::Bill => NoticeKind::Bill(price),
        Kind::WinAndBill => NoticeKind::WinAndBill(price),
        Kind::Loss => NoticeKind::Loss,
        Kind::View => NoticeKind::View,
        Kind::Click => NoticeKind::Click,
        Kind::Progress => {
            let progress = Progress::ALL.get(notice.progress as usize);
            NoticeKind::Progress(*progress.ok_or(DecodeError::Field("notice.progress"))?)
        }
        Kind::Unknown => return Err(DecodeError::Field("notice.kind")),
    };
    let claim = to_claim(notice.claim.as_ref().ok_or(DecodeError::Field("notice.claim"))?)?;
    Ok(Notice { kind, claim, advertiser: AdvertiserKey(notice.advertiser) })
}

pub(super) fn from_claim(claim: &Claim) -> proto::Claim {
    proto::Claim {
        bid: claim.bid.0,
        exchange: claim.exchange.0,
        campaign: claim.campaign.0,
        creative: claim.creative.0,
        keys: claim.keys.iter().map(|key| key.0).collect(),
        ceiling_cpm_micros: claim.ceiling.0,
        currency: claim.currency.as_str().to_owned(),
        held_nanos: claim.held.0,
        issued_s: claim.issued.0,
        hold_ttl_s: claim.hold_ttl.0,
        notices_end_s: claim.notices_end.0,
        basis: claim.basis.index() as u32,
        test: claim.test,
        node: claim.node.0,
    }
}

pub(super) fn to_claim(claim: &proto::Claim) -> Decoded<Claim> {
    Ok(Claim {
        bid: BidId(claim.bid),
        exchange: ExchangeKey(claim.exchange),
        campaign: CampaignKey(claim.campaign),
        creative: CreativeKey(claim.creative),
        keys: to_keys(&claim.keys),
        ceiling: CpmMicros(claim.ceiling_cpm_micros),
        currency: to_currency(&claim.currency)?,
        held: MoneyNanos(claim.held_nanos),
        issued: UnixSeconds(claim.issued_s),
        hold_ttl: Seconds(claim.hold_ttl_s),
        notices_end: UnixSeconds(claim.notices_end_s),
        test: claim.test,
        node: NodeKey(claim.node),
        basis: to_basis(claim.basis)?,
    })
}

fn to_currency(text: &str) -> Decoded<Currency> {
    Currency::parse(text).ok_or(DecodeError::Field("currency"))
}

fn to_basis(basis: u32) -> Decoded<Basis> {
    Basis::ALL.get(basis as usize).copied().ok_or(DecodeError::Field("basis"))
}

fn from_count(count: &Count) -> proto::Count {
    proto::Count {
        hour_s: count.hour.0,
        campaign: count.campaign.0,
        creative: count.creative.0,
        exchange: count.exchange.0,
        considered: count.considered,
        bids: count.bids,
        ghosts: count.ghosts,
    }
}

fn to_count(count: &proto::Count) -> Count {
    Count {
        hour: UnixSeconds(count.hour_s),
        campaign: CampaignKey(count.campaign),
        creative: CreativeKey(count.creative),
        exchange: ExchangeKey(count.exchange),
        considered: count.considered,
        bids: count.bids,
        ghosts: count.ghosts,
    }
}

#[cfg(test)]
mod tests;
