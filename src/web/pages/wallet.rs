//! `/wallet`: the demo's wallet, with play money. Only the built-in payment backend serves it.

use maud::{Markup, html};

use super::{
    AssetUrls, Site,
    layout::{Page, layout},
    view::{moment, sats},
};

/// What the wallet page starts with.
#[derive(Debug, Clone, Default)]
pub struct Wallet {
    /// From `?pr=`.
    pub payment_request: Option<String>,
    /// What it asks for, when it could be read.
    pub amount_sat: Option<u64>,
    /// Newest first.
    pub paid: Vec<WalletPayment>,
}

/// A line of the wallet's history.
#[derive(Debug, Clone, Default)]
pub struct WalletPayment {
    pub amount_sat: u64,
    /// RFC 3339.
    pub paid_at: String,
    pub payment_request: String,
    pub preimage: String,
}

pub fn wallet(site: &Site, assets: &dyn AssetUrls, view: &Wallet) -> Markup {
    let body = html! {
        section.demo-wallet {
            p.mark.play { "Play money" }
            h1 { "Demo wallet" }
            p.quiet { "This wallet belongs to the demo and pays with play money. Nothing here is worth anything." }
            form #pay .stack action="/wallet/pay" method="post" {
                label for="payment-request" { "Payment code" }
                textarea #payment-request name="payment_request" rows="5" required spellcheck="false"
                    autocomplete="off" placeholder="lnbc…" {
                    (view.payment_request.as_deref().unwrap_or_default())
                }
                button.button.main type="submit" {
                    "Pay"
                    @if let Some(sat) = view.amount_sat { " " (sats(sat)) }
                }
                p #wallet-state .state role="status" aria-live="polite" {}
            }
            section #history .stack {
                h2 { "Paid" }
                ul #paid .lines { @for payment in &view.paid { (line(payment)) } }
            }
        }
    };
    layout(
        site,
        assets,
        &Page {
            title: "Demo wallet",
            description: "",
            path: "/wallet",
            image: None,
            scripts: &["wallet.js"],
            data: None,
            index: false,
            query: "",
            body,
        },
    )
}

/// Shows what a wallet's history shows, since that is what a lost purchase is restored with.
fn line(payment: &WalletPayment) -> Markup {
    html! {
        li {
            details {
                summary {
                    span { (sats(payment.amount_sat)) }
                    time.quiet datetime=(payment.paid_at) { (moment(&payment.paid_at)) }
                }
                dl {
                    dt { "Payment request" }
                    dd { code { (payment.payment_request) } }
                    dt { "Preimage" }
                    dd { code { (payment.preimage) } }
                }
            }
        }
    }
}
