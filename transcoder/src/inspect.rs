//! `inspect`: what a file is and what would become of it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use satreel_config::{Ladder, Loudness, Sandbox};
use satreel_film::fault::Fault;
use satreel_film::magic::Container;
use satreel_film::plan::{Action, Plan, Preview};
use satreel_film::protocol::{Errand, Message, Order};
use serde_json::{Value, json};

use crate::Failure;
use crate::control::Control;
use crate::source::Film;
use crate::supervisor::{Heard, supervise};

/// What a site would do.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) preview: Preview,
    pub(crate) sandbox: Sandbox,
    pub(crate) ladder: Ladder,
}

pub(crate) fn inspect(path: &Path, settings: Settings, json: bool) -> Result<(), Failure> {
    let (film, plan) = look(path, settings)
        .map_err(|fault| Failure::failed(format!("{}: {fault}", path.display())))?;
    let text = if json {
        format!("{:#}\n", as_json(path, &film, &plan))
    } else {
        as_text(&film, &plan).map_err(Failure::failed)?
    };
    write!(std::io::stdout(), "{text}").map_err(Failure::failed)
}

fn look(path: &Path, settings: Settings) -> Result<(Film, Plan), Fault> {
    let film = Film::open(path)?;
    let errand = Errand::Film(Order {
        container: film.container,
        preview: settings.preview,
        generation: 0,
        supervisor: std::process::id(),
        sandbox: settings.sandbox,
        ladder: settings.ladder,
        // Measuring decodes all of the sound: too long for a look.
        loudness: Loudness::AsIs,
        captions: Vec::new(),
        still: false,
        output: None,
    });
    let mut plan = None;
    supervise(&film.file, &errand, &Control::default(), None, |heard| {
        if let Heard::Told(Message::Planned { plan: found }) = heard {
            plan = Some((**found).clone());
        }
        Ok(())
    })?;
    let plan = plan.ok_or_else(|| Fault::Crashed {
        detail: "it told no plan".to_owned(),
    })?;
    Ok((film, plan))
}

#[allow(clippy::cast_precision_loss, reason = "a day is far below 2^53 µs")]
fn seconds(plan: &Plan) -> f64 {
    plan.duration_us as f64 / 1e6
}

fn frames_a_second(plan: &Plan) -> f64 {
    let (numerator, denominator) = plan.frame_rate();
    f64::from(numerator) / f64::from(denominator.max(1))
}

fn as_json(path: &Path, film: &Film, plan: &Plan) -> Value {
    let shown = plan.picture.as_ref();
    json!({
        "source": {
            "file": path,
            "bytes": film.bytes(),
            "container": film.container,
            "video_codec": shown.map(|shown| &shown.codec),
            "width": shown.map(|shown| shown.width),
            "height": shown.map(|shown| shown.height),
            "frame_rate": shown.map(|_| frames_a_second(plan)),
            "duration_s": seconds(plan),
            "audio_codec": plan.sounds.first().map(|sound| &sound.codec),
        },
        "preview_s": plan.preview_s,
        "rungs": plan.rungs,
        "changes": shown.map_or(&[][..], |shown| &shown.changes),
        "audio": plan.sounds.first(),
        "audio_tracks": plan.sounds,
        "captions": plan.captions,
    })
}

fn as_text(film: &Film, plan: &Plan) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let container = match film.container {
        Container::Mp4 => "MP4 or MOV",
        Container::Matroska => "Matroska or WebM",
        Container::Avi => "AVI",
        Container::MpegTs => "MPEG-TS",
        Container::MpegPs => "MPEG-PS",
        Container::Flv => "FLV",
        Container::Mp3 => "MP3",
        Container::Aac => "AAC",
        Container::Flac => "FLAC",
        Container::Ogg => "Ogg",
        Container::Wav => "WAV",
    };
    match &plan.picture {
        Some(shown) => writeln!(
            text,
            "{container}, {}, {}x{}, {:.3} frames/s, {:.3} s",
            shown.codec,
            shown.width,
            shown.height,
            frames_a_second(plan),
            seconds(plan)
        )?,
        None => writeln!(text, "{container}, sound alone, {:.3} s", seconds(plan))?,
    }
    for change in plan.picture.iter().flat_map(|shown| &shown.changes) {
        writeln!(text, "       encoded rungs: {change}")?;
    }
    let mut line = |name: &str, shape: String, action: Action, reason: &str| {
        let action = match action {
            Action::Copy => "copy",
            Action::Encode => "encode",
        };
        writeln!(text, "{name:<6} {shape:<11} {action:<7} {reason}")
    };
    for rung in &plan.rungs {
        let shape = format!("{}x{}", rung.width, rung.height);
        line(&rung.name, shape, rung.action, &rung.reason)?;
    }
    for sound in &plan.sounds {
        line(
            &sound.name,
            sound.codec.clone(),
            sound.action,
            &sound.reason,
        )?;
    }
    for words in &plan.captions {
        writeln!(text, "{:<6} captions: {}", words.name, words.label)?;
    }
    Ok(text)
}
