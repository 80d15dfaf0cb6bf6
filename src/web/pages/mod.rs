//! The pages as HTML. Pure functions from plain views to markup: no I/O, no clock, no look-up, so
//! that every page can be rendered in a test. The scripts and styles are built in `player/` and
//! named here by their logical names; [`AssetUrls`] says where they are served.
//!
//! Words: LOOK is plain and in the second person; "invoice", "token" and "grant" never appear.

mod cards;
mod channel;
mod film;
mod layout;
mod message;
mod order_plain;
mod overlay;
mod purchases;
mod storefront;
mod studio;
mod view;
mod wallet;

#[cfg(test)]
mod tests;

pub use channel::{ChannelPage, channel};
pub use film::{Film, film};
pub use layout::Site;
pub use message::{Message, message, not_found};
pub use order_plain::{OrderPlain, PlainState, order_plain};
pub use overlay::overlay;
pub use purchases::purchases;
pub use storefront::{Storefront, storefront};
pub use studio::{studio, studio_closed, studio_open};
pub use view::{Channel, Offer, Title, channel_label, length, sats, tier_label};
pub use wallet::{Wallet, WalletPayment, wallet};

/// Where the built scripts, styles and images are served.
pub trait AssetUrls {
    /// The URL path of `film.js`, `style.css`, `favicon.svg`, …; the names are those of
    /// `player/dist/manifest.json`.
    fn url(&self, logical: &str) -> &str;
}
