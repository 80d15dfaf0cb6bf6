//! The creator's pages. The studio itself is the frame that `player/src/studio.js` fills; the
//! others say how to come in.

use maud::{DOCTYPE, Markup, html};

use super::{
    AssetUrls, Site,
    layout::{Page, head, layout},
};

/// The studio, before its script has run.
pub fn studio(site: &Site, assets: &dyn AssetUrls) -> Markup {
    let page = Page {
        title: "Studio",
        description: "",
        path: "/studio",
        image: None,
        scripts: &["studio.js"],
        data: None,
        index: false,
        query: "",
        body: html! {},
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                (head(site, assets, &page))
                link rel="stylesheet" href=(assets.url("studio.css"));
            }
            body.studio data-site=(site.name) data-demo[site.demo] {
                a.skip href="#main" { "Skip to content" }
                div #studio {
                    noscript { main #main { p.note { "The studio needs JavaScript." } } }
                }
            }
        }
    }
}

/// Whoever has no session; `refused`: it ran out, or a link was used before.
pub fn studio_closed(site: &Site, assets: &dyn AssetUrls, refused: bool) -> Markup {
    let which = if site.demo {
        "--data DIR"
    } else {
        "--config FILE"
    };
    let heading = if refused {
        "This way in is used up"
    } else {
        "The studio is yours alone"
    };
    let body = html! {
        section.empty {
            h1 { (heading) }
            @if refused {
                p { "A link opens the studio once, within ten minutes, and a visit ends after some hours without use." }
            }
            p { "On the machine that Satreel runs on, print a new link and open it in this browser:" }
            p { code { "satreel studio-link " (which) } }
            a.button href="/" { "To the films" }
        }
    };
    plain(site, assets, heading, body)
}

/// After a link that was opened from elsewhere.
pub fn studio_open(site: &Site, assets: &dyn AssetUrls) -> Markup {
    let body = html! {
        section.empty {
            h1 { "Welcome" }
            p { "The studio is open in this browser." }
            a.button.main href="/studio" { "Open the studio" }
        }
    };
    plain(site, assets, "Studio", body)
}

fn plain(site: &Site, assets: &dyn AssetUrls, title: &str, body: Markup) -> Markup {
    let page = Page {
        title,
        description: "",
        path: "/studio",
        image: None,
        scripts: &[],
        data: None,
        index: false,
        query: "",
        body,
    };
    layout(site, assets, &page)
}
