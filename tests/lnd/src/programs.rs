//! Where the node programs are.

use std::path::PathBuf;

use anyhow::{Result, bail};

/// The folder of `tools/nodes`: by `SATREEL_NODES`, or in the cache.
pub fn folder() -> Result<PathBuf> {
    let folder = match std::env::var_os("SATREEL_NODES") {
        Some(folder) => PathBuf::from(folder),
        None => cache()?.join("nodes/current"),
    };
    if !folder.join("lnd").is_file() || !folder.join("btcd").is_file() {
        bail!(
            "no node programs in {}: `make nodes` builds them once, in some minutes",
            folder.display()
        );
    }
    Ok(folder.canonicalize()?)
}

/// Where all that the tests build is kept.
pub fn cache() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    if let Some(cache) = variable("SATREEL_CACHE") {
        return Ok(cache);
    }
    if let Some(cache) = variable("XDG_CACHE_HOME") {
        return Ok(cache.join("satreel"));
    }
    match variable("HOME") {
        Some(home) => Ok(home.join(".cache/satreel")),
        None => bail!("neither SATREEL_NODES nor HOME is set"),
    }
}
