//! `satreel-backup`: arguments in, exit code out.

fn main() -> std::process::ExitCode {
    satreel_backup::cli::start()
}
