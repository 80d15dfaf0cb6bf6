//! What is copied when, and what the guardian says.

use copy_places::Weed;
use satreel_config::Place;
use satreel_lnd::{Error, Options, call, proto::lnrpc::GetInfoRequest};

use crate::bench::{Bench, PATIENCE, pair, until};

#[tokio::test]
async fn a_channel_is_copied_as_soon_as_it_opens_and_the_drill_finds_it() {
    let pair = pair().await;
    let shop = pair.shop();
    let (bench, guardian, before) = Bench::following(shop).await;
    assert!(before >= 1);
    pair.open_private(shop, 100_000).await.unwrap();
    until("the new channel", async || {
        bench.everywhere() == Some(before + 1)
    })
    .await;
    let (code, answer) = bench.drill();
    assert_eq!(code, Some(0), "{answer}");
    let all = format!("finds all {} channels", before + 1);
    for line in answer["results"].as_array().unwrap() {
        assert!(line["detail"].as_str().unwrap().contains(&all), "{answer}");
    }
    assert!(
        bench.status().destinations["two"]
            .drill
            .as_ref()
            .unwrap()
            .passed
    );
    let (code, said) = bench.call(&["once"]);
    assert_eq!(code, Some(1), "one of them at a time: {said}");
    assert_eq!(guardian.stop(), Some(0), "{}", bench.log());

    // Nobody follows now: the copies lack what opens meanwhile, and the drill says what.
    pair.open_private(shop, 100_000).await.unwrap();
    let (code, answer) = bench.drill();
    assert_eq!(code, Some(1), "{answer}");
    let lacks = format!("lacks 1 of {} channels", before + 2);
    assert!(answer.to_string().contains(&lacks), "{answer}");
    let (code, said) = bench.call(&["once"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bench.drill().0, Some(0));
    let (code, said) = bench.call(&["verify"]);
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test]
async fn killed_at_any_moment_it_leaves_whole_copies_and_goes_on() {
    let pair = pair().await;
    let shop = pair.shop();
    let bench = Bench::of(shop).await;
    for _ in 0..3 {
        let guardian = bench.run();
        until("a start", async || {
            bench.path("guardian/status.json").exists()
        })
        .await;
        // Whatever it is at: LND tells of a channel while it dies.
        let (opened, ()) = tokio::join!(pair.open_private(shop, 100_000), async {
            guardian.kill9();
        });
        opened.unwrap();
        let (code, said) = bench.call(&["verify"]);
        let absent = said.contains("missing");
        assert!(code == Some(0) || absent, "nothing is half there: {said}");
        assert!(!said.contains("damaged"), "{said}");
    }
    let guardian = bench.run();
    until("all copies", async || {
        bench.everywhere().is_some() && bench.drill().0 == Some(0)
    })
    .await;
    drop(guardian);
}

#[tokio::test]
async fn a_place_that_is_away_gets_all_it_missed_when_it_is_back() {
    let pair = pair().await;
    let shop = pair.shop();
    let (bench, guardian, _) = Bench::following(shop).await;
    std::fs::rename(bench.path("one"), bench.path("away")).unwrap();
    pair.open_private(shop, 100_000).await.unwrap();
    let newest = || bench.status().channels.unwrap().saved;
    until("the fault", async || bench.fault("one").is_some()).await;
    until("the other place", async || {
        bench.status().destinations["two"].channels == Some(newest())
    })
    .await;
    std::fs::rename(bench.path("away"), bench.path("one")).unwrap();
    until("the place", async || bench.everywhere().is_some()).await;
    assert_eq!(bench.drill().0, Some(0));
    assert_eq!(guardian.stop(), Some(0));
    assert_eq!(bench.call(&["verify"]).0, Some(0));
}

#[tokio::test]
async fn a_store_without_room_keeps_nobody_waiting_and_gets_what_it_missed() {
    let weed = Weed::start_small().await;
    let pair = pair().await;
    let shop = pair.shop();
    let path = "folder".into();
    let places = [
        ("store", weed.place("films", "copies")),
        ("folder", Place::Folder { path }),
    ];
    let bench = Bench::with(shop, &places).await;
    let guardian = bench.run();
    until("the first copies", async || bench.everywhere().is_some()).await;
    weed.fill().await;
    pair.open_private(shop, 100_000).await.unwrap();
    until("the fault", async || bench.fault("store").is_some()).await;
    let newest = || bench.status().channels.unwrap().saved;
    until("the folder", async || {
        bench.status().destinations["folder"].channels == Some(newest())
    })
    .await;
    // Whoever is asked says so: the drill of the store fails, that of the folder does not.
    let (code, answer) = bench.drill();
    assert_eq!(code, Some(1), "{answer}");
    let well = |line: &serde_json::Value| (line["name"].clone(), line["ok"].clone());
    let lines: Vec<_> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(well)
        .collect();
    let expected = [("store", false), ("folder", true)].map(|(name, ok)| (name.into(), ok.into()));
    assert_eq!(lines, expected, "{answer}");
    weed.make_room().await;
    until("the store", async || bench.everywhere().is_some()).await;
    assert_eq!(bench.drill().0, Some(0));
    assert_eq!(guardian.stop(), Some(0));
}

#[tokio::test]
async fn the_macaroon_can_do_nothing_else_and_a_wider_one_is_told() {
    let pair = pair().await;
    let shop = pair.shop();
    let bench = Bench::of(shop).await;
    assert_eq!(bench.call(&["once"]).0, Some(0));
    let found = bench.status().macaroon.unwrap();
    assert!(
        found.missing.is_empty() && found.spare.is_empty(),
        "{found:?}"
    );
    let macaroon = std::fs::read(bench.path("macaroon")).unwrap();
    let node = satreel_lnd::Node::new(Options {
        address: shop.address(),
        certificate: shop.certificate(),
        macaroon: std::sync::Arc::new(move || Ok(macaroon.clone().into())),
    });
    let mut lightning = node.unwrap().lightning();
    let refused = call("GetInfo", PATIENCE, lightning.get_info(GetInfoRequest {})).await;
    assert!(
        matches!(refused, Err(Error::MissingPermission(_))),
        "{refused:?}"
    );

    bench.put_macaroon(&std::fs::read(shop.admin_macaroon()).unwrap());
    let (code, said) = bench.call(&["once"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("permits more than backups"), "{said}");
    let found = bench.status().macaroon.unwrap();
    assert!(
        found.spare.contains(&"offchain:write".to_owned()),
        "{found:?}"
    );

    bench.put_macaroon(&shop.bake(&[("info", "read")]).await.unwrap());
    let (code, said) = bench.call(&["once"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("lacks a permission"), "{said}");
    assert!(bench.status().node_fault.is_some());
}

#[tokio::test]
async fn the_node_may_restart_under_it() {
    let pair = pair().await;
    let shop = pair.shop();
    let (bench, guardian, before) = Bench::following(shop).await;
    shop.kill9().unwrap();
    until("the fault", async || bench.status().node_fault.is_some()).await;
    shop.start().await.unwrap();
    pair.rejoin().await.unwrap();
    until("the node", async || bench.status().node_fault.is_none()).await;
    pair.open_private(shop, 100_000).await.unwrap();
    until("the new channel", async || {
        bench.everywhere() == Some(before + 1)
    })
    .await;
    assert_eq!(guardian.stop(), Some(0));
}
