//! A site's broadcasts on a simulated clock: nothing is sent, nothing is waited for.

mod hours;
mod kept;
mod place;

use satreel_hls::live::{JOURNAL, View, Window};
use satreel_hls::naming::MediaFile;
use satreel_hls::title::State;

use super::*;
use place::{FROM, KEY, NOW_MS, Place, Publisher, segments, sound, track};

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
    assert_eq!(count("."), 0, "parts are no files of their own");
    assert!(place.site.recordings().is_empty());
}

#[test]
fn a_broadcast_that_cannot_be_written_goes_on_when_it_can() {
    let place = Place::new("");
    let house = place.open();
    let mut first = Publisher::enter(&house, KEY, NOW_MS);
    first.play(5).expect("on air");
    let (live, aside) = (place.site.live(), place.site.live().with_extension("aside"));
    fs::rename(&live, &aside).expect("a folder");
    // The open segment's file is open; the next one's can't be.
    assert!(matches!(first.play(2), Err(Out::Unwritable(_))));
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
