//! Inputs to rows on all cores: one thread reads and cuts, the others read the rows of blocks
//! and route them.
//!
//! Guarantees: refused rows are told in the order of the input, whichever thread met them; a
//! few blocks are in memory, however slow one of them is; the first fault ends all threads.

use super::BuildError;
use super::intake::{Intake, Router};
use crate::audience::rejects::Rejects;
use crate::audience::rows::blocks::{Block, Format, cut};
use crate::audience::rows::{FieldFault, Offered, ReadError};
use crate::audience::threads::joined;
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::thread;

/// How many blocks may be under way for each thread: one in its hands, one that waits, and
/// some for those that come after a slow one.
const BLOCKS_PER_THREAD: usize = 4;
/// How many refused rows of one block are told in full; the others are only counted. Were it
/// all of them, a file in another format would fill the memory.
pub const BLOCK_REJECTS_MAX: usize = 10_000;

/// Why feeding ended early.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// An input cannot be read on.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A block of an input cannot be read.
    #[error("{name}: {error}")]
    Block {
        /// The input.
        name: Arc<str>,
        /// Why.
        error: ReadError,
    },
    /// A row ends the build.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The refused rows cannot be written down.
    #[error("cannot write the refused rows: {0}")]
    Rejects(io::Error),
}

/// Reads what `produce` feeds, with the threads of the intake; refused rows go to `rejects`.
///
/// # Errors
/// Those of `produce`, or [`FeedError`].
pub fn feed<W: Write + Send, E: From<FeedError>>(
    intake: &Intake,
    rejects: &mut Rejects<W>,
    produce: impl FnOnce(&mut Feeder<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let threads = intake.resources.threads.max(1);
    let belt = Belt {
        state: Mutex::default(),
        changed: Condvar::new(),
        blocks_max: (threads * BLOCKS_PER_THREAD) as u64,
    };
    let told = Mutex::new(Told { rejects, waiting: BTreeMap::new(), next: 0 });
    thread::scope(|scope| {
        let work = || {
            let _guard = StopOnPanic(&belt);
            let worker = Worker { router: intake.router(), belt: &belt, told: &told };
            let done = worker.run();
            if done.is_err() {
                belt.stop();
            }
            done
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let produced = produce(&mut Feeder { belt: &belt });
        belt.end();
        let done: Vec<_> = workers.into_iter().map(joined).collect();
        let done: Result<(), FeedError> = done.into_iter().collect();
        // A worker's fault is why the producer was stopped.
        done.map_err(E::from).and(produced)
    })
}

/// Where inputs go in.
pub struct Feeder<'a> {
    belt: &'a Belt,
}

impl Feeder<'_> {
    /// Feeds an input to its end; `name` is what refused rows are told under.
    ///
    /// # Errors
    /// The input cannot be read on.
    pub fn read(&mut self, name: &str, format: Format, input: impl Read) -> Result<(), FeedError> {
        let source: Arc<str> = name.into();
        let belt = self.belt;
        let hand = |block| {
            belt.put(Task { source: Arc::clone(&source), block });
            Ok(())
        };
        cut::<ReadError>(format, input, (|| belt.buffer(), hand))?;
        Ok(())
    }

    /// Feeds blocks that were made otherwise.
    pub fn put(&mut self, name: &str, block: Block) {
        self.belt.put(Task { source: name.into(), block });
    }
}

struct Task {
    source: Arc<str>,
    block: Block,
}

/// What lies between the thread that reads and those that work.
struct Belt {
    state: Mutex<State>,
    changed: Condvar,
    blocks_max: u64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(u64, Task)>,
    buffers: Vec<Vec<u8>>,
    /// How many blocks came, and up to which all are done.
    came: u64,
    done: u64,
    ended: bool,
    stopped: bool,
}

impl Belt {
    /// Puts a block on the belt, once there is room for it. After a fault it is dropped.
    fn put(&self, task: Task) {
        let mut state = self.state.lock();
        while !state.stopped && state.came - state.done >= self.blocks_max {
            self.changed.wait(&mut state);
        }
        if !state.stopped {
            let number = state.came;
            state.came += 1;
            state.waiting.push_back((number, task));
            self.changed.notify_all();
        }
    }

    /// The next block; `None` when there will be none.
    fn take(&self) -> Option<(u64, Task)> {
        let mut state = self.state.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(task) = state.waiting.pop_front() {
                return Some(task);
            }
            if state.ended {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }

    /// All blocks before `number` are done; `buffer` can be used again.
    fn done_before(&self, number: u64, buffer: Vec<u8>) {
        let mut state = self.state.lock();
        state.done = state.done.max(number);
        state.buffers.push(buffer);
        self.changed.notify_all();
    }

    fn buffer(&self) -> Vec<u8> {
        self.state.lock().buffers.pop().unwrap_or_default()
    }

    fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_all();
    }

    fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }
}

/// A thread that dies must not leave the others waiting for it.
struct StopOnPanic<'a>(&'a Belt);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

struct Worker<'a, 'r, W> {
    router: Router<'a>,
    belt: &'a Belt,
    told: &'a Mutex<Told<'r, W>>,
}

impl<W: Write> Worker<'_, '_, W> {
    fn run(mut self) -> Result<(), FeedError> {
        while let Some((number, task)) = self.belt.take() {
            let refused = self.read(&task).map_err(|error| match error {
                FeedError::Read(error) => {
                    FeedError::Block { name: Arc::clone(&task.source), error }
                }
                other => other,
            })?;
            let next = self.told.lock().tell(number, refused).map_err(FeedError::Rejects)?;
            self.belt.done_before(next, task.block.into_buffer());
        }
        self.router.close()?;
        Ok(())
    }

    fn read(&mut self, task: &Task) -> Result<Refused, FeedError> {
        let mut refused = Refused::default();
        task.block.rows(|offered| {
            let Offered { line, raw, row } = offered;
            let fault = match row {
                Err(fault) => fault,
                Ok(row) => match self.router.add(&row) {
                    Ok(()) => return Ok(()),
                    Err(BuildError::Row(fault)) => fault,
                    Err(error) => return Err(FeedError::Build(error)),
                },
            };
            refused.add((line, raw), fault);
            Ok(())
        })?;
        refused.source = Some(Arc::clone(&task.source));
        Ok(refused)
    }
}

/// The refused rows of one block.
#[derive(Default)]
struct Refused {
    source: Option<Arc<str>>,
    rows: Vec<(u64, FieldFault, String)>,
    others: BTreeMap<&'static str, u64>,
}

impl Refused {
    fn add(&mut self, (line, raw): (u64, &[u8]), fault: FieldFault) {
        if self.rows.len() < BLOCK_REJECTS_MAX {
            self.rows.push((line, fault, String::from_utf8_lossy(raw).into_owned()));
        } else {
            *self.others.entry(fault.expected).or_default() += 1;
        }
    }
}

/// Puts the refused rows of blocks into the order of the blocks.
struct Told<'r, W> {
    rejects: &'r mut Rejects<W>,
    waiting: BTreeMap<u64, Refused>,
    next: u64,
}

impl<W: Write> Told<'_, W> {
    /// Takes the refused rows of a block; the number of the first block that is missing.
    fn tell(&mut self, number: u64, refused: Refused) -> io::Result<u64> {
        self.waiting.insert(number, refused);
        while let Some(refused) = self.waiting.remove(&self.next) {
            let source = refused.source.as_deref().unwrap_or_default();
            for (line, fault, text) in refused.rows {
                self.rejects.note((source, line), fault, &text)?;
            }
            for (expected, count) in refused.others {
                self.rejects.count(expected, count);
            }
            self.next += 1;
        }
        Ok(self.next)
    }
}
