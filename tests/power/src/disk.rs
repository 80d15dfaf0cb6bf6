//! What was done to the files of a folder, and what a disk holds if only some of it has arrived.

use std::collections::BTreeMap;

/// Names a file or folder, whatever it is called.
pub(crate) type Id = usize;
/// The folder itself.
pub(crate) const ROOT: Id = 0;

/// A change, or that changes are sure from here on.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// A name in a folder: that of something new, or of what had another name.
    Named {
        id: Id,
        is_folder: bool,
        to: (Id, String),
        from: Option<(Id, String)>,
    },
    Unnamed {
        id: Id,
        from: (Id, String),
    },
    Wrote {
        id: Id,
        at: usize,
        bytes: Vec<u8>,
    },
    Cut {
        id: Id,
        length: usize,
    },
    /// All of this file or folder before step `before`.
    Synced {
        id: Id,
        before: usize,
    },
    /// What the program told somebody.
    Said(Vec<u8>),
}

impl Step {
    /// Whose `fsync` makes it sure.
    pub(crate) fn made_sure_by(&self) -> Option<Id> {
        match self {
            Self::Named {
                to: (folder, _), ..
            }
            | Self::Unnamed {
                from: (folder, _), ..
            } => Some(*folder),
            Self::Wrote { id, .. } | Self::Cut { id, .. } => Some(*id),
            Self::Synced { .. } | Self::Said(_) => None,
        }
    }

    pub(crate) fn is_of_names(&self) -> bool {
        matches!(self, Self::Named { .. } | Self::Unnamed { .. })
    }
}

/// Files by what they hold, folders by what is in them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    pub(crate) files: BTreeMap<Id, Vec<u8>>,
    pub(crate) folders: BTreeMap<Id, BTreeMap<String, Id>>,
}

impl Disk {
    pub(crate) fn apply(&mut self, step: &Step) {
        match step {
            Step::Named {
                id,
                is_folder,
                to,
                from,
            } => {
                if *is_folder {
                    self.folders.entry(*id).or_default();
                }
                if let Some(from) = from {
                    self.take(*id, from);
                }
                // What the name led to before is gone with it.
                self.folders
                    .entry(to.0)
                    .or_default()
                    .insert(to.1.clone(), *id);
            }
            Step::Unnamed { id, from } => self.take(*id, from),
            Step::Wrote { id, at, bytes } => {
                let file = self.files.entry(*id).or_default();
                file.resize(file.len().max(at + bytes.len()), 0);
                file[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Step::Cut { id, length } => self.files.entry(*id).or_default().resize(*length, 0),
            Step::Synced { .. } | Step::Said(_) => {}
        }
    }

    fn take(&mut self, id: Id, (folder, name): &(Id, String)) {
        let names = self.folders.entry(*folder).or_default();
        if names.get(name) == Some(&id) {
            names.remove(name);
        }
    }

    pub(crate) fn length(&self, id: Id) -> usize {
        self.files.get(&id).map_or(0, Vec::len)
    }

    /// What can be found by name; folders are those with no content.
    pub(crate) fn tree(&self) -> BTreeMap<String, Option<Vec<u8>>> {
        let mut found = BTreeMap::new();
        self.walk(ROOT, "", &mut found);
        found
    }

    fn walk(&self, folder: Id, above: &str, found: &mut BTreeMap<String, Option<Vec<u8>>>) {
        for (name, id) in self.folders.get(&folder).into_iter().flatten() {
            let path = format!("{above}{name}");
            if self.folders.contains_key(id) {
                self.walk(*id, &format!("{path}/"), found);
                found.insert(path, None);
            } else {
                let bytes = self.files.get(id).cloned();
                found.insert(path, Some(bytes.unwrap_or_default()));
            }
        }
    }
}
