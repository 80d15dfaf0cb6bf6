//! A test tool, not a part of Satreel: real servers that keep copies. Debian's OpenSSH server for SFTP,
//! and SeaweedFS for S3; both come from `tools/setup test`, serve this machine alone, keep what they are
//! given in a temporary folder, and end with whoever started them.

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test may stop where it stands"
)]

mod sshd;
mod weed;

use std::{
    env,
    path::{Path, PathBuf},
};

pub use sshd::{Sshd, make_key};
pub use weed::Weed;

/// What `tools/setup test` has put below its folder.
fn program(below: &str) -> PathBuf {
    let home = |name, below: &str| Some(Path::new(&env::var_os(name)?).join(below));
    let cache = home("SATREEL_CACHE", "")
        .or_else(|| home("XDG_CACHE_HOME", "satreel"))
        .or_else(|| home("HOME", ".cache/satreel"));
    let program = cache.expect("a home").join(below);
    assert!(
        program.exists(),
        "{} is missing: run tools/setup test",
        program.display()
    );
    program
}
