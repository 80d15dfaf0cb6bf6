//! A site that orders its certificate by itself, from a real ACME server (Pebble).

use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::Command,
    sync::Arc,
};

use acme_authority::{Authority, BLOCKED, free_port};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::CertificateDer,
};
use satreel_acme::Facts;
use serde_json::Value;
use tempfile::TempDir;

use crate::site::{Program, data_folder, satreel, wait_until};

const HOST: &str = "films.localhost";
/// Far longer than a test takes.
const MONTHS: u32 = 90 * 24 * 3600;
/// Renewed when a third is left: after ten.
const SECONDS: u32 = 15;

/// A data folder, the configuration of its site, and the authority that it asks.
struct Place {
    folder: TempDir,
    port: u16,
    config: PathBuf,
    authority: Authority,
}

impl Place {
    fn prepare(seconds: u32, domains: &str) -> Self {
        let port = free_port().expect("a port");
        let authority = Authority::prepare(port, seconds).expect("an authority");
        Self::with(authority, port, domains)
    }

    fn with(authority: Authority, port: u16, domains: &str) -> Self {
        let folder = data_folder();
        let tls = format!(
            "backend = \"wallet\"\n[tls]\nmode = \"acme\"\ndomains = [{domains}]\n\
             contact = \"me@films.example\"\ndirectory = \"{}\"\nroot = \"{}\"\n",
            authority.directory(),
            authority.root().display()
        );
        let config = Program::config_at(
            &format!("https://{HOST}:{port}"),
            &format!("127.0.0.1:{port}"),
            folder.path(),
            &folder.path().join("keys.json"),
            &tls,
        );
        Self {
            folder,
            port,
            config,
            authority,
        }
    }

    fn serve(&self) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_satreel"));
        command.args(["serve", "--config"]).arg(&self.config);
        command.env("RUST_LOG", "info");
        Program::start(command)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("acme").join(name)
    }

    /// What a browser gets that trusts the authority: the page's status and the certificate.
    fn visit(&self) -> io::Result<(u16, CertificateDer<'static>)> {
        let issuer = self.authority.issuer().map_err(io::Error::other)?;
        let mut roots = RootCertStore::empty();
        roots.add(issuer).map_err(io::Error::other)?;
        let config = client().with_root_certificates(roots).with_no_client_auth();
        self.visit_with(config)
    }

    fn visit_with(&self, config: ClientConfig) -> io::Result<(u16, CertificateDer<'static>)> {
        let name = HOST.try_into().expect("a name");
        let tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let socket = TcpStream::connect(("127.0.0.1", self.port))?;
        let mut stream = StreamOwned::new(tls, socket);
        write!(
            stream,
            "GET /healthz HTTP/1.1\r\nhost: {HOST}\r\nconnection: close\r\n\r\n"
        )?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        let status = String::from_utf8_lossy(&head[9..]).parse();
        let shown = stream.conn.peer_certificates().expect("a chain")[0].clone();
        Ok((status.map_err(io::Error::other)?, shown.into_owned()))
    }

    /// Waits for a page by TLS.
    fn wait(&self) -> CertificateDer<'static> {
        let mut shown = None;
        wait_until("a page by TLS", || {
            shown = self.visit().ok();
            shown.is_some()
        });
        let (status, shown) = shown.expect("a page");
        assert_eq!(status, 200);
        shown
    }

    fn orders(&self) -> usize {
        self.authority.orders().expect("its log")
    }

    /// The doctor's line.
    fn doctor(&self) -> Value {
        let config = self.config.to_str().expect("a path");
        let (_, said, _) = satreel(&["doctor", "--json", "--config", config]);
        let said: Value = serde_json::from_str(&said).expect("JSON");
        let mut checks = said["checks"].as_array().expect("checks").iter();
        let found = checks.find(|check| check["name"] == "certificate");
        found.expect("a line").clone()
    }
}

fn client() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
}

/// A figure on the page of metrics.
fn figure(server: &Program, name: &str) -> u64 {
    let page = server.metrics.get("/metrics").text();
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in\n{page}"));
    line.trim().parse().expect("a number")
}

fn failures(server: &Program) -> u64 {
    figure(server, "satreel_certificate_renewal_failures ")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn a_certificate_is_ordered_once() {
    let mut place = Place::prepare(MONTHS, "\"www.films.localhost\", \"films.localhost\"");
    place.authority.run().expect("it runs");
    let server = place.serve();
    let first = place.wait();
    let facts = Facts::read(&place.file("certificate.pem")).expect("a certificate");
    assert_eq!(facts.names.len(), 2, "{facts:?}");
    let ends = figure(&server, "satreel_certificate_ends_timestamp_seconds ");
    assert_eq!(i64::try_from(ends).expect("a time"), facts.ends);
    assert_eq!(failures(&server), 0);
    let line = place.doctor();
    assert_eq!(line["state"], "green", "{line}");
    assert!(text(&line["detail"]).contains("good for 89 days"), "{line}");

    // SECURITY: keys are the server's alone, and what was ordered is proven no longer.
    for (file, expected) in [
        ("", 0o700),
        ("certificate.pem", 0o600),
        ("account.json", 0o600),
    ] {
        let about = fs::metadata(place.file(file)).expect("it is there");
        assert_eq!(about.permissions().mode() & 0o777, expected, "{file}");
    }
    assert!(!place.file("order.json").exists());
    let mut config = client()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let refused = place.visit_with(config).expect_err("no proof");
    assert!(!refused.to_string().contains("certificate"), "{refused}");

    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("there is no certificate yet"), "{log}");
    assert!(log.contains("a new certificate is there"), "{log}");
    // The same account and the same certificate, and nobody is asked.
    place.authority.stop();
    let server = place.serve();
    let config = satreel_lnd::certificate::trusting(first).expect("a client");
    assert_eq!(place.visit_with(config).expect("a page").0, 200);
    let (_, log) = server.terminate();
    assert!(!log.contains("certificate"), "{log}");
    assert_eq!(place.orders(), 1);
}

#[test]
fn it_is_renewed_while_viewers_watch() {
    let mut place = Place::prepare(SECONDS, "\"films.localhost\"");
    place.authority.run().expect("it runs");
    let _server = place.serve();
    let first = place.wait();
    wait_until("another certificate", || {
        // Never a moment without one that is good.
        let (status, shown) = place.visit().expect("a page");
        assert_eq!(status, 200);
        shown != first
    });
    assert_eq!(place.orders(), 2);
}

#[test]
fn a_directory_that_is_away_at_the_start_is_found_later() {
    let mut place = Place::prepare(MONTHS, "\"films.localhost\"");
    let server = place.serve();
    assert_eq!(server.metrics.get("/metrics").status, 200);
    wait_until("a failure", || failures(&server) > 0);
    assert_eq!(
        figure(&server, "satreel_certificate_ends_timestamp_seconds "),
        0
    );
    let line = place.doctor();
    assert_eq!(line["state"], "red", "{line}");
    let detail = text(&line["detail"]);
    assert!(detail.contains("none yet"), "{line}");
    assert!(detail.contains("gives no answer"), "{line}");
    assert!(text(&line["remedy"]).contains("acme.conf"), "{line}");
    place.authority.run().expect("it runs");
    place.wait();
    wait_until("no failure", || failures(&server) == 0);
    assert_eq!(place.doctor()["state"], "green");
    let log = server.terminate().1;
    assert!(log.contains("no new certificate"), "{log}");
}

#[test]
fn a_directory_that_is_away_at_the_renewal_leaves_the_old_one() {
    let mut place = Place::prepare(SECONDS, "\"films.localhost\"");
    place.authority.run().expect("it runs");
    let server = place.serve();
    let first = place.wait();
    place.authority.stop();
    wait_until("a failure", || failures(&server) > 0);
    // Whatever its date says: who knows it is served on.
    let config = satreel_lnd::certificate::trusting(first.clone()).expect("a client");
    assert_eq!(place.visit_with(config).expect("a page").0, 200);
    let line = place.doctor();
    assert_ne!(line["state"], "green", "{line}");
    assert!(text(&line["detail"]).contains("ordering failed"), "{line}");
    // It comes back without any memory of us, too.
    place.authority.run().expect("it runs");
    assert_ne!(place.wait(), first);
    wait_until("no failure", || failures(&server) == 0);
}

#[test]
fn a_refused_order_is_told_with_the_authoritys_words() {
    let mut place = Place::prepare(MONTHS, &format!("\"{HOST}\", \"{BLOCKED}\""));
    place.authority.run().expect("it runs");
    let server = place.serve();
    wait_until("a failure", || failures(&server) > 0);
    let line = place.doctor();
    assert_eq!(line["state"], "red", "{line}");
    for words in ["the authority refuses", BLOCKED, "next try at"] {
        assert!(text(&line["detail"]).contains(words), "{words}: {line}");
    }
    assert!(text(&line["remedy"]).contains("tls.domains"), "{line}");
    let log = server.terminate().1;
    assert!(log.contains("forbidden by policy"), "{log}");
}

#[test]
fn a_name_that_leads_elsewhere_is_told() {
    // The authority looks at a port where nobody is.
    let (port, elsewhere) = (free_port().expect("a port"), free_port().expect("a port"));
    let authority = Authority::start(elsewhere, MONTHS).expect("it runs");
    let place = Place::with(authority, port, "\"films.localhost\"");
    let server = place.serve();
    wait_until("a failure", || failures(&server) > 0);
    let line = place.doctor();
    let detail = text(&line["detail"]);
    assert!(
        detail.contains("films.localhost: Failed to connect"),
        "{line}"
    );
    // Nothing becomes of such an order, and it is not kept.
    assert!(!place.file("order.json").exists());
}

#[test]
fn a_killed_server_goes_on_with_its_order() {
    let mut place = Place::prepare(MONTHS, "\"films.localhost\"");
    place.authority.run().expect("it runs");
    place.authority.gate().hold();
    let server = place.serve();
    // The authority comes to look, so the order is placed and written down.
    wait_until("a question", || place.authority.gate().waiting() > 0);
    server.kill();
    let order = fs::read(place.file("order.json")).expect("an order");
    assert!(!place.file("certificate.pem").exists());
    let server = place.serve();
    wait_until("the order", || {
        let log = server.log.lock().expect("the log");
        log.contains("the order that was begun is gone on with")
            && log.contains("the authority may look whether it leads here")
    });
    assert_eq!(fs::read(place.file("order.json")).expect("it"), order);
    place.authority.gate().release();
    place.wait();
    assert_eq!(place.orders(), 1);
}

#[test]
fn an_authority_that_looked_while_nobody_was_there_is_asked_again() {
    let mut place = Place::prepare(MONTHS, "\"films.localhost\"");
    place.authority.run().expect("it runs");
    place.authority.gate().hold();
    let server = place.serve();
    wait_until("a question", || place.authority.gate().waiting() > 0);
    server.kill();
    place.authority.gate().release();
    wait_until("its way here", || place.authority.gate().waiting() == 0);
    // At once, and not after the pause that a refusal is followed by.
    let server = place.serve();
    place.wait();
    assert_eq!(place.orders(), 2);
    wait_until("no failure", || failures(&server) == 0);
}
