//! Watches one track as a player does: waits for what comes next, and fetches all that is listed.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use url::Url;

use super::super::Findings;
use super::fetch::Client;
use super::media::Media;
use super::rules;

/// Files of which it is remembered that they were there: what playlists list, many times over.
const REMEMBERED: usize = 100_000;
/// Answers may be late by this before the publisher counts as gone.
const GRACE: Duration = Duration::from_secs(1);

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) versions: u64,
    pub(super) files: u64,
}

#[derive(Debug)]
pub(super) struct Track<'a> {
    client: &'a Client,
    url: Url,
    /// As the multivariant playlist names it.
    pub(super) name: String,
    pub(super) findings: Findings,
    pub(super) seen: Seen,
    fetched: HashSet<String>,
}

impl<'a> Track<'a> {
    pub(super) fn new(client: &'a Client, url: Url, name: String) -> Self {
        Self {
            client,
            url,
            name,
            findings: Findings::default(),
            seen: Seen::default(),
            fetched: HashSet::new(),
        }
    }

    /// Until then, or until the broadcast has ended.
    pub(super) fn watch(&mut self, until: Instant) {
        let Some(mut media) = self.read("") else {
            return;
        };
        rules::one(&self.name, &media, &mut self.findings);
        self.files(&media);
        if media.part_target_us.is_some() && !media.ended {
            self.directives(&media);
        }
        let mut delta = false;
        while !media.ended && Instant::now() < until {
            delta = !delta && media.control.contains_key("CAN-SKIP-UNTIL");
            let Some(next) = self.reload(&media, delta) else {
                return;
            };
            rules::one(&self.name, &next, &mut self.findings);
            rules::two(&self.name, &media, &next, &mut self.findings);
            self.files(&next);
            media = next;
        }
    }

    /// The playlist as it is now.
    pub(super) fn now(&mut self) -> Option<Media> {
        self.read("")
    }

    /// The next version: waited for where the server can, else asked for after a while.
    fn reload(&mut self, media: &Media, delta: bool) -> Option<Media> {
        let skip = if delta { "&_HLS_skip=YES" } else { "" };
        let (segment, part) = media.edge();
        let asked = Instant::now();
        let target = Duration::from_micros(media.target_us);
        let next = if media.part_target_us.is_some() {
            self.read(&format!("_HLS_msn={segment}&_HLS_part={part}{skip}"))?
        } else {
            std::thread::sleep(target / 2);
            self.read(skip.trim_start_matches('&'))?
        };
        let next = if next.skipped > 0 {
            let Some(whole) = next.onto(media) else {
                let what = "a delta update leaves out what was not there before";
                self.findings.fault("delta", &self.name, what);
                return None;
            };
            whole
        } else {
            next
        };
        let waits = media.part_target_us.is_some() && !next.ended;
        if waits && next.edge() == media.edge() {
            if asked.elapsed() + GRACE < target * 3 {
                let what = "a reload was answered before what it asked for was there";
                self.findings.fault("blocking", &self.name, what);
                return None;
            }
            let what = "nothing came for three target durations: is the publisher away?";
            self.findings.advice("away", &self.name, what);
        }
        Some(next)
    }

    fn read(&mut self, query: &str) -> Option<Media> {
        let mut url = self.url.clone();
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        let (status, text) = match self.client.text(&url) {
            Ok(answer) => answer,
            Err(error) => {
                self.findings
                    .fault("unreachable", &self.name, super::chain(&error));
                return None;
            }
        };
        if status != 200 {
            let what = format!("the playlist is answered with {status}");
            self.findings.fault("status", &self.name, what);
            return None;
        }
        self.seen.versions += 1;
        Media::parse(&text)
            .map_err(|error| self.findings.fault("playlist", &self.name, error))
            .ok()
    }

    /// Nothing is listed that is not there.
    fn files(&mut self, media: &Media) {
        if self.fetched.len() > REMEMBERED {
            self.fetched.clear();
        }
        let maps = media
            .segments
            .iter()
            .filter_map(|segment| segment.map.as_ref());
        let parts = media.parts().filter(|part| !part.gap);
        let parts = parts.map(|part| &part.uri);
        let small: Vec<String> = maps.chain(parts).cloned().collect();
        for uri in small {
            self.file(&uri, Client::whole);
        }
        for segment in media.segments.iter().filter(|segment| !segment.gap) {
            self.file(&segment.uri, Client::head);
        }
    }

    fn file(
        &mut self,
        uri: &str,
        ask: impl FnOnce(&Client, &Url) -> Result<u16, super::fetch::Unreachable>,
    ) {
        if !self.fetched.insert(uri.to_owned()) {
            return;
        }
        let Ok(url) = self.url.join(uri) else {
            self.findings
                .fault("playlist", uri, "its address cannot be read");
            return;
        };
        self.seen.files += 1;
        match ask(self.client, &url) {
            Ok(200) => {}
            Ok(status) => {
                let what = format!("it is listed, and answered with {status}");
                self.findings.fault("absent", uri, what);
            }
            Err(error) => self
                .findings
                .fault("unreachable", uri, super::chain(&error)),
        }
    }

    /// What cannot be asked for is refused (RFC 8216bis §6.2.5.2).
    fn directives(&mut self, media: &Media) {
        let far = format!("_HLS_msn={}", media.next().saturating_add(1000));
        for query in ["_HLS_part=0", far.as_str()] {
            let mut url = self.url.clone();
            url.set_query(Some(query));
            match self.client.text(&url) {
                Ok((400, _)) => {}
                Ok((status, _)) => {
                    let what = format!("?{query} is answered with {status}, not with 400");
                    self.findings.fault("directives", &self.name, what);
                }
                Err(error) => {
                    let what = super::chain(&error);
                    self.findings.fault("unreachable", &self.name, what);
                }
            }
        }
    }
}
