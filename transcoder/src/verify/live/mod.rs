//! `verify URL`: whether a site's playlists and files are in order while they are being watched.
//!
//! [`fetch`] asks, [`watch`] follows a track for a while, [`media`] reads playlists as they are, and
//! [`rules`] judges them. Knows only what any player knows.

mod fetch;
mod media;
mod rules;
mod watch;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use super::Findings;
use super::master;
use crate::Failure;
use fetch::{Client, Unreachable};
use media::Media;
use watch::{Seen, Track};

/// More tracks are not looked at; each is a connection.
const MOST_TRACKS: usize = 32;

/// What is to be watched, and for how long.
#[derive(Debug)]
pub(crate) struct Wish {
    /// A playlist, or the page of a film or a channel.
    pub(crate) url: Url,
    pub(crate) lasting: Duration,
    /// What opens it; without: the free part.
    pub(crate) token: Option<String>,
}

/// Whether `verify` is given an address and not a title.
pub(crate) fn address(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// What was found, and a sentence on what was looked at.
pub(super) fn check(wish: &Wish) -> Result<(Findings, String), Failure> {
    let client = Client::new();
    let url = playlist(&client, wish)?;
    let (status, text) = client.text(&url).map_err(failed)?;
    if status != 200 {
        return Err(Failure::failed(format!("{url} is answered with {status}")));
    }
    if !text.starts_with("#EXTM3U") {
        return Err(Failure::usage(format!(
            "{url} is no playlist: give a multivariant playlist, or the page of a film or channel"
        )));
    }
    let mut tracks = tracks(&client, &url, &text);
    let until = Instant::now() + wish.lasting;
    std::thread::scope(|scope| {
        for track in &mut tracks {
            scope.spawn(|| track.watch(until));
        }
    });
    let mut findings = Findings::default();
    let mut last = BTreeMap::new();
    for track in &mut tracks {
        if let Some(media) = track.now() {
            last.insert(track.name.clone(), media);
        }
    }
    if !text.contains("#EXT-X-STREAM-INF") {
        findings.advice("variants", &url, "this is one track only, not all of them");
    }
    rules::together(&last, &mut findings);
    let mut seen = Seen::default();
    let count = tracks.len();
    for track in tracks {
        seen.versions += track.seen.versions;
        seen.files += track.seen.files;
        findings.append(track.findings);
    }
    let told = format!(
        "{count} tracks, {} versions of their playlists and {} files were looked at",
        seen.versions, seen.files
    );
    Ok((findings, told))
}

/// How many findings two versions of a playlist lead to; None: one of them is none.
pub(crate) fn judge(before: &str, after: &str) -> Option<usize> {
    let mut findings = Findings::default();
    let before = Media::parse(before).ok()?;
    let after = Media::parse(after).ok()?;
    let after = after.onto(&before)?;
    for media in [&before, &after] {
        rules::one("a", media, &mut findings);
    }
    rules::two("a", &before, &after, &mut findings);
    let tracks = [("a", before), ("b", after)].map(|(name, media)| (name.to_owned(), media));
    rules::together(&tracks.into(), &mut findings);
    Some(findings.0.len())
}

/// Every playlist that the multivariant one names; or the one given.
fn tracks<'a>(client: &'a Client, url: &Url, text: &str) -> Vec<Track<'a>> {
    let master = master::parse(text);
    let variants = master.variants.iter().map(|(_, uri)| uri);
    let renditions = master.media.iter().filter_map(|media| media.get("URI"));
    let mut names: Vec<&String> = Vec::new();
    for name in variants.chain(renditions) {
        if !names.contains(&name) && names.len() < MOST_TRACKS {
            names.push(name);
        }
    }
    if names.is_empty() {
        let name = url.path_segments().and_then(Iterator::last).unwrap_or("");
        return vec![Track::new(client, url.clone(), name.to_owned())];
    }
    let track = |name: &String| Some(Track::new(client, url.join(name).ok()?, name.clone()));
    names.into_iter().filter_map(track).collect()
}

/// The playlist of a page: asked for as the page's own player asks.
fn playlist(client: &Client, wish: &Wish) -> Result<Url, Failure> {
    let segments: Vec<&str> = wish.url.path_segments().into_iter().flatten().collect();
    let title = match segments.as_slice() {
        ["live", channel] => {
            let about = ask(client, &wish.url, &format!("/api/channels/{channel}"), None)?;
            let Some(id) = about["title"]["id"].as_str() else {
                return Err(Failure::failed(format!("nothing is on air on {channel}")));
            };
            id.to_owned()
        }
        ["w", id] => (*id).to_owned(),
        _ => return Ok(wish.url.clone()),
    };
    let body = json!({ "title": title, "whole_timeline": true }).to_string();
    let question = Some((body.as_str(), wish.token.as_deref()));
    let grant = ask(client, &wish.url, "/api/grants", question)?;
    let path = grant["master_url"].as_str().unwrap_or_default();
    wish.url.join(path).map_err(Failure::failed)
}

fn ask(
    client: &Client,
    site: &Url,
    path: &str,
    question: Option<(&str, Option<&str>)>,
) -> Result<Value, Failure> {
    let url = site.join(path).map_err(Failure::failed)?;
    let answer = match question {
        None => client.text(&url),
        Some((body, token)) => client.post(&url, body, token),
    };
    let (status, text) = answer.map_err(failed)?;
    let told: Value = serde_json::from_str(&text).unwrap_or_default();
    if status == 200 {
        return Ok(told);
    }
    let why = told["detail"].as_str().unwrap_or_default();
    Err(Failure::failed(format!(
        "{url} is answered with {status}: {why}"
    )))
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn failed(error: Unreachable) -> Failure {
    Failure::failed(chain(&error))
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
