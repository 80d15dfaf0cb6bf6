//! `/`: a hero, then shelves; with a search or a tag, the films found.

use std::fmt::Write;

use maud::{Markup, html};

use super::{
    AssetUrls, Site,
    cards::{card, poster},
    layout::{Page, layout},
    view::{Title, length, sats},
};

/// A tag becomes a shelf of its own when this many films of the page carry it.
const SHELF_FROM: usize = 3;
/// More shelves than this are a catalogue, not a shop window.
const MAX_SHELVES: usize = 6;
const MAX_ON_SHELF: usize = 12;

/// One page of the catalogue, newest first, as `GET /api/titles` would list it.
#[derive(Debug, Clone, Default)]
pub struct Storefront {
    pub titles: Vec<Title>,
    pub total: usize,
    /// From 1.
    pub page: usize,
    pub pages: usize,
    pub query: Option<String>,
    pub tag: Option<String>,
}

impl Storefront {
    fn is_filtered(&self) -> bool {
        self.query.as_deref().is_some_and(|query| !query.is_empty()) || self.tag.is_some()
    }
}

pub fn storefront(site: &Site, assets: &dyn AssetUrls, view: &Storefront) -> Markup {
    let filtered = view.is_filtered();
    let first_page = !filtered && view.page <= 1;
    // A live broadcast takes the hero, else the newest film.
    let hero_title = first_page
        .then(|| {
            view.titles
                .iter()
                .find(|title| title.state == "live")
                .or(view.titles.first())
        })
        .flatten();
    let body = html! {
        @if let Some(title) = hero_title { (hero(title)) }
        @if filtered { (found(view)) }
        @else if view.titles.is_empty() { (empty()) }
        @else {
            @if first_page { @for (tag, titles) in shelves(&view.titles) { (shelf(tag, &titles)) } }
            // One film is all in the hero.
            @if view.titles.len() > 1 || !first_page {
                section.shelf aria-labelledby="all" {
                    h2 #all { "All films" }
                    ul.cards.grid { @for title in &view.titles { (card(title, false)) } }
                }
            }
        }
        (pager(view))
    };
    layout(
        site,
        assets,
        &Page {
            title: view
                .query
                .as_deref()
                .filter(|_| filtered)
                .unwrap_or_default(),
            description: "Films to watch right away, paid with Lightning. No account.",
            path: "/",
            image: hero_title.and_then(|title| title.poster.as_deref()),
            scripts: &["storefront.js"],
            data: None,
            index: !filtered,
            query: view.query.as_deref().unwrap_or_default(),
            body,
        },
    )
}

fn hero(title: &Title) -> Markup {
    html! {
        section.hero data-title=(title.id) data-scopes=(title.scopes.join(" ")) data-hover=[&title.hover] aria-labelledby="hero-name" {
            a.frame href=(title.url) tabindex="-1" aria-hidden="true" { (poster(title, true)) }
            div.hero-text {
                @if title.state == "live" { p.mark.live { "Live" } }
                h1 #hero-name { (title.name) }
                @if !title.description.is_empty() { p.line { (title.description) } }
                p.facts {
                    @if let Some(seconds) = title.duration_s { span { (length(seconds)) } }
                    @if let Some(year) = title.year { span { (year) } }
                }
                a.button.main href=(title.url) { (hero_words(title)) }
            }
        }
    }
}

fn hero_words(title: &Title) -> String {
    match title.from_sat() {
        Some(sat) if !title.free => format!("Watch for {}", sats(sat)),
        _ => "Watch".to_owned(),
    }
}

fn shelf(tag: &str, titles: &[&Title]) -> Markup {
    html! {
        section.shelf {
            h2 { a href={ "/?tag=" (encode(tag)) } { (tag) } }
            ul.cards.row { @for title in titles { (card(title, false)) } }
        }
    }
}

/// Tags in the order in which they first appear, so that the newest film's come first.
fn shelves(titles: &[Title]) -> Vec<(&str, Vec<&Title>)> {
    let mut shelves: Vec<(&str, Vec<&Title>)> = Vec::new();
    for title in titles {
        for tag in &title.tags {
            match shelves.iter_mut().find(|(name, _)| name == tag) {
                Some((_, shelf)) => shelf.push(title),
                None => shelves.push((tag, vec![title])),
            }
        }
    }
    // A shelf with everything on it would only repeat "All films".
    shelves.retain(|(_, shelf)| shelf.len() >= SHELF_FROM && shelf.len() < titles.len());
    shelves.truncate(MAX_SHELVES);
    for (_, shelf) in &mut shelves {
        shelf.truncate(MAX_ON_SHELF);
    }
    shelves
}

fn found(view: &Storefront) -> Markup {
    let what = view.query.as_deref().filter(|query| !query.is_empty());
    html! {
        section.shelf aria-labelledby="found" {
            h1 #found {
                @match (what, &view.tag) {
                    (Some(query), _) => { "“" (query) "”" }
                    (None, Some(tag)) => (tag),
                    (None, None) => "All films",
                }
            }
            p.quiet {
                @match view.total {
                    0 => "Nothing found.",
                    1 => "1 film",
                    total => { (total) " films" }
                }
                " · "
                a href="/" { "All films" }
            }
            ul.cards.grid { @for title in &view.titles { (card(title, false)) } }
        }
    }
}

fn empty() -> Markup {
    html! {
        section.empty {
            h1 { "No films yet" }
            p { "This cinema opens with its first film. Come back a little later." }
        }
    }
}

fn pager(view: &Storefront) -> Markup {
    html! {
        @if view.pages > 1 {
            nav.pager aria-label="Pages" {
                @if view.page > 1 { a.button href=(page_url(view, view.page - 1)) rel="prev" { "Newer" } }
                span.quiet { "Page " (view.page) " of " (view.pages) }
                @if view.page < view.pages { a.button href=(page_url(view, view.page + 1)) rel="next" { "Older" } }
            }
        }
    }
}

fn page_url(view: &Storefront, page: usize) -> String {
    let mut url = format!("/?page={page}");
    for (key, value) in [("q", &view.query), ("tag", &view.tag)] {
        if let Some(value) = value {
            let _ = write!(url, "&{key}={}", encode(value));
        }
    }
    url
}

/// Percent-encodes all but unreserved characters (RFC 3986 §2.3).
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
