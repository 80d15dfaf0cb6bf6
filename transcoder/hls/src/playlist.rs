//! Multivariant and media playlists.
