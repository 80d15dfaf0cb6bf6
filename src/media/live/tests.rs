//! Broadcasts written by the test, event by event, as the transcoder writes them.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::PathBuf,
};

use satreel_hls::{
    live::{
        Event, Header, JOURNAL, Mode, Place,
        broadcast::{BROADCAST, BroadcastFile, Standing},
    },
    naming::MediaFile,
};
use tempfile::TempDir;

use super::*;

const ID: VideoId = VideoId::from_bytes([7; 8]);

struct Stage {
    data: TempDir,
    folder: PathBuf,
}

impl Stage {
    /// Five whole segments of ten parts, and three parts of the sixth, in two tracks.
    fn running() -> Self {
        let stage = Self::empty();
        stage.begin();
        for segment in 0..=5 {
            let parts = if segment == 5 { 3 } else { 10 };
            for part in 0..parts {
                stage.part("v", segment, part);
                stage.part("a", segment, part);
            }
            if segment < 5 {
                stage.segment("v", segment);
                stage.segment("a", segment);
            }
        }
        stage
    }

    fn empty() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join("live").join(ID.to_string());
        fs::create_dir_all(&folder).expect("a folder");
        let stage = Self { data, folder };
        stage.stand(Standing::Live);
        stage
    }

    fn open(&self) -> Live {
        Live::open(&self.data.path().join("live"), 1 << 20).expect("opened")
    }

    fn stand(&self, standing: Standing) {
        let about = BroadcastFile {
            channel: "films".to_owned(),
            standing,
            started_ms: 1,
            outages: Vec::new(),
            unrecorded: None,
        };
        let text = serde_json::to_vec(&about).expect("text");
        fs::write(self.folder.join(".new"), text).expect("written");
        fs::rename(self.folder.join(".new"), self.folder.join(BROADCAST)).expect("named");
    }

    fn say(&self, event: &Event) {
        let journal = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join(JOURNAL));
        let mut journal = journal.expect("opened");
        journal.write_all(event.line().as_bytes()).expect("written");
    }

    fn begin(&self) {
        self.begin_as(false);
    }

    /// `lead`: players may begin before there is a whole segment.
    fn begin_as(&self, lead: bool) {
        let tracks = vec![track("v"), track("a")];
        for track in tracks.clone() {
            self.put(MediaFile::Init(track));
        }
        self.put(MediaFile::Master);
        self.say(&Event::Begin(Header {
            mode: Mode::Fast,
            part_us: 200_000,
            target_s: 2,
            tracks: tracks.clone(),
            lead,
        }));
        for track in tracks {
            self.say(&Event::Init {
                track,
                segment: 0,
                init: 0,
            });
        }
    }

    fn part(&self, name: &str, segment: u32, part: u32) {
        let track = track(name);
        self.put(MediaFile::Part(track, segment, part));
        self.say(&Event::Part {
            track,
            segment,
            part,
            us: 200_000,
            key: part == 0,
            place: None,
        });
    }

    fn segment(&self, name: &str, segment: u32) {
        let track = track(name);
        self.put(MediaFile::Segment(track, segment));
        self.say(&Event::Segment {
            track,
            segment,
            us: 2_000_000,
            at_ms: 1_700_000_000_000 + u64::from(segment) * 2000,
            key: true,
        });
    }

    fn put(&self, file: MediaFile) {
        fs::write(self.folder.join(file.to_string()), file.to_string()).expect("written");
    }
}

fn track(name: &str) -> satreel_hls::naming::TrackName {
    name.parse().expect("a track")
}

fn playlist(served: Result<Served, Trouble>) -> Arc<Playlist> {
    match served {
        Ok(Served::Playlist(playlist)) => playlist,
        other => panic!("no playlist: {other:?}"),
    }
}

async fn ask(live: &Live, file: &str, query: &str) -> Result<Served, Trouble> {
    let broadcast = live.get(ID).ok_or(Trouble::Absent)?;
    let file = file.parse().expect("a file's name");
    live.answer(&broadcast, file, query).await
}

#[tokio::test]
async fn what_runs_already_is_known_at_once() {
    let stage = Stage::running();
    let live = stage.open();
    let made = playlist(ask(&live, "v.m3u8", "").await);
    let text = std::str::from_utf8(&made.bytes).expect("text");
    assert!(
        text.contains("v-5.2.m4s") && text.ends_with("LAST-MSN=5,LAST-PART=2\n"),
        "{text}"
    );
    assert_eq!(live.of_channel("films").expect("on air").id, ID);
    assert!(live.of_channel("news").is_none());
    let edge = live.get(ID).expect("there").edge().expect("begun");
    assert_eq!((edge.next, edge.segment_us), (5, 2_000_000));
    // A second server, or the same one after a restart, says the very same.
    let again = playlist(ask(&stage.open(), "v.m3u8", "").await);
    assert_eq!((&made.bytes, &made.etag), (&again.bytes, &again.etag));
}

#[tokio::test]
async fn all_who_wait_get_the_same_bytes() {
    let stage = Stage::running();
    let live = Arc::new(stage.open());
    let waiting: Vec<_> = (0..1000)
        .map(|_| {
            let live = live.clone();
            tokio::spawn(
                async move { playlist(ask(&live, "v.m3u8", "_HLS_msn=5&_HLS_part=3").await) },
            )
        })
        .collect();
    // Everybody waits before there is something to hear.
    while live.seats.available_permits() > MAX_WAITING - 1000 {
        tokio::task::yield_now().await;
    }
    stage.part("v", 5, 3);
    let mut got = Vec::new();
    for one in waiting {
        got.push(one.await.expect("no panic"));
    }
    assert!(got.iter().all(|one| Arc::ptr_eq(one, &got[0])));
    let text = std::str::from_utf8(&got[0].bytes).expect("text");
    assert!(
        text.contains("v-5.3.m4s") && text.contains("URI=\"v-5.4.m4s\""),
        "{text}"
    );
    assert_eq!(live.seats.available_permits(), MAX_WAITING);
}

#[tokio::test]
async fn a_hinted_part_is_waited_for() {
    let stage = Stage::running();
    let live = Arc::new(stage.open());
    let hinted = tokio::spawn({
        let live = live.clone();
        async move { ask(&live, "v-5.3.m4s", "").await }
    });
    while live.seats.available_permits() == MAX_WAITING {
        tokio::task::yield_now().await;
    }
    stage.part("v", 5, 3);
    match hinted.await.expect("no panic") {
        Ok(Served::File(asset)) => assert_eq!(&asset.bytes[..], b"v-5.3.m4s"),
        other => panic!("{other:?}"),
    }
    // Only the very next one is worth waiting for.
    let beyond = ask(&live, "v-5.5.m4s", "").await;
    assert!(matches!(beyond, Err(Trouble::Absent)), "{beyond:?}");
    // The segment ends without the part that was hinted at.
    let never = tokio::spawn({
        let live = live.clone();
        async move { ask(&live, "v-5.4.m4s", "").await }
    });
    while live.seats.available_permits() == MAX_WAITING {
        tokio::task::yield_now().await;
    }
    stage.segment("v", 5);
    let never = never.await.expect("no panic");
    assert!(matches!(never, Err(Trouble::Absent)), "{never:?}");
}

/// Parts lie in their segment's file, before and after it has its name.
#[tokio::test]
async fn parts_are_read_out_of_a_file_that_grows() {
    let stage = Stage::running();
    let segment = MediaFile::Segment(track("v"), 6);
    stage.segment("v", 5);
    let growing = stage
        .folder
        .join(satreel_hls::live::window::growing(segment));
    fs::write(&growing, b"onetwo, and what is not listed").expect("written");
    let live = stage.open();
    for (part, place) in [
        (0, Place { at: 0, bytes: 3 }),
        (1, Place { at: 3, bytes: 3 }),
    ] {
        stage.say(&Event::Part {
            track: track("v"),
            segment: 6,
            part,
            us: 200_000,
            key: part == 0,
            place: Some(place),
        });
    }
    let file = async |live: &Live, name: &str| match ask(live, name, "").await {
        Ok(Served::File(asset)) => (asset.bytes.clone(), asset.etag.clone(), asset.immutable),
        other => panic!("{other:?}"),
    };
    let (first, second) = (
        file(&live, "v-6.0.m4s").await,
        file(&live, "v-6.1.m4s").await,
    );
    assert_eq!((&first.0[..], &second.0[..]), (&b"one"[..], &b"two"[..]));
    assert!(first.1 != second.1 && second.2);
    let early = ask(&live, "v-6.m4s", "").await;
    assert!(matches!(early, Err(Trouble::Absent)), "{early:?}");
    fs::rename(&growing, stage.folder.join(segment.to_string())).expect("named");
    let other = stage.open();
    assert_eq!(
        file(&other, "v-6.1.m4s").await,
        second,
        "another server says the same"
    );
    // A journal that promises more than there is makes nobody read beyond it.
    stage.say(&Event::Part {
        track: track("v"),
        segment: 6,
        part: 2,
        us: 200_000,
        key: false,
        place: Some(Place { at: 6, bytes: 1000 }),
    });
    let torn = ask(&stage.open(), "v-6.2.m4s", "").await;
    assert!(matches!(torn, Err(Trouble::Store(_))), "{torn:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let stage = Stage::running();
    let live = stage.open();
    let far = ask(&live, "v.m3u8", "_HLS_msn=7").await;
    assert!(matches!(far, Err(Trouble::Ask)), "{far:?}");
    let bad = ask(&live, "v.m3u8", "_HLS_part=0").await;
    assert!(matches!(bad, Err(Trouble::Ask)), "{bad:?}");
    let began = tokio::time::Instant::now();
    let late = ask(&live, "v.m3u8", "_HLS_msn=6").await;
    assert!(matches!(late, Err(Trouble::Late)), "{late:?}");
    assert_eq!(began.elapsed().as_secs(), 6, "three target durations");
    let late = ask(&live, "a-5.3.m4s", "").await;
    assert!(matches!(late, Err(Trouble::Late)), "{late:?}");
    let none = ask(&live, "x.m3u8", "_HLS_msn=6").await;
    assert!(matches!(none, Err(Trouble::Absent)), "{none:?}");
}

#[tokio::test]
async fn the_first_playlist_has_a_whole_segment() {
    let stage = Stage::empty();
    stage.begin();
    stage.part("v", 0, 0);
    let live = Arc::new(stage.open());
    let first = tokio::spawn({
        let live = live.clone();
        async move { ask(&live, "v.m3u8", "").await }
    });
    while live.seats.available_permits() == MAX_WAITING {
        tokio::task::yield_now().await;
    }
    stage.part("v", 0, 1);
    stage.segment("v", 0);
    let made = playlist(first.await.expect("no panic"));
    let text = std::str::from_utf8(&made.bytes).expect("text");
    assert!(text.contains("\nv-0.m4s\n"), "{text}");
}

#[tokio::test]
async fn with_a_segment_before_the_first_players_need_not_wait_for_a_whole_one() {
    let stage = Stage::empty();
    stage.begin_as(true);
    let live = Arc::new(stage.open());
    let first = tokio::spawn({
        let live = live.clone();
        async move { ask(&live, "v.m3u8", "").await }
    });
    while live.seats.available_permits() == MAX_WAITING {
        tokio::task::yield_now().await;
    }
    for part in 0..3 {
        stage.part("v", 0, part);
    }
    let made = playlist(first.await.expect("no panic"));
    let text = std::str::from_utf8(&made.bytes).expect("text");
    assert!(
        text.contains("#EXT-X-GAP\n") && text.contains("v-0.2.m4s"),
        "{text}"
    );
    assert!(
        "gap.m4s".parse::<MediaFile>().is_err(),
        "nothing has its name"
    );
}

/// An outage is no fault of the player's: it gets what it has, and asks again.
#[tokio::test(start_paused = true)]
async fn while_the_publisher_is_away_the_playlist_stays() {
    let stage = Stage::running();
    stage.stand(Standing::Away);
    let live = stage.open();
    let made = playlist(ask(&live, "v.m3u8", "_HLS_msn=6&_HLS_skip=YES").await);
    assert!(made.bytes.ends_with(b"LAST-MSN=5,LAST-PART=2\n"));
}

#[tokio::test]
async fn only_so_many_may_wait() {
    let stage = Stage::running();
    let live =
        Arc::new(Live::with_seats(&stage.data.path().join("live"), 1 << 20, 1).expect("opened"));
    let first = tokio::spawn({
        let live = live.clone();
        async move { ask(&live, "v.m3u8", "_HLS_msn=5").await }
    });
    while live.seats.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let second = ask(&live, "v.m3u8", "_HLS_msn=5").await;
    assert!(matches!(second, Err(Trouble::Crowded)), "{second:?}");
    assert!(
        ask(&live, "v.m3u8", "").await.is_ok(),
        "what is there needs no seat"
    );
    stage.segment("v", 5);
    playlist(first.await.expect("no panic"));
}

#[tokio::test]
async fn a_broadcast_comes_and_goes() {
    let stage = Stage::empty();
    fs::remove_dir_all(&stage.folder).expect("gone");
    let live = Arc::new(stage.open());
    let mut changed = live.changed();
    assert!(live.on_air().is_empty());
    fs::create_dir_all(&stage.folder).expect("a folder");
    stage.stand(Standing::Live);
    changed
        .wait_for(|_| live.of_channel("films").is_some())
        .await
        .expect("told");
    assert!(!live.get(ID).expect("there").has_begun());
    stage.begin();
    stage.part("v", 0, 0);
    changed
        .wait_for(|_| live.get(ID).is_some_and(|one| one.has_begun()))
        .await
        .expect("told");
    stage.stand(Standing::Away);
    changed
        .wait_for(|_| {
            live.get(ID)
                .is_some_and(|one| one.standing() == Standing::Away)
        })
        .await
        .expect("told");
    let waiting = tokio::spawn({
        let live = live.clone();
        async move { ask(&live, "v.m3u8", "_HLS_msn=1").await }
    });
    while live.seats.available_permits() == MAX_WAITING {
        tokio::task::yield_now().await;
    }
    stage.say(&Event::End {});
    let made = playlist(waiting.await.expect("no panic"));
    assert!(made.bytes.ends_with(b"#EXT-X-ENDLIST\n"));
    assert!(live.on_air().is_empty() && live.get(ID).expect("lingers").is_over());
    fs::remove_dir_all(&stage.folder).expect("gone");
    changed
        .wait_for(|_| live.get(ID).is_none())
        .await
        .expect("told");
}
