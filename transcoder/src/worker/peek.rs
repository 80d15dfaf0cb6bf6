//! The few fields of libav's structures that its safe bindings do not show.

use ffmpeg::codec::packet::Ref as _;
use ffmpeg::ffi;
use ffmpeg_next as ffmpeg;

/// What a container says about a picture track.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) pixel_aspect: (u32, u32),
    pub(super) interlaced: bool,
    pub(super) eight_bit_420: bool,
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
pub(super) fn picture(parameters: &ffmpeg::codec::Parameters) -> Picture {
    // SAFETY: the pointer is valid as long as `parameters` is; only plain fields are read.
    let par = unsafe { &*parameters.as_ptr() };
    let side = |side: i32| u32::try_from(side).unwrap_or(0);
    let aspect = par.sample_aspect_ratio;
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
