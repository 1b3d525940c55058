//! What this process allocates while one test measures: how much more it holds afterwards, and
//! the most that it held meanwhile. All threads count; tests measure one after another.

#![allow(unsafe_code, reason = "a counting allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The system's allocator, and a count of the bytes that are held of it.
struct Counting;

static HELD: AtomicI64 = AtomicI64::new(0);
static MOST: AtomicI64 = AtomicI64::new(0);
/// Who holds this measures.
static MEASURING: Mutex<()> = Mutex::new(());

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: i64) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: every call is handed on to the system's allocator unchanged, with the same layout,
// so its contract is the system's; counting touches two numbers and no memory block.
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

/// Keeps other tests of this binary from running, from the first line of a test to its last.
pub(crate) fn alone() -> impl Drop {
    // A test that failed has poisoned nothing but its own figures.
    MEASURING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What some work cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Bytes that are still held, its result included.
    pub(crate) kept: i64,
    /// The most that was held at one time.
    pub(crate) most: i64,
}

/// Does some work and counts. Whoever calls it is [`alone`].
pub(crate) fn cost_of<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let done = work();
    let most = MOST.load(Ordering::Relaxed) - before;
    (done, Cost { kept: HELD.load(Ordering::Relaxed) - before, most })
}

/// What the test harness may allocate meanwhile on its own thread.
const NOISE_BYTES: i64 = 16 << 10;

#[test]
fn what_any_thread_holds_is_counted() {
    let _alone = alone();
    let (held, cost) = cost_of(|| {
        std::thread::scope(|scope| scope.spawn(|| drop(vec![0_u8; 10 << 20])).join().expect("ran"));
        vec![0_u8; 3 << 20]
    });
    assert!((cost.kept - (3 << 20)).abs() < NOISE_BYTES, "{cost:?}");
    assert!((cost.most - (10 << 20)).abs() < NOISE_BYTES, "{cost:?}");
    let ((), cost) = cost_of(move || drop(held));
    assert!((cost.kept + (3 << 20)).abs() < NOISE_BYTES && cost.most < NOISE_BYTES, "{cost:?}");
}
