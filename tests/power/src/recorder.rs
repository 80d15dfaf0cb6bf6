//! Runs a program under strace and reads what it did.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    call::{Call, Fd},
    disk::{Disk, Id, ROOT, Step},
    folders,
    recording::Recording,
};

const PATIENCE: Duration = Duration::from_mins(1);
/// All that changes files, makes changes sure, opens what is changed, or tells somebody.
const CALLS: &str = "trace=open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,\
    ftruncate,truncate,fallocate,fsync,fdatasync,sync,syncfs,msync,rename,renameat,renameat2,unlink,\
    unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat,mknod,mknodat,copy_file_range,sendfile,\
    splice,lseek,dup,dup2,dup3,fcntl,mmap,ioctl";

/// A folder whose changes are written down.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    before: Disk,
    next: Id,
    work: TempDir,
}

impl Recorder {
    /// From what is in `folder` now.
    pub fn new(folder: &Path) -> Self {
        let folder = folder.canonicalize().expect("a folder");
        let (before, next) = folders::read(&folder);
        Self {
            folder,
            before,
            next,
            work: tempfile::tempdir().expect("a folder"),
        }
    }

    fn log(&self) -> PathBuf {
        self.work.path().join("calls")
    }

    /// `program`, to be given its arguments. What is started is the program itself: its id and its exit code
    /// are those of whoever starts this.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("strace");
        command
            .args(["-D", "-f", "-q", "-y", "-xx", "-s", "100000000"])
            .args(["-e", CALLS, "-o"])
            .arg(self.log())
            .arg(program);
        command
    }

    /// What was done until the program with this id had ended.
    pub fn end(self, program: u32) -> Recording {
        let program = program.to_string();
        let is_end = |line: &str| {
            let mut words = line.split_whitespace();
            words.next() == Some(&program) && words.next() == Some("+++")
        };
        let begun = Instant::now();
        let log = loop {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            if log.lines().any(is_end) {
                break log;
            }
            let last = || log.lines().last().unwrap_or_default();
            assert!(
                begun.elapsed() < PATIENCE,
                "strace has not ended: {}",
                last()
            );
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut reader = Reader {
            folder: self.folder,
            disk: self.before.clone(),
            next: self.next,
            steps: Vec::new(),
            places: BTreeMap::new(),
            begun: BTreeMap::new(),
        };
        for line in log.lines() {
            reader.line(line);
        }
        Recording::new(self.before, reader.steps)
    }
}

/// Follows a log.
struct Reader {
    folder: PathBuf,
    /// As the running program sees it.
    disk: Disk,
    next: Id,
    steps: Vec<Step>,
    /// Where the next `write` of an open file goes; None: to its end.
    places: BTreeMap<(Id, i32), Option<usize>>,
    /// Calls that have not come back, and how many steps there were when they began.
    begun: BTreeMap<String, (String, usize)>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let Some((process, line)) = line.split_once(' ') else {
            return;
        };
        let line = line.trim_start();
        if let Some(begins) = line.strip_suffix(" <unfinished ...>") {
            // What is told is on its way from now on, and not when the call comes back.
            self.say(begins);
            let begun = (begins.to_owned(), self.steps.len());
            self.begun.insert(process.to_owned(), begun);
        } else if line.starts_with("<... ") {
            let Some((begins, steps)) = self.begun.remove(process) else {
                return;
            };
            let rest = line.split_once(" resumed>").map_or("", |(_, rest)| rest);
            self.call(&format!("{begins}{rest}"), steps);
        } else {
            self.say(line);
            self.call(line, self.steps.len());
        }
    }

    /// Messages and what goes to a terminal, a pipe or a socket.
    fn say(&mut self, line: &str) {
        let Some(call) = Call::parse(line) else {
            return;
        };
        if matches!(call.name, "write" | "writev" | "sendto" | "sendmsg")
            && let to = call.fd(0).path
            && !to.starts_with("/")
        {
            self.steps.push(Step::Said(call.written(1)));
        }
    }

    fn call(&mut self, line: &str, before: usize) {
        let Some(call) = Call::parse(line).filter(Call::went_well) else {
            return;
        };
        match call.name {
            "open" | "openat" | "creat" => self.open(&call),
            "write" | "writev" => self.write(&call, None),
            "pwrite64" | "pwritev" | "pwritev2" => self.write(&call, Some(3)),
            "ftruncate" => {
                if let Some(id) = self.find(&call.fd(0).path) {
                    self.cut(id, call.number(1));
                }
            }
            "fallocate" => self.allocate(&call),
            "fsync" | "fdatasync" => {
                if let Some(id) = self.find(&call.fd(0).path) {
                    self.steps.push(Step::Synced { id, before });
                }
            }
            "rename" => self.rename(&call.path(0), &call.path(1)),
            "renameat" | "renameat2" => {
                assert!(!call.argument(4).contains("EXCHANGE"), "not known: {line}");
                self.rename(&call.path_below(1), &call.path_below(3));
            }
            "unlink" | "rmdir" => self.unlink(&call.path(0)),
            "unlinkat" => self.unlink(&call.path_below(1)),
            "mkdir" => self.make_folder(&call.path(0)),
            "mkdirat" => self.make_folder(&call.path_below(1)),
            "link" => self.link(&call.path(0), &call.path(1)),
            "linkat" => self.link(&call.path_below(1), &call.path_below(3)),
            "lseek" => self.seek(&call),
            "dup" | "dup2" | "dup3" | "fcntl" => self.double(&call),
            _ => self.refuse(&call, line),
        }
    }

    /// SQLite's index of its log is no data; nothing else may be changed in ways that nobody sees.
    fn refuse(&self, call: &Call<'_>, line: &str) {
        let inside = self.folder.to_string_lossy();
        let hex = |byte: u8| format!("\\x{byte:02x}");
        let inside: String = inside.bytes().map(hex).collect();
        let harmless = match call.name {
            "mmap" => {
                !(line.contains("PROT_WRITE") && line.contains("MAP_SHARED"))
                    || line.contains(r"\x2d\x73\x68\x6d>")
            }
            "ioctl" => true,
            _ => false,
        };
        assert!(harmless || !line.contains(&inside), "not known: {line}");
    }

    /// Of the folder's, by its path.
    fn find(&self, path: &Path) -> Option<Id> {
        let mut id = ROOT;
        for part in path.strip_prefix(&self.folder).ok()? {
            let names = self.disk.folders.get(&id)?;
            id = *names.get(part.to_str()?)?;
        }
        Some(id)
    }

    /// The folder that a path lies in, and its name there.
    fn place(&self, path: &Path) -> Option<(Id, String)> {
        let folder = self.find(path.parent()?)?;
        let name = path.file_name()?.to_string_lossy().into_owned();
        Some((folder, name))
    }

    fn push(&mut self, step: Step) {
        self.disk.apply(&step);
        self.steps.push(step);
    }

    fn name(&mut self, id: Id, is_folder: bool, to: (Id, String), from: Option<(Id, String)>) {
        self.push(Step::Named {
            id,
            is_folder,
            to,
            from,
        });
    }

    fn new_id(&mut self) -> Id {
        self.next += 1;
        self.next - 1
    }

    fn open(&mut self, call: &Call<'_>) {
        let Some(opened) = call.opened() else { return };
        let flags = match call.name {
            "openat" => call.argument(2),
            "open" => call.argument(1),
            _ => "O_CREAT|O_TRUNC",
        };
        let id = match self.find(&opened.path) {
            Some(id) => {
                if flags.contains("O_TRUNC") && self.disk.length(id) > 0 {
                    self.cut(id, 0);
                }
                id
            }
            None if flags.contains("O_CREAT") => {
                if !opened.path.starts_with(&self.folder) {
                    return;
                }
                let place = self.place(&opened.path);
                let to = place.unwrap_or_else(|| panic!("in no folder: {call:?}"));
                let id = self.new_id();
                self.name(id, false, to, None);
                id
            }
            None => {
                let unseen = opened.path.starts_with(&self.folder);
                assert!(!unseen, "who made it? {call:?}");
                return;
            }
        };
        let at = (!flags.contains("O_APPEND")).then_some(0);
        self.places.insert((id, opened.number), at);
    }

    fn write(&mut self, call: &Call<'_>, at: Option<usize>) {
        let Fd { number, path } = call.fd(0);
        let Some(id) = self.find(&path) else { return };
        let bytes = call.written(1);
        let end = self.disk.length(id);
        let at = if let Some(argument) = at {
            usize::try_from(call.number(argument)).expect("a place")
        } else {
            let place = self.places.get_mut(&(id, number));
            let place = place.unwrap_or_else(|| panic!("who opened {}?", path.display()));
            let at = place.unwrap_or(end);
            *place = place.map(|_| at + bytes.len());
            at
        };
        self.push(Step::Wrote { id, at, bytes });
    }

    fn cut(&mut self, id: Id, length: u64) {
        let length = usize::try_from(length).expect("a length");
        self.push(Step::Cut { id, length });
    }

    /// Room that is set aside makes a file longer, unless it says that it does not.
    fn allocate(&mut self, call: &Call<'_>) {
        let Some(id) = self.find(&call.fd(0).path) else {
            return;
        };
        match call.argument(1) {
            "0" => {
                let end = call.number(2) + call.number(3);
                if end > self.disk.length(id) as u64 {
                    self.cut(id, end);
                }
            }
            "FALLOC_FL_KEEP_SIZE" => {}
            other => panic!("not known: fallocate {other}"),
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        match (self.find(from), self.place(from), self.place(to)) {
            (Some(id), from @ Some(_), Some(to)) => {
                let is_folder = self.disk.folders.contains_key(&id);
                self.name(id, is_folder, to, from);
            }
            (None, ..) if self.place(to).is_none() => {}
            _ => panic!("{} comes or goes by a rename", to.display()),
        }
    }

    fn unlink(&mut self, path: &Path) {
        if let (Some(id), Some(from)) = (self.find(path), self.place(path)) {
            self.push(Step::Unnamed { id, from });
        }
    }

    fn make_folder(&mut self, path: &Path) {
        if let Some(to) = self.place(path) {
            let id = self.new_id();
            self.name(id, true, to, None);
        }
    }

    fn link(&mut self, old: &Path, new: &Path) {
        if let (Some(id), Some(to)) = (self.find(old), self.place(new)) {
            self.name(id, false, to, None);
        }
    }

    fn seek(&mut self, call: &Call<'_>) {
        let Fd { number, path } = call.fd(0);
        let at = call.result.parse().expect("a place");
        if let Some(id) = self.find(&path)
            && let Some(Some(place)) = self.places.get_mut(&(id, number))
        {
            *place = at;
        }
    }

    /// A second descriptor goes on where the first one is. That both move on together is not followed:
    /// nobody here writes through both.
    fn double(&mut self, call: &Call<'_>) {
        if let Some(Fd { number, path }) = call.opened()
            && let Some(id) = self.find(&path)
            && let Some(place) = self.places.get(&(id, call.fd(0).number)).copied()
        {
            self.places.insert((id, number), place);
        }
    }
}
