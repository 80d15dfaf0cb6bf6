//! One rung on its way to the viewers: packets of the worker in the places of the top's frames.
//!
//! A rung has the top's parts and segments, of the same lengths, always. What the worker has not made
//! (it began late, it died, it was given up) is the top's own file under the rung's name, from one
//! segment to the next; a segment that was begun and can't be ended stands still.

use std::collections::{BTreeMap, VecDeque};

use satreel_film::fmp4::{Media, Sample, init_segment, media_segment};
use satreel_film::plan::ladder::Size;
use satreel_hls::live::Event;
use satreel_hls::live::window::init_file;
use satreel_hls::naming::{MediaFile, TrackName};

use super::super::segmenter::{Output, PICTURE_SCALE, Segmenter};

/// A rung that was the top's so far waits for its worker no longer than this, in ticks.
const PATIENCE: u64 = PICTURE_SCALE as u64 * 7 / 10;

/// What the top has and the rung has not yet.
#[derive(Debug, Clone)]
pub(super) struct Todo {
    pub(super) segment: u32,
    /// None: the whole segment.
    pub(super) part: Option<u32>,
    pub(super) us: u64,
    pub(super) at_ms: u64,
    pub(super) key: bool,
    /// When the first frame is decoded, and how long each lasts.
    pub(super) begins: u64,
    pub(super) lasts: Vec<u32>,
}

impl Todo {
    fn ends(&self) -> u64 {
        self.begins + self.lasts.iter().copied().map(u64::from).sum::<u64>()
    }
}

/// What is known beside the rung itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) top: TrackName,
    /// How far the top is, in ticks.
    pub(super) latest: u64,
    /// When the frames of each segment are shown.
    pub(super) shown: &'a BTreeMap<u32, Vec<u64>>,
    /// The segments that the worker was given or will be; None: there is no worker.
    pub(super) run: Option<(u32, Option<u32>)>,
}

impl Around<'_> {
    fn is_made(&self, segment: u32) -> bool {
        self.run.is_some_and(|(from, until)| {
            segment >= from && until.is_none_or(|until| segment < until)
        })
    }
}

/// Whose the open segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Own,
    Tops,
    /// Its own, and the worker is gone.
    Still,
}

/// The worker's packets are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a segment that begins without a keyframe")]
pub(super) struct NoKeyframe;

#[derive(Debug)]
struct Packet {
    key: bool,
    data: Vec<u8>,
}

#[derive(Debug, Default)]
struct Open {
    begins: u64,
    samples: Vec<Sample>,
    data: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Init {
    Own(Vec<u8>, Size),
    Tops(MediaFile),
}

#[derive(Debug)]
pub(super) struct Rung {
    pub(super) name: TrackName,
    pub(super) short: u32,
    /// Why it is made no more.
    pub(super) dropped: Option<&'static str>,
    /// None: the picture is as small itself.
    pub(super) size: Option<Size>,
    todo: VecDeque<Todo>,
    packets: VecDeque<Packet>,
    /// Packets to come whose places are taken.
    unwanted: usize,
    record: Option<Vec<u8>>,
    /// None: the next segment is not begun.
    whose: Option<Whose>,
    was_own: bool,
    open: Open,
    inits: Vec<(Init, u32)>,
    init: Option<Init>,
    next_init: u32,
}

impl Rung {
    /// `next_init`: the number of its first init segment.
    pub(super) fn new(name: TrackName, short: u32, next_init: u32) -> Self {
        Self {
            name,
            short,
            dropped: None,
            size: None,
            todo: VecDeque::new(),
            packets: VecDeque::new(),
            unwanted: 0,
            record: None,
            whose: None,
            was_own: false,
            open: Open::default(),
            inits: Vec::new(),
            init: None,
            next_init,
        }
    }

    pub(super) fn owes(&mut self, todo: Todo) {
        self.todo.push_back(todo);
    }

    /// Another worker makes it from here on.
    pub(super) fn begin(&mut self) {
        self.packets.clear();
        self.unwanted = 0;
        self.record = None;
    }

    pub(super) fn format(&mut self, record: Vec<u8>) {
        self.record = Some(record);
    }

    pub(super) fn packet(&mut self, key: bool, data: Vec<u8>) {
        match self.unwanted.checked_sub(1) {
            Some(left) => self.unwanted = left,
            None => self.packets.push_back(Packet { key, data }),
        }
    }

    /// Whether the viewers get what the worker makes.
    pub(super) fn is_own(&self) -> bool {
        self.whose.map_or(self.was_own, |whose| whose == Whose::Own)
    }

    /// The first segment that is not written.
    pub(super) fn waits_for(&self) -> Option<u32> {
        self.todo.front().map(|todo| todo.segment)
    }

    /// How far it is behind the top, in ticks.
    pub(super) fn lag(&self, latest: u64) -> u64 {
        let waits = self.todo.front();
        waits.map_or(0, |todo| latest.saturating_sub(todo.ends()))
    }

    /// Writes what can be written.
    pub(super) fn advance(
        &mut self,
        around: &Around<'_>,
        segmenter: &mut Segmenter,
        out: &mut Vec<Output>,
    ) -> Result<(), NoKeyframe> {
        while let Some(todo) = self.todo.front() {
            let Some(whose) = self.whose(todo, around)? else {
                return Ok(());
            };
            let Some(todo) = self.todo.pop_front() else {
                return Ok(());
            };
            if self.whose != Some(whose) {
                self.start(whose, &todo, around, segmenter, out);
            }
            match todo.part {
                Some(part) => self.write_part(&todo, part, around, segmenter, out),
                None => self.write_segment(&todo, around, segmenter, out),
            }
        }
        Ok(())
    }

    /// None: the worker will say.
    fn whose(&self, todo: &Todo, around: &Around<'_>) -> Result<Option<Whose>, NoKeyframe> {
        let is_made = around.is_made(todo.segment);
        let missing = match todo.part {
            Some(_) => todo.lasts.len(),
            None => todo.lasts.len().saturating_sub(self.open.samples.len()),
        };
        let has_all = self.record.is_some() && self.packets.len() >= missing;
        let begins = self.open.samples.is_empty();
        Ok(match self.whose {
            Some(Whose::Own) | None if has_all && (is_made || !begins) => {
                if begins && !self.packets.front().is_some_and(|packet| packet.key) {
                    return Err(NoKeyframe);
                }
                Some(Whose::Own)
            }
            Some(Whose::Own) if is_made => None,
            Some(Whose::Own) => Some(Whose::Still),
            None if is_made => {
                let is_late = around.latest.saturating_sub(todo.ends()) > PATIENCE;
                (is_late && !self.was_own).then_some(Whose::Tops)
            }
            None => Some(Whose::Tops),
            same => same,
        })
    }

    fn start(
        &mut self,
        whose: Whose,
        todo: &Todo,
        around: &Around<'_>,
        segmenter: &mut Segmenter,
        out: &mut Vec<Output>,
    ) {
        self.whose = Some(whose);
        let init = match (whose, &self.record, self.size) {
            (Whose::Own, Some(record), Some(size)) => Init::Own(record.clone(), size),
            (Whose::Still, ..) => return,
            _ => {
                let top = segmenter.window().track(around.top);
                match top.and_then(|top| top.init_of(todo.segment)) {
                    Some(file) => Init::Tops(file),
                    None => return,
                }
            }
        };
        if self.init.as_ref() != Some(&init) {
            self.describe(init, todo.segment, segmenter, out);
        }
    }

    fn describe(
        &mut self,
        init: Init,
        segment: u32,
        segmenter: &mut Segmenter,
        out: &mut Vec<Output>,
    ) {
        let known = self.inits.iter().find(|(known, _)| *known == init);
        let number = known.map_or(self.next_init, |(_, number)| *number);
        if known.is_none() {
            let file = init_file(self.name, number);
            out.push(match &init {
                Init::Own(record, size) => {
                    let media = Media::H264 {
                        width: size.width,
                        height: size.height,
                        avcc: record.clone(),
                    };
                    Output::File(file, init_segment(&media, PICTURE_SCALE, 0))
                }
                Init::Tops(of) => Output::Link { file, of: *of },
            });
            self.inits.push((init.clone(), number));
            self.next_init += 1;
        }
        self.init = Some(init);
        let track = self.name;
        let init = number;
        segmenter.admit(
            Event::Init {
                track,
                segment,
                init,
            },
            out,
        );
    }

    fn write_part(
        &mut self,
        todo: &Todo,
        part: u32,
        around: &Around<'_>,
        segmenter: &mut Segmenter,
        out: &mut Vec<Output>,
    ) {
        let file = MediaFile::Part(self.name, todo.segment, part);
        let mut key = todo.key;
        if self.whose == Some(Whose::Tops) {
            let of = MediaFile::Part(around.top, todo.segment, part);
            out.push(Output::Link { file, of });
        } else {
            let from = self.open.samples.len();
            let at = self.open.data.len();
            self.fill(todo.begins, &todo.lasts, around.shown.get(&todo.segment));
            let samples = &self.open.samples[from..];
            key = samples.first().is_some_and(|sample| sample.key);
            let bytes = media_segment(part, todo.begins, samples, &self.open.data[at..]);
            out.push(Output::File(file, bytes));
        }
        let event = Event::Part {
            track: self.name,
            segment: todo.segment,
            part,
            us: todo.us,
            key,
            place: None,
        };
        segmenter.admit(event, out);
    }

    fn write_segment(
        &mut self,
        todo: &Todo,
        around: &Around<'_>,
        segmenter: &mut Segmenter,
        out: &mut Vec<Output>,
    ) {
        let file = MediaFile::Segment(self.name, todo.segment);
        let mut key = todo.key;
        if self.whose == Some(Whose::Tops) {
            let of = MediaFile::Segment(around.top, todo.segment);
            out.push(Output::Link { file, of });
            if around.is_made(todo.segment) {
                let come = self.packets.len().min(todo.lasts.len());
                self.packets.drain(..come);
                self.unwanted += todo.lasts.len() - come;
            }
        } else {
            if self.open.samples.len() < todo.lasts.len() && self.whose == Some(Whose::Own) {
                let made = self.open.samples.len();
                let (before, rest) = todo.lasts.split_at(made);
                let begins = before.iter().copied().map(u64::from).sum::<u64>() + todo.begins;
                self.fill(begins, rest, around.shown.get(&todo.segment));
            }
            let open = std::mem::take(&mut self.open);
            key = open.samples.first().is_some_and(|sample| sample.key);
            let bytes = media_segment(todo.segment, open.begins, &open.samples, &open.data);
            out.push(Output::File(file, bytes));
        }
        self.was_own = self.whose == Some(Whose::Own);
        self.whose = None;
        let event = Event::Segment {
            track: self.name,
            segment: todo.segment,
            us: todo.us,
            at_ms: todo.at_ms,
            key,
        };
        segmenter.admit(event, out);
    }

    /// Puts so many packets behind those of the open segment, or its first picture once more.
    fn fill(&mut self, begins: u64, lasts: &[u32], shown: Option<&Vec<u64>>) {
        if self.open.samples.is_empty() {
            self.open.begins = begins;
        }
        // Without B-frames they come in the order in which the top's are shown.
        let mut order = shown.cloned().unwrap_or_default();
        order.sort_unstable();
        let still = (self.whose == Some(Whose::Still)).then(|| self.first_picture());
        let one = [lasts.iter().sum()];
        let lasts = if still.is_some() { &one } else { lasts };
        let mut decoded = begins;
        for lasts in lasts {
            let packet = match &still {
                Some(data) => Some(Packet {
                    key: true,
                    data: data.clone(),
                }),
                None => self.packets.pop_front(),
            };
            let Some(packet) = packet else {
                return;
            };
            let shown = order.get(self.open.samples.len()).copied();
            let later = shown.unwrap_or(decoded).cast_signed() - decoded.cast_signed();
            self.open.samples.push(Sample {
                size: u32::try_from(packet.data.len()).unwrap_or(u32::MAX),
                duration: *lasts,
                composition: i32::try_from(later).unwrap_or_default(),
                key: packet.key,
            });
            self.open.data.extend(packet.data);
            decoded += u64::from(*lasts);
        }
    }

    fn first_picture(&self) -> Vec<u8> {
        let size = self.open.samples.first().map_or(0, |first| first.size);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.open.data.get(..size).unwrap_or_default().to_vec()
    }
}
