//! What a worker's confinement costs: the same film made by workers with and without it, in turns.
//!
//! `sandbox FILM [ROUNDS]` prints `{"confined": {"cpu_s", "wall_s"}, "open": {…}}`, medians.

#![allow(clippy::expect_used, reason = "a benchmark may stop where it stands")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use satreel_config::{Ladder, Loudness, Sandbox};
use satreel_film::magic;
use satreel_film::plan::Preview;
use satreel_film::protocol::Order;

const CONFINED: &str = "--confined";
const OPEN: &str = "--open";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        // Cargo's own word.
        .filter(|argument| argument != "--bench")
        .collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [CONFINED, order] => satreel_worker::carry_out(order),
        [OPEN, order] => satreel_worker::unconfined(order),
        [film] => measure(Path::new(film), 5),
        [film, rounds] => measure(Path::new(film), rounds.parse().expect("a number of rounds")),
        _ => ExitCode::from(2),
    }
}

fn measure(film: &Path, rounds: usize) -> ExitCode {
    let mut used = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (mode, used) in [CONFINED, OPEN].into_iter().zip(&mut used) {
            used.push(make(film, mode));
        }
    }
    let [confined, open] = used.map(|used| {
        let median = |of: fn(&(Duration, Duration)) -> Duration| {
            let mut values: Vec<Duration> = used.iter().map(of).collect();
            values.sort_unstable();
            values[values.len() / 2].as_secs_f64()
        };
        serde_json::json!({ "cpu_s": median(|(cpu, _)| *cpu), "wall_s": median(|(_, wall)| *wall) })
    });
    println!(
        "{}",
        serde_json::json!({ "confined": confined, "open": open })
    );
    ExitCode::SUCCESS
}

/// CPU time and time of one worker.
fn make(film: &Path, mode: &str) -> (Duration, Duration) {
    let output = Output::new();
    let order = Order {
        container: magic::Container::Mp4,
        preview: Preview::Usual(60),
        generation: 0,
        supervisor: std::process::id(),
        sandbox: Sandbox::Required,
        loudness: Loudness::AsIs,
        ladder: Ladder::default(),
        captions: Vec::new(),
        still: false,
        output: Some(output.0.clone()),
    };
    let before = cpu();
    let began = Instant::now();
    let status = Command::new(std::env::current_exe().expect("this program"))
        .arg(mode)
        .arg(serde_json::to_string(&order).expect("an order"))
        .stdin(File::open(film).expect("the film"))
        .stdout(Stdio::null())
        .status()
        .expect("a worker");
    assert!(status.success(), "{mode}: {status}");
    (cpu().saturating_sub(before), began.elapsed())
}

/// Of all workers so far, in the kernel's ticks of 10 ms (proc(5): `cutime` and `cstime`).
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("proc");
    // The second field is a name in brackets, which may hold anything.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks = fields.split_whitespace().skip(13).take(2);
    let ticks: u64 = ticks
        .map(|field| field.parse::<u64>().expect("ticks"))
        .sum();
    Duration::from_millis(ticks * 10)
}

/// A title's folder; gone at the end.
struct Output(PathBuf);

impl Output {
    fn new() -> Self {
        let name = format!("satreel-sandbox-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // What stays in the temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
