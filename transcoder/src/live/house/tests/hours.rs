//! A broadcast of hours: what is held and what lies there stays as much as it was.

use super::*;

/// Files of the live folder, bytes of the journal, and of all state as text; descriptors that are
/// open below the site's folder.
fn held(place: &Place, publisher: &Publisher) -> [usize; 4] {
    let live = place.live();
    let files = fs::read_dir(&live).expect("a folder").count();
    let journal = fs::metadata(live.join(JOURNAL)).expect("a journal").len();
    let state = format!("{:?}", lock(&publisher.pass.slot)).len();
    let descriptors = fs::read_dir("/proc/self/fd").expect("descriptors");
    let open = descriptors
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|path| path.starts_with(place.folder.path()))
        .count();
    let journal = usize::try_from(journal).expect("few");
    [files, journal, state, open]
}

#[test]
fn four_hours_are_held_like_half_a_one() {
    let place = Place::new(r#", "mode": "standard", "window_s": 60, "record": false"#);
    let house = place.open();
    let mut publisher = Publisher::enter(&house, KEY, NOW_MS);
    publisher.rate = 5;
    let mut most = [0; 4];
    for minute in 0..4 * 60 {
        publisher.play(60).expect("on air");
        let now = held(&place, &publisher);
        if minute == 30 {
            most = most.map(|most| most + most / 10 + 8);
        }
        for (most, now) in most.iter_mut().zip(now) {
            assert!(minute < 30 || now <= *most, "{minute}: {now} {most}");
            *most = now.max(*most);
        }
    }
    assert!(most[1] < 512 << 10, "{most:?}");
    let open = held(&place, &publisher)[3];
    assert_eq!(open, 3, "the journal's and those of the open segments");
    // Another process takes it up from there.
    drop((publisher, house));
    let house = place.open();
    let before = place.window();
    let mut publisher = Publisher::enter(&house, KEY, NOW_MS + 4 * 3_600_000);
    publisher.play(10).expect("on air");
    let window = place.window();
    let next = |window: &Window| window.next(window.track(track("v")).expect("a track"));
    assert!(next(&window) >= next(&before) + 4);
}

#[test]
fn half_a_checkpoint_is_no_harm() {
    let place = Place::new(r#", "window_s": 60"#);
    let house = place.open();
    let mut publisher = Publisher::enter(&house, KEY, NOW_MS);
    publisher.play(60).expect("on air");
    drop((publisher, house));
    // Killed while it wrote the short one.
    let before = place.window();
    fs::write(
        place.live().join(format!(".{JOURNAL}.tmp")),
        b"{\"since\":{",
    )
    .expect("written");
    let house = place.open();
    let mut publisher = Publisher::enter(&house, KEY, NOW_MS + 70_000);
    publisher.play(600).expect("on air");
    let window = place.window();
    assert!(window.first() > before.first());
    let journal = fs::read_to_string(place.live().join(JOURNAL)).expect("a journal");
    assert!(journal.starts_with("{\"since\":{"), "it is short by now");
    assert!(journal.len() < 512 << 10, "{}", journal.len());
}
