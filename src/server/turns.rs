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
    use crate::server::limits::TURN_REQUESTS_MAX;
    use crate::server::start;
    use std::cell::{Cell, RefCell};
    use std::io::Write;
    use std::rc::Rc;
    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;
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
    fn of_many_that_come_at_once_few_wait_for_each_other() {
        let runtime = start::runtime("a worker", TURN_REQUESTS_MAX).expect("a runtime");
        let undecided = Rc::new(Cell::new((0_usize, 0_usize)));
        LocalSet::new().block_on(&runtime, async {
            let (mut clients, mut requests) = (Vec::new(), Vec::new());
            for _ in 0..10 * TURN_REQUESTS_MAX {
                let (client, ours) = std::os::unix::net::UnixStream::pair().expect("a pair");
                ours.set_nonblocking(true).expect("set");
                let mut ours = UnixStream::from_std(ours).expect("registered");
                let undecided = Rc::clone(&undecided);
                requests.push(spawn_local(async move {
                    ours.read_u8().await.expect("a byte");
                    let (now, most) = undecided.get();
                    undecided.set((now + 1, most.max(now + 1)));
                    after_the_others().await;
                    let (now, most) = undecided.get();
                    undecided.set((now - 1, most));
                }));
                clients.push(client);
            }
            // All wait for their byte before the first comes.
            after_the_others().await;
            for client in &mut clients {
                client.write_all(b"x").expect("written");
            }
            for request in requests {
                request.await.expect("no panic");
            }
        });
        let (left, most) = undecided.get();
        assert_eq!(left, 0);
        assert!((2..=TURN_REQUESTS_MAX).contains(&most), "{most} waited for each other");
    }

    #[test]
    fn who_is_alone_goes_on() {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, after_the_others());
    }
}
