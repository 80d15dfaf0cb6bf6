//! Folders of the real disk, read and written.

use std::{fs, path::Path};

use crate::disk::{Disk, Id, ROOT};

/// What is in `folder` now; all of it is sure.
pub(crate) fn read(folder: &Path) -> (Disk, Id) {
    let (mut disk, mut next) = (Disk::default(), ROOT + 1);
    take_in(folder, ROOT, &mut disk, &mut next);
    (disk, next)
}

fn take_in(path: &Path, folder: Id, disk: &mut Disk, next: &mut Id) {
    disk.folders.entry(folder).or_default();
    for entry in fs::read_dir(path).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().expect("a kind");
        let id = *next;
        *next += 1;
        if kind.is_dir() {
            take_in(&entry.path(), id, disk, next);
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).expect("a file");
            disk.files.insert(id, bytes);
        } else {
            // Sockets are nothing that a disk keeps.
            continue;
        }
        disk.folders.entry(folder).or_default().insert(name, id);
    }
}
