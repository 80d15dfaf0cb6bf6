mod backup;
mod example;
mod money;

use std::path::Path;

use proptest::prelude::*;
use satreel_hls::live::Mode;

use crate::{
    Backend, Config, Faults, Ladder, Loudness, Network, Offers, Sandbox, Secret, Tls, load, parse,
};

const MINIMAL: &str = r#"
[site]
url = "http://127.0.0.1:8420"
data = "data"
[payments]
backend = "wallet"
"#;

fn read(text: &str) -> Result<Config, Faults> {
    parse(text, Path::new("/etc/satreel"))
}

fn faults(text: &str) -> Vec<String> {
    let faults = read(text).expect_err("a fault");
    faults.iter().map(ToString::to_string).collect()
}

/// The faults of the minimal file with one more line in one of its sections.
fn faults_with(section: &str, line: &str) -> Vec<String> {
    let head = format!("[{section}]\n");
    let text = if MINIMAL.contains(&head) {
        MINIMAL.replace(&head, &format!("{head}{line}\n"))
    } else {
        format!("{MINIMAL}{head}{line}\n")
    };
    faults(&text)
}

#[test]
fn little_is_required() {
    let config = read(MINIMAL).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.site.data, Path::new("/etc/satreel/data"));
    assert_eq!(config.site.keys, Path::new("/etc/satreel/data/keys.json"));
    assert_eq!(
        config.transcoder.watch,
        Path::new("/etc/satreel/data/inbox")
    );
    assert_eq!(config.transcoder.sandbox, Sandbox::Required);
    assert_eq!(config.transcoder.loudness, Loudness::AsIs);
    assert_eq!(config.transcoder.ladder, Ladder::default());
    assert_eq!(config.payments.backend, Backend::Wallet);
    assert_eq!(config.offers, Offers::default());
    assert_eq!(config.live.folder, Path::new("/etc/satreel/data/live"));
    assert_eq!(config.live.secure, None);
    assert_eq!(config.live.credit_after_s, 60);
}

#[test]
fn broadcasts_by_tls_need_an_address_and_a_certificate() {
    let live = |keys: &str| format!("{MINIMAL}\n[live]\nfolder = \"/run/live\"\n{keys}\n");
    let whole = "tls_listen = \"0.0.0.0:1936\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"";
    let config = read(&live(&format!("{whole}\ncredit_after_s = 30")))
        .unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.live.folder, Path::new("/run/live"));
    assert_eq!(config.live.credit_after_s, 30);
    let secure = config.live.secure.expect("a certificate");
    assert_eq!(secure.listen.port(), 1936);
    assert_eq!(secure.certificate, Path::new("/etc/satreel/c.pem"));
    assert_eq!(secure.key, Path::new("/etc/satreel/k.pem"));
    for line in whole.lines() {
        let faults = read(&live(line)).expect_err("a fault").to_string();
        assert!(
            faults.contains("write tls_listen, certificate and key"),
            "{faults}"
        );
    }
}

#[test]
fn all_faults_come_in_one_go_with_their_lines() {
    let text = r#"
[site]
nmae = "x"
url = "films.example"
[server]
listen = "localhost"
cache_mb = 0
[payments]
backnd = "wallet"
"#;
    assert_eq!(
        faults(text),
        [
            "config.toml:2: site.data: missing; write data = \"/var/lib/satreel\"",
            "config.toml:3: site.nmae: unknown key; did you mean \"name\"?",
            "config.toml:4: site.url: no URL: it has to begin with https:// or http://; \
             for example \"https://films.example\"",
            "config.toml:6: server.listen: \"localhost\" is no address; \
             write IP and port, for example \"127.0.0.1:8420\"",
            "config.toml:7: server.cache_mb: 0 is out of range; write a number from 1 to 65536",
            "config.toml:8: payments.backend: missing; write backend = \"wallet\"",
            "config.toml:9: payments.backnd: unknown key; did you mean \"backend\"?",
        ]
    );
}

#[test]
fn an_empty_file_says_what_it_needs() {
    assert_eq!(
        faults(""),
        [
            "config.toml: site.url: missing; write url = \"https://films.example\"",
            "config.toml: site.data: missing; write data = \"/var/lib/satreel\"",
            "config.toml: payments.backend: missing; write backend = \"wallet\"",
        ]
    );
}

#[test]
fn a_ladder_of_ones_own() {
    let text =
        format!("{MINIMAL}\n[transcoder]\nrungs = [480, 720]\ncrf = 20\npreset = \"slow\"\n");
    let config = read(&text).unwrap_or_else(|faults| panic!("{faults}"));
    let ladder = config.transcoder.ladder;
    assert_eq!((ladder.rungs, ladder.crf), (vec![720, 480], 20));
    let live = format!("{MINIMAL}\n[live]\nrungs = [360, 480]\nmode = \"plain\"\n");
    let live = parse(&live, Path::new("/srv")).expect("good").live;
    assert_eq!((live.rungs, live.mode), (vec![480, 360], Mode::Plain));
    let none = format!("{MINIMAL}\n[live]\nrungs = []\n");
    let none = parse(&none, Path::new("/srv")).expect("good").live;
    assert_eq!((none.rungs, none.mode), (Vec::new(), Mode::Fast));
    assert_eq!(ladder.preset.name(), "slow");
    for (section, line, wanted) in [
        ("transcoder", "rungs = 720", "a list of sizes is wanted"),
        ("transcoder", "rungs = []", "0 sizes; write one to 8"),
        (
            "transcoder",
            "rungs = [720, 481]",
            "481 is odd or there twice",
        ),
        (
            "transcoder",
            "rungs = [720, 720]",
            "720 is odd or there twice",
        ),
        (
            "transcoder",
            "rungs = [64]",
            "write a number from 96 to 2160",
        ),
        ("live", "rungs = [720, 481]", "481 is odd"),
        (
            "live",
            "rungs = [720, 480, 360, 240, 144]",
            "5 sizes; a broadcast has 4",
        ),
        ("live", "mode = \"slow\"", "write \"fast\" or"),
        ("transcoder", "crf = 0", "write a number from 15 to 35"),
        ("transcoder", "preset = \"placebo\"", "or \"slow\""),
    ] {
        let faults = faults_with(section, line).join("\n");
        assert!(faults.contains(wanted), "{line}: {faults}");
    }
}

#[test]
fn a_site_that_speaks_tls_names_its_certificate() {
    let files = "mode = \"files\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"";
    let text = format!("{MINIMAL}\n[tls]\n{files}\n");
    let faults = read(&text).expect_err("no https").to_string();
    assert!(
        faults.contains("site.url") && faults.contains("write https://"),
        "{faults}"
    );
    let config =
        read(&text.replace("http://", "https://")).unwrap_or_else(|faults| panic!("{faults}"));
    let wanted = Tls::Files {
        certificate: "/etc/satreel/c.pem".into(),
        key: "/etc/satreel/k.pem".into(),
    };
    assert_eq!(config.tls, wanted);
    for (line, wanted) in [
        ("mode = \"on\"", "write \"off\" or \"files\" or \"acme\""),
        (
            "mode = \"files\"",
            "write certificate = \"…/fullchain.pem\"",
        ),
        ("key = \"x\"", "write mode = \"files\""),
        (
            "redirect = \"0.0.0.0:80\"",
            "write mode = \"files\" or \"acme\"",
        ),
    ] {
        let faults = faults_with("tls", line).join("\n");
        assert!(faults.contains(wanted), "{line}: {faults}");
    }
}

#[test]
fn a_site_orders_its_certificate() {
    let https = MINIMAL.replace("http://127.0.0.1:8420", "https://Films.localhost");
    assert_ne!(https, MINIMAL);
    let with = |lines: &str| read(&format!("{https}\n[tls]\nmode = \"acme\"\n{lines}\n"));
    let config = with("redirect = \"0.0.0.0:80\"").unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(
        config.redirect,
        Some("0.0.0.0:80".parse().expect("an address"))
    );
    let Tls::Acme(plain) = config.tls else {
        panic!("{:?}", config.tls);
    };
    assert_eq!(plain.domains, ["films.localhost"]);
    let directory = plain.directory.as_str();
    assert_eq!(directory, "https://acme-v02.api.letsencrypt.org/directory");
    assert_eq!(plain.directory, directory.parse().expect("a URL"));
    assert_eq!(plain.folder, config.site.data.join("acme"));
    assert_eq!((plain.contact, plain.root), (None, None));
    let lines = "domains = [\"www.films.localhost\", \"FILMS.localhost\"]\ncontact = \"mailto:me@films.example\"\n\
                 directory = \"https://ca.lan:9000/acme/directory\"\nroot = \"ca.pem\"\nfolder = \"certs\"";
    let Tls::Acme(own) = with(lines).unwrap_or_else(|faults| panic!("{faults}")).tls else {
        panic!("another mode");
    };
    assert_eq!(own.domains, ["www.films.localhost", "films.localhost"]);
    assert_eq!(own.contact.as_deref(), Some("me@films.example"));
    assert_eq!(own.root, Some("/etc/satreel/ca.pem".into()));
    assert_eq!(own.folder, Path::new("/etc/satreel/certs"));
    for (line, wanted) in [
        ("domains = [\"*.films.localhost\"]", "no star"),
        ("domains = [\"10.1.2.3\"]", "no IP address"),
        ("domains = []", "write 1 to 100"),
        (
            "domains = [\"www.films.localhost\"]",
            "write \"films.localhost\" too",
        ),
        ("contact = \"me\"", "you@films.example"),
        ("directory = \"http://ca.lan/\"", "write https://"),
        ("key = \"k.pem\"", "write mode = \"files\""),
        ("mail = \"x\"", "unknown key"),
    ] {
        let faults = with(line).expect_err(line).to_string();
        assert!(faults.contains(wanted), "{line}: {faults}");
    }
    let address = https.replace("Films.localhost", "127.0.0.1");
    let faults = read(&format!("{address}\n[tls]\nmode = \"acme\"\n")).expect_err("an address");
    assert!(
        faults.to_string().contains("write the site's name"),
        "{faults}"
    );
}

#[test]
fn each_fault_has_its_words() {
    for (section, line, wanted) in [
        (
            "site",
            "name = 3",
            "a text in quotes is wanted here, not a whole number",
        ),
        ("site", "name = \"\"", "site.name: empty"),
        ("site", "name = \"a\\nb\"", "control character"),
        ("site", "accent = \"orange\"", "\"orange\" is no colour"),
        ("server", "listen = [1]", "not a list"),
        (
            "server",
            "trusted_proxies = [\"me\"]",
            "\"me\" is no IP address or network",
        ),
        ("server", "cache_mb = 99999999999999999999", "out of range"),
        ("server", "cache_mb = 1.5", "not a fraction"),
        (
            "server",
            "zebra = 1",
            "known here: listen, metrics, trusted_proxies, cache_mb",
        ),
        ("payments", "invoice_minutes = 1441", "from 1 to 1440"),
        ("offers", "tiers = 1", "a list is wanted here"),
        (
            "offers",
            "tiers = [1]",
            "offers.tiers[0]: a table is wanted here",
        ),
        (
            "offers",
            "tiers = [{tier = \"rent\", sat = 1}]",
            "offers.tiers[0].hours: missing",
        ),
        (
            "offers",
            "tiers = [{tier = \"own\", sat = 1, hours = 1}]",
            "lasts for ever",
        ),
        (
            "offers",
            "tiers = [{tier = \"own\", sat = 0}]",
            "tiers = [] to make titles free",
        ),
        (
            "offers",
            "tiers = [{tier = \"own\"}]",
            "offers.tiers[0].sat: missing",
        ),
        (
            "offers",
            "tiers = [{tier = \"own\", sat = 1, hour = 1}]",
            "did you mean \"hours\"?",
        ),
        (
            "offers",
            "tiers = [{tier = \"rent\", sat = 1, hours = 8761}]",
            "from 1 to 8760",
        ),
        (
            "payments.lnd",
            "macaroon = \"0201036c6e64\"",
            "a secret never stands in this file",
        ),
        (
            "payments.lnd",
            "macaroon = { path = \"x\" }",
            "not a place for a secret",
        ),
        (
            "payments.lnd",
            "macaroon = { env = \"A=B\" }",
            "its name may hold",
        ),
        (
            "payments.lnd",
            "macaroon = { credential = \"../x\" }",
            "its name may hold",
        ),
        (
            "payments.lnd",
            "macaroon = { env = \"A\", file = \"b\" }",
            "exactly one of",
        ),
        ("limits", "sessions = 0", "from 1 to 100"),
        ("limits", "order_per_minute = 5", "did you mean"),
        ("paymints", "x = 1", "did you mean \"payments\"?"),
    ] {
        let found = faults_with(section, line);
        assert!(
            found.iter().any(|fault| fault.contains(wanted)),
            "{line}: {found:#?}"
        );
    }
}

#[test]
fn an_inline_secret_is_never_repeated() {
    for line in [
        "macaroon = \"0201036c6e64\"",
        "macaroon = { 0201036c6e64 = \"0201036c6e64\" }",
    ] {
        let found = faults_with("payments.lnd", line);
        assert!(
            found.iter().all(|fault| !fault.contains("0201036c6e64")),
            "{found:?}"
        );
    }
}

#[test]
fn broken_toml_is_shown_with_its_line() {
    let found = faults("[site]\nname = \"x\nurl = \n");
    assert!(found[0].starts_with("config.toml:2: "), "{found:?}");
    let found = faults("[site]\nname = \"x\"\nname = \"y\"\n");
    assert!(found[0].starts_with("config.toml:3: "), "{found:?}");
}

#[test]
fn secrets_are_references() {
    let text = format!(
        "{MINIMAL}[payments.btcpay]\nurl = \"https://b.example/x/\"\nstore = \"s\"\n\
         api_key = {{ file = \"key\" }}\nwebhook_secret = {{ credential = \"hook\" }}\n"
    );
    let config = read(&text).unwrap_or_else(|faults| panic!("{faults}"));
    let btcpay = config.payments.btcpay.expect("a section");
    assert_eq!(btcpay.url.as_str(), "https://b.example/x");
    assert_eq!(btcpay.api_key, Secret::File("/etc/satreel/key".into()));
    assert_eq!(btcpay.webhook_secret, Secret::Credential("hook".into()));
}

#[test]
fn a_missing_or_monstrous_file_is_a_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("satreel.toml");
    let words = |path| load(path).expect_err("a fault").to_string();
    assert!(words(&path).contains("satreel.toml: cannot be read"));
    std::fs::write(&path, [0xff, 0xfe]).expect("written");
    assert!(words(&path).contains("UTF-8"));
    std::fs::write(&path, "#".repeat(1 << 21)).expect("written");
    assert!(words(&path).contains("longer than 1 MB"));
    assert!(words(folder.path()).contains("cannot be read"));
}

/// Pieces that reach deep into the readers more often than any text would.
fn toml_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "[site]\n",
        "[server]\n",
        "[payments]\n",
        "[payments.lnd]\n",
        "[offers]\n",
        "[[offers.tiers]]\n",
        "name",
        "url",
        "data",
        "tiers",
        "tier",
        "sat",
        "hours",
        "listen",
        "macaroon",
        "trusted_proxies",
        " = ",
        "=",
        ".",
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        ",",
        "\n",
        "1",
        "-1",
        "0x",
        "1e9",
        "nan",
        "true",
        "\"http://127.0.0.1\"",
        "\"https://[::1]:1/\"",
        "\"rent\"",
        "\"\"",
        "1979-05-27",
        "\u{0}",
        "é",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_panics(text in ".*") {
        let _ = read(&text);
    }

    #[test]
    fn nothing_like_toml_panics(text in toml_like()) {
        if let Err(faults) = read(&text) {
            prop_assert!(faults.iter().count() > 0);
            let lines = text.lines().count() + 1;
            prop_assert!(faults.iter().all(|fault| fault.line.is_none_or(|line| line <= lines)));
        }
    }
}
