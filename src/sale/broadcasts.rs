//! What is sold of a broadcast while it runs. It is a title like any other, made of its channel's
//! file; its id stays when it becomes a recording, so whoever bought the one owns the other.

use std::sync::Arc;

use satreel_hls::{live::broadcast::BroadcastFile, naming::VideoId, title::State};

use super::{Error, Sale};
use crate::{
    catalog::{Beside, Channel, Query, Title},
    core::{
        grant::{Extent, MAX_GLIMPSE, Session},
        offer::Tier,
        time::Timestamp,
    },
    media::live::{Broadcast, Edge},
};

/// Of a channel that has one, a film for sale is found among so many.
const RECORDINGS: u32 = 100;

impl Sale {
    /// A film, or a broadcast that is on air.
    pub fn title(&self, id: VideoId) -> Option<Arc<Title>> {
        let broadcast = self.live.get(id);
        // What ended a moment ago is its recording, as soon as there is one.
        if broadcast.as_ref().is_none_or(|one| one.is_over())
            && let Some(title) = self.catalog.get(&id)
        {
            return Some(title);
        }
        self.on_air(&*broadcast?).map(Arc::new)
    }

    /// Whether it can be bought, or seen for free: one that has ended and left no recording can't.
    pub(super) fn is_for_sale(&self, title: &Title) -> bool {
        title.state != State::Live || self.live.get(title.id).is_some_and(|one| !one.is_over())
    }

    /// The channel of a broadcast.
    pub fn channel_of(&self, id: VideoId) -> Option<Arc<Channel>> {
        self.channels.get(&self.live.get(id)?.about().channel)
    }

    /// The channel that a pass opens; None for all other tiers.
    pub fn channel_of_pass(&self, tier: &Tier) -> Option<Arc<Channel>> {
        let tag = tier.tag().filter(|_| !self.is_collection(tier))?;
        self.channels.of_tag(tag)
    }

    /// A running broadcast as a title. None: its channel is gone.
    pub fn on_air(&self, broadcast: &Broadcast) -> Option<Title> {
        let about = broadcast.about();
        let channel = self.channels.get(&about.channel)?;
        Some(self.title_of(broadcast, &channel, &about))
    }

    fn title_of(&self, broadcast: &Broadcast, channel: &Channel, about: &BroadcastFile) -> Title {
        let file = &channel.file;
        let own = channel.offer.clone().map(Arc::new);
        Title {
            id: broadcast.id,
            name: file.name.as_str().into(),
            description: file.description.as_str().into(),
            year: None,
            tags: Box::new([channel.id.to_string().into()]),
            state: if broadcast.has_begun() {
                State::Live
            } else {
                State::Processing
            },
            offer: own.unwrap_or_else(|| self.catalog.usual_offer()),
            preview_s: file.preview_s,
            duration_s: None,
            width: None,
            height: None,
            created_at: Timestamp::from_unix(about.started_ms / 1000),
            beside: Beside {
                poster: self.live.poster_version(broadcast.id),
                ..Beside::default()
            },
        }
    }

    /// What a channel sells while nothing is on air: what is worth its price whatever comes. A pass for
    /// ever does not run out in the wait; one for some hours begins with the payment, so it is sold
    /// only where recordings can be watched with it at once. A broadcast's ticket is sold when it begins.
    pub fn passes_off_air(&self, channel: &Channel) -> Vec<Tier> {
        let opens_something = || {
            let recordings = self.catalog.list(&Query {
                q: None,
                tag: Some(channel.id.to_string()),
                page: 1,
                per_page: RECORDINGS,
            });
            let sold = |title: &Arc<Title>| !title.offer.is_free();
            recordings.titles.iter().any(sold)
        };
        let passes = channel.passes.iter().copied();
        let lasting = |pass: &Tier| pass.hours().is_none();
        if channel.passes.iter().all(lasting) || opens_something() {
            return passes.collect();
        }
        passes.filter(lasting).collect()
    }

    /// The passes of the channels that a title belongs to.
    pub(super) fn channel_passes(&self, title: &Title) -> Vec<Tier> {
        let channels = title.tags.iter().filter_map(|tag| self.channels.get(tag));
        channels
            .flat_map(|channel| channel.passes.clone())
            .collect()
    }

    /// The free part of a broadcast for one viewer session, and how much of it is left in
    /// microseconds: it began when the session did.
    pub(super) fn glimpse(&self, title: &Title, session: Session) -> Result<(Extent, u64), Error> {
        let broadcast = self.live.get(title.id).ok_or(Error::UnknownTitle)?;
        let edge = broadcast.edge().ok_or(Error::NotReady)?;
        if title.preview_s == 0 {
            return Err(Error::NoPreview);
        }
        let (ahead, segments) = reach(edge, title.preview_s);
        let last = edge.next.saturating_add(ahead);
        let glimpses = &self.admission.glimpses;
        let last_segment = glimpses.last_of(title.id, session, last);
        if edge.next > last_segment {
            return Err(Error::GlimpseOver);
        }
        let left = u64::from(last_segment - edge.next + 1) * edge.segment_us;
        let extent = Extent::Glimpse {
            last_segment,
            segments,
        };
        Ok((extent, left.min(u64::from(title.preview_s) * 1_000_000)))
    }
}

/// How many segments after the one that is being made are free, and how many in all: players begin
/// up to three target durations before the edge.
fn reach(edge: Edge, preview_s: u32) -> (u32, u8) {
    let segment_us = edge.segment_us.max(1);
    let ahead = (u64::from(preview_s) * 1_000_000).div_ceil(segment_us);
    let before = (edge.target_s * 3_000_000).div_ceil(segment_us) + 1;
    let before = before.min(u64::from(MAX_GLIMPSE / 2));
    let ahead = ahead.min(u64::from(MAX_GLIMPSE) - before - 1);
    let number = |count: u64| u32::try_from(count).unwrap_or(u32::from(MAX_GLIMPSE));
    let all = u8::try_from(ahead + 1 + before).unwrap_or(MAX_GLIMPSE);
    (number(ahead), all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_part_fits_into_a_grant() {
        let edge = |segment_us, target_s| Edge {
            next: 0,
            segment_us,
            target_s,
        };
        assert_eq!(reach(edge(2_000_000, 6), 15), (8, 19));
        assert_eq!(reach(edge(6_000_000, 6), 15), (3, 8));
        assert_eq!(reach(edge(2_000_000, 6), 3600), (116, MAX_GLIMPSE));
        assert_eq!(reach(edge(0, 6), u32::MAX), (63, MAX_GLIMPSE));
        assert_eq!(reach(edge(100_000, 60), 1), (10, 74));
    }
}
