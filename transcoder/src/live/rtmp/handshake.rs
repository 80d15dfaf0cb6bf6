//! The handshake (§5.2): one byte and 1536 bytes each way, echoed. The digests that some players ask
//! of servers are no publisher's concern: ffmpeg, OBS and GStreamer go on without them.

use super::Violation;

pub(crate) const HALF: usize = 1536;
const VERSION: u8 = 3;

/// How far a publisher's handshake is.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    received: Vec<u8>,
    answered: bool,
}

impl Handshake {
    /// Takes what belongs to the handshake off the front of `input`. True: it is over.
    pub(crate) fn read(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, Violation> {
        let whole = 1 + 2 * HALF;
        let (taken, rest) = input.split_at(input.len().min(whole - self.received.len()));
        self.received.extend_from_slice(taken);
        *input = rest;
        if self
            .received
            .first()
            .is_some_and(|version| *version != VERSION)
        {
            return Err(Violation::NotRtmp);
        }
        if !self.answered
            && let Some(theirs) = self.received.get(1..=HALF)
        {
            self.answered = true;
            out.push(VERSION);
            out.extend(ours());
            out.extend_from_slice(theirs);
        }
        Ok(self.received.len() == whole)
    }
}

/// Time zero, four zeros, and bytes that need not be random: nothing is proved by them.
fn ours() -> impl Iterator<Item = u8> {
    let pattern = (0_u32..).map(|at| at.wrapping_mul(31).to_le_bytes()[0]);
    std::iter::repeat_n(0, 8).chain(pattern.take(HALF - 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_after_both_halves_however_they_come() {
        let theirs: Vec<u8> = std::iter::once(3)
            .chain((0..=250).cycle().take(2 * HALF))
            .collect();
        for step in [1, 7, 1537, 4000] {
            let (mut handshake, mut out) = (Handshake::default(), Vec::new());
            let mut bytes = theirs.clone();
            bytes.extend(b"next");
            let mut over = false;
            let mut left = Vec::new();
            for piece in bytes.chunks(step) {
                let mut input = piece;
                if !over {
                    over = handshake.read(&mut input, &mut out).expect("RTMP");
                }
                left.extend_from_slice(input);
            }
            assert!(over);
            assert_eq!(left, b"next");
            assert_eq!(out.len(), 1 + 2 * HALF);
            assert_eq!(out[1 + HALF..], theirs[1..=HALF]);
        }
    }

    #[test]
    fn other_protocols_are_told_at_once() {
        let mut input: &[u8] = b"GET / HTTP/1.1";
        let found = Handshake::default().read(&mut input, &mut Vec::new());
        assert_eq!(found, Err(Violation::NotRtmp));
    }
}
