//! Plain pages that say one thing: not found, and faults where there is no script to show them.

use maud::{Markup, html};

use super::{
    AssetUrls, Site,
    layout::{Page, layout},
};

/// What happened and what to do.
#[derive(Debug, Clone, Default)]
pub struct Message {
    pub heading: String,
    pub text: String,
    /// Where the button leads, and its words.
    pub link: Option<(String, String)>,
}

pub fn message(site: &Site, assets: &dyn AssetUrls, view: &Message) -> Markup {
    let (href, words) = match &view.link {
        Some((href, words)) => (href.as_str(), words.as_str()),
        None => ("/", "To the films"),
    };
    let body = html! {
        section.empty {
            h1 { (view.heading) }
            p { (view.text) }
            a.button.main href=(href) { (words) }
        }
    };
    layout(
        site,
        assets,
        &Page {
            title: &view.heading,
            description: "",
            path: "/",
            image: None,
            scripts: &[],
            data: None,
            index: false,
            query: "",
            body,
        },
    )
}

pub fn not_found(site: &Site, assets: &dyn AssetUrls) -> Markup {
    message(
        site,
        assets,
        &Message {
            heading: "Nothing plays here".to_owned(),
            text: "The address may be mistyped, or the film was taken down. What you bought is still yours."
                .to_owned(),
            link: None,
        },
    )
}
