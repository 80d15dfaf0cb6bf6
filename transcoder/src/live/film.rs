//! A recording as one film, which a job's worker reads like any other: made of the segments when
//! the job needs it, as a whole or without its ends.
//!
//! The film's name says what it is made of, so nothing else has to be written down. It begins at
//! zero and has no gaps: where a publisher was away, the film goes on.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use satreel_hls::job::{Change, Preview, Wish};
use satreel_hls::naming::{MediaFile, TrackName, VideoId};
use satreel_hls::playlist::{MediaPlaylist, parse_media};

use crate::job::{self, JobState};
use crate::site::{Site, write_whole};
use satreel_film::fault::Fault;
use satreel_film::fmp4::{self, read};

/// Less of a segment is not what somebody wants who names a whole second.
const SLIVER_US: u64 = 50_000;

/// Which part of which recording a film shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) id: VideoId,
    /// From and to, in seconds; segments that lie across are shown as a whole.
    pub(crate) seconds: Option<(u32, u32)>,
}

impl Cut {
    /// Where the film lies, or is to lie.
    pub(crate) fn path(self, site: &Site) -> PathBuf {
        let name = match self.seconds {
            None => format!("{}.mp4", self.id),
            Some((from, to)) => format!("{}-{from}-{to}.mp4", self.id),
        };
        site.films().join(name)
    }

    /// What the film at this path shows. None: it is none of ours.
    pub(crate) fn of(site: &Site, path: &Path) -> Option<Self> {
        let name = path.strip_prefix(site.films()).ok()?.to_str()?;
        let stem = name.strip_suffix(".mp4")?;
        let cut = match stem.split_once('-') {
            None => Self {
                id: stem.parse().ok()?,
                seconds: None,
            },
            Some((id, seconds)) => {
                let (from, to) = seconds.split_once('-')?;
                Self {
                    id: id.parse().ok()?,
                    seconds: Some((from.parse().ok()?, to.parse().ok()?)),
                }
            }
        };
        // One spelling each.
        (cut.path(site) == path).then_some(cut)
    }

    /// Whether the segments that it is made of are still there.
    pub(crate) fn can_be_made(self, site: &Site) -> bool {
        let folder = site.title(self.id);
        ["v", "a"].iter().all(|track| {
            playlist(&folder, track).is_ok_and(|playlist| {
                let segments = playlist.segments.iter();
                segments
                    .take(1)
                    .all(|first| folder.join(first.uri.to_string()).is_file())
            })
        })
    }
}

/// Has the jobs make a ladder of a recording that has become a title: it is a title that was made,
/// and that somebody wants made anew.
pub(super) fn ask(site: &Site, id: VideoId, name: &str, preview_s: u32) -> Result<(), Fault> {
    let source = Cut { id, seconds: None }.path(site);
    let mut file = job::new(id.to_string(), name, Preview::Usual(preview_s), &source);
    file.state = JobState::Done;
    file.percent = 100;
    file.outputs = vec!["v".to_owned(), "a".to_owned()];
    job::write(&site.job(id), &mut file)?;
    let change = Change::Remake { preview_s: None };
    let wish = Wish { job: id, change }.render();
    let path = site.asked().join(format!("ladder-{id}.json"));
    write_whole(&path, wish.as_bytes()).map_err(|error| Fault::writing(&error))
}

/// Removes the films of a recording: nobody but us has made them.
pub(crate) fn remove(site: &Site, id: VideoId) {
    let entries = fs::read_dir(site.films()).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        if Cut::of(site, &path).is_some_and(|cut| cut.id == id)
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!(film = %path.display(), %error, "a broadcast's film is still there");
        }
    }
}

/// Makes the film if it is one of ours and is not there; any other is none of our concern.
pub(crate) fn prepare(
    site: &Site,
    path: &Path,
    go_on: impl Fn() -> Result<(), Fault>,
) -> Result<(), Fault> {
    let Some(cut) = Cut::of(site, path).filter(|_| !path.exists()) else {
        return Ok(());
    };
    if site.surroundings().low(false).is_some() {
        return Err(Fault::DiskFull);
    }
    let folder = site.title(cut.id);
    let [picture, sound] = ["v", "a"].map(|track| playlist(&folder, track));
    let (picture, sound) = (picture?, sound?);
    let temporary = path.with_extension("tmp");
    fs::create_dir_all(site.films()).map_err(|error| Fault::writing(&error))?;
    let out = File::create(&temporary).map_err(|error| Fault::writing(&error))?;
    let mut joined = Film {
        folder: &folder,
        out: BufWriter::new(out),
        tracks: [Line::default(), Line::default()],
        ends: 0,
        place: 0,
    };
    joined.begin([&picture, &sound])?;
    let wanted = wanted(&picture, cut.seconds);
    let pairs = picture.segments.iter().zip(&sound.segments);
    for ((shown, heard), is_wanted) in pairs.zip(wanted) {
        go_on()?;
        if is_wanted {
            joined.add([shown.uri, heard.uri], shown.cut.is_some())?;
        } else {
            joined.pass();
        }
    }
    if joined.place == 0 {
        return Err(Fault::damaged("nothing of the broadcast lies there"));
    }
    let written = || -> io::Result<()> {
        let file = joined
            .out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    written().map_err(|error| Fault::writing(&error))
}

fn playlist(folder: &Path, track: &str) -> Result<MediaPlaylist, Fault> {
    let track: TrackName = track.parse().map_err(Fault::damaged)?;
    let path = folder.join(MediaFile::Playlist(track).to_string());
    let text = fs::read_to_string(path).map_err(|error| Fault::reading(&error))?;
    parse_media(&text).map_err(Fault::damaged)
}

/// Whether a recording can be one film: a track whose format changed cannot.
pub(crate) fn is_of_one_format(playlists: &[MediaPlaylist]) -> bool {
    playlists.iter().all(|playlist| {
        let mut inits = playlist.segments.iter().filter_map(|segment| segment.cut);
        inits.all(|init| Some(init) == playlist.init)
    })
}

fn wanted(playlist: &MediaPlaylist, seconds: Option<(u32, u32)>) -> Vec<bool> {
    let us = |seconds: u32| u64::from(seconds) * 1_000_000;
    let (from, to) = seconds.map_or((0, u64::MAX), |(from, to)| (us(from), us(to)));
    let mut begins = 0;
    let is_wanted = |segment: &satreel_hls::playlist::Segment| {
        let ends = begins + segment.duration_us;
        let wanted = ends > from + SLIVER_US && begins + SLIVER_US < to;
        begins = ends;
        wanted
    };
    playlist.segments.iter().map(is_wanted).collect()
}

/// One track of the film.
#[derive(Debug, Default, Clone, Copy)]
struct Line {
    scale: u64,
    /// Where the last segment ended, in the film.
    ends: u64,
}

struct Film<'a> {
    folder: &'a Path,
    out: BufWriter<File>,
    tracks: [Line; 2],
    /// What the picture's clock shows where the next segment follows without a gap; 0 before.
    ends: u64,
    place: u32,
}

impl Film<'_> {
    fn begin(&mut self, playlists: [&MediaPlaylist; 2]) -> Result<(), Fault> {
        let mut inits = Vec::new();
        for (line, playlist) in self.tracks.iter_mut().zip(playlists) {
            let init = playlist
                .init
                .ok_or_else(|| Fault::damaged("no init segment"))?;
            let bytes = read_file(self.folder, init)?;
            let found = read::init(&bytes).ok_or_else(|| Fault::damaged(init))?;
            line.scale = u64::from(found.timescale);
            inits.push(bytes);
        }
        let movie = fmp4::movie(&inits).ok_or_else(|| Fault::damaged("no init segment"))?;
        self.write(&movie)
    }

    /// What was before is not shown: the next segment begins where the film is.
    fn pass(&mut self) {
        self.ends = 0;
    }

    fn add(&mut self, files: [MediaFile; 2], is_cut: bool) -> Result<(), Fault> {
        let [shown, heard] = files;
        let picture = read_file(self.folder, shown)?;
        let (decoded, samples, data) =
            read::samples(&picture).ok_or_else(|| Fault::damaged(shown))?;
        let [line, other] = self.tracks;
        let begins = line.ends;
        let bytes = fmp4::fragment(1, self.place * 2, begins, &samples, &data);
        self.write(&bytes)?;
        self.tracks[0].ends = begins + lasts(&samples);
        let is_first = is_cut || self.ends == 0;
        self.ends = decoded + lasts(&samples);

        let sound = read_file(self.folder, heard)?;
        let (at, samples, data) = read::samples(&sound).ok_or_else(|| Fault::damaged(heard))?;
        // As far behind the picture as it was; never before what is there.
        let behind = at.saturating_sub(decoded * other.scale / line.scale);
        let begins = if is_first {
            (begins * other.scale / line.scale + behind).max(other.ends)
        } else {
            other.ends
        };
        let bytes = fmp4::fragment(2, self.place * 2 + 1, begins, &samples, &data);
        self.write(&bytes)?;
        self.tracks[1].ends = begins + lasts(&samples);
        self.place += 1;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let written = self.out.write_all(bytes);
        written.map_err(|error| Fault::writing(&error))
    }
}

fn lasts(samples: &[fmp4::Sample]) -> u64 {
    samples
        .iter()
        .map(|sample| u64::from(sample.duration))
        .sum()
}

fn read_file(folder: &Path, file: MediaFile) -> Result<Vec<u8>, Fault> {
    fs::read(folder.join(file.to_string())).map_err(|error| Fault::reading(&error))
}
