//! How a decision asks who someone is: the small interface behind which snapshots, the live
//! overlay and test doubles stand.

use super::Person;
use crate::model::UserKey;

/// Something that knows people.
pub trait AudienceView {
    /// Adds the memberships known under `key` to `person`; whether the key is known at all.
    fn join(&self, key: UserKey, person: &mut Person) -> bool;

    /// Whether nobody may be reached by this key: somebody opted out under it.
    fn is_opted_out(&self, _key: UserKey) -> bool {
        false
    }

    /// Hints that these keys will be asked for next. Changes nothing.
    fn prefetch(&self, _keys: &[UserKey]) {}
}

/// Nobody is known.
pub struct EmptyAudience;

impl AudienceView for EmptyAudience {
    fn join(&self, _key: UserKey, _person: &mut Person) -> bool {
        false
    }
}
