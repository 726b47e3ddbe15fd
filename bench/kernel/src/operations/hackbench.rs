//! A crowd that talks: `hackbench`, the Linux scheduler's benchmark, with channels in place of its pipes.
//!
//! 20 groups of 20 senders and 20 receivers; each sender sends [`LOOPS`] messages of 100 bytes to each receiver of its group. All 800 tasks
//! exist and wait before the clock starts; it stops when the last of them has been joined. A run is a sample, and a run takes long, so the
//! message count is far below the 100 loops of the original; the counterpart on Linux has the same.
//!
//! A channel has room for [`ROOM`] messages, so that as with a pipe (64 KiB, 655 messages) no sender waits for room. Each
//! receiver counts what it got from whom.
//!
//! The tasks' stacks are small and so not of the size that the scheduler keeps for the next task: each is mapped anew, before the clock
//! starts, and unmapped by the scheduler's reaper once its task has ended. The first tasks end long before the last, so part of that
//! unmapping goes on while the clock runs, as with any task that ends; the rest falls into the wait after each run.

use crate::tasks::{comes_true, wait_for_stacks};
use alloc::{sync::Arc, vec::Vec};
use cell_api::{Bench, BenchContext, BenchError};
use channel::{Receiver, Sender};
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use core_local::CoreSet;
use scheduler::{Builder, JoinHandle};
use sync::WaitQueue;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "hackbench",
    "20 groups of 20 senders and 20 receivers, 2 messages of 100 bytes from each to each: the whole",
    hackbench,
)
.unit("ns")];

/// How many runs unless the caller wants another number.
const SAMPLES: usize = 3;
const GROUPS: usize = 20;
/// Senders of a group, and receivers.
const PAIRS: u8 = 20;
/// How often each sender sends to each receiver.
const LOOPS: u8 = 2;
const MESSAGE_BYTES: usize = 100;
/// Messages that fit into a channel: all that a receiver gets, rounded up.
const ROOM: usize = (PAIRS as usize * LOOPS as usize).next_power_of_two();
/// Small, for there are many.
const STACK_BYTES: usize = 16 * 1024;
/// How many frames may stay in use: the heap keeps what it has grown by (8 MiB).
const KEPT_FRAMES: usize = 2048;

/// By value: it is copied into the channel and out of it.
type Message = [u8; MESSAGE_BYTES];

/// Where the tasks wait for the clock to start.
struct Gate {
    waiting: AtomicUsize,
    state: AtomicU8,
    queue: WaitQueue,
}

const CLOSED: u8 = 0;
const OPEN: u8 = 1;
/// Go home: not all could be made.
const OVER: u8 = 2;

impl Gate {
    /// Waits for the gate. Returns whether the run takes place.
    fn pass(&self) -> bool {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // Acquire and Release: not for data of the gate's, but what came before it is done.
        self.queue.wait_until(|| match self.state.load(Ordering::Acquire) {
            CLOSED => None,
            state => Some(state == OPEN),
        })
    }

    fn set(&self, state: u8) {
        // An open gate stays open.
        let _ = self.state.compare_exchange(CLOSED, state, Ordering::Release, Ordering::Relaxed);
        self.queue.wake_all();
    }
}

/// Sends everybody home if the gate was not opened: also when the measuring task is unwound.
struct OverOnDrop<'a>(&'a Gate);

impl Drop for OverOnDrop<'_> {
    fn drop(&mut self) {
        self.0.set(OVER);
    }
}

fn hackbench(context: &mut BenchContext) -> Result<(), BenchError> {
    let cores = context.cores();
    context.home()?;
    let free = frame_allocator::stats().free;
    for _ in 0..context.samples_wanted(SAMPLES) {
        let ticks = run(cores)?;
        context.record(clock::ticks_to_ns(ticks));
        wait_for_stacks(free, KEPT_FRAMES)?;
    }
    Ok(())
}

/// One run, from making the tasks to joining them; what the clock says of it.
fn run(cores: CoreSet) -> Result<u64, BenchError> {
    let gate = Arc::new(Gate {
        waiting: AtomicUsize::new(0),
        state: AtomicU8::new(CLOSED),
        queue: WaitQueue::new(),
    });
    let over = OverOnDrop(&gate);
    let mut tasks = Vec::with_capacity(GROUPS * 2 * usize::from(PAIRS));
    let gathered = (0..GROUPS)
        .try_for_each(|_| group(cores, &gate, &mut tasks))
        .and_then(|()| gather(&gate, tasks.len()));
    let start = clock::now_ticks_fenced();
    if gathered.is_ok() {
        gate.set(OPEN);
    }
    drop(over);
    let mut received = 0;
    let mut ended = Ok(());
    for task in tasks {
        match task.join() {
            Ok(messages) => received += messages,
            Err(death) => {
                ended = Err(BenchError::failed(format_args!("one of its tasks ended early: {death}")))
            }
        }
    }
    let ticks = clock::now_ticks_fenced().wrapping_sub(start);
    gathered.and(ended)?;
    let expected = GROUPS * usize::from(PAIRS) * usize::from(PAIRS) * usize::from(LOOPS);
    match received == expected {
        true => Ok(ticks),
        false => Err(BenchError::failed(format_args!(
            "of {expected} messages {received} arrived as they were sent"
        ))),
    }
}

/// Makes the tasks of a group. Each returns how many messages it has received as they should be.
fn group(cores: CoreSet, gate: &Arc<Gate>, tasks: &mut Vec<JoinHandle<usize>>) -> Result<(), BenchError> {
    let mut channels: Vec<Sender<Message>> = Vec::with_capacity(usize::from(PAIRS));
    for _ in 0..PAIRS {
        let (sender, receiver) = channel::bounded(ROOM);
        channels.push(sender);
        spawn(cores, gate, tasks, move || receive(&receiver))?;
    }
    let channels: Arc<[Sender<Message>]> = channels.into();
    for name in 0..PAIRS {
        let channels = Arc::clone(&channels);
        spawn(cores, gate, tasks, move || send(name, &channels))?;
    }
    Ok(())
}

fn spawn(
    cores: CoreSet,
    gate: &Arc<Gate>,
    tasks: &mut Vec<JoinHandle<usize>>,
    work: impl FnOnce() -> usize + Send + 'static,
) -> Result<(), BenchError> {
    let gate = Arc::clone(gate);
    let task = Builder::new("hackbench").cores(cores).stack(STACK_BYTES);
    let task = task.spawn(move || if gate.pass() { work() } else { 0 });
    let task = task.map_err(|error| {
        BenchError::failed(format_args!("only {} tasks could be made: {error}", tasks.len()))
    })?;
    tasks.push(task);
    Ok(())
}

/// Waits until all tasks wait at the gate.
fn gather(gate: &Gate, tasks: usize) -> Result<(), BenchError> {
    match comes_true(|| gate.queue.len() == tasks) {
        true => Ok(()),
        false => Err(BenchError::failed(format_args!(
            "of {tasks} tasks only {} have begun to run",
            gate.waiting.load(Ordering::Relaxed)
        ))),
    }
}

fn send(name: u8, channels: &[Sender<Message>]) -> usize {
    for _ in 0..LOOPS {
        for channel in channels {
            // Fails only if the receiver has died; its join says so.
            let _ = channel.send([name; MESSAGE_BYTES]);
        }
    }
    0
}

fn receive(channel: &Receiver<Message>) -> usize {
    let mut from = [0u8; PAIRS as usize];
    for _ in 0..usize::from(PAIRS) * usize::from(LOOPS) {
        let Ok(message) = channel.recv() else { break };
        // A message that is not one sender's from end to end counts for nobody.
        let whole = message.first() == message.last();
        if let Some(count) =
            message.first().filter(|_| whole).and_then(|&name| from.get_mut(usize::from(name)))
        {
            *count += 1;
        }
    }
    from.iter().map(|&count| usize::from(count.min(LOOPS))).sum()
}
