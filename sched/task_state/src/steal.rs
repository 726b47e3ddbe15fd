//! An idle core's wish for work, left at a busy one.
//!
//! Queues are private to their cores ("private deques", Acar, Charguéraud and Rainey, PPoPP'13): nobody takes from
//! another's queue. A core that has nothing to do writes its number here, pokes the busy core and goes to sleep. The busy
//! core takes the request where its own queue is in order, pushes tasks into the asker's inbox, and wakes it by
//! the same handshake as any other wake ([`crate::Alertness`]). One request at a time; an asker that finds one there
//! asks elsewhere.

use crate::atomics::{AtomicU32, Ordering::*};
use crate::const_new;

/// A core's slot for one request for work.
#[derive(Debug)]
pub struct StealRequest(AtomicU32);

impl StealRequest {
    const_new! {
        /// A slot with no request in it.
        new = StealRequest(AtomicU32::new(0))
    }

    /// Leaves a request by the core with index `thief`. Returns whether it was left; if not, another is waiting.
    // No data hangs on the word: the tasks travel through the inbox. Relaxed is enough.
    pub fn ask(&self, thief: u32) -> bool {
        self.0.load(Relaxed) == 0 && self.0.compare_exchange(0, thief + 1, Relaxed, Relaxed).is_ok()
    }

    /// Takes the request, by the core that owns the slot.
    pub fn take(&self) -> Option<u32> {
        if self.0.load(Relaxed) == 0 {
            return None;
        }
        self.0.swap(0, Relaxed).checked_sub(1)
    }
}
