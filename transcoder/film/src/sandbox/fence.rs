//! Landlock: no file system but the title's folder, no program to run, no port, nobody to signal.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, LandlockStatus,
    PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetStatus, Scope,
};

use super::Layer;

/// What is asked for; older kernels give the part that they know. The first version has all that
/// is needed: reading, writing, running. What it lacks (truncation, ports, signals) the filter of
/// system calls refuses as well.
const WANTED: ABI = ABI::V6;
const NEEDED: ABI = ABI::V1;

pub(super) fn fence(output: Option<&Path>) -> Layer {
    match restrict(output) {
        Ok(status) if status.ruleset != RulesetStatus::NotEnforced => {
            Layer::Holds(version(&status))
        }
        Ok(status) => Layer::Missing(reason(status.landlock).to_owned()),
        Err(error) => Layer::Missing(error.to_string()),
    }
}

fn restrict(output: Option<&Path>) -> Result<RestrictionStatus, Box<dyn std::error::Error>> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()?;
    if let Some(folder) = output {
        let allowed = AccessFs::from_all(WANTED) & !AccessFs::Execute;
        ruleset = ruleset.add_rule(PathBeneath::new(PathFd::new(folder)?, allowed))?;
    }
    Ok(ruleset.restrict_self()?)
}

fn version(status: &RestrictionStatus) -> String {
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => format!("{effective_abi:?}"),
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => "in part".to_owned(),
    }
}

fn reason(status: LandlockStatus) -> &'static str {
    match status {
        LandlockStatus::NotImplemented => "this kernel has none (Linux 5.13 brought it)",
        LandlockStatus::NotEnabled => "this kernel has it switched off (boot with lsm=landlock,…)",
        LandlockStatus::Available { .. } => "this kernel does not apply it",
    }
}

/// Why a fence can't be put up on this kernel; None: it can.
pub(super) fn lacking() -> Option<String> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(NEEDED))
        .and_then(Ruleset::create)
        .err()
        .map(|_| reason(LandlockStatus::NotImplemented).to_owned())
}
