//! RTMP and RTMPS over sockets: a thread a publisher, and limits on all that a stranger can hold.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::gate::{Gate, Passed};
use super::health::Doctor;
use super::house::{House, Out, Pass};
use super::patience::Patience;
use super::refusal::Refusal;
use super::rest::{Due, Kind, Rest};
use super::rtmp::session::{Said, Session};
use super::wire::{Wire, secure};
use crate::life::Pulse;
use crate::site::Site;
use satreel_tls::Identity;

/// Connections of all kinds.
const MOST: usize = 256;
/// Connections of one address that have shown no key yet: many publishers may share one, and come
/// back all at once.
const MOST_STRANGERS: usize = 64;
/// A publisher that does not read our few answers for so long is gone.
const UNREAD: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_secs(1);
/// How long a read waits, at the most, before the clock is looked at.
const GLANCE: Duration = Duration::from_secs(1);
/// A part of 1080p fits mostly: one read a part.
const BUFFER: usize = 256 << 10;
const TRY_AGAIN: Duration = Duration::from_secs(5);
const STACK: usize = 256 << 10;

/// Serves publishers for as long as the process lives. The pulse is of whoever looks after broadcasts.
pub(crate) fn start(site: &Site) -> io::Result<Pulse> {
    let house = Arc::new(House::open(site, now_ms()));
    let keeper = Arc::clone(&house);
    let pulse = Pulse::new(Instant::now());
    let beating = pulse.clone();
    thread("live", move || {
        loop {
            keeper.look_after(now_ms());
            beating.beat(Instant::now());
            std::thread::sleep(TICK);
        }
    })?;
    let artist = Arc::clone(&house);
    thread("stills", move || {
        loop {
            artist.take_stills(now_ms());
            std::thread::sleep(TICK);
        }
    })?;
    let door = Arc::new(Door {
        house,
        strangers: Strangers::default(),
    });
    if let Some(tls) = &site.live.secure {
        let (door, address) = (Arc::clone(&door), tls.listen);
        let identity = Identity::new("[live]", &tls.certificate, &tls.key, &[]);
        let identity = Arc::new(identity);
        thread("rtmps", move || door.serve(address, Some(&identity)))?;
    }
    let address = site.live.listen;
    thread("rtmp", move || door.serve(address, None))?;
    Ok(pulse)
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK);
    builder.spawn(body).map(drop)
}

/// Where publishers come in, by whichever address.
struct Door {
    house: Arc<House>,
    strangers: Strangers,
}

impl Door {
    fn serve(&self, address: SocketAddr, identity: Option<&Arc<Identity>>) {
        let listener = bind(address, identity.is_some());
        loop {
            match listener.accept() {
                Ok((socket, from)) => {
                    let Some(seat) = self.strangers.seat(from.ip()) else {
                        // Closed at once: whoever floods us gets nothing to hold.
                        continue;
                    };
                    let (house, identity) = (Arc::clone(&self.house), identity.cloned());
                    let served = thread("publisher", move || {
                        let wire = match identity {
                            Some(identity) => secure(socket, &identity),
                            None => Ok(Wire::Plain(socket)),
                        };
                        match wire {
                            Ok(wire) => Connection::serve(&house, wire, from, seat),
                            Err(error) => tracing::error!(%error, "nobody can connect by TLS"),
                        }
                    });
                    if let Err(error) = served {
                        tracing::warn!(%error, "no thread for a publisher");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot take a publisher's connection");
                    std::thread::sleep(TICK);
                }
            }
        }
    }
}

/// Another process may hold the address for a moment, or for good.
fn bind(address: SocketAddr, secure: bool) -> TcpListener {
    let (protocol, key) = if secure {
        ("RTMPS", "tls_listen")
    } else {
        ("RTMP", "listen")
    };
    let mut told = false;
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => {
                let bound = listener.local_addr().unwrap_or(address);
                tracing::info!(address = %bound, "{protocol}");
                return listener;
            }
            Err(error) if !told => {
                told = true;
                tracing::warn!(%address, %error, "no broadcasts by {protocol}: set `{key}` of `[live]` to a free address, or stop who has it");
            }
            Err(_) => {}
        }
        std::thread::sleep(TRY_AGAIN);
    }
}

/// Who is connected, and who of them has shown no key.
#[derive(Debug, Default, Clone)]
struct Strangers(Arc<Mutex<(usize, HashMap<IpAddr, usize>)>>);

/// One connection's place; given back when dropped.
#[derive(Debug)]
struct Seat {
    of: Strangers,
    from: IpAddr,
    is_stranger: bool,
}

impl Strangers {
    fn seat(&self, from: IpAddr) -> Option<Seat> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, strangers) = &mut *held;
        let mine = strangers.get(&from).copied().unwrap_or(0);
        if *all >= MOST || mine >= MOST_STRANGERS {
            return None;
        }
        *all += 1;
        strangers.insert(from, mine + 1);
        Some(Seat {
            of: self.clone(),
            from,
            is_stranger: true,
        })
    }
}

impl Seat {
    fn known(&mut self) {
        if std::mem::take(&mut self.is_stranger) {
            let mut held = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(mine) = held.1.get_mut(&self.from) {
                *mine -= 1;
                if *mine == 0 {
                    held.1.remove(&self.from);
                }
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.known();
        let mut held = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.0 -= 1;
    }
}

struct Connection<'a> {
    house: &'a House,
    wire: Wire,
    from: SocketAddr,
    session: Session,
    gate: Gate,
    doctor: Doctor,
    pass: Option<Pass>,
    patience: Patience,
    rest: Rest,
    due: Due,
    /// The longest rest after which nothing has to wait at the other side; None: it is to be watched.
    most: Option<Duration>,
    /// What goes on air of what was read, until it does.
    passed: Vec<Passed>,
    begun: Instant,
}

/// Why the connection is over.
enum Over {
    /// In order, by silence, or because the other side is gone.
    Gone(&'static str),
    Told(Refusal),
    Broken(String),
}

impl Connection<'_> {
    fn serve(house: &House, wire: Wire, from: SocketAddr, mut seat: Seat) {
        let mut connection = Connection {
            house,
            wire,
            from,
            session: Session::new(),
            gate: Gate::default(),
            doctor: Doctor::default(),
            pass: None,
            patience: Patience::default(),
            rest: Rest::default(),
            due: Due::default(),
            most: None,
            passed: Vec::new(),
            begun: Instant::now(),
        };
        let over = connection.run(&mut seat);
        if let Some(pass) = &connection.pass {
            pass.leave(now_ms());
        }
        match over {
            Over::Gone(why) => tracing::debug!(%from, why, "a publisher's connection ended"),
            Over::Broken(why) => tracing::info!(%from, why, "a connection is closed"),
            Over::Told(refusal) => {
                tracing::info!(%from, %refusal, "a publisher is turned away");
                let code = match refusal {
                    Refusal::Key | Refusal::Throttled => "NetStream.Publish.Denied",
                    _ => "NetStream.Publish.BadName",
                };
                connection.session.refuse(code, &refusal.to_string());
                let words = std::mem::take(&mut connection.session.out);
                connection.wire.part(&words);
            }
        }
        let _ = connection.wire.socket().shutdown(Shutdown::Both);
    }

    fn run(&mut self, seat: &mut Seat) -> Over {
        let socket = self.wire.socket();
        let _ = socket.set_nodelay(true);
        let _ = socket.set_write_timeout(Some(UNREAD));
        let _ = socket.set_read_timeout(Some(GLANCE));
        let mut buffer = vec![0; BUFFER];
        let mut said = Vec::new();
        loop {
            if let Err(late) = self.patience.check(self.begun.elapsed()) {
                return late.refusal().map_or(Over::Gone(late.words()), Over::Told);
            }
            self.rest();
            let read = match self.wire.read(&mut buffer) {
                Ok(0) => return Over::Gone("it left"),
                Ok(read) => read,
                Err(error) if is_nothing_yet(&error) => continue,
                Err(_) => return Over::Gone("it broke off"),
            };
            self.patience.bytes(self.begun.elapsed());
            self.doctor.bytes(read);
            let fed = self.session.feed(&buffer[..read], &mut said);
            let heard = said.drain(..).try_for_each(|said| self.hear(said, seat));
            // What came before a fault goes on air.
            if let Err(over) = self.air().and(heard) {
                return over;
            }
            if let Err(violation) = fed {
                return Over::Broken(violation.to_string());
            }
            if self.send().is_err() {
                return Over::Gone("it does not read");
            }
        }
    }

    /// Lets come what is of no use before more of it has come.
    fn rest(&mut self) {
        let now = self.begun.elapsed();
        if let Some(most) = self.most
            && let Some(rest) = self.rest.how_long(self.due, now, most)
        {
            std::thread::sleep(rest);
        }
        if self.rest.is_unsure() && !self.wire.has_more() {
            self.rest.waits();
        }
    }

    fn hear(&mut self, said: Said, seat: &mut Seat) -> Result<(), Over> {
        match said {
            Said::Publish { key } => {
                let pass = self
                    .house
                    .enter(&key, self.from.ip(), now_ms())
                    .map_err(over)?;
                seat.known();
                self.patience.key(self.begun.elapsed());
                self.pass = Some(pass);
                self.session.accept();
                Ok(())
            }
            Said::Video { time, body } => self
                .gate
                .picture(time, &body, &mut self.passed)
                .map_err(Over::Told),
            Said::Audio { time, body } => self
                .gate
                .sound(time, &body, &mut self.passed)
                .map_err(Over::Told),
            Said::Leaves => Err(Over::Gone("it said goodbye")),
        }
    }

    /// All that was read goes on air.
    fn air(&mut self) -> Result<(), Over> {
        let now = self.begun.elapsed();
        for passed in &self.passed {
            let came = match passed {
                Passed::Picture(frame) => {
                    self.patience.picture(now);
                    self.rest.came(Kind::Picture, frame.decoded_ms, now)
                }
                Passed::Sound(frame) => self.rest.came(Kind::Sound, frame.decoded_ms, now),
                Passed::Cut => {
                    self.rest.cut();
                    now
                }
                Passed::PictureFormat(_) | Passed::SoundFormat(_) => now,
            };
            self.doctor.see(passed, came);
        }
        let Some(pass) = &self.pass else {
            return Ok(());
        };
        if !self.passed.is_empty() {
            self.due = pass.push(self.passed.drain(..), now_ms()).map_err(over)?;
        }
        if let Some(health) = self.doctor.due(now, self.gate.dropped) {
            pass.health(&health).map_err(over)?;
            self.most = self.doctor.lasts(self.wire.room());
        }
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        let out = std::mem::take(&mut self.session.out);
        self.wire.write_all(&out)
    }
}

/// A signal, or the end of a wait: whose time is up, the next look says.
fn is_nothing_yet(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn over(out: Out) -> Over {
    match out {
        Out::Refused(refusal) => Over::Told(refusal),
        Out::Unwritable(_) => Over::Broken(out.to_string()),
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_have_few_seats_and_give_them_back() {
        let strangers = Strangers::default();
        let from = |last| IpAddr::from([10, 0, 0, last]);
        let mut seats: Vec<Seat> = (0..MOST_STRANGERS)
            .filter_map(|_| strangers.seat(from(1)))
            .collect();
        assert_eq!(seats.len(), MOST_STRANGERS);
        assert!(strangers.seat(from(1)).is_none());
        assert!(strangers.seat(from(2)).is_some());
        seats[0].known();
        assert!(
            strangers.seat(from(1)).is_some(),
            "who has a key is no stranger"
        );
        let all: Vec<Seat> = (0..=255)
            .filter_map(|last| strangers.seat(from(last)))
            .collect();
        assert_eq!(all.len() + seats.len(), MOST);
        drop((seats, all));
        assert_eq!(*strangers.0.lock().expect("a lock"), (0, HashMap::new()));
    }
}
