//! This boot, as the kernel wrote it down: until there was a console, and until the other cores were there.
//!
//! A boot happens once, so each is one sample, whatever number is asked for; boot again for another. What lies before the kernel's entry
//! (the firmware, the loader) only the host sees.

use cell_api::{Bench, BenchContext, BenchError};

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    Bench::new("boot", "this boot: from the kernel's entry until its console is started, all cores up", boot)
        .unit("ns"),
    Bench::new(
        "bringup",
        "bring up all other cores: from before the INIT that resets them until the last of them is there",
        bringup,
    )
    .cores(2)
    .unit("ns"),
];

fn boot(context: &mut BenchContext) -> Result<(), BenchError> {
    let took = topology::boot_ns().ok_or_else(|| BenchError::failed("the boot is not over"))?;
    context.record(took);
    Ok(())
}

fn bringup(context: &mut BenchContext) -> Result<(), BenchError> {
    context.record(topology::bringup_ns().ok_or(BenchError::NeedsCores(2))?);
    Ok(())
}
