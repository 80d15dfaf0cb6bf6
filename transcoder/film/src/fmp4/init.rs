//! Init segments: `ftyp` and a `moov` without samples (ISO/IEC 14496-12 §8.2).

use super::boxes::Boxes;
use super::read;

/// `und` packed into three times five bits (§8.4.2.3): playlists tell the language.
const UNDETERMINED: u16 = 0x55C4;

/// What a track's samples are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    H264 {
        width: u32,
        height: u32,
        /// `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §5.3.3.1).
        avcc: Vec<u8>,
    },
    Aac {
        rate: u32,
        channels: u32,
        /// `AudioSpecificConfig` (ISO/IEC 14496-3 §1.6.2.1).
        config: Vec<u8>,
    },
}

impl Media {
    /// The codec as RFC 6381 names it.
    pub fn codec(&self) -> String {
        match self {
            Self::H264 { avcc, .. } => {
                let digits = avcc.iter().skip(1).take(3);
                digits.fold("avc1.".to_owned(), |text, byte| format!("{text}{byte:02x}"))
            }
            Self::Aac { config, .. } => {
                let object = config.first().map_or(2, |byte| byte >> 3);
                format!("mp4a.40.{object}")
            }
        }
    }
}

/// The init segment of a track with this many ticks a second, whose first frame is shown so many
/// ticks after the start of its decoding.
pub fn init_segment(media: &Media, timescale: u32, delay: u32) -> Vec<u8> {
    let mut out = Boxes::default();
    out.boxed(b"ftyp", |ftyp| {
        ftyp.bytes(b"iso6").u32(0).bytes(b"iso6cmfcmp41hlsf");
    });
    out.boxed(b"moov", |moov| {
        movie_header(moov, timescale);
        moov.boxed(b"trak", |trak| {
            track_header(trak, media);
            if delay > 0 {
                edit(trak, delay);
            }
            trak.boxed(b"mdia", |mdia| describe(mdia, media, timescale));
        });
        moov.boxed(b"mvex", |mvex| {
            mvex.full(b"trex", 0, 0, |trex| {
                trex.u32(1).u32(1).zeros(12);
            });
        });
    });
    out.into_bytes()
}

/// The beginning of one file with the tracks of these init segments of ours, numbered from 1. None:
/// one of them is none of ours.
pub fn movie(inits: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut tracks = Vec::new();
    for (number, init) in (1_u32..).zip(inits) {
        let mut trak = read::find(init, &[b"moov", b"trak"])?.to_vec();
        let header = memchr::memmem::find(&trak, b"tkhd")?;
        // Version and flags, two times, then the number.
        let slot = trak.get_mut(header + 16..header + 20)?;
        slot.copy_from_slice(&number.to_be_bytes());
        tracks.push((number, trak));
    }
    let mut out = Boxes::default();
    out.boxed(b"ftyp", |ftyp| {
        ftyp.bytes(b"iso6").u32(0).bytes(b"iso6mp41");
    });
    out.boxed(b"moov", |moov| {
        movie_header(moov, 1000);
        for (_, trak) in &tracks {
            moov.boxed(b"trak", |out| {
                out.bytes(trak);
            });
        }
        moov.boxed(b"mvex", |mvex| {
            for (number, _) in &tracks {
                mvex.full(b"trex", 0, 0, |trex| {
                    trex.u32(*number).u32(1).zeros(12);
                });
            }
        });
    });
    Some(out.into_bytes())
}

fn movie_header(moov: &mut Boxes, timescale: u32) {
    moov.full(b"mvhd", 0, 0, |mvhd| {
        mvhd.zeros(8).u32(timescale).u32(0);
        mvhd.u32(0x0001_0000).u16(0x0100).zeros(10);
        matrix(mvhd);
        mvhd.zeros(24).u32(2);
    });
}

fn matrix(out: &mut Boxes) {
    out.u32(0x0001_0000).zeros(12).u32(0x0001_0000).zeros(12);
    out.u32(0x4000_0000);
}

fn track_header(trak: &mut Boxes, media: &Media) {
    // Enabled, in the movie.
    trak.full(b"tkhd", 0, 3, |tkhd| {
        tkhd.zeros(8).u32(1).zeros(8).zeros(8);
        let (alternate, volume, width, height) = match media {
            Media::H264 { width, height, .. } => (0, 0, *width, *height),
            Media::Aac { .. } => (1, 0x0100, 0, 0),
        };
        tkhd.u16(0).u16(alternate).u16(volume).u16(0);
        matrix(tkhd);
        tkhd.u32(width << 16).u32(height << 16);
    });
}

/// The track begins where its first frame is shown (§8.6.6); the edit lasts as long as the track.
fn edit(trak: &mut Boxes, delay: u32) {
    trak.boxed(b"edts", |edts| {
        edts.full(b"elst", 0, 0, |elst| {
            elst.u32(1).u32(0).u32(delay).u32(0x0001_0000);
        });
    });
}

/// The delay that an init segment of ours tells, in ticks. None: it tells none.
pub fn edit_of(init: &[u8]) -> Option<u32> {
    let at = memchr::memmem::find(init, b"elst")?;
    // Version and flags, a count of 1, the duration, then the time.
    let time = init.get(at + 16..at + 20)?;
    Some(u32::from_be_bytes(time.try_into().ok()?))
}

fn describe(out: &mut Boxes, media: &Media, timescale: u32) {
    out.full(b"mdhd", 0, 0, |mdhd| {
        mdhd.zeros(8).u32(timescale).u32(0);
        mdhd.u16(UNDETERMINED).u16(0);
    });
    let (handler, name) = match media {
        Media::H264 { .. } => (b"vide", &b"Picture\0"[..]),
        Media::Aac { .. } => (b"soun", &b"Sound\0"[..]),
    };
    out.full(b"hdlr", 0, 0, |hdlr| {
        hdlr.u32(0).bytes(handler).zeros(12).bytes(name);
    });
    out.boxed(b"minf", |minf| {
        match media {
            Media::H264 { .. } => minf.full(b"vmhd", 0, 1, |vmhd| {
                vmhd.zeros(8);
            }),
            Media::Aac { .. } => minf.full(b"smhd", 0, 0, |smhd| {
                smhd.zeros(4);
            }),
        };
        minf.boxed(b"dinf", |dinf| {
            dinf.full(b"dref", 0, 0, |dref| {
                // The data lies in the same file.
                dref.u32(1).full(b"url ", 0, 1, |_| {});
            });
        });
        minf.boxed(b"stbl", |stbl| sample_table(stbl, media));
    });
}

/// Empty tables: every sample lies in a fragment.
fn sample_table(stbl: &mut Boxes, media: &Media) {
    stbl.full(b"stsd", 0, 0, |stsd| {
        stsd.u32(1);
        match media {
            Media::H264 {
                width,
                height,
                avcc,
            } => video_entry(stsd, *width, *height, avcc),
            Media::Aac {
                rate,
                channels,
                config,
            } => audio_entry(stsd, *rate, *channels, config),
        }
    });
    for table in [b"stts", b"stsc", b"stco"] {
        stbl.full(table, 0, 0, |table| {
            table.u32(0);
        });
    }
    stbl.full(b"stsz", 0, 0, |stsz| {
        stsz.zeros(8);
    });
}

fn video_entry(stsd: &mut Boxes, width: u32, height: u32, avcc: &[u8]) {
    let short = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
    stsd.boxed(b"avc1", |entry| {
        entry.zeros(6).u16(1).zeros(16);
        entry.u16(short(width)).u16(short(height));
        // 72 dpi, one frame a sample, no name, 24 bits.
        entry.u32(0x0048_0000).u32(0x0048_0000).u32(0).u16(1);
        entry.zeros(32).u16(24).u16(0xFFFF);
        entry.boxed(b"avcC", |record| {
            record.bytes(avcc);
        });
        entry.boxed(b"pasp", |aspect| {
            aspect.u32(1).u32(1);
        });
    });
}

fn audio_entry(stsd: &mut Boxes, rate: u32, channels: u32, config: &[u8]) {
    stsd.boxed(b"mp4a", |entry| {
        entry.zeros(6).u16(1).zeros(8);
        entry
            .u16(u16::try_from(channels).unwrap_or(2))
            .u16(16)
            .u32(0);
        entry.u32(rate << 16);
        entry.full(b"esds", 0, 0, |esds| descriptors(esds, config));
    });
}

/// Elementary stream descriptors (ISO/IEC 14496-1 §7.2.6), all shorter than 128 bytes.
fn descriptors(esds: &mut Boxes, config: &[u8]) {
    let config = &config[..config.len().min(64)];
    let length = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
    esds.u8(0x03).u8(length(3 + 2 + 13 + 2 + config.len() + 3));
    esds.u16(1).u8(0);
    esds.u8(0x04).u8(length(13 + 2 + config.len()));
    // MPEG-4 audio, audio stream, no declared buffer or bit rates.
    esds.u8(0x40).u8(0x15).zeros(11);
    esds.u8(0x05).u8(length(config.len())).bytes(config);
    esds.u8(0x06).u8(1).u8(2);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_is_found_again() {
        let media = Media::Aac {
            rate: 48_000,
            channels: 2,
            config: vec![0x11, 0x90],
        };
        for delay in [1, 1024, u32::MAX] {
            assert_eq!(edit_of(&init_segment(&media, 48_000, delay)), Some(delay));
        }
        assert_eq!(edit_of(&init_segment(&media, 48_000, 0)), None);
        assert_eq!(edit_of(b"elst"), None);
    }

    #[test]
    fn codecs_are_named_by_their_configuration() {
        let video = Media::H264 {
            width: 2,
            height: 2,
            avcc: vec![1, 0x64, 0, 0x1F, 0xFF],
        };
        let audio = Media::Aac {
            rate: 48_000,
            channels: 2,
            config: vec![0x11, 0x90],
        };
        assert_eq!(video.codec(), "avc1.64001f");
        assert_eq!(audio.codec(), "mp4a.40.2");
    }
}
