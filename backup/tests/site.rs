//! A site by the real program: saved, encrypted, fetched from a folder, and back in an empty place.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::{fs, path::Path, process::Command};

use age::{secrecy::ExposeSecret, x25519};

/// The exit code, and all that was said.
fn call(config: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let (name, rest) = arguments.split_first().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_satreel-backup"))
        .arg(name)
        .arg("--config")
        .arg(config)
        .args(rest)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn a_site_goes_to_a_folder_and_comes_back() {
    let bench = tempfile::tempdir().unwrap();
    let path = |name: &str| bench.path().join(name);
    let key = x25519::Identity::generate();
    fs::write(path("key.txt"), key.to_string().expose_secret()).unwrap();
    fs::create_dir_all(path("data/titles/00ff10a9bcdef012")).unwrap();
    fs::write(path("data/keys.json"), "{\"keys\": []}").unwrap();
    fs::write(path("data/titles/00ff10a9bcdef012/title.json"), "{}").unwrap();
    let config = path("satreel.toml");
    let text = format!(
        "[site]\nurl = \"http://127.0.0.1:1\"\ndata = \"data\"\n[payments]\nbackend = \"wallet\"\n\
         [backup]\nfolder = \"guardian\"\nsite = true\nrecipients = [\"{}\"]\n\
         [[backup.destination]]\nname = \"usb\"\nkind = \"folder\"\npath = \"usb\"\n",
        key.to_public()
    );
    fs::write(&config, &text).unwrap();
    for step in [["prepare"].as_slice(), &["once"]] {
        let (code, said) = call(&config, step);
        assert_eq!(code, Some(0), "{step:?}: {said}");
    }
    let (key, into) = (path("key.txt"), path("restored"));
    let (key, into) = (key.to_str().unwrap(), into.to_str().unwrap());
    let (code, said) = call(&config, &["drill", "--identity", key]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 titles' data"), "{said}");

    // The data is gone. What lies at the destination tells nothing without the key.
    fs::remove_dir_all(path("data")).unwrap();
    let restore = [
        "restore",
        "--from",
        "usb",
        "--identity",
        key,
        "--into",
        into,
    ];
    let (code, said) = call(&config, &restore);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("00ff10a9bcdef012"),
        "the film is not there: {said}"
    );
    let back = |name: &str| fs::read_to_string(path("restored").join(name)).unwrap();
    assert_eq!(back("keys.json"), "{\"keys\": []}");
    assert_eq!(back("satreel.toml"), text);
    assert_eq!(back("titles/00ff10a9bcdef012/title.json"), "{}");

    let (code, said) = call(&config, &restore);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("--replace"), "{said}");
    let again = [restore.as_slice(), &["--replace"]].concat();
    let (code, said) = call(&config, &again);
    assert_eq!(code, Some(0), "{said}");
}
