//! What one access to memory costs that waits for the one before: the floor of any lookup.

use memmap2::MmapOptions;
use std::hint::black_box;
use std::time::Instant;

/// Loads of one walk.
const LOADS: usize = 1 << 21;
/// Bytes of a cache line: one load a line.
const LINE_BYTES: usize = 64;

/// Nanoseconds a load, over `bytes` of memory in pages of 2 MiB or 4 KiB.
pub(crate) fn walk(bytes: usize, huge: bool) -> f64 {
    let lines = (bytes / LINE_BYTES).max(2);
    let mut memory = MmapOptions::new().len(lines * LINE_BYTES).map_anon().expect("memory");
    let advice = if huge { memmap2::Advice::HugePage } else { memmap2::Advice::NoHugePage };
    let _ = memory.advise(advice);
    // One cycle through all lines in a random order (Sattolo).
    let mut order: Vec<u32> = (0..lines as u32).collect();
    let mut state = 1_u64;
    for last in (1..lines).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        order.swap(last, (state >> 33) as usize % last);
    }
    for (line, next) in order.iter().enumerate() {
        let at = line * LINE_BYTES;
        memory[at..at + 4].copy_from_slice(&next.to_le_bytes());
    }
    let next = |line: usize| {
        let at = line * LINE_BYTES;
        u32::from_le_bytes([memory[at], memory[at + 1], memory[at + 2], memory[at + 3]]) as usize
    };
    let began = Instant::now();
    let line = (0..LOADS).fold(0, |line, _| next(line));
    black_box(line);
    began.elapsed().as_nanos() as f64 / LOADS as f64
}
