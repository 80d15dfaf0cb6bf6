//! Sales as a creator reads them: the same words in the studio's API and in `satreel sales`.

use serde_json::{Value, json};

use crate::{
    core::offer::tier_name,
    ledger::{Sale, Sold, Tip},
};

/// The first line of [`csv`]'s table.
pub const CSV_HEAD: &str = "settled_at,title,tier,hours,price_sat,received_sat,subject,marked";

pub fn sale(sale: &Sale) -> Value {
    let (title, tag) = match sale.sold {
        Sold::Title(title) => (Some(title), None),
        Sold::Collection(tag) => (None, Some(tag.to_string())),
    };
    json!({
        "settled_at": sale.settled_at,
        "title": title,
        "tag": tag,
        "tier": tier_name(sale.tier),
        "hours": sale.hours,
        "price_sat": sale.price,
        "received_sat": sale.received.to_sats_floor(),
        "subject": sale.subject,
        "marked": sale.marked,
    })
}

pub fn tip(tip: &Tip) -> Value {
    json!({
        "at": tip.at,
        "title": tip.title,
        "channel": tip.channel,
        "hidden": tip.hidden,
        "amount_sat": tip.amount.to_sats_floor(),
        "message": tip.message,
    })
}

/// Every field is a number, a time or hex: nothing needs quoting.
pub fn csv(sale: &Sale) -> String {
    format!(
        "{},{},{},{},{},{},{},{}",
        sale.settled_at,
        sale.sold,
        tier_name(sale.tier),
        sale.hours.map_or(String::new(), |hours| hours.to_string()),
        sale.price.get(),
        sale.received.to_sats_floor().get(),
        sale.subject,
        sale.marked,
    )
}
