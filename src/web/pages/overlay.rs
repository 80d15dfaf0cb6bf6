//! `/overlay/{secret}`: nothing but what its script puts over a picture.

use maud::{DOCTYPE, Markup, html};

use super::AssetUrls;

pub fn overlay(assets: &dyn AssetUrls) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "Tips" }
                meta name="robots" content="noindex";
                link rel="stylesheet" href=(assets.url("overlay.css"));
                link rel="stylesheet" href="/theme.css";
                script type="module" src=(assets.url("overlay.js")) {}
            }
            body {
                div #alert role="status" {}
                div #goal hidden {}
            }
        }
    }
}
