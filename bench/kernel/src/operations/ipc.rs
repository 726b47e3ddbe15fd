//! Theseus's exchange of messages: round trips of one byte between two tasks, over each kind of channel.
//!
//! - *rendezvous*: a sender waits until its byte has been taken; *async*: the buffer has room for 65,536;
//! - on one core, or the other task on another (`_cross`);
//! - blocking, or polling (`_polling`): both tasks ask again and again, and on one core yield in between.
//!
//! A sender of a rendezvous always blocks, so polling exists for the buffered channel alone. Theseus makes ten times
//! 10,000 round trips: `--samples 100000`, of which each is one at least. The row `message` is the same exchange over a
//! channel with room for one, which is what a server task would use.

use crate::{
    meter::{Meter, SUBTRACTED},
    tasks,
};
use cell_api::{Bench, BenchContext, BenchError};
use channel::{Receiver, Sender, TryRecvError};
use core::hint;
use core_local::CoreId;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    bench("ipc_rendezvous", "rendezvous a byte with a task on the same core, and one back", |context| {
        round_trip(context, Place::Here, channel::rendezvous, Manner::Blocking)
    }),
    bench(
        "ipc_rendezvous_cross",
        "rendezvous a byte with a task on another, idle core, and one back",
        |context| round_trip(context, Place::There, channel::rendezvous, Manner::Blocking),
    )
    .cores(2),
    bench(
        "ipc_rendezvous_polling",
        "rendezvous a byte with a task on the same core, and one back, polling",
        |_| Err(BenchError::NotYet(NO_POLLED_RENDEZVOUS)),
    ),
    bench(
        "ipc_rendezvous_polling_cross",
        "rendezvous a byte with a task on another core, and one back, polling",
        |_| Err(BenchError::NotYet(NO_POLLED_RENDEZVOUS)),
    )
    .cores(2),
    bench("ipc_async", "a byte through a buffer to a task on the same core, and one back", |context| {
        round_trip(context, Place::Here, buffered, Manner::Blocking)
    }),
    bench(
        "ipc_async_cross",
        "a byte through a buffer to a task on another, idle core, and one back",
        |context| round_trip(context, Place::There, buffered, Manner::Blocking),
    )
    .cores(2),
    bench(
        "ipc_async_polling",
        "a byte through a buffer to a task on the same core, and one back, polling",
        |context| round_trip(context, Place::Here, buffered, Manner::Polling),
    ),
    bench(
        "ipc_async_polling_cross",
        "a byte through a buffer to a task on another core, and one back, polling",
        |context| round_trip(context, Place::There, buffered, Manner::Polling),
    )
    .cores(2),
];

const fn bench(
    name: &'static str,
    what: &'static str,
    run: fn(&mut BenchContext) -> Result<(), BenchError>,
) -> Bench {
    Bench::new(name, what, run).subtracted(SUBTRACTED)
}

/// Why there is no such row.
const NO_POLLED_RENDEZVOUS: &str =
    "a rendezvous channel has no send that returns at once when no receiver waits; its senders always block";

/// Theseus's.
const CAPACITY: usize = 65_536;

fn buffered() -> (Sender<u8>, Receiver<u8>) {
    channel::bounded(CAPACITY)
}

/// Where the other task is.
#[derive(Clone, Copy)]
enum Place {
    Here,
    There,
}

/// How both tasks wait for a byte.
#[derive(Clone, Copy)]
enum Manner {
    Blocking,
    Polling,
}

fn round_trip(
    context: &mut BenchContext,
    place: Place,
    channel: fn() -> (Sender<u8>, Receiver<u8>),
    manner: Manner,
) -> Result<(), BenchError> {
    let (ask, questions) = channel();
    let (reply, answers) = channel();
    let (core, between): (CoreId, fn()) = match place {
        Place::Here => (context.home()?, scheduler::yield_now),
        Place::There => (context.other()?, hint::spin_loop),
    };
    // Two cores that poll are slow where an emulator has fewer of them: it lets each spin for long; so few samples. And there
    // the measuring side neither parks nor yields.
    let meter = match (place, manner) {
        (Place::There, Manner::Polling) => Meter::new(50),
        _ => Meter::new(1_000).gives_core_away(),
    };
    tasks::beside(
        core,
        "bench ipc echo",
        // Ends when the measuring side has dropped its ends.
        move |_| {
            let mut echoed = 0;
            while let Some(byte) = receive(&questions, manner, between) {
                if reply.send(byte).is_err() {
                    break;
                }
                echoed += 1;
            }
            echoed
        },
        move || {
            let mut byte = 0u8;
            meter.run(context, || {
                byte = byte.wrapping_add(1);
                ask.send(byte).map_err(BenchError::failed)?;
                match receive(&answers, manner, between) {
                    Some(answer) if answer == byte => Ok(()),
                    Some(answer) => {
                        Err(BenchError::failed(format_args!("sent {byte}, and {answer} came back")))
                    }
                    None => Err(BenchError::failed("the other task has gone")),
                }
            })
        },
    )
    .map(drop)
}

/// The next byte; `None` when nobody is left who could send one.
#[inline]
fn receive(from: &Receiver<u8>, manner: Manner, between: fn()) -> Option<u8> {
    match manner {
        Manner::Blocking => from.recv().ok(),
        Manner::Polling => loop {
            match from.try_recv() {
                Ok(byte) => return Some(byte),
                Err(TryRecvError::Empty) => between(),
                Err(TryRecvError::Disconnected) => return None,
            }
        },
    }
}
