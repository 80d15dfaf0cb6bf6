//! `[offers]`: the tiers that a title has that names none of its own.

use satreel_hls::title::{Tier, TierKind};
use toml::{
    Spanned,
    de::{DeArray, DeValue},
};

use crate::{
    fault::Problem,
    schema::{Collection, Offers},
    section::{Section, article},
    value,
};

/// 10 bitcoin: far above any film, far below what could overflow.
const MAX_PRICE_SAT: u64 = 1_000_000_000;
const MAX_HOURS: u32 = 8760;
/// As long as a title's tag.
const MAX_TAG: usize = 64;
const MAX_PREVIEW_S: u32 = 86_400;

const KINDS: [(&str, TierKind); 3] = [
    ("rent", TierKind::Rent),
    ("own", TierKind::Own),
    ("pass", TierKind::Pass),
];

pub(crate) fn offers(section: Section<'_>) -> Offers {
    let default = Offers::default();
    let preview_s = section.get("preview_s", &value::number(0..=MAX_PREVIEW_S));
    let (tiers, collections) = match section.raw("tiers").map(Spanned::get_ref) {
        None => (default.tiers, default.collections),
        Some(DeValue::Array(list)) => read_tiers(&section, list),
        Some(other) => {
            let problem = Problem::new(
                format!("a list is wanted here, not {}", article(other)),
                "write tiers = [{ tier = \"own\", sat = 3000 }]; [] makes titles free",
            );
            section.fault("tiers", problem);
            (Vec::new(), Vec::new())
        }
    };
    section.finish();
    Offers {
        preview_s: preview_s.unwrap_or(default.preview_s),
        tiers,
        collections,
    }
}

fn read_tiers<'a>(section: &Section<'a>, list: &'a DeArray<'a>) -> (Vec<Tier>, Vec<Collection>) {
    let mut tiers: Vec<Tier> = Vec::new();
    let mut collections: Vec<Collection> = Vec::new();
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
        match read_tag(&entry, tier) {
            Ok(Some(collection)) => {
                let same = |other: &Collection| folded(&other.tag).eq(folded(&collection.tag));
                if collections.iter().any(same) {
                    let problem = Problem::new("this tag has a pass already", "keep one of them");
                    entry.fault("tag", problem);
                }
                collections.push(collection);
            }
            Ok(None) => {
                if tiers.iter().any(|other| other.tier == tier.tier) {
                    let problem = Problem::new("this kind is offered twice", "keep one of them");
                    entry.fault("tier", problem);
                }
                tiers.push(tier);
            }
            Err(Faulty) => {}
        }
        entry.finish();
    }
    (tiers, collections)
}

/// Reported already.
struct Faulty;

/// The collection that a pass with a tag opens.
fn read_tag(entry: &Section<'_>, tier: Tier) -> Result<Option<Collection>, Faulty> {
    let tag = entry.get("tag", &value::short_text(MAX_TAG));
    if entry.line("tag").is_none() {
        return Ok(None);
    }
    if tier.tier != TierKind::Pass {
        let remedy = "remove tag, or sell a collection: tier = \"pass\"";
        entry.fault(
            "tag",
            Problem::new("only a pass opens a tag's titles", remedy),
        );
        return Err(Faulty);
    }
    let tag = tag.ok_or(Faulty)?.trim().to_owned();
    let Tier { sat, hours, .. } = tier;
    Ok(Some(Collection { tag, sat, hours }))
}

/// Upper and lower case are one tag.
fn folded(tag: &str) -> impl Iterator<Item = char> {
    tag.chars().flat_map(char::to_lowercase)
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
