//! `film.toml`: what a title is to say of itself, written beside the film. Read like the
//! configuration: every fault with its key and line.

use toml::de::{DeTable, DeValue};

use crate::{
    fault::{Faults, Problem, Report},
    section::Section,
    value,
};

const LONGEST_NAME: usize = 200;
const LONGEST_DESCRIPTION: usize = 10_000;
const MOST_TAGS: usize = 32;
const LONGEST_TAG: usize = 64;
const DEAREST: u64 = 1_000_000_000;
const DAY: u32 = 86_400;

/// Longest such file, in bytes.
pub const MAX_SIDECAR_BYTES: u64 = 64 * 1024;

/// What stands in it; nothing is required.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sidecar {
    pub name: Option<String>,
    pub description: Option<String>,
    pub year: Option<u16>,
    /// Beside those that its folders give it.
    pub tags: Vec<String>,
    /// Price of 24 hours, in sat.
    pub rent: Option<u64>,
    /// Price for ever, in sat.
    pub own: Option<u64>,
    pub free: bool,
    /// Seconds from the start that are free.
    pub preview_s: Option<u32>,
}

impl Sidecar {
    /// Reads one; faults call it `name`.
    pub fn parse(name: &str, text: &str) -> Result<Self, Faults> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let report = Report::new(name, text);
        for error in &errors {
            let what = error.message().replace('\n', ", ");
            report.push(
                "",
                error.span(),
                Problem::new(what, "the file is TOML: https://toml.io"),
            );
        }
        if !report.is_clean() {
            return Err(report.into_faults());
        }
        let read = Self::read(Section::root(root.get_ref(), &report));
        if report.is_clean() {
            Ok(read)
        } else {
            Err(report.into_faults())
        }
    }

    fn read(root: Section<'_>) -> Self {
        let read = Self {
            name: root.get("name", &value::short_text(LONGEST_NAME)),
            description: root.get("description", &description),
            year: root.get("year", &value::number(1800..=2200)),
            tags: root.get("tags", &tags).unwrap_or_default(),
            rent: root.get("rent", &value::number(1..=DEAREST)),
            own: root.get("own", &value::number(1..=DEAREST)),
            free: root.get("free", &value::yes_or_no).unwrap_or(false),
            preview_s: root.get("preview_s", &value::number(0..=DAY)),
        };
        if read.free && (read.rent.is_some() || read.own.is_some()) {
            let remedy = "remove free, or the prices";
            root.fault("free", Problem::new("a free film has no price", remedy));
        }
        root.finish();
        read
    }
}

/// Of several lines, unlike other texts.
fn description(value: &DeValue<'_>) -> Result<String, Problem> {
    let text = value.as_str().ok_or_else(|| {
        Problem::new(
            "a text in quotes is wanted here",
            "for example \"\"\"…\"\"\"",
        )
    })?;
    let length = text.chars().count();
    if length > LONGEST_DESCRIPTION {
        let remedy = format!("at most {LONGEST_DESCRIPTION} fit");
        return Err(Problem::new(format!("{length} characters long"), remedy));
    }
    let bad = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    if text.contains(bad) {
        return Err(Problem::new("holds a control character", "remove it"));
    }
    Ok(text.trim().to_owned())
}

fn tags(value: &DeValue<'_>) -> Result<Vec<String>, Problem> {
    let wanted = || Problem::new("a list of texts is wanted here", "for example [\"noir\"]");
    let list = value.as_array().ok_or_else(wanted)?;
    if list.len() > MOST_TAGS {
        let remedy = format!("at most {MOST_TAGS} fit");
        return Err(Problem::new(format!("{} tags", list.len()), remedy));
    }
    let tag = value::short_text(LONGEST_TAG);
    let tags = list.iter().map(|one| tag(one.get_ref()));
    tags.map(|tag| Ok(tag?.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it() {
        let text = r#"
            name = "Holiday"
            description = """
            Two weeks
            in the rain."""
            year = 2024
            tags = ["rain", " sea "]
            rent = 100
            own = 3000
            preview_s = 0
        "#;
        let read = Sidecar::parse("film.toml", text).expect("a sidecar");
        assert_eq!(read.name.as_deref(), Some("Holiday"));
        assert!(read.description.is_some_and(|text| text.contains('\n')));
        assert_eq!(read.tags, ["rain", "sea"]);
        assert_eq!(
            (read.year, read.rent, read.own),
            (Some(2024), Some(100), Some(3000))
        );
        assert_eq!((read.free, read.preview_s), (false, Some(0)));
        assert_eq!(
            Sidecar::parse("film.toml", "").expect("nothing"),
            Sidecar::default()
        );
    }

    #[test]
    fn every_fault_has_its_key_and_line() {
        let text =
            "nmae = \"x\"\nyear = 24\nrent = 0\nfree = true\ntags = [\"a\", 7]\nname = \"\"\n";
        let faults = Sidecar::parse("film.toml", text)
            .expect_err("faults")
            .to_string();
        let lines: Vec<&str> = faults.lines().collect();
        assert_eq!(lines.len(), 5, "{faults}");
        for (line, start) in lines.iter().zip([
            "film.toml:1: nmae: unknown key; did you mean \"name\"?",
            "film.toml:2: year: 24 is out of range",
            "film.toml:3: rent: 0 is out of range",
            "film.toml:5: tags: a text in quotes is wanted",
            "film.toml:6: name: empty",
        ]) {
            assert!(line.starts_with(start), "{line}");
        }
        let both = Sidecar::parse("x", "own = 5\nfree = true")
            .expect_err("both")
            .to_string();
        assert!(both.starts_with("x:2: free: "), "{both}");
        assert!(Sidecar::parse("x", "name = ").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}|([a-z]{1,8} = [\\[\\]\"0-9a-z{}]{0,8}\n){0,6}") {
            let _ = Sidecar::parse("film.toml", &text);
        }
    }
}
