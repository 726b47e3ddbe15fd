//! Native benchmarks: the crates that run on the host too, on its real processor, beside the best libraries of
//! their kind.
//!
//! Each program in `benches/` is one subject area; here are the work that they measure and, behind a trait for each
//! area, those who do it. A criterion *group* is one operation (`heap_larson_2`), a *function* in it one who does it
//! (`keel`, `jemalloc`); the number at the end of an operation's name is that of threads.
//!
//! ```text
//! cargo bench                                                         # all, with the peers that need a C compiler at most
//! cargo bench -p native_benchmarks --features jemalloc,snmalloc       # those that need make and a C++ compiler too
//! cargo bench -p native_benchmarks -- heap_larson                     # only what has this in its name
//! cargo bench -p native_benchmarks -- --test                          # each once, not measured
//! cargo keel bench --native                                           # with what this machine can compile, as a table
//! ```
//!
//! | area | Keel | peers |
//! |---|---|---|
//! | [`frames`] | `frame_allocator::allocate` and the drop of what it gives | `buddy_system_allocator` behind its spin lock; this tree's `locked_buddy`; lists per core before that |
//! | [`heap`] | `heap::KernelHeap` over the simulated machine of `paging::host` | glibc, mimalloc, jemalloc, snmalloc |
//! | [`queues`], [`hand_over`] | the round-robin policy's queue, the request to steal, the inbox | crossbeam-deque, st3, a `VecDeque` in a mutex |
//! | [`cells`] | `object_linker` over every cell of this project | none |
//!
//! # What is fair, and what is not
//! - All are compiled with the kernel's flags as far as the host allows (`profile.bench`: overflow checks on, one
//!   codegen unit).
//! - "Per core" is "per thread" here, and the interrupt flag is a thread's word. The compiler reaches it through the
//!   thread-local segment with a check whether it is initialised; the kernel needs one instruction. Keel's figures
//!   contain that.
//! - Every result is checked: what can be checked for next to nothing inside the measured part (that there is a result,
//!   that a block still holds its owner's stamp, that tasks come in order), the rest before it, by the same code with
//!   [`frames::Owners`] watching, or after it (that no task was lost). A check that fails ends the program.
//! - One operation on two threads is what one thread waits for it while the other does the same, or (`runqueue_steal_2`,
//!   `runqueue_handover_2`) does the other side's part.
//!
//! Nothing here is the program's own allocator: peers are called through [`core::alloc::GlobalAlloc`], by name.

pub mod cells;
pub mod frames;
pub mod hand_over;
pub mod heap;
pub mod queues;
pub mod threads;

/// A small random number generator (xorshift64*, Vigna 2016), so that everybody gets the same work and drawing a number
/// costs next to nothing.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`, which is neither 0 nor above 2^32.
    #[inline]
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        ((high * end as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn numbers_stay_below_the_end_and_reach_all_of_it() {
        let mut random = Random::new(1);
        let mut seen = [false; 10];
        for _ in 0..1_000 {
            seen[random.below(10)] = true;
        }
        assert_eq!(seen, [true; 10]);
    }
}
