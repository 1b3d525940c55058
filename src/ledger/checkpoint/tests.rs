//! Checkpoints are read as they were written, and nothing else is.

use super::*;
use crate::campaign::model::{Cap, Caps};
use crate::event::NoticeKind;
use crate::ledger::tests::world::{Dice, folded, random_claim, random_log, small, state};
use crate::ledger::{CapRefusal, Claim, HoldRequest, Scope};
use crate::model::{AdvertiserKey, CreativeKey, MoneyNanos, Seconds};
use proptest::prelude::*;
use std::path::PathBuf;

fn read(bytes: &[u8]) -> Result<(Ledger, Restored), CheckpointError> {
    Ledger::read_checkpoint(&mut &bytes[..], Standing::Sole, (small(), 9))
}

#[test]
fn an_empty_ledger_and_a_full_one_come_back() {
    let empty = Ledger::new(small(), 1);
    assert_eq!(state(&read(&state(&empty)).expect("sound").0), state(&empty));
    let log = random_log(1, 500, true);
    let full = folded(&log, 1);
    let (again, restored) = read(&state(&full)).expect("sound");
    assert_eq!(state(&again), state(&full));
    assert_eq!(restored, Restored { log_time: full.log_time(), with_holds: false });
    assert_eq!((again.persons(), again.log_time()), (full.persons(), full.log_time()));
    for (campaign, account) in full.all_accounts() {
        let other = again.account(campaign).expect("restored");
        assert_eq!(account.balance(full.log_time()), other.balance(full.log_time()));
        assert_eq!(account.tally().spent.get(), other.tally().spent.get());
        assert_eq!(account.tally().clicks.get(), other.tally().clicks.get());
    }
}

#[test]
fn a_ledger_in_smaller_bounds_keeps_what_fits() {
    let full = folded(&random_log(1, 500, true), 1);
    let tight = LedgerLimits { persons_max: 10, notices_max: 10, ..small() };
    let bytes = state(&full);
    let (ledger, _) =
        Ledger::read_checkpoint(&mut &bytes[..], Standing::Sole, (tight, 1)).expect("sound");
    assert!(ledger.persons() < full.persons() && ledger.persons_evicted() > 0);
    assert!(ledger.notices_evicted() > 0);
}

#[test]
fn holds_that_were_written_stand_again() {
    let ledger = Ledger::new(small(), 1);
    let mut dice = Dice::new(3);
    let now = crate::model::UnixSeconds(1_800_000_000);
    let one = Caps { windows: vec![Cap { impressions: 1, per: Seconds(60) }], min_gap: None };
    let claims: Vec<Claim> = (0..5).map(|_| random_claim(&mut dice, now)).collect();
    for (number, claim) in claims.iter().enumerate() {
        let account = ledger.open_account(claim.campaign);
        let scope = Scope::Creative(CreativeKey(1_000 + number as u64));
        let caps = [(scope, &one)];
        let advertiser = AdvertiserKey(91);
        let request = HoldRequest { claim, account: &account, advertiser, caps: &caps };
        ledger.hold(&request, now).expect("room");
    }
    let mut bytes = Vec::new();
    ledger.write_checkpoint(&mut bytes, Holds::Written).expect("room");
    let (again, restored) = read(&bytes).expect("sound");
    assert!(restored.with_holds);
    assert_eq!((again.holds_live(), again.money_held()), (5, ledger.money_held()));
    let scope = Scope::from(claims[0].campaign);
    let check = |ledger: &Ledger| ledger.check_caps(&claims[0].keys, (scope, &one), now);
    assert!(matches!(check(&again), Err(CapRefusal::Window { held: 1.., .. })));
    for claim in &claims {
        again.note(NoticeKind::Loss, claim, now);
    }
    assert_eq!((again.holds_live(), again.money_held()), (0, MoneyNanos(0)));
    assert!(check(&again).is_ok(), "and are given back as any other");
    let mut once_more = Vec::new();
    read(&bytes).expect("sound").0.write_checkpoint(&mut once_more, Holds::Written).expect("room");
    assert_eq!(once_more, bytes);
}

#[test]
fn what_is_no_checkpoint_is_told_why() {
    let bytes = state(&Ledger::new(small(), 1));
    let told = |bytes: &[u8]| read(bytes).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(told(b"{\"something\": \"else\"}").contains("not a checkpoint"));
    let mut newer = bytes.clone();
    newer[8] = 200;
    assert!(told(&newer).contains("version 200"), "{}", told(&newer));
    assert!(told(&bytes[..bytes.len() - 1]).contains("ends too early"));
    let mut longer = bytes;
    longer.push(0);
    assert!(told(&longer).contains("something follows"));
}

/// A length that promises a world of things must not make us allocate for them.
#[test]
fn lengths_are_not_believed() {
    let mut bytes = state(&Ledger::new(small(), 1));
    let count_of_accounts = 8 + 2 + 1 + 4;
    bytes[count_of_accounts..count_of_accounts + 8].fill(0xff);
    assert!(matches!(read(&bytes), Err(CheckpointError::Damaged(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_damage_is_found(seed in 0_u64..20, place: prop::sample::Index, bit in 0_u8..8) {
        let mut bytes = state(&folded(&random_log(seed, 20, true), 1));
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn any_bytes_are_refused(bytes: Vec<u8>) {
        prop_assert!(read(&bytes).is_err());
    }
}

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ledger-checkpoint-v1.bin")
}

/// What the fixture of version 1 was made of; it must never change.
fn of_version_1() -> Ledger {
    let ledger = folded(&random_log(2_026, 40, true), 1);
    let claim = random_claim(&mut Dice::new(1), crate::model::UnixSeconds(1_800_000_500));
    let account = ledger.open_account(claim.campaign);
    let advertiser = AdvertiserKey(91);
    let request = HoldRequest { claim: &claim, account: &account, advertiser, caps: &[] };
    ledger.hold(&request, claim.issued).expect("room");
    ledger
}

/// `cargo test --lib ledger::checkpoint::tests::write_the_fixture -- --ignored`, once a version.
#[test]
#[ignore = "writes the fixture"]
fn write_the_fixture() {
    let mut bytes = Vec::new();
    of_version_1().write_checkpoint(&mut bytes, Holds::Written).expect("room");
    std::fs::write(fixture(), bytes).expect("the folder is there");
}

#[test]
fn version_1_is_read_for_ever() {
    let bytes = std::fs::read(fixture()).expect("the fixture is there");
    let (ledger, restored) = read(&bytes).expect("version 1 is read for ever");
    assert!(restored.with_holds && ledger.holds_live() == 1);
    // While version 1 is the newest it is also what is written.
    let mut again = Vec::new();
    ledger.write_checkpoint(&mut again, Holds::Written).expect("room");
    assert_eq!(again, bytes);
    assert_eq!(ledger.persons(), of_version_1().persons());
}
