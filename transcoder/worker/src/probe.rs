//! What a film's headers leave open, found out once.
//!
//! libavformat decodes the first frames of every track to learn what a picture looks like. That
//! takes as long as all the rest of opening a film, so the usual film is spared it: H.264 says the
//! same in its parameter sets. What was found is kept for the next time that the film is opened.

use ffmpeg::format::context::{Input, StreamIo};
use ffmpeg::format::stream::{Disposition, Stream};
use ffmpeg::{Dictionary, Error, Rational, codec, ffi, media};
use ffmpeg_next as ffmpeg;

use satreel_film::fmp4::h264::{self, Framing};
use satreel_film::fmp4::sps::{self, Sps};

use super::peek;

/// How far is read for what only packets tell (whether AAC is more than it says), once the picture
/// is known.
const SHORT_BYTES: i64 = 4_000_000;
const SHORT_US: i64 = 2_000_000;

/// Opens a film and reads its headers, without looking at its packets.
#[allow(unsafe_code, reason = "the bindings always look at packets")]
pub(super) fn open(mut io: StreamIo, options: Dictionary<'_>) -> Result<Input, Error> {
    // SAFETY: the context is new and gets the reader before it is opened; when opening fails
    // libavformat has freed it, and `io` is freed by its owner after it. The options' table is taken
    // over by libavformat, which gives back what it did not use.
    unsafe {
        let mut context = ffi::avformat_alloc_context();
        if context.is_null() {
            return Err(Error::Other {
                errno: ffmpeg::error::ENOMEM,
            });
        }
        (*context).pb = io.as_mut_ptr();
        (*context).flags |= ffi::AVFMT_FLAG_CUSTOM_IO;
        let mut options = options.disown();
        let (no_name, any_format) = (std::ptr::null(), std::ptr::null());
        let opened =
            ffi::avformat_open_input(&raw mut context, no_name, any_format, &raw mut options);
        drop(Dictionary::own(options));
        if opened < 0 {
            return Err(Error::from(opened));
        }
        Ok(Input::wrap_with_custom_io(context, io))
    }
}

/// Finds out what the headers left open. `described`: they tell all tracks that there are.
#[allow(unsafe_code, reason = "the bindings do it only while opening")]
pub(super) fn look(input: &mut Input, described: bool) -> Result<(), Error> {
    let plain = if described {
        plain_picture(input)
    } else {
        None
    };
    let mut spared = vec![std::ptr::null_mut(); input.streams().len()];
    // SAFETY: the context is open; the stream is one of its own, and only plain fields are set. The
    // tables of options are as many as there are streams, and are freed here after the call.
    let looked = unsafe {
        let context = input.as_mut_ptr();
        if let Some((index, sps)) = plain {
            let parameters = (**(*context).streams.add(index)).codecpar;
            describe(&mut *parameters, sps);
            (*context).probesize = SHORT_BYTES;
            (*context).max_analyze_duration = SHORT_US;
            let mut options = Dictionary::new();
            options.set("skip_frame", "all");
            spared[index] = options.disown();
        }
        let looked = ffi::avformat_find_stream_info(context, spared.as_mut_ptr());
        for options in spared {
            drop(Dictionary::own(options));
        }
        looked
    };
    if looked < 0 {
        return Err(Error::from(looked));
    }
    Ok(())
}

/// What a decoder would find.
fn describe(parameters: &mut ffi::AVCodecParameters, sps: Sps) {
    let side = |side: u32| i32::try_from(side).unwrap_or(0);
    parameters.format = ffi::AVPixelFormat::AV_PIX_FMT_YUV420P as i32;
    (parameters.width, parameters.height) = (side(sps.width), side(sps.height));
    let (num, den) = sps.pixel_aspect.unwrap_or((0, 1));
    parameters.sample_aspect_ratio = ffi::AVRational {
        num: side(num),
        den: side(den),
    };
}

/// The picture of a film with nothing unusual about it: one picture in plain H.264, one sound in
/// AAC. Everything else is worth a closer look.
fn plain_picture(input: &Input) -> Option<(usize, Sps)> {
    let (mut picture, mut sounds) = (None, 0);
    for stream in input.streams() {
        let parameters = stream.parameters();
        match (parameters.medium(), parameters.id()) {
            (media::Type::Video, codec::Id::H264) if picture.is_none() => {
                picture = Some((stream.index(), plain_h264(&stream)?));
            }
            (media::Type::Audio, codec::Id::AAC) if sounds == 0 => sounds += 1,
            (media::Type::Video | media::Type::Audio, _) => return None,
            _ => {}
        }
    }
    picture
}

fn plain_h264(stream: &Stream<'_>) -> Option<Sps> {
    let known = peek::picture(stream);
    let (record, Framing::Lengths(_)) = h264::configuration(&known.extra)? else {
        return None;
    };
    let sps = sps::read(&record)?;
    let sides = (16..=8192).contains(&sps.width) && (16..=8192).contains(&sps.height);
    let said = [
        known.colours.primaries,
        known.colours.transfer,
        known.colours.matrix,
    ];
    let same = |colours: [u32; 3]| colours.map(i64::from) == said.map(i64::from);
    let usual = sides
        && sps.eight_bit_420
        && sps.frames_only
        && sps.colours.is_none_or(same)
        && stream.avg_frame_rate().numerator() > 0
        && !stream.disposition().contains(Disposition::ATTACHED_PIC);
    usual.then_some(sps)
}

/// What was found out about each track.
pub(super) struct Found(Vec<Track>);

struct Track {
    parameters: codec::Parameters,
    /// Average and lowest, as libavformat sees them.
    rates: [Rational; 2],
}

impl Found {
    pub(super) fn of(input: &Input) -> Self {
        let track = |stream: Stream<'_>| Track {
            // A copy: what streams give out keeps the whole film open.
            parameters: stream.parameters().clone(),
            rates: [stream.avg_frame_rate(), stream.rate()],
        };
        Self(input.streams().map(track).collect())
    }

    /// Tells it to the film, newly opened. False: its tracks are not those that were looked at.
    #[allow(unsafe_code, reason = "the bindings do not set streams' parameters")]
    pub(super) fn put(&self, input: &mut Input) -> bool {
        let same = |(stream, track): (Stream<'_>, &Track)| {
            let parameters = stream.parameters();
            parameters.id() == track.parameters.id()
                && parameters.medium() == track.parameters.medium()
        };
        let count = input.streams().len();
        if count != self.0.len() || !input.streams().zip(&self.0).all(same) {
            return false;
        }
        // SAFETY: there are as many streams as tracks, and nobody else holds them; copying frees
        // what it replaces.
        self.0.iter().enumerate().all(|(index, track)| unsafe {
            let stream = &mut **(*input.as_mut_ptr()).streams.add(index);
            stream.avg_frame_rate = track.rates[0].into();
            stream.r_frame_rate = track.rates[1].into();
            ffi::avcodec_parameters_copy(stream.codecpar, track.parameters.as_ptr()) >= 0
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;
    use std::process::Command;

    use satreel_film::magic::Container;

    use super::*;
    use crate::Report;
    use crate::input::{Film, Packets};
    use crate::scan::scan;

    fn film(folder: &Path, name: &str, encoding: &str) -> File {
        let path = folder.join(name);
        let source = "-f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=r=44100 -t 2";
        let status = Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error"])
            .args(source.split(' '))
            .args(encoding.split(' '))
            .arg(&path)
            .status();
        assert!(status.expect("ffmpeg").success(), "{name}: {encoding}");
        File::open(path).expect("the film")
    }

    fn facts(input: &mut Input) -> String {
        let facts = scan(input, &mut Report::new()).expect("facts");
        format!("{facts:?}")
    }

    /// What passes over the film go by: its tracks, and when which bytes of them are shown.
    fn passing(input: &mut Input) -> Vec<String> {
        let tracks = input
            .streams()
            .map(|stream| match stream.parameters().medium() {
                media::Type::Video => format!("{:?} {}", peek::picture(&stream), stream.rate()),
                _ => format!("{:?}", peek::sound(&stream.parameters())),
            });
        let mut all: Vec<String> = tracks.collect();
        let mut packets = Packets::default();
        while let Some(packet) = packets.next(input).expect("a packet") {
            let (stream, shown) = (packet.stream(), packet.pts());
            all.push(format!(
                "{stream} {shown:?} {} {}",
                packet.size(),
                packet.is_key()
            ));
        }
        all
    }

    /// What headers say beside what a closer look finds, and beside what is known when the film is
    /// opened again. Whether the closer look was spared.
    fn compare(container: Container, name: &str, encoding: &str) -> bool {
        let folder = tempfile::tempdir().expect("a folder");
        let film = Film::new(film(folder.path(), name, encoding), container);
        let closely = |read: fn(&mut Input) -> Vec<String>| {
            let mut input = film.open_headers().expect("opened");
            let spared = plain_picture(&input).is_some();
            look(&mut input, false).expect("a closer look");
            (read(&mut input), spared)
        };
        let facts = |input: &mut Input| vec![facts(input)];
        let first = facts(&mut film.open().expect("opened"));
        let (found, spared) = closely(facts);
        assert_eq!(first, found, "{name} {encoding}");
        let again = passing(&mut film.open().expect("opened again"));
        assert_eq!(again, closely(passing).0, "{name} {encoding}");
        spared
    }

    #[test]
    fn headers_say_the_same_as_the_first_frames() {
        let x264 = "-pix_fmt yuv420p -c:v libx264 -preset veryfast -g 25 -c:a aac";
        for more in [
            "-ac 2",
            "-bf 3 -b_strategy 0",
            "-vf setsar=4/3",
            "-vf scale=318:178",
            "-color_primaries bt709 -color_trc bt709 -colorspace bt709",
            "-vf scale=out_range=pc -color_range pc",
            "-movflags frag_keyframe+empty_moov",
        ] {
            let encoding = format!("{x264} {more}");
            let spared = compare(Container::Mp4, "film.mp4", &encoding);
            assert!(spared, "{more}: frames were decoded");
            compare(
                Container::Matroska,
                "film.mkv",
                &encoding.replace("-movflags frag_keyframe+empty_moov", "-an"),
            );
        }
    }

    #[test]
    fn what_is_unusual_gets_a_closer_look() {
        for encoding in [
            "-c:v libx264 -pix_fmt yuv422p -c:a aac",
            "-c:v libx264 -pix_fmt yuv420p10le -c:a aac",
            "-c:v libx264 -pix_fmt yuv420p -flags +ilme+ildct -c:a aac",
            "-c:v mpeg4 -c:a aac",
            "-c:v libx264 -pix_fmt yuv420p -c:a ac3",
        ] {
            let spared = compare(Container::Mp4, "film.mp4", encoding);
            assert!(!spared, "{encoding}");
        }
    }
}
