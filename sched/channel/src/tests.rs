//! On the scheduler itself, with threads for cores.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::vec::Vec;

use scheduler::host::run;
use scheduler::{Death, sleep, spawn};

use crate::{Disconnected, SendError, TryRecvError, TrySendError, bounded, rendezvous};

#[test]
fn values_arrive_once_and_in_order() {
    run(|| {
        for capacity in [0, 1, 7] {
            let (sender, receiver) = if capacity == 0 { rendezvous() } else { bounded(capacity) };
            let task = spawn("sends", move || (0..1000).for_each(|n| sender.send(n).unwrap())).unwrap();
            let mut received = 0;
            while let Ok(n) = receiver.recv() {
                assert_eq!(n, received);
                received += 1;
            }
            assert_eq!(received, 1000);
            task.join().unwrap();
        }
    });
}

#[test]
fn many_on_both_sides_lose_and_double_nothing() {
    run(|| {
        for capacity in [0, 3] {
            let (sender, receiver) = if capacity == 0 { rendezvous() } else { bounded(capacity) };
            let senders: Vec<_> = (0..5u32)
                .map(|s| {
                    let sender = sender.clone();
                    spawn("sends", move || (0..200).for_each(|n| sender.send(s * 1000 + n).unwrap())).unwrap()
                })
                .collect();
            drop(sender);
            let receivers: Vec<_> = (0..4)
                .map(|_| {
                    let receiver = receiver.clone();
                    let body = move || core::iter::from_fn(|| receiver.recv().ok()).collect::<Vec<_>>();
                    spawn("receives", body).unwrap()
                })
                .collect();
            senders.into_iter().for_each(|task| task.join().unwrap());
            let all: Vec<u32> = receivers.into_iter().flat_map(|task| task.join().unwrap()).collect();
            assert_eq!(all.len(), 1000);
            assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 1000);
        }
    });
}

#[test]
fn a_rendezvous_waits_for_the_receiver() {
    run(|| {
        let (sender, receiver) = rendezvous();
        assert!(matches!(sender.try_send(1), Err(TrySendError::Full(1))));
        let task = spawn("sends", move || sender.send(5)).unwrap();
        sleep(3_000_000);
        assert!(!task.is_finished());
        assert_eq!(receiver.recv(), Ok(5));
        assert_eq!(task.join().unwrap(), Ok(()));
    });
}

#[test]
fn the_last_of_one_side_wakes_the_other() {
    run(|| {
        let (sender, receiver) = bounded::<u8>(1);
        let waits = spawn("receives", move || receiver.recv()).unwrap();
        sleep(1_000_000);
        drop(sender);
        assert_eq!(waits.join().unwrap(), Err(Disconnected));

        let (sender, receiver) = bounded(1);
        sender.send(1).unwrap();
        let waits = spawn("sends", move || sender.send(2)).unwrap();
        sleep(1_000_000);
        drop(receiver);
        assert_eq!(waits.join().unwrap(), Err(SendError(2)));

        let (sender, receiver) = rendezvous();
        let waits = spawn("offers", move || sender.send(3)).unwrap();
        sleep(1_000_000);
        drop(receiver);
        assert_eq!(waits.join().unwrap(), Err(SendError(3)));
    });
}

#[test]
fn without_waiting() {
    let (sender, receiver) = bounded(2);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(sender.try_send(1), Ok(()));
    assert_eq!(sender.try_send(2), Ok(()));
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(receiver.len(), 2);
    assert_eq!(receiver.try_recv(), Ok(1));
    drop(sender);
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn a_killed_sender_takes_its_offer_with_it() {
    run(|| {
        let (sender, receiver) = rendezvous();
        let task = spawn("offers", move || sender.send(1).is_ok()).unwrap();
        while receiver.is_empty() {
            sleep(100_000);
        }
        task.task().kill().unwrap();
        assert_eq!(task.join(), Err(Death::Killed));
        assert_eq!(receiver.recv(), Err(Disconnected));
        let (_sender, receiver) = bounded::<u8>(1);
        assert_eq!(receiver.recv_timeout(1_000_000), Err(TryRecvError::Empty));
    });
}

#[test]
fn values_that_nobody_receives_are_dropped() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = bounded(4);
    for _ in 0..3 {
        assert!(sender.try_send(Counted(count.clone())).is_ok());
    }
    drop(receiver);
    assert_eq!(count.load(SeqCst), 3, "with the last receiver, not with the channel");
    assert!(matches!(sender.try_send(Counted(count.clone())), Err(TrySendError::Disconnected(_))));
}
