//! A person's impressions: one record with a group for each (campaign, creative), and what caps
//! say to them.
//!
//! Why timestamps and not counters: with the latest n times at hand every rolling window of
//! at most n impressions is judged exactly (field note product.md, F8), where a counter with
//! an expiry lets twice the cap through across its boundary. Why one record for all campaigns:
//! caps of campaigns, creatives and advertisers are answered from it with one cache miss, and a
//! person is forgotten in one step.
//!
//! A group is [`HEAD`] words and its times, oldest first. Advertisers, campaigns and creatives are
//! told apart by 32 bits of their keys: that two of those that one person meets share them, once in
//! four thousand million, makes a cap too strict and never too lax.
//!
//! Guarantees: the record is the same in whatever order the same impressions and clicks come.

use super::scope::Scope;
use crate::campaign::model::{CAP_IMPRESSIONS_MAX, Caps};
use crate::event::Claim;
use crate::model::{AdvertiserKey, Seconds, UnixSeconds};
use smallvec::SmallVec;

/// Words of a group before its times: advertiser, campaign, creative, counts, the latest click.
pub(super) const HEAD: usize = 5;
const COUNTS: usize = 3;
const CLICKED: usize = 4;
/// Times kept a group: as many as the largest cap asks for.
pub(super) const STAMPS_MAX: usize = CAP_IMPRESSIONS_MAX as usize;
/// Groups kept a person, the latest: nobody meets more creatives in the time that any cap covers.
pub(super) const GROUPS_MAX: usize = 128;
/// Largest count of impressions: it shares its word with the number of times.
const SHOWN_MAX: u32 = 0x00ff_ffff;

/// Why a cap refuses an impression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CapRefusal {
    /// A rolling window is full.
    Window {
        /// Impressions allowed.
        allowed: u16,
        /// The window's length.
        per: Seconds,
        /// Impressions in the window.
        shown: u32,
        /// Bids in flight that may still become impressions.
        held: u32,
        /// When there will be room, if nothing else happens.
        frees_at: UnixSeconds,
    },
    /// Too soon after the last impression.
    Gap {
        /// The least time between two impressions.
        min_gap: Seconds,
        /// Bids in flight that may still become impressions.
        held: u32,
        /// When it will have passed.
        frees_at: UnixSeconds,
    },
}

/// What an impression is counted under, as 32 bits of each key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tags {
    pub(super) advertiser: u32,
    pub(super) campaign: u32,
    pub(super) creative: u32,
}

/// 32 bits of a key.
pub(super) fn tag(key: u64) -> u32 {
    (key ^ (key >> 32)) as u32
}

impl Tags {
    pub(super) fn of(claim: &Claim, advertiser: AdvertiserKey) -> Self {
        let campaign = tag(claim.campaign.0);
        Self { advertiser: tag(advertiser.0), campaign, creative: tag(claim.creative.0) }
    }

    pub(super) fn is_under(self, scope: Scope) -> bool {
        match scope {
            Scope::Advertiser(key) => self.advertiser == tag(key.0),
            Scope::Campaign(key) => self.campaign == tag(key.0),
            Scope::Creative(key) => self.creative == tag(key.0),
        }
    }
}

/// A group of a person's record.
#[derive(Clone, Copy)]
pub(super) struct Group<'a>(&'a [u32]);

impl<'a> Group<'a> {
    pub(super) fn tags(self) -> Tags {
        Tags { advertiser: self.0[0], campaign: self.0[1], creative: self.0[2] }
    }

    /// All impressions ever.
    fn shown(self) -> u32 {
        self.0[COUNTS] >> 8
    }

    fn clicked(self) -> UnixSeconds {
        UnixSeconds(self.0[CLICKED])
    }

    /// The latest impressions, oldest first, in seconds since 1970.
    fn stamps(self) -> &'a [u32] {
        &self.0[HEAD..]
    }

    /// When something last happened.
    pub(super) fn latest(self) -> UnixSeconds {
        self.clicked().max(UnixSeconds(self.stamps().last().copied().unwrap_or(0)))
    }

    /// Impressions after `since`.
    fn shown_since(self, since: UnixSeconds) -> usize {
        let stamps = self.stamps();
        stamps.len() - stamps.partition_point(|at| *at <= since.0)
    }
}

/// The groups of a record.
pub(super) struct Groups<'a>(pub(super) &'a [u32]);

impl<'a> Iterator for Groups<'a> {
    type Item = Group<'a>;

    fn next(&mut self) -> Option<Group<'a>> {
        let stamps = self.0.get(COUNTS)? & 0xff;
        let (group, rest) = self.0.split_at_checked(HEAD + stamps as usize)?;
        self.0 = rest;
        Some(Group(group))
    }
}

/// A person's record and bids in flight, as caps see them.
pub(super) struct Exposures<'a> {
    pub(super) record: &'a [u32],
    /// When the holds under the scope end, as far as they have not been given back.
    pub(super) holds: SmallVec<[UnixSeconds; 4]>,
}

impl<'a> Exposures<'a> {
    /// Whether `caps` leave room for one more impression at `now`.
    ///
    /// # Errors
    /// The first cap that does not.
    pub(super) fn check(
        &self,
        (scope, caps): (Scope, &Caps),
        now: UnixSeconds,
    ) -> Result<(), CapRefusal> {
        let held = self.holds.len();
        if let Some(min_gap) = caps.min_gap {
            let last = self.groups(scope).filter_map(|group| group.stamps().last()).max();
            let after_last = last.map(|last| UnixSeconds(*last).plus(min_gap));
            let first_end = self.holds.iter().min().copied();
            if let Some(frees_at) = after_last.filter(|at| *at > now).max(first_end) {
                return Err(CapRefusal::Gap { min_gap, held: held as u32, frees_at });
            }
        }
        for cap in &caps.windows {
            let allowed = usize::from(cap.impressions);
            // A second belongs to the window while it is less than the window's length ago.
            let in_window = |at: &&u32| UnixSeconds(**at).plus(cap.per) > now;
            let inside =
                |group: Group<'a>| group.stamps().iter().rev().take_while(in_window).count();
            let shown: usize = self.groups(scope).map(inside).sum();
            if shown + held < allowed {
                continue;
            }
            let stamps = self.groups(scope).flat_map(Group::stamps).filter(in_window);
            let leaving = stamps.map(|at| UnixSeconds(*at).plus(cap.per));
            let must_go = shown + held + 1 - allowed;
            let moments = leaving.chain(self.holds.iter().copied());
            return Err(CapRefusal::Window {
                allowed: cap.impressions,
                per: cap.per,
                shown: shown as u32,
                held: held as u32,
                frees_at: nth_earliest(moments, must_go).unwrap_or(now),
            });
        }
        Ok(())
    }

    /// Impressions since `since` and since the last click on one; at most as many as are kept.
    pub(super) fn shown_since(&self, scope: Scope, since: UnixSeconds) -> u32 {
        let clicked = self.groups(scope).map(Group::clicked).max().unwrap_or_default();
        let since = since.max(clicked);
        self.groups(scope).map(|group| group.shown_since(since)).sum::<usize>() as u32
    }

    /// All impressions ever.
    pub(super) fn shown_total(&self, scope: Scope) -> u32 {
        self.groups(scope).fold(0, |sum, group| sum.saturating_add(group.shown()))
    }

    fn groups(&self, scope: Scope) -> impl Iterator<Item = Group<'a>> + use<'a> {
        Groups(self.record).filter(move |group| group.tags().is_under(scope))
    }
}

/// Counts an impression at `at`.
pub(super) fn expose(record: &mut Vec<u32>, tags: Tags, (at, kept): (UnixSeconds, Seconds)) {
    let from = group_of(record, tags);
    let counts = record[from + COUNTS];
    let (shown, mut stamps) = (counts >> 8, (counts & 0xff) as usize);
    let place = record[from + HEAD..from + HEAD + stamps].partition_point(|old| *old <= at.0);
    // One that is older than a full list counts in all, and is asked about by no cap.
    if stamps < STAMPS_MAX || place > 0 {
        record.insert(from + HEAD + place, at.0);
        stamps += 1;
    }
    let first = from + HEAD;
    let newest = record[first + stamps - 1];
    let aged = record[first..first + stamps].partition_point(|old| newest - *old >= kept.0);
    let surplus = aged.max(stamps.saturating_sub(STAMPS_MAX));
    record.drain(first..first + surplus);
    record[from + COUNTS] = shown.saturating_add(1).min(SHOWN_MAX) << 8 | (stamps - surplus) as u32;
}

/// Counts a click at `at`: fatigue starts anew.
pub(super) fn click(record: &mut Vec<u32>, tags: Tags, at: UnixSeconds) {
    let from = group_of(record, tags);
    record[from + CLICKED] = record[from + CLICKED].max(at.0);
}

/// Leaves out the groups about which nothing can be asked at `now`.
pub(super) fn drop_stale(record: &mut Vec<u32>, now: UnixSeconds, kept: Seconds) {
    let mut live = Vec::new();
    for group in Groups(record).filter(|group| group.latest().plus(kept) > now) {
        live.extend_from_slice(group.0);
    }
    *record = live;
}

/// Where the group begins; a new one is put where the order of the tags wants it.
fn group_of(record: &mut Vec<u32>, tags: Tags) -> usize {
    let Tags { advertiser, campaign, creative } = tags;
    let (mut from, mut groups) = (0, 0);
    let mut place = None;
    let wanted = [advertiser, campaign, creative];
    while from < record.len() {
        let head = &record[from..from + COUNTS];
        if head == wanted {
            return from;
        }
        if head > &wanted[..] && place.is_none() {
            place = Some(from);
        }
        from += HEAD + (record[from + COUNTS] & 0xff) as usize;
        groups += 1;
    }
    let place = place.unwrap_or(record.len());
    record.splice(place..place, [advertiser, campaign, creative, 0, 0]);
    if groups >= GROUPS_MAX {
        return without_oldest(record, (place, tags));
    }
    place
}

/// Drops the group, other than that at `place`, in which nothing has happened for longest.
fn without_oldest(record: &mut Vec<u32>, (place, tags): (usize, Tags)) -> usize {
    let (mut from, mut oldest) = (0, None);
    for group in Groups(record).filter(|_| true) {
        let age = (group.latest(), from, group.0.len());
        if group.tags() != tags && oldest.is_none_or(|so_far| age < so_far) {
            oldest = Some(age);
        }
        from += group.0.len();
    }
    let Some((_, from, length)) = oldest else { return place };
    record.drain(from..from + length);
    if from < place { place - length } else { place }
}

/// The `n`-th earliest of some moments, from 1.
fn nth_earliest(moments: impl Iterator<Item = UnixSeconds>, n: usize) -> Option<UnixSeconds> {
    let mut moments: SmallVec<[UnixSeconds; 16]> = moments.collect();
    moments.sort_unstable();
    moments.get(n.checked_sub(1)?).copied()
}

/// Whether words that were read are a record that could have been written.
pub(super) fn is_sound(record: &[u32]) -> bool {
    let (mut words, mut groups, mut last) = (0, 0, None);
    for group in Groups(record) {
        let tags = &group.0[..COUNTS];
        let in_order = last.replace(tags).is_none_or(|last: &[u32]| last < tags);
        let shown = group.shown() as usize >= group.stamps().len();
        if !in_order || !shown || !group.stamps().is_sorted() {
            return false;
        }
        words += group.0.len();
        groups += 1;
    }
    words == record.len() && groups <= GROUPS_MAX
}
