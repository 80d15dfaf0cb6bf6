//! FLV tags' bodies (Adobe FLV 10.1 §E.4; Enhanced RTMP's four letters), as RTMP carries them.

use super::refusal::Refusal;

/// A tag of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Picture<'a> {
    /// `AVCDecoderConfigurationRecord`.
    Format(&'a [u8]),
    Frame {
        key: bool,
        /// Shown so much later than decoded.
        later_ms: i32,
        data: &'a [u8],
    },
    /// Nothing to show: an end of sequence, a command.
    Nothing,
}

/// A tag of the sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sound<'a> {
    /// `AudioSpecificConfig`.
    Format(&'a [u8]),
    Frame(&'a [u8]),
    Nothing,
}

const AVC: u8 = 7;
const AAC: u8 = 10;

pub(crate) fn picture(body: &[u8]) -> Result<Picture<'_>, Refusal> {
    let Some((first, rest)) = body.split_first() else {
        return Ok(Picture::Nothing);
    };
    if first & 0x80 != 0 {
        return enhanced(*first, rest);
    }
    let frame_type = first >> 4;
    match first & 0xF {
        AVC if frame_type == 5 => Ok(Picture::Nothing),
        AVC => Ok(avc(rest, frame_type == 1)),
        codec => Err(Refusal::PictureCodec(match codec {
            2 => "Sorenson H.263",
            4 | 5 => "VP6",
            12 => "HEVC",
            _ => "in a format that is not known here",
        })),
    }
}

fn avc(rest: &[u8], key: bool) -> Picture<'_> {
    let Some(([packet, a, b, c], data)) = rest.split_first_chunk::<4>() else {
        return Picture::Nothing;
    };
    match packet {
        0 => Picture::Format(data),
        1 if !data.is_empty() => Picture::Frame {
            key,
            later_ms: signed_24([*a, *b, *c]),
            data,
        },
        _ => Picture::Nothing,
    }
}

fn enhanced(first: u8, rest: &[u8]) -> Result<Picture<'_>, Refusal> {
    let Some((letters, data)) = rest.split_first_chunk::<4>() else {
        return Ok(Picture::Nothing);
    };
    match letters {
        b"avc1" => {}
        b"hvc1" => return Err(Refusal::PictureCodec("HEVC")),
        b"av01" => return Err(Refusal::PictureCodec("AV1")),
        b"vp09" => return Err(Refusal::PictureCodec("VP9")),
        _ => return Err(Refusal::PictureCodec("in a format that is not known here")),
    }
    let key = first >> 4 & 7 == 1;
    Ok(match first & 0xF {
        0 => Picture::Format(data),
        1 => match data.split_first_chunk::<3>() {
            Some((later, data)) if !data.is_empty() => Picture::Frame {
                key,
                later_ms: signed_24(*later),
                data,
            },
            _ => Picture::Nothing,
        },
        3 if !data.is_empty() => Picture::Frame {
            key,
            later_ms: 0,
            data,
        },
        _ => Picture::Nothing,
    })
}

fn signed_24([a, b, c]: [u8; 3]) -> i32 {
    i32::from_be_bytes([a, b, c, 0]) >> 8
}

pub(crate) fn sound(body: &[u8]) -> Result<Sound<'_>, Refusal> {
    let Some((first, rest)) = body.split_first() else {
        return Ok(Sound::Nothing);
    };
    match first >> 4 {
        AAC => {}
        2 | 14 => return Err(Refusal::SoundCodec("MP3")),
        11 => return Err(Refusal::SoundCodec("Speex")),
        9 => return Err(Refusal::SoundCodec("Opus or in another newer format")),
        _ => return Err(Refusal::SoundCodec("in a format that is not known here")),
    }
    Ok(match rest.split_first() {
        Some((0, config)) => Sound::Format(config),
        Some((1, data)) if !data.is_empty() => Sound::Frame(data),
        _ => Sound::Nothing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_apart() {
        let frame = |key, later_ms, data| {
            Ok(Picture::Frame {
                key,
                later_ms,
                data,
            })
        };
        for (body, expected) in [
            (&b"\x17\0\0\0\0rec"[..], Ok(Picture::Format(b"rec"))),
            (b"\x17\x01\0\0\x50x", frame(true, 80, b"x")),
            (b"\x27\x01\xFF\xFF\xFFx", frame(false, -1, b"x")),
            (b"\x17\x02\0\0\0", Ok(Picture::Nothing)),
            (b"\x57\x01", Ok(Picture::Nothing)),
            (b"\x91avc1\0\0\x50x", frame(true, 80, b"x")),
            (b"\xA3avc1x", frame(false, 0, b"x")),
            (b"\x90hvc1rec", Err(Refusal::PictureCodec("HEVC"))),
            (b"\x1C\0\0\0\0", Err(Refusal::PictureCodec("HEVC"))),
            (b"", Ok(Picture::Nothing)),
        ] {
            assert_eq!(picture(body), expected, "{body:02x?}");
        }
        for (body, expected) in [
            (&b"\xAF\0\x11\x90"[..], Ok(Sound::Format(&[0x11, 0x90]))),
            (b"\xAF\x01x", Ok(Sound::Frame(b"x"))),
            (b"\xAF\x01", Ok(Sound::Nothing)),
            (b"\x2F\x01", Err(Refusal::SoundCodec("MP3"))),
        ] {
            assert_eq!(sound(body), expected, "{body:02x?}");
        }
    }

    #[test]
    fn refusals_name_the_setting() {
        let words = picture(b"\x90hvc1").expect_err("HEVC").to_string();
        assert!(
            words.contains("OBS → Settings → Output") && words.contains("H.264"),
            "{words}"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..20)) {
            let _ = (picture(&bytes), sound(&bytes));
        }
    }
}
