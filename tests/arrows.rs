//! Arrows between modules point one way (see ARCHITECTURE.md): every `crate::` in a module names
//! one that it may stand on, and the pure rooms touch neither disk, network, clock nor chance.

#![allow(clippy::expect_used, reason = "a test may stop where it stands")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A module and what it may import.
const ARROWS: &[(&str, &[&str])] = &[
    ("core", &["core"]),
    ("clock", &["core"]),
    ("database", &["core", "clock"]),
    ("small_file", &[]),
    ("file_watch", &[]),
    ("event_stream", &[]),
    ("keys", &["core", "clock", "small_file"]),
    ("admission", &["core", "small_file"]),
    ("ledger", &["core", "clock", "database"]),
    ("catalog", &["core", "clock", "file_watch"]),
    ("studio", &["core", "small_file", "catalog", "ledger"]),
    ("metrics", &["core"]),
    (
        "payments",
        &["core", "clock", "database", "keys", "ledger", "metrics"],
    ),
    (
        "media",
        &[
            "core",
            "clock",
            "keys",
            "admission",
            "metrics",
            "file_watch",
        ],
    ),
    ("service", &[]),
    ("outages", &["core", "small_file", "media"]),
    (
        "sale",
        &[
            "outages",
            "core",
            "clock",
            "keys",
            "ledger",
            "catalog",
            "payments",
            "media",
            "metrics",
            "admission",
        ],
    ),
    (
        "web",
        &[
            "event_stream",
            "core",
            "clock",
            "keys",
            "ledger",
            "catalog",
            "payments",
            "media",
            "metrics",
            "sale",
            "studio",
        ],
    ),
    ("server", &["media", "event_stream"]),
    (
        "app",
        &[
            "outages",
            "core",
            "clock",
            "keys",
            "ledger",
            "catalog",
            "payments",
            "media",
            "metrics",
            "admission",
            "sale",
            "server",
            "service",
            "studio",
            "web",
        ],
    ),
    (
        "cli",
        &[
            "service",
            "app",
            "clock",
            "core",
            "keys",
            "ledger",
            "admission",
            "doctor",
            "payments",
            "server",
            "small_file",
            "studio",
            "catalog",
        ],
    ),
    (
        "doctor",
        &["core", "clock", "ledger", "catalog", "payments", "sale"],
    ),
];

/// What a pure room never names.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "tokio::",
    "getrandom",
    "rusqlite",
    "tracing::",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

fn module_of(path: &Path, src: &Path) -> String {
    let relative = path.strip_prefix(src).expect("below src");
    let first = relative
        .components()
        .next()
        .expect("a part")
        .as_os_str()
        .to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules named right after `crate::` in a source, grouped imports included.
fn imported(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut name) = (0_usize, String::new());
            for letter in group.chars() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => names.push(std::mem::take(&mut name)),
                    _ if depth == 0 => name.push(letter),
                    _ => {}
                }
            }
            names.push(name);
        } else {
            names.push(rest.to_owned());
        }
    }
    names
        .iter()
        .map(|name| {
            name.trim()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect()
}

#[test]
fn every_import_follows_an_arrow() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for path in sources(&src) {
        let module = module_of(&path, &src);
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        let allowed = ARROWS
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("{module} has no place among the arrows"))
            .1;
        let text = fs::read_to_string(&path).expect("a source");
        for name in imported(&text) {
            if name != module && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{}: {module} → {name}", path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows against the plan:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_pure_rooms_are_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for room in ["src/core", "transcoder/hls/src"] {
        for path in sources(&root.join(room)) {
            let text = fs::read_to_string(&path).expect("a source");
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            wrong.extend(
                IMPURE
                    .iter()
                    .filter(|name| code.contains(**name))
                    .map(|name| format!("{}: {name}", path.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "not pure:\n{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_imports_reads_groups() {
    let text =
        "use crate::{\n    core::{ids, money},\n    clock::Clock,\n};\nuse crate::keys::Keys;";
    assert_eq!(imported(text), ["core", "clock", "keys"]);
}
