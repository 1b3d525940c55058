//! One user key of the overlay: what its events made of it.
//!
//! Guarantees: bounded ([`MEMBERS_MAX`] segments, [`TIMES_KEPT`] times and
//! [`EVENT_ITEMS_MAX`] items each); a fold that depends on nothing but the events. An event
//! that is older than what is known changes neither value nor items, only what counts.

use super::names::{BOUNCED, ENGAGED, EventSegment, VISITORS};
use super::visits::{self, Visit};
use crate::audience::ValueThousandths;
use crate::event::site::EVENT_ITEMS_MAX;
use crate::event::{SiteEvent, SiteEventName};
use crate::model::{AdvertiserKey, UnixSeconds};

/// Most segments of one user key: as many memberships as a decision considers of a person.
pub const MEMBERS_MAX: usize = 64;
/// Times of events kept for each segment: so many events since a snapshot are told exactly
/// from those that are in it.
pub const TIMES_KEPT: usize = 4;
/// What a user key takes beside its segments and visits: its place in a table at the usual
/// load, two lists, and its place in the order of eviction.
const USER_BYTES: usize = 180;
/// What an item takes beside its text.
const ITEM_BYTES: usize = 32;

/// Membership in one segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Member {
    pub(super) segment: EventSegment,
    pub(super) first_seen: UnixSeconds,
    pub(super) last_seen: UnixSeconds,
    /// The value of the latest event that told one.
    pub(super) value: ValueThousandths,
    /// Events before those whose times are kept.
    pub(super) older: u32,
    /// When the latest events happened, newest first; 0 where there were none.
    pub(super) times: [UnixSeconds; TIMES_KEPT],
    /// The newest items, each once.
    pub(super) items: Box<[Box<str>]>,
    /// By a purchase: outlives newer snapshots.
    pub(super) kept: bool,
}

/// What one event does to one membership.
struct Deed<'a> {
    event: &'a SiteEvent,
    segment: EventSegment,
    /// Whether it counts as one more.
    counts: bool,
    /// Whether value and items are of this segment.
    whole: bool,
}

impl Member {
    fn new(segment: EventSegment, at: UnixSeconds) -> Self {
        Self {
            segment,
            first_seen: at,
            last_seen: at,
            value: ValueThousandths(0),
            older: 0,
            times: [UnixSeconds(0); TIMES_KEPT],
            items: Box::default(),
            kept: false,
        }
    }

    /// The segment.
    pub(super) fn segment(&self) -> EventSegment {
        self.segment
    }

    /// How many events it stands for; at least 1.
    pub(super) fn count(&self) -> u32 {
        let kept = self.times.iter().filter(|time| time.0 > 0).count() as u32;
        self.older.saturating_add(kept).max(1)
    }

    /// How many of them happened after `epoch`: exact where at most [`TIMES_KEPT`] did, else
    /// those before are taken to be among them.
    pub(super) fn count_after(&self, epoch: UnixSeconds) -> u32 {
        let after = self.times.iter().filter(|time| **time > epoch).count();
        if after == TIMES_KEPT { self.count() } else { after as u32 }
    }

    fn take(&mut self, deed: &Deed<'_>) {
        let event = deed.event;
        let (happened, is_newest) = (event.happened, event.happened >= self.last_seen);
        self.first_seen = self.first_seen.min(happened);
        self.last_seen = self.last_seen.max(happened);
        if deed.counts {
            self.add_time(happened);
        }
        if !deed.whole {
            return;
        }
        self.kept |= event.name == SiteEventName::Purchase;
        if let Some(value) = event.value.filter(|_| is_newest || self.value.0 == 0) {
            self.value = ValueThousandths(value.micros / 1_000);
        }
        if !event.items.is_empty() {
            self.add_items(&event.items, is_newest);
        }
    }

    fn add_time(&mut self, happened: UnixSeconds) {
        let place = self.times.partition_point(|time| *time > happened);
        let pushed_out = match self.times.get(place) {
            Some(_) => {
                let last = self.times[TIMES_KEPT - 1];
                self.times[place..].rotate_right(1);
                self.times[place] = happened;
                last.0 > 0
            }
            None => true,
        };
        self.older = self.older.saturating_add(u32::from(pushed_out));
    }

    /// Newest first. Those of an event that comes late go behind.
    fn add_items(&mut self, new: &[Box<str>], is_newest: bool) {
        let known = std::mem::take(&mut self.items);
        let mut items = Vec::with_capacity(EVENT_ITEMS_MAX.min(known.len() + new.len()));
        let mut add = |item: Box<str>| {
            if items.len() < EVENT_ITEMS_MAX && !items.contains(&item) {
                items.push(item);
            }
        };
        if is_newest {
            new.iter().cloned().for_each(&mut add);
            known.into_iter().for_each(&mut add);
        } else {
            known.into_iter().for_each(&mut add);
            new.iter().cloned().for_each(&mut add);
        }
        self.items = items.into_boxed_slice();
    }

    fn bytes(&self) -> usize {
        let items = self.items.iter().map(|item| item.len() + ITEM_BYTES);
        size_of::<Self>() + items.sum::<usize>()
    }
}

/// What is known under one user key.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct User {
    pub(super) members: Vec<Member>,
    pub(super) visits: Vec<Visit>,
}

impl User {
    /// Takes in an event of this person.
    pub(super) fn take(&mut self, event: &SiteEvent) {
        let own = |name: &str| EventSegment::new(event.advertiser, name);
        let segment = own(event.name.as_str());
        self.add(&Deed { event, segment, counts: true, whole: true });
        let Some(step) = visits::take(&mut self.visits, event) else { return };
        self.add(&Deed { event, segment: own(VISITORS), counts: step.began, whole: false });
        if step.engaged {
            let counts = step.became_engaged;
            self.add(&Deed { event, segment: own(ENGAGED), counts, whole: false });
            self.members.retain(|member| member.segment != own(BOUNCED));
        } else if !self.is_in(own(ENGAGED)) {
            self.add(&Deed { event, segment: own(BOUNCED), counts: step.began, whole: false });
        }
    }

    /// Whether anything makes it a member of `segment`.
    pub(super) fn is_in(&self, segment: EventSegment) -> bool {
        self.members.iter().any(|member| member.segment == segment)
    }

    fn add(&mut self, deed: &Deed<'_>) {
        if let Some(member) = self.members.iter_mut().find(|one| one.segment == deed.segment) {
            member.take(deed);
            return;
        }
        let mut member = Member::new(deed.segment, deed.event.happened);
        member.take(deed);
        if self.members.len() < MEMBERS_MAX {
            self.members.push(member);
        } else if let Some(least) =
            self.members.iter_mut().min_by_key(|one| (one.kept, one.last_seen))
        {
            *least = member;
        }
    }

    /// The latest event; 0 where there is none.
    pub(super) fn newest(&self) -> UnixSeconds {
        self.members.iter().map(|member| member.last_seen).max().unwrap_or_default()
    }

    /// Whether it must outlive newer snapshots, so that it is evicted last.
    pub(super) fn is_kept(&self) -> bool {
        self.members.iter().any(|member| member.kept)
    }

    /// Lets go of memberships for which `stays` is false, and of visits that ended by then.
    pub(super) fn trim(&mut self, through: UnixSeconds, stays: impl Fn(&Member) -> bool) {
        self.members.retain(stays);
        self.visits.retain(|visit| visit.latest > through);
        self.members.shrink_to_fit();
        self.visits.shrink_to_fit();
    }

    /// The memberships at one shop under the name `event`.
    pub(super) fn member(&self, advertiser: AdvertiserKey, event: &str) -> Option<&Member> {
        let segment = EventSegment::new(advertiser, event);
        self.members.iter().find(|member| member.segment == segment)
    }

    /// The memory that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let members: usize = self.members.iter().map(Member::bytes).sum();
        USER_BYTES + members + self.visits.len() * size_of::<Visit>()
    }
}
