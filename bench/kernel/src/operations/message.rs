//! A byte to another task and back, over two channels: the price of asking a server task something.
//!
//! The channels hold one message. Neither side polls: each receive blocks, so a round trip is two
//! wakes and, on one core, two switches.

use crate::{
    meter::{Meter, SUBTRACTED},
    tasks,
};
use cell_api::{Bench, BenchContext, BenchError};
use core_local::CoreId;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    Bench::new("message", "send one byte to a task on the same core and receive its answer", |context| {
        let home = context.home()?;
        round_trip(context, home)
    })
    .subtracted(SUBTRACTED),
    Bench::new(
        "message_cross",
        "send one byte to a task on another, idle core and receive its answer",
        |context| {
            let other = context.other()?;
            round_trip(context, other)
        },
    )
    .cores(2)
    .subtracted(SUBTRACTED),
];

fn round_trip(context: &mut BenchContext, there: CoreId) -> Result<(), BenchError> {
    let (ask, questions) = channel::bounded::<u8>(1);
    let (reply, answers) = channel::bounded::<u8>(1);
    tasks::beside(
        there,
        "bench message echo",
        // Ends when the measuring side has dropped its ends.
        move |_| {
            let mut echoed = 0;
            while let Ok(byte) = questions.recv() {
                if reply.send(byte).is_err() {
                    break;
                }
                echoed += 1;
            }
            echoed
        },
        move || {
            let mut byte = 0u8;
            Meter::new(1_000).gives_core_away().run(context, || {
                byte = byte.wrapping_add(1);
                ask.send(byte).map_err(BenchError::failed)?;
                match answers.recv().map_err(BenchError::failed)? {
                    answer if answer == byte => Ok(()),
                    answer => Err(BenchError::failed(format_args!("sent {byte}, and {answer} came back"))),
                }
            })
        },
    )
    .map(drop)
}
