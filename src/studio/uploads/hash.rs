//! SHA-256 on the way, which a restart takes up again: the state is kept in the record, and what
//! arrived after it was kept is read once more.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use sha2::{
    Digest, Sha256,
    digest::common::hazmat::{SerializableState, SerializedState},
};

use super::{record::Hashed, tus::Checksum};

const PIECE: usize = 1 << 20;

/// The hash of a film so far.
#[derive(Debug, Clone)]
pub(super) struct Running {
    sha256: Sha256,
    pub(super) bytes: u64,
}

impl Running {
    /// After the first `bytes` of the film. A state that is none, or too far, begins anew.
    pub(super) fn resume(kept: &Hashed, film: &File, bytes: u64) -> io::Result<Self> {
        let mut running = restore(kept)
            .filter(|running| running.bytes <= bytes)
            .unwrap_or_else(|| Self {
                sha256: Sha256::new(),
                bytes: 0,
            });
        let mut piece = vec![0; PIECE];
        while running.bytes < bytes {
            let left = usize::try_from(bytes - running.bytes)
                .unwrap_or(PIECE)
                .min(PIECE);
            film.read_exact_at(&mut piece[..left], running.bytes)?;
            running.update(&piece[..left]);
        }
        Ok(running)
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    pub(super) fn keep(&self) -> Hashed {
        Hashed {
            bytes: self.bytes,
            state: hex::encode(self.sha256.serialize()),
        }
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.sha256.finalize().into()
    }
}

fn restore(kept: &Hashed) -> Option<Running> {
    let mut state = SerializedState::<Sha256>::default();
    hex::decode_to_slice(&kept.state, &mut state).ok()?;
    let sha256 = Sha256::deserialize(&state).ok()?;
    Some(Running {
        sha256,
        bytes: kept.bytes,
    })
}

/// The hash of one request's bytes, and what it should be.
#[derive(Debug, Clone)]
pub(super) enum Check {
    Sha1(sha1::Sha1, [u8; 20]),
    Sha256(Sha256, [u8; 32]),
}

impl Check {
    pub(super) fn new(wanted: &Checksum) -> Self {
        match wanted {
            Checksum::Sha1(digest) => Self::Sha1(sha1::Sha1::new(), *digest),
            Checksum::Sha256(digest) => Self::Sha256(Sha256::new(), *digest),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hash, _) => hash.update(bytes),
            Self::Sha256(hash, _) => hash.update(bytes),
        }
    }

    pub(super) fn holds(self) -> bool {
        match self {
            Self::Sha1(hash, wanted) => <[u8; 20]>::from(hash.finalize()) == wanted,
            Self::Sha256(hash, wanted) => <[u8; 32]>::from(hash.finalize()) == wanted,
        }
    }
}

/// Of a whole file that lies still.
#[cfg(test)]
pub(super) fn of(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_taken_up_where_it_was_kept() {
        let film: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let film_path = folder.path().join("film");
        std::fs::write(&film_path, &film).expect("written");
        let opened = File::open(&film_path).expect("opened");
        for cut in [0, 1, 63, 64, 65, 100_000, film.len()] {
            let at = cut as u64;
            let mut running = Running::resume(&Hashed::default(), &opened, at).expect("hashed");
            let kept = running.keep();
            running.update(&film[cut..]);
            assert_eq!(running.finish(), of(&film));
            let all = Running::resume(&kept, &opened, film.len() as u64).expect("hashed");
            assert_eq!(all.finish(), of(&film), "kept at {cut}");
        }
        let nonsense = Hashed {
            bytes: 5,
            state: "00".into(),
        };
        let all = Running::resume(&nonsense, &opened, film.len() as u64).expect("hashed");
        assert_eq!(all.finish(), of(&film));
    }
}
