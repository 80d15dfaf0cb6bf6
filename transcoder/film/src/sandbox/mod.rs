//! What a worker gives up before it looks at the first byte of a stranger's file, for good.
//!
//! Owns the order of the layers and what is said where one is missing. [`limits`] bounds what can
//! be used up, [`fence`] what can be opened, [`calls`] what can be asked of the kernel. What the
//! supervisor does (no environment, no descriptors, its watch) is not here.

mod calls;
mod fence;
mod limits;

use std::fmt;
use std::path::Path;

use satreel_config::Sandbox;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// The layers that hold, as found out by putting them up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layers {
    pub landlock: Layer,
    pub seccomp: Layer,
}

/// How one layer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// It holds; with details.
    Holds(String),
    /// It can't be had, and why.
    Missing(String),
}

impl Layer {
    pub fn missing(&self) -> Option<&str> {
        match self {
            Self::Holds(_) => None,
            Self::Missing(why) => Some(why),
        }
    }
}

impl Layers {
    /// What is wanted and can't be had, in words.
    pub fn missing(&self) -> Option<String> {
        let layers = [("Landlock", &self.landlock), ("seccomp", &self.seccomp)];
        let missing: Vec<String> = layers
            .iter()
            .filter_map(|(name, layer)| Some(format!("{name}: {}", layer.missing()?)))
            .collect();
        (!missing.is_empty()).then(|| missing.join("; "))
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |layer: &Layer| match layer {
            Layer::Holds(detail) => detail.clone(),
            Layer::Missing(why) => format!("missing ({why})"),
        };
        write!(
            f,
            "limits, Landlock {}, seccomp {}",
            word(&self.landlock),
            word(&self.seccomp)
        )
    }
}

/// Confines this process. Only `output` can be opened from then on; None: nothing.
///
/// SECURITY: called before the first thread starts and the first byte of the film is read. Limits
/// come first, since they need calls that the filter refuses; the filter comes last.
pub fn confine(output: Option<&Path>, wanted: Sandbox) -> Result<Layers, Fault> {
    limits::limit()?;
    rustix::thread::set_no_new_privs(true).map_err(|error| failed("give up privileges", &error))?;
    let layers = Layers {
        landlock: fence::fence(output),
        seccomp: calls::filter(),
    };
    match (wanted, layers.missing()) {
        (Sandbox::Required, Some(missing)) => Err(Fault::Unconfined { missing }),
        (Sandbox::Required | Sandbox::BestEffort, _) => Ok(layers),
    }
}

/// Whether this kernel can confine a worker as wanted, without confining this process.
pub fn check(wanted: Sandbox) -> Result<(), Fault> {
    match (wanted, fence::lacking()) {
        (Sandbox::Required, Some(why)) => Err(Fault::Unconfined {
            missing: format!("Landlock: {why}"),
        }),
        (Sandbox::Required | Sandbox::BestEffort, _) => Ok(()),
    }
}

fn failed(what: &str, error: &dyn fmt::Display) -> Fault {
    Fault::Crashed {
        detail: format!("the worker could not {what}: {error}"),
    }
}
