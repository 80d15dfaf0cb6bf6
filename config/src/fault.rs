//! What is wrong with a file, in words that a person can act on.

use std::{cell::RefCell, fmt, ops::Range};

use serde::Serialize;

/// One fault: where it stands, what it is, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file as the caller named it, without its folders.
    pub file: String,
    /// Dotted path of the key, `payments.backend`; empty when no key could be read.
    pub key: String,
    /// Counted from 1. None when the file does not mention the key.
    pub line: Option<usize>,
    pub what: String,
    pub remedy: String,
}

impl fmt::Display for Fault {
    /// `config.toml:12: payments.backnd: unknown key; did you mean "backend"?`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.what)?;
        if self.remedy.is_empty() {
            return Ok(());
        }
        write!(f, "; {}", self.remedy)
    }
}

/// All faults of one file, in the order of their lines. `Display` writes one a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// What is wrong with one value, before it is known where the value stands.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) what: String,
    pub(crate) remedy: String,
}

impl Problem {
    pub(crate) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// Where the readers of all sections put what they find.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    file: String,
    text: &'a str,
    faults: RefCell<Vec<Fault>>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(file: &str, text: &'a str) -> Self {
        Self {
            file: file.into(),
            text,
            faults: RefCell::default(),
        }
    }

    pub(crate) fn file(&self) -> String {
        self.file.clone()
    }

    pub(crate) fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        1 + before.filter(|&&byte| byte == b'\n').count()
    }

    pub(crate) fn push(&self, key: &str, span: Option<Range<usize>>, problem: Problem) {
        self.faults.borrow_mut().push(Fault {
            file: self.file(),
            key: key.to_owned(),
            line: span.map(|span| self.line(span.start)),
            what: problem.what,
            remedy: problem.remedy,
        });
    }

    pub(crate) fn push_fault(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.faults.borrow().is_empty()
    }

    /// In the order of the file; what the file does not mention comes last.
    pub(crate) fn into_faults(self) -> Faults {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|fault| fault.line.unwrap_or(usize::MAX));
        Faults(faults)
    }
}
