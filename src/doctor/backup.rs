//! How the copies stand: what the guardian wrote down (`status.json`), and its macaroon.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use satreel_backup_status::{DRILL_OLD, Destination, OLD, Status, TOO_OLD, read};
use satreel_config::{Backend, Backup, BackupNode, Config};
use satreel_lnd::{
    backup::{bake_line, compare},
    macaroon::permissions,
};

use super::Check;

const BACKUP: &str = "backup";
const MACAROON: &str = "backup macaroon";
const COPIES: &str = "backup copies";
const DRILL: &str = "backup drill";

/// A shrink that is longer ago has been looked at, or never will be.
const NEWS: SignedDuration = SignedDuration::from_hours(7 * 24);
const START: &str = "systemctl enable --now satreel-backup; journalctl -u satreel-backup";

pub(super) fn look(config: &Config, now: Timestamp) -> Vec<Check> {
    let Some(backup) = &config.backup else {
        return missing(config);
    };
    let mut checks = Vec::new();
    let status = match read(&backup.folder) {
        Ok(Some(status)) => {
            checks.push(sources(backup, &status, now));
            status
        }
        Ok(None) => {
            checks.push(Check::red(BACKUP, "nothing was ever saved", START));
            Status::default()
        }
        Err(error) => {
            let detail = format!("{}: {error}", backup.folder.display());
            let remedy = "run this as a user who may read it, or have the guardian write it anew";
            checks.push(Check::red(BACKUP, detail, remedy));
            return checks;
        }
    };
    if let Some(node) = &backup.node {
        checks.push(macaroon(config, node, &status));
    }
    if backup.destinations.is_empty() {
        let remedy = "write a [[backup.destination]]: another disk, an SFTP server, a store";
        checks.push(Check::yellow(COPIES, "on this machine only", remedy));
    }
    for destination in &backup.destinations {
        let name = &destination.name;
        let found = status.destinations.get(name).cloned().unwrap_or_default();
        checks.push(copies(backup, name, &found, now));
        checks.push(drill(name, &found, now));
    }
    checks
}

/// A node whose channels nobody saves loses its money with its disk.
fn missing(config: &Config) -> Vec<Check> {
    match config.payments.backend {
        Backend::Lnd => {
            let remedy = "write [backup], and let satreel-backup run; or see to the node's \
                          channel.backup and the signing keys in your own way";
            vec![Check::yellow(BACKUP, "Satreel saves nothing", remedy)]
        }
        Backend::Btcpay | Backend::Wallet => Vec::new(),
    }
}

/// Whether node and site can be saved at all.
fn sources(backup: &Backup, status: &Status, now: Timestamp) -> Check {
    let node = status.node_fault.as_ref().filter(|_| backup.node.is_some());
    let site = status.site_fault.as_ref().filter(|_| backup.site);
    if let Some(fault) = node.or(site) {
        let detail = format!("since {}: {}", ago(fault.since, now), fault.why);
        return Check::red(BACKUP, detail, "journalctl -u satreel-backup");
    }
    if let Some(shrunk) = &status.shrunk
        && now.duration_since(shrunk.at) < NEWS
    {
        let detail = format!(
            "{} the node had {} channels and then {}",
            ago(shrunk.at, now),
            shrunk.from,
            shrunk.to
        );
        let remedy = "if they were not closed on purpose, look at the node; copies from before are \
                      in the history";
        return Check::yellow(BACKUP, detail, remedy);
    }
    let mut saved = Vec::new();
    if let Some(channels) = status.channels.as_ref().filter(|_| backup.node.is_some()) {
        let when = ago(channels.saved, now);
        saved.push(format!("{} channels, saved {when}", channels.count));
    }
    if let Some(site) = status.site.as_ref().filter(|_| backup.site) {
        saved.push(format!("the site's data, saved {}", ago(site.saved, now)));
    }
    if saved.is_empty() {
        return Check::red(BACKUP, "nothing was saved yet", START);
    }
    Check::green(BACKUP, saved.join("; "))
}

/// By its own text where that can be read; else by what the guardian found, who can.
fn macaroon(config: &Config, node: &BackupNode, status: &Status) -> Check {
    let network = config.network().map(|network| network.to_string());
    let bake = bake_line(network.as_deref().unwrap_or("mainnet"));
    let own = node.macaroon.read_bytes().map(|bytes| permissions(&bytes));
    let (missing, spare) = match (own, &status.macaroon) {
        (Ok(None), _) => return Check::red(MACAROON, "no macaroon of LND's", bake),
        (Ok(Some(has)), _) => {
            let found = compare(&has);
            let texts = |list: Vec<satreel_lnd::macaroon::Permission>| -> Vec<String> {
                list.iter().map(ToString::to_string).collect()
            };
            (texts(found.missing), texts(found.spare))
        }
        (Err(_), Some(found)) => (found.missing.clone(), found.spare.clone()),
        (Err(error), None) => {
            let detail = format!("not looked at: {error}");
            return Check::yellow(MACAROON, detail, format!("if there is none yet: {bake}"));
        }
    };
    if !missing.is_empty() {
        return Check::red(MACAROON, format!("lacks {}", missing.join(", ")), bake);
    }
    if !spare.is_empty() {
        let detail = format!(
            "permits more than backups, and whoever steals it can do that: {}",
            spare.join(", ")
        );
        return Check::yellow(MACAROON, detail, bake);
    }
    Check::green(MACAROON, "permits the node's backups and nothing else")
}

fn copies(backup: &Backup, name: &str, found: &Destination, now: Timestamp) -> Check {
    let wanted = [
        (backup.node.is_some(), "channels", found.channels),
        (backup.site, "the site's data", found.site),
    ];
    let mut oldest = SignedDuration::ZERO;
    let mut parts = Vec::new();
    for (_, what, at) in wanted.iter().filter(|(wanted, _, _)| *wanted) {
        if let Some(at) = at {
            oldest = oldest.max(now.duration_since(*at));
            parts.push(format!("{what} of {}", ago(*at, now)));
        } else {
            oldest = SignedDuration::MAX;
            parts.push(format!("no copy of {what}"));
        }
    }
    let mut detail = format!("{name}: {}", parts.join(", "));
    if let Some(fault) = &found.fault {
        let _ = write!(detail, "; since {}: {}", ago(fault.since, now), fault.why);
    }
    let remedy = "journalctl -u satreel-backup; what is missing there is written when it is back";
    if oldest > TOO_OLD {
        Check::red(COPIES, detail, remedy)
    } else if oldest > OLD || found.fault.is_some() {
        Check::yellow(COPIES, detail, remedy)
    } else {
        Check::green(COPIES, detail)
    }
}

fn drill(name: &str, found: &Destination, now: Timestamp) -> Check {
    let remedy = "satreel-backup drill --config FILE --identity KEY proves that the copies restore";
    let Some(drill) = &found.drill else {
        return Check::yellow(DRILL, format!("{name}: never done"), remedy);
    };
    let detail = format!("{name}: {}: {}", ago(drill.at, now), drill.detail);
    if !drill.passed {
        Check::red(DRILL, detail, remedy)
    } else if now.duration_since(drill.at) > DRILL_OLD {
        Check::yellow(DRILL, detail, remedy)
    } else {
        Check::green(DRILL, detail)
    }
}

/// How long ago, as people say it.
fn ago(then: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(then).as_mins().max(0);
    match minutes {
        0..120 => format!("{minutes} min ago"),
        120..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}

#[cfg(test)]
#[path = "backup_tests.rs"]
mod tests;
