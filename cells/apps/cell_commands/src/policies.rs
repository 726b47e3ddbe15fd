//! `policy`: the one in use, and those that could be.

use alloc::{string::String, vec::Vec};
use core::fmt::{self, Write};
use namespace::PolicyInfo;
use report::{Table, left};

/// The policies that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// The name of the policy that the scheduler runs, as the scheduler says.
    pub running: String,
    /// The policies of live cells.
    pub loaded: Vec<PolicyInfo>,
    /// Cells of the archive that are not loaded: a policy that was replaced is one.
    pub archived: Vec<String>,
}

/// What has to be done to get a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: it is in use.
    InUse,
    /// Take it into use: the built-in policy is in use, so no cell has to go.
    Take {
        /// The policy's cell.
        cell: String,
    },
    /// Swap the cell of the policy in use for its cell.
    Swap {
        /// The cell of the policy in use.
        old: String,
        /// The cell of the one that is wanted.
        new: String,
    },
}

impl Policies {
    /// The cell whose policy is in use, as the namespace says; `None` if it is the built-in one.
    fn active(&self) -> Option<&PolicyInfo> {
        self.loaded.iter().find(|policy| policy.active)
    }

    /// Whether the scheduler has fallen back from the cell's policy to its own.
    fn fell_back(&self) -> bool {
        self.active().is_some_and(|active| active.policy != self.running)
    }

    /// What has to be done so that the policy named `name`, by its cell's name or its own, is in use.
    pub fn plan(&self, name: &str) -> Plan {
        let wanted = self.loaded.iter().find(|policy| policy.cell == name || policy.policy == name);
        if wanted.is_some_and(|wanted| wanted.active) && !self.fell_back() {
            return Plan::InUse;
        }
        let cell = wanted.map_or(name, |wanted| wanted.cell.as_str()).into();
        match self.active() {
            Some(active) => Plan::Swap { old: active.cell.clone(), new: cell },
            None => Plan::Take { cell },
        }
    }

    /// Prints them as a table.
    pub fn write(&self, out: &mut dyn Write) -> fmt::Result {
        let mut table = Table::new(&[left("policy"), left("cell"), left("state")]);
        for policy in &self.loaded {
            let state = match (policy.active, self.fell_back()) {
                (true, false) => "in use",
                (true, true) => "failed, and was replaced by the built-in one; the log says why",
                (false, _) => "loaded",
            };
            table.row(&[&policy.policy, &policy.cell, &state]);
        }
        for cell in &self.archived {
            table.row(&[&"?", cell, &"in the archive"]);
        }
        if !self.loaded.iter().any(|policy| policy.policy == self.running) {
            table.row(&[&self.running, &"scheduler", &"in use, built in"]);
        }
        write!(out, "{table}")
    }

    /// Prints them as a JSON object.
    pub fn write_json(&self, out: &mut dyn Write) -> fmt::Result {
        json::object(out, |o| {
            o.object("policy", |o| {
                o.field("running", self.running.as_str())?;
                o.field("cell", self.active().map(|active| active.cell.as_str()))?;
                o.field("failed", self.fell_back())?;
                o.list("loaded", self.loaded.iter(), |policy, w| w.value(policy.cell.as_str()))?;
                o.list("archived", self.archived.iter(), |cell, w| w.value(cell.as_str())).map(drop)
            })
            .map(drop)
        })
    }
}
