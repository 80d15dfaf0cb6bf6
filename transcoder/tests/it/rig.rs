//! A site in a temporary folder, films made by ffmpeg, and questions to ffprobe.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use satreel_hls::playlist::{MediaPlaylist, parse_media};
use serde_json::Value;
use tempfile::TempDir;

/// A data folder of its own.
pub(crate) struct Rig {
    folder: TempDir,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Makes a film by ffmpeg's own generators.
    pub(crate) fn film(&self, name: &str, arguments: &str) -> PathBuf {
        let path = self.path(name);
        make_film(&path, arguments);
        path
    }

    /// The same, made once and kept for later runs: tests only read it. The name's end names the
    /// container.
    pub(crate) fn kept(name: &str, arguments: &str) -> PathBuf {
        let folder = kept_films();
        std::fs::create_dir_all(&folder).expect("a folder for films");
        let mut hash = DefaultHasher::new();
        (name, arguments).hash(&mut hash);
        let path = folder.join(format!("{:016x}-{name}", hash.finish()));
        if !path.exists() {
            let making = tempfile::tempdir_in(&folder).expect("a temporary folder");
            let made = making.path().join(name);
            make_film(&made, arguments);
            std::fs::rename(made, &path).expect("a name");
        }
        path
    }

    /// A small film that nothing is wrong with.
    pub(crate) fn film_in(&self, folder: &Path, name: &str) -> PathBuf {
        let film = self.film(name, "-f lavfi -i testsrc2=size=160x120:rate=25 -t 1");
        let place = folder.join(name);
        std::fs::rename(film, &place).expect("the same disk");
        place
    }

    /// The program, not started yet.
    pub(crate) fn transcoder() -> Command {
        Command::new(env!("CARGO_BIN_EXE_satreel-transcoder"))
    }

    /// From here on the site has a configuration of its own.
    pub(crate) fn configure(&self, sections: &str) {
        let site = "[site]\nurl = \"http://127.0.0.1:8420\"\ndata = \"data\"\n\
                    [payments]\nbackend = \"wallet\"\n";
        std::fs::write(self.path("satreel.toml"), format!("{site}{sections}")).expect("a file");
    }

    pub(crate) fn add_command(&self, film: &Path, options: &[&str]) -> Command {
        let mut command = Self::transcoder();
        command.arg("add").arg(film).args(options);
        let configuration = self.path("satreel.toml");
        if configuration.exists() {
            command.arg("--config").arg(configuration);
        } else {
            command.arg("--data").arg(self.data());
        }
        command
    }

    pub(crate) fn try_add(&self, film: &Path, options: &[&str]) -> Output {
        self.add_command(film, options)
            .output()
            .expect("the transcoder runs")
    }

    /// Takes the film in and opens its title.
    pub(crate) fn add(&self, film: &Path, options: &[&str]) -> Title {
        let done = self.try_add(film, options);
        assert!(done.status.success(), "{}", text(&done.stderr));
        let printed = text(&done.stdout);
        let id = printed.split_whitespace().last().expect("an id");
        self.title(id)
    }

    pub(crate) fn title(&self, id: &str) -> Title {
        Title {
            folder: self.data().join("titles").join(id),
        }
    }

    pub(crate) fn inspect(film: &Path, options: &[&str]) -> Value {
        let done = Self::transcoder()
            .arg("inspect")
            .arg(film)
            .arg("--json")
            .args(options)
            .output()
            .expect("the transcoder runs");
        assert!(done.status.success(), "{}", text(&done.stderr));
        serde_json::from_slice(&done.stdout).expect("JSON")
    }
}

fn make_film(path: &Path, arguments: &str) {
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments.split_whitespace())
        .arg(path)
        .output()
        .expect("ffmpeg runs");
    assert!(
        done.status.success(),
        "{}: {}",
        path.display(),
        text(&done.stderr)
    );
}

/// Beside the other downloads and products of tests when `make` says where that is.
fn kept_films() -> PathBuf {
    let cache = std::env::var_os("SATREEL_CACHE")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    cache.join("transcoder-films")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A title's folder.
pub(crate) struct Title {
    pub(crate) folder: PathBuf,
}

impl Title {
    pub(crate) fn id(&self) -> String {
        self.folder
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.folder.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.read("title.json")).expect("JSON")
    }

    pub(crate) fn playlist(&self, track: &str) -> MediaPlaylist {
        parse_media(&self.read(&format!("{track}.m3u8"))).expect("a playlist of ours")
    }

    /// The tracks of the multivariant playlist: pictures largest first, then sound.
    pub(crate) fn tracks(&self) -> Vec<String> {
        let mut tracks: Vec<String> = std::fs::read_dir(&self.folder)
            .expect("the folder")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| Some(name.strip_suffix(".m3u8")?.to_owned()))
            .filter(|name| name != "master")
            .collect();
        tracks.sort_by_key(|name| {
            let size: i64 = name.trim_start_matches('v').parse().unwrap_or(0);
            -size
        });
        tracks
    }

    pub(crate) fn has_sound(&self) -> bool {
        self.folder.join("a.m3u8").exists()
    }

    pub(crate) fn pictures(&self) -> Vec<String> {
        let mut tracks = self.tracks();
        tracks.retain(|name| name.starts_with('v'));
        tracks
    }

    /// Everything that must hold for every title with a picture.
    pub(crate) fn check(&self, duration_s: f64, frame_s: f64) {
        assert!(self.pictures().len() >= 2, "{:?}", self.tracks());
        self.check_tracks(duration_s, frame_s);
        let master = self.read("master.m3u8");
        assert!(master.contains("CODECS=\"avc1."), "{master}");
        assert_eq!(master.contains("mp4a.40.2"), self.has_sound(), "{master}");
        let poster = std::fs::read(self.folder.join("poster.jpg")).expect("a poster");
        assert!(poster.starts_with(b"\xFF\xD8"));
    }

    /// Lengths, alignment and a full decode of all tracks, the first one being the measure.
    pub(crate) fn check_tracks(&self, duration_s: f64, frame_s: f64) {
        let tracks = self.tracks();
        let reference = self.playlist(tracks.first().expect("a track"));
        for track in &tracks {
            let playlist = self.playlist(track);
            #[allow(clippy::cast_precision_loss)]
            let lasts = playlist.duration_us() as f64 / 1e6;
            let slack = if track.starts_with('a') { 0.03 } else { 0.0 };
            let slack = frame_s + slack;
            assert!(
                (lasts - duration_s).abs() <= slack,
                "{track} lasts {lasts}, not {duration_s}"
            );
            assert_aligned(track, &reference, &playlist);
            if !track.starts_with('s') {
                self.decodes(track);
            }
        }
        self.verifies();
        assert_eq!(self.json()["state"], "published");
        assert!(self.left_over().is_empty(), "{:?}", self.left_over());
    }

    /// Our own checker has no fault to name.
    pub(crate) fn verifies(&self) {
        let done = Rig::transcoder()
            .arg("verify")
            .arg(&self.folder)
            .output()
            .expect("the transcoder runs");
        assert!(done.status.success(), "{}", text(&done.stdout));
    }

    /// Temporary files.
    pub(crate) fn left_over(&self) -> Vec<String> {
        std::fs::read_dir(&self.folder)
            .expect("the folder")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            // What somebody chose is there to stay.
            .filter(|name| name.starts_with('.') && name != ".poster")
            .collect()
    }

    /// ffmpeg reads every frame and has nothing to say.
    pub(crate) fn decodes(&self, track: &str) {
        let done = Command::new("ffmpeg")
            .args(["-nostdin", "-xerror", "-v", "warning", "-i"])
            .arg(self.folder.join(format!("{track}.m3u8")))
            // In the film's own time: rounded to a frame rate, a changing one gives warnings.
            .args(["-enc_time_base", "-1", "-f", "null", "-"])
            .output()
            .expect("ffmpeg runs");
        assert!(
            done.status.success() && done.stderr.is_empty(),
            "{track}: {}",
            text(&done.stderr)
        );
    }

    /// Time stamps of a track's frames as ffprobe reads them, ascending.
    pub(crate) fn shown(&self, track: &str) -> Vec<f64> {
        let mut shown = probe(
            &self.folder.join(format!("{track}.m3u8")),
            &["-show_entries", "packet=pts_time"],
        );
        shown.sort_by(f64::total_cmp);
        shown
    }

    pub(crate) fn keyframes(&self, track: &str) -> Vec<f64> {
        probe(
            &self.folder.join(format!("{track}.m3u8")),
            &["-skip_frame", "nokey", "-show_entries", "frame=pts_time"],
        )
    }
}

/// Segments of all tracks begin at the same times, of sound within one of its frames.
fn assert_aligned(track: &str, reference: &MediaPlaylist, playlist: &MediaPlaylist) {
    assert_eq!(reference.segments.len(), playlist.segments.len(), "{track}");
    let slack: u64 = if track.starts_with('a') { 25_000 } else { 1 };
    let (mut here, mut there) = (0_u64, 0_u64);
    let count = reference.segments.len();
    for (one, other) in reference
        .segments
        .iter()
        .zip(&playlist.segments)
        .take(count - 1)
    {
        here += one.duration_us;
        there += other.duration_us;
        assert!(here.abs_diff(there) <= slack, "{track}: {here} and {there}");
    }
}

pub(crate) fn probe(path: &Path, arguments: &[&str]) -> Vec<f64> {
    let done = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0"])
        .args(arguments)
        .arg(path)
        .output()
        .expect("ffprobe runs");
    assert!(done.status.success(), "{}", text(&done.stderr));
    text(&done.stdout)
        .lines()
        .filter_map(|line| line.trim_end_matches(',').parse().ok())
        .collect()
}
