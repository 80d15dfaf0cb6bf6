//! `GET /api/titles`, `GET /api/titles/{id}`

use std::num::NonZeroU64;

use axum::{Json, extract::State};
use satreel_hls::naming::{MediaFile, VideoId};
use serde::{Deserialize, Serialize};

use crate::{
    catalog::{self, Title},
    core::{
        access::Scope,
        offer::{Tier, tier_name},
        tag::TagId,
    },
    web::{
        extract::{PathPart, Query},
        pages,
        problem::ApiError,
        state::{Shared, Web},
    },
};

/// Titles on a page of the list.
pub const PER_PAGE: u32 = 24;
/// Longest search text, in characters.
const MAX_QUERY: usize = 100;
/// Beyond it no site has pages.
const MAX_PAGE: u32 = 1_000_000;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    #[serde(default)]
    pub q: String,
    pub tag: Option<String>,
    pub page: Option<u32>,
}

impl ListQuery {
    /// The search, if it makes sense. An empty tag is no tag: forms send it.
    pub fn search(&self) -> Result<catalog::Query, ApiError> {
        let page = self.page.unwrap_or(1);
        if !(1..=MAX_PAGE).contains(&page) {
            return Err(ApiError::invalid(format!(
                "page: a number from 1 to {MAX_PAGE}"
            )));
        }
        let tag = self.tag.as_deref().filter(|tag| !tag.is_empty());
        for (name, text) in [("q", Some(self.q.as_str())), ("tag", tag)] {
            if text.is_some_and(|text| text.chars().count() > MAX_QUERY) {
                return Err(ApiError::invalid(format!(
                    "{name}: at most {MAX_QUERY} characters"
                )));
            }
        }
        Ok(catalog::Query {
            q: (!self.q.is_empty()).then(|| self.q.clone()),
            tag: tag.map(str::to_owned),
            page,
            per_page: PER_PAGE,
        })
    }
}

#[derive(Debug, Serialize)]
pub struct List {
    titles: Vec<pages::Title>,
    total: usize,
    page: u32,
    pages: u32,
}

pub async fn list(
    State(web): State<Shared>,
    Query(query): Query<ListQuery>,
) -> Result<Json<List>, ApiError> {
    let found = web.sale.catalog.list(&query.search()?);
    Ok(Json(List {
        titles: title_views(&web, &found.titles).await,
        total: found.total,
        page: query.page.unwrap_or(1),
        pages: found.pages,
    }))
}

pub async fn one(
    State(web): State<Shared>,
    PathPart(id): PathPart<VideoId>,
) -> Result<Json<pages::Title>, ApiError> {
    let title = web.sale.public_title(id)?;
    Ok(Json(title_view(&web, &title).await))
}

/// Titles as viewers see them.
pub async fn title_views(web: &Web, titles: &[std::sync::Arc<Title>]) -> Vec<pages::Title> {
    let mut views = Vec::with_capacity(titles.len());
    for title in titles {
        views.push(title_view(web, title).await);
    }
    views
}

/// A title as viewers see it, with its offers and the tips it got.
pub async fn title_view(web: &Web, title: &Title) -> pages::Title {
    let tips = web.sale.ledger.tips_total(Some(title.id)).await;
    let tips_sat = tips.map_or_else(
        |error| {
            // A figure on a page is not worth failing the page for.
            tracing::warn!(error = &error as &dyn std::error::Error, "tips not read");
            0
        },
        crate::core::money::Sats::get,
    );
    let offers = web.sale.offers(title);
    let offers = offers.iter().map(|tier| offer_view(web, title.id, tier));
    pages::Title {
        id: title.id.to_string(),
        name: title.name.to_string(),
        description: title.description.to_string(),
        year: title.year.map(i32::from),
        tags: title.tags.iter().map(ToString::to_string).collect(),
        tiers: offers.collect(),
        free: title.offer.is_free(),
        preview_s: f64::from(title.preview_s),
        duration_s: title.duration_s,
        width: title.width,
        height: title.height,
        poster: poster_url(title),
        hover: shown_url(title, MediaFile::Hover, title.beside.hover),
        waveform: shown_url(title, MediaFile::Waveform, title.beside.waveform),
        chapters: title.beside.chapters,
        storyboard: title.beside.storyboard,
        state: state_name(title.state).to_owned(),
        tips_sat,
        url: url(web, title),
        scopes: scopes(title).map(|scope| scope.to_string()).collect(),
    }
}

/// Where its poster is; a replaced one has another address.
pub fn poster_url(title: &Title) -> Option<String> {
    shown_url(title, MediaFile::Poster, title.beside.poster)
}

/// Where a file is that everybody may see.
pub fn shown_url(title: &Title, file: MediaFile, version: Option<NonZeroU64>) -> Option<String> {
    let version = version?;
    Some(format!("/posters/{}/{file}?v={version:x}", title.id))
}

pub fn offer_view(web: &Web, title: VideoId, tier: &Tier) -> pages::Offer {
    let tag = tier.tag().and_then(|tag| web.sale.tag_name(tag));
    pages::Offer {
        id: web.sale.offer_id(tier),
        tier: tier_name(tier.kind()).to_owned(),
        sat: tier.price().get(),
        hours: tier.hours(),
        scope: Scope::of(tier, title).to_string(),
        label: offer_label(web, tier),
        tag,
    }
}

/// What the buyer of a tier gets, in words.
pub fn offer_label(web: &Web, tier: &Tier) -> String {
    if let Some(channel) = web.sale.channel_of_pass(tier) {
        return pages::channel_label(&channel.file.name, tier.hours());
    }
    let tag = tier.tag().and_then(|tag| web.sale.tag_name(tag));
    pages::tier_label(tier_name(tier.kind()), tag.as_deref(), tier.hours())
}

/// Where a title is watched: a broadcast on its channel's page.
fn url(web: &Web, title: &Title) -> String {
    let channel = web.sale.channel_of(title.id);
    match channel.filter(|_| title.state == satreel_hls::title::State::Live) {
        Some(channel) => format!("/live/{}", channel.id),
        None => format!("/w/{}", title.id),
    }
}

/// Whatever opens the title.
fn scopes(title: &Title) -> impl Iterator<Item = Scope> {
    let tags = title.tags.iter().map(|tag| Scope::Tag(TagId::of(tag)));
    [Scope::Title(title.id), Scope::Site]
        .into_iter()
        .chain(tags)
}

pub const fn state_name(state: satreel_hls::title::State) -> &'static str {
    use satreel_hls::title::State;
    match state {
        State::Processing => "processing",
        State::Published => "published",
        State::Hidden => "hidden",
        State::Live => "live",
        State::Scheduled => "scheduled",
    }
}
