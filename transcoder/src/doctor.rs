//! `doctor`: what the worker's FFmpeg can do, asked of the worker; and which layers of its confinement
//! this kernel gives, found out by putting them up around this very process. Shapes as in `satreel
//! doctor`, which asks here.

use std::io::Write as _;

use satreel_config::Sandbox;
use satreel_film::protocol::{Abilities, Lack};
use satreel_film::sandbox::{self, Layer};
use serde_json::{Value, json};

use crate::Failure;
use crate::supervisor;

const LANDLOCK: &str = "boot a kernel with CONFIG_SECURITY_LANDLOCK and landlock in its lsm= list";
const CODECS: &str = "install Debian's FFmpeg (apt-get install ffmpeg), or build one with what is \
                      missing: --enable-gpl --enable-libx264 --enable-libdav1d --enable-libzimg";
const PROGRAM: &str = "install satreel-worker of the same version beside satreel-transcoder, and the libraries it is built \
                       on: ldd satreel-worker";
const SECCOMP: &str = "boot a kernel with CONFIG_SECCOMP_FILTER, or let the container use it";

struct Check {
    name: &'static str,
    state: &'static str,
    detail: String,
    remedy: &'static str,
}

pub(crate) fn doctor(wanted: Sandbox, json: bool) -> Result<(), Failure> {
    // First: behind the confinement nothing can be started any more.
    let codecs = codecs(supervisor::abilities());
    let layers = sandbox::confine(None, Sandbox::BestEffort).map_err(Failure::failed)?;
    let checks = [
        codecs,
        check("landlock", &layers.landlock, LANDLOCK, wanted),
        check("seccomp", &layers.seccomp, SECCOMP, wanted),
    ];
    let text = if json {
        let checks: Vec<Value> = checks.iter().map(Check::as_json).collect();
        format!("{}\n", json!({ "checks": checks }))
    } else {
        checks.iter().map(Check::as_text).collect()
    };
    write!(std::io::stdout(), "{text}").map_err(Failure::failed)?;
    match checks.iter().filter(|check| check.state == "red").count() {
        0 => Ok(()),
        faults => Err(Failure::failed(format!(
            "{faults} of {} checks are red",
            checks.len()
        ))),
    }
}

fn check(name: &'static str, layer: &Layer, remedy: &'static str, wanted: Sandbox) -> Check {
    let (state, detail, remedy) = match (layer, wanted) {
        (Layer::Holds(detail), _) => ("green", format!("films are read behind it ({detail})"), ""),
        (Layer::Missing(why), Sandbox::Required) => {
            ("red", format!("no film is read: {why}"), remedy)
        }
        (Layer::Missing(why), Sandbox::BestEffort) => (
            "yellow",
            format!("films are read without it: {why}"),
            remedy,
        ),
    };
    Check {
        name,
        state,
        detail,
        remedy,
    }
}

fn codecs(asked: Result<Abilities, String>) -> Check {
    let found = |state, detail, remedy| Check {
        name: "codecs",
        state,
        detail,
        remedy,
    };
    let able = match asked {
        Ok(able) => able,
        Err(why) => return found("red", format!("no film is made: {why}"), PROGRAM),
    };
    let of = |lacks: &mut dyn Iterator<Item = &Lack>| {
        let lacks: Vec<_> = lacks
            .map(|lack| format!("{} {}", lack.kind, lack.name))
            .collect();
        lacks.join(", ")
    };
    let version = &able.libavcodec;
    let all = of(&mut able.lacks.iter());
    let vital = of(&mut able.lacks.iter().filter(|lack| lack.is_vital));
    if !vital.is_empty() {
        let detail = format!("no film is made: libavcodec {version} lacks {vital}");
        found("red", detail, CODECS)
    } else if all.is_empty() {
        let detail = format!(
            "libavcodec {version} has the {} encoders, decoders and filters that films may want",
            able.has
        );
        found("green", detail, "")
    } else {
        let detail = format!("films that want them are refused: libavcodec {version} lacks {all}");
        found("yellow", detail, CODECS)
    }
}

impl Check {
    fn as_json(&self) -> Value {
        json!({
            "name": self.name,
            "state": self.state,
            "detail": self.detail,
            "remedy": self.remedy,
        })
    }

    fn as_text(&self) -> String {
        let line = format!("{:6}  {:8}  {}\n", self.state, self.name, self.detail);
        if self.remedy.is_empty() {
            line
        } else {
            format!("{line}{:6}  {:8}  → {}\n", "", "", self.remedy)
        }
    }
}
