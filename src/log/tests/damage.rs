//! Bytes that no loss of power leaves behind.

use super::*;
use crate::log::segments;

const ONE_SEGMENT: JournalRules = JournalRules { segment_bytes: 1 << 20, ..SMALL };

/// A log of batches of three events, in one segment.
fn written(batches: u64, rules: JournalRules) -> MemoryDisk {
    let disk = MemoryDisk::default();
    let mut node = Node::start(&disk, rules).unwrap();
    for batch in 0..batches {
        node.write(&numbered(3 * batch..3 * batch + 3)).unwrap();
    }
    disk
}

fn read(disk: &MemoryDisk, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    disk.read(name, 0).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// Puts `bytes` in a file's place.
fn put(disk: &MemoryDisk, name: &str, bytes: &[u8]) {
    let mut file = disk.create(name).unwrap();
    file.write(bytes).unwrap();
    file.sync().unwrap();
    disk.sync_folder().unwrap();
}

#[test]
fn a_tail_torn_at_any_byte_of_the_last_frame_is_cut_off_and_reported() {
    let name = segments::name_of(LogPosition(1));
    let whole = read(&written(4, ONE_SEGMENT), &name);
    let shorter = written(3, ONE_SEGMENT);
    Node::start(&shorter, ONE_SEGMENT).unwrap().write(&numbered(9..11)).unwrap();
    let eleven = read(&shorter, &name).len();
    assert!(eleven < whole.len());
    for cut in eleven..whole.len() {
        for is_zeros in [false, true] {
            let disk = MemoryDisk::default();
            let mut bytes = whole[..cut].to_vec();
            if is_zeros {
                bytes.resize(whole.len() + 5, 0);
            }
            put(&disk, &name, &bytes);
            let node = Node::start(&disk, ONE_SEGMENT).unwrap();
            assert_eq!(node.numbers(), (0..11).collect::<Vec<_>>(), "cut at {cut}");
            let lost = (bytes.len() - eleven) as u64;
            let torn = node.report.torn.map(|torn| (torn.offset, torn.bytes, torn.position.0));
            let expected = (lost > 0).then_some((eleven as u64, lost, 12));
            assert_eq!(torn, expected);
            assert_eq!(read(&disk, &name).len(), eleven);
        }
    }
}

#[test]
fn a_changed_byte_before_the_last_batch_is_named_and_refused() {
    let name = segments::name_of(LogPosition(1));
    let last_batch = read(&written(5, ONE_SEGMENT), &name).len();
    let whole = read(&written(6, ONE_SEGMENT), &name);
    for offset in 36..last_batch {
        let disk = MemoryDisk::default();
        put(&disk, &name, &whole);
        disk.damage(&name, offset, |byte| byte ^ 0x10);
        let Err(error) = Node::start(&disk, ONE_SEGMENT) else {
            panic!("byte {offset} is accepted")
        };
        let StartError::Log(RecoveryError::Frame { segment, offset: at, .. }) = &error else {
            panic!("byte {offset}: {error}")
        };
        assert_eq!(segment, &name);
        assert!(*at as usize <= offset && offset < *at as usize + 200, "{offset} is not at {at}");
        assert!(error.to_string().contains("homing log salvage --folder memory"), "{error}");
        assert_eq!(read(&disk, &name).len(), whole.len(), "nothing was changed");
    }
}

#[test]
fn a_damaged_batch_at_the_very_end_is_a_torn_tail() {
    let name = segments::name_of(LogPosition(1));
    let last_batch = read(&written(5, ONE_SEGMENT), &name).len();
    let whole = read(&written(6, ONE_SEGMENT), &name);
    for offset in last_batch..whole.len() {
        let disk = MemoryDisk::default();
        put(&disk, &name, &whole);
        disk.damage(&name, offset, |byte| byte ^ 0x10);
        let node = Node::start(&disk, ONE_SEGMENT).unwrap();
        assert!((15..18).contains(&node.state.len()));
        assert!(node.report.torn.is_some());
    }
}

#[test]
fn a_missing_segment_is_named() {
    let disk = written(30, JournalRules { keep_bytes: u64::MAX, ..SMALL });
    let names = segment_names(&disk);
    assert!(names.len() >= 4, "{names:?}");
    disk.remove(&names[1]).unwrap();
    let Err(error) = Node::start(&disk, SMALL) else { panic!("it is accepted") };
    let (from, to) =
        (segments::first_of(&names[1]).unwrap(), segments::first_of(&names[2]).unwrap());
    let expected =
        format!("events {} to {} are missing, expected after {}", from.0, to.0 - 1, names[0]);
    assert!(error.to_string().starts_with(&expected), "{error}");

    let first = MemoryDisk::default();
    put(&first, &names[2], &read(&disk, &names[2]));
    let Err(error) = Node::start(&first, SMALL) else { panic!("it is accepted") };
    assert!(error.to_string().starts_with("events 1 to "), "{error}");
}

#[test]
fn a_segment_in_the_middle_without_a_header_is_refused_and_an_empty_last_one_removed() {
    let disk = written(30, JournalRules { keep_bytes: u64::MAX, ..SMALL });
    let names = segment_names(&disk);
    for length in [0, 1, 35] {
        let next = segments::name_of(LogPosition(91));
        put(&disk, &next, &read(&disk, &names[0])[..length]);
        let node = Node::start(&disk, SMALL).unwrap();
        assert_eq!(node.state.len(), 90);
        assert_eq!(node.report.removed, [next]);
    }
    disk.damage(&names[1], 20, |byte| !byte);
    let Err(error) = Node::start(&disk, SMALL) else { panic!("it is accepted") };
    assert!(error.to_string().starts_with(&format!("{}, byte 0", names[1])), "{error}");

    // The last one, with events: its header cannot be told from them.
    disk.damage(&names[1], 20, |byte| !byte);
    let last = names.last().unwrap();
    disk.damage(last, 3, |byte| !byte);
    let Err(error) = Node::start(&disk, SMALL) else { panic!("it is accepted") };
    assert!(error.to_string().starts_with(&format!("{last}, byte 0")), "{error}");
}

#[test]
fn another_version_is_refused_as_such() {
    let disk = written(1, SMALL);
    let name = segments::name_of(LogPosition(1));
    disk.damage(&name, 8, |_| 9);
    let Err(error) = Node::start(&disk, SMALL) else { panic!("it is accepted") };
    let expected = "expected format version 1, found 9";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn a_damaged_checkpoint_is_reported_and_the_one_before_it_used() {
    let disk = MemoryDisk::default();
    let mut node = Node::start(&disk, SMALL).unwrap();
    for batch in 0..40 {
        node.write(&numbered(3 * batch..3 * batch + 3)).unwrap();
        if batch % 10 == 9 {
            node.checkpoint().unwrap();
        }
    }
    assert_eq!(node.checkpoints.covered(), LogPosition(90));
    assert!(
        segment_names(&disk)[0] > segments::name_of(LogPosition(1)),
        "retention has removed some"
    );
    let names = ["checkpoint-00000000000000000090", "checkpoint-00000000000000000120"];
    let kept: Vec<String> =
        disk.list().unwrap().into_iter().filter(|name| name.starts_with("checkpoint")).collect();
    assert_eq!(kept, names);
    let newest = read(&disk, names[1]);
    for offset in (0..newest.len()).step_by(13) {
        put(&disk, names[1], &newest);
        disk.damage(names[1], offset, |byte| byte ^ 1);
        let found = node.checkpoints.latest().unwrap();
        assert_eq!(found.checkpoint.map(|(position, _)| position), Some(LogPosition(90)));
        assert_eq!(found.damaged.len(), 1);
        assert!(found.damaged[0].starts_with(names[1]), "{:?}", found.damaged);
        assert_eq!(
            node.checkpoints.covered(),
            LogPosition(0),
            "one alone must not let go of the log"
        );
    }
    let again = Node::start(&disk, SMALL).unwrap();
    assert_eq!(again.numbers(), (0..120).collect::<Vec<_>>());
    assert_eq!(again.report.replayed, 30);
}

#[test]
fn a_log_that_ends_before_its_checkpoint_is_refused() {
    let disk = written(3, SMALL);
    let mut node = Node::start(&disk, SMALL).unwrap();
    node.checkpoint().unwrap();
    let name = segments::name_of(LogPosition(1));
    let bytes = read(&disk, &name);
    put(&disk, &name, &bytes[..bytes.len() - 1]);
    let Err(error) = Node::start(&disk, SMALL) else { panic!("it is accepted") };
    assert!(error.to_string().starts_with("events 9 to 9 are missing"), "{error}");
    disk.remove(&name).unwrap();
    let Err(error) = Node::start(&disk, SMALL) else { panic!("it is accepted") };
    assert!(error.to_string().starts_with("events 1 to 9 are missing"), "{error}");
}
