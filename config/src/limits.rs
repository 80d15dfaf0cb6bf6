//! `[limits]`: how much anybody may ask for, and everybody together.

use std::ops::RangeInclusive;

use crate::{
    schema::{Limits, UNLIMITED},
    section::Section,
    value,
};

/// As many connections as the server has.
const MAX_STREAMS: u32 = 16_384;
const MAX_OPEN_INVOICES: u32 = 1_000_000;
const MAX_SESSIONS: u32 = 100;

pub(crate) fn limits(section: Section<'_>) -> Limits {
    let default = Limits::default();
    let number = |key, range: RangeInclusive<u32>, default| {
        section.get(key, &value::number(range)).unwrap_or(default)
    };
    let rate = |key, default| number(key, 1..=UNLIMITED, default);
    let limits = Limits {
        orders_per_minute: rate("orders_per_minute", default.orders_per_minute),
        tokens_per_minute: rate("tokens_per_minute", default.tokens_per_minute),
        recoveries_per_hour: rate("recoveries_per_hour", default.recoveries_per_hour),
        grants_per_minute: rate("grants_per_minute", default.grants_per_minute),
        looks_per_minute: rate("looks_per_minute", default.looks_per_minute),
        streams: number("streams", 1..=MAX_STREAMS, default.streams),
        all_orders_per_second: rate("all_orders_per_second", default.all_orders_per_second),
        all_lookups_per_second: rate("all_lookups_per_second", default.all_lookups_per_second),
        all_streams: number("all_streams", 1..=MAX_STREAMS, default.all_streams),
        open_invoices: number(
            "open_invoices",
            1..=MAX_OPEN_INVOICES,
            default.open_invoices,
        ),
        sessions: number("sessions", 1..=MAX_SESSIONS, default.sessions),
    };
    section.finish();
    limits
}
