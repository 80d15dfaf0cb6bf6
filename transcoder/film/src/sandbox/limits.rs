//! How much of the machine a worker can use up.

use std::fs;

use rlimit::Resource;

use super::failed;
use crate::fault::Fault;

const GIB: u64 = 1 << 30;
/// Address space: frames of 8K in flight, encoders, and the arenas of their threads.
const MEMORY: u64 = 6 * GIB;
/// The longest film there may be, on all rungs of a slow machine.
const CPU_SECONDS: u64 = 96 * 3600;
const DESCRIPTORS: u64 = 64;
/// Of one file; the disk as a whole is watched by the supervisor.
const LARGEST_FILE: u64 = 2 * GIB;
const NICENESS: i32 = 5;
/// Where memory runs out all the same, a worker is the first to go.
const FIRST_TO_GO: &str = "1000";

pub(super) fn limit() -> Result<(), Fault> {
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
    // Viewers come first; a busy machine transcodes later. Not being allowed to is no harm.
    let _ = rustix::process::nice(NICENESS);
    let _ = fs::write("/proc/self/oom_score_adj", FIRST_TO_GO);
    Ok(())
}
