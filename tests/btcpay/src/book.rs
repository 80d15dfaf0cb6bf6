//! What becomes of an invoice: BTCPay's states, and the events that it tells of. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub const LIGHTNING: &str = "BTC-LN";
pub const ONCHAIN: &str = "BTC-CHAIN";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    New,
    Processing,
    Expired,
    Invalid,
    Settled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Additional {
    None,
    PaidLate,
    PaidPartial,
    Marked,
    Invalid,
    PaidOver,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentStatus {
    Invalid,
    Processing,
    Settled,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Payment {
    pub id: String,
    pub method: String,
    pub at: u64,
    pub msat: u64,
    pub status: PaymentStatus,
    pub destination: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invoice {
    pub id: String,
    pub msat: u64,
    pub metadata: Value,
    pub checkout: Value,
    pub created: u64,
    pub expires: u64,
    pub monitored_until: u64,
    pub status: Status,
    pub additional: Additional,
    /// None: the node was too slow, or the store has none.
    pub bolt11: Option<String>,
    pub address: Option<String>,
    pub payments: Vec<Payment>,
}

/// What a webhook would tell.
#[derive(Debug, Clone)]
pub struct Event {
    pub kind: &'static str,
    pub extra: Value,
}

fn event(kind: &'static str, extra: Value) -> Event {
    Event { kind, extra }
}

/// Decimal bitcoin, with the places that BTCPay writes for Lightning.
pub fn btc(msat: u64) -> String {
    format!("{}.{:011}", msat / 100_000_000_000, msat % 100_000_000_000)
}

/// None: no decimal text of at most 8 places.
pub fn msat_of(btc: &str) -> Option<u64> {
    let (whole, part) = btc.split_once('.').unwrap_or((btc, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 8 || !digits(whole) || !digits(part) {
        return None;
    }
    let sats: u64 = format!("{whole}{part:0<8}").parse().ok()?;
    sats.checked_mul(1000)
}

impl Payment {
    pub fn json(&self) -> Value {
        json!({
            "id": self.id, "receivedDate": self.at, "value": btc(self.msat), "fee": "0.0",
            "status": self.status, "destination": self.destination,
        })
    }
}

impl Invoice {
    /// What counts: not what was double-spent.
    pub fn came(&self) -> u64 {
        let counted = self
            .payments
            .iter()
            .filter(|one| one.status != PaymentStatus::Invalid);
        counted.map(|one| one.msat).sum()
    }

    fn sure(&self) -> u64 {
        let sure = self
            .payments
            .iter()
            .filter(|one| one.status == PaymentStatus::Settled);
        sure.map(|one| one.msat).sum()
    }

    /// Takes in a payment; `refresh` draws the conclusions.
    pub fn receive(&mut self, payment: Payment) -> Vec<Event> {
        let extra = json!({
            "afterExpiration": payment.at >= self.expires, "paymentMethodId": payment.method,
            "payment": payment.json(),
        });
        let mut events = vec![event("InvoiceReceivedPayment", extra.clone())];
        if payment.status == PaymentStatus::Settled {
            events.push(event("InvoicePaymentSettled", extra));
        }
        self.payments.push(payment);
        events
    }

    /// The chain has it now.
    pub fn confirm(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for payment in &mut self.payments {
            if payment.status == PaymentStatus::Processing {
                payment.status = PaymentStatus::Settled;
                let extra = json!({
                    "afterExpiration": payment.at >= self.expires,
                    "paymentMethodId": payment.method, "payment": payment.json(),
                });
                events.push(event("InvoicePaymentSettled", extra));
            }
        }
        events
    }

    /// What waits for its confirmation was spent elsewhere.
    pub fn double_spend(&mut self) {
        for payment in &mut self.payments {
            if payment.status == PaymentStatus::Processing {
                payment.status = PaymentStatus::Invalid;
            }
        }
    }

    /// The operator's own hand.
    pub fn mark(&mut self, status: Status) -> Vec<Event> {
        self.status = status;
        self.additional = Additional::Marked;
        match status {
            Status::Settled => {
                let extra = json!({"manuallyMarked": true, "overPaid": false});
                vec![event("InvoiceSettled", extra)]
            }
            _ => vec![event("InvoiceInvalid", json!({"manuallyMarked": true}))],
        }
    }

    /// Draws the conclusions until nothing changes.
    pub fn refresh(&mut self, now: u64) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(more) = self.step(now) {
            events.extend(more);
        }
        events
    }

    fn step(&mut self, now: u64) -> Option<Vec<Event>> {
        let (came, sure) = (self.came(), self.sure());
        let paid = came >= self.msat;
        let part = came > 0 && !paid;
        let over = came > self.msat;
        match (self.status, self.additional) {
            (Status::New, _) if paid => {
                self.status = Status::Processing;
                self.additional = if over {
                    Additional::PaidOver
                } else {
                    Additional::None
                };
                Some(vec![event("InvoiceProcessing", json!({"overPaid": over}))])
            }
            (Status::New, _) if now >= self.expires => {
                self.status = Status::Expired;
                self.additional = if part {
                    Additional::PaidPartial
                } else {
                    Additional::None
                };
                let mut events = vec![event("InvoiceExpired", json!({"partiallyPaid": part}))];
                if part {
                    events.push(event("InvoiceExpiredPaidPartial", json!({})));
                }
                Some(events)
            }
            (Status::New | Status::Expired, Additional::None) if part => {
                self.additional = Additional::PaidPartial;
                Some(Vec::new())
            }
            (Status::Expired, Additional::None | Additional::PaidPartial) if paid => {
                self.additional = Additional::PaidLate;
                Some(vec![event("InvoicePaidAfterExpiration", json!({}))])
            }
            (Status::Processing, _) if sure >= self.msat => {
                self.status = Status::Settled;
                let extra = json!({"manuallyMarked": false, "overPaid": over});
                Some(vec![event("InvoiceSettled", extra)])
            }
            (Status::Processing, _) if !paid => {
                self.status = Status::New;
                self.additional = if part {
                    Additional::PaidPartial
                } else {
                    Additional::None
                };
                Some(Vec::new())
            }
            (Status::Processing, _) if now >= self.monitored_until => {
                self.status = Status::Invalid;
                self.additional = Additional::None;
                Some(vec![event(
                    "InvoiceInvalid",
                    json!({"manuallyMarked": false}),
                )])
            }
            _ => None,
        }
    }

    pub fn json(&self, store: &str) -> Value {
        json!({
            "id": self.id, "storeId": store, "amount": btc(self.msat), "currency": "BTC",
            "paidAmount": btc(self.came()), "type": "Standard",
            "checkoutLink": format!("http://127.0.0.1/i/{}", self.id),
            "createdTime": self.created, "expirationTime": self.expires,
            "monitoringExpiration": self.monitored_until, "status": self.status,
            "additionalStatus": self.additional, "archived": false,
            "availableStatusesForManualMarking": ["Settled", "Invalid"],
            "metadata": self.metadata, "checkout": self.checkout, "receipt": null,
        })
    }

    pub fn methods(&self) -> Value {
        let shown = [(ONCHAIN, &self.address), (LIGHTNING, &self.bolt11)];
        let methods = shown.into_iter().filter_map(|(id, destination)| {
            let destination = destination.as_ref()?;
            let own: Vec<_> = self
                .payments
                .iter()
                .filter(|one| one.method == id)
                .collect();
            let counted = own
                .iter()
                .filter(|one| one.status != PaymentStatus::Invalid);
            let paid: u64 = counted.map(|one| one.msat).sum();
            Some(json!({
                "paymentMethodId": id, "currency": "BTC", "destination": destination,
                "paymentLink": format!("lightning:{destination}"), "rate": "1.0",
                "paymentMethodPaid": btc(paid), "totalPaid": btc(self.came()),
                "due": btc(self.msat.saturating_sub(self.came())), "amount": btc(self.msat),
                "paymentMethodFee": "0.0", "activated": true, "additionalData": {},
                "payments": own.iter().map(|one| one.json()).collect::<Vec<_>>(),
            }))
        });
        Value::Array(methods.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invoice() -> Invoice {
        Invoice {
            id: "I".into(),
            msat: 100_000,
            metadata: json!({}),
            checkout: json!({}),
            created: 0,
            expires: 900,
            monitored_until: 2000,
            status: Status::New,
            additional: Additional::None,
            bolt11: None,
            address: None,
            payments: Vec::new(),
        }
    }

    fn pay(invoice: &mut Invoice, at: u64, msat: u64, status: PaymentStatus) -> Vec<&'static str> {
        let payment = Payment {
            id: "p".into(),
            method: ONCHAIN.into(),
            at,
            msat,
            status,
            destination: "d".into(),
        };
        let mut events = invoice.receive(payment);
        events.extend(invoice.refresh(at));
        events.into_iter().map(|event| event.kind).collect()
    }

    #[test]
    fn amounts_are_exact() {
        assert_eq!(btc(100_000), "0.00000100000");
        assert_eq!(msat_of("0.00000100"), Some(100_000));
        for wrong in ["", "1e3", "-1", "0.000000001", "x"] {
            assert_eq!(msat_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn states_follow_the_money() {
        use PaymentStatus::{Processing, Settled};
        let mut one = invoice();
        let events = pay(&mut one, 10, 60_000, Settled);
        assert_eq!(events, ["InvoiceReceivedPayment", "InvoicePaymentSettled"]);
        assert_eq!(
            (one.status, one.additional),
            (Status::New, Additional::PaidPartial)
        );
        let events = pay(&mut one, 20, 50_000, Processing);
        assert_eq!(events, ["InvoiceReceivedPayment", "InvoiceProcessing"]);
        assert_eq!(
            (one.status, one.additional),
            (Status::Processing, Additional::PaidOver)
        );
        one.confirm();
        one.refresh(30);
        assert_eq!(
            (one.status, one.additional),
            (Status::Settled, Additional::PaidOver)
        );

        let mut late = invoice();
        late.refresh(901);
        assert_eq!(
            (late.status, late.additional),
            (Status::Expired, Additional::None)
        );
        let events = pay(&mut late, 950, 100_000, Processing);
        assert_eq!(
            events,
            ["InvoiceReceivedPayment", "InvoicePaidAfterExpiration"]
        );
        assert_eq!(
            (late.status, late.additional),
            (Status::Expired, Additional::PaidLate)
        );

        let mut part = invoice();
        pay(&mut part, 10, 60_000, Settled);
        part.refresh(901);
        assert_eq!(
            (part.status, part.additional),
            (Status::Expired, Additional::PaidPartial)
        );

        let mut spent = invoice();
        pay(&mut spent, 10, 100_000, Processing);
        spent.double_spend();
        spent.refresh(20);
        assert_eq!(
            (spent.status, spent.additional),
            (Status::New, Additional::None)
        );

        let mut stuck = invoice();
        pay(&mut stuck, 10, 100_000, Processing);
        stuck.refresh(2001);
        assert_eq!(stuck.status, Status::Invalid);
    }
}
