//! What can be wrong with a node, and that it passes.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use lightning_invoice::{Bolt11Invoice, RouteHint};
use lnd_pair::{NARROW, Pair};
use satreel::{
    core::money::Msats,
    payments::{Cursor, Error, Health, Invoice, InvoiceBackend, lnd::Expected},
};
use satreel_config::Network;

use crate::bench::{Files, PATIENCE, REGTEST, away, invoice, pair, ready, until};

#[tokio::test]
async fn another_certificate_is_refused_until_its_file_is_renewed() {
    let pair = pair().await;
    let files = Files::of(pair.shop()).await;
    files.put_certificate(pair.buyer());
    let backend = files.backend(REGTEST);
    away(&backend, "shows another certificate than").await;
    let refused = backend.create(invoice(1)).await;
    assert!(matches!(refused, Err(Error::Away(_))), "{refused:?}");

    files.put_certificate(pair.shop());
    ready(&backend).await;
    backend.create(invoice(1)).await.unwrap();

    std::fs::write(files.certificate(), "nonsense").unwrap();
    away(&files.backend(REGTEST), "no PEM certificate").await;
    std::fs::remove_file(files.certificate()).unwrap();
    away(&files.backend(REGTEST), "cannot read LND's certificate").await;
}

#[tokio::test]
async fn a_macaroon_that_does_not_do_is_named_until_it_is_replaced() {
    let pair = pair().await;
    let files = Files::of(pair.shop()).await;
    files.put_macaroon(&pair.shop().bake(&[("invoices", "read")]).await.unwrap());
    let backend = files.backend(REGTEST);
    away(&backend, "lacks a permission for GetInfo").await;
    files.put_macaroon(&pair.buyer().bake(&NARROW).await.unwrap());
    away(&backend, "does not take the macaroon").await;
    files.put_macaroon(b"nonsense");
    away(&backend, "does not take the macaroon").await;
    std::fs::remove_file(files.macaroon()).unwrap();
    away(&backend, "cannot read the macaroon").await;

    // As hex text, with a line's end, as people copy it.
    let narrow = hex::encode(pair.shop().bake(&NARROW).await.unwrap());
    files.put_macaroon(format!("{narrow}\n").as_bytes());
    ready(&backend).await;

    let reads = [("invoices", "read"), ("info", "read"), NARROW[3]];
    files.put_macaroon(&pair.shop().bake(&reads).await.unwrap());
    let backend = files.backend(REGTEST);
    ready(&backend).await;
    let refused = backend.create(invoice(1)).await.unwrap_err().to_string();
    assert!(
        refused.contains("lacks a permission for AddInvoice"),
        "{refused}"
    );
    files.put_macaroon(&pair.shop().bake(&NARROW).await.unwrap());
    let deadline = Instant::now() + PATIENCE;
    while backend.create(invoice(1)).await.is_err() {
        assert!(Instant::now() < deadline, "the new macaroon is not used");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_locked_wallet_is_waited_for() {
    let node = pair().await.bare("bare").await.unwrap();
    let mut files = Files::of(pair().await.shop()).await;
    files.address = node.address();
    files.put_certificate(&node);
    let backend = files.backend(REGTEST);
    away(&backend, "has no wallet yet").await;
    node.create_wallet().await.unwrap();
    files.put_macaroon(&node.bake(&NARROW).await.unwrap());
    ready(&backend).await;

    node.stop().await.unwrap();
    away(&backend, "cannot reach LND").await;
    node.start_closed().await.unwrap();
    away(&backend, "wallet is locked").await;
    let refused = backend.create(invoice(1)).await;
    assert!(matches!(refused, Err(Error::Away(_))), "{refused:?}");
    node.unlock().await.unwrap();
    ready(&backend).await;
}

#[tokio::test]
async fn play_money_is_not_taken_for_bitcoin() {
    let files = Files::of(pair().await.shop()).await;
    let backend = files.backend(Expected {
        network: Some(Network::Mainnet),
        dearest: None,
    });
    away(&backend, "LND is on regtest, this site takes mainnet").await;
    let refused = backend.create(invoice(1)).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn a_node_that_is_not_there_is_said_so() {
    let mut files = Files::of(pair().await.shop()).await;
    // Port 1: nobody listens, and nobody may start to.
    files.address = "https://127.0.0.1:1".into();
    away(
        &files.backend(REGTEST),
        "cannot reach LND at 127.0.0.1:1: Connection refused",
    )
    .await;
}

#[tokio::test]
async fn what_no_channel_can_bring_is_not_sold() {
    let lone = pair().await.lone("lone").await.unwrap();
    let files = Files::of(&lone).await;
    let backend = files.backend(REGTEST);
    let nothing = Health::Ready {
        receivable: Some(Msats::ZERO),
    };
    until(&backend, "empty", |health| *health == nothing).await;
    let refused = backend.create(invoice(1)).await;
    assert!(
        matches!(refused, Err(Error::CannotReceive { most: Msats::ZERO })),
        "{refused:?}"
    );

    // The pair's channel brings up to 5,000,000 sat, less what the buyer has to keep.
    let lists = [
        NARROW.as_slice(),
        &[("uri", "/lnrpc.Lightning/ListChannels")],
    ]
    .concat();
    for permissions in [&NARROW[..], &lists] {
        let files = Files::of(pair().await.shop()).await;
        files.put_macaroon(&pair().await.shop().bake(permissions).await.unwrap());
        let backend = files.backend(REGTEST);
        ready(&backend).await;
        let refused = backend.create(invoice(5_000_001)).await;
        let Err(Error::CannotReceive { most }) = refused else {
            panic!("{refused:?}");
        };
        assert!(
            (4_000_000_000..5_000_000_000).contains(&most.get()),
            "{most:?}"
        );
        let made = backend.create(invoice(most.get() / 1000)).await.unwrap();
        backend.cancel(&made.reference).await.unwrap();
    }
}

#[tokio::test]
async fn an_invoice_says_the_way_over_private_channels() {
    let pair = pair().await;
    let hidden = pair.lone("hidden").await.unwrap();
    pair.open_private(&hidden, 100_000).await.unwrap();
    let lists = [&NARROW[..], &[("uri", "/lnrpc.Lightning/ListChannels")]].concat();
    for permissions in [&NARROW[..], &lists] {
        let files = Files::of(&hidden).await;
        files.put_macaroon(&hidden.bake(permissions).await.unwrap());
        let backend = files.backend(REGTEST);
        ready(&backend).await;
        // LND hints at a way once it has heard that its neighbour is public.
        let deadline = Instant::now() + PATIENCE;
        let made = loop {
            let made = backend.create(invoice(100)).await.unwrap();
            if !hints(&made).is_empty() {
                break made;
            }
            assert!(Instant::now() < deadline, "no way is told");
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        pair.pay(&made.payment_request, None).await.unwrap();
    }

    // The shop's channel is public: with the right to know that, nothing is told.
    let files = Files::of(pair.shop()).await;
    files.put_macaroon(&pair.shop().bake(&lists).await.unwrap());
    let backend = files.backend(REGTEST);
    ready(&backend).await;
    let made = backend.create(invoice(100)).await.unwrap();
    assert_eq!(hints(&made), []);
}

fn hints(made: &Invoice) -> Vec<RouteHint> {
    let parsed: Bolt11Invoice = made.payment_request.parse().unwrap();
    parsed.route_hints()
}

#[tokio::test]
async fn nothing_is_lost_when_lnd_is_killed_or_freezes() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::start(folder.path()).await.unwrap();
    let files = Files::of(pair.shop()).await;
    let backend = files.backend(REGTEST);
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(backend.create(invoice(10)).await.unwrap());
    }
    pair.pay(&made[0].payment_request, None).await.unwrap();
    let mut stream = backend.settlements(Cursor(0)).await.unwrap();
    // The nodes' own first payment is on the node too.
    let first = loop {
        let next = stream.next().await.unwrap().unwrap();
        if next.reference == made[0].reference {
            break next;
        }
    };
    let cursor = first.settled().unwrap().cursor;

    // Paid just before the end of it.
    pair.pay(&made[1].payment_request, None).await.unwrap();
    pair.shop().kill9().unwrap();
    while let Some(Ok(more)) = stream.next().await {
        assert_eq!(more.reference, made[1].reference);
    }
    away(&backend, "cannot reach LND").await;
    pair.shop().start().await.unwrap();
    pair.rejoin().await.unwrap();
    ready(&backend).await;

    let mut stream = backend.settlements(cursor).await.unwrap();
    let second = stream.next().await.unwrap().unwrap();
    assert_eq!(second.reference, made[1].reference);
    pair.pay(&made[2].payment_request, None).await.unwrap();
    loop {
        let next = stream.next().await.unwrap().unwrap();
        if next.reference == made[2].reference {
            break;
        }
    }

    // Frozen, it takes connections and says nothing: a viewer is told in time.
    pair.shop().freeze().unwrap();
    let refused = backend.create(invoice(1)).await;
    assert!(matches!(refused, Err(Error::Away(_))), "{refused:?}");
    away(&backend, "did not answer").await;
    pair.shop().thaw().unwrap();
    ready(&backend).await;
    backend.create(invoice(1)).await.unwrap();
}
