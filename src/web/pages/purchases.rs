//! `/purchases`: what this browser owns. The list lives in the browser, so the server renders the
//! frame only; `player/src/purchases.js` fills it.

use maud::{Markup, html};

use super::{
    AssetUrls, Site,
    layout::{Page, layout},
};

pub fn purchases(site: &Site, assets: &dyn AssetUrls) -> Markup {
    let body = html! {
        section.purchases {
            h1 { "Yours" }
            p.quiet { "What you bought is kept in this browser. Save a copy, and it is yours on any device." }
            noscript {
                p.note { "This page needs JavaScript: what you bought is kept by the browser itself." }
            }
            div #purchases {}
        }
    };
    layout(
        site,
        assets,
        &Page {
            title: "Yours",
            description: "",
            path: "/purchases",
            image: None,
            scripts: &["purchases.js"],
            data: Some(serde_json::json!({ "site": site })),
            index: false,
            query: "",
            body,
        },
    )
}
