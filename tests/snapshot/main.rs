//! Damaged snapshots: every one is refused for a reason that is named here before it is tried,
//! while the set before goes on serving. What refusing may cost is in `tests/snapshot_memory`.
//!
//! - [`good`] the sound set that is damaged
//! - [`sealed_set`] a set that can be changed and sealed again, [`forge`] its blocks and records
//! - [`accidents`] what happens on the way: files cut short, bits flipped, files mixed up
//! - [`forgeries`] what checksums do not tell: every check behind them, one by one
//! - [`places`] what may stand where a file should, and installing while another set serves
//!
//! The bidder as a whole, over HTTP, is in `tests/bidder/loading.rs` and `sources.rs`.

#[path = "../support/sealed_set.rs"]
mod sealed_set;

mod accidents;
mod forge;
mod forgeries;
mod good;
mod places;

use good::{GOOD, SHARDS};

#[test]
fn the_set_is_sound_and_sealing_it_changes_nothing() {
    let mut again = GOOD.clone();
    again.seal();
    assert_eq!((&again.shards, &again.manifest), (&GOOD.shards, &GOOD.manifest));
    assert!(again.shards.iter().all(|shard| shard.len() > 3 * 4_096), "several pages each");
    let snapshot = again.load().expect("sound");
    assert_eq!((snapshot.info().shards, snapshot.info().users), (SHARDS, again.manifest.users));
}
