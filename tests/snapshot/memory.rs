//! What a thread allocates: how much it holds, and the most that it held meanwhile.
//!
//! Each thread counts its own, so that tests beside it do not show.

#![allow(unsafe_code, reason = "a counting allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, and a count of the bytes that each thread holds of it.
struct Counting;

thread_local! {
    /// Bytes allocated less bytes freed by this thread; constant and without a destructor, so
    /// that reading it never allocates.
    static HELD: Cell<i64> = const { Cell::new(0) };
    static MOST: Cell<i64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: i64) {
    // A thread that is ending has no cells any more; it does not measure either.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: every call is handed on to the system's allocator unchanged, with the same layout,
// so its contract is the system's; counting touches thread-local cells and no memory block.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller keeps `alloc`'s contract, and `System` asks for the same one.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: `block` came from `System` with this layout, since every allocation does.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: as in `realloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

/// What some work cost this thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Bytes that are still held, its result included.
    pub(crate) kept: i64,
    /// The most that it held at one time.
    pub(crate) most: i64,
}

/// Does some work and counts.
pub(crate) fn cost_of<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let before = HELD.get();
    MOST.set(before);
    let done = work();
    (done, Cost { kept: HELD.get() - before, most: MOST.get() - before })
}

#[test]
fn what_is_held_is_counted() {
    let (held, cost) = cost_of(|| {
        drop(vec![0_u8; 10_000]);
        vec![0_u8; 3_000]
    });
    assert_eq!((cost.kept, cost.most), (3_000, 10_000));
    let ((), cost) = cost_of(move || drop(held));
    assert_eq!((cost.kept, cost.most), (-3_000, 0));
}
