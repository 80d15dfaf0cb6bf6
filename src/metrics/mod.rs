//! What the server counts, for an operator's graphs and alarms.
//!
//! Owns the counters and the text that Prometheus reads (text format 0.0.4). Whoever does
//! something counts it here; what can be looked up at any time ([`Seen`]) is looked up when
//! somebody asks. Labels are closed sets: no title, no visitor and no amount of a single sale ever
//! is one.

mod activity;
mod backup;
mod certificate;
mod counter;
mod delays;
mod text;

pub use activity::{Activity, Looks, activity};
pub use backup::backups;
pub use certificate::certificate;
pub use counter::{Counters, Label, Presence, Present, Sum};
pub use delays::Delays;

use crate::core::money::Sats;
use counter::labels;
use text::Text;

labels! {
    /// What became of the wish for an invoice: a film's, a pass's or a tip's.
    OrderOutcome: "outcome" {
        Created = "created",
        /// The buyer's last one was shown again.
        Reused = "reused",
        RefusedCannotReceive = "refused_cannot_receive",
        /// By `[limits]`.
        RefusedLimit = "refused_limit",
        Failed = "failed",
    }
}

labels! {
    /// What became of a settled invoice. The same one is seen often: by the stream, by its buyer.
    SettlementOutcome: "outcome" {
        Recorded = "recorded",
        Replayed = "replayed",
        Foreign = "foreign",
        Underpaid = "underpaid",
    }
}

labels! {
    /// What became of the wish to play, renewals included.
    GrantOutcome: "outcome" {
        Film = "film",
        /// The free start only.
        Preview = "preview",
        /// A token that opens nothing, a purchase that is closed or plays elsewhere.
        Refused = "refused",
        RefusedLimit = "refused_limit",
        Failed = "failed",
    }
}

labels! {
    /// What the gate answered.
    GateAnswer: "answer" {
        Served = "served",
        /// The player has it already (304).
        Unchanged = "unchanged",
        Refused = "refused",
        Absent = "absent",
        Failed = "failed",
        /// Preflights, wrong methods, impossible ranges.
        Other = "other",
    }
}

labels! {
    /// Why the gate refused.
    GateRefusal: "reason" {
        /// Forged, damaged, of a retired key, or none.
        NoGrant = "no_grant",
        WrongTitle = "wrong_title",
        Expired = "expired",
        BeyondPreview = "beyond_preview",
        /// The purchase was closed.
        Denied = "denied",
        Elsewhere = "elsewhere",
    }
}

/// Everything that is counted. Shared by who counts.
#[derive(Debug, Default)]
pub struct Metrics {
    pub orders: Counters<OrderOutcome>,
    pub settlements: Counters<SettlementOutcome>,
    pub grants: Counters<GrantOutcome>,
    /// From the node's word that an invoice was paid to our record of it.
    pub delays: Delays,
    pub gate: Counters<GateAnswer>,
    pub gate_refusals: Counters<GateRefusal>,
    /// Bytes of media that were sent.
    pub media_bytes: Sum,
    pub event_streams: Presence,
}

/// What is looked up when somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The payment backend can make and look up invoices.
    pub up: bool,
    /// The most that one payment can bring; None: unknown, or without limit.
    pub inbound: Option<Sats>,
    /// None: nothing is for sale.
    pub dearest: Option<Sats>,
    pub reconciled: bool,
}

impl Metrics {
    /// The whole page.
    pub fn render(&self, seen: Seen) -> String {
        let mut text = Text::default();
        text.info(
            "satreel_build_info",
            "What runs here",
            "version",
            env!("CARGO_PKG_VERSION"),
        );
        text.gauge(
            "satreel_payment_backend_up",
            "Whether the payment backend makes and looks up invoices",
            u64::from(seen.up),
        );
        if let Some(inbound) = seen.inbound {
            text.gauge(
                "satreel_inbound_sat",
                "The most that one payment can bring; absent when unknown",
                inbound.get(),
            );
        }
        if let Some(dearest) = seen.dearest {
            text.gauge(
                "satreel_dearest_tier_sat",
                "The dearest price that is asked anywhere on the site",
                dearest.get(),
            );
        }
        text.gauge(
            "satreel_settlement_reconciled",
            "Whether what settled while the server was down has been taken in",
            u64::from(seen.reconciled),
        );
        text.counters(
            "satreel_orders_total",
            "Invoices asked for, tips included",
            &self.orders,
        );
        text.counters(
            "satreel_settlements_total",
            "Settled invoices taken in; the same one comes often",
            &self.settlements,
        );
        text.histogram(
            "satreel_settlement_delay_seconds",
            "From payment, by the node's clock, to the sales record",
            &self.delays,
        );
        text.counters(
            "satreel_grants_total",
            "Starts and renewals of playing",
            &self.grants,
        );
        text.counters(
            "satreel_gate_requests_total",
            "Requests for media",
            &self.gate,
        );
        text.counters(
            "satreel_gate_refusals_total",
            "Requests for media that were refused",
            &self.gate_refusals,
        );
        text.counter(
            "satreel_media_bytes_total",
            "Bytes of media sent by the server itself",
            self.media_bytes.get(),
        );
        text.gauge(
            "satreel_event_streams",
            "Viewers who wait for a payment now",
            self.event_streams.now(),
        );
        text.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        Seen {
            up: true,
            inbound: None,
            dearest: None,
            reconciled: false,
        }
    }

    #[test]
    fn the_page_reads_as_published() {
        let metrics = Metrics::default();
        metrics.orders.add(OrderOutcome::Created);
        metrics.settlements.add(SettlementOutcome::Recorded);
        metrics.delays.add(4);
        metrics.delays.add(4000);
        metrics.media_bytes.add(1500);
        let waiting = metrics.event_streams.enter();
        let page = metrics.render(Seen {
            up: true,
            inbound: Sats::new(5_000_000).ok(),
            dearest: Sats::new(3000).ok(),
            reconciled: true,
        });
        drop(waiting);
        insta::assert_snapshot!(page.replace(env!("CARGO_PKG_VERSION"), "0.0.0"), @r#"
        # HELP satreel_build_info What runs here
        # TYPE satreel_build_info gauge
        satreel_build_info{version="0.0.0"} 1
        # HELP satreel_payment_backend_up Whether the payment backend makes and looks up invoices
        # TYPE satreel_payment_backend_up gauge
        satreel_payment_backend_up 1
        # HELP satreel_inbound_sat The most that one payment can bring; absent when unknown
        # TYPE satreel_inbound_sat gauge
        satreel_inbound_sat 5000000
        # HELP satreel_dearest_tier_sat The dearest price that is asked anywhere on the site
        # TYPE satreel_dearest_tier_sat gauge
        satreel_dearest_tier_sat 3000
        # HELP satreel_settlement_reconciled Whether what settled while the server was down has been taken in
        # TYPE satreel_settlement_reconciled gauge
        satreel_settlement_reconciled 1
        # HELP satreel_orders_total Invoices asked for, tips included
        # TYPE satreel_orders_total counter
        satreel_orders_total{outcome="created"} 1
        satreel_orders_total{outcome="reused"} 0
        satreel_orders_total{outcome="refused_cannot_receive"} 0
        satreel_orders_total{outcome="refused_limit"} 0
        satreel_orders_total{outcome="failed"} 0
        # HELP satreel_settlements_total Settled invoices taken in; the same one comes often
        # TYPE satreel_settlements_total counter
        satreel_settlements_total{outcome="recorded"} 1
        satreel_settlements_total{outcome="replayed"} 0
        satreel_settlements_total{outcome="foreign"} 0
        satreel_settlements_total{outcome="underpaid"} 0
        # HELP satreel_settlement_delay_seconds From payment, by the node's clock, to the sales record
        # TYPE satreel_settlement_delay_seconds histogram
        satreel_settlement_delay_seconds_bucket{le="1"} 0
        satreel_settlement_delay_seconds_bucket{le="2"} 0
        satreel_settlement_delay_seconds_bucket{le="5"} 1
        satreel_settlement_delay_seconds_bucket{le="15"} 1
        satreel_settlement_delay_seconds_bucket{le="60"} 1
        satreel_settlement_delay_seconds_bucket{le="600"} 1
        satreel_settlement_delay_seconds_bucket{le="3600"} 1
        satreel_settlement_delay_seconds_bucket{le="+Inf"} 2
        satreel_settlement_delay_seconds_sum 4004
        satreel_settlement_delay_seconds_count 2
        # HELP satreel_grants_total Starts and renewals of playing
        # TYPE satreel_grants_total counter
        satreel_grants_total{outcome="film"} 0
        satreel_grants_total{outcome="preview"} 0
        satreel_grants_total{outcome="refused"} 0
        satreel_grants_total{outcome="refused_limit"} 0
        satreel_grants_total{outcome="failed"} 0
        # HELP satreel_gate_requests_total Requests for media
        # TYPE satreel_gate_requests_total counter
        satreel_gate_requests_total{answer="served"} 0
        satreel_gate_requests_total{answer="unchanged"} 0
        satreel_gate_requests_total{answer="refused"} 0
        satreel_gate_requests_total{answer="absent"} 0
        satreel_gate_requests_total{answer="failed"} 0
        satreel_gate_requests_total{answer="other"} 0
        # HELP satreel_gate_refusals_total Requests for media that were refused
        # TYPE satreel_gate_refusals_total counter
        satreel_gate_refusals_total{reason="no_grant"} 0
        satreel_gate_refusals_total{reason="wrong_title"} 0
        satreel_gate_refusals_total{reason="expired"} 0
        satreel_gate_refusals_total{reason="beyond_preview"} 0
        satreel_gate_refusals_total{reason="denied"} 0
        satreel_gate_refusals_total{reason="elsewhere"} 0
        # HELP satreel_media_bytes_total Bytes of media sent by the server itself
        # TYPE satreel_media_bytes_total counter
        satreel_media_bytes_total 1500
        # HELP satreel_event_streams Viewers who wait for a payment now
        # TYPE satreel_event_streams gauge
        satreel_event_streams 1
        "#);
    }

    /// A sample's value; None: it is not there.
    fn value(page: &str, sample: &str) -> Option<u64> {
        let mut lines = page.lines();
        let line = lines.find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.map(|value| value.parse().expect("a number"))
    }

    #[test]
    fn what_is_counted_shows() {
        let metrics = Metrics::default();
        metrics.orders.add(OrderOutcome::RefusedLimit);
        metrics.orders.add(OrderOutcome::RefusedLimit);
        metrics.gate.add(GateAnswer::Served);
        let page = metrics.render(seen());
        for (sample, expected) in [
            ("satreel_orders_total{outcome=\"refused_limit\"}", 2),
            ("satreel_orders_total{outcome=\"created\"}", 0),
            ("satreel_gate_requests_total{answer=\"served\"}", 1),
            ("satreel_payment_backend_up", 1),
            ("satreel_settlement_reconciled", 0),
            ("satreel_event_streams", 0),
        ] {
            assert_eq!(value(&page, sample), Some(expected), "{sample} in\n{page}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_there() {
        let metrics = Metrics::default();
        let page = metrics.render(seen());
        assert!(!page.contains("satreel_inbound_sat") && !page.contains("satreel_dearest"));
        let known = Seen {
            inbound: Sats::new(0).ok(),
            dearest: Sats::new(3000).ok(),
            ..seen()
        };
        let page = metrics.render(known);
        assert_eq!(value(&page, "satreel_inbound_sat"), Some(0));
        assert_eq!(value(&page, "satreel_dearest_tier_sat"), Some(3000));
    }

    /// As a reader of the format sees it: each family once, its type before its samples, nothing
    /// but whole numbers.
    #[test]
    fn the_page_is_well_formed() {
        let page = Metrics::default().render(seen());
        assert!(page.ends_with('\n'));
        let mut families = std::collections::HashSet::new();
        let mut family = "";
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split_once(' ').expect("a text").0;
                assert!(families.insert(family), "{family} comes twice");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert_eq!(name, family);
                let expected = match name {
                    _ if name.ends_with("_total") => "counter",
                    _ if name.ends_with("_delay_seconds") => "histogram",
                    _ => "gauge",
                };
                assert_eq!(kind, expected);
            } else {
                let (sample, value) = line.rsplit_once(' ').expect("a value");
                let name = sample.split('{').next().expect("a name");
                let of_histogram = ["_bucket", "_sum", "_count"]
                    .iter()
                    .any(|end| name.strip_suffix(end) == Some(family));
                assert!(name == family || of_histogram, "{line}");
                assert!(value.parse::<u64>().is_ok(), "{line}");
            }
        }
        assert_eq!(families.len(), 11);
    }
}
