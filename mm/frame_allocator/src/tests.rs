//! The allocator against a plain model, over memory maps that firmware ought not to produce.

extern crate std;

use std::collections::BTreeSet;

use std::vec::Vec;

use bitmap::AtomicWord;
use core_local::CoreId;
use memory_types::Region;
use proptest::prelude::*;

use crate::allocator::BitmapAllocator;
use crate::plan::{InitError, Plan};

const MIB: u64 = 1 << 20;
const FAR: u64 = 1 << 40;

fn region(start: u64, end: u64) -> Region {
    Region { start, end }
}

fn build<T>(
    usable: &[Region],
    reserved: &[Region],
    reachable: u64,
    check: impl FnOnce(&BitmapAllocator<'_>, &Plan) -> T,
) -> Result<T, InitError> {
    let plan = Plan::new(usable.iter().copied(), reserved.iter().copied(), reachable)?;
    let words: Vec<_> = (0..plan.words()).map(|_| AtomicWord::new()).collect();
    let allocator = BitmapAllocator::new(&words, &plan, usable.iter().copied(), reserved.iter().copied());
    Ok(check(&allocator, &plan))
}

/// The frames that may be handed out, said in the simplest way.
fn model(usable: &[Region], reserved: &[Region], plan: &Plan) -> BTreeSet<usize> {
    (1..plan.frames())
        .filter(|&frame| {
            let (start, end) = (frame as u64 * 4096, frame as u64 * 4096 + 4096);
            usable.iter().any(|region| region.start <= start && end <= region.end)
                && !reserved
                    .iter()
                    .chain([&plan.storage()])
                    .any(|region| region.overlaps(&Region { start, end }))
        })
        .collect()
}

#[test]
fn a_common_machine() {
    let usable = [region(0, 0x9_fc00), region(MIB, 128 * MIB)];
    let reserved = [region(2 * MIB, 5 * MIB + 7)];
    build(&usable, &reserved, FAR, |allocator, plan| {
        assert_eq!(plan.storage(), region(MIB, MIB + 4096));
        assert_eq!(allocator.free_low(), 0x9e);
        assert_eq!(allocator.free(), 0x9e + 127 * 256 - 3 * 256 - 1 - 1);
        let low = allocator.claim_low(1).unwrap();
        assert!((1..256).contains(&low));
        let first = allocator.claim(512, 512, CoreId::BOOT).unwrap();
        assert_eq!(first % 512, 0);
        assert!(first >= 256);
        allocator.release(first, 512, CoreId::BOOT).unwrap();
        assert!(allocator.release(first, 1, CoreId::BOOT).is_err());
    })
    .unwrap();
}

#[test]
fn too_little_memory_is_told() {
    for usable in [&[][..], &[region(0, 4096)], &[region(9 * MIB, 2 * MIB)], &[region(u64::MAX, u64::MAX)]] {
        let error = build(usable, &[], FAR, |_, _| ()).unwrap_err();
        assert!(matches!(error, InitError::TooLittleMemory { .. }), "{error:?}");
    }
}

#[test]
fn no_room_for_the_bitmap_is_told() {
    let error = build(&[region(MIB, 64 * MIB)], &[region(0, FAR)], FAR, |_, _| ()).unwrap_err();
    assert_eq!(error, InitError::NoRoomForBitmap { bytes: 4096 });
    assert!(build(&[region(MIB, 64 * MIB)], &[], MIB, |_, _| ()).is_err());
}

#[test]
fn a_stray_region_at_the_top_of_the_address_space_costs_only_itself() {
    let usable =
        [region(u64::MAX - 8 * 4096, u64::MAX), region((1 << 52) - 4096, 1 << 52), region(MIB, 65 * MIB)];
    build(&usable, &[], FAR, |allocator, plan| {
        assert_eq!(plan.frames() as u64, 65 * MIB / 4096);
        assert_eq!(plan.summary(allocator).ignored_bytes, 8 * 4096);
    })
    .unwrap();
}

#[test]
fn memory_out_of_reach_waits() {
    build(&[region(MIB, 64 * MIB)], &[], 8 * MIB, |allocator, _| {
        let all = core::iter::from_fn(|| allocator.claim(1, 1, CoreId::BOOT)).collect::<Vec<_>>();
        assert!(all.iter().all(|&frame| (frame as u64) < 8 * MIB / 4096));
        assert!(allocator.claim_below(1, 1, 1 << 30).is_none());
        allocator.lift_ceiling();
        assert!(allocator.claim_below(1, 1, (8 * MIB / 4096) as usize).is_none());
        assert!(allocator.claim(1, 1, CoreId::BOOT).unwrap() as u64 >= 8 * MIB / 4096);
    })
    .unwrap();
}

/// Edges that are likely to coincide, be off by a little, or be absurd.
fn edge() -> impl Strategy<Value = u64> {
    prop_oneof![
        8 => (0..48u64, 0..4u64, -1..=1i64).prop_map(|(mib, frame, off)|
            (mib * MIB + frame * 4096).saturating_add_signed(off)),
        1 => prop_oneof![Just(0), Just(u64::MAX), Just(1 << 52), Just(u64::MAX - 4095), any::<u64>()],
    ]
}

fn hostile_region() -> impl Strategy<Value = Region> {
    prop_oneof![
        6 => (edge(), 0..20 * MIB).prop_map(|(start, len)| Region { start, end: start.saturating_add(len) }),
        1 => (edge(), edge()).prop_map(|(start, end)| Region { start, end }),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Claim { count: usize, align: usize, core: u32 },
    Low { count: usize },
    Below { count: usize, limit: usize },
    Release { pick: usize, core: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..3usize, 0..2u32, 0..64u32).prop_map(|(count, align, core)| Step::Claim { count, align: 1 << align, core }),
        2 => (1..700usize, 0..11u32, 0..64u32).prop_map(|(count, align, core)| Step::Claim { count, align: 1 << align, core }),
        1 => (1..9usize).prop_map(|count| Step::Low { count }),
        1 => (1..9usize, 0..20_000usize).prop_map(|(count, limit)| Step::Below { count, limit }),
        4 => (any::<usize>(), 0..64u32).prop_map(|(pick, core)| Step::Release { pick, core }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn agrees_with_the_model(
        mut usable in vec(hostile_region(), 0..6),
        honest in any::<bool>(),
        reserved in vec(hostile_region(), 0..5),
        steps in vec(step(), 1..150),
    ) {
        if honest {
            usable.push(region(MIB / 2, 40 * MIB));
        }
        // A map that claims exabytes would need a bitmap of gigabytes; the plan's refusal of it is tested elsewhere.
        prop_assume!(usable.iter().all(|region| region.frames_inside().1 - region.frames_inside().0 < 1 << 20));
        let outcome = build(&usable, &reserved, FAR, |allocator, plan| {
            let mut free = model(&usable, &reserved, plan);
            prop_assert_eq!(allocator.total(), free.len());
            let storage = plan.storage();
            prop_assert!(usable.iter().any(|region| region.start <= storage.start && storage.end <= region.end));
            prop_assert!(!reserved.iter().any(|region| region.overlaps(&storage)));
            let mut held: Vec<(usize, usize)> = Vec::new();
            for step in &steps {
                let (got, count, align, low, high) = match *step {
                    Step::Claim { count, align, core } => {
                        let core = CoreId::new(core).unwrap();
                        (allocator.claim(count, align, core), count, align, 256, usize::MAX)
                    }
                    Step::Low { count } => (allocator.claim_low(count), count, 1, 1, 256),
                    Step::Below { count, limit } => (allocator.claim_below(count, 1, limit), count, 1, 256, limit),
                    Step::Release { pick, core } => {
                        if !held.is_empty() {
                            let (first, count) = held.swap_remove(pick % held.len());
                            prop_assert_eq!(allocator.release(first, count, CoreId::new(core).unwrap()), Ok(()));
                            free.extend(first..first + count);
                        }
                        continue;
                    }
                };
                let fits = |first: usize| first.is_multiple_of(align) && first + count <= high
                    && (first..first + count).all(|frame| free.contains(&frame));
                match got {
                    Some(first) => {
                        prop_assert!(first >= low && fits(first));
                        for frame in first..first + count {
                            free.remove(&frame);
                        }
                        held.push((first, count));
                    }
                    None => prop_assert!(!free.range(low..).any(|&first| fits(first)), "a run was there"),
                }
            }
            prop_assert_eq!(allocator.free(), free.len());
            Ok(())
        });
        match outcome {
            Ok(result) => result?,
            Err(error) => prop_assert!(!matches!(error, InitError::AlreadyInitialised)),
        }
    }

    #[test]
    fn planning_never_panics(
        usable in vec((any::<u64>(), any::<u64>()).prop_map(|(start, end)| Region { start, end }), 0..8),
        reserved in vec((any::<u64>(), any::<u64>()).prop_map(|(start, end)| Region { start, end }), 0..8),
        reachable in any::<u64>(),
    ) {
        if let Ok(plan) = Plan::new(usable.iter().copied(), reserved.iter().copied(), reachable) {
            prop_assert!(plan.storage().end <= reachable);
            prop_assert!(plan.words() * 8 <= (plan.storage().end - plan.storage().start) as usize);
        }
    }
}

fn vec<T: Strategy>(element: T, size: core::ops::Range<usize>) -> impl Strategy<Value = Vec<T::Value>> {
    proptest::collection::vec(element, size)
}
