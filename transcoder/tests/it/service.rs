//! Under a service manager: ready once it watches, signs of life from the loop, an orderly end.

use std::io::Read as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::rig::Rig;

#[test]
fn it_says_when_it_is_ready_that_it_lives_and_that_it_stops() {
    let rig = Rig::new();
    let path = rig.path("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager
        .set_read_timeout(Some(Duration::from_mins(1)))
        .expect("a patience");
    let told = || {
        let mut buffer = [0; 256];
        let length = manager.recv(&mut buffer).expect("a word");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let mut child = Rig::transcoder()
        .args(["--sandbox", "best-effort", "run", "--live", "127.0.0.1:0"])
        .arg("--data")
        .arg(rig.data())
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "200000")
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    assert_eq!(told(), "READY=1");
    assert!(rig.data().join("inbox").is_dir());
    for _ in 0..3 {
        assert_eq!(told(), "WATCHDOG=1");
    }
    let ended = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(ended.expect("kill").success());
    let mut last = told();
    while last == "WATCHDOG=1" {
        last = told();
    }
    assert_eq!(last, "STOPPING=1");
    let mut log = String::new();
    let stderr = child.stderr.as_mut().expect("stderr");
    stderr.read_to_string(&mut log).expect("a log");
    assert!(child.wait().expect("ended").success(), "{log}");
}
