//! The same work on several threads, all of which end before it does.

use std::thread;

/// Runs `work` on `threads` threads, at least one; the first fault in order of thread, once all
/// have ended. To end early when another one failed is for `work` itself. A panic goes on.
pub(crate) fn on_each<E: Send>(
    threads: usize,
    work: impl Fn() -> Result<(), E> + Sync,
) -> Result<(), E> {
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(&work)).collect();
        let ended: Vec<_> = started.into_iter().map(joined).collect();
        ended.into_iter().collect()
    })
}

/// Waits for a thread.
pub(crate) fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn all_threads_end_and_a_fault_is_told() {
        let ended = AtomicU32::new(0);
        let work = || {
            let number = ended.fetch_add(1, Ordering::Relaxed);
            if number == 1 { Err("the second") } else { Ok(()) }
        };
        assert_eq!(on_each(4, work), Err("the second"));
        assert_eq!(ended.into_inner(), 4);
        assert_eq!(on_each(0, || Ok::<_, ()>(())), Ok(()));
    }
}
