use std::fs;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::core::{
    ids::{InvoiceRef, PaymentHash, VideoId},
    money::{Msats, Sats},
    offer::TierKind,
    order::{OrderCode, Subject},
    tag::TagId,
    time::Timestamp,
};

struct Disk(TempDir);

impl Disk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("ledger.db")
    }

    async fn open(&self) -> Ledger {
        Ledger::open(&self.path()).await.expect("a ledger")
    }
}

fn reference(number: u8) -> InvoiceRef {
    InvoiceRef::Hash(PaymentHash::from_bytes([number; 32]))
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

fn sats(sats: u64) -> Sats {
    Sats::new(sats).expect("an amount")
}

fn msats(msats: u64) -> Msats {
    Msats::new(msats).expect("an amount")
}

fn sale(number: u8) -> Sale {
    let code: OrderCode = "A".repeat(44).parse().expect("a code");
    Sale {
        reference: reference(number),
        order: code,
        sold: if number.is_multiple_of(2) {
            Sold::Title(VideoId::from_bytes([number; 8]))
        } else {
            Sold::Collection(TagId::from_bytes([number; 8]))
        },
        tier: TierKind::Rent,
        hours: Some(24),
        price: sats(100),
        received: msats(150_000),
        settled_at: at(u64::from(number)),
        subject: Subject::from_bytes([number; 8]),
        marked: false,
    }
}

fn noted(number: u8, title: Option<VideoId>) -> PendingTip {
    PendingTip {
        reference: reference(number),
        title,
        channel: None,
        amount: sats(21),
        message: "Danke, schön".to_owned(),
        at: at(5),
    }
}

#[tokio::test]
async fn one_purchase_is_recorded_once() {
    let disk = Disk::new();
    let ledger = disk.open().await;
    assert_eq!(
        ledger.record_sale(sale(1)).await.expect("recorded"),
        Entry::Recorded
    );
    assert_eq!(
        ledger.record_sale(sale(1)).await.expect("replayed"),
        Entry::Replayed
    );
    let mut other = sale(1);
    other.received = msats(1);
    assert_eq!(
        ledger.record_sale(other).await.expect("replayed"),
        Entry::Replayed
    );

    let mut btcpay = sale(2);
    btcpay.reference = InvoiceRef::btcpay("Btc1").expect("an id");
    btcpay.tier = TierKind::Own;
    btcpay.hours = None;
    btcpay.marked = true;
    ledger.record_sale(btcpay.clone()).await.expect("recorded");

    drop(ledger);
    let ledger = disk.open().await;
    assert_eq!(
        ledger.sales(at(0)).await.expect("read"),
        [sale(1), btcpay.clone()]
    );
    assert_eq!(ledger.sales(at(2)).await.expect("read"), [btcpay]);
}

#[tokio::test]
async fn a_tip_is_found_by_its_invoice() {
    let ledger = Disk::new().open().await;
    let film = VideoId::from_bytes([7; 8]);
    for tip in [noted(1, Some(film)), noted(2, None)] {
        ledger.note_tip(tip.clone()).await.expect("noted");
        ledger.note_tip(tip.clone()).await.expect("noted again");
        assert_eq!(
            ledger.pending_tip(&tip.reference).await.expect("read"),
            Some(tip)
        );
    }
    let settle = async |number, msat| {
        let entry = ledger
            .settle_tip(&reference(number), msats(msat), at(9))
            .await;
        entry.expect("settled")
    };
    assert_eq!(settle(1, 30_500).await, Some(Entry::Recorded));
    assert_eq!(settle(1, 30_500).await, Some(Entry::Replayed));
    assert_eq!(settle(2, 21_500).await, Some(Entry::Recorded));
    assert_eq!(settle(3, 1000).await, None, "nobody noted this one");

    assert_eq!(ledger.tips_total(Some(film)).await.expect("read"), sats(30));
    assert_eq!(ledger.tips_total(None).await.expect("read"), sats(52));
    let empty = VideoId::from_bytes([8; 8]);
    assert_eq!(
        ledger.tips_total(Some(empty)).await.expect("read"),
        Sats::ZERO
    );
    assert_eq!(ledger.pending_tip(&reference(1)).await.expect("read"), None);
    let tips = ledger.tips(at(0)).await.expect("read");
    assert_eq!((tips.len(), tips[0].message.as_str()), (2, "Danke, schön"));
}

#[tokio::test]
async fn a_tip_recorded_twice_counts_once() {
    let ledger = Disk::new().open().await;
    let tip = Tip {
        reference: reference(1),
        title: None,
        channel: None,
        hidden: false,
        amount: msats(1000),
        message: String::new(),
        at: at(1),
    };
    assert_eq!(
        ledger.record_tip(tip.clone()).await.expect("recorded"),
        Entry::Recorded
    );
    assert_eq!(
        ledger.record_tip(tip).await.expect("replayed"),
        Entry::Replayed
    );
    assert_eq!(ledger.tips_total(None).await.expect("read"), sats(1));
}

#[tokio::test]
async fn a_channels_tips_are_shown_hidden_and_summed() {
    let disk = Disk::new();
    let ledger = disk.open().await;
    let mut changed = ledger.tips_changed();
    for (number, channel) in [(1, "news"), (2, "films"), (3, "news"), (4, "news")] {
        let tip = PendingTip {
            channel: Some(channel.to_owned()),
            ..noted(number, None)
        };
        ledger.note_tip(tip).await.expect("noted");
        let (invoice, when) = (reference(number), at(u64::from(number)));
        let settled = ledger.settle_tip(&invoice, msats(21_000), when).await;
        settled.expect("settled").expect("noted");
        assert!(changed.has_changed().expect("open"));
        changed.mark_unchanged();
    }
    let shown = async |since| {
        let tips = ledger.shown_tips("news", at(since), 2).await.expect("read");
        tips.iter().map(|(number, _)| *number).collect::<Vec<_>>()
    };
    assert_eq!(shown(0).await, [4, 3]);
    assert_eq!(shown(4).await, [4]);
    let hidden = ledger.hide_tip(4, true).await.expect("written");
    assert!(hidden.is_some_and(|tip| tip.hidden) && changed.has_changed().expect("open"));
    assert_eq!(shown(0).await, [3, 1]);
    assert_eq!(
        ledger.tipped("news", at(3)).await.expect("read"),
        sats(42),
        "it came all the same"
    );
    ledger.hide_tip(4, false).await.expect("written");
    assert_eq!(shown(0).await, [4, 3]);
    assert_eq!(ledger.hide_tip(9, true).await.expect("written"), None);
}

#[tokio::test]
async fn strangers_tips_do_not_grow_for_ever() {
    let ledger = Disk::new().open().await;
    ledger.note_tip(noted(1, None)).await.expect("noted");
    let jump = |connection: &mut Connection| {
        let sql = "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'pending_tips'";
        connection.execute(sql, [tips::MAX_PENDING])
    };
    ledger.database.call(jump).await.expect("counted on");
    ledger.note_tip(noted(2, None)).await.expect("noted");
    assert_eq!(ledger.pending_tip(&reference(1)).await.expect("read"), None);
    assert!(
        ledger
            .pending_tip(&reference(2))
            .await
            .expect("read")
            .is_some()
    );
}

#[tokio::test]
async fn progress_survives() {
    let disk = Disk::new();
    let ledger = disk.open().await;
    assert_eq!(ledger.progress().await.expect("read"), None);
    for cursor in [3, 4] {
        let progress = Progress {
            cursor,
            reference: reference(1),
            settled_at: at(2),
        };
        ledger.set_progress(progress.clone()).await.expect("stored");
        assert_eq!(
            disk.open().await.progress().await.expect("read"),
            Some(progress)
        );
    }
}

/// Made and closed by hand, since a ledger's own thread may close its file at any later moment.
fn damaged_in_the_middle() -> Vec<u8> {
    let disk = Disk::new();
    let connection = Connection::open(disk.path()).expect("made");
    connection.execute_batch(MIGRATIONS[0]).expect("filled");
    connection.close().expect("closed");
    let mut bytes = fs::read(disk.path()).expect("read");
    for byte in bytes.iter_mut().skip(4096) {
        *byte = 0x55;
    }
    bytes
}

#[tokio::test]
async fn a_damaged_record_is_set_aside() {
    let garbage = "no database at all. ".repeat(1000).into_bytes();
    for damaged in [garbage, damaged_in_the_middle()] {
        let disk = Disk::new();
        fs::write(disk.path(), &damaged).expect("damaged");
        let ledger = disk.open().await;
        assert!(ledger.sales(at(0)).await.expect("read").is_empty());
        assert_eq!(
            ledger.record_sale(sale(2)).await.expect("goes on"),
            Entry::Recorded
        );
        let kept = fs::read_dir(disk.0.path()).expect("listed").map(|entry| {
            let entry = entry.expect("an entry");
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path(),
            )
        });
        let kept: Vec<_> = kept
            .filter(|(name, _)| name.starts_with("ledger.db.damaged-"))
            .filter(|(name, _)| !name.ends_with("-wal") && !name.ends_with("-shm"))
            .collect();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(fs::read(&kept[0].1).expect("read").len(), damaged.len());
    }
}

#[test]
fn nothing_that_was_set_aside_is_overwritten() {
    let disk = Disk::new();
    let mut names = Vec::new();
    for text in ["one", "two", "three"] {
        fs::write(disk.path(), text).expect("written");
        names.push(set_aside(&disk.path()).expect("set aside"));
    }
    let texts: Vec<_> = names
        .iter()
        .map(|name| fs::read_to_string(name).expect("kept"))
        .collect();
    assert_eq!(texts, ["one", "two", "three"]);
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_no_half_sale() {
    let disk = Disk::new();
    let ledger = disk.open().await;
    let limit = |connection: &mut Connection| {
        let pages: i64 = connection.query_row("PRAGMA page_count", (), |row| row.get(0))?;
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
    };
    ledger.database.call(limit).await.expect("limited");
    let mut full = None;
    for number in 0..=255 {
        if let Err(error) = ledger.record_sale(sale(number)).await {
            full = Some((number, error));
            break;
        }
    }
    let (number, error) = full.expect("the disk fills up");
    assert!(matches!(error, Error::Database(_)), "{error}");

    let room = |connection: &mut Connection| {
        connection.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(()))
    };
    ledger.database.call(room).await.expect("room again");
    assert_eq!(
        ledger.record_sale(sale(number)).await.expect("recorded"),
        Entry::Recorded
    );
}
