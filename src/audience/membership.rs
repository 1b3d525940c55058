//! A membership (user x segment) and a person: the memberships of all ids of one request.
//!
//! Times are kept as they were reported; whether a membership has expired or is recent
//! enough is decided at bid time, against `now`, never at load.

use crate::model::{Seconds, SegmentId, UnixSeconds, UserKey};
use smallvec::SmallVec;

/// What a membership is worth, in thousandths of the uploader's unit (a cart's value, a
/// score, a multiplier): an integer, so that rules and prices are exact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct ValueThousandths(pub u64);

impl ValueThousandths {
    /// Reads a plain non-negative decimal with at most three places; `None` otherwise.
    pub fn parse(text: &str) -> Option<Self> {
        let (_, places) = text.split_once('.').unwrap_or((text, ""));
        if places.len() > 3 {
            return None;
        }
        let micros = crate::model::money::parse_micros(text)?;
        Some(Self(u64::try_from(micros).ok()? / 1_000))
    }
}

impl std::fmt::Display for ValueThousandths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

/// Most ids of one request that are looked up; real requests carry one to four usable ones.
pub const PERSON_KEYS_MAX: usize = 4;

/// Most memberships considered of one person; the newest are kept. Real users have a handful.
pub const PERSON_MEMBERSHIPS_MAX: usize = 64;

/// One user in one segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Membership {
    /// Which segment, as numbered by the book's segment table.
    pub segment: SegmentId,
    /// The first event.
    pub first_seen: UnixSeconds,
    /// The latest event: recency counts from here.
    pub last_seen: UnixSeconds,
    /// From this second on the membership is gone ([`UnixSeconds::NEVER`]: no end).
    pub expires: UnixSeconds,
    /// How many events; at least 1.
    pub count: u32,
    /// What it is worth.
    pub value: ValueThousandths,
}

impl Membership {
    /// Time since the latest event; zero if that lies in the future.
    pub fn age(&self, now: UnixSeconds) -> Seconds {
        now.since(self.last_seen)
    }

    /// Whether the membership still stands at `now`.
    pub fn is_live(&self, now: UnixSeconds) -> bool {
        now < self.expires
    }
}

/// The person behind a request: the keys that are known and the memberships of all of them.
/// Reused from request to request; clear it before filling it.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// The keys under which the person is counted (caps, holds): those found in the
    /// audience, else the request's first usable one.
    pub keys: SmallVec<[UserKey; PERSON_KEYS_MAX]>,
    memberships: SmallVec<[Membership; 8]>,
}

impl Person {
    /// Forgets everything, keeps the buffers.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.memberships.clear();
    }

    /// Adds a membership; where the segment is already there (found through another id), the
    /// two are joined: earliest first event, latest last event with its value, larger count,
    /// latest expiry.
    pub fn add(&mut self, new: Membership) {
        if let Some(old) = self.memberships.iter_mut().find(|old| old.segment == new.segment) {
            if new.last_seen > old.last_seen {
                old.last_seen = new.last_seen;
                old.value = new.value;
            }
            old.first_seen = old.first_seen.min(new.first_seen);
            old.count = old.count.max(new.count);
            old.expires = old.expires.max(new.expires);
        } else if self.memberships.len() < PERSON_MEMBERSHIPS_MAX {
            self.memberships.push(new);
        } else if let Some(oldest) = self.memberships.iter_mut().min_by_key(|old| old.last_seen)
            && oldest.last_seen < new.last_seen
        {
            *oldest = new;
        }
    }

    /// The membership in `segment` that stands at `now`, if any.
    pub fn live(&self, segment: SegmentId, now: UnixSeconds) -> Option<&Membership> {
        self.memberships.iter().find(|one| one.segment == segment && one.is_live(now))
    }

    /// All memberships, expired ones too.
    pub fn memberships(&self) -> &[Membership] {
        &self.memberships
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn membership(segment: u32, last_seen: u32) -> Membership {
        Membership {
            segment: SegmentId(segment),
            first_seen: UnixSeconds(last_seen),
            last_seen: UnixSeconds(last_seen),
            expires: UnixSeconds::NEVER,
            count: 1,
            value: ValueThousandths(u64::from(last_seen)),
        }
    }

    #[test]
    fn two_ids_of_one_person_are_joined() {
        let mut person = Person::default();
        person.add(membership(1, 100));
        person.add(Membership { count: 7, ..membership(1, 50) });
        let joined = person.live(SegmentId(1), UnixSeconds(100)).expect("just added");
        assert_eq!((joined.first_seen, joined.last_seen), (UnixSeconds(50), UnixSeconds(100)));
        assert_eq!((joined.count, joined.value), (7, ValueThousandths(100)));
    }

    #[test]
    fn the_newest_memberships_are_kept_within_the_bound() {
        let mut person = Person::default();
        for n in 0..200 {
            person.add(membership(n, n));
        }
        assert_eq!(person.memberships().len(), PERSON_MEMBERSHIPS_MAX);
        assert!(person.live(SegmentId(199), UnixSeconds(199)).is_some());
        assert!(person.live(SegmentId(0), UnixSeconds(199)).is_none());
    }

    #[test]
    fn expiry_is_judged_at_bid_time() {
        let mut person = Person::default();
        person.add(Membership { expires: UnixSeconds(10), ..membership(1, 5) });
        assert!(person.live(SegmentId(1), UnixSeconds(9)).is_some());
        assert!(person.live(SegmentId(1), UnixSeconds(10)).is_none());
    }
}
