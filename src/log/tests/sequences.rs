//! Any sequence of batches, checkpoints, restarts and losses of power reads back, and any
//! damage is either noticed or without effect.

use super::*;
use crate::log::disk::memory::Loss;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Act {
    Write(u64),
    Checkpoint,
    Restart,
    PowerLoss(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (1_u64..30).prop_map(Act::Write),
        1 => Just(Act::Checkpoint),
        1 => Just(Act::Restart),
        1 => any::<u64>().prop_map(Act::PowerLoss),
    ];
    proptest::collection::vec(act, 1..40)
}

fn after(disk: &MemoryDisk, acts: &[Act]) -> Node {
    let mut node = Node::start(disk, SMALL).unwrap();
    for act in acts {
        let expected = node.numbers();
        let from = expected.len() as u64;
        match act {
            Act::Write(count) => node.write(&numbered(from..from + count)).unwrap(),
            Act::Checkpoint => node.checkpoint().unwrap(),
            Act::Restart => node = Node::start(disk, SMALL).unwrap(),
            Act::PowerLoss(seed) => {
                disk.restart(Loss::Some(*seed));
                node = Node::start(disk, SMALL).unwrap();
            }
        }
        assert_eq!(node.numbers()[..expected.len()], expected);
    }
    node
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_sequence_reads_back(acts in acts()) {
        let disk = MemoryDisk::default();
        let node = after(&disk, &acts);
        let again = Node::start(&disk, SMALL).unwrap();
        prop_assert_eq!(again.numbers(), node.numbers());
        prop_assert_eq!(again.state, node.state);
    }

    /// The events that are read are always the first ones that were written, unchanged; and
    /// only the last batch can be missing without an error.
    #[test]
    fn damage_is_never_read_as_events(
        acts in acts(), file in any::<prop::sample::Index>(),
        offset in any::<prop::sample::Index>(), value in any::<u8>(),
    ) {
        let disk = MemoryDisk::default();
        let node = after(&disk, &acts);
        let expected = node.state;
        let names = disk.list().unwrap();
        let name = &names[file.index(names.len())];
        let bytes = disk.bytes(name).unwrap();
        disk.damage(name, offset.index(bytes as usize), |_| value);
        if let Ok(again) = Node::start(&disk, SMALL) {
            prop_assert!(again.state.len() + 30 > expected.len());
            prop_assert_eq!(&again.state[..], &expected[..again.state.len()]);
        }
    }
}
