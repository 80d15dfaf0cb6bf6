//! The multivariant playlist as it is, not as it should be: attributes by name.

use std::collections::BTreeMap;

pub(super) type Attributes = BTreeMap<String, String>;

/// What the playlist names.
#[derive(Debug, Default)]
pub(super) struct Master {
    pub(super) independent: bool,
    /// The attributes of each variant, and its playlist.
    pub(super) variants: Vec<(Attributes, String)>,
    /// Renditions.
    pub(super) media: Vec<Attributes>,
}

pub(super) fn parse(text: &str) -> Master {
    let mut master = Master::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "#EXT-X-INDEPENDENT-SEGMENTS" {
            master.independent = true;
        } else if let Some(list) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            let uri = lines.next().unwrap_or_default().to_owned();
            master.variants.push((attributes(list), uri));
        } else if let Some(list) = line.strip_prefix("#EXT-X-MEDIA:") {
            master.media.push(attributes(list));
        }
    }
    master
}

/// `NAME=value,NAME="value, with a comma"` (RFC 8216 §4.2).
pub(super) fn attributes(mut list: &str) -> Attributes {
    let mut found = Attributes::new();
    while let Some((name, rest)) = list.split_once('=') {
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, rest) = quoted.split_once('"').unwrap_or((quoted, ""));
                (value, rest.strip_prefix(',').unwrap_or(rest))
            }
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        found.insert(name.to_owned(), value.to_owned());
        list = rest;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_keep_commas_in_quotes() {
        let text =
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=7,CODECS=\"avc1,mp4a\",AUDIO=\"a\"\nv.m3u8\n";
        let master = parse(text);
        let (attributes, uri) = &master.variants[0];
        assert_eq!(
            (attributes["CODECS"].as_str(), uri.as_str()),
            ("avc1,mp4a", "v.m3u8")
        );
        assert_eq!(
            (
                attributes["BANDWIDTH"].as_str(),
                attributes["AUDIO"].as_str()
            ),
            ("7", "a")
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(#EXT-X-MEDIA:)?\\PC{0,80}") {
            let _ = parse(&text);
        }
    }
}
