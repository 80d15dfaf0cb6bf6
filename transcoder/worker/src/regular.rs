//! Frames at a steady rate out of frames that come as they like: each moment of the grid shows the
//! picture that was due then.

use ffmpeg::frame;
use ffmpeg_next as ffmpeg;
use satreel_film::fault::Fault;
use satreel_film::plan::Grid;
use satreel_film::plan::clock::Clock;

use super::peek;

/// Holds one picture until the next one comes.
pub(super) struct Regular {
    source: Clock,
    grid: Grid,
    /// The next moment of the grid.
    next: i64,
    held: Option<frame::Video>,
    coming: Option<frame::Video>,
    ended: bool,
}

impl Regular {
    pub(super) fn new(source: Clock, grid: Grid) -> Self {
        Self {
            source,
            grid,
            next: 0,
            held: None,
            coming: None,
            ended: false,
        }
    }

    /// What its pictures are dated by.
    pub(super) fn clock(&self) -> Clock {
        self.grid.clock
    }

    /// Takes the next picture. [`Self::due`] is then asked until it has no more.
    pub(super) fn offer(&mut self, picture: frame::Video) {
        self.coming = Some(picture);
    }

    /// The film is over: the last picture is shown until its end.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn due(&mut self) -> Result<Option<frame::Video>, Fault> {
        let until = match &self.coming {
            Some(coming) => coming.pts().unwrap_or(0),
            None if self.ended => i64::MAX,
            None => return Ok(None),
        };
        if let Some(held) = &self.held
            && self.next < self.grid.count
            && (until == i64::MAX || self.is_before(until))
        {
            let mut shown = peek::share(held).ok_or(Fault::damaged("no memory for a picture"))?;
            shown.set_pts(Some(self.grid.clock.ticks(self.next)));
            self.next += 1;
            return Ok(Some(shown));
        }
        if let Some(coming) = self.coming.take() {
            self.held = Some(coming);
        }
        Ok(None)
    }

    /// Whether the middle of the next moment lies before a time of the source.
    fn is_before(&self, until: i64) -> bool {
        let step = self.grid.clock.ticks(1);
        let middle = self.grid.clock.ticks(self.next) + step / 2;
        middle < self.grid.clock.convert(until, self.source)
    }
}
