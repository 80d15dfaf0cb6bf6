//! How much one visitor, and all together, may ask for.
//!
//! Rates are counted by GCRA: a visitor is one number, the time until which all that was asked for
//! is used up. Memory is bounded: of more visitors than fit, those that ask least are forgotten,
//! and what all may do together still holds. Nothing here knows an address ([`super::client`]).

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use parking_lot::Mutex;
use quick_cache::unsync::Cache;
use satreel_config::Limits as Settings;

use super::{client::Client, problem::ApiError};
use crate::core::time::Timestamp;

/// Visitors remembered, each under every kind that was asked for: some 4 MB when full.
const REMEMBERED: usize = 65_536;
/// The tables grow to it, so that a quiet site does not pay for them.
const EXPECTED: usize = 1024;
/// Purchases that may be restored in one go.
const RECOVERIES_AT_ONCE: u32 = 10;
/// Nobody guesses a signature; this keeps a stranger from making the server check them at will.
const KNOCKS_PER_MINUTE: u32 = 30;
/// How soon to come back for an event stream, when others have to end first.
const STREAM_RETRY_S: u64 = 10;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Makes an invoice.
    Order,
    /// A ticket to be turned into access.
    Token,
    /// A receipt to be turned into access.
    Recovery,
    Grant,
    /// How an order stands, or its QR code.
    Look,
    /// Somebody wants into the studio.
    Knock,
}

/// So much in so much time, and how much of it at once. Times are in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    /// From one to the next, when all is used up.
    interval: u64,
    /// How far ahead of the even pace somebody may be.
    tolerance: u64,
}

impl Rate {
    const fn new(number: u32, seconds: u64, at_once: u32) -> Self {
        let interval = seconds * 1_000_000 / number as u64;
        Self {
            interval,
            tolerance: interval * at_once as u64,
        }
    }

    /// What is used up after one more; or how long to wait.
    fn take(self, used_up: u64, now: u64) -> Result<u64, u64> {
        // Beyond what this could have made: the clock was set back.
        let used_up = if used_up > now + self.tolerance {
            now
        } else {
            used_up.max(now)
        };
        let next = used_up + self.interval;
        let most = now + self.tolerance;
        if next > most {
            Err(next - most)
        } else {
            Ok(next)
        }
    }
}

/// See the module's head.
#[derive(Debug)]
pub struct Limits {
    settings: Settings,
    clients: Mutex<Cache<(Kind, Client), u64>>,
    all_orders: Mutex<u64>,
    all_lookups: Mutex<u64>,
    streams: Arc<Mutex<Streams>>,
}

impl Limits {
    pub fn new(settings: Settings) -> Self {
        let clients = Cache::with_weighter(EXPECTED, REMEMBERED as u64, quick_cache::UnitWeighter);
        Self {
            settings,
            clients: Mutex::new(clients),
            all_orders: Mutex::default(),
            all_lookups: Mutex::default(),
            streams: Arc::default(),
        }
    }

    /// Counts one more, or refuses it.
    pub fn take(&self, kind: Kind, client: Client, now: Timestamp) -> Result<(), ApiError> {
        let now = now.as_unix().saturating_mul(1_000_000);
        let rate = self.rate(kind);
        let key = (kind, client);
        let mut clients = self.clients.lock();
        let used_up = clients.get(&key).copied().unwrap_or(0);
        let next = rate.take(used_up, now).map_err(too_many)?;
        clients.insert(key, next);
        drop(clients);
        let second = |number| Rate::new(number, 1, number);
        let all = match kind {
            Kind::Order => (
                &self.all_orders,
                second(self.settings.all_orders_per_second),
            ),
            Kind::Token | Kind::Recovery | Kind::Look => (
                &self.all_lookups,
                second(self.settings.all_lookups_per_second),
            ),
            Kind::Grant | Kind::Knock => return Ok(()),
        };
        let mut used_up = all.0.lock();
        *used_up = all.1.take(*used_up, now).map_err(|_| {
            ApiError::Busy("many are asking at the moment; nothing was charged: try again soon")
        })?;
        Ok(())
    }

    fn rate(&self, kind: Kind) -> Rate {
        let minute = |number: u32| Rate::new(number, 60, number);
        match kind {
            Kind::Order => {
                let number = self.settings.orders_per_minute;
                Rate::new(number, 60, number.div_ceil(3))
            }
            Kind::Token => minute(self.settings.tokens_per_minute),
            Kind::Recovery => {
                let number = self.settings.recoveries_per_hour;
                Rate::new(number, 3600, number.min(RECOVERIES_AT_ONCE))
            }
            Kind::Grant => minute(self.settings.grants_per_minute),
            Kind::Look => minute(self.settings.looks_per_minute),
            Kind::Knock => minute(KNOCKS_PER_MINUTE),
        }
    }

    /// A place for one event stream, given back when it is dropped.
    pub fn stream(&self, client: Client) -> Result<Seat, ApiError> {
        let mut streams = self.streams.lock();
        if streams.all >= self.settings.all_streams {
            return Err(ApiError::Busy(
                "many are waiting at the moment; nothing is lost: try again soon",
            ));
        }
        let own = streams.by_client.entry(client).or_default();
        if *own >= self.settings.streams {
            return Err(ApiError::TooMany {
                retry_after_s: STREAM_RETRY_S,
            });
        }
        *own += 1;
        streams.all += 1;
        Ok(Seat {
            client,
            streams: Arc::clone(&self.streams),
        })
    }
}

fn too_many(wait: u64) -> ApiError {
    ApiError::TooMany {
        retry_after_s: wait.div_ceil(1_000_000),
    }
}

#[derive(Debug, Default)]
struct Streams {
    all: u32,
    by_client: HashMap<Client, u32>,
}

/// One event stream's place.
#[derive(Debug)]
pub struct Seat {
    client: Client,
    streams: Arc<Mutex<Streams>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut streams = self.streams.lock();
        streams.all = streams.all.saturating_sub(1);
        if let Entry::Occupied(mut own) = streams.by_client.entry(self.client) {
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use proptest::prelude::*;

    use super::*;
    use crate::web::client::Clients;

    const START: u64 = 1_800_000_000;

    fn visitors() -> impl Fn(u32) -> Client {
        let clients = Clients::new(Vec::new()).expect("a key");
        move |number| {
            let address = std::net::Ipv4Addr::from_bits(number).into();
            clients.client(address, &HeaderMap::new())
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(START + seconds)
    }

    fn wait(refused: Result<(), ApiError>) -> u64 {
        match refused.expect_err("refused") {
            ApiError::TooMany { retry_after_s } => retry_after_s,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_visitor_has_a_burst_and_then_an_even_pace() {
        let (limits, visitor) = (Limits::new(Settings::default()), visitors());
        let order = |number, seconds| limits.take(Kind::Order, visitor(number), at(seconds));
        for _ in 0..10 {
            order(1, 0).expect("the burst");
        }
        assert_eq!(wait(order(1, 0)), 2);
        order(2, 0).expect("somebody else");
        limits
            .take(Kind::Grant, visitor(1), at(0))
            .expect("something else");
        assert_eq!(wait(order(1, 1)), 1);
        order(1, 2).expect("two seconds are one order");
        assert_eq!(wait(order(1, 2)), 2);
        for _ in 0..10 {
            order(1, 60).expect("a whole burst again");
        }
        assert_eq!(wait(order(1, 60)), 2, "and no more than that");
    }

    #[test]
    fn restoring_is_much_slower() {
        let (limits, visitor) = (Limits::new(Settings::default()), visitors());
        let recover = |seconds| limits.take(Kind::Recovery, visitor(1), at(seconds));
        for _ in 0..10 {
            recover(0).expect("the burst");
        }
        assert_eq!(wait(recover(0)), 60);
        recover(60).expect("one a minute");
        assert_eq!(wait(recover(60)), 60);
    }

    #[test]
    fn all_together_are_held_back_without_blame() {
        let (limits, visitor) = (Limits::new(Settings::default()), visitors());
        let order = |number, seconds| limits.take(Kind::Order, visitor(number), at(seconds));
        for number in 0..50 {
            order(number, 0).expect("fifty in a second");
        }
        assert!(matches!(order(50, 0), Err(ApiError::Busy(_))));
        order(51, 1).expect("the next second");
        limits
            .take(Kind::Look, visitor(50), at(0))
            .expect("not an order");
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let (limits, visitor) = (Limits::new(Settings::default()), visitors());
        limits
            .take(Kind::Order, visitor(1), at(86_400))
            .expect("tomorrow");
        limits
            .take(Kind::Order, visitor(1), at(0))
            .expect("today again");
    }

    #[test]
    fn more_visitors_than_fit_need_no_more_memory() {
        let settings = Settings {
            all_lookups_per_second: 1_000_000,
            ..Settings::default()
        };
        let (limits, visitor) = (Limits::new(settings), visitors());
        for number in 0..100_000 {
            limits
                .take(Kind::Look, visitor(number), at(0))
                .expect("new");
        }
        assert!(limits.clients.lock().len() <= REMEMBERED);
    }

    #[test]
    fn streams_are_counted_while_they_last() {
        let settings = Settings {
            all_streams: 25,
            ..Settings::default()
        };
        let (limits, visitor) = (Limits::new(settings), visitors());
        let mut seats: Vec<_> = (0..20)
            .map(|_| limits.stream(visitor(1)).expect("a seat"))
            .collect();
        assert!(matches!(
            limits.stream(visitor(1)),
            Err(ApiError::TooMany { .. })
        ));
        let others: Vec<_> = (2..7)
            .map(|number| limits.stream(visitor(number)).expect("a seat"))
            .collect();
        assert!(matches!(limits.stream(visitor(9)), Err(ApiError::Busy(_))));
        drop(others);
        seats.pop();
        seats.push(limits.stream(visitor(1)).expect("one went"));
        drop(seats);
        let streams = limits.streams.lock();
        assert_eq!((streams.all, streams.by_client.len()), (0, 0));
    }

    proptest! {
        /// Whatever the pace, nobody gets more than the burst and the time's share.
        #[test]
        fn nobody_gets_more_than_the_rate(
            number in 1..10_000_u32,
            at_once in 1..100_u32,
            steps in prop::collection::vec(0..3_000_000_u64, 1..300),
        ) {
            let rate = Rate::new(number, 60, at_once);
            let (mut used_up, mut now, mut taken) = (0, START * 1_000_000, 0_u64);
            let begun = now;
            for step in steps {
                now += step;
                match rate.take(used_up, now) {
                    Ok(next) => {
                        used_up = next;
                        taken += 1;
                    }
                    Err(wait) => prop_assert!(rate.take(used_up, now + wait).is_ok()),
                }
            }
            prop_assert!(taken <= u64::from(at_once) + (now - begun) / rate.interval);
        }
    }
}
