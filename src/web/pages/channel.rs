//! `/live/{name}`: what is on air, or when something will be. Scripts take over the marked elements
//! (`player/src/live.js`).

use maud::{Markup, html};

use super::{
    AssetUrls, Site,
    cards::card,
    film::{offers, stage},
    layout::{Page, layout},
    view::{Channel, moment},
};

/// A channel's page.
#[derive(Debug, Clone, Default)]
pub struct ChannelPage {
    pub channel: Channel,
}

pub fn channel(site: &Site, assets: &dyn AssetUrls, view: &ChannelPage) -> Markup {
    let channel = &view.channel;
    let body = html! {
        article.film.live {
            @match &channel.title {
                Some(title) => (stage(title)),
                None => (waiting(channel)),
            }
            div.below {
                div.about {
                    h1 { (channel.name) }
                    p.facts {
                        @if channel.title.is_some() { span.mark.live { "Live" } }
                        span #mark .mark hidden {}
                    }
                    @if !channel.description.is_empty() { p.description { (channel.description) } }
                }
                @match &channel.title {
                    Some(title) => (offers(title)),
                    // The script fills it: a pass is bought in place, for every broadcast to come.
                    None => @if !channel.passes.is_empty() { aside #offers .offers aria-label="Watch" {} },
                }
                div {
                    div #tip {}
                    ul #thanks .thanks aria-label="Tips" hidden {}
                }
            }
            @if !channel.recordings.is_empty() {
                section.shelf aria-labelledby="earlier" {
                    h2 #earlier { "Earlier" }
                    ul.cards { @for title in &channel.recordings { (card(title, false)) } }
                }
            }
        }
    };
    layout(
        site,
        assets,
        &Page {
            title: &channel.name,
            description: &channel.description,
            path: &channel.url,
            image: None,
            scripts: &["live.js"],
            data: Some(serde_json::json!({ "channel": channel, "site": site })),
            index: true,
            query: "",
            body,
        },
    )
}

/// In the player's place while nothing is on air. The countdown is the script's.
fn waiting(channel: &Channel) -> Markup {
    html! {
        div #stage .stage.waiting {
            div.words role="status" {
                @if let Some(starts_at) = &channel.starts_at {
                    p.quiet { "Starts" }
                    p.when { time #starts datetime=(starts_at) { (moment(starts_at)) } }
                    p #countdown .countdown {}
                    p { a.button href={ (channel.url) "/broadcast.ics" } { "Add to calendar" } }
                } @else {
                    p.when { "Off air" }
                    p.quiet { "When a broadcast begins, it plays here." }
                }
            }
        }
    }
}
