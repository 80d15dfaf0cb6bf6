//! What a worker gives up before it looks at the first byte of a stranger's file.
//!
//! Owns resource limits, no-new-privileges, death with the supervisor, and Landlock on the one
//! folder. System-call filtering is to follow; until then the worker at least holds no secret, no
//! environment and no descriptor but the film and its pipes.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus,
};
use rlimit::Resource;
use rustix::process::Signal;

use crate::fault::Fault;

const GIB: u64 = 1 << 30;
/// Address space: frames of 8K in flight, encoders, and the arenas of their threads.
const MEMORY: u64 = 6 * GIB;
const CPU_SECONDS: u64 = 96 * 3600;
const DESCRIPTORS: u64 = 64;
const NICENESS: i32 = 5;
const LARGEST_FILE: u64 = 2 * GIB;

/// Confines this process for good. What the kernel lacks is said in the answer.
pub(super) fn confine(output: Option<&Path>) -> Result<String, Fault> {
    let failed = |what: &str, error: &dyn std::fmt::Display| Fault::Crashed {
        detail: format!("the worker could not {what}: {error}"),
    };
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| failed("tie itself to its supervisor", &error))?;
    for (resource, limit) in [
        (Resource::AS, MEMORY),
        (Resource::CPU, CPU_SECONDS),
        (Resource::NOFILE, DESCRIPTORS),
        (Resource::FSIZE, LARGEST_FILE),
        (Resource::CORE, 0),
    ] {
        let (_, hard) = resource
            .get()
            .map_err(|error| failed("read its limits", &error))?;
        let limit = limit.min(hard);
        resource
            .set(limit, limit)
            .map_err(|error| failed("limit itself", &error))?;
    }
    rustix::thread::set_no_new_privs(true).map_err(|error| failed("give up privileges", &error))?;
    // Viewers come first; a busy machine transcodes later. Not being allowed to is no harm.
    let _ = rustix::process::nice(NICENESS);
    Ok(match fence(output) {
        Ok(RulesetStatus::FullyEnforced) => "limits, Landlock".to_owned(),
        Ok(RulesetStatus::PartiallyEnforced) => "limits, Landlock in part".to_owned(),
        Ok(RulesetStatus::NotEnforced) => "limits; this kernel has no Landlock".to_owned(),
        Err(error) => format!("limits; no Landlock: {error}"),
    })
}

/// No file system but the title's folder, no way to run a program.
fn fence(output: Option<&Path>) -> Result<RulesetStatus, Box<dyn std::error::Error>> {
    let abi = ABI::V3;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .create()?;
    if let Some(folder) = output {
        let allowed = AccessFs::from_all(abi) & !AccessFs::Execute;
        ruleset = ruleset.add_rule(PathBeneath::new(PathFd::new(folder)?, allowed))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}
