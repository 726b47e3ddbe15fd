//! What a call costs: of a function of the same cell, of another cell, of a trait object.
//!
//! All three functions add one, and each is called from a function of its own that is no loop: in a loop the compiler
//! loads the import slot once, and the figure would be that of a call through a register. That frame (a call through
//! a pointer, a return, the number through memory so that the compiler does not know it) is in all three rows
//! alike, so it is their differences that tell. As compiled for x86-64:
//!
//! | row | the call |
//! |---|---|
//! | `call_direct` | `call next` |
//! | `call_slot` | `call *slot(%rip)`: the import slot, which a swap rewrites |
//! | `call_dyn` | `mov 24(%vtable), %rax`, `call *%rax`: object and vtable are in registers already |

use crate::meter::{Meter, SUBTRACTED};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    bench("call_direct", "call a function of the same cell", call_direct),
    bench("call_slot", "call a function of another cell, through the import slot", call_slot),
    bench("call_dyn", "call a method of a trait object", call_dyn),
];

const fn bench(
    name: &'static str,
    what: &'static str,
    run: fn(&mut BenchContext) -> Result<(), BenchError>,
) -> Bench {
    Bench::new(name, what, run).subtracted(SUBTRACTED)
}

/// As [`bench_callee::next`], in this cell.
#[inline(never)]
fn next(n: u64) -> u64 {
    n.wrapping_add(1)
}

/// Something with a method.
trait Callee {
    /// As [`bench_callee::next`].
    fn next(&self, n: u64) -> u64;
}

/// The one implementation.
struct AddsOne;

impl Callee for AddsOne {
    #[inline(never)]
    fn next(&self, n: u64) -> u64 {
        n.wrapping_add(1)
    }
}

/// Calls one of the three once; only one of them uses the object.
type Caller = fn(&dyn Callee, u64) -> u64;

fn call_direct(context: &mut BenchContext) -> Result<(), BenchError> {
    measure(context, |_, n| black_box(next(black_box(n))))
}

fn call_slot(context: &mut BenchContext) -> Result<(), BenchError> {
    measure(context, |_, n| black_box(bench_callee::next(black_box(n))))
}

fn call_dyn(context: &mut BenchContext) -> Result<(), BenchError> {
    measure(context, |callee, n| black_box(callee.next(black_box(n))))
}

fn measure(context: &mut BenchContext, caller: Caller) -> Result<(), BenchError> {
    // The compiler is to know neither, or it would merge caller and loop, and skip the vtable.
    let (caller, callee): (Caller, &dyn Callee) = (black_box(caller), black_box(&AddsOne));
    let mut last = 0;
    Meter::new(1_000).run_sure(context, || last = caller(callee, 1))?;
    match last {
        2 => Ok(()),
        other => Err(BenchError::failed(format_args!("1 and 1 was {other}"))),
    }
}
