//! What a viewer session has seen for free of a broadcast: its free part ends where it ended at the
//! session's first request, however often it asks again.
//!
//! In memory and bounded. Who is forgotten, or begins a new session, gets the free part once more:
//! there is nobody to hold it against without knowing who it is; the limits on grants hold for all.

use parking_lot::Mutex;
use quick_cache::unsync::Cache;

use crate::core::{grant::Session, ids::VideoId};

/// Sessions remembered.
const REMEMBERED: usize = 65_536;

/// See the module's head.
pub struct Glimpses(Mutex<Cache<(VideoId, Session), u32>>);

impl std::fmt::Debug for Glimpses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Glimpses")
    }
}

impl Default for Glimpses {
    fn default() -> Self {
        Self(Mutex::new(Cache::new(REMEMBERED)))
    }
}

impl Glimpses {
    /// The last segment that this session may see; `last` if it is its first request.
    pub fn last_of(&self, broadcast: VideoId, session: Session, last: u32) -> u32 {
        let mut seen = self.0.lock();
        let key = (broadcast, session);
        if let Some(known) = seen.get(&key) {
            return *known;
        }
        seen.insert(key, last);
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_one_free_part() {
        let glimpses = Glimpses::default();
        let (id, other) = (VideoId::from_bytes([1; 8]), VideoId::from_bytes([2; 8]));
        let session = |number| Session::from_bytes([number; 8]);
        assert_eq!(glimpses.last_of(id, session(1), 7), 7);
        assert_eq!(glimpses.last_of(id, session(1), 9), 7);
        assert_eq!(glimpses.last_of(id, session(2), 9), 9);
        assert_eq!(glimpses.last_of(other, session(1), 3), 3);
    }
}
