//! `/w/{id}`: the player, what is offered, and the tip. Scripts take over the marked elements
//! (`player/src/film.js`); without them the offers are a form that leads to the plain order page.

use maud::{Markup, html};

use super::{
    AssetUrls, Site,
    layout::{Page, layout},
    view::{Offer, Title, length, sats},
};

/// The film page.
#[derive(Debug, Clone, Default)]
pub struct Film {
    pub title: Title,
}

pub fn film(site: &Site, assets: &dyn AssetUrls, view: &Film) -> Markup {
    let title = &view.title;
    let body = html! {
        article.film {
            (stage(title))
            div.below {
                div.about {
                    h1 { (title.name) }
                    p.facts {
                        @if let Some(seconds) = title.duration_s { span { (length(seconds)) } }
                        @if let Some(year) = title.year { span { (year) } }
                        span #mark .mark hidden {}
                    }
                    @if !title.description.is_empty() { p.description { (title.description) } }
                    @if !title.tags.is_empty() { p.tags { @for tag in &title.tags { span { (tag) } } } }
                }
                (offers(title))
                div #tip {}
            }
        }
    };
    layout(
        site,
        assets,
        &Page {
            title: &title.name,
            description: &title.description,
            path: &title.url,
            image: title.poster.as_deref(),
            scripts: &["film.js"],
            data: Some(serde_json::json!({ "title": title, "site": site })),
            index: true,
            query: "",
            body,
        },
    )
}

pub(super) fn stage(title: &Title) -> Markup {
    html! {
        div #stage .stage {
            @if let Some(poster) = &title.poster { img.still src=(poster) alt="" width="1280" height="720"; }
            noscript { p.note { "Playing in this page needs JavaScript. You can buy without it, below." } }
        }
    }
}

pub(super) fn offers(title: &Title) -> Markup {
    html! {
        @if title.free {
            aside #offers .offers { p.quiet { "This film is free." } }
        } @else if !title.tiers.is_empty() {
            aside #offers .offers aria-label="Watch" {
                form #buy action={ "/w/" (title.id) "/order" } method="post" {
                    fieldset {
                        legend { "Choose" }
                        @for (index, offer) in title.tiers.iter().enumerate() { (row(offer, index == 0)) }
                    }
                    button.button.main type="submit" { (button_words(title)) }
                }
                p.quiet { "Pay with any Lightning wallet. Nothing to sign up for." }
            }
        }
    }
}

fn row(offer: &Offer, chosen: bool) -> Markup {
    html! {
        label.offer {
            input type="radio" name="tier" value=(offer.id) checked[chosen];
            span.what { (offer.label) }
            span.price { (sats(offer.sat)) }
        }
    }
}

/// Without scripts the words cannot follow the choice.
fn button_words(title: &Title) -> String {
    match title.tiers.as_slice() {
        [offer] => format!("Watch for {}", sats(offer.sat)),
        _ => "Watch".to_owned(),
    }
}
