//! A folder: the suite, and what only folders have.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use async_trait::async_trait;
use satreel_config::Place;
use satreel_destinations::{Destination, Error, MARKER, Name, open, prepare};
use tempfile::TempDir;

use crate::suite::{self, Stage};

/// A folder on a "disk" that can be unplugged: what is left is the empty mount point.
struct Disk {
    place: Box<dyn Destination>,
    root: TempDir,
}

impl Disk {
    async fn plugged_in() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let options = Place::Folder {
            path: root.path().join("mount"),
        };
        prepare(&options).await.expect("made ready");
        prepare(&options).await.expect("ready already");
        let place = open(&options).expect("a folder");
        Self { place, root }
    }

    fn mount(&self) -> PathBuf {
        self.root.path().join("mount")
    }
}

#[async_trait]
impl Stage for Disk {
    fn destination(&self) -> &dyn Destination {
        &*self.place
    }

    async fn leave_half_written(&self, name: &Name) {
        fs::write(self.mount().join(format!(".{name}.part")), "hal").expect("written");
    }

    async fn leave_foreign(&self) {
        fs::write(self.mount().join("Notes of mine.TXT"), "x").expect("written");
        fs::create_dir(self.mount().join("folder")).expect("made");
        std::os::unix::fs::symlink("/etc/hostname", self.mount().join("link")).expect("made");
    }

    async fn go_away(&mut self) {
        fs::rename(self.mount(), self.root.path().join("unplugged")).expect("moved");
        fs::create_dir(self.mount()).expect("made");
    }

    async fn come_back(&mut self) {
        fs::remove_dir(self.mount()).expect("nothing was written under the disk");
        fs::rename(self.root.path().join("unplugged"), self.mount()).expect("moved");
    }
}

#[tokio::test]
async fn a_folder_is_a_destination() {
    suite::holds(&mut Disk::plugged_in().await).await;
}

#[tokio::test]
async fn what_is_no_folder_for_copies_is_told_with_a_remedy() {
    let root = tempfile::tempdir().expect("a folder");
    let path = root.path().join("nowhere");
    let place = open(&Place::Folder { path: path.clone() }).expect("a folder");
    let error = place.list().await.expect_err("not there");
    let remedy = format!("touch {}", path.join(MARKER).display());
    assert!(error.to_string().contains(&remedy), "{error}");
    assert!(!path.exists(), "nothing is made without being asked");
}

#[tokio::test]
async fn copies_are_their_owners_alone_and_links_are_not_followed() {
    let disk = Disk::plugged_in().await;
    let name: Name = "a".parse().expect("a name");
    disk.place.put(&name, b"secret").await.expect("put");
    let mode = fs::metadata(disk.mount().join("a"))
        .expect("it")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    std::os::unix::fs::symlink("/etc/hostname", disk.mount().join("b")).expect("made");
    let error = disk
        .place
        .get(&"b".parse().expect("a name"))
        .await
        .expect_err("a link");
    assert!(matches!(error, Error::Failed { .. }), "{error}");
}
