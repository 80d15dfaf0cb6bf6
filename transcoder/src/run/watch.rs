//! The kernel's word on the watch folder, handed to [`Inbox`].

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::inbox::{Inbox, Writer};
use crate::Failure;

/// File systems whose changes elsewhere the kernel hears nothing of (`statfs(2)`).
const FAR: [u32; 8] = [
    0x6969,      // NFS
    0xFE53_4D42, // SMB 2
    0xFF53_4D42, // CIFS
    0x517B,      // SMB
    0x6573_5546, // FUSE: sshfs, rclone and others
    0x0102_1997, // 9p
    0x00C3_6400, // Ceph
    0x5346_414F, // AFS
];

/// A watch that runs.
pub(super) struct Watch {
    events: Receiver<notify::Result<Event>>,
    far: bool,
    _watcher: RecommendedWatcher,
}

impl Watch {
    pub(super) fn start(inbox: &Path) -> Result<Self, Failure> {
        let (sender, events) = channel();
        let mut watcher = notify::recommended_watcher(sender).map_err(Failure::failed)?;
        watcher
            .watch(inbox, RecursiveMode::Recursive)
            .map_err(|error| Failure::failed(format!("{}: {error}", inbox.display())))?;
        Ok(Self {
            events,
            far: is_far(inbox),
            _watcher: watcher,
        })
    }

    /// Whether the folder is another machine's, so that it has to be looked at.
    pub(super) fn is_far(&self) -> bool {
        self.far
    }

    /// Waits for news, at most so long.
    pub(super) fn hear(&mut self, wait: Duration, inbox: &mut Inbox) -> Result<(), Failure> {
        match self.events.recv_timeout(wait) {
            Ok(Ok(event)) => note(&event, inbox),
            Ok(Err(error)) => tracing::warn!(%error, "watching"),
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::failed("the watch on the inbox has ended"));
            }
        }
        for event in self.events.try_iter().flatten() {
            note(&event, inbox);
        }
        Ok(())
    }
}

fn note(event: &Event, inbox: &mut Inbox) {
    let now = Instant::now();
    if event.need_rescan() {
        inbox.look_soon();
    }
    let (paths, writer): (&[PathBuf], Writer) = match event.kind {
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
            (event.paths.get(1..).unwrap_or_default(), Writer::Closed)
        }
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(_)) => (&event.paths, Writer::Closed),
        EventKind::Create(_) | EventKind::Modify(_) => (&event.paths, Writer::Open),
        EventKind::Any | EventKind::Access(_) | EventKind::Remove(_) | EventKind::Other => return,
    };
    for path in paths {
        if path.is_dir() {
            // A folder that was moved in brings its files without a word about them.
            inbox.look_soon();
        } else {
            inbox.see(path, writer, now);
        }
    }
}

fn is_far(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|about| {
        // The type is a word of 32 bits, whatever the field's own width.
        let kind = u32::try_from(about.f_type & 0xFFFF_FFFF).unwrap_or_default();
        FAR.contains(&kind)
    })
}
