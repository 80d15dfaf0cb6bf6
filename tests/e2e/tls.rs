//! The site with a certificate of its own.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{ClientConnection, StreamOwned, pki_types::CertificateDer};
use satreel_config::{Config, Tls};
use satreel_lnd::certificate;
use serde_json::{Value, json};

use crate::site::{FILM, Program, START, Site, data_folder};

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn beside(folder: &Path) -> Self {
        Self {
            certificate: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        }
    }

    /// A new pair, written at this time.
    fn renew(&self, second: u64) -> CertificateDer<'static> {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
        for (path, text) in [
            (&self.certificate, pair.cert.pem()),
            (&self.key, pair.signing_key.serialize_pem()),
        ] {
            fs::write(path, text).expect("written");
            let file = fs::File::options().write(true).open(path).expect("a file");
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            file.set_modified(time).expect("a time");
        }
        pair.cert.der().clone()
    }
}

fn site(files: &Files, folder: &Path) -> Site {
    let mut config = Config::demo(folder);
    config.tls = Tls::Files {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
    };
    Site::with(config, START)
}

type Secure = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// A connection that trusts this certificate and no other.
fn connect(address: SocketAddr, trusted: &CertificateDer<'static>) -> Secure {
    let config = certificate::trusting(trusted.clone()).expect("a configuration");
    let name = "localhost".try_into().expect("a name");
    let tls = ClientConnection::new(Arc::new(config), name).expect("a client");
    let socket = TcpStream::connect(address).expect("connected");
    BufReader::new(StreamOwned::new(tls, socket))
}

/// Status and head of the answer, and its body where that has a length.
fn ask(stream: &mut Secure, method: &str, path: &str, body: &str) -> (u16, String, Vec<u8>) {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream
        .get_mut()
        .write_all(request.as_bytes())
        .expect("sent");
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(
            stream.read_line(&mut head).expect("an answer") > 0,
            "{head}"
        );
    }
    let status = head[9..12].parse().expect("a status");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    (status, head, body)
}

#[test]
fn a_film_is_bought_by_tls() {
    let folder = data_folder();
    let files = Files::beside(folder.path());
    let trusted = files.renew(1);
    let site = site(&files, folder.path());
    let address = site.client.address();

    let mut stream = connect(address, &trusted);
    let (status, head, _) = ask(&mut stream, "GET", "/", "");
    assert_eq!(status, 200, "{head}");
    assert!(
        head.contains("strict-transport-security: max-age=31536000"),
        "{head}"
    );
    let wanted = json!({"title": FILM, "tier": "rent"}).to_string();
    let (status, _, order) = ask(&mut stream, "POST", "/api/orders", &wanted);
    assert_eq!(status, 201);
    let order: Value = serde_json::from_slice(&order).expect("JSON");

    let mut news = connect(address, &trusted);
    let events = format!(
        "/api/orders/{}/events",
        order["order"].as_str().expect("an order")
    );
    assert_eq!(ask(&mut news, "GET", &events, "").0, 200);
    let mut line = String::new();
    while !line.contains("\"open\"") {
        assert!(news.read_line(&mut line).expect("news") > 0);
    }
    let pay = json!({"payment_request": order["payment_request"]}).to_string();
    assert_eq!(ask(&mut stream, "POST", "/wallet/pay", &pay).0, 200);
    while !line.contains("\"settled\"") {
        assert!(news.read_line(&mut line).expect("news") > 0);
    }
    let (status, _, grant) = ask(
        &mut stream,
        "POST",
        "/api/grants",
        &json!({"title": FILM}).to_string(),
    );
    assert_eq!(status, 200);
    let grant: Value = serde_json::from_slice(&grant).expect("JSON");
    let master = grant["master_url"].as_str().expect("a URL");
    let (status, head, _) = ask(&mut stream, "GET", master, "");
    assert_eq!(status, 200);
    assert!(head.contains("strict-transport-security"), "{head}");
}

#[test]
fn a_renewed_certificate_is_taken_in_while_viewers_watch() {
    let folder = data_folder();
    let files = Files::beside(folder.path());
    let old = files.renew(1);
    let site = site(&files, folder.path());
    let address = site.client.address();
    let mut before = connect(address, &old);
    assert_eq!(ask(&mut before, "GET", "/healthz", "").0, 200);

    // Half written: the old one goes on.
    fs::write(&files.certificate, "-----BEGIN").expect("written");
    assert_eq!(
        ask(&mut connect(address, &old), "GET", "/healthz", "").0,
        200
    );
    let new = files.renew(2);
    assert_eq!(
        ask(&mut connect(address, &new), "GET", "/healthz", "").0,
        200
    );
    assert_eq!(ask(&mut before, "GET", "/healthz", "").0, 200);
    let mut refused = connect(address, &old);
    assert!(refused.get_mut().write_all(b"GET / HTTP/1.1\r\n").is_err());
}

#[test]
fn who_speaks_no_tls_holds_nobody_up() {
    let folder = data_folder();
    let files = Files::beside(folder.path());
    let trusted = files.renew(1);
    let site = site(&files, folder.path());
    let address = site.client.address();
    let silent = TcpStream::connect(address).expect("connected");
    let mut plain = TcpStream::connect(address).expect("connected");
    plain
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .expect("sent");
    let mut said = Vec::new();
    // A reset is as good an end as an orderly one.
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP/"), "{said:?}");
    assert_eq!(
        ask(&mut connect(address, &trusted), "GET", "/healthz", "").0,
        200
    );
    drop(silent);
}

/// What a plain request gets, to the end of the connection.
fn plainly(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connected");
    // Too long a request is cut off in the middle.
    let _ = stream.write_all(request.as_bytes());
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn plain_http_is_sent_to_the_sites_address() {
    let folder = data_folder();
    let files = Files::beside(folder.path());
    let trusted = files.renew(1);
    let tls = "backend = \"wallet\"\n[tls]\nmode = \"files\"\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
               redirect = \"127.0.0.1:0\"\n";
    let keys = folder.path().join("keys.json");
    let url = "https://films.localhost:8443";
    let config = Program::config_at(url, "127.0.0.1:0", folder.path(), &keys, tls);
    let mut command = Command::new(env!("CARGO_BIN_EXE_satreel"));
    command.args(["serve", "--config"]).arg(config);
    command.env("RUST_LOG", "info");
    let server = Program::start(command);
    let log = server.log.lock().expect("the log").clone();
    let address = log
        .split("sent to the site's address address=")
        .nth(1)
        .and_then(|rest| rest.lines().next()?.parse().ok())
        .unwrap_or_else(|| panic!("{log}"));
    for (request, place) in [
        (
            "GET /w/1?t=2 HTTP/1.1\r\nhost: evil.example\r\n\r\n",
            "/w/1?t=2",
        ),
        (
            "POST /api/orders HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n",
            "/api/orders",
        ),
        (
            "GET http://evil.example/x HTTP/1.1\r\nhost: evil.example\r\n\r\n",
            "/x",
        ),
    ] {
        let said = plainly(address, request);
        assert!(said.starts_with("HTTP/1.1 308 "), "{said}");
        let wanted = format!("\r\nlocation: https://films.localhost:8443{place}\r\n");
        assert!(said.contains(&wanted), "{said}");
        assert!(!said.contains("evil"), "{said}");
        // RFC 6797 §7.2: not without TLS.
        assert!(!said.contains("strict-transport-security"), "{said}");
    }
    let endless = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(64 << 10));
    assert!(!plainly(address, &endless).starts_with("HTTP/1.1 308"));
    assert!(!plainly(address, "nonsense\r\n\r\n").contains("308"));
    // Nobody waits for who says nothing.
    let _idle = TcpStream::connect(address).expect("connected");
    let mut visit = connect(server.client.address(), &trusted);
    assert_eq!(ask(&mut visit, "GET", "/healthz", "").0, 200);
    drop(visit);
    let (ended, log) = server.terminate();
    assert_eq!(ended, Some(0), "{log}");
}

#[test]
fn files_that_are_no_pair_are_told_at_the_start() {
    let folder = data_folder();
    let files = Files::beside(folder.path());
    let config = folder.path().join("satreel.toml");
    let text = format!(
        "[site]\nurl = \"https://localhost\"\ndata = \"{data}\"\n[server]\nlisten = \"127.0.0.1:0\"\n\
         [tls]\nmode = \"files\"\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
         [payments]\nbackend = \"wallet\"\n",
        data = folder.path().display()
    );
    fs::write(&config, &text).expect("written");
    let config = config.to_str().expect("a path");
    let (code, _, said) = crate::site::satreel(&["serve", "--config", config]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("cert.pem") && said.contains("[tls]"),
        "{said}"
    );
    let plain = text.replace("https://localhost", "http://localhost");
    fs::write(config, plain).expect("written");
    files.renew(1);
    let (code, _, said) = crate::site::satreel(&["serve", "--config", config]);
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("site.url") && said.contains("write https://"),
        "{said}"
    );
}
