//! What cannot be sent on, in words that name the setting to change.

/// Why a publisher is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "The picture is {0}. Choose an H.264 encoder in OBS → Settings → Output → Streaming → Video Encoder."
    )]
    PictureCodec(&'static str),
    #[error("The sound is {0}. Choose AAC in OBS → Settings → Output → Streaming → Audio Encoder.")]
    SoundCodec(&'static str),
    #[error(
        "The picture is not 8-bit 4:2:0. Choose NV12 in OBS → Settings → Advanced → Color Format."
    )]
    PixelFormat,
    #[error(
        "The sound is HE-AAC. Choose an AAC-LC encoder and 96 kbit/s or more in OBS → Settings → Output → Audio."
    )]
    AacProfile,
    #[error(
        "The sound's sample rate is too low. Choose 48 kHz in OBS → Settings → Audio → Sample Rate."
    )]
    SampleRate,
    #[error(
        "The sound has more than two channels. Choose Stereo in OBS → Settings → Audio → Channels."
    )]
    Channels,
    #[error(
        "The picture is larger than 4096 × 2304. Choose a smaller one in OBS → Settings → Video → Output Resolution."
    )]
    Size,
    #[error("The stream's header is damaged. Stop streaming and start again.")]
    DamagedHeader,
    #[error("No picture came within ten seconds. Add a source with a picture in OBS → Sources.")]
    NoPicture,
    #[error("The stream key is wrong. Copy it anew into OBS → Settings → Stream → Stream Key.")]
    Key,
    #[error("Too many wrong stream keys came from this address. Try again in a minute.")]
    Throttled,
    #[error("Another program with the same stream key took over.")]
    Replaced,
}
