//! The gate: `/m/{grant}/{id}/{file}` → grant check → bytes. Owns every media byte that leaves.
//!
//! - [`path`]: the URL as an enum; [`store`]: immutable files in a bounded memory
//! - [`live`]: running broadcasts: playlists that grow, requests that wait
//! - [`gate`]: the decision; [`respond`]: ranges, ETag, encodings (RFC 9110)

pub mod gate;
pub mod live;
pub mod path;
pub mod respond;
pub mod store;
