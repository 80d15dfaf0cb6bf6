//! `[site]`, `[server]`, `[transcoder]`, `[live]`: where things are and who may reach them.

use std::path::Path;

use satreel_hls::live::Mode;

use crate::{
    fault::Problem,
    ladder,
    schema::{
        DEFAULT_CACHE_MB, DEFAULT_CREDIT_AFTER_S, DEFAULT_KEEP_FREE_MB, DEFAULT_LISTEN,
        DEFAULT_LIVE, DEFAULT_NAME, Live, LiveTls, Loudness, Sandbox, Server, Site, Transcoder,
        default_keys, default_live_folder, default_watch,
    },
    section::Section,
    value,
};

pub(crate) fn site(section: Section<'_>, base: &Path) -> Option<Site> {
    let name = section.get("name", &value::short_text(80));
    let url = section.require("url", "\"https://films.example\"", &value::origin);
    let data = section.require("data", "\"/var/lib/satreel\"", &value::path(base));
    let accent = section.get("accent", &value::colour);
    let keys = section.get("keys", &value::path(base));
    section.finish();
    let data = data?;
    Some(Site {
        name: name.unwrap_or_else(|| DEFAULT_NAME.to_owned()),
        url: url?,
        keys: keys.unwrap_or_else(|| default_keys(&data)),
        data,
        accent,
    })
}

pub(crate) fn server(section: Section<'_>) -> Server {
    let server = Server {
        listen: section
            .get("listen", &value::address)
            .unwrap_or(DEFAULT_LISTEN),
        metrics: section.get("metrics", &value::address),
        trusted_proxies: section
            .get("trusted_proxies", &value::ranges)
            .unwrap_or_default(),
        cache_mb: section
            .get("cache_mb", &value::number(1..=65_536))
            .unwrap_or(DEFAULT_CACHE_MB),
    };
    section.finish();
    server
}

const SANDBOXES: [(&str, Sandbox); 2] = [
    ("required", Sandbox::Required),
    ("best-effort", Sandbox::BestEffort),
];

const LOUDNESSES: [(&str, Loudness); 2] = [("as-is", Loudness::AsIs), ("even", Loudness::Even)];

pub(crate) fn transcoder(section: Section<'_>, base: &Path, site: Option<&Site>) -> Transcoder {
    let watch = section.get("watch", &value::path(base));
    let sandbox = section.get("sandbox", &value::word(&SANDBOXES));
    let loudness = section.get("loudness", &value::word(&LOUDNESSES));
    let ladder = ladder::ladder(&section);
    let keep_free_mb = section.get("keep_free_mb", &value::number(0..=100_000_000));
    section.finish();
    let data = site.map_or(base, |site| &site.data);
    Transcoder {
        watch: watch.unwrap_or_else(|| default_watch(data)),
        sandbox: sandbox.unwrap_or_default(),
        loudness: loudness.unwrap_or_default(),
        ladder,
        keep_free_mb: keep_free_mb.unwrap_or(DEFAULT_KEEP_FREE_MB),
    }
}

/// How far behind viewers are, by name.
const MODES: [(&str, Mode); 3] = [
    ("fast", Mode::Fast),
    ("standard", Mode::Standard),
    ("plain", Mode::Plain),
];

pub(crate) fn live(section: Section<'_>, base: &Path, site: Option<&Site>) -> Live {
    let listen = section.get("listen", &value::address);
    let folder = section.get("folder", &value::path(base));
    let secure = section.get("tls_listen", &value::address);
    let certificate = section.get("certificate", &value::path(base));
    let key = section.get("key", &value::path(base));
    let credit_after_s = section.get("credit_after_s", &value::number(0..=3600));
    let secure = match (secure, certificate, key) {
        (None, None, None) => None,
        (Some(listen), Some(certificate), Some(key)) => Some(LiveTls {
            listen,
            certificate,
            key,
        }),
        _ => {
            let problem = Problem::new(
                "one of three keys that go together",
                "write tls_listen, certificate and key, or none of them",
            );
            section.fault("tls_listen", problem);
            None
        }
    };
    let mode = section.get("mode", &value::word(&MODES));
    let rungs = section.get("rungs", &ladder::live_rungs);
    section.finish();
    let data = site.map_or(base, |site| &site.data);
    Live {
        listen: listen.unwrap_or(DEFAULT_LIVE),
        secure,
        folder: folder.unwrap_or_else(|| default_live_folder(data)),
        credit_after_s: credit_after_s.unwrap_or(DEFAULT_CREDIT_AFTER_S),
        mode: mode.unwrap_or_default(),
        rungs: rungs.unwrap_or_default(),
    }
}
