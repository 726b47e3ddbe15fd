//! The swap: one cell takes another's place while everything runs.
//!
//! ```text
//!   stage    load, link and check a fresh copy of the new cell           nobody can reach it
//!   verify   like for like; every import that others have of the old     nothing is changed
//!            one exists in the new one; list the words to rewrite
//!   transfer make room for the bookkeeping of the commit                 from here on nothing needs memory
//!   commit   all cores stand still: tasks move from policy to policy,    all or nothing
//!            or the listed words are stored
//!   retire   free the old cell if it is certain that nobody is in it     cannot fail the swap
//! ```
//! A failure before or in commit disposes of the new cell, and that is all there is to undo: up to there the system was only
//! read. After commit the swap has happened; what retirement finds in its way keeps the old cell, and is named.
//!
//! Cells carry no state over yet but what their kind defines: a policy's tasks, which the scheduler moves itself at the
//! rendezvous.

use crate::archive::File;
use crate::cell::{Kind, LoadedCell, Reason, State};
use crate::error::SwapError;
use crate::platform::{Committed, Platform};
use crate::space::Namespace;
use crate::verify::{Rewiring, rewiring};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;
use symbol_map::CELL_SUFFIX;

/// A step of a swap, with the name that people see.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// Load and link.
    Stage,
    /// Compare.
    Verify,
    /// Carry over.
    Transfer,
    /// Switch, at the rendezvous.
    Commit,
    /// Free the old.
    Retire,
}

impl Step {
    /// Its name, as in `swap --json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Verify => "verify",
            Self::Transfer => "transfer",
            Self::Commit => "commit",
            Self::Retire => "retire",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What each step took, in nanoseconds.
pub type Steps = Vec<(Step, u64)>;

/// A swap that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SwapReport {
    /// The cell that was replaced.
    pub old: String,
    /// The cell that took its place.
    pub new: String,
    /// What each step took.
    pub steps: Steps,
    /// How long each core stood still at the rendezvous, in nanoseconds.
    pub pauses: Vec<u64>,
    /// How many tasks were handed over (policies), or words rewritten (others).
    pub moved: usize,
    /// Replaced cells that are still there, and why. Empty if all were freed.
    pub kept: Vec<(String, Reason)>,
    /// Whether all memory of what was freed went back; if not, the log says which core did not answer.
    pub leaked: bool,
}

/// A swap that did not happen: the system is as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SwapFailure {
    /// The step that failed.
    pub step: Step,
    /// Why.
    pub error: SwapError,
    /// What the steps up to there took.
    pub steps: Steps,
}

impl fmt::Display for SwapFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}
impl core::error::Error for SwapFailure {}

/// Takes the time of the steps.
struct Watch<P> {
    began: u64,
    steps: Steps,
    platform: core::marker::PhantomData<P>,
}

impl<P: Platform> Watch<P> {
    fn start() -> Self {
        Self { began: P::now_ns(), steps: Vec::with_capacity(5), platform: core::marker::PhantomData }
    }
    fn done(&mut self, step: Step) {
        let now = P::now_ns();
        self.steps.push((step, now.saturating_sub(self.began)));
        self.began = now;
    }
    fn fail(mut self, step: Step, error: SwapError) -> Box<SwapFailure> {
        self.done(step);
        Box::new(SwapFailure { step, error, steps: self.steps })
    }
}

/// Which cells a swap takes out.
struct Leaving {
    old: u64,
    /// The old cell first; then an idle copy of the new one that was loaded at boot.
    all: Vec<u64>,
    /// Whether the scheduler uses the old one's policy.
    active: bool,
}

impl<P: Platform> Namespace<P> {
    /// Replaces the live cell `old` by a fresh copy of `new` from the archive. `old` and `new` may be equal: a reload.
    ///
    /// # Errors
    /// [`SwapFailure`]: which step failed and why; nothing was changed.
    pub fn swap(&self, old: &str, new: &str) -> Result<SwapReport, Box<SwapFailure>> {
        self.in_turn(|| self.swap_in_turn(old, new))
    }

    fn swap_in_turn(&self, old: &str, new: &str) -> Result<SwapReport, Box<SwapFailure>> {
        self.reap_in_turn();
        let mut watch = Watch::<P>::start();

        let leaving = match self.leaving(old, new) {
            Ok(leaving) => leaving,
            Err(error) => return Err(watch.fail(Step::Stage, error)),
        };
        let staged = self.cell_file(new).and_then(|file| {
            self.stage(&file, &leaving.all).map_err(|error| SwapError::Load(new.into(), error))
        });
        let staged = match staged {
            Ok(staged) => staged,
            Err(error) => return Err(watch.fail(Step::Stage, error)),
        };
        watch.done(Step::Stage);

        let wiring = match self.verify(&leaving, &staged) {
            Ok(wiring) => wiring,
            Err(error) => {
                self.dispose(staged);
                return Err(watch.fail(Step::Verify, error));
            }
        };
        watch.done(Step::Verify);

        self.cells.lock().list.reserve(1);
        watch.done(Step::Transfer);

        let policy = staged.entry.policy_factory().filter(|_| leaving.active);
        let committed = match policy {
            Some(factory) => P::swap_policy(factory),
            None if wiring.writes.is_empty() => Ok(Committed::default()),
            None => P::rewrite(&wiring.writes),
        };
        let committed = match committed {
            Ok(committed) => committed,
            Err(why) => {
                self.dispose(staged);
                return Err(watch.fail(Step::Commit, SwapError::Machine(why)));
            }
        };
        self.adopt(staged, &leaving, &wiring);
        watch.done(Step::Commit);

        let mut kept = Vec::new();
        let mut leaked = false;
        for id in leaving.all {
            match self.retire(id) {
                Ok(freed) => leaked |= !freed,
                Err((name, reason)) => kept.push((name, reason)),
            }
        }
        watch.done(Step::Retire);
        Ok(SwapReport {
            old: old.into(),
            new: new.into(),
            steps: watch.steps,
            pauses: committed.pauses,
            moved: committed.moved,
            kept,
            leaked,
        })
    }

    /// Makes the scheduler use the policy of the live cell `name`, without loading or freeing anything: how the boot goes from
    /// the built-in policy to the first cell's.
    ///
    /// # Errors
    /// [`SwapError`]; the policy in use goes on.
    pub fn use_policy(&self, name: &str) -> Result<Committed, SwapError> {
        self.in_turn(|| self.use_policy_in_turn(name))
    }

    fn use_policy_in_turn(&self, name: &str) -> Result<Committed, SwapError> {
        let (id, factory) = {
            let cells = self.cells.lock();
            let cell = cells.list.iter().find(|c| c.live() && c.name() == name);
            let cell = cell.ok_or_else(|| SwapError::NoSuchCell(name.into()))?;
            (cell.id, cell.entry.policy_factory().ok_or_else(|| SwapError::NoPolicy(name.into()))?)
        };
        // The turn is held, so the cell stays though no lock does.
        let committed = P::swap_policy(factory).map_err(SwapError::Machine)?;
        self.cells.lock().active = Some(id);
        Ok(committed)
    }

    /// Frees replaced cells that nobody uses any more; says how many.
    pub fn reap(&self) -> usize {
        self.in_turn(|| self.reap_in_turn())
    }

    fn reap_in_turn(&self) -> usize {
        let retiring: Vec<u64> = self.cells.lock().list.iter().filter(|c| !c.live()).map(|c| c.id).collect();
        retiring.into_iter().filter(|&id| self.retire(id).is_ok()).count()
    }

    fn cell_file(&self, name: &str) -> Result<File<'static>, SwapError> {
        let wanted = |file: &File<'_>| file.name.strip_suffix(CELL_SUFFIX) == Some(name);
        let file = self.archive.get().and_then(|archive| archive.files().find(wanted));
        file.ok_or_else(|| SwapError::NotInArchive(name.into()))
    }

    fn in_base(&self, name: &str) -> bool {
        self.base.get().is_some_and(|base| base.find_cell(name).is_some())
    }

    fn leaving(&self, old: &str, new: &str) -> Result<Leaving, SwapError> {
        if let Some(name) = [old, new].into_iter().find(|name| self.in_base(name)) {
            return Err(SwapError::InBase(name.into()));
        }
        let cells = self.cells.lock();
        let live = |name: &str| cells.list.iter().find(|c| c.live() && c.name() == name);
        let outgoing = live(old).ok_or_else(|| SwapError::NoSuchCell(old.into()))?;
        if outgoing.kind == Kind::Program {
            return Err(SwapError::Runs(old.into()));
        }
        let active = cells.active == Some(outgoing.id);
        let mut all = alloc::vec![outgoing.id];
        if old != new {
            if outgoing.kind == Kind::Policy && !active {
                let name = cells.active.and_then(|id| cells.list.iter().find(|c| c.id == id));
                return Err(SwapError::NotActive(old.into(), name.map(|c| c.name().into())));
            }
            match live(new) {
                Some(idle) if idle.kind == Kind::Policy && outgoing.kind == Kind::Policy => all.push(idle.id),
                Some(other) if other.kind != outgoing.kind => {
                    return Err(SwapError::KindsDiffer(old.into(), outgoing.kind, new.into(), other.kind));
                }
                Some(_) => return Err(SwapError::BothLive(new.into())),
                None => {}
            }
        }
        Ok(Leaving { old: outgoing.id, all, active })
    }

    /// Compares; the result is all that the commit will store.
    fn verify(&self, leaving: &Leaving, new: &LoadedCell<P>) -> Result<Rewiring, SwapError> {
        let cells = self.cells.lock();
        let mut wiring = Rewiring::default();
        for &id in &leaving.all {
            let Some(outgoing) = cells.list.iter().find(|c| c.id == id) else { continue };
            if outgoing.kind != new.kind {
                let names = (String::from(outgoing.name()), String::from(new.name()));
                return Err(SwapError::KindsDiffer(names.0, outgoing.kind, names.1, new.kind));
            }
            // Whoever imports a function may hold its address in a register, where no rewriting reaches it; a policy is freed.
            if outgoing.kind == Kind::Policy
                && let Some(by) = cells.list.iter().find(|c| c.imports_from(id))
            {
                return Err(SwapError::PolicyImported(outgoing.name().into(), by.name().into()));
            }
            let more = rewiring(&cells.list, outgoing, new)?;
            wiring.turns.extend(more.turns);
            wiring.writes.extend(more.writes);
        }
        Ok(wiring)
    }

    /// The bookkeeping of a commit that has happened: room was made before, so nothing here can fail.
    fn adopt(&self, new: LoadedCell<P>, leaving: &Leaving, wiring: &Rewiring) {
        let mut cells = self.cells.lock();
        let provider = crate::cell::Provider::Cell(new.id);
        for turn in &wiring.turns {
            let dependant = cells.list.iter_mut().find(|c| c.id == turn.dependant);
            if let Some(binding) = dependant.and_then(|c| c.bindings.get_mut(turn.binding)) {
                (binding.provider, binding.address) = (provider, turn.address);
            }
        }
        for cell in cells.list.iter_mut().filter(|c| leaving.all.contains(&c.id)) {
            cell.state = State::Retiring(Reason::Untracked);
        }
        if cells.active == Some(leaving.old) {
            cells.active = Some(new.id);
        }
        cells.list.push(new);
    }

    /// Frees a replaced cell if it is certain that nobody uses it. `Ok` says whether its memory went back.
    fn retire(&self, id: u64) -> Result<bool, (String, Reason)> {
        let cell = {
            let mut cells = self.cells.lock();
            let Some(at) = cells.list.iter().position(|c| c.id == id) else { return Ok(true) };
            let reason = in_the_way(&cells.list, &cells.list[at]);
            if let Some(reason) = reason {
                let cell = &mut cells.list[at];
                cell.state = State::Retiring(reason.clone());
                return Err((cell.name().into(), reason));
            }
            cells.list.remove(at)
        };
        Ok(self.dispose(cell))
    }
}

/// What keeps a replaced cell from being freed.
fn in_the_way<P: Platform>(cells: &[LoadedCell<P>], cell: &LoadedCell<P>) -> Option<Reason> {
    let importers: Vec<String> = cells
        .iter()
        .filter(|c| c.id != cell.id && c.imports_from(cell.id))
        .map(|c| c.name().into())
        .collect();
    if !importers.is_empty() {
        return Some(Reason::Imported(importers));
    }
    match cell.pins.count() {
        0 if cell.only_policy() => None,
        0 => Some(Reason::Untracked),
        users => Some(Reason::Pinned(users)),
    }
}
