//! BTCPay's webhooks: whether one is genuine, and which invoice it is about. Pure; what it says is
//! a hint, and the invoice is read from the API before anything follows from it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use satreel_config::SecretString;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::core::ids::InvoiceRef;

/// Checks and reads the webhooks of one store.
pub struct Webhook {
    mac: Hmac<Sha256>,
    store: String,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// What a genuine delivery is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Something happened to this invoice.
    Invoice(InvoiceRef),
    /// Another store's, another kind of event, or one without an invoice.
    NotOurs,
}

/// Not signed with our secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the webhook is not signed with the configured secret")]
pub struct BadSignature;

/// All that is used of it; everything else may change with BTCPay's versions.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    store_id: Option<String>,
    invoice_id: Option<String>,
}

impl Webhook {
    pub fn new(secret: &SecretString, store: &str) -> Self {
        Self {
            mac: keyed(secret.expose().as_bytes()),
            store: store.to_owned(),
        }
    }

    /// `signature` is the header `BTCPay-Sig`; `body` the bytes as they came, since the signature
    /// is over them and not over what they mean.
    pub fn open(&self, signature: &str, body: &[u8]) -> Result<Delivery, BadSignature> {
        let digits = signature.strip_prefix("sha256=").ok_or(BadSignature)?;
        let mut tag = [0; 32];
        hex::decode_to_slice(digits, &mut tag).map_err(|_| BadSignature)?;
        let mut mac = self.mac.clone();
        mac.update(body);
        // SECURITY: compares in constant time, and before anything in the body is looked at.
        mac.verify_slice(&tag).map_err(|_| BadSignature)?;
        Ok(self.read(body))
    }

    fn read(&self, body: &[u8]) -> Delivery {
        let Ok(event) = serde_json::from_slice::<Event>(body) else {
            return Delivery::NotOurs;
        };
        if event.store_id.as_deref() != Some(&self.store) {
            return Delivery::NotOurs;
        }
        let reference = event.invoice_id.map(|id| InvoiceRef::btcpay(&id));
        match reference {
            Some(Ok(reference)) => Delivery::Invoice(reference),
            Some(Err(_)) | None => Delivery::NotOurs,
        }
    }
}

/// The header that a genuine delivery of this body carries; for whoever plays BTCPay in a test.
pub fn sign(secret: &SecretString, body: &[u8]) -> String {
    let mut mac = keyed(secret.expose().as_bytes());
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// HMAC takes keys of every length: a long one is hashed first (RFC 2104).
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    Hmac::new(&block)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "a webhook secret";

    fn webhook() -> Webhook {
        Webhook::new(&SecretString::new(SECRET.into()), "Store1")
    }

    fn sign(body: &[u8]) -> String {
        super::sign(&SecretString::new(SECRET.into()), body)
    }

    fn delivery(body: &str) -> Delivery {
        webhook()
            .open(&sign(body.as_bytes()), body.as_bytes())
            .expect("genuine")
    }

    fn invoice(id: &str) -> Delivery {
        Delivery::Invoice(InvoiceRef::btcpay(id).expect("an id"))
    }

    #[test]
    fn the_signature_is_hmac_sha256_of_the_bytes() {
        // RFC 4231, test case 2.
        let webhook = Webhook::new(&SecretString::new("Jefe".into()), "Store1");
        let signature = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(
            webhook.open(signature, b"what do ya want for nothing?"),
            Ok(Delivery::NotOurs)
        );
    }

    #[test]
    fn what_matters_is_read_and_the_rest_passed_over() {
        for body in [
            r#"{"storeId":"Store1","invoiceId":"Inv1","type":"InvoiceSettled"}"#,
            "{\n  \"type\": \"InvoiceSettled\",\n  \"storeId\": \"Store1\",\n  \"invoiceId\": \"Inv1\"\n}",
            r#"{"orignalDeliveryId":"x","storeId":"Store1","invoiceId":"Inv1","type":"SomethingNew","metadata":null}"#,
        ] {
            assert_eq!(delivery(body), invoice("Inv1"), "{body}");
        }
        for body in [
            r#"{"storeId":"Another","invoiceId":"Inv1"}"#,
            r#"{"storeId":"Store1","type":"PayoutCreated"}"#,
            r#"{"storeId":"Store1","invoiceId":null}"#,
            r#"{"storeId":"Store1","invoiceId":"../admin"}"#,
            r#"{"storeId":1,"invoiceId":"Inv1"}"#,
            "[]",
            "not JSON",
            "",
        ] {
            assert_eq!(delivery(body), Delivery::NotOurs, "{body}");
        }
    }

    #[test]
    fn keys_of_every_length_are_taken() {
        for length in [0, 1, 63, 64, 65, 200] {
            let key = vec![b'k'; length];
            let mut theirs = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
            theirs.update(b"body");
            let mut ours = keyed(&key);
            ours.update(b"body");
            assert_eq!(ours.finalize(), theirs.finalize(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn only_the_exact_signature_opens(body: Vec<u8>, other: Vec<u8>, letter in 0..71_usize) {
            let webhook = webhook();
            let signature = sign(&body);
            prop_assert!(webhook.open(&signature, &body).is_ok());
            if other != body {
                prop_assert_eq!(webhook.open(&signature, &other), Err(BadSignature));
            }
            let mut wrong = signature.into_bytes();
            wrong[letter] = if wrong[letter] == b'0' { b'1' } else { b'0' };
            let wrong = String::from_utf8(wrong).expect("text");
            prop_assert_eq!(webhook.open(&wrong, &body), Err(BadSignature));
        }

        #[test]
        fn no_signature_panics(signature in ".{0,100}", body: Vec<u8>) {
            prop_assert_eq!(webhook().open(&signature, &body), Err(BadSignature));
        }

        #[test]
        fn no_body_panics(body: Vec<u8>) {
            prop_assert_eq!(webhook().open(&sign(&body), &body), Ok(Delivery::NotOurs));
        }

        #[test]
        fn every_layout_of_the_same_event_says_the_same(
            id in "[A-Za-z0-9]{1,40}", extra in "[a-z]{1,10}", value in ".{0,20}", indent: bool,
        ) {
            let mut event = serde_json::json!({"storeId": "Store1", "invoiceId": id});
            event[format!("x{extra}")] = value.into();
            let body = if indent { serde_json::to_string_pretty(&event) } else { serde_json::to_string(&event) };
            prop_assert_eq!(delivery(&body.expect("JSON")), invoice(&id));
        }
    }
}
