//! The invoices that can still be paid, bounded in number: a flood of orders must not fill the
//! node. Counts what this process made; a restart begins with none.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;

use super::{Error, Sale};
use crate::{
    core::{ids::InvoiceRef, time::Timestamp},
    payments,
};

/// How many are tried, when the oldest turn out to be paid, before giving up.
const TRIES: usize = 100;

/// Shared by whoever makes invoices.
#[derive(Debug)]
pub struct OpenInvoices {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Oldest first, with the end of each.
    made: VecDeque<(InvoiceRef, Timestamp)>,
    being_made: usize,
}

impl OpenInvoices {
    pub fn new(most: usize) -> Self {
        Self {
            most,
            state: Mutex::default(),
        }
    }

    /// Room for one more, if there is any.
    fn room(self: &Arc<Self>, now: Timestamp) -> Option<Room> {
        let mut state = self.state.lock();
        state.made.retain(|(_, end)| now < *end);
        if state.made.len() + state.being_made >= self.most {
            return None;
        }
        state.being_made += 1;
        Some(Room(Arc::clone(self)))
    }

    /// Takes out the oldest that nobody waits for.
    fn give_up(&self, awaited: impl Fn(&InvoiceRef) -> bool) -> Option<(InvoiceRef, Timestamp)> {
        let mut state = self.state.lock();
        let oldest = state.made.iter().position(|(one, _)| !awaited(one))?;
        state.made.remove(oldest)
    }

    /// It can't be paid any more: it was.
    pub(super) fn forget(&self, invoice: &InvoiceRef) {
        self.state.lock().made.retain(|(one, _)| one != invoice);
    }

    fn put_back(&self, invoice: (InvoiceRef, Timestamp)) {
        self.state.lock().made.push_front(invoice);
    }
}

/// Room for one invoice; given back unless it is filled.
#[derive(Debug)]
pub(super) struct Room(Arc<OpenInvoices>);

impl Room {
    pub(super) fn fill(self, invoice: InvoiceRef, end: Timestamp) {
        self.0.state.lock().made.push_back((invoice, end));
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.0.state.lock().being_made -= 1;
    }
}

impl Sale {
    /// Room for one more invoice, made by withdrawing an abandoned one where there is none.
    pub(super) async fn make_room(&self) -> Result<Room, Error> {
        for _ in 0..TRIES {
            if let Some(room) = self.open.room(self.clock.now()) {
                return Ok(room);
            }
            let awaited = |invoice: &InvoiceRef| self.settlement.is_awaited(invoice);
            let Some(abandoned) = self.open.give_up(awaited) else {
                break;
            };
            match self.backend.cancel(&abandoned.0).await {
                // Paid, or gone already: either way it is open no more.
                Ok(()) | Err(payments::Error::WrongState(_) | payments::Error::Refused(_)) => {}
                Err(error) => {
                    self.open.put_back(abandoned);
                    return Err(error.into());
                }
            }
        }
        tracing::warn!("too many invoices are open; orders are refused for the moment");
        Err(Error::Crowded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::PaymentHash;

    fn invoice(number: u8) -> InvoiceRef {
        InvoiceRef::Hash(PaymentHash::from_bytes([number; 32]))
    }

    #[test]
    fn room_is_bounded_and_comes_back() {
        let open = Arc::new(OpenInvoices::new(2));
        let at = Timestamp::from_unix;
        let making = open.room(at(0)).expect("room");
        open.room(at(0)).expect("room").fill(invoice(1), at(10));
        assert!(open.room(at(0)).is_none(), "one is made, one is being made");
        drop(making);
        open.room(at(0))
            .expect("the making failed")
            .fill(invoice(2), at(20));
        assert!(open.room(at(9)).is_none());
        open.room(at(10))
            .expect("the first ran out")
            .fill(invoice(3), at(30));
        open.forget(&invoice(2));
        assert!(open.room(at(10)).is_some(), "the second was paid");
    }

    #[test]
    fn the_oldest_that_nobody_waits_for_goes_first() {
        let open = Arc::new(OpenInvoices::new(3));
        let at = Timestamp::from_unix;
        for number in 1..=3 {
            open.room(at(0))
                .expect("room")
                .fill(invoice(number), at(10));
        }
        let awaited = |one: &InvoiceRef| *one == invoice(1);
        let first = open.give_up(awaited).expect("one");
        assert_eq!(first.0, invoice(2));
        open.put_back(first);
        assert_eq!(open.give_up(|_| false).expect("one").0, invoice(2));
        assert!(open.give_up(|_| true).is_none());
    }
}
