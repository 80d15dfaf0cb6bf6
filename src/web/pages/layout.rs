//! What every page shares: head, header, footer, and the data that the page's script reads.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;

use super::AssetUrls;

/// Whose cinema this is.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Site {
    pub name: String,
    /// The public address without a slash at its end. Links that leave the page (previews in
    /// chats) need it; without it they are left out.
    pub url: Option<String>,
    /// Play money: the built-in wallet is linked where somebody pays.
    pub demo: bool,
    /// Where wallets send tips by themselves.
    pub lightning_address: Option<String>,
}

/// One page for [`layout`].
pub(super) struct Page<'a> {
    /// Without the site's name; empty on the storefront.
    pub title: &'a str,
    pub description: &'a str,
    /// URL path, for the preview in chats.
    pub path: &'a str,
    pub image: Option<&'a str>,
    /// Logical names of scripts.
    pub scripts: &'a [&'a str],
    /// Becomes `#satreel-data`.
    pub data: Option<serde_json::Value>,
    /// May search engines list it?
    pub index: bool,
    /// What the header's search field holds.
    pub query: &'a str,
    pub body: Markup,
}

pub(super) fn layout(site: &Site, assets: &dyn AssetUrls, page: &Page<'_>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                (head(site, assets, page))
            }
            body {
                a.skip href="#main" { "Skip to content" }
                (header(site, page.query))
                main #main { (page.body) }
                footer.foot {
                    p { "Paid with Lightning. No account, no e-mail, no tracking." }
                    p {
                        @if site.demo { a href="/wallet" { "Demo wallet" } }
                        a href=(assets.url("licences.txt")) { "Licences" }
                    }
                }
                @if let Some(data) = &page.data {
                    script #satreel-data type="application/json" { (PreEscaped(json_for_html(data))) }
                }
            }
        }
    }
}

/// What stands in every page's head.
pub(super) fn head(site: &Site, assets: &dyn AssetUrls, page: &Page<'_>) -> Markup {
    let title = if page.title.is_empty() {
        site.name.clone()
    } else {
        format!("{} · {}", page.title, site.name)
    };
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover";
        meta name="color-scheme" content="dark light";
        meta name="theme-color" content="#0e0f12" media="(prefers-color-scheme: dark)";
        meta name="theme-color" content="#faf9f6" media="(prefers-color-scheme: light)";
        title { (title) }
        @if !page.description.is_empty() { meta name="description" content=(page.description); }
        @if !page.index { meta name="robots" content="noindex"; }
        (open_graph(site, page, &title))
        link rel="icon" type="image/svg+xml" href=(assets.url("favicon.svg"));
        link rel="stylesheet" href=(assets.url("style.css"));
        link rel="stylesheet" href="/theme.css";
        @for script in page.scripts { script type="module" src=(assets.url(script)) {} }
    }
}

fn header(site: &Site, query: &str) -> Markup {
    html! {
        header.head {
            a.brand href="/" {
                span.ember aria-hidden="true" {}
                span { (site.name) }
            }
            form.search action="/" method="get" role="search" {
                input type="search" name="q" value=(query) placeholder="Search" aria-label="Search films" maxlength="100";
            }
            nav aria-label="Main" { a href="/purchases" { "Yours" } }
        }
    }
}

fn open_graph(site: &Site, page: &Page<'_>, title: &str) -> Markup {
    html! {
        meta property="og:title" content=(title);
        meta property="og:site_name" content=(site.name);
        meta property="og:type" content=(if page.image.is_some() { "video.other" } else { "website" });
        @if !page.description.is_empty() { meta property="og:description" content=(page.description); }
        @if let Some(url) = &site.url {
            meta property="og:url" content={ (url) (page.path) };
            @if let Some(image) = page.image {
                meta property="og:image" content={ (url) (image) };
                meta name="twitter:card" content="summary_large_image";
            }
        }
    }
}

/// JSON that cannot end its `<script>` element or open a comment in it, whatever a title is called.
// SECURITY: `</script` and `<!--` both need the `<`.
fn json_for_html(data: &serde_json::Value) -> String {
    data.to_string().replace('<', "\\u003c")
}
