//! What the tasks of a load do: a fixed script, drawn from the task's number and the step's.
//!
//! Nothing is random, so a run can be repeated. Tasks come in pairs, and both of a pair agree about the steps at which they
//! meet: whoever comes first parks and is woken by the other.

/// What a task does in one step: it computes, then it gives the core away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// For how long it computes, in nanoseconds.
    pub spin_ns: u64,
    /// How it gives the core away.
    pub then: Then,
}

/// How a task gives its core away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It yields.
    Yield,
    /// It goes on without giving the core away: preemption has to.
    GoOn,
    /// It sleeps for this many nanoseconds.
    Sleep(u64),
    /// It waits until its partner has come to the same step.
    Meet,
}

/// The longest that a step computes, in nanoseconds.
const LONGEST_SPIN_NS: u64 = 16_000;
/// The shortest and the longest sleep, in nanoseconds.
const SLEEP_NS: core::ops::Range<u64> = 50_000..1_000_000;

/// The other of the pair. The last of an odd number of tasks has none.
pub fn partner(task: usize, tasks: usize) -> Option<usize> {
    let other = task ^ 1;
    (other < tasks).then_some(other)
}

/// What `task`, of a load of `tasks`, does in its step number `step`.
pub fn step(task: usize, tasks: usize, step: u32) -> Step {
    // The pair's number alone decides about a meeting, so that both come.
    let pair = mix((task as u64 / 2) << 32 | u64::from(step));
    let own = mix(pair.wrapping_add(task as u64 & 1));
    let spin_ns = own % LONGEST_SPIN_NS;
    let then = match (pair % 4, own >> 60) {
        (0, _) if partner(task, tasks).is_some() => Then::Meet,
        (_, 0 | 1) => Then::Sleep(SLEEP_NS.start + (own >> 16) % (SLEEP_NS.end - SLEEP_NS.start)),
        (_, 2 | 3) => Then::GoOn,
        _ => Then::Yield,
    };
    Step { spin_ns, then }
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA'14): turns a counter into bits that look drawn.
fn mix(counter: u64) -> u64 {
    let z = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners_meet_at_the_same_steps() {
        for (task, number) in (0..300).flat_map(|task| (0..50).map(move |number| (task, number))) {
            let Some(other) = partner(task, 300) else { panic!("300 is even") };
            assert_eq!(partner(other, 300), Some(task));
            let meets = |task| step(task, 300, number).then == Then::Meet;
            assert_eq!(meets(task), meets(other));
        }
    }

    #[test]
    fn the_odd_one_meets_nobody_and_every_way_is_taken() {
        assert_eq!((partner(4, 5), partner(3, 5)), (None, Some(2)));
        let of = |task| (0..400).map(move |number| step(task, 5, number));
        assert!(of(4).all(|step| step.then != Then::Meet));
        for way in [Then::Yield, Then::GoOn, Then::Meet] {
            assert!(of(0).any(|step| step.then == way), "{way:?}");
        }
        let sleeps = of(0).filter_map(|step| if let Then::Sleep(ns) = step.then { Some(ns) } else { None });
        assert!(sleeps.inspect(|ns| assert!(SLEEP_NS.contains(ns))).count() > 10);
    }
}
