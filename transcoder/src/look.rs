//! `satreel-look`: says what would become of a film. Started by `satreel-transcoder inspect`.

fn main() -> std::process::ExitCode {
    satreel_worker::start_looking()
}
