//! docs/failures.md names a test for each failure: that they are there.

use std::{fs, path::Path};

#[test]
fn each_failure_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/failures.md")).expect("the document");
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<_> = rows
        .filter(|row| !row.starts_with("| what happens"))
        .collect();
    assert!(rows.len() > 30, "{} rows", rows.len());
    for row in rows {
        let shown = row
            .trim_end_matches(" |")
            .rsplit("| ")
            .next()
            .expect("a column");
        let mut quoted = shown.split('`').skip(1).step_by(2);
        let (Some(file), Some(name)) = (quoted.next(), quoted.next()) else {
            panic!("no test in: {row}");
        };
        let source =
            fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let here = source.contains(&format!("fn {name}("))
            || source
                .lines()
                .any(|line| line.contains("test(") && line.contains(name));
        assert!(here, "{file} has no test {name}");
    }
}
