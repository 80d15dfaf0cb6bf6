//! Where the metrics of what goes on are looked up.

use std::{path::Path, sync::Arc};

use satreel_hls::{job::JobState, live::broadcast::Standing};
use serde_json::Value;

use crate::{
    admission::Admission,
    clock::Clock,
    media::live::Live,
    metrics::{Activity, Looks},
    studio::jobs::Jobs,
};

/// States that an operator may have to do something about, as they are shown.
const STATES: [(JobState, &str); 5] = [
    (JobState::Waiting, "waiting"),
    (JobState::Working, "working"),
    (JobState::Paused, "paused"),
    (JobState::Held, "held"),
    (JobState::Failed, "failed"),
];

#[derive(Debug)]
pub(super) struct House {
    admission: Arc<Admission>,
    live: Arc<Live>,
    jobs: Jobs,
    clock: Arc<dyn Clock>,
}

impl House {
    pub(super) fn new(
        data: &Path,
        admission: &Arc<Admission>,
        live: &Arc<Live>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        Self {
            admission: Arc::clone(admission),
            live: Arc::clone(live),
            jobs: Jobs::new(data),
            clock: Arc::clone(clock),
        }
    }
}

impl Looks for House {
    fn activity(&self) -> Activity {
        let now = self.clock.now();
        let mut seen = Activity {
            playing: count(self.admission.sessions.playing(now)),
            jobs: self.jobs(),
            ..Activity::default()
        };
        for broadcast in self.live.on_air() {
            seen.watching += count(broadcast.viewers(now));
            match broadcast.standing() {
                Standing::Live => seen.live += 1,
                Standing::Away => seen.away += 1,
                Standing::Ended => {}
            }
            let sends = broadcast.standing() == Standing::Live;
            if let Some(health) = self.live.health(broadcast.id).filter(|_| sends) {
                seen.ingest_kbit_s = seen.ingest_kbit_s.saturating_add(health.kbit_s);
                seen.ailing += u64::from(!health.says.is_empty());
            }
        }
        seen
    }
}

impl House {
    fn jobs(&self) -> Vec<(&'static str, u64)> {
        let states: Vec<JobState> = self
            .jobs
            .list()
            .into_iter()
            .filter_map(|mut job| job.remove("state").and_then(state))
            .collect();
        let of = |wanted| count(states.iter().filter(|state| **state == wanted).count());
        STATES.map(|(state, name)| (name, of(state))).to_vec()
    }
}

fn state(value: Value) -> Option<JobState> {
    serde_json::from_value(value).ok()
}

fn count(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}
