//! Backends, offers and tips.

use super::*;

#[test]
fn a_collection_is_a_pass_with_a_tag() {
    let pass = "{tier = \"pass\", sat = 5, tag = \" Film noir \"}";
    let text = format!("{MINIMAL}[offers]\ntiers = [{{tier = \"pass\", sat = 9}}, {pass}]\n");
    let offers = read(&text)
        .unwrap_or_else(|faults| panic!("{faults}"))
        .offers;
    assert_eq!(offers.tiers.len(), 1);
    let collection = &offers.collections[0];
    assert_eq!(
        (collection.tag.as_str(), collection.hours),
        ("Film noir", None)
    );
    for (tiers, wanted) in [
        (
            "{tier = \"own\", sat = 1, tag = \"noir\"}",
            "tiers[0].tag: only a pass",
        ),
        (
            "{tier = \"pass\", sat = 1, tag = \"\"}",
            "tiers[0].tag: empty",
        ),
        (
            "{tier = \"pass\", sat = 1, tag = \"noir\"}, {tier = \"pass\", sat = 2, tag = \"Noir\"}",
            "tiers[1].tag: this tag has a pass already",
        ),
    ] {
        let found = faults_with("offers", &format!("tiers = [{tiers}]"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(wanted), "{found:?}");
    }
}

#[test]
fn a_kind_is_offered_once() {
    let tiers = "tiers = [{tier = \"own\", sat = 1}, {tier = \"own\", sat = 2}]";
    let found = faults_with("offers", tiers);
    assert_eq!(
        found,
        ["config.toml:8: offers.tiers[1].tier: this kind is offered twice; keep one of them"]
    );
}

#[test]
fn lnd_needs_its_keys() {
    let lnd = MINIMAL.replace("\"wallet\"", "\"lnd\"");
    assert_eq!(
        faults(&lnd),
        [
            "config.toml: payments.lnd: missing; write it below [payments] with its keys address, \
          certificate and macaroon"
        ]
    );
    assert_eq!(
        faults(&format!(
            "{lnd}[payments.lnd]\naddress = \"https://127.0.0.1:10009\"\n"
        )),
        [
            "config.toml:7: payments.lnd.certificate: missing; write certificate = \"…/tls.cert\"",
            "config.toml:7: payments.lnd.macaroon: missing; write macaroon = { file = \"…\" }",
        ]
    );
}

#[test]
fn play_money_is_for_this_machine_or_for_those_who_say_so() {
    let with = |url: &str, more: &str| {
        let text = MINIMAL
            .replace("\"wallet\"", "\"lnd\"")
            .replace("http://127.0.0.1:8420", url);
        let text = format!(
            "{text}[payments.lnd]\naddress = \"https://127.0.0.1:10009\"\n\
             certificate = \"tls.cert\"\nmacaroon = {{ env = \"M\" }}\n{more}"
        );
        read(&text).map(|config| config.network())
    };
    assert_eq!(with("http://127.0.0.1:8420", ""), Ok(None));
    let public = "https://films.example";
    assert_eq!(with(public, ""), Ok(Some(Network::Mainnet)));
    let signet = with(public, "network = \"signet\"\n");
    assert_eq!(signet, Ok(Some(Network::Signet)));
    assert!(with(public, "network = \"mainet\"\n").is_err());
}

#[test]
fn btcpay_needs_its_section() {
    let chosen = MINIMAL.replace("\"wallet\"", "\"btcpay\"");
    let found = faults(&chosen);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("payments.btcpay: missing"), "{found:?}");
    let whole = format!(
        "{chosen}[payments.btcpay]\nurl = \"https://b.example\"\nstore = \"s\"\n\
         api_key = {{ env = \"A\" }}\nwebhook_secret = {{ env = \"B\" }}\n"
    );
    let config = parse(&whole, Path::new("/etc")).expect("good");
    assert_eq!(config.payments.backend, Backend::Btcpay);
    assert_eq!(faults(&whole.replace("store = \"s\"\n", "")).len(), 1);
}

#[test]
fn the_wallet_hides_from_the_world() {
    let found = faults(&MINIMAL.replace("http://127.0.0.1:8420", "https://films.example"));
    assert!(
        found[0].starts_with("config.toml:3: site.url: https://films.example is"),
        "{found:?}"
    );
    let found = faults_with("server", "listen = \"0.0.0.0:80\"");
    assert!(
        found[0].starts_with("config.toml:8: server.listen: 0.0.0.0:80 can"),
        "{found:?}"
    );

    let demo = Config::demo(Path::new("/tmp/demo"));
    assert_eq!(demo.wallet_exposure(), None);
    let moved = demo
        .clone()
        .listening_on("[::1]:9000".parse().expect("an address"));
    assert_eq!(moved.site.url.as_str(), "http://[::1]:9000");
    assert_eq!(moved.wallet_exposure(), None);
    let public = demo.listening_on("192.168.0.2:80".parse().expect("an address"));
    assert!(public.wallet_exposure().is_some());
}

#[test]
fn tips_have_limits_and_plain_names() {
    for (line, wanted) in [
        ("address = \"Tips\"", "no name of a Lightning address"),
        ("address = \"a b\"", "no name of a Lightning address"),
        ("max_sat = 0", "out of range"),
        (
            "min_sat = 1000001",
            "tips.min_sat: more than max_sat, 1000000",
        ),
    ] {
        let found = faults(&format!("{MINIMAL}[tips]\n{line}\n")).join("\n");
        assert!(found.contains(wanted), "{line}: {found}");
    }
}

#[test]
fn a_lightning_address_wants_a_url_that_wallets_ask() {
    let with = |url: &str| {
        let text = format!(
            "[site]\nurl = \"{url}\"\ndata = \"/d\"\n[payments]\nbackend = \"lnd\"\n[payments.lnd]\n\
             address = \"https://127.0.0.1:10009\"\ncertificate = \"c\"\nmacaroon = {{ env = \"M\" }}\n\
             [tips]\naddress = \"tips\"\n"
        );
        parse(&text, Path::new("/")).map_err(|faults| faults.to_string())
    };
    let refused = with("http://films.example").expect_err("no TLS");
    assert!(refused.contains("tips.address: wallets ask"), "{refused}");
    for url in [
        "https://films.example",
        "http://films.onion",
        "http://127.0.0.1:8420",
    ] {
        let config = with(url).unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(config.tips.address.as_deref(), Some("tips"));
    }
}
