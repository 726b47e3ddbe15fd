//! Each word's rules, one after the other. What happens at the same time is in `model`.

use crate::*;

fn running() -> TaskState {
    let state = TaskState::new();
    assert_eq!(state.claim(), Ok(()));
    state
}

#[test]
fn a_task_that_cannot_be_unwound_parks_although_it_is_to_be_killed() {
    let state = TaskState::new();
    state.claim().unwrap();
    assert_eq!(state.kill(), Kill::Poke);
    assert_eq!(state.park(), Park::Killed);
    assert_eq!(state.park_despite_kill(), Park::Parked);
    assert!(state.unpark());
    state.claim().unwrap();
    assert!(!state.unpark());
    assert_eq!(state.park_despite_kill(), Park::Woken);
    assert!(state.kill_pending());
}

#[test]
fn only_a_ready_task_can_be_claimed_and_once() {
    let state = running();
    assert_eq!(state.claim(), Err(Phase::Running));
    assert_eq!(state.park(), Park::Parked);
    assert_eq!(state.claim(), Err(Phase::Parked));
    assert!(state.unpark());
    assert_eq!(state.claim(), Ok(()));
    state.finish();
    assert_eq!(state.claim(), Err(Phase::Dead));
}

#[test]
fn a_wake_before_the_park_is_kept_and_used_once() {
    let state = running();
    assert!(!state.unpark());
    assert!(!state.unpark(), "wakes do not add up");
    assert_eq!(state.park(), Park::Woken);
    assert_eq!(state.park(), Park::Parked);
}

#[test]
fn a_wake_of_a_ready_task_is_kept() {
    let state = running();
    state.release();
    assert!(!state.unpark());
    assert_eq!(state.claim(), Ok(()));
    assert!(state.take_token());
    assert!(!state.take_token());
}

#[test]
fn a_timeout_leaves_no_token() {
    let state = running();
    assert!(!state.expire());
    assert_eq!(state.park(), Park::Parked);
    assert!(state.expire());
    assert!(!state.expire());
    assert_eq!(state.claim(), Ok(()));
    assert!(!state.take_token());
}

#[test]
fn kill_in_every_phase() {
    let state = TaskState::new();
    assert_eq!(state.kill(), Kill::Pending);
    assert_eq!(state.claim(), Ok(()));
    assert!(state.kill_pending());
    assert_eq!(state.park(), Park::Killed, "a killed task does not park");
    assert!(state.take_kill());
    assert!(!state.take_kill());
    assert_eq!(state.kill(), Kill::Poke);
    assert!(state.take_kill());
    assert_eq!(state.park(), Park::Parked);
    assert_eq!(state.kill(), Kill::Enqueue);
    assert_eq!(state.kill(), Kill::Pending);
    assert_eq!(state.claim(), Ok(()));
    state.finish();
    assert_eq!(state.kill(), Kill::Dead);
    assert!(!state.unpark());
}

#[test]
fn one_steal_request_at_a_time() {
    let request = StealRequest::new();
    assert_eq!(request.take(), None);
    assert!(request.ask(0));
    assert!(!request.ask(3));
    assert_eq!(request.take(), Some(0));
    assert!(request.ask(3));
    assert_eq!(request.take(), Some(3));
    assert_eq!(request.take(), None);
}

#[test]
fn result_delivered_before_and_after_the_wait() {
    let (sender, mut receiver) = result_slot::<_, &str>();
    assert!(receiver.take().is_none());
    assert!(matches!(sender.complete(5), Completed::Delivered));
    assert_eq!(receiver.register(|| "joiner"), Registered::Done);
    assert_eq!(receiver.take(), Some(Some(5)));
    assert_eq!(receiver.take(), Some(None));

    let (sender, mut receiver) = result_slot::<_, &str>();
    assert_eq!(receiver.register(|| "joiner"), Registered::Waiting);
    assert_eq!(receiver.register(|| "again"), Registered::Waiting);
    assert!(matches!(sender.complete(6), Completed::Wake("joiner")));
    assert_eq!(receiver.take(), Some(Some(6)));
}

#[test]
fn a_detached_result_goes_back() {
    let (sender, receiver) = result_slot::<_, &str>();
    drop(receiver);
    assert!(matches!(sender.complete(7), Completed::Detached(Some(7))));
    let (sender, mut receiver) = result_slot::<u8, &str>();
    drop(sender);
    assert_eq!(receiver.take(), Some(None));
}
