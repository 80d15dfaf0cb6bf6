//! Media URLs, parsed. What does not parse is not found; no text from a URL ever becomes part of
//! a file system path: paths are built from the parsed [`VideoId`] and [`MediaFile`] alone.

use satreel_hls::naming::{MediaFile, VideoId};

/// The prefix of every media URL.
pub const PREFIX: &str = "/m/";

/// `/m/{grant}/{id}/{file}`, the grant still unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaPath<'a> {
    pub grant: &'a str,
    pub title: VideoId,
    pub file: MediaFile,
}

impl<'a> MediaPath<'a> {
    /// None: no file of any title has this URL. Percent-encoding is not decoded: every name that
    /// exists is written without it, so that one file has one URL.
    pub fn parse(path: &'a str) -> Option<Self> {
        let mut parts = path.strip_prefix(PREFIX)?.split('/');
        let (grant, title, file) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            grant,
            title: title.parse().ok()?,
            file: file.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn media_urls_parse() {
        let path = MediaPath::parse("/m/GRANT/00ff10a9bcdef012/v720-7.m4s").expect("a path");
        assert_eq!(path.grant, "GRANT");
        assert_eq!(path.title.to_string(), "00ff10a9bcdef012");
        assert_eq!(path.file.to_string(), "v720-7.m4s");
    }

    #[test]
    fn tricks_are_not_found() {
        for path in [
            "/m/",
            "/m/g",
            "/m/g/00ff10a9bcdef012",
            "/m/g/00ff10a9bcdef012/",
            "/m/g/00ff10a9bcdef012/title.json",
            "/m/g/00ff10a9bcdef012/../title.json",
            "/m/g/00ff10a9bcdef012/..%2ftitle.json",
            "/m/g/00ff10a9bcdef012/v720-0.m4s%00",
            "/m/g/00ff10a9bcdef012/%76720-0.m4s",
            "/m/g/../00ff10a9bcdef012/master.m3u8",
            "/m/g/00FF10A9BCDEF012/master.m3u8",
            "/m/g//master.m3u8",
            "//m/g/00ff10a9bcdef012/a.m3u8",
            "/m/g/00ff10a9bcdef012/master.m3u8/",
            "/m/g/00ff10a9bcdef012/v720-0.m4s.tmp",
            "/m/g/00ff10a9bcdef012/.master.m3u8",
            "/m/g/00ff10a9bcdef012/job.json",
        ] {
            assert_eq!(MediaPath::parse(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_name_escapes(path in "/m/.{0,120}") {
            if let Some(media) = MediaPath::parse(&path) {
                let name = media.file.to_string();
                prop_assert!(!name.contains('/') && !name.contains("..") && !name.starts_with('.'));
            }
        }
    }
}
