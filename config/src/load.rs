//! From text to [`Config`], with every fault of the file in one go.

use std::{
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use toml::de::DeTable;

use crate::{
    backup,
    fault::{Fault, Faults, Problem, Report},
    limits, offers, payments,
    schema::{Config, Origin},
    section::Section,
    site, tips,
    tls::{self, Speaking, Tls},
    uploads,
};

/// No configuration is longer; a film given by mistake is not read into memory.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a file. Relative paths in it are relative to its own folder.
pub fn load(path: &Path) -> Result<Config, Faults> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy();
    let text = read(path).map_err(|error| Fault {
        file: path.to_string_lossy().into(),
        key: String::new(),
        line: None,
        what: format!("cannot be read: {error}"),
        remedy: "give a readable file of this form: config/satreel.toml".to_owned(),
    })?;
    let folder = std::path::absolute(path)
        .ok()
        .and_then(|path| path.parent().map(Path::to_owned))
        .unwrap_or_else(|| PathBuf::from("."));
    parse_named(&name, &text, &folder)
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = fs::File::open(path)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("longer than 1 MB"));
    }
    Ok(text)
}

/// As [`load`], from text; faults name it `config.toml`.
pub fn parse(text: &str, base: &Path) -> Result<Config, Faults> {
    parse_named("config.toml", text, base)
}

fn parse_named(name: &str, text: &str, base: &Path) -> Result<Config, Faults> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let report = Report::new(name, text);
    for error in &errors {
        let what = error.message().replace('\n', ", ");
        let problem = Problem::new(what, "the file is TOML: https://toml.io");
        report.push("", error.span(), problem);
    }
    // What a broken line swallowed would show up as missing: one fault at a time here.
    if !report.is_clean() {
        return Err(report.into_faults());
    }
    match read_root(root.get_ref(), &report, base) {
        Some(config) if report.is_clean() => Ok(config),
        Some(_) | None => Err(report.into_faults()),
    }
}

fn read_root<'a>(table: &'a DeTable<'a>, report: &'a Report<'a>, base: &Path) -> Option<Config> {
    let root = Section::root(table, report);
    let site_section = root.section("site");
    let url_line = site_section.line("url");
    let site = site::site(site_section, base);
    let server_section = root.section("server");
    let listen_line = server_section.line("listen");
    let server = site::server(server_section);
    let Speaking { tls, redirect } = tls::tls(root.section("tls"), base, site.as_ref());
    let payments = payments::payments(root.section("payments"), base);
    let offers = offers::offers(root.section("offers"));
    let limits = limits::limits(root.section("limits"));
    let tips = tips::tips(root.section("tips"), site.as_ref());
    let uploads = uploads::uploads(root.section("uploads"));
    let transcoder = site::transcoder(root.section("transcoder"), base, site.as_ref());
    let live = site::live(root.section("live"), base, site.as_ref());
    if tls != Tls::Off && site.as_ref().is_some_and(|site| !site.url.is_https()) {
        let remedy = "write https:// in it, as visitors will";
        let problem = Problem::new(
            "the site speaks TLS, and its address does not say so",
            remedy,
        );
        root.section("site").fault("url", problem);
    }
    let backup = backup::backup(root.section("backup"), base, payments.as_ref());
    root.finish();
    let config = Config {
        site: site?,
        server,
        tls,
        redirect,
        payments: payments?,
        offers,
        limits,
        tips,
        uploads,
        transcoder,
        live,
        backup,
        origin: Origin {
            file: report.file(),
            listen_line,
            url_line,
        },
    };
    if let Some(fault) = config.wallet_exposure() {
        report.push_fault(fault);
    }
    Some(config)
}

#[cfg(test)]
#[path = "load_tests/mod.rs"]
mod tests;
