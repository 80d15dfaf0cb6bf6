//! What a worker that was taken over can do: this program confines itself as workers do, then
//! tries. Each attempt is a process of its own, since it may be ended for it.
//!
//! `sandbox` runs all cases; `sandbox --inside ATTEMPT FOLDER` is one attempt;
//! `sandbox --without-landlock PROGRAM …` runs a program as if the kernel had no Landlock.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test that cannot go on is to fail there"
)]

mod attempts;
mod cases;
mod kernel;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--inside", attempt, folder] => attempts::inside(attempt, folder.as_ref()),
        ["--without-landlock", program, rest @ ..] => kernel::without_landlock(program, rest),
        _ => all(),
    }
}

fn all() -> ExitCode {
    let mut failed = 0;
    let cases = cases::ALL;
    for (name, case) in cases {
        let told = std::panic::catch_unwind(case);
        println!(
            "test {name} ... {}",
            if told.is_ok() { "ok" } else { "FAILED" }
        );
        failed += usize::from(told.is_err());
    }
    println!("\n{} passed, {failed} failed", cases.len() - failed);
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
