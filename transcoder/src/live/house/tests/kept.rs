//! What stays of a broadcast: after kills, with little room, and at its end.

use satreel_hls::live::Event;
use std::path::Path;

use satreel_hls::live::{JOURNAL, Window};
use satreel_hls::naming::MediaFile;
use satreel_hls::title::State;

use super::super::super::film;
use super::super::*;
use super::place::track;
use super::place::{KEY, NOW_MS, Place, Publisher, segments, sound};

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

/// A former version wrote each part into a file of its own.
#[test]
fn what_a_former_version_left_is_taken_up() {
    let place = Place::new("");
    let house = place.open();
    let mut publisher = Publisher::enter(&house, KEY, NOW_MS);
    publisher.play(7).expect("on air");
    drop((publisher, house));
    let (live, window) = (place.live(), place.window());
    let journal = fs::read_to_string(live.join(JOURNAL)).expect("a journal");
    let former: String = journal
        .lines()
        .map(|line| match Event::parse(line).expect("a line") {
            Event::Part {
                track,
                segment,
                part,
                us,
                key,
                ..
            } => {
                let place = None;
                let part = Event::Part {
                    track,
                    segment,
                    part,
                    us,
                    key,
                    place,
                };
                part.line()
            }
            other => other.line(),
        })
        .collect();
    fs::write(live.join(JOURNAL), former).expect("a journal");
    for name in ["v", "a"] {
        let track = window.track(self::track(name)).expect("it");
        let whole = track.segments.iter().map(|listed| &listed.parts);
        for (number, parts) in (0..).zip(whole.chain([&track.open])) {
            let segment = MediaFile::Segment(track.name, number);
            let open = live.join(satreel_hls::live::window::growing(segment));
            let written = fs::read(&open).or_else(|_| fs::read(live.join(segment.to_string())));
            let bytes = written.expect("its parts");
            for (part, place) in (0..).zip(parts.iter().filter_map(|part| part.place)) {
                let (from, to) = (place.at, place.at + place.bytes);
                let [from, to] = [from, to].map(|at| usize::try_from(at).expect("few"));
                let file = MediaFile::Part(track.name, number, part);
                fs::write(live.join(file.to_string()), &bytes[from..to]).expect("a part");
            }
            let _ = fs::remove_file(open);
        }
    }
    let before = segments(&window);
    let house = place.open();
    let window = place.window();
    assert_eq!(segments(&window), before + 1, "the open one is ended");
    let last = MediaFile::Segment(
        track("v"),
        window.next(window.track(track("v")).expect("it")) - 1,
    );
    let last = fs::read(live.join(last.to_string())).expect("a segment");
    let found = satreel_film::fmp4::read::fragment(&last).expect("a segment");
    assert!(found.sizes_fit && found.independent);
    let mut publisher = Publisher::enter(&house, KEY, NOW_MS + 9_000);
    publisher.play(5).expect("on air");
    assert!(segments(&place.window()) > before + 2);
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
    let segment = MediaFile::Segment(track.name, window.next(track));
    let open = satreel_hls::live::window::growing(segment);
    fs::remove_file(place.live().join(open)).expect("its parts");
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
        let behind = memchr::memmem::find(&film[next + 8..], b"styp");
        let bytes = &film[next..behind.map_or(film.len(), |behind| next + 4 + behind)];
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
