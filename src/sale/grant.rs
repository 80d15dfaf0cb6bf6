//! From access to playback: the grant that a player's URLs carry.

use satreel_hls::title::State;

use super::{Error, Sale, random};
use crate::{
    catalog::Title,
    core::{
        access::Access,
        grant::{Extent, Grant, Session},
        ids::VideoId,
        order::Subject,
        time::Timestamp,
    },
    metrics::GrantOutcome,
};

/// How long a grant lasts. Our page renews it unseen, and a link that was passed on soon ends.
pub const GRANT_LIFETIME_S: u64 = 600;

/// How long for a player that can't renew: an evening.
pub const NATIVE_LIFETIME_S: u64 = 6 * 3600;

/// What a player asks for.
#[derive(Debug)]
pub struct GrantRequest {
    pub title: VideoId,
    /// The access token's text.
    pub token: Option<String>,
    /// The playing that this renews.
    pub session: Option<Session>,
    /// For our own page: playlists show the film's whole length though only its start opens.
    pub whole_timeline: bool,
    /// For a player that can't renew its grant.
    pub native: bool,
}

/// A grant, ready for the player.
#[derive(Debug)]
pub struct Granted {
    /// Sealed, for the URL's path.
    pub text: String,
    pub grant: Grant,
    /// The effective end of the free part in microseconds; None: the whole film.
    pub preview_end_us: Option<u64>,
    /// What it was opened with, if that ends.
    pub rent: Option<Rent>,
}

/// The end of a rent, with what outages added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rent {
    pub ends_at: Timestamp,
    pub credit_s: u64,
}

impl Sale {
    /// Opens a title as far as the token reaches; without one, its free part.
    pub async fn grant(&self, request: GrantRequest) -> Result<Granted, Error> {
        let granted = self.open_title(request).await;
        self.metrics.grants.add(match &granted {
            Ok(granted) => match granted.grant.extent {
                Extent::Film => GrantOutcome::Film,
                Extent::Preview { .. } | Extent::Glimpse { .. } => GrantOutcome::Preview,
            },
            Err(Error::Media(_) | Error::Randomness(_)) => GrantOutcome::Failed,
            Err(_) => GrantOutcome::Refused,
        });
        granted
    }

    async fn open_title(&self, request: GrantRequest) -> Result<Granted, Error> {
        let now = self.clock.now();
        let title = self.title(request.title).ok_or(Error::UnknownTitle)?;
        let renewed = request.session.map_or_else(new_session, Ok)?;
        let mut rent = None;
        let (extent, subject, ends, preview_end_us) = if let Some(token) = &request.token {
            let access = Access::open(token, &self.keyring()).map_err(Error::BadToken)?;
            let has_tag = |tag| title.has_tag(tag);
            let credit_s = self.credit_s(&access);
            access
                .check(title.id, has_tag, credit_s, now)
                .map_err(Error::Access)?;
            rent = access
                .end(credit_s)
                .map(|ends_at| Rent { ends_at, credit_s });
            // What is free is nobody's purchase, whatever is shown for it.
            let subject = if title.offer.is_free() {
                Subject::NOBODY
            } else {
                access.subject
            };
            (Extent::Film, subject, access.end(credit_s), None)
        } else {
            let (extent, end) = self
                .free_part(&title, renewed, request.whole_timeline)
                .await?;
            (extent, Subject::NOBODY, None, end)
        };
        if title.state == State::Processing {
            return Err(Error::NotReady);
        }
        let lifetime = now.plus_seconds(if request.native {
            NATIVE_LIFETIME_S
        } else {
            GRANT_LIFETIME_S
        });
        // A rent that ends sooner ends its grants too.
        let expires_at = ends.map_or(lifetime, |end: Timestamp| end.min(lifetime));
        let session = if subject == Subject::NOBODY {
            renewed
        } else {
            self.admit(subject, request.session, expires_at, now)?
        };
        let grant = Grant {
            title: title.id,
            expires_at,
            subject,
            session,
            extent,
        };
        Ok(Granted {
            text: grant.seal(&self.keyring()),
            grant,
            preview_end_us,
            rent,
        })
    }

    /// The playing that this grant belongs to, if its purchase may play now.
    fn admit(
        &self,
        subject: Subject,
        renewed: Option<Session>,
        ends: Timestamp,
        now: Timestamp,
    ) -> Result<Session, Error> {
        if self.admission.denied.contains(subject) {
            return Err(Error::Denied);
        }
        let sessions = &self.admission.sessions;
        if let Some(session) = renewed {
            sessions.renew(subject, session, ends, now)?;
            return Ok(session);
        }
        let session = new_session()?;
        sessions.begin(subject, session, ends, now);
        Ok(session)
    }

    async fn free_part(
        &self,
        title: &Title,
        session: Session,
        whole_timeline: bool,
    ) -> Result<(Extent, Option<u64>), Error> {
        match title.state {
            State::Hidden => return Err(Error::UnknownTitle),
            State::Processing => return Err(Error::NotReady),
            State::Published | State::Live | State::Scheduled => {}
        }
        if !self.is_for_sale(title) {
            return Err(Error::UnknownTitle);
        }
        if title.offer.is_free() {
            return Ok((Extent::Film, None));
        }
        if title.state == State::Live {
            let (extent, end_us) = self.glimpse(title, session)?;
            return Ok((extent, Some(end_us)));
        }
        let end = self.store.preview_end(title.id, title.preview_s).await?;
        let (last_segment, end_us) = end.ok_or(Error::NoPreview)?;
        Ok((
            Extent::Preview {
                last_segment,
                whole_timeline,
            },
            Some(end_us),
        ))
    }
}

fn new_session() -> Result<Session, Error> {
    random().map(Session::from_bytes)
}
