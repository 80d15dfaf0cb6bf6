//! `satreel-backup restore --identity FILE --into DIR FILE`, or `--config FILE --from NAME`

use std::{
    fs::OpenOptions,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use clap::ValueHint;
use satreel_archive::{Summary, Target};
use satreel_destinations::MAX_BYTES;
use zeroize::Zeroizing;

use super::{
    Failure, print,
    site::{load, places, runtime},
};
use crate::{
    history::{copies, name},
    name::{Copy, Kind},
    seal::Identities,
};

/// A key file holds some lines.
const MAX_IDENTITY: u64 = 64 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A copy that lies here; without it the newest of a destination
    #[arg(value_name = "COPY", value_hint = ValueHint::FilePath, required_unless_present = "from",
        conflicts_with_all = ["from", "config"])]
    copy: Option<PathBuf>,
    /// The secret key, as age-keygen writes it; - reads it from stdin
    #[arg(long, value_name = "FILE")]
    identity: String,
    /// Where to put what is in it; made if it is not there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    into: PathBuf,
    /// Fetch the newest copies of this destination
    #[arg(long, value_name = "NAME", requires = "config")]
    from: Option<String>,
    /// The configuration that names the destination
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "from")]
    config: Option<PathBuf>,
    /// Write over a site that is there already
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let keys = identities(&args.identity)?;
    let found = match (&args.copy, &args.config, &args.from) {
        (Some(path), _, _) => vec![here(path)?],
        (None, Some(config), Some(from)) => fetch(config, from)?,
        (None, _, _) => return Err(Failure::Usage("of which copy?".to_owned())),
    };
    for (kind, sealed) in found {
        let plain = keys.decrypt(&sealed)?;
        match kind {
            Kind::Channels => channels(&plain, &args.into)?,
            Kind::Site => site(&plain, args)?,
        }
    }
    Ok(())
}

fn here(path: &Path) -> Result<(Kind, Vec<u8>), Failure> {
    let copy = path
        .file_name()
        .and_then(|name| name.to_str())
        .and_then(|name| name.parse::<Copy>().ok())
        .ok_or_else(|| {
            Failure::Usage(format!(
                "{}: a copy is called channels-….age or site-….age",
                path.display()
            ))
        })?;
    Ok((copy.kind, read(path, MAX_BYTES)?.to_vec()))
}

/// The newest of each kind; at least one.
fn fetch(config: &Path, from: &str) -> Result<Vec<(Kind, Vec<u8>)>, Failure> {
    let (_, backup) = load(config)?;
    let place = places(&backup)?
        .into_iter()
        .find(|place| place.name == from)
        .ok_or_else(|| Failure::Usage(format!("there is no destination {from}")))?;
    runtime()?.block_on(async {
        let there = copies(place.there.as_ref()).await?;
        let mut found = Vec::new();
        for kind in [Kind::Site, Kind::Channels] {
            let of_kind = there.iter().filter(|copy| copy.kind == kind);
            if let Some(copy) = of_kind.max() {
                tracing::info!("takes {copy} of {}", place.there.describe());
                found.push((kind, place.there.get(&name(copy)?).await?));
            }
        }
        if found.is_empty() {
            let words = format!("{} has no copies", place.there.describe());
            return Err(Failure::Failed(words));
        }
        Ok(found)
    })
}

/// The site's files, and what is still to do.
fn site(archive: &[u8], args: &Args) -> Result<(), Failure> {
    let target = Target {
        data: args.into.clone(),
        replace: args.replace,
    };
    let summary = satreel_archive::restore(archive, &target).map_err(|error| {
        let hint = match error {
            satreel_archive::Error::Occupied { .. } => "; --replace writes over it",
            _ => "",
        };
        Failure::Failed(format!("{error}{hint}"))
    })?;
    tell(&summary, &args.into);
    Ok(())
}

fn tell(summary: &Summary, into: &Path) {
    let (titles, channels) = (summary.titles, summary.channels);
    let part = |is_back: bool, name| if is_back { name } else { "" };
    print(format_args!(
        "Back in {}: signing keys, {titles} titles' data, {channels} channels{}{}.",
        into.display(),
        part(summary.sales, ", the sales record"),
        part(summary.wallet, ", the built-in wallet"),
    ));
    if !summary.kept.is_empty() {
        print(format_args!(
            "Left as they were beside their films: {} files. --replace takes the copy's.",
            summary.kept.len()
        ));
    }
    if !summary.without_film.is_empty() {
        print(format_args!(
            "Films that are not there, and come back by satreel-transcoder add on the same source: {}",
            summary.without_film.join(" ")
        ));
    }
    if let Some(config) = &summary.config {
        print(format_args!(
            "The configuration is {}: put it where it belongs; site.data in it has to be this folder, and \
             site.keys {}. Secrets that it names by file or credential are in no copy.",
            config.display(),
            summary.keys.display(),
        ));
    }
}

/// LND's own file, for its own restore.
fn channels(backup: &[u8], into: &Path) -> Result<(), Failure> {
    let fault = |path: &Path, error: std::io::Error| {
        Failure::Failed(format!("{} can't be written: {error}", path.display()))
    };
    std::fs::create_dir_all(into).map_err(|error| fault(into, error))?;
    let path = into.join("channel.backup");
    let written = OpenOptions::new()
        .write(true)
        // Somebody's own backup is not written over.
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| {
            file.write_all(backup)?;
            file.sync_all()
        });
    written.map_err(|error| fault(&path, error))?;
    print(format_args!("{}", path.display()));
    print(
        "Next, on a node that was made anew from its seed (lncli create): \
         lncli restorechanbackup --multi_file with this file. The peers close the channels, and \
         what is yours comes back on chain. Never start a second node from the same seed beside one \
         that runs.",
    );
    Ok(())
}

/// The secret keys of a file, or of stdin.
pub(super) fn identities(from: &str) -> Result<Identities, Failure> {
    let bytes = if from == "-" {
        let mut bytes = Zeroizing::new(Vec::new());
        std::io::stdin()
            .take(MAX_IDENTITY)
            .read_to_end(&mut bytes)?;
        bytes
    } else {
        read(Path::new(from), MAX_IDENTITY)?
    };
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::Usage("the identity is no text".to_owned()))?;
    Identities::parse(text).map_err(|error| Failure::Usage(error.to_string()))
}

fn read(path: &Path, most: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let fault = |words: String| Failure::Failed(format!("{}: {words}", path.display()));
    let mut bytes = Zeroizing::new(Vec::new());
    std::fs::File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| fault(error.to_string()))?;
    if bytes.len() as u64 > most {
        return Err(fault(format!("more than {most} bytes")));
    }
    Ok(bytes)
}
