//! Takes films in: watches the inbox, starts one confined worker a film, publishes what it made.
//!
//! Holds no secret and needs none. [`intake`] is a film's way; only the workers look inside a film,
//! in other programs (`satreel-worker`, and `satreel-look` for `inspect`), so nothing of FFmpeg is
//! loaded here. A library for the program's own tests and fuzz targets only: they reach [`outside`]
//! and nothing else.

mod add;
mod ask;
mod cli;
mod control;
mod doctor;
mod generation;
mod inspect;
mod intake;
mod job;
mod life;
mod live;
pub mod outside;
mod poster;
mod progress;
mod run;
mod sidecar;
mod site;
mod source;
mod supervisor;
mod surroundings;
mod title;
mod verify;

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use satreel_config::{Config, Sandbox};
use satreel_hls::job::{Change, Preview};

use cli::{Cli, Command, SiteArgs};
use site::Site;

/// Why the program ends without having done its work.
#[derive(Debug)]
struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    fn failed(text: impl std::fmt::Display) -> Self {
        Self {
            code: 1,
            text: text.to_string(),
        }
    }

    fn usage(text: impl std::fmt::Display) -> Self {
        Self {
            code: 2,
            text: text.to_string(),
        }
    }
}

/// The program.
pub fn start() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    match carry_out(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, text }) => {
            let _ = writeln!(std::io::stderr(), "{text}");
            ExitCode::from(code)
        }
    }
}

fn carry_out(cli: &Cli) -> Result<(), Failure> {
    let open = |site: &SiteArgs| open(site, cli.sandbox);
    match &cli.command {
        Command::Run {
            site,
            until_stdin_closes,
            live,
        } => {
            let mut site = open(site)?;
            site.live.listen = live.unwrap_or(site.live.listen);
            run::run(&site, *until_stdin_closes)
        }
        Command::Add {
            file,
            site,
            title,
            json,
        } => add::add(&open(site)?, file, title, *json),
        Command::Inspect {
            file,
            config,
            preview,
            json,
        } => {
            let settings = as_configured(config.as_deref(), *preview, cli.sandbox)?;
            inspect::inspect(file, settings, *json)
        }
        Command::Verify {
            title,
            config,
            data,
            seconds,
            token,
            json,
        } => {
            if let Some(url) = verify::live::address(title) {
                let wish = verify::live::Wish {
                    url,
                    lasting: Duration::from_secs(u64::from(*seconds)),
                    token: token.as_deref().map(read_token).transpose()?,
                };
                return verify::verify_live(&wish, *json);
            }
            let site = SiteArgs {
                config: config.clone(),
                data: data.clone(),
            };
            let of_site = |id| Some(open(&site).ok()?.title(id));
            let folder = verify::folder(title, of_site).ok_or_else(|| {
                Failure::usage(format!(
                    "{title}: no such title: give its folder, its id and --config FILE or --data \
                     DIR, or an address that begins with http"
                ))
            })?;
            verify::verify(&folder, *json)
        }
        Command::Jobs { site, json } => ask::list(&open(site)?, *json),
        Command::Pause(job) => ask::ask(&open(&job.site)?, job.id, Change::Pause {}),
        Command::Resume(job) => ask::ask(&open(&job.site)?, job.id, Change::Resume {}),
        Command::Cancel(job) => ask::ask(&open(&job.site)?, job.id, Change::Cancel {}),
        Command::Retry(job) => ask::ask(&open(&job.site)?, job.id, Change::Retry {}),
        Command::Remake { job, preview } => {
            let preview_s = *preview;
            ask::ask(&open(&job.site)?, job.id, Change::Remake { preview_s })
        }
        Command::Replace { job, file } => ask::replace(&open(&job.site)?, job.id, file),
        Command::Trim { job, from, to } => {
            let (from_s, to_s) = (*from, *to);
            if from_s >= to_s {
                return Err(Failure::usage("--from must be before --to"));
            }
            ask::ask(&open(&job.site)?, job.id, Change::Trim { from_s, to_s })
        }
        Command::Poster { job, choice, file } => {
            ask::poster(&open(&job.site)?, job.id, *choice, file.as_deref())
        }
        Command::Delete(job) => ask::ask(&open(&job.site)?, job.id, Change::Delete {}),
        Command::Forget(job) => ask::ask(&open(&job.site)?, job.id, Change::Forget {}),
        Command::Manual(manual) => manual.write::<Cli>().map_err(Failure::failed),
        Command::Doctor { json } => doctor::doctor(cli.sandbox.unwrap_or_default(), *json),
    }
}

fn read_token(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    Ok(text.trim().to_owned())
}

/// What a look at a film goes by; without a configuration, what a new site would do.
fn as_configured(
    file: Option<&Path>,
    preview: Option<u32>,
    sandbox: Option<Sandbox>,
) -> Result<inspect::Settings, Failure> {
    let config = match file {
        Some(file) => satreel_config::load(file).map_err(Failure::usage)?,
        None => Config::demo(Path::new("")),
    };
    let usual = Preview::Usual(config.offers.preview_s);
    Ok(inspect::Settings {
        preview: preview.map_or(usual, Preview::Exactly),
        sandbox: sandbox.unwrap_or(config.transcoder.sandbox),
        ladder: config.transcoder.ladder,
    })
}

fn open(args: &SiteArgs, sandbox: Option<Sandbox>) -> Result<Site, Failure> {
    let mut config = match (&args.config, &args.data) {
        (Some(file), _) => satreel_config::load(file).map_err(Failure::usage)?,
        (None, Some(data)) => {
            // The worker is started in another folder: paths must not depend on this one.
            Config::demo(&std::path::absolute(data).map_err(Failure::usage)?)
        }
        (None, None) => return Err(Failure::usage("give --config FILE or --data DIR")),
    };
    config.transcoder.sandbox = sandbox.unwrap_or(config.transcoder.sandbox);
    Ok(Site::of(config))
}

fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // In the journal colours would stand as bytes between a name and its value.
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
