//! The spool: in order, again after a crash, bounded, and small once it is drained.

use super::*;
use crate::event::{EventId, What};
use crate::log::disk::memory::MemoryDisk;
use crate::model::NodeKey;

fn letter(number: u128) -> Letter {
    let at = UnixSeconds(1_800_000_000);
    Letter::of(&Event { id: EventId(number), at, node: NodeKey(1), what: What::Tick })
}

fn open(disk: &MemoryDisk) -> (Spool, Vec<u128>) {
    let mut waiting = Vec::new();
    let disk = Arc::new(disk.clone());
    let spool = Spool::open(disk, 1_000, &mut |event| waiting.push(event.id.0));
    (spool.expect("opens"), waiting)
}

fn next(spool: &mut Spool) -> Option<(LogPosition, u128)> {
    spool.next().expect("the disk is well").map(|(position, letter)| (position, letter.id.0))
}

#[test]
fn events_leave_in_order_while_others_come() {
    let disk = MemoryDisk::default();
    let (mut spool, waiting) = open(&disk);
    assert!(waiting.is_empty() && spool.is_drained());
    assert_eq!(next(&mut spool), None);
    spool.write(&[letter(1), letter(2)]).expect("written");
    assert_eq!(next(&mut spool), Some((LogPosition(1), 1)));
    assert_eq!(next(&mut spool), Some((LogPosition(2), 2)));
    assert_eq!(next(&mut spool), None);
    spool.write(&[letter(3)]).expect("written");
    assert_eq!(next(&mut spool), Some((LogPosition(3), 3)), "the file has grown");
    spool.sent(LogPosition(1), &letter(1));
    spool.rewind();
    assert_eq!(next(&mut spool), Some((LogPosition(2), 2)), "what was not sent is read again");
    assert_eq!(spool.events(), 2);
}

#[test]
fn what_was_not_marked_as_sent_is_there_after_a_crash() {
    let disk = MemoryDisk::default();
    let (mut spool, _) = open(&disk);
    spool.write(&[letter(1), letter(2), letter(3)]).expect("written");
    spool.sent(LogPosition(1), &letter(1));
    spool.mark().expect("marked");
    spool.sent(LogPosition(2), &letter(2));
    drop(spool);
    let (mut spool, waiting) = open(&disk);
    assert_eq!(waiting, [2, 3]);
    assert_eq!(next(&mut spool), Some((LogPosition(2), 2)));
    spool.sent(LogPosition(2), &letter(2));
    spool.sent(LogPosition(3), &letter(3));
    spool.mark().expect("marked");
    assert!(spool.is_drained() && spool.bytes() == 0);
    drop(spool);
    let (mut spool, waiting) = open(&disk);
    assert!(waiting.is_empty());
    spool.write(&[letter(4)]).expect("written");
    assert_eq!(next(&mut spool), Some((LogPosition(4), 4)));
}

#[test]
fn it_is_full_at_its_bound() {
    let disk = MemoryDisk::default();
    let (mut spool, _) = open(&disk);
    let many: Vec<_> = (0..20).map(letter).collect();
    assert!(!spool.is_full());
    spool.write(&many).expect("written");
    assert!(spool.is_full(), "{} bytes", spool.bytes());
    for number in 0..20 {
        spool.sent(LogPosition(number as u64 + 1), &letter(number));
    }
    assert!(!spool.is_full());
}
