//! What tests and fuzz targets may call: the confinement, and the parsers of bytes that come from
//! outside.
//!
//! Owns no rule. Each function is one of the house's, with the house's types taken off.

use std::path::Path;

use satreel_config::Sandbox;
use satreel_film::fmp4::h264;
use satreel_film::sandbox;
use satreel_film::{adts, fmp4, magic, protocol};
use satreel_hls::live::{Mode, Window};

use crate::live::gate::Gate;
use crate::live::rtmp::amf;
use crate::live::rtmp::session::{Said, Session};
use crate::live::segmenter::{Output, Segmenter, Wishes};
use crate::live::sps;
use crate::verify;

/// Confines this process as a worker confines itself. Returns the layers, in words.
pub fn confine(output: Option<&Path>) -> Result<String, String> {
    sandbox::confine(output, Sandbox::Required)
        .map(|layers| layers.to_string())
        .map_err(|fault| fault.to_string())
}

/// The demuxer that may open a file with these first bytes, or the refusal's words.
pub fn demuxer(head: &[u8]) -> Result<&'static str, String> {
    magic::identify(head)
        .map(magic::Container::demuxer)
        .map_err(|fault| fault.to_string())
}

/// H.264 as a film brings it: its codec's extra data, and a packet, brought to the form of MP4.
/// Returns how long the packet is then; None where the extra data cannot be used.
pub fn h264(extra: &[u8], packet: &[u8]) -> Option<usize> {
    let (record, framing) = h264::configuration(extra)?;
    let _ = h264::look_at_keyframe(packet, framing, &record);
    Some(h264::to_lengths(packet, framing).len())
}

/// The longest line that a worker may write, in bytes.
pub const LONGEST_LINE: usize = protocol::LINE;

/// Whether a supervisor takes this line from its worker.
pub fn takes_line(line: &[u8]) -> bool {
    protocol::parse(line).is_ok()
}

/// Whether these bytes are an init segment, and whether they are a media segment.
pub fn reads_mp4(bytes: &[u8]) -> (bool, bool) {
    let (init, fragment) = (fmp4::read::init(bytes), fmp4::read::fragment(bytes));
    (init.is_some(), fragment.is_some())
}

/// How many findings two versions of a live playlist lead to, as `verify` reads what a site serves;
/// None: one of them is no playlist.
pub fn live_playlists(before: &str, after: &str) -> Option<usize> {
    verify::live::judge(before, after)
}

/// A publisher's bytes, in pieces of so many, let in as soon as it asks. Returns how many bytes of
/// media it brought and how many it was answered, or the words with which it is thrown out.
pub fn rtmp(bytes: &[u8], piece: usize) -> Result<(usize, usize), String> {
    let (mut session, mut said, mut media) = (Session::new(), Vec::new(), 0);
    for piece in bytes.chunks(piece.max(1)) {
        let fed = session.feed(piece, &mut said);
        for said in said.drain(..) {
            match said {
                Said::Publish { .. } => session.accept(),
                Said::Video { body, .. } | Said::Audio { body, .. } => media += body.len(),
                Said::Leaves => {}
            }
        }
        fed.map_err(|violation| violation.to_string())?;
    }
    Ok((media, session.out.len()))
}

/// How much is left of one AAC frame without its header; None: it is anything else.
pub fn adts(packet: &[u8]) -> Option<usize> {
    adts::read(packet).map(|frame| frame.data.len())
}

/// A command's values, written again; None: they cannot be read.
pub fn amf(bytes: &[u8]) -> Option<Vec<u8>> {
    amf::read(bytes).map(|values| amf::write(&values))
}

/// Width and height of the picture that an `AVCDecoderConfigurationRecord` describes.
pub fn picture_size(record: &[u8]) -> Option<(u32, u32)> {
    sps::size(record).ok()
}

/// FLV tags of a publisher (a picture's or a sound's, time, body), all the way to the journal.
/// Returns the broadcast's window, and the one that its journal gives.
pub fn broadcast<'a>(
    tags: impl IntoIterator<Item = (bool, u32, &'a [u8])>,
) -> Result<(Window, Window), String> {
    let (mut gate, mut passed, mut out) = (Gate::default(), Vec::new(), Vec::new());
    let mut segmenter = Segmenter::new(Wishes {
        mode: Mode::Fast,
        part_ms: 200,
        window_ms: 60_000,
        rungs: Vec::new(),
    });
    for (is_picture, time, body) in tags {
        let took = if is_picture {
            gate.picture(time, body, &mut passed)
        } else {
            gate.sound(time, body, &mut passed)
        };
        took.map_err(|refusal| refusal.to_string())?;
        for passed in passed.drain(..) {
            segmenter.push(passed, u64::from(time), &mut out);
        }
    }
    segmenter.end(&mut out);
    let lines = out.iter().filter_map(|output| match output {
        Output::Event(event) => Some(event.line()),
        Output::File(..)
        | Output::Grow(..)
        | Output::Whole(..)
        | Output::Link { .. }
        | Output::Picture(_) => None,
    });
    let (replayed, _) = Window::replay(&lines.collect::<String>());
    Ok((segmenter.window().clone(), replayed))
}
