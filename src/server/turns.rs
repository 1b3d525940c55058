//! Taking turns: of the requests that are there together all are read, then all are decided, then
//! all are answered.
//!
//! A request alone goes through hyper, the kernel, the bidder, hyper and the kernel again, and by
//! the time the next one comes to the bidder its code has been pushed out of the processor's
//! nearest cache, by all that can be told. In turns the code that one request has fetched serves
//! the next: `docs/performance.md` has the figures.
//!
//! Guarantees: who is alone goes on at once, without a system call; nobody waits for a request
//! that is not there yet, nor for more than [`super::limits::TURN_REQUESTS_MAX`], since a worker
//! hears of no more sockets at once.

use std::future::poll_fn;
use std::task::Poll;

/// Lets every other task of this thread that can go on do so first.
///
/// Not `tokio::task::yield_now`: that asks the kernel for news before it goes on.
pub(super) async fn after_the_others() {
    let mut stepped_back = false;
    poll_fn(|context| {
        if stepped_back {
            return Poll::Ready(());
        }
        stepped_back = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;
    use tokio::runtime::Builder;
    use tokio::task::{LocalSet, spawn_local};

    #[test]
    fn requests_that_are_there_together_go_on_step_by_step() {
        let steps = Rc::new(RefCell::new(String::new()));
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let local = LocalSet::new();
        local.block_on(&runtime, async {
            let request = || {
                let steps = Rc::clone(&steps);
                spawn_local(async move {
                    for step in ["read ", "decided ", "answered "] {
                        steps.borrow_mut().push_str(step);
                        after_the_others().await;
                    }
                })
            };
            for request in [request(), request()] {
                request.await.expect("no panic");
            }
        });
        assert_eq!(*steps.borrow(), "read read decided decided answered answered ");
    }

    #[test]
    fn who_is_alone_goes_on() {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, after_the_others());
    }
}
