//! The example configuration: it is what it says, with its comments taken for keys, too.

use std::path::Path;

use satreel_hls::title::TierKind;

use super::read;
use crate::{Config, Limits, Tls, load};

#[test]
fn the_example_is_valid_and_says_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("satreel.toml");
    let example = load(&path).unwrap_or_else(|faults| panic!("{faults}"));
    let mut demo = Config::demo(Path::new("/var/lib/satreel"));
    demo.site.accent = "#ff8a3d".parse().ok();
    demo.server.metrics = "127.0.0.1:8421".parse().ok();
    demo.server.trusted_proxies = ["127.0.0.1", "::1"].map(|ip| ip.parse().expect(ip)).into();
    demo.limits = Limits::default();
    demo.origin = example.origin.clone();
    assert_eq!(example, demo);
}

/// The example with this mode below `[tls]`, and without the keys there that are another's.
fn with_tls(example: &[&str], mode: &str, without: &[&str]) -> Config {
    let mut section = "";
    let mut lines = example.to_vec();
    lines.retain(|line| {
        if line.starts_with('[') {
            section = line;
        }
        let key = line.split(" = ").next().unwrap_or_default();
        section != "[tls]" || !without.contains(&key)
    });
    let text = lines
        .join("\n")
        .replace("mode = \"off\"", &format!("mode = \"{mode}\""))
        // Play money is for no public address.
        .replace("http://127.0.0.1:8420", "https://localhost:8420")
        .replace("[\"films.example\"", "[\"localhost\"");
    read(&text).unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

/// Every key is documented: the commented sections of the example parse as well.
#[test]
fn the_examples_comments_are_valid_too() {
    let text = include_str!("../../satreel.toml");
    let uncommented: Vec<&str> = text
        .lines()
        .map(|line| match line.trim_start().strip_prefix("# ") {
            Some(rest) if rest.starts_with('[') || rest.contains(" = ") => rest,
            _ => line,
        })
        .filter(|line| !line.starts_with(['#', ' ']) || line.contains("tier ="))
        .collect();
    let of_acme = ["domains", "contact", "directory", "root", "folder"];
    let acme = with_tls(&uncommented, "acme", &["certificate", "key"]);
    assert!(matches!(acme.tls, Tls::Acme(_)));
    let config = with_tls(&uncommented, "files", &of_acme);
    assert!(matches!(config.tls, Tls::Files { .. }));
    assert!(config.payments.lnd.is_some() && config.payments.btcpay.is_some());
    let backup = config.backup.expect("backups");
    assert_eq!(backup.destinations.len(), 3);
    assert_eq!(
        (backup.keep_days, backup.site, backup.node.is_some()),
        (30, false, true)
    );
    assert_eq!(config.offers.tiers[2].tier, TierKind::Pass);
    assert_eq!(config.offers.collections[0].tag, "noir");
}
