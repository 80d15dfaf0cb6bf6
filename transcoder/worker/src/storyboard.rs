//! Small pictures of the whole film on a few sheets, for the player's preview bubbles.
//!
//! A sheet is written when it is full. One that is left of an earlier try is not made again, and a
//! sheet that is missing has the film decoded from there.

use ffmpeg::format::Pixel;
use ffmpeg::frame;
use ffmpeg_next as ffmpeg;
use satreel_film::fault::Fault;
use satreel_film::plan::Shown;
use satreel_film::plan::clock::Clock;
use satreel_hls::captions::{self, Cue};
use satreel_hls::naming::MediaFile;

use super::graph::Target;
use super::poster::{jpeg, upright};
use super::store::Store;

/// A small picture's longer side.
const LONG_SIDE: u32 = 160;
const COLUMNS: u32 = 5;
const ROWS: u32 = 5;
const A_SHEET: u32 = COLUMNS * ROWS;
const SHORTEST_US: u64 = 2_000_000;
/// Enough for a bubble at every spot of the time bar.
const MOST: u64 = 250;

pub(super) struct Storyboard {
    target: Target,
    clock: Clock,
    store: Store,
    every_us: u64,
    end_us: u64,
    /// Pictures in all.
    count: u32,
    /// The next picture.
    next: u32,
    sheet: Option<frame::Video>,
}

impl Storyboard {
    pub(super) fn new(
        shown: &Shown,
        like: &Target,
        clock: Clock,
        end_us: u64,
        store: &Store,
    ) -> Self {
        let long = shown.width.max(shown.height).max(1);
        let side = |side: u32| {
            let small = u64::from(side) * u64::from(LONG_SIDE) / u64::from(long);
            (u32::try_from(small).unwrap_or(LONG_SIDE) & !1).max(2)
        };
        let every_us = end_us.div_ceil(MOST).max(SHORTEST_US);
        let count = u32::try_from(end_us.div_ceil(every_us)).unwrap_or(1).max(1);
        let kept = (0..count.div_ceil(A_SHEET))
            .take_while(|sheet| store.has(MediaFile::Sprite(*sheet)))
            .count();
        let kept = u32::try_from(kept).unwrap_or(0) * A_SHEET;
        Self {
            target: Target {
                width: side(shown.width),
                height: side(shown.height),
                format: "yuvj420p",
                rotation: like.rotation,
                interlaced: false,
            },
            clock,
            store: store.clone(),
            every_us,
            end_us,
            count,
            next: kept.min(count),
            sheet: None,
        }
    }

    /// When the first picture is due that is not there yet, in microseconds. None: all are there.
    pub(super) fn wants_from_us(&self) -> Option<u64> {
        (self.next < self.count).then(|| u64::from(self.next) * self.every_us)
    }

    pub(super) fn see(&mut self, frame: &frame::Video, shown: i64) -> Result<(), Fault> {
        let shown_us = self.clock.us(shown);
        if self.wants_from_us().is_none_or(|due| shown_us < due) {
            return Ok(());
        }
        let Some(picture) = upright(frame, &self.target, self.clock) else {
            return Ok(());
        };
        // Frames may lie further apart than pictures.
        while self.wants_from_us().is_some_and(|due| shown_us >= due) {
            self.put(&picture)?;
        }
        Ok(())
    }

    fn put(&mut self, picture: &frame::Video) -> Result<(), Fault> {
        let (width, height) = (self.target.width, self.target.height);
        let place = self.next % A_SHEET;
        let sheet = self
            .sheet
            .get_or_insert_with(|| grey(width * COLUMNS, height * ROWS));
        let (x, y) = (place % COLUMNS * width, place / COLUMNS * height);
        copy(picture, sheet, x, y);
        self.next += 1;
        if self.next.is_multiple_of(A_SHEET) || self.next == self.count {
            let number = (self.next - 1) / A_SHEET;
            if let Some(sheet) = self.sheet.take() {
                self.store.write(MediaFile::Sprite(number), &jpeg(sheet)?)?;
            }
        }
        Ok(())
    }

    /// Writes what is left, and which picture belongs to which time.
    pub(super) fn finish(mut self) -> Result<(), Fault> {
        if let Some(sheet) = self.sheet.take() {
            let number = self.next / A_SHEET;
            self.store.write(MediaFile::Sprite(number), &jpeg(sheet)?)?;
        }
        let cues: Vec<Cue> = (0..self.next).map(|number| self.cue(number)).collect();
        let text = captions::document(&cues);
        self.store.write(MediaFile::Storyboard, text.as_bytes())
    }

    fn cue(&self, number: u32) -> Cue {
        let (width, height) = (self.target.width, self.target.height);
        let place = number % A_SHEET;
        let (x, y) = (place % COLUMNS * width, place / COLUMNS * height);
        let start_us = u64::from(number) * self.every_us;
        let sheet = MediaFile::Sprite(number / A_SHEET);
        Cue {
            start_us,
            end_us: (start_us + self.every_us).min(self.end_us.max(start_us + 1000)),
            text: format!("{sheet}#xywh={x},{y},{width},{height}"),
        }
    }
}

fn grey(width: u32, height: u32) -> frame::Video {
    let mut sheet = frame::Video::new(Pixel::YUVJ420P, width, height);
    for plane in 0..sheet.planes() {
        sheet
            .data_mut(plane)
            .fill(if plane == 0 { 16 } else { 128 });
    }
    sheet
}

/// Puts a small picture at a place of the sheet, plane by plane.
fn copy(picture: &frame::Video, sheet: &mut frame::Video, x: u32, y: u32) {
    for plane in 0..picture.planes().min(sheet.planes()) {
        let half = u32::from(plane > 0);
        let at = |side: u32| usize::try_from(side >> half).unwrap_or(0);
        let (x, y) = (at(x), at(y));
        let (width, height) = (at(picture.width()), at(picture.height()));
        let (from, to) = (picture.stride(plane).max(1), sheet.stride(plane).max(1));
        let rows = picture.data(plane).chunks(from).take(height);
        let places = sheet.data_mut(plane).chunks_mut(to).skip(y);
        for (row, place) in rows.zip(places) {
            if let (Some(row), Some(place)) = (row.get(..width), place.get_mut(x..x + width)) {
                place.copy_from_slice(row);
            }
        }
    }
}
