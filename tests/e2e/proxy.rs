//! What the doctor says of the proxy in front: of good ones and of each that should be changed.

use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use acme_authority::free_port;
use serde_json::Value;

use crate::site::{Program, data_folder, satreel};

/// What a proxy does with the headers that say who visits.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Writes them itself.
    Sets,
    /// Appends to what the visitor wrote.
    Appends,
    /// Leaves what the visitor wrote.
    PassesOn,
    /// Takes them away.
    Strips,
}

fn forward(stream: &TcpStream, to: u16, manner: Manner) -> io::Result<()> {
    let mut lines = BufReader::new(stream);
    let mut backend = TcpStream::connect(("127.0.0.1", to))?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let lower = line.to_lowercase();
        let is_ours = lower.starts_with("x-forwarded-for:") || lower.starts_with("forwarded:");
        match manner {
            Manner::Sets | Manner::Strips if is_ours => continue,
            Manner::Appends if lower.starts_with("x-forwarded-for:") => {
                line = format!("{}, 203.0.113.9\r\n", line.trim_end());
            }
            Manner::Sets | Manner::Strips | Manner::Appends | Manner::PassesOn => {}
        }
        if !lower.starts_with("connection:") {
            backend.write_all(line.as_bytes())?;
        }
    }
    if matches!(manner, Manner::Sets) {
        backend.write_all(b"x-forwarded-for: 203.0.113.9\r\n")?;
    }
    backend.write_all(b"connection: close\r\n\r\n")?;
    io::copy(&mut backend, &mut &*stream).map(drop)
}

#[test]
fn who_is_believed_about_visitors_is_found_out() {
    let folder = data_folder();
    let front = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", front.local_addr().expect("an address"));
    let port = free_port().expect("a port");
    let keys = folder.path().join("keys.json");
    let listen = format!("127.0.0.1:{port}");
    let config = Program::config_at(
        &url,
        &listen,
        folder.path(),
        &keys,
        "backend = \"wallet\"\n",
    );
    let text = fs::read_to_string(&config).expect("a text");
    let named = |proxies: &str| {
        let line = format!("[server]\ntrusted_proxies = [{proxies}]\n");
        fs::write(&config, text.replace("[server]\n", &line)).expect("written");
    };
    let doctor = || {
        let path = config.to_str().expect("a path");
        let (_, said, _) = satreel(&["doctor", "--json", "--config", path]);
        let said: Value = serde_json::from_str(&said).expect("JSON");
        let mut checks = said["checks"].as_array().expect("checks").iter();
        checks
            .find(|check| check["name"] == "proxy headers")
            .cloned()
    };
    let says = |state: &str, words: &str| {
        let line = doctor().expect("a line");
        assert_eq!(line["state"], state, "{line}");
        assert!(
            line["detail"].as_str().expect("words").contains(words),
            "{line}"
        );
        assert_eq!(line["remedy"] == "", state == "green", "{line}");
    };
    assert!(doctor().is_none(), "no proxy is named");
    named("\"127.0.0.1\"");
    says("yellow", "the server gives no answer");

    let manner = Arc::new(Mutex::new(Manner::Sets));
    let shared = manner.clone();
    thread::spawn(move || {
        for stream in front.incoming().map_while(Result::ok) {
            let manner = *shared.lock().expect("a manner");
            let _ = forward(&stream, port, manner);
        }
    });
    let serve = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_satreel"));
        command.args(["serve", "--config"]).arg(&config);
        command.env("RUST_LOG", "info");
        Program::start(command)
    };
    let server = serve();
    for (changed, state, words) in [
        (Manner::Sets, "green", "is not believed"),
        (Manner::Appends, "green", "is not believed"),
        (Manner::PassesOn, "red", "whoever he says"),
        (Manner::Strips, "yellow", "all visitors are one"),
    ] {
        *manner.lock().expect("a manner") = changed;
        says(state, words);
    }
    drop(server);
    // A proxy that the server does not know.
    named("\"10.1.2.3\"");
    let server = serve();
    *manner.lock().expect("a manner") = Manner::Sets;
    says("yellow", "all visitors are one");
    drop(server);

    // The server is there, and the proxy is not.
    let nowhere = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = format!("http://{}", nowhere.local_addr().expect("an address"));
    drop(nowhere);
    let text = text.replace(&url, &gone);
    let line = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    fs::write(&config, text.replace("[server]\n", line)).expect("written");
    let _server = serve();
    says("yellow", &format!("{gone} gives no answer"));
}
