//! A title as a card, and the poster that cards and the hero share.

use maud::{Markup, html};

use super::view::{Title, length, sats};

/// Portrait films keep their shape on a blurred ground of themselves.
pub(super) fn poster(title: &Title, eager: bool) -> Markup {
    let portrait =
        matches!((title.width, title.height), (Some(width), Some(height)) if height > width);
    let loading = if eager { "eager" } else { "lazy" };
    html! {
        @match &title.poster {
            Some(url) => {
                @if portrait { img.blur src=(url) alt="" loading=(loading) decoding="async"; }
                img.poster.portrait[portrait] src=(url) alt="" loading=(loading) decoding="async"
                    width="640" height="360";
            }
            None => span.noposter aria-hidden="true" { (title.name.chars().next().unwrap_or(' ')) },
        }
    }
}

/// What the viewer's script needs to mark the card and to show a clip: see `player/src/storefront.js`.
pub(super) fn card(title: &Title, eager: bool) -> Markup {
    html! {
        li.card data-title=(title.id) data-scopes=(title.scopes.join(" ")) data-hover=[&title.hover] {
            a href=(title.url) {
                span.frame {
                    (poster(title, eager))
                    @if title.state == "live" { span.mark.live { "Live" } }
                    @if let Some(seconds) = title.duration_s { span.tag.length { (length(seconds)) } }
                    (price_tag(title))
                }
                span.name { (title.name) }
            }
        }
    }
}

pub(super) fn price_tag(title: &Title) -> Markup {
    html! {
        @if title.free { span.tag.price { "Free" } }
        @else if let Some(sat) = title.from_sat() { span.tag.price { (sats(sat)) } }
    }
}
