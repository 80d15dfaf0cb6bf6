//! What a program did, and the states in which a cut of power may leave the disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::{self, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use tempfile::TempDir;

use crate::disk::{Disk, Step};

/// What a program did to a folder, step by step.
#[derive(Debug, Clone)]
pub struct Recording {
    before: Disk,
    steps: Vec<Step>,
}

/// What the disk may hold after one cut of power.
pub struct State<'a> {
    /// How many steps had been done.
    pub after: usize,
    /// What arrived of them that nobody had made sure.
    pub how: String,
    /// What the program had told somebody by then.
    pub said: Vec<&'a [u8]>,
    tree: BTreeMap<String, Option<Vec<u8>>>,
}

/// What becomes of the writes that are not sure.
#[derive(Debug, Clone, Copy)]
enum Data {
    None,
    All,
    /// The last one half.
    Torn,
    /// Nothing but the last of each file.
    Last,
    /// Any, by chance that is always the same.
    Some(u64),
}

const DATA: [Data; 6] = [
    Data::None,
    Data::All,
    Data::Torn,
    Data::Last,
    Data::Some(1),
    Data::Some(2),
];

impl Recording {
    pub(crate) fn new(before: Disk, steps: Vec<Step>) -> Self {
        Self { before, steps }
    }

    /// Hears only the words that count: states that differ in others alone are one.
    #[must_use]
    pub fn hearing(mut self, counts: impl Fn(&[u8]) -> bool) -> Self {
        for step in &mut self.steps {
            if let Step::Said(words) = step
                && !counts(words)
            {
                words.clear();
            }
        }
        self
    }

    /// The same as if the program had synced nothing: what holds for the recording and not for this leans
    /// on the syncs.
    #[must_use]
    pub fn without_syncs(&self) -> Self {
        let mut other = self.clone();
        for step in &mut other.steps {
            if let Step::Synced { before, .. } = step {
                *before = 0;
            }
        }
        other
    }

    /// All states after all cuts, each once for all that had been told.
    pub fn states(&self) -> Vec<State<'_>> {
        let mut known = BTreeSet::new();
        let mut states = Vec::new();
        for after in 0..=self.steps.len() {
            let open = self.open(after);
            let is_data = |at: &usize| !self.steps[*at].is_of_names();
            let ways = if open.iter().any(is_data) {
                &DATA[..]
            } else {
                &DATA[..1]
            };
            for names in self.ways_of_names(&open) {
                for data in ways {
                    let state = self.state(after, &open, names, *data);
                    let mut hash = DefaultHasher::new();
                    (&state.tree, &state.said).hash(&mut hash);
                    if known.insert(hash.finish()) {
                        states.push(state);
                    }
                }
            }
        }
        states
    }

    /// How many of the changes of names that are not sure may have arrived.
    fn ways_of_names(&self, open: &BTreeSet<usize>) -> BTreeSet<usize> {
        let all = open.iter().filter(|at| self.steps[**at].is_of_names());
        let all = all.count();
        BTreeSet::from([0, all / 2, all.saturating_sub(1), all])
    }

    fn state(&self, after: usize, open: &BTreeSet<usize>, names: usize, data: Data) -> State<'_> {
        let of_names = open.iter().filter(|at| self.steps[**at].is_of_names());
        let lost: BTreeSet<&usize> = of_names.skip(names).collect();
        let newest = self.last_writes(open);
        let mut disk = self.before.clone();
        for (at, step) in self.steps[..after].iter().enumerate() {
            if !open.contains(&at) || (step.is_of_names() && !lost.contains(&at)) {
                disk.apply(step);
            } else if !step.is_of_names()
                && let Some(step) = arrived(step, at, data, &newest)
            {
                disk.apply(&step);
            }
        }
        let said = self.steps[..after].iter().filter_map(|step| match step {
            Step::Said(words) if !words.is_empty() => Some(words.as_slice()),
            _ => None,
        });
        State {
            after,
            how: format!("{names} changes of names, data: {data:?}"),
            said: said.collect(),
            tree: disk.tree(),
        }
    }

    /// The steps before `after` that nobody had made sure by then.
    fn open(&self, after: usize) -> BTreeSet<usize> {
        let mut sure = BTreeMap::new();
        for step in &self.steps[..after] {
            if let Step::Synced { id, before } = step {
                let entry = sure.entry(*id).or_insert(0);
                *entry = (*before).max(*entry);
            }
        }
        let is_open = |(at, step): (usize, &Step)| {
            let by = step.made_sure_by()?;
            (sure.get(&by).is_none_or(|before| at >= *before)).then_some(at)
        };
        let steps = self.steps[..after].iter().enumerate();
        steps.filter_map(is_open).collect()
    }

    /// The last write of each file among them.
    fn last_writes(&self, open: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut last = BTreeMap::new();
        for at in open {
            if let Step::Wrote { id, .. } | Step::Cut { id, .. } = &self.steps[*at] {
                last.insert(*id, *at);
            }
        }
        last.into_values().collect()
    }
}

/// What arrives of a write that is not sure.
fn arrived(step: &Step, at: usize, data: Data, newest: &BTreeSet<usize>) -> Option<Step> {
    let arrives = match data {
        Data::None => false,
        Data::All | Data::Torn => true,
        Data::Last => newest.contains(&at),
        Data::Some(seed) => {
            let mut hash = DefaultHasher::new();
            (seed, at).hash(&mut hash);
            hash.finish().is_multiple_of(2)
        }
    };
    match (step, data) {
        _ if !arrives => None,
        (
            Step::Wrote {
                id,
                at: place,
                bytes,
            },
            Data::Torn,
        ) if newest.contains(&at) => Some(Step::Wrote {
            id: *id,
            at: *place,
            bytes: bytes[..bytes.len() / 2].to_vec(),
        }),
        _ => Some(step.clone()),
    }
}

/// Which cut it was; what the disk holds would fill pages.
impl fmt::Debug for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (after, how, said) = (self.after, &self.how, self.said.len());
        write!(f, "cut after step {after}, {how}, {said} times told")
    }
}

impl State<'_> {
    /// Writes it to a folder of its own, in memory: what is asked of it there is no matter of the disk.
    pub fn laid_out(&self) -> TempDir {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.expect("a folder");
        self.put(folder.path());
        folder
    }

    /// Writes it to an empty folder. Files are their owner's alone, as secrets have to be.
    fn put(&self, folder: &Path) {
        for (path, content) in &self.tree {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            match content {
                None => fs::create_dir_all(path).expect("made"),
                Some(bytes) => {
                    let mut file = OpenOptions::new();
                    let file = file.write(true).create_new(true).mode(0o600).open(path);
                    file.expect("made").write_all(bytes).expect("written");
                }
            }
        }
    }

    /// What a file holds, if there is one.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.tree.get(path)?.as_deref()
    }
}
