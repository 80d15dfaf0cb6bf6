//! How often the poll asks, and whom it watches. What it finds is shown by the contract suite and
//! end to end.

use satreel_config::SecretString;
use serde_json::json;

use super::*;
use crate::payments::btcpay::client::Client;

/// Nobody is asked here.
fn poll() -> Poll {
    let url = "http://127.0.0.1:1".parse().expect("a URL");
    let key = SecretString::new("key".into());
    Poll {
        store: Store {
            client: Client::new(&url, &key).expect("a client"),
            id: "Store1".into(),
        },
        pace: Pace::default(),
        made: Arc::default(),
        watched: HashMap::new(),
        told: HashMap::new(),
        newest: 0,
        wait: Pace::default().soon,
        late_at: Instant::now(),
        ready: VecDeque::new(),
    }
}

fn data(id: &str, made_at: u64, status: &str) -> InvoiceData {
    let data = json!({
        "id": id, "storeId": "Store1", "amount": "0.00000100", "currency": "BTC",
        "createdTime": made_at, "expirationTime": made_at + 900,
        "monitoringExpiration": made_at + 900 + 86_400, "status": status,
        "additionalStatus": if status == "Settled" { "Marked" } else { "None" },
        "metadata": {},
    });
    serde_json::from_value(data).expect("an invoice")
}

#[test]
fn often_while_orders_are_young_and_seldom_later() {
    let mut poll = poll();
    poll.take(&data("Young", 1000, "New"), &[]);
    let begun = poll.watched["Young"].since;
    let after = |poll: &Poll, seconds| {
        let now = begun + Duration::from_secs(seconds);
        poll.next_wait(now).as_secs()
    };
    assert_eq!((after(&poll, 0), after(&poll, 179)), (5, 5));
    let mut waits = Vec::new();
    for _ in 0..8 {
        poll.wait = poll.next_wait(begun + Duration::from_mins(3));
        waits.push(poll.wait.as_secs());
    }
    assert_eq!(waits, [7, 11, 16, 25, 37, 56, 60, 60]);
    let young = Watched {
        since: begun + Duration::from_secs(170),
        ..poll.watched["Young"]
    };
    poll.watched.insert("Next".into(), young);
    assert_eq!(after(&poll, 200), 5, "somebody new stands at the till");
}

#[tokio::test]
async fn an_order_made_meanwhile_brings_the_next_round_nearer() {
    let mut poll = poll();
    poll.pace.soon = Duration::from_millis(30);
    poll.wait = Duration::from_hours(1);
    poll.made.notify_one();
    let begun = Instant::now();
    poll.pause().await;
    // The hour ends only a failing test.
    assert!(begun.elapsed() >= Duration::from_millis(30));
}

#[test]
fn what_ran_out_is_watched_as_long_as_btcpay_does() {
    let mut poll = poll();
    let day = Duration::from_mins(15) + Duration::from_hours(24);
    poll.take(&data("Old", 1000, "Expired"), &[]);
    let left = poll.watched["Old"].until - Instant::now();
    assert!(
        left <= day && left + Duration::from_mins(1) > day,
        "{left:?}"
    );
    // By BTCPay's own clock its time is over when a newer invoice says so.
    poll.take(&data("New", 1000 + day.as_secs(), "New"), &[]);
    poll.take(&data("Older", 999, "Expired"), &[]);
    assert!(!poll.watched.contains_key("Older"));
    assert!(poll.watched.contains_key("Old") && poll.watched.contains_key("New"));
}

#[test]
fn each_settlement_is_told_once_and_the_oldest_first() {
    let mut poll = poll();
    for (id, made_at) in [("B", 2000), ("A", 1000), ("B", 2000)] {
        poll.take(&data(id, made_at, "Settled"), &[]);
    }
    let mut theirs = data("Euro", 1500, "Settled");
    theirs.currency = "EUR".into();
    poll.take(&theirs, &[]);
    let mut odd = data("Odd", 1500, "Settled");
    odd.amount = Some("a lot".into());
    poll.take(&odd, &[]);
    poll.in_order();
    let told: Vec<_> = poll
        .ready
        .iter()
        .map(|one| one.reference.to_string())
        .collect();
    assert_eq!(told, ["A", "B"]);
    assert_eq!(poll.told.len(), 4, "none of them is read again");
}
