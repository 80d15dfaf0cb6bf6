//! What tus 1.0 writes in headers (<https://tus.io/protocols/resumable-upload>), read strictly: pure,
//! bounded, and nothing of it becomes a path but by [`file_name`].

use base64::{Engine, engine::general_purpose::STANDARD};
use satreel_hls::naming::VideoId;

/// The version that is spoken here.
pub const VERSION: &str = "1.0.0";
/// The extensions that are.
pub const EXTENSIONS: &str = "creation,creation-with-upload,checksum,termination,expiration";
/// How a part may be checked.
pub const ALGORITHMS: &str = "sha1,sha256";
/// Longest `Upload-Metadata`, in bytes.
const MAX_METADATA: usize = 8 << 10;
/// Longest name of a film's file, in bytes; file systems take 255, and a number may join it.
const MAX_NAME: usize = 180;
/// Longest name of a film, in characters.
const MAX_TITLE: usize = 200;
/// What partly copied files are called: a film must not be taken for one.
const PARTIAL: [&str; 5] = [".part", ".partial", ".tmp", ".crdownload", ".filepart"];

/// A header that can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{header}: {what}")]
pub struct Wrong {
    pub header: &'static str,
    pub what: &'static str,
}

const fn wrong(header: &'static str, what: &'static str) -> Wrong {
    Wrong { header, what }
}

/// `Upload-Length` or `Upload-Offset`: a whole number of bytes.
pub fn bytes(header: &'static str, text: &str) -> Result<u64, Wrong> {
    let digits = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or(wrong(header, "a whole number of bytes"))
}

/// What a client says of its film.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// What the file is called.
    pub file_name: Option<String>,
    /// What the film is to be called.
    pub name: Option<String>,
    /// The title whose film this is to be from now on.
    pub replaces: Option<VideoId>,
    /// Of the whole file, if the client knows it already.
    pub sha256: Option<[u8; 32]>,
}

/// `Upload-Metadata`: keys with values in base64. Keys that nobody here knows are left alone.
pub fn metadata(text: &str) -> Result<Metadata, Wrong> {
    const HEADER: &str = "Upload-Metadata";
    if text.len() > MAX_METADATA {
        return Err(wrong(HEADER, "at most 8 KB"));
    }
    let mut metadata = Metadata::default();
    let mut keys: Vec<&str> = Vec::new();
    for pair in text.split(',') {
        let pair = pair.strip_prefix(' ').unwrap_or(pair);
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong(HEADER, "each key is a word of ASCII"));
        }
        if keys.contains(&key) {
            return Err(wrong(HEADER, "each key once"));
        }
        keys.push(key);
        let value = STANDARD
            .decode(value)
            .map_err(|_| wrong(HEADER, "each value in base64"))?;
        let text = || {
            let text = String::from_utf8(value.clone());
            text.map_err(|_| wrong(HEADER, "filename, name and sha256 are UTF-8"))
        };
        match key {
            "filename" => metadata.file_name = Some(text()?),
            "name" => {
                let name = text()?.trim().to_owned();
                if name.chars().count() > MAX_TITLE || name.contains(char::is_control) {
                    return Err(wrong(HEADER, "name is one line of at most 200 characters"));
                }
                metadata.name = Some(name).filter(|name| !name.is_empty());
            }

            "replaces" => {
                let title = text()?.parse();
                let title = title.map_err(|_| wrong(HEADER, "replaces is a title's id"))?;
                metadata.replaces = Some(title);
            }
            "sha256" => {
                let mut digest = [0; 32];
                hex::decode_to_slice(text()?, &mut digest)
                    .map_err(|_| wrong(HEADER, "sha256 is 64 hex digits"))?;
                metadata.sha256 = Some(digest);
            }
            _ => {}
        }
    }
    Ok(metadata)
}

/// How the bytes of one request are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

/// `Upload-Checksum`: an algorithm, and the digest in base64.
pub fn checksum(text: &str) -> Result<Checksum, Wrong> {
    const HEADER: &str = "Upload-Checksum";
    let broken = wrong(HEADER, "sha1 or sha256, then the digest in base64");
    let (algorithm, digest) = text.split_once(' ').ok_or(broken.clone())?;
    let digest = STANDARD.decode(digest).map_err(|_| broken.clone())?;
    let length = wrong(HEADER, "the digest has another length than its algorithm's");
    match algorithm {
        "sha1" => digest.try_into().map(Checksum::Sha1).map_err(|_| length),
        "sha256" => digest.try_into().map(Checksum::Sha256).map_err(|_| length),
        _ => Err(broken),
    }
}

/// What a file is called in the inbox: one visible name, without a path.
pub fn file_name(given: Option<&str>) -> String {
    let given = given.unwrap_or_default();
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last
        .chars()
        .map(|letter| if letter.is_control() { '_' } else { letter })
        .collect();
    // Hidden files and backups are no films to the watch folder.
    let plain = plain
        .trim_start_matches(|letter: char| letter == '.' || letter.is_whitespace())
        .trim_end_matches(|letter: char| letter == '~' || letter.is_whitespace());
    let mut name = shortened(plain);
    let low = name.to_lowercase();
    if PARTIAL.iter().any(|end| low.ends_with(end)) {
        name.push_str(".film");
    }
    if name.is_empty() {
        name.push_str("film");
    }
    name
}

/// The ending stays: it says what the film is.
fn shortened(name: &str) -> String {
    if name.len() <= MAX_NAME {
        return name.to_owned();
    }
    let (stem, end) = match name.rsplit_once('.') {
        Some((stem, end)) if end.len() <= 8 => (stem, format!(".{end}")),
        Some(_) | None => (name, String::new()),
    };
    let mut room = MAX_NAME - end.len();
    while !stem.is_char_boundary(room.min(stem.len())) {
        room -= 1;
    }
    format!("{}{end}", &stem[..room.min(stem.len())])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_clients_send_is_read() {
        let text = "filename ZmlsbS5tcDQ=,name VGhlIEZpbG0=,is_confidential,filetype dmlkZW8vbXA0";
        let read = metadata(text).expect("metadata");
        assert_eq!(read.file_name.as_deref(), Some("film.mp4"));
        assert_eq!(read.name.as_deref(), Some("The Film"));
        assert_eq!(
            metadata("filename ZmlsbS5tcDQ=, name ")
                .expect("spaced")
                .name,
            None
        );
        let digest = STANDARD.encode([7; 20]);
        assert_eq!(
            checksum(&format!("sha1 {digest}")),
            Ok(Checksum::Sha1([7; 20]))
        );
        assert_eq!(bytes("Upload-Length", "0"), Ok(0));
        assert_eq!(bytes("Upload-Length", "4294967296"), Ok(4_294_967_296));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in ["", "-1", "+1", " 1", "1.0", "0x10", "9".repeat(19).as_str()] {
            assert!(bytes("Upload-Offset", text).is_err(), "{text}");
        }
        for text in [
            "",
            ",",
            "filename !",
            "a YQ==,a YQ==",
            "a  YQ==",
            "f\u{e9} YQ==",
            "name /w==",
            "name YQpi",
            "sha256 YQ==",
            &"a".repeat(9000),
        ] {
            assert!(metadata(text).is_err(), "{text}");
        }
        let digest = STANDARD.encode([7; 20]);
        for text in [
            String::new(),
            "sha1".into(),
            format!("md5 {digest}"),
            format!("sha256 {digest}"),
            "sha1 ?".into(),
        ] {
            assert!(checksum(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_one_visible_name() {
        for (given, name) in [
            (None, "film"),
            (Some("film.mp4"), "film.mp4"),
            (Some("../../etc/passwd"), "passwd"),
            (Some("C:\\films\\one.mov"), "one.mov"),
            (Some(".hidden.mp4"), "hidden.mp4"),
            (Some("..."), "film"),
            (Some(". . a film.mp4 ~ ~"), "a film.mp4"),
            (Some(". ."), "film"),
            (Some("a\nb\0.mkv"), "a_b_.mkv"),
            (Some("half.mp4.part"), "half.mp4.part.film"),
            (Some("old.mp4~"), "old.mp4"),
            (Some("Épée d’été.mp4"), "Épée d’été.mp4"),
        ] {
            assert_eq!(file_name(given), name);
        }
        let long = file_name(Some(&format!("{}.mp4", "é".repeat(300))));
        assert!(
            long.len() <= MAX_NAME && long.strip_suffix(".mp4").is_some(),
            "{long}"
        );
    }

    proptest! {
        #[test]
        fn no_header_panics(text in ".{0,100}") {
            let _ = (bytes("Upload-Offset", &text), metadata(&text), checksum(&text));
        }

        #[test]
        fn names_are_never_paths(given in ".{0,300}") {
            let name = file_name(Some(&given));
            prop_assert!(!name.is_empty() && name.len() <= MAX_NAME + 5);
            prop_assert!(!name.starts_with('.') && !name.contains(['/', '\\', '\0', '\n']));
            prop_assert_eq!(std::path::Path::new(&name).file_name(), Some(std::ffi::OsStr::new(&name)));
        }

        #[test]
        fn metadata_survives_the_round_trip(file in ".{1,40}", name in "[a-zA-Z ]{0,40}") {
            let text = format!("filename {},name {}", STANDARD.encode(&file), STANDARD.encode(&name));
            let read = metadata(&text).expect("metadata");
            prop_assert_eq!(read.file_name, Some(file));
            prop_assert_eq!(read.name.unwrap_or_default(), name.trim());
        }
    }
}
