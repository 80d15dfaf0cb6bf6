use super::*;

struct Plain;

impl AssetUrls for Plain {
    fn url(&self, logical: &str) -> &str {
        match logical {
            "style.css" => "/assets/style-1.css",
            _ => "/assets/other-1",
        }
    }
}

fn site() -> Site {
    Site {
        name: "Kino <Ember>".into(),
        url: Some("https://films.example".into()),
        demo: true,
        lightning_address: None,
    }
}

fn title(id: u64, tags: &[&str]) -> Title {
    Title {
        id: format!("{id:016x}"),
        name: format!("Film {id} </script><script>alert(1)</script>"),
        description: "A \"quoted\" <b>line</b>".into(),
        tags: tags.iter().map(|&tag| tag.into()).collect(),
        tiers: vec![
            Offer {
                id: "rent".into(),
                tier: "rent".into(),
                sat: 100,
                hours: Some(24),
                label: tier_label("rent", None, Some(24)),
                ..Offer::default()
            },
            Offer {
                id: "own".into(),
                tier: "own".into(),
                sat: 3000,
                hours: None,
                label: tier_label("own", None, None),
                ..Offer::default()
            },
        ],
        preview_s: 4.0,
        duration_s: Some(62.0),
        poster: Some(format!("/posters/{id:016x}.jpg?v=1")),
        hover: (id == 1).then(|| format!("/posters/{id:016x}/hover.mp4?v=1")),
        state: "published".into(),
        url: format!("/w/{id:016x}"),
        ..Title::default()
    }
}

#[test]
fn what_a_tier_gives_reads_plainly() {
    for (tier, hours, words) in [
        ("rent", Some(1), "1 hour"),
        ("rent", Some(24), "24 hours"),
        ("rent", Some(36), "36 hours"),
        ("rent", Some(48), "2 days"),
        ("own", None, "For ever"),
        ("pass", Some(720), "Every film, 30 days"),
        ("pass", None, "Every film, for ever"),
    ] {
        assert_eq!(tier_label(tier, None, hours), words);
    }
    assert_eq!(
        tier_label("pass", Some("noir"), Some(720)),
        "All films tagged noir, 30 days"
    );
}

#[test]
fn lengths_and_prices_read_as_people_write_them() {
    assert_eq!(length(0.4), "0:00");
    assert_eq!(length(62.0), "1:02");
    assert_eq!(length(5520.0), "1:32:00");
    assert_eq!(sats(3000), "3,000\u{202f}sat");
    assert_eq!(sats(100), "100\u{202f}sat");
}

/// A name may hold anything: it must neither end the data element nor become markup.
#[test]
fn a_hostile_name_stays_text() {
    let page = film(
        &site(),
        &Plain,
        &Film {
            title: title(1, &[]),
        },
    )
    .into_string();
    assert!(!page.contains("<script>alert"));
    let (_, data) = page.split_once("type=\"application/json\">").unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["title"]["name"], title(1, &[]).name);
    assert!(page.contains("Kino &lt;Ember&gt;"));
}

/// The policy forbids inline scripts, so every script of ours has a source.
#[test]
fn no_script_is_inline() {
    let pages = [
        film(
            &site(),
            &Plain,
            &Film {
                title: title(1, &[]),
            },
        ),
        storefront(
            &site(),
            &Plain,
            &Storefront {
                titles: vec![title(1, &[])],
                ..Storefront::default()
            },
        ),
        purchases(&site(), &Plain),
        wallet(&site(), &Plain, &Wallet::default()),
        not_found(&site(), &Plain),
    ];
    for page in pages {
        let page = page.into_string();
        for script in page.split("<script").skip(1) {
            let (attributes, _) = script.split_once('>').unwrap();
            assert!(
                attributes.contains("src=") || attributes.contains("application/json"),
                "{attributes}"
            );
        }
        for handler in [" onclick=", " onload=", " onerror=", " onsubmit="] {
            assert!(!page.contains(handler), "{handler}");
        }
        assert!(page.contains("/assets/style-1.css"));
    }
}

#[test]
fn the_storefront_shelves_by_tag_and_pages() {
    let mut titles: Vec<_> = (0..8)
        .map(|id| title(id, if id < 4 { &["Short & sweet"] } else { &[] }))
        .collect();
    titles[6].state = "live".into();
    let view = Storefront {
        titles,
        total: 20,
        page: 1,
        pages: 3,
        ..Storefront::default()
    };
    let page = storefront(&site(), &Plain, &view).into_string();
    assert!(page.contains("/?tag=Short%20%26%20sweet"));
    assert!(page.contains("href=\"/?page=2\""));
    let (_, hero) = page.split_once("class=\"hero\"").unwrap();
    assert!(
        hero.starts_with(" data-title=\"0000000000000006\""),
        "what is live comes first"
    );
}

#[test]
fn an_empty_cinema_says_so() {
    let page = storefront(&site(), &Plain, &Storefront::default()).into_string();
    assert!(page.contains("No films yet"));
}

#[test]
fn the_plain_order_page_says_where_the_payment_stands() {
    let order = |state| OrderPlain {
        title: title(1, &[]),
        label: "24 hours".into(),
        amount_sat: 100,
        payment_request: "lnbc1u1example".into(),
        expires_at: "2026-01-01T00:00:00Z".into(),
        qr_url: "/api/orders/o/qr.svg".into(),
        ticket: "secret".into(),
        pay_uri: "lightning:lnbc1u1example".into(),
        demo_wallet: None,
        state,
    };
    let page = |state| order_plain(&site(), &Plain, &order(state)).into_string();
    let waiting = page(PlainState::Waiting);
    assert!(waiting.contains("href=\"lightning:lnbc1u1example\""));
    assert!(waiting.contains(">lnbc1u1example</textarea>"));
    assert!(waiting.contains("/api/orders/o/qr.svg"));
    assert!(page(PlainState::NotYet).contains("No payment has arrived yet"));
    assert!(
        page(PlainState::Underpaid { received_sat: 60 })
            .contains("60\u{202f}sat arrived, 40 are missing.")
    );
    let confirming = page(PlainState::Confirming);
    assert!(confirming.contains("It opens with the first confirmation"));
    assert!(!confirming.contains("Open wallet"), "nobody pays twice");
    let expired = page(PlainState::Expired);
    assert!(expired.contains("This code ran out."));
    assert!(expired.contains("name=\"tier\" value=\"rent\""));
    let paid = page(PlainState::Paid {
        master_url: "/m/g/1/master.m3u8".into(),
    });
    assert!(paid.contains("Paid. Enjoy the film."));
    assert!(!paid.contains("lightning:"));
}
