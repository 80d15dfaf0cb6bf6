//! `verify`: whether a title's media is what its playlists say, and what Apple's authoring rules ask.
//!
//! Of a title it reads the folder and nothing else: [`track`] measures, [`rules`] judges. What a site
//! serves, broadcasts above all, is watched by [`live`]. Decodes nothing.

pub(crate) mod live;
mod master;
mod rules;
mod track;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use satreel_film::folder::MARK;
use satreel_hls::naming::VideoId;
use serde::Serialize;
use serde_json::json;

use crate::Failure;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// Players may stumble.
    Fault,
    /// It plays, but could be better.
    Advice,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// The rule's name, for programs.
    pub(crate) rule: &'static str,
    pub(crate) file: String,
    pub(crate) what: String,
}

/// Collects what is found.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn fault(&mut self, rule: &'static str, file: impl ToString, what: impl ToString) {
        self.add(Level::Fault, rule, file, what);
    }

    pub(crate) fn advice(&mut self, rule: &'static str, file: impl ToString, what: impl ToString) {
        self.add(Level::Advice, rule, file, what);
    }

    /// Takes over what another look found, each finding once.
    fn append(&mut self, other: Self) {
        for finding in other.0 {
            if !self.0.contains(&finding) {
                self.0.push(finding);
            }
        }
    }

    #[allow(
        clippy::needless_pass_by_value,
        reason = "callers pass words and names alike"
    )]
    fn add(&mut self, level: Level, rule: &'static str, file: impl ToString, what: impl ToString) {
        self.0.push(Finding {
            level,
            rule,
            file: file.to_string(),
            what: what.to_string(),
        });
    }
}

/// Where the title is: a folder, or an id and the folder of all titles.
pub(crate) fn folder(
    title: &str,
    titles: impl FnOnce(VideoId) -> Option<PathBuf>,
) -> Option<PathBuf> {
    let path = Path::new(title);
    if path.is_dir() {
        return Some(path.to_owned());
    }
    titles(title.parse().ok()?).filter(|folder| folder.is_dir())
}

/// Checks the title and prints what was found; faults end in a failure.
pub(crate) fn verify(folder: &Path, json: bool) -> Result<(), Failure> {
    let remedy = "make the title anew with `satreel-transcoder remake`";
    tell(&check(folder), json, remedy)
}

/// The same for what a site serves.
pub(crate) fn verify_live(wish: &live::Wish, json: bool) -> Result<(), Failure> {
    let (findings, seen) = live::check(wish)?;
    writeln!(std::io::stderr(), "{seen}").map_err(Failure::failed)?;
    tell(&findings.0, json, "the rules are those of RFC 8216bis")
}

fn tell(findings: &[Finding], json: bool, remedy: &str) -> Result<(), Failure> {
    let faults = findings
        .iter()
        .filter(|finding| finding.level == Level::Fault)
        .count();
    let text = if json {
        format!("{:#}\n", json!({ "ok": faults == 0, "findings": findings }))
    } else {
        as_text(findings).map_err(Failure::failed)?
    };
    write!(std::io::stdout(), "{text}").map_err(Failure::failed)?;
    match faults {
        0 => Ok(()),
        1 => Err(Failure::failed(format!("1 fault: {remedy}"))),
        faults => Err(Failure::failed(format!("{faults} faults: {remedy}"))),
    }
}

pub(crate) fn check(folder: &Path) -> Vec<Finding> {
    let mut findings = Findings::default();
    if folder.join(MARK).exists() {
        findings.advice("unfinished", MARK, "the title is still being made");
    }
    rules::check(folder, &mut findings);
    findings.0
}

fn as_text(findings: &[Finding]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for Finding {
        level, file, what, ..
    } in findings
    {
        let level = match level {
            Level::Fault => "fault",
            Level::Advice => "advice",
        };
        writeln!(text, "{level:<7} {file}: {what}")?;
    }
    if findings.is_empty() {
        text.push_str("everything is as it should be\n");
    }
    Ok(text)
}
