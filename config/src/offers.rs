//! `[offers]`: the tiers that a title has that names none of its own.

use satreel_hls::title::{Tier, TierKind};
use toml::{
    Spanned,
    de::{DeArray, DeValue},
};

use crate::{
    fault::Problem,
    schema::Offers,
    section::{Section, article},
    value,
};

/// 10 bitcoin: far above any film, far below what could overflow.
const MAX_PRICE_SAT: u64 = 1_000_000_000;
const MAX_HOURS: u32 = 8760;
const MAX_PREVIEW_S: u32 = 86_400;

const KINDS: [(&str, TierKind); 3] = [
    ("rent", TierKind::Rent),
    ("own", TierKind::Own),
    ("pass", TierKind::Pass),
];

pub(crate) fn offers(section: Section<'_>) -> Offers {
    let default = Offers::default();
    let preview_s = section.get("preview_s", &value::number(0..=MAX_PREVIEW_S));
    let tiers = match section.raw("tiers").map(Spanned::get_ref) {
        None => default.tiers,
        Some(DeValue::Array(list)) => read_tiers(&section, list),
        Some(other) => {
            let problem = Problem::new(
                format!("a list is wanted here, not {}", article(other)),
                "write tiers = [{ tier = \"own\", sat = 3000 }]; [] makes titles free",
            );
            section.fault("tiers", problem);
            Vec::new()
        }
    };
    section.finish();
    Offers {
        preview_s: preview_s.unwrap_or(default.preview_s),
        tiers,
    }
}

fn read_tiers<'a>(section: &Section<'a>, list: &'a DeArray<'a>) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = Vec::new();
    for (position, item) in list.iter().enumerate() {
        let path = section.key_path(&format!("tiers[{position}]"));
        let Some(table) = item.get_ref().as_table() else {
            let what = format!("a table is wanted here, not {}", article(item.get_ref()));
            let problem = Problem::new(what, "for example { tier = \"own\", sat = 3000 }");
            section.report().push(&path, Some(item.span()), problem);
            continue;
        };
        let entry = Section::new(path, Some(table), Some(item.span()), section.report());
        let Some(tier) = read_tier(&entry) else {
            entry.finish();
            continue;
        };
        if tiers.iter().any(|other| other.tier == tier.tier) {
            let problem = Problem::new("this kind is offered twice", "keep one of them");
            entry.fault("tier", problem);
        }
        tiers.push(tier);
        entry.finish();
    }
    tiers
}

fn read_tier(entry: &Section<'_>) -> Option<Tier> {
    let kind = entry.require(
        "tier",
        "\"rent\", \"own\" or \"pass\"",
        &value::word(&KINDS),
    );
    let sat = entry.require("sat", "100", &price);
    let hours = entry.get("hours", &value::number(1..=MAX_HOURS));
    let has_hours = entry.line("hours").is_some();
    match kind? {
        TierKind::Rent if !has_hours => {
            entry.fault("hours", Problem::new("missing", "write hours = 24"));
        }
        TierKind::Own if has_hours => entry.fault(
            "hours",
            Problem::new(
                "\"own\" lasts for ever",
                "remove hours, or sell it as \"rent\"",
            ),
        ),
        TierKind::Rent | TierKind::Own | TierKind::Pass => {}
    }
    Some(Tier {
        tier: kind?,
        sat: sat?,
        hours,
    })
}

fn price(value: &DeValue<'_>) -> Result<u64, Problem> {
    if value
        .as_integer()
        .is_some_and(|price| price.as_str() == "0")
    {
        return Err(Problem::new(
            "a price of 0",
            "write tiers = [] to make titles free",
        ));
    }
    value::number(1..=MAX_PRICE_SAT)(value)
}
