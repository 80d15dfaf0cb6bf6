//! Prometheus' text format, version 0.0.4. Values are whole numbers.

use std::fmt::Write as _;

use super::{
    counter::{Counters, Label},
    delays::Delays,
};

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "gauge");
        self.sample(name, None, value);
    }

    /// One family with a sample for each `text` of a label; nothing if there is none.
    pub(super) fn gauges(&mut self, name: &str, help: &str, label: &str, all: &[(&str, u64)]) {
        if all.is_empty() {
            return;
        }
        self.head(name, help, "gauge");
        for (text, value) in all {
            self.sample(name, Some((label, text)), *value);
        }
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "counter");
        self.sample(name, None, value);
    }

    pub(super) fn histogram(&mut self, name: &str, help: &str, delays: &Delays) {
        self.head(name, help, "histogram");
        let seen = delays.seen();
        let bucket = format!("{name}_bucket");
        for (within, count) in &seen.within {
            self.sample(&bucket, Some(("le", &within.to_string())), *count);
        }
        self.sample(&bucket, Some(("le", "+Inf")), seen.count);
        self.sample(&format!("{name}_sum"), None, seen.sum);
        self.sample(&format!("{name}_count"), None, seen.count);
    }

    pub(super) fn counters<L: Label>(&mut self, name: &str, help: &str, counters: &Counters<L>) {
        self.head(name, help, "counter");
        for (text, count) in counters.all() {
            self.sample(name, Some((L::NAME, text)), count);
        }
    }

    /// What doesn't change stands in a label; the value is always 1.
    pub(super) fn info(&mut self, name: &str, help: &str, label: &str, text: &str) {
        self.head(name, help, "gauge");
        self.sample(name, Some((label, text)), 1);
    }

    pub(super) fn finish(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, label: Option<(&str, &str)>, value: u64) {
        self.0.push_str(name);
        if let Some((label, text)) = label {
            let _ = write!(self.0, "{{{label}=\"");
            escape(text, &mut self.0);
            self.0.push_str("\"}");
        }
        let _ = writeln!(self.0, " {value}");
    }
}

fn escape(text: &str, into: &mut String) {
    for letter in text.chars() {
        match letter {
            '\\' => into.push_str("\\\\"),
            '"' => into.push_str("\\\""),
            '\n' => into.push_str("\\n"),
            other => into.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_read_as_the_format_wants_them() {
        let mut text = Text::default();
        text.gauge("up", "Whether it is there", 1);
        text.info("build", "What it is", "version", "1 \"a\\b\"\n2");
        assert_eq!(
            text.finish(),
            "# HELP up Whether it is there\n# TYPE up gauge\nup 1\n\
             # HELP build What it is\n# TYPE build gauge\n\
             build{version=\"1 \\\"a\\\\b\\\"\\n2\"} 1\n"
        );
    }
}
