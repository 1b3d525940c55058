//! Snapshot and overlay as one audience.
//!
//! Of a membership that both know: the earliest first event, the latest last event with its
//! value, the latest end; the overlay's events since the snapshot's epoch are added to the
//! snapshot's count. Who is known to be engaged did not bounce, whatever the snapshot says.
//! What was erased is not looked for in a snapshot of that time or before.

use super::names::{EventSegments, Named};
use super::user::{Member, User};
use super::{MEMBERS_MAX, Overlay};
use crate::audience::{AudienceView, Membership, Person};
use crate::model::{UnixSeconds, UserKey};
use smallvec::SmallVec;

/// A snapshot (or whatever else `base` is) with what happened since.
#[derive(Clone, Copy)]
pub struct OverlayView<'a, B> {
    /// What was known before.
    pub base: &'a B,
    /// Event time through which `base` is complete; 0 if there is none.
    pub epoch: UnixSeconds,
    /// What happened since.
    pub overlay: &'a Overlay,
    /// The book's segments that events lead to.
    pub segments: &'a EventSegments,
}

/// The memberships of one user key that the book has names for; on the stack.
type Members<'u> = SmallVec<[(Named, &'u Member); MEMBERS_MAX]>;

impl<B: AudienceView> AudienceView for OverlayView<'_, B> {
    fn join(&self, key: UserKey, person: &mut Person) -> bool {
        let hidden = self.overlay.hides(key, self.epoch);
        match self.overlay.users.get(&key) {
            None => !hidden && self.base.join(key, person),
            Some(user) => {
                let mut known = Person::default();
                if !hidden {
                    self.base.join(key, &mut known);
                }
                self.merge(&user, &known, person);
                true
            }
        }
    }

    fn is_opted_out(&self, key: UserKey) -> bool {
        self.overlay.is_opted_out(key)
    }

    fn prefetch(&self, keys: &[UserKey]) {
        self.base.prefetch(keys);
    }
}

impl<B> OverlayView<'_, B> {
    /// Adds to `person` what `known` and `user` say together.
    fn merge(&self, user: &User, known: &Person, person: &mut Person) {
        let named = |member| Some((self.segments.named(Member::segment(member))?, member));
        let members: Members<'_> = user.members.iter().filter_map(named).collect();
        let of = |segment| members.iter().find(|(named, _)| named.segment == segment);
        let has = |segment| {
            of(segment).is_some() || known.memberships().iter().any(|one| one.segment == segment)
        };
        for old in known.memberships() {
            if !self.segments.hidden_by(old.segment).is_some_and(has) {
                person.add(of(old.segment).map_or(*old, |new| self.joined(*old, *new)));
            }
        }
        for (named, member) in &members {
            let in_base = known.memberships().iter().any(|one| one.segment == named.segment);
            if !in_base && !self.segments.hidden_by(named.segment).is_some_and(has) {
                person.add(alone(*named, member));
            }
        }
    }

    fn joined(&self, old: Membership, (named, member): (Named, &Member)) -> Membership {
        let new = alone(named, member);
        let is_newer = new.last_seen > old.last_seen;
        Membership {
            segment: old.segment,
            first_seen: old.first_seen.min(new.first_seen),
            last_seen: old.last_seen.max(new.last_seen),
            expires: old.expires.max(new.expires),
            count: old.count.saturating_add(member.count_after(self.epoch)),
            value: if is_newer { new.value } else { old.value },
        }
    }
}

/// A membership of which only the overlay knows.
fn alone(named: Named, member: &Member) -> Membership {
    Membership {
        segment: named.segment,
        first_seen: member.first_seen,
        last_seen: member.last_seen,
        expires: member.last_seen.plus(named.ttl),
        count: member.count(),
        value: member.value,
    }
}
