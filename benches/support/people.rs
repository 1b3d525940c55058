//! The market's people: the demo's generator, each person a customer of one shop.

use homing::audience::builder::{Audience, BuildOptions, Builder, ROWS_MAX_DEFAULT};
use homing::audience::generate::{Plan, demo_user_id, rows};
use homing::audience::rows::Row;
use homing::model::UnixSeconds;
use std::convert::Infallible;

/// Shops over which the people are spread, whether or not a market has as many.
pub(crate) const SHOPS: usize = 100;
/// Always the same people.
const SEED: u64 = 7;

/// How many people there are, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct People {
    /// How many.
    pub(crate) users: u64,
    /// The time from which their visits count back.
    pub(crate) now: UnixSeconds,
}

impl People {
    /// Their rows packed, ready to be written or loaded.
    pub(crate) fn built(self) -> Audience {
        let mut builder = self.builder();
        self.each_row(|row| builder.add(row)).expect("good rows");
        builder.finish().expect("a good audience")
    }

    /// An empty builder for them.
    pub(crate) fn builder(self) -> Builder {
        let options =
            BuildOptions { now: self.now, epoch: None, shards: None, rows_max: ROWS_MAX_DEFAULT };
        Builder::new(options).expect("good options")
    }

    /// Hands each row to `take`, its segment renamed to the shop's own.
    pub(crate) fn each_row<E>(
        self,
        mut take: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let plan = Plan { users: self.users, seed: SEED, now: self.now };
        let (mut person, mut id) = (0_u64, demo_user_id(0));
        rows(plan, |row| {
            if row.id_space == "buyeruid" && *row.id != *id {
                person += 1;
                id = row.id.to_string();
            }
            let shop = person as usize % SHOPS;
            take(&Row { segment: format!("{}_{shop:03}", row.segment).into(), ..row.clone() })
        })
    }

    /// All rows, owned.
    pub(crate) fn rows(self) -> Vec<Row<'static>> {
        let mut owned = Vec::new();
        let Ok(()) = self.each_row(|row| {
            owned.push(Row {
                id_space: row.id_space.to_string().into(),
                id: row.id.to_string().into(),
                segment: row.segment.to_string().into(),
                items: row.items.iter().map(|item| item.to_string().into()).collect(),
                ..*row
            });
            Ok::<_, Infallible>(())
        });
        owned
    }

    /// The ids of `count` people of the first `shops` shops, spread over all of them.
    pub(crate) fn ids(self, shops: usize, count: usize) -> Vec<String> {
        let per_shop = (self.users as usize / SHOPS).max(1);
        let person = |n: usize| {
            // A step that shares no factor with real counts visits them in no order.
            let round = (n / shops * 7_919) % per_shop;
            demo_user_id((round * SHOPS + n % shops) as u64)
        };
        (0..count).map(person).collect()
    }

    /// The ids of `count` people whom nobody knows.
    pub(crate) fn strangers(self, count: usize) -> Vec<String> {
        (0..count as u64).map(|n| demo_user_id(self.users + n)).collect()
    }
}
