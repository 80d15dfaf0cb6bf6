//! Webhooks of BTCPay Server: with a wrong signature nothing is read, with the right one whatever
//! is in the body is an invoice's id or nothing of ours.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel::{
    core::ids::InvoiceRef,
    payments::btcpay::webhook::{Delivery, Webhook, sign},
};
use satreel_config::SecretString;

fuzz_target!(|input: (&str, &[u8])| {
    let (signature, body) = input;
    let secret = SecretString::new("a webhook secret".to_owned());
    let webhook = Webhook::new(&secret, "Store1");
    let genuine = sign(&secret, body);
    assert!(webhook.open(signature, body).is_err() || signature.eq_ignore_ascii_case(&genuine));
    match webhook.open(&genuine, body) {
        Ok(Delivery::Invoice(InvoiceRef::Btcpay(id))) => {
            assert!(id.len() <= 40 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        Ok(Delivery::NotOurs) => {}
        other => panic!("{other:?}"),
    }
});
