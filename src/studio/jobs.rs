//! Jobs as the transcoder tells of them, `jobs/<id>.json`: only read, never decided by. What is wanted
//! of one is asked for by a file too, `jobs/asked/<name>.json`; the transcoder takes it, or says in the
//! job why not.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use satreel_hls::job::{ASKED, JOBS, MAX_JOB_BYTES, MOST_WISHES, REFUSED, Wish};
use satreel_hls::naming::VideoId;
use serde_json::{Map, Value};

use crate::small_file;

/// Jobs that are shown, the newest.
const MOST: usize = 500;

/// The folder of the job files.
#[derive(Debug)]
pub struct Jobs {
    folder: PathBuf,
}

/// A wish whose answer somebody waits for.
#[derive(Debug)]
pub struct Asked(PathBuf);

impl Asked {
    /// None: the transcoder has not taken it. Else why it was refused, if it was. Waits on the disk.
    pub fn answer(&self) -> Option<Result<(), String>> {
        if self.0.exists() {
            return None;
        }
        let refusal = self.0.with_extension(REFUSED);
        let Ok(why) = contents(&refusal) else {
            return Some(Ok(()));
        };
        // The transcoder sweeps what stays.
        let _ = fs::remove_file(&refusal);
        Some(Err(String::from_utf8_lossy(&why).into_owned()))
    }
}

/// What a file looked like; another version of it looks different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    inode: u64,
    changed: (i64, i64),
}

/// What somebody has seen of the jobs so far.
#[derive(Debug, Default)]
pub struct Seen(HashMap<PathBuf, Look>);

impl Jobs {
    pub fn new(data: &Path) -> Self {
        Self {
            folder: data.join(JOBS),
        }
    }

    /// All jobs, the last changed first. Waits on the disk.
    pub fn list(&self) -> Vec<Map<String, Value>> {
        let files = self.files().into_iter().take(MOST);
        files.filter_map(|(path, _)| read(&path)).collect()
    }

    /// The jobs that changed since the last look, and whether one is gone.
    pub fn news(&self, seen: &mut Seen) -> (Vec<Map<String, Value>>, bool) {
        let files = self.files();
        let new: Vec<_> = files
            .iter()
            .filter(|(path, look)| seen.0.get(path) != Some(look))
            .filter_map(|(path, _)| read(path))
            .collect();
        let now: HashMap<_, _> = files.into_iter().collect();
        let gone = seen.0.keys().any(|path| !now.contains_key(path));
        seen.0 = now;
        (new, gone)
    }

    /// Whether there is a job of this title.
    pub fn knows(&self, id: VideoId) -> bool {
        self.folder.join(format!("{id}.json")).is_file()
    }

    /// Asks the transcoder for a change. Waits on the disk.
    pub fn ask(&self, wish: &Wish) -> io::Result<()> {
        self.put("", wish).map(drop)
    }

    /// The same for whoever waits for the answer, who fetches it himself. Waits on the disk.
    pub fn ask_and_wait(&self, wish: &Wish) -> io::Result<Asked> {
        self.put("answer-", wish).map(Asked)
    }

    fn put(&self, kind: &str, wish: &Wish) -> io::Result<PathBuf> {
        let folder = self.folder.join(ASKED);
        // With the mode that its own folders have: the transcoder removes what it has taken.
        fs::create_dir_all(&folder)?;
        if tidied(&folder)? >= MOST_WISHES {
            return Err(io::Error::other(
                "the transcoder has not taken the last 1000 wishes",
            ));
        }
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(io::Error::other)?;
        let path = folder.join(format!("{kind}{}.json", hex::encode(name)));
        small_file::hand_over(&path, wish.render().as_bytes())?;
        Ok(path)
    }

    fn files(&self) -> Vec<(PathBuf, Look)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let path = entry.path();
                let name = path.file_name()?.to_str()?;
                let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
                let shown = !name.starts_with('.') && path.extension()? == "json";
                let look = Look {
                    inode: about.ino(),
                    changed: (about.mtime(), about.mtime_nsec()),
                };
                shown.then_some((path, look))
            })
            .collect();
        files.sort_by_key(|(_, look)| std::cmp::Reverse(look.changed));
        files
    }
}

/// Clears away the refusals of our own wishes, which stand in their jobs too, and counts what waits.
fn tidied(folder: &Path) -> io::Result<usize> {
    let mut waiting = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let ours = stem.is_some_and(|stem| hex::decode(stem).is_ok_and(|name| name.len() == 8));
        match path.extension().and_then(|end| end.to_str()) {
            Some(end) if end == REFUSED && ours => fs::remove_file(&path)?,
            Some("json") => waiting += 1,
            Some(_) | None => {}
        }
    }
    Ok(waiting)
}

/// A file that is no job is none of ours.
fn read(path: &Path) -> Option<Map<String, Value>> {
    let text = contents(path).ok()?;
    let Ok(Value::Object(mut job)) = serde_json::from_slice(&text) else {
        return None;
    };
    // Where it lies is of no use in a browser; what it is called is.
    let source = job.remove("source");
    let file_name = source
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|source| Path::new(source).file_name())
        .map(|name| name.to_string_lossy().into_owned());
    job.insert("file_name".to_owned(), file_name.into());
    Some(job)
}

fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?
        .take(MAX_JOB_BYTES + 1)
        .read_to_end(&mut text)?;
    if text.len() as u64 > MAX_JOB_BYTES {
        return Err(io::Error::other("too long"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told_once() {
        let data = tempfile::tempdir().expect("a folder");
        let jobs = Jobs::new(data.path());
        assert!(jobs.list().is_empty(), "no folder is no job");
        let folder = data.path().join("jobs");
        fs::create_dir(&folder).expect("a folder");
        let put = |name: &str, text: &str| {
            fs::write(folder.join(".new"), text).expect("written");
            fs::rename(folder.join(".new"), folder.join(name)).expect("renamed");
        };
        put(
            "1.json",
            r#"{"id": "1", "source": "/films/one.mp4", "percent": 5}"#,
        );
        put("not.json", "[]");
        put("half.json", "{");
        put(
            "long.json",
            &format!("{{\"a\": \"{}\"}}", "x".repeat(300_000)),
        );
        put("other.txt", "{}");
        let mut seen = Seen::default();
        let (news, gone) = jobs.news(&mut seen);
        assert_eq!(news.len(), 1);
        assert_eq!(
            (news[0]["file_name"].as_str(), gone),
            (Some("one.mp4"), false)
        );
        assert!(!news[0].contains_key("source"));
        assert_eq!(jobs.news(&mut seen), (Vec::new(), false));
        put("1.json", r#"{"id": "1", "percent": 6}"#);
        assert_eq!(jobs.news(&mut seen).0[0]["percent"], 6);
        fs::remove_file(folder.join("1.json")).expect("removed");
        assert_eq!(jobs.news(&mut seen), (Vec::new(), true));
    }

    #[test]
    fn what_is_asked_for_is_a_wish_that_the_transcoder_reads() {
        use satreel_hls::job::Change;
        let data = tempfile::tempdir().expect("a folder");
        let jobs = Jobs::new(data.path());
        let job: VideoId = "00ff10a9bcdef012".parse().expect("an id");
        assert!(!jobs.knows(job));
        let wish = Wish {
            job,
            change: Change::Pause {},
        };
        jobs.ask(&wish).expect("asked");
        let folder = data.path().join("jobs/asked");
        fs::write(folder.join("0011223344556677.no"), "no").expect("written");
        fs::write(folder.join("1795-42.no"), "another's").expect("written");
        jobs.ask(&wish).expect("asked");
        assert!(!folder.join("0011223344556677.no").exists(), "our refusal");
        fs::remove_file(folder.join("1795-42.no")).expect("left to whoever asked");
        let asked: Vec<_> = fs::read_dir(data.path().join("jobs/asked"))
            .expect("a folder")
            .map(|entry| fs::read(entry.expect("an entry").path()).expect("read"))
            .collect();
        assert_eq!(asked.len(), 2);
        assert_eq!(Wish::parse(&asked[0]).expect("a wish"), wish);
    }

    #[test]
    fn an_answer_is_fetched_once() {
        let data = tempfile::tempdir().expect("a folder");
        let jobs = Jobs::new(data.path());
        let wish = Wish {
            job: "00ff10a9bcdef012".parse().expect("an id"),
            change: satreel_hls::job::Change::Pause {},
        };
        let (granted, refused) = [(); 2]
            .map(|()| jobs.ask_and_wait(&wish).expect("asked"))
            .into();
        assert_eq!((granted.answer(), refused.answer()), (None, None));
        // As the transcoder does it: first the answer.
        fs::write(refused.0.with_extension("no"), "not paused").expect("written");
        jobs.ask(&wish).expect("another");
        for asked in [&granted, &refused] {
            fs::remove_file(&asked.0).expect("taken");
        }
        assert_eq!(granted.answer(), Some(Ok(())));
        assert_eq!(refused.answer(), Some(Err("not paused".to_owned())));
        assert!(!refused.0.with_extension("no").exists());
    }
}
