//! Who is online: a small crowd out of the audience, chosen so that there is something to see.
//!
//! Of a million people few did anything lately, and a gentle rate of requests would meet
//! nobody twice. So a thousand who are interesting to the campaigns do most of the browsing,
//! and some of them most of that, as in life. A few cart abandoners stay at home: they are
//! for trying things out by hand.

use super::dice::Dice;
use crate::audience::Snapshot;
use crate::audience::generate::demo_user_id;
use crate::model::{Seconds, UnixSeconds, UserKey};

/// Most people that are looked at: enough to fill the crowd out of an audience like ours,
/// and done in a fraction of a second.
const LOOKED_AT_MAX: u64 = 300_000;
/// Cart abandoners who stay at home.
pub const AT_HOME_MAX: usize = 100;
/// How many of each kind are online.
const ONLINE_MAX: [(Kind, usize); 4] =
    [(Kind::Cart, 350), (Kind::Viewer, 350), (Kind::Vip, 120), (Kind::Lapsed, 180)];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Filled a cart lately and did not buy since.
    Cart,
    /// Looked at items lately.
    Viewer,
    /// On the list of the best customers.
    Vip,
    /// Bought months ago.
    Lapsed,
}

/// The crowd, by the numbers of the made-up users.
#[derive(Clone, Debug, Default)]
pub struct Crowd {
    /// Those online, the busiest first.
    pub online: Vec<u64>,
    /// Cart abandoners who do not browse.
    pub at_home: Vec<u64>,
    /// How many users there are in all.
    pub users: u64,
}

impl Crowd {
    /// Picks a crowd out of `snapshot`, which was made of `users` made-up people.
    pub fn gather(snapshot: &Snapshot, users: u64, now: UnixSeconds) -> Self {
        let mut crowd = Self { users, ..Self::default() };
        let mut room = ONLINE_MAX;
        for n in 0..users.min(LOOKED_AT_MAX) {
            let visitor = Visitor::of(snapshot, n);
            let Some(kind) = visitor.kind(now) else { continue };
            let has_room = crowd.at_home.len() < AT_HOME_MAX && n % 2 == 0;
            if kind == Kind::Cart && has_room && visitor.left_a_cart_today(now) {
                crowd.at_home.push(n);
                continue;
            }
            if let Some((_, left)) = room.iter_mut().find(|(one, left)| *one == kind && *left > 0) {
                *left -= 1;
                crowd.online.push(n);
            }
            if room.iter().all(|(_, left)| *left == 0) && crowd.at_home.len() == AT_HOME_MAX {
                break;
            }
        }
        crowd.shuffle();
        crowd
    }

    /// Somebody online, the first ones more often; anyone where nobody is.
    pub fn somebody(&self, dice: &mut Dice) -> u64 {
        let count = self.online.len() as u64;
        // The smaller of two throws falls into the first half three times in four.
        let place = dice.below(count).min(dice.below(count));
        self.online.get(place as usize).copied().unwrap_or_else(|| self.anybody(dice))
    }

    /// Anybody of the whole audience but those at home.
    pub fn anybody(&self, dice: &mut Dice) -> u64 {
        let n = dice.below(self.users);
        if self.at_home.contains(&n) { (n + 1) % self.users.max(1) } else { n }
    }

    /// The kinds were met in the order of the audience; who is busy should not depend on it.
    fn shuffle(&mut self) {
        let mut dice = Dice::new(self.users);
        for last in (1..self.online.len()).rev() {
            let other = dice.below(last as u64 + 1) as usize;
            self.online.swap(last, other);
        }
    }
}

/// When somebody last did something.
#[derive(Default)]
struct Visitor {
    cart: Option<UnixSeconds>,
    view: Option<UnixSeconds>,
    purchase: Option<UnixSeconds>,
    vip: bool,
    bounced: bool,
}

impl Visitor {
    fn of(snapshot: &Snapshot, n: u64) -> Self {
        let mut visitor = Self::default();
        for stored in snapshot.memberships(UserKey::new("buyeruid", &demo_user_id(n))) {
            match snapshot.info().segment_name(stored.segment) {
                "add_to_cart" => visitor.cart = Some(stored.last_seen),
                "view_item" => visitor.view = Some(stored.last_seen),
                "purchase" => visitor.purchase = Some(stored.last_seen),
                "crm_vip" => visitor.vip = true,
                "bounced" => visitor.bounced = true,
                _ => {}
            }
        }
        visitor
    }

    /// Long enough ago that a campaign would say something, and not longer than a day.
    fn left_a_cart_today(&self, now: UnixSeconds) -> bool {
        let age = self.cart.map_or(Seconds::DAY, |cart| now.since(cart));
        (Seconds::HOUR..Seconds::DAY).contains(&age)
    }

    fn kind(&self, now: UnixSeconds) -> Option<Kind> {
        let within = |at: Option<UnixSeconds>, days: u32| {
            at.is_some_and(|at| now.since(at) < Seconds(days * Seconds::DAY.0))
        };
        let bought_since = self.purchase.is_some_and(|bought| Some(bought) >= self.cart);
        if self.bounced {
            None
        } else if within(self.cart, 14) && !bought_since {
            Some(Kind::Cart)
        } else if self.vip {
            Some(Kind::Vip)
        } else if self.purchase.is_some() && !within(self.purchase, 60) {
            Some(Kind::Lapsed)
        } else {
            within(self.view, 7).then_some(Kind::Viewer)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::builder::{BuildOptions, Builder};
    use crate::audience::generate::{Plan, rows};

    const NOW: UnixSeconds = UnixSeconds(1_790_000_000);

    #[test]
    fn the_crowd_is_interesting_and_leaves_some_at_home() {
        let plan = Plan { users: 5_000, seed: 1, now: NOW };
        let options = BuildOptions { now: NOW, epoch: None, shards: None, rows_max: 1_000_000 };
        let mut builder = Builder::new(options).expect("good options");
        rows(plan, |row| builder.add(row)).expect("good rows");
        let snapshot = builder.finish().expect("rows").into_snapshot("s").expect("packs");
        let crowd = Crowd::gather(&snapshot, plan.users, NOW);
        assert!(crowd.at_home.len() > 10, "{} at home", crowd.at_home.len());
        assert!(crowd.online.len() > 400, "{} online", crowd.online.len());
        let mut dice = Dice::new(1);
        for _ in 0..5_000 {
            let (one, other) = (crowd.somebody(&mut dice), crowd.anybody(&mut dice));
            assert!(!crowd.at_home.contains(&one) && other < plan.users);
        }
    }

    #[test]
    fn an_empty_crowd_is_everybody() {
        let crowd = Crowd { users: 10, ..Crowd::default() };
        assert!(crowd.somebody(&mut Dice::new(1)) < 10);
    }
}
