use std::fs;

use satreel_hls::live::broadcast::{self, BROADCAST};
use tempfile::TempDir;

use super::*;
use crate::core::{offer::TierKind, order::Subject};

const ID: VideoId = VideoId::from_bytes([7; 8]);
const PAID_AT: u64 = 1_800_000_000;
const HOUR_S: u64 = 3600;

struct House(TempDir);

impl House {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn live(&self) -> PathBuf {
        self.0.path().join("live")
    }

    fn open(&self) -> Outages {
        let live = Arc::new(Live::open(&self.live(), 1 << 20).expect("opened"));
        Outages::open(self.0.path(), live, 60).expect("opened")
    }

    /// Seconds after the payment; None: it lasts.
    fn say(&self, standing: Standing, outages: &[(u64, Option<u64>)]) -> BroadcastFile {
        let ms = |seconds: u64| (PAID_AT + seconds) * 1000;
        let outages = outages.iter().map(|(from, to)| broadcast::Outage {
            from_ms: ms(*from),
            to_ms: to.map(ms),
        });
        let about = BroadcastFile {
            channel: "news".to_owned(),
            standing,
            started_ms: ms(0) - 60_000,
            outages: outages.collect(),
            unrecorded: None,
        };
        let folder = self.live().join(ID.to_string());
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(
            folder.join(BROADCAST),
            serde_json::to_vec(&about).expect("text"),
        )
        .expect("written");
        about
    }
}

fn rent(scope: Scope) -> Access {
    Access {
        scope,
        tier: TierKind::Rent,
        term: Term::Hours {
            paid_at: at(0),
            hours: 1,
        },
        subject: Subject::NOBODY,
    }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(PAID_AT + seconds)
}

#[test]
fn an_outage_outlives_its_broadcast_and_the_server() {
    let house = House::new();
    let about = house.say(
        Standing::Live,
        &[(100, Some(159)), (200, Some(320)), (3700, Some(3800))],
    );
    let outages = house.open();
    let scopes = [
        (Scope::Title(ID), 220),
        (Scope::Tag(TagId::of("news")), 220),
        (Scope::Site, 220),
        (Scope::Title(VideoId::from_bytes([8; 8])), 0),
        (Scope::Tag(TagId::of("films")), 0),
    ];
    let credits = |outages: &Outages, when: &str| {
        for (scope, credit_s) in scopes {
            let found = outages.credit_s(&rent(scope), at(HOUR_S));
            assert_eq!(found, credit_s, "{scope} {when}");
        }
    };
    credits(&outages, "before it is on record");
    assert!(outages.keep_all(&outages.live.all()));
    credits(&outages, "on record");
    let file = house.0.path().join("channels/outages/news.json");
    let written = fs::read_to_string(&file).expect("a record");
    // The same outages once more change nothing.
    outages.keep(ID, &about).expect("kept");
    assert_eq!(fs::read_to_string(&file).expect("a record"), written);

    fs::remove_dir_all(house.live().join(ID.to_string())).expect("gone");
    credits(&house.open(), "after a restart, without the broadcast");
    fs::write(&file, "{").expect("damaged");
    assert_eq!(house.open().credit_s(&rent(Scope::Site), at(HOUR_S)), 0);
    assert!(
        outages
            .keep(ID, &house.say(Standing::Live, &[(400, Some(500))]))
            .is_err()
    );
    assert_eq!(fs::read_to_string(&file).expect("left alone"), "{");
}

#[test]
fn one_that_lasts_keeps_the_rent_open() {
    let house = House::new();
    house.say(Standing::Away, &[(HOUR_S - 10, None)]);
    let outages = house.open();
    let title = rent(Scope::Title(ID));
    assert_eq!(outages.credit_s(&title, at(HOUR_S + 20)), 30);
    assert!(outages.keep_all(&outages.live.all()));
    assert_eq!(outages.credit_s(&title, at(HOUR_S + 50)), 60);
    // Nobody came back: that was the broadcast's end.
    house.say(Standing::Ended, &[(HOUR_S - 10, None)]);
    assert_eq!(house.open().credit_s(&title, at(HOUR_S + 50)), 0);
}

#[test]
fn none_is_longer_than_a_publisher_is_waited_for() {
    let house = House::new();
    house.say(Standing::Away, &[(100, Some(90_000)), (200_000, None)]);
    let outages = house.open();
    let title = Access {
        term: Term::Hours {
            paid_at: at(0),
            hours: 100,
        },
        ..rent(Scope::Title(ID))
    };
    assert_eq!(outages.credit_s(&title, at(300_000)), 7200);
}

#[test]
fn whoever_rented_nothing_gets_nothing() {
    let house = House::new();
    house.say(Standing::Live, &[(100, Some(200))]);
    let outages = house.open();
    for term in [Term::Forever, Term::Until(at(HOUR_S))] {
        let access = Access {
            term,
            ..rent(Scope::Title(ID))
        };
        assert_eq!(outages.credit_s(&access, at(300)), 0);
    }
}

#[test]
fn the_oldest_go_where_there_are_too_many() {
    let house = House::new();
    let outages = house.open();
    let many: Vec<_> = (0..1001).map(|n| (n * 200, Some(n * 200 + 100))).collect();
    let about = house.say(Standing::Live, &many);
    outages.keep(ID, &about).expect("kept");
    let known = outages.known.read();
    let record = known
        .get(&"news".parse::<ChannelName>().expect("a name"))
        .expect("a record");
    assert_eq!(record.since(at(0)).count(), 1000);
    assert_eq!(record.since(at(0)).next().expect("one").1.from, at(200));
}
