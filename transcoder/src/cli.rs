//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use satreel_config::Sandbox;
use satreel_hls::naming::VideoId;

const MORE: &str = "\
Exit codes: 0 done, 1 failed, 2 used or configured wrongly.

RUST_LOG says what is logged to stderr: error, warn, info (usual), debug or trace.

Its workers, programs whose names begin with satreel- too, have to lie beside it.

See also: satreel(1).";

/// Turns films into adaptive streams, each in a confined process of its own.
#[derive(Debug, Parser)]
#[command(name = "satreel-transcoder", version, about, after_long_help = MORE)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// On a kernel without Landlock or seccomp: open no film, or go on with what there is. Else what
    /// the configuration says
    #[arg(long, global = true, value_name = "required|best-effort")]
    pub(crate) sandbox: Option<Sandbox>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watches the inbox and takes in every film that is put there
    Run {
        #[command(flatten)]
        site: SiteArgs,
        /// End when standard input closes: with whoever started it, even one that was killed
        #[arg(long)]
        until_stdin_closes: bool,
        /// Where broadcasting programs connect, instead of the configuration's `live.listen`
        #[arg(long, value_name = "ADDR")]
        live: Option<SocketAddr>,
    },
    /// Takes in one film now and prints its id
    Add {
        /// The film
        file: PathBuf,
        #[command(flatten)]
        site: SiteArgs,
        #[command(flatten)]
        title: TitleArgs,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Says what a file is, what would be copied or encoded, and why
    Inspect {
        /// The film
        file: PathBuf,
        /// The site's configuration, for its sizes and its usual free start
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Seconds from the start that are to be free
        #[arg(long, value_name = "SECONDS")]
        preview: Option<u32>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Checks a title's media: durations, bit rates, alignment, codecs, Apple's authoring rules. Or
    /// watches what a site serves, a broadcast above all, by the rules of low-latency HLS
    Verify {
        /// The title's id, or its folder; or the address of a playlist or of a film's or channel's page
        title: String,
        /// The site's configuration, for an id
        #[arg(long, value_name = "FILE", conflicts_with = "data")]
        config: Option<PathBuf>,
        /// The data folder of a demo, for an id
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// How long to watch an address, in seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 30)]
        seconds: u32,
        /// A file with the token that opens what is sold at the page; without: the free part
        #[arg(long, value_name = "FILE")]
        token: Option<PathBuf>,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Lists the jobs: how far they are, what waits, what failed and why
    Jobs {
        #[command(flatten)]
        site: SiteArgs,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Makes a job stand still; what is made stays
    Pause(JobArgs),
    /// Lets a paused job go on
    Resume(JobArgs),
    /// Gives a job up: a new title goes, one that was there before stays as it was
    Cancel(JobArgs),
    /// Makes once more what failed or was cancelled
    Retry(JobArgs),
    /// Makes a title's film anew; the old one plays until the new one is whole
    Remake {
        #[command(flatten)]
        job: JobArgs,
        /// Seconds that are free; else as before
        #[arg(long, value_name = "SECONDS")]
        preview: Option<u32>,
    },
    /// Puts another film in the place of a title's; the old one plays until the new one is whole
    Replace {
        #[command(flatten)]
        job: JobArgs,
        /// The new film; copied
        file: PathBuf,
    },
    /// Makes a broadcast's title anew without its ends; the whole one plays until then
    Trim {
        #[command(flatten)]
        job: JobArgs,
        /// Seconds from the recording's start at which the title is to begin
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        from: u32,
        /// Seconds from the recording's start at which it is to end
        #[arg(long, value_name = "SECONDS", default_value_t = u32::MAX, hide_default_value = true)]
        to: u32,
    },
    /// Chooses the picture that stands for a title
    #[command(group = clap::ArgGroup::new("picture").required(true))]
    Poster {
        #[command(flatten)]
        job: JobArgs,
        /// One of those that were made: the number in poster-NUMBER.jpg
        #[arg(long, value_name = "NUMBER", group = "picture")]
        choice: Option<u32>,
        /// A JPEG, PNG or WebP picture, up to 10 MB; drawn anew in a confined process
        #[arg(group = "picture")]
        file: Option<PathBuf>,
    },
    /// Removes a title with all its media, and says what is left
    Delete(JobArgs),
    /// Takes an ended job off the list
    Forget(JobArgs),
    /// Says which layers of the confinement this kernel gives
    Doctor {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Writes manual pages and completions into a folder
    #[command(hide = true)]
    Manual(satreel_manual::Args),
}

/// Which job of which site.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The title's id
    pub(crate) id: VideoId,
    #[command(flatten)]
    pub(crate) site: SiteArgs,
}

/// Which site the film is for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SiteArgs {
    /// The site's configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The data folder of a demo
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// What the title is called and what it costs.
#[derive(Debug, Args, Default)]
pub(crate) struct TitleArgs {
    /// The title's name; else the file's
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Words about the film
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// The year it was made
    #[arg(long, value_name = "YEAR")]
    pub(crate) year: Option<u16>,
    /// Price of 24 hours, in sat
    #[arg(long, value_name = "SAT")]
    pub(crate) rent: Option<u64>,
    /// Price of the film for ever, in sat
    #[arg(long, value_name = "SAT")]
    pub(crate) own: Option<u64>,
    /// The film costs nothing
    #[arg(long, conflicts_with_all = ["rent", "own"])]
    pub(crate) free: bool,
    /// Seconds from the start that are free to everybody; else what the site's offers say, at most
    /// a third of the film
    #[arg(long, value_name = "SECONDS")]
    pub(crate) preview: Option<u32>,
}
