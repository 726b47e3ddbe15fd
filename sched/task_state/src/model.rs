//! Loom models: every interleaving of the races that the scheduler relies on, with the kernel's own code.

use core::ptr::NonNull;
use std::boxed::Box;
use std::vec::Vec;

use inbox::{Handle, Inbox, Link};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use loom::thread;

use crate::*;

/// A running task that waits for a flag, and somebody who sets it: the task sees the flag and never sleeps for ever.
#[test]
fn wake_against_park() {
    loom::model(|| {
        let task = Arc::new((TaskState::new(), UnsafeCell::new(0), AtomicBool::new(false)));
        task.0.claim().unwrap();
        let waker = {
            let task = task.clone();
            thread::spawn(move || {
                task.1.with_mut(|data| unsafe { *data = 1 });
                task.2.store(true, Relaxed);
                task.0.unpark()
            })
        };
        let parked = match task.0.park() {
            Park::Woken => {
                assert!(task.2.load(Relaxed), "a token comes with what the waker wrote");
                task.1.with(|data| assert_eq!(unsafe { *data }, 1));
                false
            }
            Park::Parked => true,
            Park::Killed => panic!("nobody kills"),
        };
        let enqueued = waker.join().unwrap();
        assert_eq!(parked, enqueued, "a parked task is enqueued by its waker, another one is not");
        if parked {
            task.0.claim().unwrap();
            assert!(!task.0.take_token(), "the wake was used up");
        }
    });
}

/// Two wakes and a park: the task is enqueued at most once, and at least once if it parked.
#[test]
fn two_wakes_enqueue_once() {
    loom::model(|| {
        let state = Arc::new(TaskState::new());
        state.claim().unwrap();
        let wakers = [(); 2].map(|()| {
            let state = state.clone();
            thread::spawn(move || state.unpark())
        });
        let parked = matches!(state.park(), Park::Parked);
        let enqueued = wakers.into_iter().map(|w| w.join().unwrap() as u32).sum::<u32>();
        assert_eq!(enqueued, parked as u32);
    });
}

/// Kill, wake and time-out of one parking task at once: one of them enqueues it, and the kill is not lost.
#[test]
fn kill_against_wake_against_timeout() {
    loom::model(|| {
        let state = Arc::new(TaskState::new());
        state.claim().unwrap();
        let killer = {
            let state = state.clone();
            thread::spawn(move || matches!(state.kill(), Kill::Enqueue))
        };
        let waker = {
            let state = state.clone();
            thread::spawn(move || state.unpark())
        };
        let parked = matches!(state.park(), Park::Parked);
        let expired = state.expire();
        let enqueued = killer.join().unwrap() as u32 + waker.join().unwrap() as u32 + expired as u32;
        assert_eq!(enqueued, parked as u32);
        if parked {
            state.claim().unwrap();
        }
        assert!(state.kill_pending());
        assert!(state.take_kill());
    });
}

/// Two cores claim one task (a policy that lies): one gets it.
#[test]
fn claimed_once() {
    loom::model(|| {
        let state = Arc::new(TaskState::new());
        let other = {
            let state = state.clone();
            thread::spawn(move || state.claim().is_ok())
        };
        let mine = state.claim().is_ok();
        assert!(mine ^ other.join().unwrap());
    });
}

struct Node(Link<Node>);
struct Owned(NonNull<Node>);
// SAFETY: the node is owned through the pointer.
unsafe impl Send for Owned {}
// SAFETY: one handle per box; the box stays until the handle is dropped.
unsafe impl Handle for Owned {
    type Node = Node;
    fn into_raw(self) -> NonNull<Node> {
        let node = self.0;
        core::mem::forget(self);
        node
    }
    unsafe fn from_raw(node: NonNull<Node>) -> Self {
        Owned(node)
    }
    fn link(node: &Node) -> &Link<Node> {
        &node.0
    }
}
impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it came from `owned`.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
fn owned() -> Owned {
    Owned(NonNull::from(Box::leak(Box::new(Node(Link::new())))))
}

struct Core {
    inbox: Inbox<Owned>,
    alertness: Alertness,
    poked: AtomicBool,
}

impl Core {
    fn new() -> Arc<Self> {
        Arc::new(Core { inbox: Inbox::new(), alertness: Alertness::new(), poked: AtomicBool::new(false) })
    }

    /// As the scheduler's remote wake.
    fn wake(&self) {
        if self.inbox.push(owned()) && self.alertness.wants_poke() {
            self.poked.store(true, Relaxed);
        }
    }
}

/// Producers against a core that looks once more, goes to sleep, and may be too early with both: it stays awake or is
/// poked, whatever the order.
fn sleep_handshake(producers: usize, looks_before: bool) {
    loom::model(move || {
        let core = Core::new();
        let wakers: Vec<_> = (0..producers)
            .map(|_| {
                let core = core.clone();
                thread::spawn(move || core.wake())
            })
            .collect();
        let mut taken = if looks_before { core.inbox.take_all().count() } else { 0 };
        let asleep = core.alertness.lower(Alert::Asleep, || core.inbox.is_empty());
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
        if asleep && !core.inbox.is_empty() {
            assert!(core.poked.load(Relaxed), "it sleeps, work waits, and nobody poked it");
        }
        taken += core.inbox.take_all().count();
        assert_eq!(taken, producers);
    });
}

#[test]
fn idle_sleep_handshake() {
    sleep_handshake(1, true);
}

#[test]
fn idle_sleep_handshake_with_two_producers() {
    sleep_handshake(2, false);
}

/// A core that polls is not poked, and finds what comes.
#[test]
fn a_polling_core_finds_what_comes() {
    loom::model(|| {
        let core = Core::new();
        core.alertness.poll();
        let waker = {
            let core = core.clone();
            thread::spawn(move || core.wake())
        };
        while core.inbox.is_empty() {
            thread::yield_now();
        }
        assert_eq!(core.inbox.take_all().count(), 1);
        waker.join().unwrap();
        assert!(!core.poked.load(Relaxed), "a poke is what polling saves");
    });
}

/// A core that polled begins to run a task, without a tick, just as another comes in: it notices, or is poked.
#[test]
fn a_core_stops_polling_against_a_push() {
    loom::model(|| {
        let core = Core::new();
        core.alertness.poll();
        let waker = {
            let core = core.clone();
            thread::spawn(move || core.wake())
        };
        let tickless = core.alertness.lower(Alert::Tickless, || core.inbox.is_empty());
        waker.join().unwrap();
        assert!(!core.inbox.is_empty());
        assert!(!tickless || core.poked.load(Relaxed), "it does not look, work waits, and nobody poked it");
    });
}

/// An idle core asks and goes to sleep; the busy one answers: the task arrives, and the asker is awake or poked.
#[test]
fn steal_request_and_response() {
    loom::model(|| {
        let thief = Core::new();
        let request = Arc::new(StealRequest::new());
        let answered = Arc::new(AtomicUsize::new(0));
        let victim = {
            let (thief, request, answered) = (thief.clone(), request.clone(), answered.clone());
            thread::spawn(move || {
                if request.take() == Some(3) {
                    answered.fetch_add(1, Relaxed);
                    thief.wake();
                }
            })
        };
        assert!(request.ask(3));
        let asleep = thief.alertness.lower(Alert::Asleep, || thief.inbox.is_empty());
        victim.join().unwrap();
        let got = !thief.inbox.is_empty();
        assert_eq!(got, answered.load(Relaxed) == 1);
        assert_eq!(request.take().is_some(), !got, "a request is answered once or still there");
        assert!(!(asleep && got) || thief.poked.load(Relaxed));
    });
}

/// Two askers at one victim: one request is left, the other is told to look elsewhere.
#[test]
fn two_thieves() {
    loom::model(|| {
        let request = Arc::new(StealRequest::new());
        let other = {
            let request = request.clone();
            thread::spawn(move || request.ask(1))
        };
        let mine = request.ask(2);
        let served = request.take();
        let theirs = other.join().unwrap();
        assert!(mine || theirs);
        match (mine, theirs) {
            (true, true) => assert!(served.is_some(), "both only if one was served in between"),
            _ => assert!(served.is_some() ^ request.take().is_some()),
        }
    });
}

/// Join against completion: the joiner has the value, or is woken for it.
#[test]
fn result_against_join() {
    loom::model(|| {
        let (sender, mut receiver) = result_slot::<u32, u8>();
        let task = thread::spawn(move || matches!(sender.complete(9), Completed::Wake(4)));
        let waits = receiver.register(|| 4) == Registered::Waiting;
        assert_eq!(task.join().unwrap(), waits);
        assert_eq!(receiver.take(), Some(Some(9)));
    });
}

/// Detach (also of a joiner that is killed while it waits) against completion: the value is dropped once.
#[test]
fn result_against_detach() {
    for joins in [false, true] {
        loom::model(move || {
            let value = Arc::new(());
            let (sender, mut receiver) = result_slot::<Arc<()>, Arc<()>>();
            let sent = value.clone();
            let task = thread::spawn(move || drop(sender.complete(sent)));
            if joins {
                let _ = receiver.register(|| value.clone());
            }
            drop(receiver);
            task.join().unwrap();
            assert_eq!(Arc::strong_count(&value), 1);
        });
    }
}
