//! Paying without JavaScript: the payment code as text, link and QR, and a button that asks again.

use maud::{Markup, html};

use super::{
    AssetUrls, Site,
    layout::{Page, layout},
    view::{Title, moment, sats},
};

/// An order as the plain page shows it.
#[derive(Debug, Clone)]
pub struct OrderPlain {
    pub title: Title,
    /// See [`super::tier_label`].
    pub label: String,
    pub amount_sat: u64,
    pub payment_request: String,
    /// RFC 3339.
    pub expires_at: String,
    /// `/api/orders/{order}/qr.svg`
    pub qr_url: String,
    /// The buyer's secret: travels in the form's body, never in a URL.
    pub ticket: String,
    /// What a wallet opens.
    pub pay_uri: String,
    pub demo_wallet: Option<String>,
    pub state: PlainState,
}

/// What is known of the payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlainState {
    /// Just made.
    Waiting,
    /// The viewer says "I have paid"; nothing has arrived.
    NotYet,
    Underpaid {
        received_sat: u64,
    },
    /// Seen on chain, waiting for its confirmation.
    Confirming,
    Expired,
    /// `master_url` plays in a browser that knows HLS, or in a player such as VLC.
    Paid {
        master_url: String,
    },
}

pub fn order_plain(site: &Site, assets: &dyn AssetUrls, view: &OrderPlain) -> Markup {
    let body = html! {
        section.plain {
            h1 { (view.title.name) }
            p.what { span { (view.label) } strong { (sats(view.amount_sat)) } }
            @match &view.state {
                PlainState::Paid { master_url } => (paid(view, master_url)),
                PlainState::Expired => (expired(view)),
                PlainState::Confirming => (confirming(view)),
                PlainState::Waiting | PlainState::NotYet | PlainState::Underpaid { .. } => (open(view)),
            }
        }
    };
    layout(
        site,
        assets,
        &Page {
            title: &view.title.name,
            description: "",
            path: &view.title.url,
            image: None,
            scripts: &[],
            data: None,
            index: false,
            query: "",
            body,
        },
    )
}

fn open(view: &OrderPlain) -> Markup {
    let link = &view.pay_uri;
    html! {
        p.state role="status" {
            @match &view.state {
                PlainState::NotYet => "No payment has arrived yet. It can take a moment.",
                PlainState::Underpaid { received_sat } => {
                    (sats(*received_sat)) " arrived, "
                    (view.amount_sat.saturating_sub(*received_sat)) " are missing."
                }
                _ => "Scan with a Lightning wallet. Nothing to sign up for.",
            }
        }
        a.qr href=(link) { img src=(view.qr_url) alt="Payment code to scan" width="280" height="280"; }
        p { a.button.main href=(link) { "Open wallet" } }
        @if let Some(url) = &view.demo_wallet {
            p { a.button href=(url) target="_blank" rel="noopener" { "Pay with the demo wallet" } }
        }
        label for="code" { "Or copy this text into your wallet" }
        textarea #code readonly rows="6" spellcheck="false" { (view.payment_request) }
        p.quiet { "Valid until " time datetime=(view.expires_at) { (moment(&view.expires_at)) } "." }
        (paid_form(view, "I have paid"))
    }
}

fn confirming(view: &OrderPlain) -> Markup {
    html! {
        p.state role="status" {
            "Payment seen. It opens with the first confirmation, you may close this page."
        }
        p.quiet { "Come back to it, or keep the page open and ask again." }
        (paid_form(view, "Ask again"))
    }
}

fn expired(view: &OrderPlain) -> Markup {
    html! {
        p.state role="status" { "This code ran out." }
        form action={ "/w/" (view.title.id) "/order" } method="post" {
            @for offer in view.title.tiers.iter().filter(|offer| offer.label == view.label) {
                input type="hidden" name="tier" value=(offer.id);
            }
            button.button.main type="submit" { "New code" }
        }
        (paid_form(view, "I paid it anyway"))
    }
}

fn paid(view: &OrderPlain, master_url: &str) -> Markup {
    html! {
        p.state.paid role="status" { "Paid. Enjoy the film." }
        video.plain-video controls playsinline preload="metadata" src=(master_url)
            poster=[view.title.poster.as_deref()] {}
        p { a.button.main href=(master_url) { "Play" } }
        p.quiet {
            "The link also plays in VLC and other players. It works for a while; keep this page to get a new one."
        }
        (paid_form(view, "Get a new link"))
    }
}

fn paid_form(view: &OrderPlain, words: &str) -> Markup {
    html! {
        form action={ "/w/" (view.title.id) "/paid" } method="post" {
            input type="hidden" name="ticket" value=(view.ticket);
            button.button type="submit" { (words) }
        }
    }
}
