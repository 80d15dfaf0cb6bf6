//! Films that arrive by tus: over HTTP, whatever happens on the way.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use satreel_config::{Config, Uploads};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::site::{
    Answer, FILM, Program, START, Site, data_folder, satreel, wait_until, write_title,
};
use crate::studio::Creator;

const UPLOADS: &str = "/api/studio/uploads";
const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const BYTES: (&str, &str) = ("content-type", "application/offset+octet-stream");

fn film(length: u32) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

fn id_of(film: &[u8]) -> String {
    hex::encode(&Sha256::digest(film)[..8])
}

/// Large films are too large, and three at once are enough.
fn site() -> (Site, TempDir) {
    let folder = data_folder();
    let mut config = Config::demo(folder.path());
    config.uploads = Uploads {
        most_bytes: 50_000_000,
        at_once: 3,
        expire_hours: 24,
        keep_free_bytes: 0,
    };
    (Site::with(config, START), folder)
}

fn metadata(name: &str) -> String {
    format!("filename {},filetype dmlkZW8vbXA0", STANDARD.encode(name))
}

impl Creator {
    fn tus(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(method, path, &[&[TUS], headers].concat(), body)
    }

    fn begin(&self, length: usize, name: &str) -> String {
        let (length, metadata) = (length.to_string(), metadata(name));
        let headers = [
            ("upload-length", length.as_str()),
            ("upload-metadata", &metadata),
        ];
        let made = self.tus("POST", UPLOADS, &headers, b"");
        assert_eq!(made.status, 201, "{}", made.text());
        assert!(made.header("upload-expires").ends_with(" GMT"));
        made.header("location").to_owned()
    }

    fn append(&self, upload: &str, at: usize, bytes: &[u8]) -> Answer {
        let at = at.to_string();
        self.tus("PATCH", upload, &[BYTES, ("upload-offset", &at)], bytes)
    }

    fn offset(&self, upload: &str) -> usize {
        let answer = self.tus("HEAD", upload, &[], b"");
        assert_eq!(answer.status, 200);
        answer.header("upload-offset").parse().expect("a number")
    }
}

#[test]
fn a_film_arrives_in_pieces() {
    let (site, folder) = site();
    let creator = Creator::at(&site);
    let film = film(5_000_000);
    let upload = creator.begin(film.len(), "film.mp4");
    assert!(upload.starts_with("/api/studio/uploads/"));
    let first = creator.append(&upload, 0, &film[..2_000_000]);
    assert_eq!(
        (first.status, first.header("upload-offset")),
        (204, "2000000")
    );
    assert_eq!(first.header("tus-resumable"), "1.0.0");
    let look = creator.tus("HEAD", &upload, &[], b"");
    assert_eq!(
        (look.header("upload-offset"), look.header("upload-length")),
        ("2000000", "5000000")
    );
    assert_eq!(look.header("upload-metadata"), metadata("film.mp4"));
    assert_eq!(look.header("cache-control"), "no-store");
    let shown = creator.get(UPLOADS).json();
    assert_eq!(
        (
            &shown["uploads"][0]["state"],
            &shown["uploads"][0]["offset"]
        ),
        (&"receiving".into(), &2_000_000.into())
    );
    let last = creator.append(&upload, 2_000_000, &film[2_000_000..]);
    assert_eq!(
        (last.status, last.header("satreel-title")),
        (204, id_of(&film).as_str())
    );
    let arrived = std::fs::read(folder.path().join("inbox/film.mp4")).expect("there");
    assert!(arrived == film, "byte for byte");
    // Whoever lost that answer finds out.
    let look = creator.tus("HEAD", &upload, &[], b"");
    assert_eq!(
        (look.header("upload-offset"), look.header("satreel-title")),
        ("5000000", id_of(&film).as_str())
    );
    assert_eq!(creator.get(UPLOADS).json()["uploads"][0]["state"], "done");
}

#[test]
fn the_first_bytes_may_come_at_once() {
    let (site, folder) = site();
    let creator = Creator::at(&site);
    let film = film(100_000);
    let (length, metadata) = (film.len().to_string(), metadata("one.mkv"));
    let headers = [
        BYTES,
        ("upload-length", length.as_str()),
        ("upload-metadata", &metadata),
    ];
    let made = creator.tus("POST", UPLOADS, &headers, &film[..60_000]);
    assert_eq!((made.status, made.header("upload-offset")), (201, "60000"));
    let upload = made.header("location").to_owned();
    // For whoever can only POST.
    let over = [
        BYTES,
        ("upload-offset", "60000"),
        ("x-http-method-override", "PATCH"),
    ];
    let last = creator.tus("POST", &upload, &over, &film[60_000..]);
    assert_eq!(last.status, 204, "{}", last.text());
    assert!(folder.path().join("inbox/one.mkv").exists());
}

#[test]
fn checksums_are_held() {
    let (site, _folder) = site();
    let creator = Creator::at(&site);
    let film = film(10_000);
    let upload = creator.begin(film.len(), "film.mp4");
    let send = |sum: &str| {
        let headers = [BYTES, ("upload-offset", "0"), ("upload-checksum", sum)];
        creator.tus("PATCH", &upload, &headers, &film[..5000])
    };
    let wrong = send(&format!("sha256 {}", STANDARD.encode([0; 32])));
    assert_eq!(
        (wrong.status, wrong.slug()),
        (460, "wrong-checksum".to_owned())
    );
    assert_eq!(creator.offset(&upload), 0);
    assert_eq!(send("md5 AAAA").status, 400);
    let right = format!("sha256 {}", STANDARD.encode(Sha256::digest(&film[..5000])));
    assert_eq!(send(&right).status, 204);
    assert_eq!(creator.offset(&upload), 5000);
}

#[test]
fn what_is_no_upload_is_refused_with_words() {
    let (site, _folder) = site();
    let creator = Creator::at(&site);
    let abilities = creator.send("OPTIONS", UPLOADS, &[], b"");
    assert_eq!(abilities.status, 204);
    assert_eq!(abilities.header("tus-version"), "1.0.0");
    assert_eq!(abilities.header("tus-checksum-algorithm"), "sha1,sha256");
    assert_eq!(abilities.header("tus-max-size"), "50000000");
    assert!(abilities.header("tus-extension").contains("expiration"));

    let old = creator.send(
        "POST",
        UPLOADS,
        &[("tus-resumable", "0.2.2"), ("upload-length", "5")],
        b"",
    );
    assert_eq!((old.status, old.header("tus-version")), (412, "1.0.0"));
    for (headers, status, slug) in [
        (vec![], 400, "no-upload"),
        (vec![("upload-length", "-5")], 400, "no-upload"),
        (vec![("upload-defer-length", "1")], 400, "no-upload"),
        (
            vec![("upload-length", "5"), ("upload-metadata", "a b c")],
            400,
            "no-upload",
        ),
        (vec![("upload-length", "0")], 422, "invalid"),
        (vec![("upload-length", "50000001")], 413, "too-large"),
    ] {
        let refused = creator.tus("POST", UPLOADS, &headers, b"");
        assert_eq!(
            (refused.status, refused.slug().as_str()),
            (status, slug),
            "{headers:?}"
        );
    }
    let upload = creator.begin(10, "film.mp4");
    let typeless = creator.tus("PATCH", &upload, &[("upload-offset", "0")], b"x");
    assert_eq!(typeless.status, 415);
    let wrong = creator.append(&upload, 5, b"x");
    assert_eq!(
        (wrong.status, wrong.slug(), &wrong.json()["offset"]),
        (409, "wrong-offset".into(), &0.into())
    );
    let long = creator.append(&upload, 0, b"eleven byte");
    assert_eq!((long.status, long.slug()), (413, "too-long".to_owned()));
    for unknown in [
        format!("{UPLOADS}/{}", "0".repeat(32)),
        format!("{UPLOADS}/..%2Fx"),
    ] {
        assert_eq!(creator.tus("HEAD", &unknown, &[], b"").status, 404);
        assert_eq!(creator.append(&unknown, 0, b"x").status, 404);
    }
    assert_eq!(
        site.client
            .send("POST", UPLOADS, &[TUS, ("upload-length", "5")], b"")
            .status,
        401
    );
    assert_eq!(
        creator.send("PUT", UPLOADS, &[], b"").slug(),
        "wrong-method"
    );

    creator.begin(10, "two.mp4");
    creator.begin(10, "three.mp4");
    let many = creator.tus("POST", UPLOADS, &[("upload-length", "5")], b"");
    assert_eq!(
        (many.status, many.slug()),
        (409, "too-many-uploads".to_owned())
    );
    // Given up, and there is a place again.
    assert_eq!(creator.tus("DELETE", &upload, &[], b"").status, 204);
    assert_eq!(creator.tus("HEAD", &upload, &[], b"").status, 404);
    creator.begin(10, "four.mp4");
    // A day later all have run out.
    site.clock.advance(25 * 3600);
    let creator = Creator::at(&site);
    creator.begin(10, "five.mp4");
    assert_eq!(
        creator.get(UPLOADS).json()["uploads"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[test]
fn there_has_to_be_room() {
    let folder = data_folder();
    let mut config = Config::demo(folder.path());
    config.uploads.keep_free_bytes = u64::MAX / 2;
    let site = Site::with(config, START);
    let creator = Creator::at(&site);
    let full = creator.tus("POST", UPLOADS, &[("upload-length", "1000")], b"");
    assert_eq!((full.status, full.slug()), (507, "no-room".to_owned()));
    assert!(
        full.json()["detail"]
            .as_str()
            .is_some_and(|words| words.contains("are free"))
    );
}

#[test]
fn the_same_film_twice_is_noticed() {
    let (site, folder) = site();
    let creator = Creator::at(&site);
    let film = film(2000);
    write_title(
        &site.data,
        &id_of(&film),
        &serde_json::json!({"name": "Known"}),
    );
    wait_until("it is known", || {
        creator.title(&id_of(&film))["name"] == "Known"
    });
    let upload = creator.begin(film.len(), "again.mp4");
    let last = creator.append(&upload, 0, &film);
    assert_eq!(
        (last.header("satreel-known"), last.header("satreel-title")),
        ("1", id_of(&film).as_str())
    );
    assert!(!folder.path().join("inbox/again.mp4").exists());
    assert_eq!(creator.get(UPLOADS).json()["uploads"][0]["state"], "known");
    // A program that knows the hash need not send it at all.
    let sha256 = STANDARD.encode(hex::encode(Sha256::digest(&film)));
    let metadata = format!("sha256 {sha256}");
    let headers = [
        ("upload-length", "2000"),
        ("upload-metadata", metadata.as_str()),
    ];
    let known = creator.tus("POST", UPLOADS, &headers, b"");
    assert_eq!((known.status, known.slug()), (409, "known-film".to_owned()));
    assert_eq!(known.json()["name"], "Known");
    assert_ne!(id_of(&film), FILM);
}

/// A PATCH that says it will send more than it sends.
fn half_patch(
    creator: &Creator,
    upload: &str,
    at: usize,
    claimed: usize,
    bytes: &[u8],
) -> TcpStream {
    let mut stream = TcpStream::connect(creator.client.address()).expect("connected");
    write!(
        stream,
        "PATCH {upload} HTTP/1.1\r\nHost: x\r\nCookie: {}\r\nTus-Resumable: 1.0.0\r\n\
         Content-Type: application/offset+octet-stream\r\nUpload-Offset: {at}\r\n\
         Content-Length: {claimed}\r\n\r\n",
        creator.cookie
    )
    .expect("sent");
    stream.write_all(bytes).expect("sent");
    stream
}

fn part_of(data: &std::path::Path, upload: &str) -> std::path::PathBuf {
    let id = upload.rsplit('/').next().expect("an id");
    data.join("inbox/.uploads").join(format!("{id}.part"))
}

#[test]
fn a_lost_connection_costs_nothing_that_arrived() {
    let (site, folder) = site();
    let creator = Creator::at(&site);
    let film = film(8_000_000);
    let upload = creator.begin(film.len(), "film.mp4");
    let gone = half_patch(&creator, &upload, 0, film.len(), &film[..3_500_000]);
    gone.shutdown(std::net::Shutdown::Both).expect("hung up");
    // Not by asking: a question takes the place of whoever writes.
    let part = part_of(folder.path(), &upload);
    let on_disk = || std::fs::metadata(&part).expect("a file").len();
    wait_until("all is taken in", || on_disk() == 3_500_000);
    assert_eq!(creator.offset(&upload), 3_500_000);
    // One that hangs without a word: the client comes back before the server has noticed.
    let mut hangs = half_patch(
        &creator,
        &upload,
        3_500_000,
        4_500_000,
        &film[3_500_000..6_000_000],
    );
    wait_until("some is on disk", || on_disk() > 5_000_000);
    let at = creator.offset(&upload);
    assert!((5_000_000..=6_000_000).contains(&at), "{at}");
    let mut told = String::new();
    hangs.read_to_string(&mut told).expect("an answer");
    assert!(told.starts_with("HTTP/1.1 423"), "{told}");
    let last = creator.append(&upload, at, &film[at..]);
    assert_eq!(last.header("satreel-title"), id_of(&film));
}

#[test]
fn kill_9_and_restart_cost_nothing_that_arrived() {
    let folder = data_folder();
    let data = folder.path().to_string_lossy().into_owned();
    let program = Program::serve(folder.path());
    let (_, link, _) = satreel(&["studio-link", "--data", &data]);
    let path = link
        .trim()
        .strip_prefix(program.client.url())
        .expect("a link")
        .to_owned();
    let creator = Creator::by(&program.client, &path);
    let film = film(6_000_000);
    let upload = creator.begin(film.len(), "film.mp4");
    assert_eq!(creator.append(&upload, 0, &film[..1_000_000]).status, 204);
    let _stream = half_patch(
        &creator,
        &upload,
        1_000_000,
        5_000_000,
        &film[1_000_000..4_500_000],
    );
    let part = part_of(folder.path(), &upload);
    wait_until("some is on disk", || {
        std::fs::metadata(&part).expect("a file").len() > 3_000_000
    });
    program.kill();
    let program = Program::serve(folder.path());
    let creator = Creator {
        client: program.client.clone(),
        cookie: creator.cookie,
    };
    let at = creator.offset(&upload);
    assert!(at > 3_000_000 && at <= 4_500_000, "{at}");
    // And a stop in order.
    let _stream = half_patch(&creator, &upload, at, 6_000_000 - at, &film[at..5_800_000]);
    wait_until("more is on disk", || {
        std::fs::metadata(&part).expect("a file").len() > at as u64
    });
    assert_eq!(program.terminate().0, Some(0));
    let program = Program::serve(folder.path());
    let creator = Creator {
        client: program.client.clone(),
        cookie: creator.cookie,
    };
    let now = creator.offset(&upload);
    assert!(now > at);
    let last = creator.append(&upload, now, &film[now..]);
    assert_eq!(
        last.header("satreel-title"),
        id_of(&film),
        "every byte is the right one"
    );
    let shown: Value = creator.get(UPLOADS).json();
    assert_eq!(shown["uploads"][0]["state"], "done");
}
