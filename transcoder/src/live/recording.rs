//! What a broadcast leaves: the same segments under a closed playlist, and a title's data.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use satreel_film::fmp4::{Sample, media_segment, read};
use satreel_hls::live::Event;
use satreel_hls::live::broadcast::BroadcastFile;
use satreel_hls::live::channel::ChannelFile;
use satreel_hls::live::window::Window;
use satreel_hls::naming::{MediaFile, TrackName, VideoId};
use satreel_hls::playlist::{
    AudioRendition, Bitrate, FrameRate, MediaPlaylist, Multivariant, SegmentSize, Variant, bitrate,
};
use satreel_hls::title::{State, TitleFile};

use super::aac::{self, SoundFormat};
use super::folder::{Folder, write_soon};
use super::segmenter::Output;
use crate::site::{Site, write_whole};

/// Until segments tell: players only choose among variants by it, and there is one.
const FIRST_GUESS: u64 = 6_000_000;

/// The multivariant playlist of a broadcast's beginning.
pub(super) fn first_master(folder: &Folder) -> io::Result<String> {
    let guess = Bitrate {
        peak: FIRST_GUESS,
        average: FIRST_GUESS,
    };
    master(folder.path(), guess, Bitrate::default())
}

fn master(folder: &Path, picture: Bitrate, sound: Bitrate) -> io::Result<String> {
    let init = |track: &str| -> io::Result<(TrackName, read::Init)> {
        let name: TrackName = track.parse().map_err(io::Error::other)?;
        let bytes = fs::read(folder.join(MediaFile::Init(name).to_string()))?;
        let found = read::init(&bytes).ok_or_else(|| io::Error::other("a damaged init segment"))?;
        Ok((name, found))
    };
    let ((v, video), (a, audio)) = (init("v")?, init("a")?);
    Ok(Multivariant {
        variants: vec![Variant {
            track: v,
            resolution: video.size,
            frame_rate: frame_rate(folder, v, video.timescale),
            codec: video.codec,
            bitrate: picture,
        }],
        audio: vec![AudioRendition {
            track: a,
            name: "Sound".to_owned(),
            language: None,
            channels: 2,
            codec: audio.codec,
            bitrate: sound,
            default: true,
        }],
        captions: Vec::new(),
    }
    .to_string())
}

/// Of the first segment, or its first part while it is not whole.
fn frame_rate(folder: &Path, track: TrackName, timescale: u32) -> Option<FrameRate> {
    let files = [MediaFile::Segment(track, 0), MediaFile::Part(track, 0, 0)];
    let bytes = files
        .iter()
        .find_map(|file| fs::read(folder.join(file.to_string())).ok())?;
    let found = read::fragment(&bytes)?;
    let milli = u64::from(found.samples) * u64::from(timescale) * 1000;
    Some(FrameRate {
        numerator: u32::try_from(milli.checked_div(found.duration)?).ok()?,
        denominator: 1000,
    })
}

/// Turns what was kept into a title. Nothing was kept: there is none.
pub(super) fn publish(
    site: &Site,
    id: VideoId,
    channel: &ChannelFile,
    broadcast: &BroadcastFile,
    journal: &str,
) -> io::Result<()> {
    let (kept, title) = (site.recording(id), site.title(id));
    let whole = Window::whole(journal);
    let mut rates = Vec::new();
    let mut lasts_us = 0;
    for name in whole
        .header()
        .map(|header| header.tracks.clone())
        .unwrap_or_default()
    {
        let Some(playlist) = whole
            .recording(name)
            .and_then(|playlist| as_far_as_kept(&kept, &playlist))
        else {
            // Nothing to keep: what there is goes.
            return fs::remove_dir_all(&kept);
        };
        rates.push(bitrate(&sizes(&kept, &playlist)?));
        lasts_us = lasts_us.max(playlist.duration_us());
        write_soon(
            &kept,
            &MediaFile::Playlist(name).to_string(),
            playlist.to_string().as_bytes(),
        )?;
    }
    let [picture, sound] = rates[..] else {
        return fs::remove_dir_all(&kept);
    };
    let text = master(&kept, picture, sound)?;
    write_soon(&kept, &MediaFile::Master.to_string(), text.as_bytes())?;
    let about = describe(&kept, channel, broadcast, lasts_us)?;
    write_whole(&kept.join("title.json"), &about)?;
    File::open(&kept)?.sync_all()?;
    fs::rename(&kept, &title)?;
    tracing::info!(%id, seconds = lasts_us / 1_000_000, "the broadcast is a title");
    Ok(())
}

/// The playlist up to the first segment that is not there.
fn as_far_as_kept(folder: &Path, playlist: &MediaPlaylist) -> Option<MediaPlaylist> {
    let there =
        |segment: &&satreel_hls::playlist::Segment| folder.join(segment.uri.to_string()).is_file();
    let count = playlist.segments.iter().take_while(there).count();
    let last = u32::try_from(count.checked_sub(1)?).ok()?;
    Some(playlist.truncated(last))
}

fn sizes(folder: &Path, playlist: &MediaPlaylist) -> io::Result<Vec<SegmentSize>> {
    let size = |segment: &satreel_hls::playlist::Segment| {
        Ok(SegmentSize {
            bytes: fs::metadata(folder.join(segment.uri.to_string()))?.len(),
            duration_us: segment.duration_us,
        })
    };
    playlist.segments.iter().map(size).collect()
}

fn describe(
    folder: &Path,
    channel: &ChannelFile,
    broadcast: &BroadcastFile,
    lasts_us: u64,
) -> io::Result<Vec<u8>> {
    let began = i64::try_from(broadcast.started_ms / 1000).unwrap_or_default();
    let began = jiff::Timestamp::from_second(began).unwrap_or_default();
    let day = began.strftime("%Y-%m-%d");
    let init = folder.join("v-init.mp4");
    let size = fs::read(init)
        .ok()
        .and_then(|bytes| read::init(&bytes)?.size);
    #[allow(clippy::cast_precision_loss, reason = "a day is far below 2^53 µs")]
    let title = TitleFile {
        name: format!("{}, {day}", channel.name),
        tiers: channel.tiers.clone(),
        preview_s: channel.preview_s,
        state: if channel.publish {
            State::Published
        } else {
            State::Hidden
        },
        created_at: began.to_string(),
        duration_s: Some(lasts_us as f64 / 1e6),
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
        ..TitleFile::default()
    };
    let mut text = serde_json::to_vec_pretty(&title).map_err(io::Error::other)?;
    text.push(b'\n');
    Ok(text)
}

/// The number of the segment that no track has yet.
pub(super) fn next(window: &Window) -> u32 {
    let tracks = window
        .header()
        .into_iter()
        .flat_map(|header| &header.tracks);
    let next = tracks.filter_map(|name| Some(window.next(window.track(*name)?)));
    next.max().unwrap_or(0)
}

/// The highest number of an init segment in the folder.
pub(super) fn inits(folder: &Folder) -> u32 {
    let entries = fs::read_dir(folder.path()).into_iter().flatten().flatten();
    let number = |entry: fs::DirEntry| match entry.file_name().to_str()?.parse().ok()? {
        MediaFile::Reinit(_, number) => Some(number),
        _ => None,
    };
    entries.filter_map(number).max().unwrap_or(0)
}

/// Ends the segments that an interrupted process left open, so that all tracks have the same ones.
/// Returns the window, and how long the broadcast has lasted so far.
pub(super) fn mend(
    folder: &mut Folder,
    mut window: Window,
    journal: &str,
) -> io::Result<(Window, u64)> {
    let tracks = window
        .header()
        .map(|header| header.tracks.clone())
        .unwrap_or_default();
    for name in tracks {
        let Some(track) = window.track(name) else {
            continue;
        };
        let number = window.next(track);
        let parts: Vec<MediaFile> = (0..track.open.len())
            .filter_map(|part| Some(MediaFile::Part(name, number, u32::try_from(part).ok()?)))
            .collect();
        let us: u64 = track.open.iter().map(|part| part.us).sum();
        let key = track.open.first().is_some_and(|part| part.key);
        if us == 0 {
            continue;
        }
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend(fs::read(folder.path().join(part.to_string()))?);
        }
        let at_ms = track
            .segments
            .back()
            .map_or(0, |last| last.at_ms + last.us / 1000);
        let event = Event::Segment {
            track: name,
            segment: number,
            us,
            at_ms,
            key,
        };
        if window.apply(&event).is_ok() {
            let outputs = [
                Output::File(MediaFile::Segment(name, number), bytes),
                Output::Event(event),
            ];
            folder.carry_out(&outputs, &window)?;
        }
    }
    fill(folder, &mut window)?;
    let whole = Window::whole(journal);
    let tracks = whole.header().into_iter().flat_map(|header| &header.tracks);
    let lasts = tracks
        .filter_map(|name| whole.track(*name))
        .map(|track| track.segments.iter().map(|listed| listed.us).sum::<u64>())
        .max();
    Ok((window, lasts.unwrap_or(0)))
}

/// Silence for the sound's segments that the picture has and the sound has not.
fn fill(folder: &mut Folder, window: &mut Window) -> io::Result<()> {
    let wanted = next(window);
    let tracks = window
        .header()
        .map(|header| header.tracks.clone())
        .unwrap_or_default();
    let [picture, sound] = tracks[..] else {
        return Ok(());
    };
    loop {
        let (Some(picture), Some(track)) = (window.track(picture), window.track(sound)) else {
            return Ok(());
        };
        let number = window.next(track);
        if number >= wanted {
            return Ok(());
        }
        let missing = || io::Error::other("the picture's last segment is missing");
        let at = (number - window.first()) as usize;
        let (us, at_ms) = picture
            .segments
            .get(at)
            .map(|listed| (listed.us, listed.at_ms))
            .ok_or_else(missing)?;
        let init = track.init_of(number).ok_or_else(missing)?;
        let begins_us: u64 = track.segments.iter().map(|listed| listed.us).sum();
        let init = fs::read(folder.path().join(init.to_string()))?;
        let bytes = silence(&init, number, begins_us, us).ok_or_else(missing)?;
        let event = Event::Segment {
            track: sound,
            segment: number,
            us,
            at_ms,
            key: true,
        };
        window.apply(&event).map_err(io::Error::other)?;
        let outputs = [
            Output::File(MediaFile::Segment(sound, number), bytes),
            Output::Event(event),
        ];
        folder.carry_out(&outputs, window)?;
    }
}

fn silence(init: &[u8], number: u32, begins_us: u64, us: u64) -> Option<Vec<u8>> {
    let rate = u64::from(read::init(init)?.timescale);
    let at = memchr::memmem::find(init, b"mp4a")?;
    let channels = u32::from(*init.get(at + 21)?);
    let format = SoundFormat {
        channels,
        ..SoundFormat::silent()
    };
    let frames = (us * rate / 1_000_000 / aac::FRAME).max(1);
    let quiet = format.quiet();
    let sample = Sample {
        size: u32::try_from(quiet.len()).ok()?,
        duration: u32::try_from(aac::FRAME).ok()?,
        composition: 0,
        key: true,
    };
    let count = usize::try_from(frames).ok()?;
    let begins = begins_us * rate / 1_000_000;
    Some(media_segment(
        number,
        begins,
        &vec![sample; count],
        &quiet.repeat(count),
    ))
}
