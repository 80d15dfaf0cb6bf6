//! `[uploads]`: films that come in by the studio.

use crate::{schema::Uploads, section::Section, value};

const GB: u64 = 1_000_000_000;
/// Larger than any disk that a film goes to.
const MAX_GB: u64 = 100_000;
const MAX_AT_ONCE: u32 = 1000;
/// One year.
const MAX_HOURS: u32 = 8760;

pub(crate) fn uploads(section: Section<'_>) -> Uploads {
    let default = Uploads::default();
    let gigabytes = |key, least| section.get(key, &value::number(least..=MAX_GB));
    let most = gigabytes("most_gb", 1).map(|number| number * GB);
    let keep_free = gigabytes("keep_free_gb", 0).map(|number| number * GB);
    let at_once = section.get("at_once", &value::number(1..=MAX_AT_ONCE));
    let expire_hours = section.get("expire_hours", &value::number(1..=MAX_HOURS));
    section.finish();
    Uploads {
        most_bytes: most.unwrap_or(default.most_bytes),
        at_once: at_once.unwrap_or(default.at_once),
        expire_hours: expire_hours.unwrap_or(default.expire_hours),
        keep_free_bytes: keep_free.unwrap_or(default.keep_free_bytes),
    }
}
