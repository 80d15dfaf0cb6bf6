//! What a broadcast leaves: the same segments under a closed playlist, and a title's data. A job
//! then makes smaller pictures of it, like of any other film.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use satreel_film::fmp4::read;
use satreel_hls::live::JOURNAL;
use satreel_hls::live::broadcast::{BROADCAST, BroadcastFile};
use satreel_hls::live::channel::ChannelFile;
use satreel_hls::live::window::Window;
use satreel_hls::naming::{MediaFile, VideoId};
use satreel_hls::playlist::{MediaPlaylist, SegmentSize, bitrate};
use satreel_hls::title::{State, TitleFile};

use super::folder::write_soon;
use super::master::{Described, Frames, master};
use super::segmenter::PICTURE_SCALE;
use super::{film, mend};
use crate::site::{Site, write_whole};

/// Turns what was kept into a title. Nothing was kept: there is none.
pub(super) fn publish(
    site: &Site,
    id: VideoId,
    channel: &ChannelFile,
    broadcast: &BroadcastFile,
) -> io::Result<()> {
    let (kept, title) = (site.recording(id), site.title(id));
    let playlists = playlists(&kept)?;
    let [picture, sound] = &playlists[..] else {
        // Nothing to keep: what there is goes.
        return fs::remove_dir_all(&kept);
    };
    let frames = picture.segments.first().map(|first| first.uri.to_string());
    let frames = Frames::of(&fs::read(kept.join(frames.unwrap_or_default()))?);
    let (v, a) = (described(&kept, picture)?, described(&kept, sound)?);
    for (track, playlist) in [(v.track, picture), (a.track, sound)] {
        let name = MediaFile::Playlist(track).to_string();
        write_soon(&kept, &name, playlist.to_string().as_bytes())?;
    }
    let text = master(&kept, &[(v, None)], a, frames.rate(PICTURE_SCALE))?;
    write_soon(&kept, &MediaFile::Master.to_string(), text.as_bytes())?;
    let lasts_us = picture.duration_us();
    let (name, about) = describe(&kept, channel, broadcast, lasts_us)?;
    write_whole(&kept.join("title.json"), &about)?;
    File::open(&kept)?.sync_all()?;
    fs::rename(&kept, &title)?;
    tracing::info!(%id, seconds = lasts_us / 1_000_000, "the broadcast is a title");
    for file in [JOURNAL, BROADCAST] {
        // A title has no use for them, and nobody serves them.
        let _ = fs::remove_file(title.join(file));
    }
    if film::is_of_one_format(&playlists) {
        film::ask(site, id, &name, channel.preview_s).map_err(io::Error::other)?;
    } else {
        tracing::info!(%id, "its format changed: it stays as it was sent, without smaller pictures");
    }
    Ok(())
}

/// One a track, closed, with the same segments: those that all tracks have. None: there are none.
fn playlists(kept: &Path) -> io::Result<Vec<MediaPlaylist>> {
    let whole = Window::whole(&mend::whole_lines(kept)?);
    let names = whole.header().map(|header| header.tracks.clone());
    let names = names.unwrap_or_default();
    let found: Vec<MediaPlaylist> = names
        .iter()
        .filter_map(|name| as_far_as_kept(kept, &whole.recording(*name)?))
        .collect();
    let fewest = found.iter().map(|playlist| playlist.segments.len()).min();
    let last = fewest.and_then(|count| u32::try_from(count.checked_sub(1)?).ok());
    Ok(match last {
        Some(last) if found.len() == names.len() => found
            .iter()
            .map(|playlist| playlist.truncated(last))
            .collect(),
        _ => Vec::new(),
    })
}

fn described(kept: &Path, playlist: &MediaPlaylist) -> io::Result<Described> {
    let damaged = || io::Error::other("a recording without init segment");
    let init = playlist.init.ok_or_else(damaged)?;
    let (MediaFile::Init(track) | MediaFile::Reinit(track, _)) = init else {
        return Err(damaged());
    };
    Ok(Described {
        init,
        track,
        bitrate: bitrate(&sizes(kept, playlist)?),
    })
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
) -> io::Result<(String, Vec<u8>)> {
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
        // What is bought for the whole channel is bought for this tag.
        tags: vec![broadcast.channel.clone()],
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
    Ok((title.name, text))
}
