//! A site for one test: a data folder with titles, and a server on it, inside the test's own
//! process (with a clock of its own) or as the real program.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use satreel::{
    app::App,
    clock::{Clock, SimulatedClock},
    core::time::Timestamp,
};
use satreel_config::Config;
use satreel_hls::{
    naming::{MediaFile, TrackName},
    playlist::MediaPlaylist,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The film of most tests: ten segments of 2 s, the first two free.
pub const FILM: &str = "00ff10a9bcdef012";
/// Another one.
pub const OTHER: &str = "1111111111111111";
/// Free, all of it.
pub const FREE: &str = "2222222222222222";
/// Segments of every film here.
pub const SEGMENTS: u32 = 10;
/// Far longer than anything here takes, on the busiest machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// When simulated time begins.
pub const START: u64 = 1_800_000_000;

/// A data folder with three titles.
pub fn data_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write_title(
        folder.path(),
        FILM,
        &json!({"name": "The Film", "preview_s": 4}),
    );
    write_title(
        folder.path(),
        OTHER,
        &json!({"name": "Another", "preview_s": 5}),
    );
    write_title(folder.path(), FREE, &json!({"name": "A Gift", "tiers": []}));
    folder
}

/// Writes a published title with one variant and one sound track.
pub fn write_title(data: &Path, id: &str, title: &Value) {
    let folder = data.join("titles").join(id);
    fs::create_dir_all(&folder).expect("a folder");
    let mut boundaries = vec![0];
    boundaries.extend((1..=u64::from(SEGMENTS)).map(|number| number * 2_000_000));
    for name in ["v720", "a"] {
        let track: TrackName = name.parse().expect("a track");
        let playlist = MediaPlaylist::vod(track, &boundaries).to_string();
        let put = |file: MediaFile, bytes: &[u8]| {
            fs::write(folder.join(file.to_string()), bytes).expect("written");
        };
        put(MediaFile::Playlist(track), playlist.as_bytes());
        put(MediaFile::Init(track), b"init");
        for number in 0..SEGMENTS {
            put(MediaFile::Segment(track, number), &segment(name, number));
        }
    }
    fs::write(folder.join("master.m3u8"), MASTER).expect("written");
    fs::write(folder.join("poster.jpg"), b"not really a picture").expect("written");
    for file in [
        "hover.mp4",
        "storyboard.vtt",
        "sprite-0.jpg",
        "poster-1.jpg",
        "chapters.vtt",
    ] {
        fs::write(folder.join(file), b"beside the film").expect("written");
    }
    for number in 0..SEGMENTS {
        fs::write(folder.join(format!("s-{number}.vtt")), b"WEBVTT\n").expect("written");
    }
    let mut title = title.clone();
    let defaults = [
        ("state", json!("published")),
        ("created_at", json!("2026-01-01T00:00:00Z")),
    ];
    for (key, value) in defaults {
        title
            .as_object_mut()
            .expect("an object")
            .entry(key)
            .or_insert(value);
    }
    fs::write(folder.join("title.json"), title.to_string()).expect("written");
}

const MASTER: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Sound\",DEFAULT=YES,AUTOSELECT=YES,URI=\"a.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1000000,CODECS=\"avc1.64001f,mp4a.40.2\",AUDIO=\"audio\"\nv720.m3u8\n";

/// What stands in a segment: different in each, and long enough for ranges.
pub fn segment(track: &str, number: u32) -> Vec<u8> {
    format!("{track} {number} ").repeat(100).into_bytes()
}

/// An answer, taken in whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The last part of the problem's `type`.
    pub fn slug(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text()
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
        let kind = problem["type"].as_str().expect("a type").to_owned();
        kind.strip_prefix("urn:satreel:problem:")
            .expect("our types")
            .to_owned()
    }
}

/// Talks to a server.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    base: String,
    agent: ureq::Agent,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0);
        Self {
            address,
            base: format!("http://{address}"),
            agent: config.build().into(),
        }
    }

    /// Ends connections that are kept: a server that stops waits a moment for what they may ask.
    fn hang_up(&mut self) {
        *self = Self::new(self.address);
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://address`
    pub fn url(&self) -> &str {
        &self.base
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("a request");
        let agent = &self.agent;
        let answer = agent.run(
            agent
                .configure_request(request)
                .allow_non_standard_methods(true)
                .build(),
        );
        let answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let (parts, mut body) = answer.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.read_to_vec().expect("a body"),
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(
            "POST",
            path,
            &[("content-type", "application/json")],
            body.to_string().as_bytes(),
        )
    }

    /// A grant's answer; `token` opens the whole film.
    pub fn grant(&self, body: &Value, token: Option<&str>) -> Answer {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        self.send("POST", "/api/grants", &headers, body.to_string().as_bytes())
    }

    /// Orders and pays; gives the order and the preimage.
    pub fn pay(&self, title: &str, tier: &str) -> (Value, Value) {
        let order = self.post("/api/orders", &json!({"title": title, "tier": tier}));
        assert_eq!(order.status, 201, "{}", order.text());
        let order = order.json();
        let paid = self.post(
            "/wallet/pay",
            &json!({"payment_request": order["payment_request"]}),
        );
        assert_eq!(paid.status, 200, "{}", paid.text());
        (order, paid.json()["preimage"].clone())
    }

    /// Orders, pays and redeems; gives the token's answer.
    pub fn buy(&self, title: &str, tier: &str) -> Value {
        let (order, _) = self.pay(title, tier);
        let token = self.post("/api/tokens", &json!({"ticket": order["ticket"]}));
        assert_eq!(token.status, 200, "{}", token.text());
        token.json()
    }
}

/// A server in the test's own process, with simulated time.
pub struct Site {
    pub client: Client,
    /// Where metrics are, if the configuration wants them.
    pub metrics: Option<Client>,
    pub clock: Arc<SimulatedClock>,
    pub data: PathBuf,
    stop: CancellationToken,
    running: Option<JoinHandle<anyhow::Result<()>>>,
    /// Deleted with the site.
    _folder: Option<TempDir>,
}

impl Site {
    pub fn open() -> Self {
        let folder = data_folder();
        Self::start(Config::demo(folder.path()), START, Some(folder))
    }

    /// Serves a data folder that outlives the server.
    pub fn on(data: &Path, now: u64) -> Self {
        Self::with(Config::demo(data), now)
    }

    pub fn with(config: Config, now: u64) -> Self {
        Self::start(config, now, None)
    }

    fn start(config: Config, now: u64, folder: Option<TempDir>) -> Self {
        let clock = Arc::new(SimulatedClock::at(Timestamp::from_unix(now)));
        let stop = CancellationToken::new();
        let data = config.site.data.clone();
        let (tell, told) = std::sync::mpsc::channel();
        let running = std::thread::spawn({
            let (clock, stop): (Arc<dyn Clock>, _) = (clock.clone(), stop.clone());
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(async move {
                    let listener = TcpListener::bind("127.0.0.1:0").await?;
                    let app = App::build(&config, clock).await?;
                    // Connections queue from here on, so nobody has to wait for `run`.
                    tell.send((listener.local_addr()?, app.metrics_address()))?;
                    app.run(listener, stop).await
                })
            }
        });
        let Ok((address, metrics)) = told.recv() else {
            panic!("the server did not start: {:?}", running.join());
        };
        Self {
            client: Client::new(address),
            metrics: metrics.map(Client::new),
            clock,
            data,
            stop,
            running: Some(running),
            _folder: folder,
        }
    }

    /// Stops in order and says how it ended.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.client.hang_up();
        self.stop.cancel();
        self.running
            .take()
            .map_or(Ok(()), |running| running.join().expect("no panic"))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let ended = self.stop();
        assert!(ended.is_ok() || std::thread::panicking(), "{ended:?}");
    }
}

/// The real program, ended by its own pid.
pub struct Program {
    pub client: Client,
    pub metrics: Client,
    pub log: Arc<Mutex<String>>,
    child: Child,
    reading: Option<JoinHandle<()>>,
}

impl Program {
    /// `satreel serve` on this data folder, on a free port.
    pub fn serve(data: &Path) -> Self {
        Self::serve_paid_by(data, "backend = \"wallet\"\n")
    }

    /// The same, with `payments` below `[payments]`.
    pub fn serve_paid_by(data: &Path, payments: &str) -> Self {
        Self::serve_with(data, &data.join("keys.json"), payments)
    }

    /// The same, with the key file somewhere else.
    pub fn serve_with(data: &Path, keys: &Path, payments: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_satreel"));
        command
            .args(["serve", "--config"])
            .arg(Self::config(data, keys, payments))
            .env("RUST_LOG", "trace,hyper=info,h2=info");
        Self::start(command)
    }

    /// Writes the configuration of a site on this data folder.
    pub fn config(data: &Path, keys: &Path, payments: &str) -> PathBuf {
        Self::config_at("http://127.0.0.1:1", "127.0.0.1:0", data, keys, payments)
    }

    /// The same for a site of this address, on this socket address.
    pub fn config_at(url: &str, listen: &str, data: &Path, keys: &Path, payments: &str) -> PathBuf {
        let config = data.join("satreel.toml");
        fs::write(
            &config,
            format!(
                "[site]\nname = \"Test\"\nurl = \"{url}\"\ndata = \"{}\"\nkeys = \"{}\"\n\
                 [server]\nlisten = \"{listen}\"\nmetrics = \"127.0.0.1:0\"\n[payments]\n{payments}\
                 [limits]\norders_per_minute = 1000000\ntokens_per_minute = 1000000\n\
                 grants_per_minute = 1000000\nall_lookups_per_second = 1000000\n",
                data.display(),
                keys.display()
            ),
        )
        .expect("written");
        config
    }

    /// Starts a command that becomes the server.
    pub fn start(mut command: Command) -> Self {
        command.stdout(Stdio::null());
        Self::start_keeping_stdout(command)
    }

    /// The same for a command that is given something by its standard output.
    pub fn start_keeping_stdout(mut command: Command) -> Self {
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (tell, told) = std::sync::mpsc::channel();
        let lines = BufReader::new(child.stderr.take().expect("stderr")).lines();
        let reading = std::thread::spawn({
            let log = log.clone();
            move || {
                for line in lines.map_while(Result::ok) {
                    for said in ["metrics at /metrics address=", "serving address="] {
                        if let Some(address) = line.split(said).nth(1) {
                            let _ = tell.send(address.trim().parse::<SocketAddr>());
                        }
                    }
                    let mut log = log.lock().expect("the log");
                    log.push_str(&line);
                    log.push('\n');
                }
            }
        });
        let (Ok(Ok(metrics)), Ok(Ok(address))) = (told.recv(), told.recv()) else {
            panic!(
                "the server did not start:\n{}",
                log.lock().expect("the log")
            );
        };
        Self {
            client: Client::new(address),
            metrics: Client::new(metrics),
            log,
            child,
            reading: Some(reading),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// kill -9
    pub fn kill(mut self) -> String {
        self.child.kill().expect("killed");
        self.end()
    }

    /// SIGTERM; the exit code and the log.
    pub fn terminate(mut self) -> (Option<i32>, String) {
        self.client.hang_up();
        self.metrics.hang_up();
        let pid = self.child.id().to_string();
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill");
        let status = self.child.wait().expect("ended");
        (status.code(), self.end())
    }

    fn end(&mut self) -> String {
        let _ = self.child.wait();
        if let Some(reading) = self.reading.take() {
            reading.join().expect("the log is read");
        }
        self.log.lock().expect("the log").clone()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for something that the server does on its own, as taking in an edit.
pub fn wait_until(what: &str, mut fact: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !fact() {
        assert!(Instant::now() < deadline, "waited too long: {what}");
        std::thread::yield_now();
    }
}

/// A command of the real program: exit code, stdout, stderr.
pub fn satreel(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_satreel"))
        .args(args)
        .output()
        .expect("it runs");
    (
        output.status.code().expect("an exit code"),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}
