//! One track's playlist as it is, not as it should be: low-latency tags included (RFC 8216bis §4.4).

use super::super::master::{Attributes, attributes};

/// A playlist at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Media {
    pub(super) target_us: u64,
    /// `EXT-X-SERVER-CONTROL`; empty: there is none.
    pub(super) control: Attributes,
    pub(super) part_target_us: Option<u64>,
    /// The number of the first segment that the playlist covers, left out by a delta or not.
    pub(super) first: u64,
    pub(super) cuts_gone: u64,
    pub(super) independent: bool,
    /// Segments that a delta update leaves out.
    pub(super) skipped: usize,
    pub(super) segments: Vec<Segment>,
    /// Parts of the segment that is not whole yet.
    pub(super) open: Vec<Part>,
    pub(super) hint: Option<String>,
    /// `EXT-X-RENDITION-REPORT`s.
    pub(super) reports: Vec<Attributes>,
    pub(super) ended: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Segment {
    pub(super) us: u64,
    pub(super) uri: String,
    /// It begins with a discontinuity.
    pub(super) cut: bool,
    /// It never was, and nobody is to ask for it (`EXT-X-GAP`).
    pub(super) gap: bool,
    /// The init segment that counts; None in a delta that left its tag out.
    pub(super) map: Option<String>,
    /// `EXT-X-PROGRAM-DATE-TIME` in microseconds since 1970.
    pub(super) at_us: Option<i64>,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) us: u64,
    pub(super) uri: String,
    pub(super) independent: bool,
    /// As a segment's.
    pub(super) gap: bool,
}

/// The text is no playlist, or a tag of it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPlaylist {
    #[error("it does not begin with #EXTM3U")]
    NoPlaylist,
    #[error("this line cannot be read: {0}")]
    Line(String),
}

impl Media {
    pub(super) fn parse(text: &str) -> Result<Self, BadPlaylist> {
        let mut lines = text.lines().filter(|line| !line.is_empty());
        if lines.next() != Some("#EXTM3U") {
            return Err(BadPlaylist::NoPlaylist);
        }
        let mut media = Self::default();
        let mut begun = Segment::default();
        for line in lines {
            let read = match line.strip_prefix("#EXT") {
                Some(tag) => media.tag(tag, &mut begun),
                None if line.starts_with('#') => Some(()),
                None => {
                    let map = begun.map.clone();
                    line.clone_into(&mut begun.uri);
                    media.segments.push(std::mem::take(&mut begun));
                    begun.map = map;
                    Some(())
                }
            };
            read.ok_or_else(|| BadPlaylist::Line(line.chars().take(120).collect()))?;
        }
        media.open = begun.parts;
        Ok(media)
    }

    /// None: the tag's value cannot be read.
    fn tag(&mut self, tag: &str, begun: &mut Segment) -> Option<()> {
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "-X-TARGETDURATION" => {
                self.target_us = seconds(value)?;
            }
            "-X-SERVER-CONTROL" => self.control = attributes(value),
            "-X-PART-INF" => {
                self.part_target_us = Some(seconds(attributes(value).get("PART-TARGET")?)?);
            }
            "-X-MEDIA-SEQUENCE" => self.first = value.parse().ok()?,
            "-X-DISCONTINUITY-SEQUENCE" => self.cuts_gone = value.parse().ok()?,
            "-X-INDEPENDENT-SEGMENTS" => self.independent = true,
            "-X-SKIP" => self.skipped = attributes(value).get("SKIPPED-SEGMENTS")?.parse().ok()?,
            "-X-MAP" => begun.map = Some(attributes(value).remove("URI")?),
            "-X-DISCONTINUITY" => begun.cut = true,
            "-X-GAP" => begun.gap = true,
            "-X-PROGRAM-DATE-TIME" => {
                begun.at_us = Some(value.parse::<jiff::Timestamp>().ok()?.as_microsecond());
            }
            "-X-PART" => begun.parts.push(part(value)?),
            "INF" => begun.us = seconds(value.split(',').next()?)?,
            "-X-PRELOAD-HINT" => {
                let mut hint = attributes(value);
                if hint.get("TYPE").is_some_and(|kind| kind == "PART") {
                    self.hint = Some(hint.remove("URI")?);
                }
            }
            "-X-RENDITION-REPORT" => self.reports.push(attributes(value)),
            "-X-ENDLIST" => self.ended = true,
            _ => {}
        }
        Some(())
    }

    /// The number of the first segment that is spelt out.
    fn begun(&self) -> u64 {
        self.first.saturating_add(self.skipped as u64)
    }

    /// The number of the segment that is not whole yet.
    pub(super) fn next(&self) -> u64 {
        self.begun().saturating_add(self.segments.len() as u64)
    }

    /// What the last part is: its segment's number, and how many of that segment are listed.
    pub(super) fn edge(&self) -> (u64, usize) {
        (self.next(), self.open.len())
    }

    pub(super) fn segment(&self, number: u64) -> Option<&Segment> {
        let at = number.checked_sub(self.begun())?;
        self.segments.get(usize::try_from(at).ok()?)
    }

    /// Each whole segment with its number.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u64, &Segment)> {
        (self.begun()..).zip(&self.segments)
    }

    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        let whole = self.segments.iter().flat_map(|segment| &segment.parts);
        whole.chain(&self.open)
    }

    /// A delta update made whole by what was there before. None: it leaves out what was not there.
    pub(super) fn onto(mut self, before: &Self) -> Option<Self> {
        let mut segments: Vec<Segment> = (self.first..self.begun())
            .map(|number| before.segment(number).cloned())
            .collect::<Option<_>>()?;
        let mut map = segments.last().and_then(|last| last.map.clone());
        for segment in &mut self.segments {
            match &segment.map {
                Some(_) => map.clone_from(&segment.map),
                None => segment.map.clone_from(&map),
            }
        }
        segments.append(&mut self.segments);
        self.segments = segments;
        self.skipped = 0;
        Some(self)
    }
}

const SECOND: u64 = 1_000_000;

fn part(value: &str) -> Option<Part> {
    let mut part = attributes(value);
    Some(Part {
        us: seconds(part.get("DURATION")?)?,
        independent: part.get("INDEPENDENT").is_some_and(|word| word == "YES"),
        gap: part.get("GAP").is_some_and(|word| word == "YES"),
        uri: part.remove("URI")?,
    })
}

/// No duration is longer: sums of them stay numbers.
const YEAR: u64 = 366 * 86_400 * SECOND;

/// Decimal seconds as microseconds.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(rest) {
        return None;
    }
    let rest = format!("{rest:0<6}");
    let micros = rest.get(..6)?.parse::<u64>().ok()?;
    let us = whole.parse::<u64>().ok()?.checked_mul(SECOND)?;
    us.checked_add(micros).filter(|us| *us <= YEAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        for (text, us) in [
            ("2", Some(2_000_000)),
            ("0.200000", Some(200_000)),
            ("1.5", Some(1_500_000)),
            ("1.23456789", Some(1_234_567)),
            (".5", None),
            ("-1", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(seconds(text), us, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_quoted() {
        assert_eq!(Media::parse("<html>"), Err(BadPlaylist::NoPlaylist));
        let error = Media::parse("#EXTM3U\n#EXTINF:x,\n").expect_err("no number");
        assert_eq!(error, BadPlaylist::Line("#EXTINF:x,".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(
            before in "(#EXT-X-(PART|MAP|PART-INF|MEDIA-SEQUENCE):\\PC{0,40}\n|\\PC{0,40}\n){0,6}",
            after in "(#EXT-X-(PART|SKIP|TARGETDURATION):\\PC{0,40}\n|\\PC{0,40}\n){0,6}",
        ) {
            let _ = super::super::judge(&format!("#EXTM3U\n{before}"), &format!("#EXTM3U\n{after}"));
        }
    }
}
