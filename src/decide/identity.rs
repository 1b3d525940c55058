//! Who is it: the request's ids, in the exchange's order, to the memberships of one person.

use super::world::Case;
use crate::audience::Person;
use crate::audience::membership::PERSON_KEYS_MAX;
use crate::model::ids::ID_BYTES_MAX;
use crate::model::{NoBidReason, UserKey};
use crate::openrtb::profile::IdSource;
use smallvec::SmallVec;

/// Most ids of one request that are looked up at all: a bound on work, above real traffic.
const IDS_MAX: usize = 16;

/// All of them fit without an allocation.
type Keys = SmallVec<[UserKey; IDS_MAX]>;

/// Fills `person` with everyone whom the request's ids name.
///
/// The person counts under every id that the audience knows (at most [`PERSON_KEYS_MAX`]), so
/// a cap holds whichever of them the next request carries. Where none is known but somebody
/// prospects, the person counts under the first id.
///
/// # Errors
/// No usable id; somebody who opted out under one of them; nobody known and nobody prospecting.
pub fn recognise(case: &Case<'_, '_>, person: &mut Person) -> Result<(), NoBidReason> {
    let keys = keys(case);
    if keys.is_empty() {
        return Err(NoBidReason::NoUserId);
    }
    if keys.iter().any(|key| case.world.audience.is_opted_out(*key)) {
        return Err(NoBidReason::OptedOut);
    }
    if keys.len() > 1 {
        case.world.audience.prefetch(&keys);
    }
    for key in &keys {
        if person.keys.len() < PERSON_KEYS_MAX && case.world.audience.join(*key, person) {
            person.keys.push(*key);
        }
    }
    if person.keys.is_empty() {
        if case.world.book.prospecting.is_empty() {
            return Err(NoBidReason::UnknownUser);
        }
        person.keys.push(keys[0]);
    }
    Ok(())
}

/// The keys of the request's usable ids, each once, in the exchange's order.
fn keys(case: &Case<'_, '_>) -> Keys {
    let mut keys = Keys::new();
    let mut add = |space: &str, id: &str| {
        if id.is_empty() || id.len() > ID_BYTES_MAX || keys.len() == IDS_MAX {
            return;
        }
        let key = UserKey::new(space, id);
        if !keys.contains(&key) {
            keys.push(key);
        }
    };
    let user = &case.request.user;
    for source in &case.world.exchange.ids {
        match source {
            IdSource::Buyeruid => add("buyeruid", user.buyeruid.as_deref().unwrap_or("")),
            IdSource::UserId { space } => add(space, user.id.as_deref().unwrap_or("")),
            IdSource::Ifa => add("ifa", case.request.device.ifa.as_deref().unwrap_or("")),
            IdSource::Eid { source } => user.each_eid(|from, id| {
                if from == source {
                    add(from, id);
                }
                true
            }),
            IdSource::AnyEid => user.each_eid(|from, id| {
                add(from, id);
                true
            }),
        }
    }
    keys
}
