//! A site's broadcasts on a simulated clock: nothing is sent, nothing is waited for.

use std::path::{Path, PathBuf};

use satreel_config::Config;
use satreel_hls::live::{JOURNAL, View, Window};
use satreel_hls::naming::{MediaFile, TrackName};
use satreel_hls::title::{State, TitleFile};

use super::super::film;
use super::super::gate::Gate;
use super::super::gate::tests::{format, picture};
use super::*;
use crate::verify::{self, Level};

const NOW_MS: u64 = 1_700_000_000_000;
const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const KEY: &str = "films_0011";

struct Place {
    folder: tempfile::TempDir,
    site: Site,
}

impl Place {
    fn new(channel: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let site = Site::of(Config::demo(folder.path())).with_disk_full(false);
        site.prepare().expect("folders");
        fs::create_dir_all(site.channels()).expect("a folder");
        let place = Self { folder, site };
        place.channel("films", KEY, channel);
        place
    }

    fn channel(&self, name: &str, key: &str, settings: &str) {
        let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(key.as_bytes()));
        let text = format!(r#"{{"name": "Films", "key_sha256": "{hash}"{settings}}}"#);
        let path = self.site.channels().join(format!("{name}.json"));
        fs::write(path, text).expect("a channel");
    }

    fn open(&self) -> House {
        House::open(&self.site, NOW_MS)
    }

    /// The folder of the only broadcast.
    fn live(&self) -> PathBuf {
        let ids = ids(&self.site);
        assert_eq!(ids.len(), 1);
        self.site.live().join(ids[0].to_string())
    }

    fn file(&self) -> BroadcastFile {
        about(&self.live()).expect("broadcast.json")
    }

    fn window(&self) -> Window {
        let journal = fs::read_to_string(self.live().join(JOURNAL)).expect("a journal");
        let (window, _) = Window::replay(&journal);
        all_is_there(&self.live(), &window);
        window
    }

    fn title(&self) -> Option<(PathBuf, TitleFile)> {
        let folder = self.site.title_folders().pop()?;
        let text = fs::read(folder.join("title.json")).expect("title.json");
        Some((folder, serde_json::from_slice(&text).expect("a title")))
    }
}

fn all_is_there(folder: &Path, window: &Window) {
    for name in ["v", "a"] {
        let track: TrackName = name.parse().expect("a track");
        let text = window.playlist(track, View::Full).unwrap_or_default();
        let quoted = text
            .lines()
            .filter(|line| line.starts_with("#EXT-X-PART:") || line.starts_with("#EXT-X-MAP:"))
            .filter_map(|line| line.split('"').nth(1));
        for file in quoted.chain(text.lines().filter(|line| !line.starts_with('#'))) {
            assert!(folder.join(file).is_file(), "{file} is listed and absent");
        }
    }
}

fn segments(window: &Window) -> usize {
    let track = window.track("v".parse().expect("a track"));
    track.map_or(0, |track| track.segments.len())
}

/// A publisher of 30 frames a second with a keyframe every two seconds.
struct Publisher {
    gate: Gate,
    pass: Pass,
    frame: u32,
}

impl Publisher {
    fn enter(house: &House, key: &str, now_ms: u64) -> Self {
        let mut publisher = Self {
            gate: Gate::default(),
            pass: house.enter(key, FROM, now_ms).expect("it is let in"),
            frame: 0,
        };
        publisher.send(&format()).expect("on air");
        publisher
    }

    fn send(&mut self, body: &[u8]) -> Result<(), Out> {
        let time = self.frame * 100 / 3;
        let mut passed = Vec::new();
        self.gate.picture(time, body, &mut passed)?;
        let now_ms = NOW_MS + u64::from(time);
        passed
            .into_iter()
            .try_for_each(|passed| self.pass.push(passed, now_ms))
    }

    fn play(&mut self, seconds: u32) -> Result<(), Out> {
        for _ in 0..seconds * 30 {
            self.send(&picture(self.frame.is_multiple_of(60)))?;
            self.frame += 1;
        }
        Ok(())
    }
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_broadcast() {
    let place = Place::new(r#", "grace_s": 5"#);
    let mut house = place.open();
    let mut publisher = Publisher::enter(&house, KEY, NOW_MS);
    publisher.play(6).expect("on air");
    house.look_after(NOW_MS);
    assert_eq!(place.file().unrecorded, None);
    house.site = house.site.clone().with_disk_full(true);
    house.look_after(NOW_MS);
    house.look_after(NOW_MS);
    assert_eq!(
        place.file().unrecorded.as_deref(),
        Some("the disk is nearly full")
    );
    publisher.play(6).expect("it goes on");
    assert_eq!(segments(&place.window()), 5);
    publisher.pass.leave(NOW_MS);
    house.look_after(NOW_MS + 5_000);
    assert_eq!(place.file().standing, Standing::Ended);
    let (folder, title) = place.title().expect("what was recorded is a title");
    // Of the first six seconds, those segments that were whole.
    let lasts = title.duration_s.expect("a duration");
    assert!((3.9..4.2).contains(&lasts), "{lasts}");
    assert_eq!(title.state, State::Hidden);
    sound(&folder);
}

fn sound(title: &Path) {
    let findings = verify::check(title);
    let faults = findings
        .iter()
        .filter(|finding| finding.level == Level::Fault);
    assert_eq!(faults.collect::<Vec<_>>(), Vec::<&verify::Finding>::new());
}

#[test]
fn the_grace_time_is_the_channels() {
    let place = Place::new(r#", "grace_s": 120, "publish": true"#);
    let house = place.open();
    let mut publisher = Publisher::enter(&house, KEY, NOW_MS);
    publisher.play(5).expect("on air");
    publisher.pass.leave(NOW_MS + 5_000);
    assert_eq!(place.file().standing, Standing::Away);
    house.look_after(NOW_MS + 124_999);
    assert!(place.title().is_none());
    // Back at the last moment: the same broadcast, and the outage is known.
    let mut back = Publisher::enter(&house, KEY, NOW_MS + 124_999);
    house.look_after(NOW_MS + 500_000);
    back.play(3).expect("on air");
    let file = place.file();
    assert_eq!(file.standing, Standing::Live);
    assert_eq!(file.outages.len(), 1);
    assert_eq!(file.outages[0].to_ms, Some(NOW_MS + 124_999));
    back.pass.leave(NOW_MS + 600_000);
    house.look_after(NOW_MS + 720_000);
    let (folder, title) = place.title().expect("a title");
    assert_eq!(title.state, State::Published);
    let lasts = title.duration_s.expect("a duration");
    assert!((7.9..8.2).contains(&lasts), "{lasts}");
    sound(&folder);
    assert!(!folder.join(JOURNAL).exists() && !folder.join(BROADCAST).exists());
}

#[test]
fn a_second_publisher_takes_the_place_of_the_first() {
    let place = Place::new("");
    let house = place.open();
    let mut first = Publisher::enter(&house, KEY, NOW_MS);
    first.play(3).expect("on air");
    let mut second = Publisher::enter(&house, KEY, NOW_MS + 3_000);
    assert!(matches!(
        first.play(1),
        Err(Out::Refused(Refusal::Replaced))
    ));
    second.play(3).expect("on air");
    // The first one's end is none of the broadcast's.
    first.pass.leave(NOW_MS + 4_000);
    let file = place.file();
    assert_eq!((file.standing, file.outages.len()), (Standing::Live, 0));
    let text = place
        .window()
        .playlist("v".parse().expect("a track"), View::Full);
    let text = text.expect("a playlist");
    assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{text}");
}

#[test]
fn a_killed_process_is_taken_up_where_its_journal_ends() {
    let place = Place::new(r#", "grace_s": 60"#);
    let mut ends = Vec::new();
    for (round, torn) in [&b"{\"part\":{\"track\":\"v\",\"seg"[..], b"\xFF\0", b""]
        .into_iter()
        .enumerate()
    {
        let house = place.open();
        let mut publisher = Publisher::enter(&house, KEY, NOW_MS);
        publisher.play(7).expect("on air");
        // Killed: nothing is closed, and the journal's last line may be half there.
        drop((publisher, house));
        let path = place.live().join(JOURNAL);
        let mut journal = fs::read(&path).expect("a journal");
        let whole = journal.len();
        journal.extend_from_slice(torn);
        fs::write(&path, journal).expect("a journal");
        let house = place.open();
        let file = place.file();
        assert_eq!(file.standing, Standing::Away);
        assert_eq!(file.outages.len(), round + 1);
        let window = place.window();
        assert!(segments(&window) > 3 * round, "{}", segments(&window));
        assert!(
            fs::metadata(&path).expect("a journal").len() > whole as u64,
            "open segments are ended"
        );
        let track = window.track("v".parse().expect("a track")).expect("it");
        assert!(track.open.is_empty());
        let last = MediaFile::Segment(track.name, window.next(track) - 1).to_string();
        let last = fs::read(place.live().join(last)).expect("a segment");
        let found = satreel_film::fmp4::read::fragment(&last).expect("a segment");
        assert!(found.sizes_fit && found.independent);
        ends.push((found.decode_time, found.decode_time + found.duration));
        drop(house);
    }
    // No round begins before the former has ended.
    assert!(ends.windows(2).all(|two| two[0].1 < two[1].0), "{ends:?}");
    let house = place.open();
    house.look_after(NOW_MS + 60_000);
    let (folder, title) = place.title().expect("a title");
    let lasts = title.duration_s.expect("a duration");
    assert!((20.0..21.2).contains(&lasts), "{lasts}");
    sound(&folder);
}

#[test]
fn a_machine_that_goes_down_leaves_the_recording() {
    let place = Place::new("");
    let house = place.open();
    Publisher::enter(&house, KEY, NOW_MS)
        .play(7)
        .expect("on air");
    drop(house);
    // The live folder was in memory; the channel was removed, too.
    fs::remove_dir_all(place.site.live()).expect("a folder");
    fs::remove_dir_all(place.site.channels()).expect("a folder");
    let _house = place.open();
    let (folder, title) = place.title().expect("a title");
    assert!(title.name.starts_with("films, 2023-11-1"), "{}", title.name);
    sound(&folder);
    assert!(place.site.recordings().is_empty());
}

#[test]
fn what_cannot_be_taken_up_ends_and_is_kept_as_far_as_it_is_whole() {
    let place = Place::new("");
    let house = place.open();
    Publisher::enter(&house, KEY, NOW_MS)
        .play(7)
        .expect("on air");
    drop(house);
    // A part that is listed is gone: the disk was damaged.
    let window = place.window();
    let track = window.track("v".parse().expect("a track")).expect("it");
    let part = MediaFile::Part(track.name, window.next(track), 0).to_string();
    fs::remove_file(place.live().join(part)).expect("a part");
    let house = place.open();
    assert_eq!(place.file().standing, Standing::Ended);
    let journal = fs::read_to_string(place.live().join(JOURNAL)).expect("a journal");
    assert!(Window::replay(&journal).0.has_ended());
    let (folder, _) = place.title().expect("a title");
    sound(&folder);
    // What has ended goes, and so does what never began.
    let junk = place.site.live().join("0123456789abcdef");
    fs::create_dir(&junk).expect("a folder");
    let written = fs::metadata(&junk).and_then(|about| about.modified());
    let written = written
        .expect("a time")
        .duration_since(std::time::UNIX_EPOCH);
    let now_ms = u64::try_from(written.expect("a time").as_millis()).expect("a time");
    house.look_after(now_ms);
    assert_eq!(ids(&place.site).len(), 2);
    house.look_after(now_ms + LINGERS_MS + 60_000);
    assert_eq!(ids(&place.site).len(), 0);
}

#[test]
fn a_removed_channels_broadcast_ends() {
    let place = Place::new("");
    let house = place.open();
    Publisher::enter(&house, KEY, NOW_MS)
        .play(3)
        .expect("on air");
    drop(house);
    fs::remove_dir_all(place.site.channels()).expect("a folder");
    let house = place.open();
    house.look_after(NOW_MS + 120_000);
    assert_eq!(place.file().standing, Standing::Ended);
    assert!(place.title().is_some());
}

#[test]
fn what_viewers_cannot_go_back_to_is_deleted() {
    let place = Place::new(r#", "window_s": 20, "record": false"#);
    let house = place.open();
    let mut publisher = Publisher::enter(&house, KEY, NOW_MS);
    publisher.play(120).expect("on air");
    let window = place.window();
    assert!((10..=11).contains(&segments(&window)));
    let count = |end: &str| {
        let entries = fs::read_dir(place.live()).expect("a folder").flatten();
        let names = entries.map(|entry| entry.file_name().into_string().expect("a name"));
        names
            .filter(|name| name.starts_with("v-") && name.matches('.').count() == 1 + end.len())
            .count()
    };
    // Twelve more of each, for those who have an older playlist.
    assert!(count("") <= 11 + 13 + 1, "{}", count(""));
    assert!(count(".") <= 10 * 14, "{}", count("."));
    assert!(place.site.recordings().is_empty());
}

#[test]
fn a_recording_is_one_film_with_or_without_its_ends() {
    let place = Place::new(r#", "grace_s": 0"#);
    let house = place.open();
    let mut first = Publisher::enter(&house, KEY, NOW_MS);
    first.play(7).expect("on air");
    first.pass.leave(NOW_MS + 7_000);
    let mut second = Publisher::enter(&house, KEY, NOW_MS + 60_000);
    second.play(8).expect("on air");
    second.pass.leave(NOW_MS + 68_000);
    house.look_after(NOW_MS + 68_000);
    let id = place.title().expect("a title").0;
    let id: VideoId = id
        .file_name()
        .and_then(|id| id.to_str())
        .expect("an id")
        .parse()
        .expect("it");
    let wish = fs::read(place.site.asked().join(format!("ladder-{id}.json"))).expect("a wish");
    assert_eq!(
        satreel_hls::job::Wish::parse(&wish).expect("a wish").job,
        id
    );
    let job = crate::job::read(&place.site.job(id)).expect("a job");
    let whole = film::Cut { id, seconds: None };
    assert_eq!(crate::job::source(&job), whole.path(&place.site));
    let middle = film::Cut {
        id,
        seconds: Some((3, 9)),
    };
    for (cut, seconds) in [(whole, 15), (middle, 7)] {
        assert_eq!(
            film::Cut::of(&place.site, &cut.path(&place.site)),
            Some(cut)
        );
        assert!(cut.can_be_made(&place.site));
        film::prepare(&place.site, &cut.path(&place.site), || Ok(())).expect("a film");
        let bytes = fs::read(cut.path(&place.site)).expect("a film");
        let (shown, heard) = runs(&bytes);
        // Without gaps, from zero.
        assert!(
            (seconds * 90_000 - 3_000..=seconds * 90_000 + 3_000).contains(&shown),
            "{shown}"
        );
        assert!(heard.abs_diff(seconds * 48_000) < 4_800, "{heard}");
    }
    film::remove(&place.site, id);
    assert!(!whole.path(&place.site).exists());
    let stopped = || Err(satreel_film::fault::Fault::Stopped);
    assert!(film::prepare(&place.site, &whole.path(&place.site), stopped).is_err());
    assert!(!whole.path(&place.site).exists());
    assert_eq!(film::Cut::of(&place.site, Path::new("/inbox/a.mp4")), None);
}

/// How long picture and sound of a film last, each fragment beginning where its last one ended.
fn runs(film: &[u8]) -> (u64, u64) {
    let mut ends = [0, 0];
    let mut at = 0;
    while let Some(next) = memchr::memmem::find(&film[at..], b"styp").map(|next| at + next - 4) {
        let bytes = &film[next..];
        let track = memchr::memmem::find(bytes, b"tfhd").expect("a track");
        let end = &mut ends[usize::from(bytes[track + 11]) - 1];
        let found = satreel_film::fmp4::read::fragment(bytes).expect("a fragment");
        assert!(
            found.decode_time.abs_diff(*end) <= 2048,
            "{} {end}",
            found.decode_time
        );
        *end = found.decode_time + found.duration;
        at = next + 8;
    }
    (ends[0], ends[1])
}

#[test]
fn a_broadcast_that_cannot_be_written_goes_on_when_it_can() {
    let place = Place::new("");
    let house = place.open();
    let mut first = Publisher::enter(&house, KEY, NOW_MS);
    first.play(5).expect("on air");
    let (live, aside) = (place.site.live(), place.site.live().with_extension("aside"));
    fs::rename(&live, &aside).expect("a folder");
    assert!(matches!(first.play(1), Err(Out::Unwritable(_))));
    assert!(matches!(
        first.play(1),
        Err(Out::Refused(Refusal::Replaced))
    ));
    first.pass.leave(NOW_MS + 6_000);
    fs::rename(&aside, &live).expect("a folder");
    let before = segments(&place.window());
    let mut second = Publisher::enter(&house, KEY, NOW_MS + 7_000);
    second.play(5).expect("on air");
    assert!(segments(&place.window()) > before);
    assert_eq!(place.file().standing, Standing::Live);
}

#[test]
fn a_full_live_folder_ends_rewinding_first() {
    let place = Place::new("");
    let house = place.open();
    let mut publisher = Publisher::enter(&house, KEY, NOW_MS);
    publisher.play(40).expect("on air");
    assert_eq!(segments(&place.window()), 19);
    lock(&publisher.pass.slot)
        .broadcast
        .as_mut()
        .expect("it")
        .shorten();
    publisher.play(4).expect("on air");
    assert_eq!(segments(&place.window()), 6);
    assert!(room(&place.site.live()).is_some_and(|room| room > 0));
}

#[test]
fn a_new_key_turns_out_who_publishes_by_the_old_one() {
    let place = Place::new(r#", "grace_s": 10"#);
    let house = place.open();
    let mut thief = Publisher::enter(&house, KEY, NOW_MS);
    thief.play(3).expect("on air");
    place.channel("films", "films_22", r#", "grace_s": 10"#);
    house.look_after(NOW_MS + 3_000);
    assert!(matches!(thief.play(1), Err(Out::Refused(Refusal::Key))));
    assert_eq!(place.file().standing, Standing::Away);
    assert!(house.enter(KEY, FROM, NOW_MS + 4_000).is_err());
    // The same broadcast, by the new key.
    let mut owner = Publisher::enter(&house, "films_22", NOW_MS + 5_000);
    house.look_after(NOW_MS + 6_000);
    owner.play(3).expect("on air");
    assert_eq!(segments(&place.window()), 3);
    // Somebody writes it by hand, and is not done.
    fs::write(place.site.channels().join("films.json"), b"{").expect("a file");
    house.look_after(NOW_MS + 8_000);
    owner.play(1).expect("on air");
    // Removed: it ends like one whose publisher has left.
    fs::remove_file(place.site.channels().join("films.json")).expect("a file");
    house.look_after(NOW_MS + 9_000);
    assert!(matches!(owner.play(1), Err(Out::Refused(Refusal::Key))));
    house.look_after(NOW_MS + 9_000 + 120_000);
    assert_eq!(place.file().standing, Standing::Ended);
}

#[test]
fn a_title_is_what_the_channel_wants_in_the_end() {
    let place = Place::new(r#", "grace_s": 0"#);
    let house = place.open();
    let mut publisher = Publisher::enter(&house, KEY, NOW_MS);
    publisher.play(5).expect("on air");
    place.channel(
        "films",
        KEY,
        r#", "grace_s": 0, "publish": true, "record": false"#,
    );
    publisher.pass.leave(NOW_MS + 5_000);
    house.look_after(NOW_MS + 5_000);
    let (_, title) = place.title().expect("a title");
    assert_eq!(title.state, State::Published);
}

#[test]
fn a_channel_holds_up_no_other() {
    let place = Place::new("");
    place.channel("other", "other_22", "");
    let house = place.open();
    let first = Publisher::enter(&house, KEY, NOW_MS);
    let mut second = Publisher::enter(&house, "other_22", NOW_MS);
    let busy = lock(&first.pass.slot);
    // Would wait for ever on a lock of both.
    second.play(1).expect("on air");
    drop(busy);
    assert_eq!(ids(&place.site).len(), 2);
    drop(place.folder);
}

#[test]
fn the_bandwidth_is_what_was_measured() {
    let place = Place::new("");
    let house = place.open();
    let mut publisher = Publisher::enter(&house, KEY, NOW_MS);
    publisher.play(1).expect("on air");
    let master = || {
        let path = place.live().join(MediaFile::Master.to_string());
        fs::read_to_string(path).expect("a playlist")
    };
    assert!(master().contains("BANDWIDTH=6000000"), "{}", master());
    assert!(master().contains("FRAME-RATE=30"), "{}", master());
    publisher.play(20).expect("on air");
    let text = master();
    let rate = |key: &str| -> u64 {
        let rest = text.split(&format!("{key}=")).nth(1).expect(key);
        let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next();
        digits.expect("a number").parse().expect("a number")
    };
    let bytes: u64 = ["v", "a"]
        .iter()
        .flat_map(|track| (0..9).map(move |number| format!("{track}-{number}.m4s")))
        .map(|file| fs::metadata(place.live().join(file)).expect("it").len())
        .sum();
    let measured = bytes * 8 / 18;
    let average = rate("AVERAGE-BANDWIDTH");
    assert!(
        average.abs_diff(measured) * 10 < measured,
        "{average} {measured}\n{text}"
    );
    assert!(rate(":BANDWIDTH") >= average);
}
