//! Every caller is answered once, whoever comes first: the fold, the spool, the stream.

use super::*;
use crate::event::What;
use crate::model::{NodeKey, UnixSeconds};

/// Notes what is kept and let go.
#[derive(Default)]
struct Keeper(Mutex<Vec<(&'static str, u128)>>);

impl Fold for Keeper {
    fn apply(&self, _: LogPosition, event: &Event) -> Noted {
        self.0.lock().push(("applied", event.id.0));
        Noted::Counted
    }

    fn keep(&self, event: &Event) {
        self.0.lock().push(("kept", event.id.0));
    }

    fn let_go(&self, id: EventId) {
        self.0.lock().push(("let go", id.0));
    }
}

fn event(number: u128) -> Event {
    let at = UnixSeconds(1_800_000_000);
    Event { id: EventId(number), at, node: NodeKey(1), what: What::Tick }
}

fn told(answer: &mut Answer) -> Option<Result<Noted, LogError>> {
    answer.try_recv().ok().map(|folded| folded.map(|folded| folded.noted))
}

#[test]
fn who_hands_in_the_same_event_twice_is_told_so_the_second_time() {
    let desk = Desk::default();
    let (mut first, mut second) = (desk.hand_in(event(7)), desk.hand_in(event(7)));
    assert_eq!(desk.take(10).len(), 2, "the stream finds out by itself");
    let position = LogPosition(1);
    desk.callers(EventId(7), position).tell(true, Folded { position, noted: Noted::Counted });
    assert_eq!(told(&mut first), Some(Ok(Noted::Counted)));
    assert_eq!(told(&mut second), Some(Ok(Noted::Duplicate)));
}

#[test]
fn what_the_stream_knew_is_answered_once_it_is_folded() {
    let (desk, keeper) = (Desk::default(), Keeper::default());
    let mut answer = desk.hand_in(event(7));
    desk.known(EventId(7), LogPosition(5), &keeper);
    assert_eq!(told(&mut answer), None, "event 5 is still to come, and will answer");
    let position = LogPosition(5);
    desk.callers(EventId(7), position).tell(true, Folded { position, noted: Noted::Counted });
    assert_eq!(told(&mut answer), Some(Ok(Noted::Counted)));
    let mut again = desk.hand_in(event(7));
    desk.known(EventId(7), LogPosition(5), &keeper);
    assert_eq!(told(&mut again), Some(Ok(Noted::Duplicate)));
    assert_eq!(*keeper.0.lock(), [("let go", 7)]);
}

#[test]
fn only_what_is_durable_is_kept_and_answered() {
    let (desk, keeper) = (Desk::default(), Keeper::default());
    let (mut durable, mut queued) = (desk.hand_in(event(1)), desk.hand_in(event(2)));
    desk.durable([EventId(1)].into_iter());
    desk.keep(Duration::from_secs(3_600), &keeper);
    assert_eq!(told(&mut durable), None, "there is time");
    desk.keep(Duration::ZERO, &keeper);
    assert_eq!(told(&mut durable), Some(Ok(Noted::Kept)));
    assert_eq!((told(&mut queued), &keeper.0.lock()[..]), (None, &[("kept", 1)][..]));
    let error = LogError::Unavailable("the disk is full".to_owned());
    desk.fail([EventId(2)].into_iter(), &error);
    assert_eq!(told(&mut queued), Some(Err(error)));
}

#[test]
fn it_is_bounded_and_closed() {
    let desk = Desk::default();
    let answers: Vec<_> = (0..QUEUE_EVENTS_MAX as u128).map(|n| desk.hand_in(event(n))).collect();
    let mut one_more = desk.hand_in(event(u128::MAX));
    assert_eq!(told(&mut one_more), Some(Err(LogError::Full(QUEUE_EVENTS_MAX))));
    desk.close();
    let mut late = desk.hand_in(event(u128::MAX));
    assert_eq!(told(&mut late), Some(Err(LogError::Closed)));
    desk.dismiss(&LogError::Closed);
    for mut answer in answers {
        assert_eq!(told(&mut answer), Some(Err(LogError::Closed)));
    }
    assert!(!desk.is_anybody_waiting());
}
