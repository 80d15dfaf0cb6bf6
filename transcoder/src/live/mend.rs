//! Taking up a broadcast that an earlier process left: what it left open is ended, so that all
//! tracks have the same segments.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use satreel_hls::live::window::{Track, Window, growing, init_file};
use satreel_hls::live::{Event, JOURNAL};
use satreel_hls::naming::{MediaFile, TrackName};

use super::aac::{self, SoundFormat};
use super::folder::Folder;
use super::segmenter::{Output, PICTURE_SCALE};
use satreel_film::fmp4::{Sample, join, media_segment, read};

/// A new beginning is so much later than all that was written before.
const GAP: u64 = 6 * PICTURE_SCALE as u64;

/// A journal's whole lines. Half a line would spoil the next one: it is cut off.
pub(super) fn whole_lines(folder: &Path) -> io::Result<String> {
    let path = folder.join(JOURNAL);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        read => read?,
    };
    let end = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
    if end < bytes.len() {
        let file = fs::OpenOptions::new().append(true).open(&path)?;
        file.set_len(end as u64)?;
    }
    Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

/// Ends the journal of a broadcast that nobody can go on with.
pub(super) fn close(folder: &Path) -> io::Result<()> {
    whole_lines(folder)?;
    let mut journal = fs::OpenOptions::new()
        .append(true)
        .open(folder.join(JOURNAL))?;
    journal.write_all(Event::End {}.line().as_bytes())
}

/// The number of the segment that no track has yet.
pub(super) fn next(window: &Window) -> u32 {
    let all = names(window).into_iter();
    let next = all.filter_map(|name| Some(window.next(window.track(name)?)));
    next.max().unwrap_or(0)
}

/// The highest number of an init segment in the folder.
pub(super) fn inits(folder: &Path) -> u32 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let number = |entry: fs::DirEntry| match entry.file_name().to_str()?.parse().ok()? {
        MediaFile::Reinit(_, number) => Some(number),
        _ => None,
    };
    entries.filter_map(number).max().unwrap_or(0)
}

/// Ends the segments that were left open, the sound's as late as the picture's. Returns the tick of
/// the picture's clock at which the next one is to begin.
pub(super) fn mend(folder: &mut Folder, window: &mut Window, began_ms: u64) -> io::Result<u64> {
    if let [picture, sound, rungs @ ..] = &names(window)[..] {
        end_picture(folder, window, *picture, began_ms)?;
        while end_sound(folder, window, *picture, *sound)? {}
        for rung in rungs {
            while end_rung(folder, window, *picture, *rung)? {}
        }
    }
    let path = folder.path();
    let ends = names(window)
        .into_iter()
        .filter_map(|name| end(path, window, window.track(name)?));
    Ok(ends.max().map_or(0, |end| end + GAP))
}

fn names(window: &Window) -> Vec<TrackName> {
    let header = window.header();
    header.map_or_else(Vec::new, |header| header.tracks.clone())
}

fn damaged() -> io::Error {
    io::Error::other("the broadcast's last segments are damaged")
}

/// The parts of a track's open segment, as one.
fn open(folder: &Path, window: &Window, track: &Track) -> io::Result<Vec<u8>> {
    let number = window.next(track);
    if let Some(last) = track.open.last().and_then(|part| part.place) {
        let file = MediaFile::Segment(track.name, number);
        // An earlier process may have got as far as its name.
        let written = fs::read(folder.join(growing(file)));
        let mut bytes = written.or_else(|_| read_file(folder, file))?;
        let whole = usize::try_from(last.at + last.bytes).map_err(io::Error::other)?;
        if bytes.len() < whole {
            return Err(damaged());
        }
        // What lies behind it was never listed.
        bytes.truncate(whole);
        return Ok(bytes);
    }
    // Of a broadcast whose parts were files of their own, and of a rung.
    let parts: Vec<Vec<u8>> = (0..)
        .zip(&track.open)
        .map(|(part, _)| read_file(folder, MediaFile::Part(track.name, number, part)))
        .collect::<io::Result<_>>()?;
    join(number, &parts).ok_or_else(damaged)
}

fn end_picture(
    folder: &mut Folder,
    window: &mut Window,
    name: TrackName,
    began_ms: u64,
) -> io::Result<()> {
    let Some(track) = window.track(name).filter(|track| !track.open.is_empty()) else {
        return Ok(());
    };
    let bytes = open(folder.path(), window, track)?;
    let event = Event::Segment {
        track: name,
        segment: window.next(track),
        us: track.open.iter().map(|part| part.us).sum(),
        at_ms: track
            .segments
            .back()
            .map_or(began_ms, |last| last.at_ms + last.us / 1000),
        key: track.open.first().is_some_and(|part| part.key),
    };
    append(folder, window, bytes, event)
}

/// The first segment that the picture has and the sound has not: what there is of it, and silence.
/// False: there is none.
fn end_sound(
    folder: &mut Folder,
    window: &mut Window,
    picture: TrackName,
    sound: TrackName,
) -> io::Result<bool> {
    let track = window.track(sound).ok_or_else(damaged)?;
    let number = window.next(track);
    let at = (number - window.first()) as usize;
    let shown = window
        .track(picture)
        .and_then(|track| track.segments.get(at));
    let Some((us, at_ms)) = shown.map(|listed| (listed.us, listed.at_ms)) else {
        return Ok(false);
    };
    let path = folder.path();
    let init = read_file(path, track.init_of(number).ok_or_else(damaged)?)?;
    let init = read::init(&init).ok_or_else(damaged)?;
    let scale = u64::from(init.timescale);
    let (begins, made, mut bytes) = if track.open.is_empty() {
        let seen = read_file(path, MediaFile::Segment(picture, number))?;
        let begins = read::fragment(&seen).ok_or_else(damaged)?.decode_time;
        (begins * scale / u64::from(PICTURE_SCALE), 0, Vec::new())
    } else {
        let bytes = open(path, window, track)?;
        let found = read::fragment(&bytes).ok_or_else(damaged)?;
        (found.decode_time, found.duration, bytes)
    };
    let lasts = (us * scale / 1_000_000).max(1);
    let frames = lasts.saturating_sub(made).div_ceil(aac::FRAME);
    if frames > 0 {
        // Behind what there is, which stays where the journal says that it lies.
        bytes.extend(silence(number, begins + made, frames, &init));
    }
    let lasts = made + frames * aac::FRAME;
    let event = Event::Segment {
        track: sound,
        segment: number,
        us: lasts * 1_000_000 / scale,
        at_ms,
        key: true,
    };
    append(folder, window, bytes, event)?;
    Ok(true)
}

fn silence(number: u32, begins: u64, frames: u64, init: &read::Init) -> Vec<u8> {
    let format = SoundFormat {
        channels: init.channels.unwrap_or(2),
        ..SoundFormat::silent()
    };
    let sample = Sample {
        size: u32::try_from(format.quiet().len()).unwrap_or_default(),
        duration: u32::try_from(aac::FRAME).unwrap_or_default(),
        composition: 0,
        key: true,
    };
    let frames = usize::try_from(frames).unwrap_or(1);
    let data = format.quiet().repeat(frames);
    media_segment(number, begins, &vec![sample; frames], &data)
}

/// The first segment that the picture has and the rung has not: what there is of it, and then its
/// first picture; or else the picture's own. False: there is none.
fn end_rung(
    folder: &mut Folder,
    window: &mut Window,
    picture: TrackName,
    rung: TrackName,
) -> io::Result<bool> {
    let track = window.track(rung).ok_or_else(damaged)?;
    let number = window.next(track);
    let top = window.track(picture).ok_or_else(damaged)?;
    let Some(listed) = top.segments.get((number - window.first()) as usize) else {
        return Ok(false);
    };
    let event = Event::Segment {
        track: rung,
        segment: number,
        us: listed.us,
        at_ms: listed.at_ms,
        key: listed.key,
    };
    let path = folder.path();
    let whole = read_file(path, MediaFile::Segment(picture, number))?;
    if track.open.is_empty() {
        let init = top.init_of(number).ok_or_else(damaged)?;
        let outputs = take_over(path, rung, number, init);
        for output in &outputs {
            if let Output::Event(event) = output {
                window.apply(event).map_err(io::Error::other)?;
            }
        }
        folder.carry_out(&outputs, window)?.map_or(Ok(()), Err)?;
        append(folder, window, whole, event)?;
        return Ok(true);
    }
    let lasts = read::fragment(&whole).ok_or_else(damaged)?.duration;
    let bytes = open(path, window, track)?;
    let (begins, mut samples, data) = read::samples(&bytes).ok_or_else(damaged)?;
    let mut data = data.to_vec();
    let made: u64 = samples
        .iter()
        .map(|sample| u64::from(sample.duration))
        .sum();
    if let (Some(left), Some(first)) = (
        lasts.checked_sub(made).filter(|left| *left > 0),
        samples.first().copied(),
    ) {
        let size = usize::try_from(first.size).map_err(io::Error::other)?;
        let still = data.get(..size).ok_or_else(damaged)?.to_vec();
        data.extend(still);
        samples.push(Sample {
            duration: u32::try_from(left).unwrap_or(u32::MAX),
            ..first
        });
    }
    let bytes = media_segment(number, begins, &samples, &data);
    append(folder, window, bytes, event)?;
    Ok(true)
}

/// A rung goes on as the picture itself.
fn take_over(path: &Path, rung: TrackName, segment: u32, of: MediaFile) -> [Output; 2] {
    let init = inits(path) + 1;
    let file = init_file(rung, init);
    let track = rung;
    [
        Output::Link { file, of },
        Output::Event(Event::Init {
            track,
            segment,
            init,
        }),
    ]
}

fn append(
    folder: &mut Folder,
    window: &mut Window,
    bytes: Vec<u8>,
    event: Event,
) -> io::Result<()> {
    window.apply(&event).map_err(io::Error::other)?;
    let Event::Segment { track, segment, .. } = event else {
        return Ok(());
    };
    let file = MediaFile::Segment(track, segment);
    let outputs = [Output::File(file, bytes), Output::Event(event)];
    folder.carry_out(&outputs, window)?.map_or(Ok(()), Err)?;
    // Its pieces have no use any more.
    let _ = fs::remove_file(folder.path().join(growing(file)));
    Ok(())
}

/// Where a track's last segment ends, on the picture's clock.
fn end(folder: &Path, window: &Window, track: &Track) -> Option<u64> {
    let last = window.next(track).checked_sub(1)?;
    let init = read_file(folder, track.init_of(last)?).ok()?;
    let scale = u64::from(read::init(&init)?.timescale);
    let bytes = read_file(folder, MediaFile::Segment(track.name, last)).ok()?;
    let found = read::fragment(&bytes)?;
    Some((found.decode_time + found.duration) * u64::from(PICTURE_SCALE) / scale)
}

fn read_file(folder: &Path, file: MediaFile) -> io::Result<Vec<u8>> {
    fs::read(folder.join(file.to_string()))
}
