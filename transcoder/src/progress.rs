//! Shows how far a film is: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::job::JobFile;

/// What is shown on standard error.
#[derive(Debug)]
pub(crate) struct Show {
    bar: Option<ProgressBar>,
    last_percent: u32,
}

impl Show {
    pub(crate) fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal() && !quiet;
        Self {
            bar: terminal.then(bar),
            last_percent: 0,
        }
    }

    /// One line that stays.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| line(text)),
            None => line(text),
        }
    }

    pub(crate) fn stage(&self, text: &'static str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        }
    }

    pub(crate) fn progress(&mut self, job: &JobFile) {
        if let Some(bar) = &self.bar {
            let left = job
                .remaining_s
                .map_or(String::new(), |left| format!(", {left} s left"));
            bar.set_message(format!("{:.1} × real time{left}", job.speed));
            bar.set_position(job.percent.into());
        } else if job.percent / 10 > self.last_percent / 10 {
            self.last_percent = job.percent;
            self.say(&format!("{} %, {:.1} × real time", job.percent, job.speed));
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn line(text: &str) {
    // Nobody may be listening any more; that is no reason to stop.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
