//! A multivariant playlist (RFC 8216 §4.3.4): what a player chooses from.

use std::fmt;

use super::bandwidth::Bitrate;
use crate::naming::{MediaFile, TrackName};

/// Frames a second as an exact fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRate {
    pub numerator: u32,
    pub denominator: u32,
}

impl fmt::Display for FrameRate {
    /// Three decimals, rounded to the nearest (RFC 8216 §4.3.4.2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let denominator = u64::from(self.denominator.max(1));
        let milli = (u64::from(self.numerator) * 1000 + denominator / 2) / denominator;
        write!(f, "{}.{:03}", milli / 1000, milli % 1000)
    }
}

/// One quality: of the picture, or of the sound when there is nothing to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub track: TrackName,
    /// Width and height in pixels. None: sound alone.
    pub resolution: Option<(u32, u32)>,
    pub frame_rate: Option<FrameRate>,
    /// RFC 6381, for instance `avc1.64001f`.
    pub codec: String,
    /// Of this track alone; the heaviest audio rendition is added when rendered.
    pub bitrate: Bitrate,
}

/// One sound track that every variant can play with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioRendition {
    pub track: TrackName,
    pub name: String,
    /// RFC 5646, when known.
    pub language: Option<String>,
    pub channels: u32,
    /// RFC 6381, for instance `mp4a.40.2`.
    pub codec: String,
    pub bitrate: Bitrate,
    /// Chosen when the viewer has not chosen. One rendition's.
    pub default: bool,
}

/// Captions that every variant can play with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionRendition {
    pub track: TrackName,
    pub name: String,
    /// RFC 5646, when known.
    pub language: Option<String>,
    /// Shown even to viewers who want no captions: what is said in a foreign language.
    pub forced: bool,
}

/// All variants and renditions of a title, in the order of the file. `Display` renders it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Multivariant {
    pub variants: Vec<Variant>,
    pub audio: Vec<AudioRendition>,
    pub captions: Vec<CaptionRendition>,
}

impl fmt::Display for Multivariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n")?;
        for audio in &self.audio {
            write_audio(f, audio)?;
        }
        for captions in &self.captions {
            write_captions(f, captions)?;
        }
        for variant in &self.variants {
            self.write_variant(f, variant)?;
        }
        Ok(())
    }
}

fn write_audio(f: &mut fmt::Formatter<'_>, audio: &AudioRendition) -> fmt::Result {
    let name = Quoted(&audio.name);
    write!(f, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME={name}")?;
    if let Some(language) = &audio.language {
        write!(f, ",LANGUAGE={}", Quoted(language))?;
    }
    let default = if audio.default { "YES" } else { "NO" };
    let (channels, uri) = (audio.channels, MediaFile::Playlist(audio.track));
    writeln!(
        f,
        ",DEFAULT={default},AUTOSELECT=YES,CHANNELS=\"{channels}\",URI=\"{uri}\""
    )
}

fn write_captions(f: &mut fmt::Formatter<'_>, captions: &CaptionRendition) -> fmt::Result {
    let name = Quoted(&captions.name);
    write!(
        f,
        "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"captions\",NAME={name}"
    )?;
    if let Some(language) = &captions.language {
        write!(f, ",LANGUAGE={}", Quoted(language))?;
    }
    let forced = if captions.forced { "YES" } else { "NO" };
    let uri = MediaFile::Playlist(captions.track);
    writeln!(
        f,
        ",DEFAULT=NO,AUTOSELECT=YES,FORCED={forced},URI=\"{uri}\""
    )
}

impl Multivariant {
    fn write_variant(&self, f: &mut fmt::Formatter<'_>, variant: &Variant) -> fmt::Result {
        // Every combination must fit, so the heaviest rendition counts (RFC 8216 §4.3.4.2).
        let audio = if variant.resolution.is_none() {
            // It is one of the renditions itself.
            Bitrate::default()
        } else {
            self.heaviest_audio()
        };
        let Bitrate { peak, average } = variant.bitrate + audio;
        write!(
            f,
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS={}",
            Quoted(&self.codecs(variant)),
        )?;
        if let Some((width, height)) = variant.resolution {
            write!(f, ",RESOLUTION={width}x{height}")?;
        }
        if let Some(frame_rate) = variant.frame_rate {
            write!(f, ",FRAME-RATE={frame_rate}")?;
        }
        if !self.audio.is_empty() {
            f.write_str(",AUDIO=\"audio\"")?;
        }
        if !self.captions.is_empty() {
            f.write_str(",SUBTITLES=\"captions\"")?;
        }
        writeln!(f, "\n{}", MediaFile::Playlist(variant.track))
    }

    fn heaviest_audio(&self) -> Bitrate {
        let rates = self.audio.iter().map(|audio| audio.bitrate);
        rates.fold(Bitrate::default(), |most, rate| Bitrate {
            peak: most.peak.max(rate.peak),
            average: most.average.max(rate.average),
        })
    }

    /// The variant's codec and each different one of the renditions.
    fn codecs(&self, variant: &Variant) -> String {
        let mut codecs = vec![variant.codec.as_str()];
        for audio in &self.audio {
            if !codecs.contains(&audio.codec.as_str()) {
                codecs.push(&audio.codec);
            }
        }
        codecs.join(",")
    }
}

/// A quoted string. What cannot stand in one (quotes, line ends; RFC 8216 §4.2) becomes a space or
/// an apostrophe: names come out of strangers' files.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;

        f.write_char('"')?;
        for letter in self.0.chars() {
            f.write_char(match letter {
                '"' => '\'',
                letter if letter.is_control() => ' ',
                letter => letter,
            })?;
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(name: &str, width: u32, height: u32, peak: u64) -> Variant {
        Variant {
            track: name.parse().expect("a track"),
            resolution: Some((width, height)),
            frame_rate: Some(FrameRate {
                numerator: 30_000,
                denominator: 1001,
            }),
            codec: "avc1.64001f".to_owned(),
            bitrate: Bitrate {
                peak,
                average: peak / 2,
            },
        }
    }

    #[test]
    fn a_title_with_sound_renders() {
        let title = Multivariant {
            variants: vec![
                variant("v720", 1280, 720, 2_500_000),
                variant("v360", 640, 360, 800_000),
            ],
            audio: vec![AudioRendition {
                track: "a".parse().expect("a track"),
                name: "Deutsch \"5.1\"\n".to_owned(),
                language: Some("de".to_owned()),
                channels: 2,
                codec: "mp4a.40.2".to_owned(),
                bitrate: Bitrate {
                    peak: 130_000,
                    average: 128_000,
                },
                default: true,
            }],
            captions: vec![CaptionRendition {
                track: "s".parse().expect("a track"),
                name: "English".to_owned(),
                language: Some("en".to_owned()),
                forced: false,
            }],
        };
        insta::assert_snapshot!(title.to_string(), @r#"
        #EXTM3U
        #EXT-X-VERSION:7
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Deutsch '5.1' ",LANGUAGE="de",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a.m3u8"
        #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",NAME="English",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="s.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=2630000,AVERAGE-BANDWIDTH=1378000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio",SUBTITLES="captions"
        v720.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=930000,AVERAGE-BANDWIDTH=528000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO="audio",SUBTITLES="captions"
        v360.m3u8
        "#);
    }

    #[test]
    fn sound_alone_has_no_resolution() {
        let title = Multivariant {
            variants: vec![Variant {
                track: "a".parse().expect("a track"),
                resolution: None,
                frame_rate: None,
                codec: "mp4a.40.2".to_owned(),
                bitrate: Bitrate {
                    peak: 200_000,
                    average: 190_000,
                },
            }],
            ..Multivariant::default()
        };
        insta::assert_snapshot!(title.to_string(), @r#"
        #EXTM3U
        #EXT-X-VERSION:7
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-STREAM-INF:BANDWIDTH=200000,AVERAGE-BANDWIDTH=190000,CODECS="mp4a.40.2"
        a.m3u8
        "#);
    }

    #[test]
    fn a_silent_title_has_no_audio_group() {
        let title = Multivariant {
            variants: vec![Variant {
                frame_rate: None,
                ..variant("v240", 426, 240, 300_000)
            }],
            ..Multivariant::default()
        };
        insta::assert_snapshot!(title.to_string(), @r#"
        #EXTM3U
        #EXT-X-VERSION:7
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-STREAM-INF:BANDWIDTH=300000,AVERAGE-BANDWIDTH=150000,CODECS="avc1.64001f",RESOLUTION=426x240
        v240.m3u8
        "#);
    }
}
