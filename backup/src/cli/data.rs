//! The site's own data, for the guardian: where the configuration says that it is, as archives.

use std::path::Path;

use satreel_archive::{Error, Site, make, open};
use satreel_config::{Backup, Config};

use crate::site::{Archive, Data};

/// The site of a configuration.
#[derive(Debug)]
pub(super) struct OfSite(Site);

impl OfSite {
    pub(super) fn new(path: &Path, config: &Config, backup: &Backup) -> Self {
        Self(Site {
            data: config.site.data.clone(),
            keys: config.site.keys.clone(),
            config: Some(path.to_owned()),
            scratch: backup.folder.clone(),
        })
    }
}

impl Data for OfSite {
    fn make(&self) -> Result<Archive, String> {
        let made = make(&self.0).map_err(in_words)?;
        if made.posters_left_out > 0 {
            tracing::warn!(
                "{} posters are left out: pictures would make a copy too large",
                made.posters_left_out
            );
        }
        Ok(Archive {
            bytes: made.bytes,
            digest: made.digest,
        })
    }

    fn check(&self, archive: &[u8]) -> Result<String, String> {
        open(archive)
            .map(|contents| contents.to_string())
            .map_err(in_words)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn in_words(error: Error) -> String {
    error.to_string()
}
