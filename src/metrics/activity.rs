//! What goes on at this moment: who watches, what is on air, what is being made. Sums only: no
//! channel and no title is a label.

use super::text::Text;

/// Looks when somebody asks. Waits on the disk.
pub trait Looks: std::fmt::Debug + Send + Sync {
    fn activity(&self) -> Activity;
}

/// See the module's head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// Purchases that play now, once a device.
    pub playing: u64,
    /// Viewers of broadcasts, those of free ones too.
    pub watching: u64,
    /// Broadcasts that a publisher sends …
    pub live: u64,
    /// … and those whose publisher is away.
    pub away: u64,
    /// What publishers send together, by the last seconds, in kbit/s.
    pub ingest_kbit_s: u64,
    /// Broadcasts with something that their creator should mend.
    pub ailing: u64,
    /// Jobs by how they stand, in the words of `jobs/<id>.json`.
    pub jobs: Vec<(&'static str, u64)>,
}

/// The part of the page.
pub fn activity(seen: &Activity) -> String {
    let mut text = Text::default();
    text.gauge(
        "satreel_playing_sessions",
        "Purchases that play now, once a device",
        seen.playing,
    );
    text.gauge(
        "satreel_live_viewers",
        "Viewers of broadcasts now",
        seen.watching,
    );
    text.gauges(
        "satreel_broadcasts",
        "Broadcasts that run",
        "standing",
        &[("live", seen.live), ("away", seen.away)],
    );
    text.gauge(
        "satreel_live_ingest_bytes_per_second",
        "What publishers send together",
        seen.ingest_kbit_s.saturating_mul(1000 / 8),
    );
    text.gauge(
        "satreel_live_ingest_ailing",
        "Broadcasts whose uplink or settings have a fault",
        seen.ailing,
    );
    text.gauges("satreel_jobs", "Films in work", "state", &seen.jobs);
    text.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_reads_as_published() {
        let seen = Activity {
            playing: 3,
            watching: 2,
            live: 1,
            away: 0,
            ingest_kbit_s: 4500,
            ailing: 1,
            jobs: vec![("waiting", 2), ("failed", 1)],
        };
        insta::assert_snapshot!(activity(&seen), @r#"
        # HELP satreel_playing_sessions Purchases that play now, once a device
        # TYPE satreel_playing_sessions gauge
        satreel_playing_sessions 3
        # HELP satreel_live_viewers Viewers of broadcasts now
        # TYPE satreel_live_viewers gauge
        satreel_live_viewers 2
        # HELP satreel_broadcasts Broadcasts that run
        # TYPE satreel_broadcasts gauge
        satreel_broadcasts{standing="live"} 1
        satreel_broadcasts{standing="away"} 0
        # HELP satreel_live_ingest_bytes_per_second What publishers send together
        # TYPE satreel_live_ingest_bytes_per_second gauge
        satreel_live_ingest_bytes_per_second 562500
        # HELP satreel_live_ingest_ailing Broadcasts whose uplink or settings have a fault
        # TYPE satreel_live_ingest_ailing gauge
        satreel_live_ingest_ailing 1
        # HELP satreel_jobs Films in work
        # TYPE satreel_jobs gauge
        satreel_jobs{state="waiting"} 2
        satreel_jobs{state="failed"} 1
        "#);
    }
}
