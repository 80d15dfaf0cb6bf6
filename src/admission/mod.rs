//! Who may go on playing, beyond what a grant's own text says.
//!
//! - [`denied`]: the purchases that the operator closed, from a file
//! - [`sessions`]: how many devices play one purchase at once
//!
//! Asked when a grant is made, and by the gate for grants that are out already. Does not own what
//! a purchase opens: that is said by the token and the grant alone.

pub mod denied;
pub mod glimpses;
pub mod sessions;

pub use denied::Denied;
pub use glimpses::Glimpses;
pub use sessions::{Elsewhere, Sessions};

use crate::core::{
    grant::{Grant, Refusal},
    order::Subject,
    time::Timestamp,
};

/// See the module's head. Shared by the gate and the sale.
#[derive(Debug)]
pub struct Admission {
    pub denied: Denied,
    pub sessions: Sessions,
    pub glimpses: Glimpses,
}

impl Admission {
    pub fn new(denied: Denied, sessions: Sessions) -> Self {
        Self {
            denied,
            sessions,
            glimpses: Glimpses::default(),
        }
    }

    /// Whether a grant that is out may go on. Part of every media request, so a few nanoseconds.
    pub fn check(&self, grant: &Grant, now: Timestamp) -> Result<(), Refusal> {
        // Previews and free films are nobody's purchase.
        if grant.subject == Subject::NOBODY {
            return Ok(());
        }
        if self.denied.contains(grant.subject) {
            return Err(Refusal::Denied);
        }
        if self.sessions.is_out(grant.subject, grant.session, now) {
            return Err(Refusal::Elsewhere);
        }
        Ok(())
    }
}
