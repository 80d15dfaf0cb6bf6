//! The few fields of libav's structures that its safe bindings do not show.

use ffmpeg::codec::packet::Ref as _;
use ffmpeg::codec::packet::side_data::Type as SideData;
use ffmpeg::ffi;
use ffmpeg_next as ffmpeg;

use satreel_film::plan::facts::Colours;

/// What a container says about a picture track.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pixel_aspect: (u32, u32),
    pub(super) interlaced: bool,
    pub(super) eight_bit_420: bool,
    pub(super) colours: Colours,
    pub(super) extra: Vec<u8>,
}

/// What a container says about a sound track.
#[derive(Debug)]
pub(super) struct Sound {
    pub(super) rate: u32,
    pub(super) channels: u32,
    /// AAC-LC without extensions.
    pub(super) low_complexity: bool,
    pub(super) extra: Vec<u8>,
}

const LARGEST_EXTRA: usize = 1 << 16;

#[allow(unsafe_code, reason = "the bindings do not show codec parameters")]
pub(super) fn picture(stream: &ffmpeg::format::stream::Stream<'_>) -> Picture {
    let parameters = stream.parameters();
    // SAFETY: the pointers are valid as long as `stream` and `parameters` are; only plain fields
    // are read, and the guess takes a null for the context and frame that it can do without.
    let (par, aspect) = unsafe {
        let (context, frame) = (std::ptr::null_mut(), std::ptr::null_mut());
        let stream = stream.as_ptr().cast_mut();
        let aspect = ffi::av_guess_sample_aspect_ratio(context, stream, frame);
        (&*parameters.as_ptr(), aspect)
    };
    let side = |side: i32| u32::try_from(side).unwrap_or(0);
    let pixel_aspect = if aspect.num > 0 && aspect.den > 0 {
        (side(aspect.num), side(aspect.den))
    } else {
        (1, 1)
    };
    let plain = [
        ffi::AVPixelFormat::AV_PIX_FMT_YUV420P as i32,
        ffi::AVPixelFormat::AV_PIX_FMT_YUVJ420P as i32,
    ];
    let order = par.field_order;
    Picture {
        width: side(par.width),
        height: side(par.height),
        pixel_aspect,
        interlaced: order != ffi::AVFieldOrder::AV_FIELD_UNKNOWN
            && order != ffi::AVFieldOrder::AV_FIELD_PROGRESSIVE,
        eight_bit_420: plain.contains(&par.format),
        colours: Colours {
            primaries: par.color_primaries as i32,
            transfer: par.color_trc as i32,
            matrix: par.color_space as i32,
        },
        extra: extra(par.extradata, par.extradata_size),
    }
}

#[allow(unsafe_code, reason = "the bindings do not show codec parameters")]
pub(super) fn sound(parameters: &ffmpeg::codec::Parameters) -> Sound {
    // SAFETY: the pointer is valid as long as `parameters` is; only plain fields are read.
    let par = unsafe { &*parameters.as_ptr() };
    let count = |count: i32| u32::try_from(count).unwrap_or(0);
    Sound {
        rate: count(par.sample_rate),
        channels: count(par.ch_layout.nb_channels),
        low_complexity: par.profile == ffi::FF_PROFILE_AAC_LOW,
        extra: extra(par.extradata, par.extradata_size),
    }
}

/// An opened encoder's parameter sets or configuration.
#[allow(unsafe_code, reason = "the bindings do not show extra data")]
pub(super) fn encoder_extra(context: &ffmpeg::codec::Context) -> Vec<u8> {
    // SAFETY: the context is open and lives through the call; both fields are set together.
    let (data, size) = unsafe {
        let context = &*context.as_ptr();
        (context.extradata, context.extradata_size)
    };
    extra(data, size)
}

#[allow(unsafe_code, reason = "extra data is a pointer and a length")]
fn extra(data: *const u8, size: i32) -> Vec<u8> {
    let size = usize::try_from(size).unwrap_or(0);
    if data.is_null() || size > LARGEST_EXTRA {
        return Vec::new();
    }
    // SAFETY: libav allocates `size` bytes (and padding) wherever the pointer is not null.
    unsafe { std::slice::from_raw_parts(data, size) }.to_vec()
}

/// Whether what this packet holds is decoded but not shown.
#[allow(
    unsafe_code,
    reason = "the bindings know two of the packet's flags only"
)]
pub(super) fn is_hidden(packet: &ffmpeg::Packet) -> bool {
    // SAFETY: the packet is owned and initialised; a plain field is read.
    let flags = unsafe { (*packet.as_ptr()).flags };
    flags & ffi::AV_PKT_FLAG_DISCARD != 0
}

/// Another handle on the same picture: its numbers are its own, its pixels are shared.
#[allow(unsafe_code, reason = "the bindings only copy deeply")]
pub(super) fn share(frame: &ffmpeg::frame::Video) -> Option<ffmpeg::frame::Video> {
    // SAFETY: the frame is valid; a clone is a reference of its own that `wrap` takes over and
    // frees, and null when memory ran out.
    unsafe {
        let clone = ffi::av_frame_clone(frame.as_ptr());
        (!clone.is_null()).then(|| ffmpeg::frame::Video::wrap(clone))
    }
}

/// The one packet of a stream that is a still picture.
#[allow(unsafe_code, reason = "the bindings do not show attached pictures")]
pub(super) fn attached_picture(
    stream: &ffmpeg::format::stream::Stream<'_>,
) -> Option<ffmpeg::Packet> {
    // SAFETY: the stream lives through the call; its bytes are copied.
    let bytes = unsafe {
        let packet = &(*stream.as_ptr()).attached_pic;
        let size = usize::try_from(packet.size).ok()?;
        if packet.data.is_null() || size == 0 {
            return None;
        }
        std::slice::from_raw_parts(packet.data, size)
    };
    Some(ffmpeg::Packet::copy(bytes))
}

/// How many samples a decoder drops from the start of this packet.
pub(super) fn skipped(packet: &ffmpeg::Packet) -> i64 {
    let skip = packet
        .side_data()
        .find(|data| data.kind() == SideData::SkipSamples);
    let bytes = skip.and_then(|skip| skip.data().get(..4)?.try_into().ok());
    bytes.map_or(0, |bytes| i64::from(u32::from_le_bytes(bytes)))
}
