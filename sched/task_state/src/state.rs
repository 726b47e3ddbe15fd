//! The word that says who may run a task.
//!
//! ```text
//!             claim (its core)                 finish
//!   READY ───────────────────────▶ RUNNING ───────────▶ DEAD
//!     ▲ ▲          release            │
//!     │ └─────────────────────────────┤ yield, preemption
//!     │                               │ park (no token there)
//!     └───────────── PARKED ◀─────────┘
//!       unpark, expire, kill
//! ```
//!
//! Two bits may be set in any phase: TOKEN, a wake that came while the task was not parked (so that a
//! wake between "I will wait" and "I wait" is not lost), and KILL, the wish that the task unwinds itself.
//!
//! Who turns PARKED into READY must enqueue the task, and is the only one who may: that is why a task is never in
//! two queues. Who turns READY into RUNNING may run it, and is the only one: that is why a task never runs on two
//! cores, whatever a policy does.

use crate::atomics::{AtomicU32, Ordering::*};
use crate::const_new;

const READY: u32 = 0;
const RUNNING: u32 = 1;
const PARKED: u32 = 2;
const DEAD: u32 = 3;
const PHASE: u32 = 3;
const TOKEN: u32 = 4;
const KILL: u32 = 8;

/// What a task is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// It waits for a core.
    Ready,
    /// A core runs it.
    Running,
    /// It waits for a wake.
    Parked,
    /// It has ended.
    Dead,
}

/// What became of an attempt to park.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Park {
    /// The task is parked: switch away.
    Parked,
    /// A wake had come already; it is used up. The task goes on.
    Woken,
    /// The task is to be killed and does not park. It goes on, to unwind.
    Killed,
}

/// What the one who asked for a kill has to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Kill {
    /// The task was parked and is ready now: enqueue it, so that it can unwind.
    Enqueue,
    /// It runs: poke its core.
    Poke,
    /// It is ready, and sees the request when it runs.
    Pending,
    /// It has ended.
    Dead,
}

/// A task's state word.
#[derive(Debug)]
pub struct TaskState(AtomicU32);

impl TaskState {
    const_new! {
        /// The state of a new task: ready.
        new = TaskState(AtomicU32::new(READY))
    }

    /// The phase at this moment; stale at once unless the caller is the one who may change it.
    pub fn phase(&self) -> Phase {
        phase(self.0.load(Relaxed))
    }

    /// READY → RUNNING: the right to run the task. Called by a core with the task that its policy picked.
    ///
    /// # Errors
    /// The phase it was in, if that was not ready. Then somebody has made a mistake, and the task must be let be.
    // Acquire: pairs with the Release of whoever made it ready, so that its saved context is seen.
    #[inline]
    pub fn claim(&self) -> Result<(), Phase> {
        // Most often neither TOKEN nor KILL is set.
        match self.0.compare_exchange(READY, RUNNING, Acquire, Relaxed) {
            Ok(_) => Ok(()),
            Err(word) => self.claim_with_requests(word),
        }
    }

    #[cold]
    fn claim_with_requests(&self, mut word: u32) -> Result<(), Phase> {
        while word & PHASE == READY {
            match self.0.compare_exchange_weak(word, word | RUNNING, Acquire, Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => word = now,
            }
        }
        Err(phase(word))
    }

    /// RUNNING → READY, by the task itself, which gives its core away. It is then enqueued.
    #[inline]
    pub fn release(&self) {
        // RUNNING - READY is 1, and nobody else changes the phase of a running task; the bits stay.
        let before = self.0.fetch_sub(RUNNING - READY, Release);
        debug_assert_eq!(before & PHASE, RUNNING, "only a running task gives its core away");
    }

    /// RUNNING → PARKED, by the task itself, unless a wake or a kill came first.
    #[inline]
    pub fn park(&self) -> Park {
        self.park_unless(KILL)
    }

    /// [`TaskState::park`] for a task that cannot be unwound now (it is unwinding already, or has come to its end): a kill
    /// that waits does not keep it from waiting.
    #[cold]
    pub fn park_despite_kill(&self) -> Park {
        self.park_unless(0)
    }

    // Acquire where a token is taken: what the waker wrote before the wake is seen. Release where it parks: its
    // saved state goes to whoever wakes it.
    #[inline]
    fn park_unless(&self, kill: u32) -> Park {
        let mut word = self.0.load(Relaxed);
        loop {
            debug_assert_eq!(word & PHASE, RUNNING, "only a running task parks");
            let (next, result) = if word & kill != 0 {
                (word, Park::Killed)
            } else if word & TOKEN != 0 {
                (word & !TOKEN, Park::Woken)
            } else {
                (word - RUNNING + PARKED, Park::Parked)
            };
            match self.0.compare_exchange_weak(word, next, AcqRel, Relaxed) {
                Ok(_) => return result,
                Err(now) => word = now,
            }
        }
    }

    /// Takes a wake that has come already, by the running task. Cheaper than [`TaskState::park`].
    #[inline]
    pub fn take_token(&self) -> bool {
        self.0.load(Relaxed) & TOKEN != 0 && self.0.fetch_and(!TOKEN, Acquire) & TOKEN != 0
    }

    /// Wakes the task. Returns whether it was parked and is ready now: then the caller enqueues it.
    // The word is written also if the token is set already: the Release must reach the task that takes the token.
    #[inline]
    #[must_use = "a task that was woken must be enqueued"]
    pub fn unpark(&self) -> bool {
        let mut word = self.0.load(Relaxed);
        loop {
            let (next, woken) = match word & PHASE {
                PARKED => (word - PARKED + READY, true),
                DEAD => return false,
                _ => (word | TOKEN, false),
            };
            match self.0.compare_exchange_weak(word, next, AcqRel, Relaxed) {
                Ok(_) => return woken,
                Err(now) => word = now,
            }
        }
    }

    /// PARKED → READY because the time is up; a task that is not parked is let be. Returns whether the caller
    /// enqueues it.
    #[must_use = "a task that was woken must be enqueued"]
    pub fn expire(&self) -> bool {
        let mut word = self.0.load(Relaxed);
        while word & PHASE == PARKED {
            match self.0.compare_exchange_weak(word, word - PARKED + READY, AcqRel, Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Asks the task to unwind itself, and wakes it if it is parked.
    pub fn kill(&self) -> Kill {
        let mut word = self.0.load(Relaxed);
        loop {
            let (next, result) = match word & PHASE {
                PARKED => ((word - PARKED + READY) | KILL, Kill::Enqueue),
                RUNNING => (word | KILL, Kill::Poke),
                READY => (word | KILL, Kill::Pending),
                _ => return Kill::Dead,
            };
            match self.0.compare_exchange_weak(word, next, AcqRel, Relaxed) {
                Ok(_) => return result,
                Err(now) => word = now,
            }
        }
    }

    /// Whether the task is asked to unwind itself.
    #[inline]
    pub fn kill_pending(&self) -> bool {
        self.0.load(Relaxed) & KILL != 0
    }

    /// Takes the request to unwind, by the running task.
    pub fn take_kill(&self) -> bool {
        self.0.fetch_and(!KILL, Acquire) & KILL != 0
    }

    /// RUNNING → DEAD, by the task itself, as its last act but the switch.
    pub fn finish(&self) {
        let before = self.0.swap(DEAD, AcqRel);
        debug_assert_eq!(before & PHASE, RUNNING, "only a running task ends");
    }
}

fn phase(word: u32) -> Phase {
    match word & PHASE {
        READY => Phase::Ready,
        RUNNING => Phase::Running,
        PARKED => Phase::Parked,
        _ => Phase::Dead,
    }
}
