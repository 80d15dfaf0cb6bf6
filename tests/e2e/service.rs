//! Under a service manager: readiness, signs of life, and a socket that outlives the server.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::site::{Client, FILM, Program, data_folder, wait_until};

fn config(data: &Path) -> std::path::PathBuf {
    Program::config(data, &data.join("keys.json"), "backend = \"wallet\"\n")
}

#[test]
fn it_says_when_it_is_ready_that_it_lives_and_that_it_stops() {
    let folder = data_folder();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager
        .set_read_timeout(Some(Duration::from_mins(1)))
        .expect("a patience");
    let told = || {
        let mut buffer = [0; 256];
        let length = manager.recv(&mut buffer).expect("a word");
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_satreel"));
    command
        .args(["serve", "--config"])
        .arg(config(folder.path()))
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000");
    let server = Program::start(command);
    assert_eq!(told(), "READY=1");
    for _ in 0..3 {
        assert_eq!(told(), "WATCHDOG=1");
    }
    assert_eq!(server.client.get("/readyz").status, 200);
    assert_eq!(server.terminate().0, Some(0));
    let mut last = told();
    while last == "WATCHDOG=1" {
        last = told();
    }
    assert_eq!(last, "STOPPING=1");
}

/// The server's command on a socket of ours, as systemd would start it.
fn handed(listener: &TcpListener, config: &Path) -> Command {
    let socket = OwnedFd::from(listener.try_clone().expect("a second descriptor"));
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg("exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve --config \"$1\"")
        .arg(env!("CARGO_BIN_EXE_satreel"))
        .arg(config)
        .env("RUST_LOG", "info")
        .stdin(Stdio::from(socket));
    command
}

fn on(listener: &TcpListener, config: &Path) -> Program {
    Program::start(handed(listener, config))
}

/// A socket for the site and one that sends there, told apart by their names (`FileDescriptorName=`).
#[test]
fn sockets_are_known_by_their_names() {
    let folder = data_folder();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
    for (name, text) in [
        ("cert.pem", pair.cert.pem()),
        ("key.pem", pair.signing_key.serialize_pem()),
    ] {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let keys = folder.path().join("keys.json");
    let files = "backend = \"wallet\"\n[tls]\nmode = \"files\"\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";
    let secure = Program::config_at(
        "https://localhost",
        "127.0.0.1:0",
        folder.path(),
        &keys,
        files,
    );
    let (site, plain) = (
        TcpListener::bind("127.0.0.1:0").expect("a port"),
        TcpListener::bind("127.0.0.1:0").expect("a port"),
    );
    let handed = |config: &Path, names: &str| {
        let socket = |listener: &TcpListener| {
            OwnedFd::from(listener.try_clone().expect("a second descriptor"))
        };
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(
                "exec 3<&0 4<&1 </dev/null >/dev/null; LISTEN_FDS=2 LISTEN_PID=$$ exec \"$0\" serve --config \"$1\"",
            )
            .arg(env!("CARGO_BIN_EXE_satreel"))
            .arg(config)
            .env("LISTEN_FDNAMES", names)
            .env("RUST_LOG", "info")
            .stdin(Stdio::from(socket(&plain)))
            .stdout(Stdio::from(socket(&site)));
        command
    };
    let server = Program::start_keeping_stdout(handed(&secure, "redirect:satreel.socket"));
    let address = site.local_addr().expect("an address");
    assert_eq!(server.client.address(), address);
    let place = plain.local_addr().expect("an address");
    let answer = Client::new(place).get("/w/1");
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), "https://localhost/w/1");
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");

    let refused = |config: &Path, names: &str| {
        let output = handed(config, names).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = refused(&secure, "a.socket:b.socket");
    assert!(said.contains("more than one socket for the site"), "{said}");
    let said = refused(&config(folder.path()), "redirect:satreel.socket");
    assert!(said.contains("satreel-redirect.socket"), "{said}");
}

/// SECURITY: play money is not taken where others can reach it, whoever opened the socket.
#[test]
fn the_built_in_wallet_takes_no_public_socket() {
    let folder = data_folder();
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    let mut command = handed(&listener, &config(folder.path()));
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("can be reached by others"), "{said}");
}

/// Listens for a payment until the server ends the connection. Calls `begun` once the stream has begun.
fn heard(address: SocketAddr, order: &str, begun: impl FnOnce()) -> String {
    let mut stream = TcpStream::connect(address).expect("connected");
    let request = format!("GET /api/orders/{order}/events HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("asked");
    let mut first = [0; 1];
    stream.read_exact(&mut first).expect("an answer");
    begun();
    let mut heard = String::from_utf8_lossy(&first).into_owned();
    stream.read_to_string(&mut heard).expect("an orderly end");
    heard
}

#[test]
fn nobody_is_refused_while_one_server_follows_another() {
    const RESTARTS: usize = 20;
    let folder = data_folder();
    let config = config(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut server = on(&listener, &config);
    assert_eq!(server.client.url(), format!("http://{address}"));
    let order = server
        .client
        .post("/api/orders", &json!({"title": FILM, "tier": "rent"}));
    let order = order.json()["order"].as_str().expect("an order").to_owned();

    let stop = AtomicBool::new(false);
    let (answers, listening) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // On kept connections, as a proxy has them; every refusal and every reset ends the test.
    let ask = || {
        let client = Client::new(address);
        while !stop.load(SeqCst) {
            assert_eq!(client.get("/").status, 200);
            let grant = client.grant(&json!({"title": FILM}), None).json();
            let master = grant["master_url"].as_str().expect("a URL");
            assert_eq!(client.get(master).status, 200);
            answers.fetch_add(3, SeqCst);
        }
    };
    let listen = || {
        for _ in 0..RESTARTS {
            let heard = heard(address, &order, || {
                listening.fetch_add(1, SeqCst);
            });
            assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");
            assert!(heard.contains("\nretry: "), "{heard}");
        }
    };
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(ask);
        }
        threads.spawn(listen);
        for restart in 0..RESTARTS {
            let before = answers.load(SeqCst);
            wait_until("requests and a listener", || {
                answers.load(SeqCst) > before + 30 && listening.load(SeqCst) > restart
            });
            let (code, log) = server.terminate();
            assert_eq!(code, Some(0), "{log}");
            server = on(&listener, &config);
        }
        stop.store(true, SeqCst);
        // The last one is there until everybody has an answer.
        server
    });
}
