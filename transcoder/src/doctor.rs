//! `doctor`: which layers of the worker's confinement this kernel gives, found out by putting them
//! up around this very process. Shapes as in `satreel doctor`, which asks here.

use std::io::Write as _;

use satreel_config::Sandbox;
use satreel_film::sandbox::{self, Layer};
use serde_json::{Value, json};

use crate::Failure;

const LANDLOCK: &str = "boot a kernel with CONFIG_SECURITY_LANDLOCK and landlock in its lsm= list";
const SECCOMP: &str = "boot a kernel with CONFIG_SECCOMP_FILTER, or let the container use it";

struct Check {
    name: &'static str,
    state: &'static str,
    detail: String,
    remedy: &'static str,
}

pub(crate) fn doctor(wanted: Sandbox, json: bool) -> Result<(), Failure> {
    let layers = sandbox::confine(None, Sandbox::BestEffort).map_err(Failure::failed)?;
    let checks = [
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
