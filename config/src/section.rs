//! One table of the file, read key by key. Keys that nobody asked for are faults.

use std::{cell::RefCell, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::fault::{Problem, Report};

/// A value's reader: what the value says, or what is wrong with it.
pub(crate) type Read<'r, T> = &'r dyn Fn(&DeValue<'_>) -> Result<T, Problem>;

/// A table under its dotted path. Absent tables read as empty ones.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    path: String,
    table: Option<&'a DeTable<'a>>,
    span: Option<Range<usize>>,
    /// Every key that was asked for: what a typing error is compared with.
    known: RefCell<Vec<&'static str>>,
    report: &'a Report<'a>,
}

impl<'a> Section<'a> {
    pub(crate) fn root(table: &'a DeTable<'a>, report: &'a Report<'a>) -> Self {
        Self::new(String::new(), Some(table), None, report)
    }

    pub(crate) fn new(
        path: String,
        table: Option<&'a DeTable<'a>>,
        span: Option<Range<usize>>,
        report: &'a Report<'a>,
    ) -> Self {
        Self {
            path,
            table,
            span,
            known: RefCell::default(),
            report,
        }
    }

    pub(crate) fn is_present(&self) -> bool {
        self.table.is_some()
    }

    pub(crate) fn report(&self) -> &'a Report<'a> {
        self.report
    }

    pub(crate) fn key_path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The value as it stands, and from now on the key is known.
    pub(crate) fn raw(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.borrow_mut().push(key);
        self.table?.get(key)
    }

    /// None: absent or faulty; a faulty one has been reported.
    pub(crate) fn get<T>(&self, key: &'static str, read: Read<'_, T>) -> Option<T> {
        let value = self.raw(key)?;
        match read(value.get_ref()) {
            Ok(read) => Some(read),
            Err(problem) => {
                self.report
                    .push(&self.key_path(key), Some(value.span()), problem);
                None
            }
        }
    }

    /// As [`Self::get`], and absence is a fault that shows `example`.
    pub(crate) fn require<T>(
        &self,
        key: &'static str,
        example: &str,
        read: Read<'_, T>,
    ) -> Option<T> {
        if self.table.and_then(|table| table.get(key)).is_none() {
            self.known.borrow_mut().push(key);
            let problem = Problem::new("missing", format!("write {key} = {example}"));
            self.report
                .push(&self.key_path(key), self.span.clone(), problem);
            return None;
        }
        self.get(key, read)
    }

    /// The line of a key, if the file has it.
    pub(crate) fn line(&self, key: &str) -> Option<usize> {
        let value = self.table?.get(key)?;
        Some(self.report.line(value.span().start))
    }

    /// A fault of this section's `key` that shows only beside other keys.
    pub(crate) fn fault(&self, key: &str, problem: Problem) {
        let span = self.table.and_then(|table| table.get(key));
        let span = span.map(Spanned::span).or_else(|| self.span.clone());
        let path = if key.is_empty() {
            self.path.clone()
        } else {
            self.key_path(key)
        };
        self.report.push(&path, span, problem);
    }

    pub(crate) fn section(&self, key: &'static str) -> Section<'a> {
        let path = self.key_path(key);
        let Some(value) = self.raw(key) else {
            return Section::new(path, None, None, self.report);
        };
        let span = Some(value.span());
        let table = value.get_ref().as_table();
        if table.is_none() {
            let problem = Problem::new(
                format!("a table is wanted here, not {}", article(value.get_ref())),
                format!("write it as [{path}], its keys below"),
            );
            self.report.push(&path, span.clone(), problem);
        }
        Section::new(path, table, span, self.report)
    }

    /// The tables of a list, `[[section.key]]`. They are counted from 1 in faults.
    pub(crate) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let path = self.key_path(key);
        let Some(value) = self.raw(key) else {
            return Vec::new();
        };
        let wanted = |what: &DeValue<'_>, span| {
            let problem = Problem::new(
                format!("a list of tables is wanted here, not {}", article(what)),
                format!("write each as [[{path}]], its keys below"),
            );
            self.report.push(&path, Some(span), problem);
        };
        let Some(list) = value.get_ref().as_array() else {
            wanted(value.get_ref(), value.span());
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (place, item) in list.iter().enumerate() {
            if let Some(table) = item.get_ref().as_table() {
                let path = format!("{path}[{}]", place + 1);
                let span = Some(item.span());
                sections.push(Section::new(path, Some(table), span, self.report));
            } else {
                wanted(item.get_ref(), item.span());
            }
        }
        sections
    }

    /// Reports every key that nobody asked for, with the nearest known one.
    pub(crate) fn finish(self) {
        let known = self.known.borrow();
        for key in self.table.into_iter().flat_map(DeTable::keys) {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let problem = Problem::new("unknown key", suggestion(name, &known));
                self.report
                    .push(&self.key_path(name), Some(key.span()), problem);
            }
        }
    }
}

fn suggestion(name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, known)) if distance <= known.len().div_ceil(3) => {
            format!("did you mean \"{known}\"?")
        }
        Some(_) => format!("known here: {}", known.join(", ")),
        None => "nothing is set here".to_owned(),
    }
}

/// A value's type, as it reads in a sentence.
pub(crate) fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
