use std::path::Path;

use satreel_backup_status::{Channels, Drill, Fault, File, Macaroon, Shrunk, Site};
use tempfile::TempDir;

use super::super::State;
use super::*;

const KEY: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

fn config(folder: &Path, keys: &str) -> Config {
    let text = format!(
        "[site]\nurl = \"http://127.0.0.1:1\"\ndata = \"data\"\n[payments]\nbackend = \"wallet\"\n\
         [backup]\nfolder = \"{}\"\nrecipients = [\"{KEY}\"]\n{keys}",
        folder.display()
    );
    let mut config =
        satreel_config::parse(&text, folder).unwrap_or_else(|faults| panic!("{faults}"));
    config.backup.as_mut().expect("a section").site = true;
    config
}

const NODE: &str = "address = \"https://127.0.0.1:1\"\ncertificate = \"tls.cert\"\n\
                    macaroon = { file = \"macaroon\" }\n";
const USB: &str = "[[backup.destination]]\nname = \"usb\"\nkind = \"folder\"\npath = \"usb\"\n";

fn hours(count: i64) -> Timestamp {
    Timestamp::from_second(1_795_305_600 + count * 3600).expect("a time")
}

/// Everything saved at hour 0, and the drill done.
fn well() -> Status {
    let mut status = Status {
        channels: Some(Channels {
            name: "channels".into(),
            saved: hours(0),
            count: 3,
            digest: String::new(),
        }),
        site: Some(Site {
            name: "site".into(),
            saved: hours(0),
            digest: String::new(),
        }),
        macaroon: Some(Macaroon::default()),
        ..Status::default()
    };
    let usb = Destination {
        channels: Some(hours(0)),
        site: Some(hours(0)),
        drill: Some(Drill {
            at: hours(0),
            passed: true,
            detail: "all 3".into(),
        }),
        ..Destination::default()
    };
    status.destinations.insert("usb".into(), usb);
    status
}

/// What is said of `status` at an hour, by the checks' names.
fn said(status: &Status, hour: i64) -> Vec<(&'static str, State, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder, status);
    let config = config(folder.path(), &format!("{NODE}{USB}"));
    look(&config, hours(hour))
        .into_iter()
        .map(|check| (check.name, check.state, check.detail))
        .collect()
}

fn write(folder: &TempDir, status: &Status) {
    let file = File::new(folder.path().to_owned());
    file.update(|there| *there = status.clone())
        .expect("written");
}

fn states(status: &Status, hour: i64) -> [State; 4] {
    let said = said(status, hour);
    let names: Vec<_> = said.iter().map(|line| line.0).collect();
    assert_eq!(names, [BACKUP, MACAROON, COPIES, DRILL]);
    [said[0].1, said[1].1, said[2].1, said[3].1]
}

use State::{Green, Red, Yellow};

#[test]
fn copies_grow_old_and_so_do_drills() {
    assert_eq!(states(&well(), 1), [Green; 4]);
    assert_eq!(states(&well(), 27), [Green, Green, Yellow, Green]);
    assert_eq!(states(&well(), 51), [Green, Green, Red, Green]);
    assert_eq!(states(&well(), 36 * 24), [Green, Green, Red, Yellow]);
    let said = said(&well(), 3);
    assert_eq!(
        said[0].2,
        "3 channels, saved 3 h ago; the site's data, saved 3 h ago"
    );
    assert_eq!(
        said[2].2,
        "usb: channels of 3 h ago, the site's data of 3 h ago"
    );
}

#[test]
fn faults_are_told() {
    let fault = || {
        Some(Fault {
            since: hours(1),
            why: "gone".into(),
        })
    };
    let mut status = well();
    status.node_fault = fault();
    assert_eq!(states(&status, 2)[0], Red);
    let mut status = well();
    status.destinations.get_mut("usb").expect("usb").fault = fault();
    assert_eq!(states(&status, 2)[2], Yellow, "the copies are fresh still");
    assert!(said(&status, 2)[2].2.ends_with("since 60 min ago: gone"));
    let mut status = well();
    let usb = status.destinations.get_mut("usb").expect("usb");
    usb.drill.as_mut().expect("a drill").passed = false;
    usb.site = None;
    assert_eq!(states(&status, 2), [Green, Green, Red, Red]);
    let mut status = well();
    let at = hours(1);
    status.shrunk = Some(Shrunk { at, from: 3, to: 1 });
    assert_eq!(states(&status, 2)[0], Yellow);
    assert_eq!(states(&status, 8 * 24)[0], Green);
}

#[test]
fn the_macaroon_is_known_by_what_the_guardian_found() {
    let mut status = well();
    let spare = vec!["offchain:write".to_owned()];
    status.macaroon = Some(Macaroon {
        spare,
        ..Macaroon::default()
    });
    assert_eq!(states(&status, 1)[1], Yellow);
    status.macaroon = None;
    assert_eq!(states(&status, 1)[1], Yellow);
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder, &well());
    std::fs::write(folder.path().join("macaroon"), "nonsense").expect("written");
    let checks = look(&config(folder.path(), NODE), hours(1));
    assert_eq!((checks[1].name, checks[1].state), (MACAROON, Red));
    assert!(
        checks[1]
            .remedy
            .contains("uri:/lnrpc.Lightning/VerifyChanBackup")
    );
    assert_eq!(checks[2].detail, "on this machine only");
}

#[test]
fn a_guardian_that_never_ran_is_missed() {
    let folder = tempfile::tempdir().expect("a folder");
    let all = config(folder.path(), &format!("{NODE}{USB}"));
    let checks = look(&all, hours(1));
    assert_eq!((checks[0].state, checks[2].state), (Red, Red));
    assert!(checks[0].remedy.contains("satreel-backup"));
    assert!(look(&Config::demo(folder.path()), hours(1)).is_empty());
    std::fs::write(folder.path().join("status.json"), "no json").expect("written");
    assert_eq!(look(&all, hours(1))[0].state, Red);
}
