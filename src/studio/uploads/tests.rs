use std::fs::File;

use tempfile::TempDir;

use super::{hash, *};

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

struct Site {
    folder: TempDir,
    uploads: Arc<Uploads>,
}

fn limits() -> Limits {
    Limits {
        most_bytes: 10_000_000,
        at_once: 3,
        expire_hours: 24,
        keep_free_bytes: 0,
    }
}

fn site() -> Site {
    site_with(limits())
}

fn site_with(limits: Limits) -> Site {
    let folder = tempfile::tempdir().expect("a folder");
    let uploads = Arc::new(Uploads::new(folder.path(), folder.path(), limits));
    Site { folder, uploads }
}

/// Bytes that differ everywhere.
fn film(length: u32) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

fn new(length: usize, name: &str) -> New {
    New {
        length: length as u64,
        metadata: tus::Metadata {
            file_name: Some(name.to_owned()),
            ..tus::Metadata::default()
        },
        raw: String::new(),
    }
}

impl Site {
    fn create(&self, film: &[u8], name: &str) -> UploadId {
        self.uploads
            .create(new(film.len(), name), NOW)
            .expect("created")
            .id
    }

    async fn append(
        &self,
        id: UploadId,
        at: u64,
        bytes: &[u8],
        check: Option<tus::Checksum>,
    ) -> Result<Finished, Error> {
        let mut append = Append::begin(&self.uploads, id, at, check).await?;
        for piece in bytes.chunks(70_000) {
            append.write(::bytes::Bytes::copy_from_slice(piece)).await?;
        }
        append.finish(NOW, |_| false).await
    }

    fn offset(&self, id: UploadId) -> u64 {
        self.uploads.standing(id).expect("there").offset
    }

    /// The same folder after a restart.
    fn restarted(self) -> Self {
        let uploads = Arc::new(Uploads::new(
            self.folder.path(),
            self.folder.path(),
            limits(),
        ));
        Self {
            folder: self.folder,
            uploads,
        }
    }
}

fn title(film: &[u8]) -> VideoId {
    let mut id = [0; 8];
    id.copy_from_slice(&hash::of(film)[..8]);
    VideoId::from_bytes(id)
}

use satreel_hls::naming::VideoId;

#[tokio::test]
async fn a_film_in_pieces_becomes_one_film() {
    let site = site();
    let film = film(3_000_000);
    let id = site.create(&film, "film.mp4");
    let first = site
        .append(id, 0, &film[..1_000_001], None)
        .await
        .expect("taken");
    assert_eq!((first.offset, first.done), (1_000_001, None));
    let site = site.restarted();
    assert_eq!(site.offset(id), 1_000_001);
    let last = site
        .append(id, 1_000_001, &film[1_000_001..], None)
        .await
        .expect("taken");
    let done = Done {
        title: title(&film),
        known: false,
    };
    assert_eq!(last.done, Some(done));
    let arrived = fs::read(site.folder.path().join("film.mp4")).expect("there");
    assert!(arrived == film, "byte for byte");
    // Whoever lost the last answer learns of it, and can't write on.
    assert_eq!(
        site.uploads.standing(id).expect("there").record.done,
        Some(done)
    );
    let more = site.append(id, 3_000_000, b"", None).await;
    assert!(matches!(more, Err(Error::WrongOffset { at: 3_000_000 })));
}

#[tokio::test]
async fn what_a_killed_server_wrote_counts() {
    let site = site();
    let film = film(2_500_000);
    let id = site.create(&film, "film.mp4");
    let mut append = Append::begin(&site.uploads, id, 0, None)
        .await
        .expect("begun");
    append
        .write(::bytes::Bytes::copy_from_slice(&film[..1_200_000]))
        .await
        .expect("written");
    // kill -9: nothing is kept but what lies on disk.
    drop(append);
    let site = site.restarted();
    let at = site.offset(id);
    assert_eq!(at, 1_200_000);
    let rest = &film[usize::try_from(at).expect("small")..];
    let last = site.append(id, at, rest, None).await.expect("taken");
    assert_eq!(last.done.map(|done| done.title), Some(title(&film)));
}

#[tokio::test]
async fn a_wrong_checksum_takes_nothing_in() {
    let site = site();
    let film = film(100_000);
    let id = site.create(&film, "film.mp4");
    let right = || Some(tus::Checksum::Sha256(hash::of(&film[..50_000])));
    let wrong = Some(tus::Checksum::Sha1([0; 20]));
    let refused = site.append(id, 0, &film[..50_000], wrong).await;
    assert!(matches!(refused, Err(Error::WrongChecksum)));
    assert_eq!(site.offset(id), 0);
    // One that broke off was never checked.
    let mut half = Append::begin(&site.uploads, id, 0, right())
        .await
        .expect("begun");
    half.write(::bytes::Bytes::copy_from_slice(&film[..40_000]))
        .await
        .expect("written");
    half.break_off(NOW).await.expect("kept");
    assert_eq!(site.offset(id), 0);
    // So was one that a kill broke off, whatever lies on disk.
    let big = self::film(2_000_000);
    let other = site.create(&big, "big.mp4");
    let mut killed = Append::begin(&site.uploads, other, 0, right())
        .await
        .expect("begun");
    killed
        .write(::bytes::Bytes::copy_from_slice(&big[..1_500_000]))
        .await
        .expect("written");
    drop(killed);
    let site = site.restarted();
    assert_eq!(site.offset(other), 0);
    let done = site.append(other, 0, &big, None).await.expect("taken").done;
    assert_eq!(done.map(|done| done.title), Some(title(&big)));
    let first = site
        .append(id, 0, &film[..50_000], right())
        .await
        .expect("checked");
    assert_eq!(first.offset, 50_000);
    let last = site
        .append(id, 50_000, &film[50_000..], None)
        .await
        .expect("taken");
    assert_eq!(last.done.map(|done| done.title), Some(title(&film)));
}

#[tokio::test]
async fn offsets_and_lengths_hold() {
    let site = site();
    let film = film(1000);
    let id = site.create(&film, "film.mp4");
    let wrong = site.append(id, 5, &film, None).await;
    assert!(matches!(wrong, Err(Error::WrongOffset { at: 0 })));
    let long = site.append(id, 0, &self::film(1001), None).await;
    assert!(matches!(long, Err(Error::TooLong)));
    assert_eq!(site.offset(id), 0);
    let unknown = "00".repeat(16).parse().expect("an id");
    let refused = site.append(unknown, 0, &film, None).await;
    assert!(matches!(refused, Err(Error::Unknown)));
    assert!(
        site.append(id, 0, &film, None)
            .await
            .expect("taken")
            .done
            .is_some()
    );
}

#[tokio::test]
async fn the_newer_request_takes_the_place() {
    let site = site();
    let film = film(2_200_000);
    let id = site.create(&film, "film.mp4");
    let mut stuck = Append::begin(&site.uploads, id, 0, None)
        .await
        .expect("begun");
    stuck
        .write(::bytes::Bytes::copy_from_slice(&film[..1_100_000]))
        .await
        .expect("written");
    let displaced = stuck.displaced.clone();
    let watch = tokio::spawn(async move {
        displaced.cancelled().await;
        stuck.break_off(NOW).await
    });
    let standing = site.uploads.settled(id).await.expect("settled");
    assert_eq!(standing.offset, 1_100_000);
    watch.await.expect("ends").expect("kept");
    assert!(
        site.append(id, 1_100_000, &film[1_100_000..], None)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn the_same_film_twice_is_noticed_and_names_never_clash() {
    let site = site();
    let film = film(5000);
    let id = site.create(&film, "film.mp4");
    let append = Append::begin(&site.uploads, id, 0, None)
        .await
        .expect("begun");
    drop(append);
    let mut append = Append::begin(&site.uploads, id, 0, None)
        .await
        .expect("begun");
    append
        .write(::bytes::Bytes::copy_from_slice(&film))
        .await
        .expect("written");
    let expected = title(&film);
    let known = append
        .finish(NOW, move |id| id == expected)
        .await
        .expect("taken");
    assert_eq!(
        known.done,
        Some(Done {
            title: expected,
            known: true
        })
    );
    assert!(!site.folder.path().join("film.mp4").exists());

    for (length, name) in [(10, "film.mp4"), (20, "film (2).mp4"), (30, "film (3).mp4")] {
        let film = self::film(length);
        let id = site.create(&film, "film.mp4");
        site.append(id, 0, &film, None).await.expect("taken");
        assert_eq!(fs::read(site.folder.path().join(name)).expect(name), film);
    }
}

#[tokio::test]
async fn what_ran_out_or_was_given_up_is_cleared_away() {
    let site = site();
    let film = film(1000);
    let (old, given_up) = (site.create(&film, "a.mp4"), site.create(&film, "b.mp4"));
    site.uploads.cancel(given_up).await.expect("canceled");
    assert!(matches!(
        site.uploads.standing(given_up),
        Err(Error::Unknown)
    ));
    assert!(matches!(
        site.uploads.cancel(given_up).await,
        Err(Error::Unknown)
    ));
    site.uploads.sweep(NOW.plus_hours(23)).expect("swept");
    assert_eq!(site.offset(old), 0);
    site.uploads.sweep(NOW.plus_hours(24)).expect("swept");
    assert!(site.uploads.list().expect("listed").is_empty());
    let left = fs::read_dir(site.folder.path().join(FOLDER)).expect("a folder");
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_whole_film_that_a_crash_left_behind_is_handed_over() {
    let site = site();
    let film = film(1000);
    let id = site.create(&film, "film.mp4");
    let place = site.uploads.place(id);
    fs::write(&place.bytes, &film).expect("written");
    let mut record = Record::read(&place.record).expect("read");
    record.done = Some(Done {
        title: title(&film),
        known: false,
    });
    record.write(&place.record).expect("written");
    let site = site.restarted();
    site.uploads.sweep(NOW).expect("swept");
    assert_eq!(
        fs::read(site.folder.path().join("film.mp4")).expect("there"),
        film
    );
}

#[test]
fn room_is_counted_before_the_first_byte() {
    let site = site();
    let create = |site: &Site, length| site.uploads.create(new(length, "f.mp4"), NOW);
    assert!(matches!(create(&site, 0), Err(Error::Empty)));
    let large = create(&site, 10_000_001).expect_err("too large");
    assert_eq!(
        large.to_string(),
        "the film has 10.0 MB, and at most 10.0 MB are taken: see uploads.most_gb"
    );
    for _ in 0..3 {
        create(&site, 100).expect("created");
    }
    assert!(matches!(create(&site, 100), Err(Error::TooMany(3))));
    let greedy = site_with(Limits {
        keep_free_bytes: u64::MAX / 2,
        ..limits()
    });
    assert!(matches!(create(&greedy, 100), Err(Error::NoRoom { .. })));
}

#[tokio::test]
async fn two_servers_never_write_to_one_upload() {
    let site = site();
    let film = film(1000);
    let id = site.create(&film, "film.mp4");
    let other = File::open(site.uploads.place(id).bytes).expect("opened");
    other.lock().expect("locked");
    let refused = site.append(id, 0, &film, None).await;
    assert!(matches!(refused, Err(Error::Locked)));
    drop(other);
    assert!(site.append(id, 0, &film, None).await.is_ok());
}

#[tokio::test]
async fn a_film_that_replaces_another_is_asked_for() {
    let site = site();
    let film = film(1000);
    let title: VideoId = "00ff10a9bcdef012".parse().expect("an id");
    let mut replacement = new(film.len(), "better.mp4");
    replacement.metadata.replaces = Some(title);
    let id = site.uploads.create(replacement, NOW).expect("created").id;
    let done = site.append(id, 0, &film, None).await.expect("taken").done;
    assert_eq!(
        done,
        Some(Done {
            title,
            known: false
        })
    );
    let place = site.folder.path().join(".for/00ff10a9bcdef012/better.mp4");
    assert_eq!(fs::read(place).expect("there"), film);
    let asked = fs::read_dir(site.folder.path().join("jobs/asked")).expect("a folder");
    let texts: Vec<_> = asked
        .map(|entry| fs::read_to_string(entry.expect("an entry").path()).expect("read"))
        .collect();
    let wish = r#"{"job":"00ff10a9bcdef012","do":"replace","file":"better.mp4"}"#;
    assert_eq!(texts, [wish]);
}

#[tokio::test]
async fn what_a_film_is_to_be_called_lies_beside_it() {
    let site = site();
    let inbox = site.folder.path();
    for (length, name, file, beside) in [
        (100, "A \"good\" film", "film.mp4", "film.toml"),
        (200, "Another", "film (2).mp4", "film (2).toml"),
        // One that a crash left between the two steps.
        (300, "Left", "film (3).mp4", "film (3).toml"),
    ] {
        if name == "Left" {
            fs::write(inbox.join(beside), "name = \"Left\"\n").expect("written");
        }
        let film = film(length);
        let mut named = new(film.len(), "film.mp4");
        named.metadata.name = Some(name.to_owned());
        let id = site.uploads.create(named, NOW).expect("created").id;
        site.append(id, 0, &film, None).await.expect("taken");
        assert_eq!(fs::read(inbox.join(file)).expect(file), film);
        let text = fs::read_to_string(inbox.join(beside)).expect(beside);
        let read = satreel_config::Sidecar::parse(beside, &text).expect("title data");
        assert_eq!(read.name.as_deref(), Some(name));
    }
}
