//! `satreel-worker`: carries out the one order that it is given. Started by `satreel-transcoder`.

fn main() -> std::process::ExitCode {
    satreel_worker::start()
}
