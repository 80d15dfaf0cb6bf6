//! Who may go on playing, beyond what a grant's own text says.
//!
//! - [`denied`]: the purchases that the operator closed, from a file
//!
//! Asked when a grant is made, and by the gate for grants that are out already. Does not own what
//! a purchase opens: that is said by the token and the grant alone.

pub mod denied;

pub use denied::Denied;

use crate::core::grant::{Grant, Refusal};

/// See the module's head. Shared by the gate and the sale.
#[derive(Debug)]
pub struct Admission {
    pub denied: Denied,
}

impl Admission {
    pub const fn new(denied: Denied) -> Self {
        Self { denied }
    }

    /// Whether a grant that is out may go on. Part of every media request, so a few nanoseconds.
    pub fn check(&self, grant: &Grant) -> Result<(), Refusal> {
        if self.denied.contains(grant.subject) {
            return Err(Refusal::Denied);
        }
        Ok(())
    }
}
