//! `satreel-transcoder`: see the library of the same name.

fn main() -> std::process::ExitCode {
    satreel_transcoder::start()
}
