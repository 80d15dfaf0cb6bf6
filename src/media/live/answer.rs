//! A request for one of a broadcast's files: answered now, in a moment, or refused (RFC 8216bis
//! §6.2.5). Whoever waits sits on one bell a track, and all are woken with the same bytes.

use std::{sync::Arc, time::Duration};

use satreel_hls::{
    live::{Answer, Ask, View, broadcast::Standing},
    naming::{MediaFile, TrackName},
};
use tokio::{sync::SemaphorePermit, time::timeout};

use super::{
    Live,
    broadcast::{Broadcast, Playlist, Presence},
};
use crate::media::store::{self, Asset};

/// What there is to send.
#[derive(Debug)]
pub enum Served {
    Playlist(Arc<Playlist>),
    File(Arc<Asset>),
}

/// Why there is nothing to send.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("no such file")]
    Absent,
    #[error("the playlist can't be asked for like this")]
    Ask,
    #[error("nothing came in time")]
    Late,
    #[error("too many wait already")]
    Crowded,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Live {
    /// `query` is the request's.
    pub async fn answer(
        &self,
        broadcast: &Broadcast,
        file: MediaFile,
        query: &str,
    ) -> Result<Served, Trouble> {
        match file {
            MediaFile::Playlist(track) => {
                let ask = Ask::parse(query).map_err(|_| Trouble::Ask)?;
                let view = self.wait_for_playlist(broadcast, track, ask).await?;
                let playlist = broadcast.playlist(track, view).ok_or(Trouble::Absent)?;
                Ok(Served::Playlist(playlist))
            }
            MediaFile::Part(track, segment, part) => {
                self.wait_for_part(broadcast, track, file).await?;
                let Some(place) = broadcast.place(track, segment, part) else {
                    return self.load(broadcast, file).await;
                };
                let of = MediaFile::Segment(track, segment);
                let loaded = self.store.load_part(broadcast.id, file, of, place).await;
                served(loaded)
            }
            MediaFile::Master
            | MediaFile::Init(_)
            | MediaFile::Reinit(..)
            | MediaFile::Segment(..)
            | MediaFile::Poster => self.load(broadcast, file).await,
            // A title's, which a broadcast has none of.
            MediaFile::Caption(..)
            | MediaFile::Chapters
            | MediaFile::Storyboard
            | MediaFile::Hover
            | MediaFile::Waveform
            | MediaFile::Sprite(_)
            | MediaFile::Choice(_) => Err(Trouble::Absent),
        }
    }

    async fn load(&self, broadcast: &Broadcast, file: MediaFile) -> Result<Served, Trouble> {
        served(self.store.load(broadcast.id, file, None).await)
    }

    async fn wait_for_playlist(
        &self,
        broadcast: &Broadcast,
        track: TrackName,
        ask: Ask,
    ) -> Result<View, Trouble> {
        let decide = || match broadcast.decide(track, &ask) {
            None => Some(Err(Trouble::Absent)),
            Some(Answer::Now(view)) => Some(Ok(view)),
            Some(Answer::Refuse) => Some(Err(Trouble::Ask)),
            Some(Answer::Wait) => None,
        };
        match self.until(broadcast, track, decide).await {
            // Its publisher is away: what there is stays valid, and no player is told of a fault.
            Err(Trouble::Late) if broadcast.standing() == Standing::Away => {
                Ok(if ask.skip { View::Delta } else { View::Full })
            }
            decided => decided,
        }
    }

    /// The part that the playlist hints at is waited for; one that never comes, since its segment
    /// ended before it, is absent.
    async fn wait_for_part(
        &self,
        broadcast: &Broadcast,
        track: TrackName,
        file: MediaFile,
    ) -> Result<(), Trouble> {
        let decide = || match broadcast.presence(file) {
            Presence::There => Some(Ok(())),
            Presence::Absent => Some(Err(Trouble::Absent)),
            Presence::Next => None,
        };
        self.until(broadcast, track, decide).await
    }

    /// Asks `decide` now and whenever the track grew, as long as anybody should wait.
    async fn until<T>(
        &self,
        broadcast: &Broadcast,
        track: TrackName,
        decide: impl Fn() -> Option<Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        if let Some(decided) = decide() {
            return decided;
        }
        let _seat = self.seat()?;
        // Heard from here on, and asked once more: nothing that is added in between is missed.
        let mut bell = broadcast.bell(track).ok_or(Trouble::Absent)?;
        let decided = async {
            loop {
                if let Some(decided) = decide() {
                    return decided;
                }
                if bell.changed().await.is_err() {
                    return Err(Trouble::Absent);
                }
            }
        };
        let patience = Duration::from_secs(broadcast.patience_s());
        timeout(patience, decided)
            .await
            .unwrap_or(Err(Trouble::Late))
    }

    fn seat(&self) -> Result<SemaphorePermit<'_>, Trouble> {
        self.seats.try_acquire().map_err(|_| Trouble::Crowded)
    }
}

fn served(loaded: Result<Arc<Asset>, store::Error>) -> Result<Served, Trouble> {
    match loaded {
        Ok(asset) => Ok(Served::File(asset)),
        Err(store::Error::Absent) => Err(Trouble::Absent),
        Err(error) => Err(error.into()),
    }
}
