//! Making a worker stand still, go on, and give way to a broadcast.

use std::time::{Duration, Instant};

use satreel_film::fault::Fault;

use super::worker::Worker;
use super::{Heard, Standstill};
use crate::control::Word;
use crate::surroundings::{Low, Surroundings, give_way};

/// How often the disk and the broadcasts are looked at.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// Makes a worker stand still and go on, and give way.
pub(super) struct Brake<'a> {
    around: Option<&'a Surroundings>,
    looked: Option<Instant>,
    low: Option<Low>,
    gives_way: bool,
    pub(super) standing: Option<Standstill>,
}

impl<'a> Brake<'a> {
    pub(super) fn new(around: Option<&'a Surroundings>) -> Self {
        Self {
            around,
            looked: None,
            low: None,
            gives_way: false,
            standing: None,
        }
    }

    pub(super) fn look(
        &mut self,
        word: Word,
        worker: &mut Worker,
        hear: &mut impl FnMut(Heard<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.look_around(worker);
        let wanted = match word {
            Word::Pause => Some(Standstill::Paused),
            Word::Go | Word::Stop | Word::Cancel => self.low.map(Standstill::Held),
        };
        let same = match (self.standing, wanted) {
            // Its figures change all the time.
            (Some(Standstill::Held(_)), Some(Standstill::Held(_))) => true,
            (before, now) => before == now,
        };
        if same {
            return Ok(());
        }
        worker.stand(wanted.is_some());
        self.standing = wanted;
        hear(wanted.map_or(Heard::GoingOn, Heard::Standing))
    }

    fn look_around(&mut self, worker: &Worker) {
        let Some(around) = self.around else {
            return;
        };
        if self
            .looked
            .is_some_and(|looked| looked.elapsed() < LOOK_AROUND)
        {
            return;
        }
        self.looked = Some(Instant::now());
        self.low = around.low(self.low.is_some());
        let live = around.is_live();
        if let Some(id) = worker.id()
            && (live || self.gives_way)
        {
            // Again and again while it lasts: threads may have been started in between.
            give_way(id, live);
        }
        self.gives_way = live;
    }
}
