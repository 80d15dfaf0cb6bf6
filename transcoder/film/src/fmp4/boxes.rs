//! Writing ISO base media boxes (ISO/IEC 14496-12 §4.2): a length, four letters, a body.

/// A byte buffer that grows box by box.
#[derive(Debug, Default)]
pub(super) struct Boxes(Vec<u8>);

impl Boxes {
    /// One box; what `body` writes is its content.
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "byte string literals are references"
    )]
    pub(super) fn boxed(&mut self, kind: &[u8; 4], body: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.0.len();
        self.u32(0).bytes(kind);
        body(self);
        self.patch(start, self.0.len() - start);
        self
    }

    /// A box with version and flags (§4.2.2).
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "byte string literals are references"
    )]
    pub(super) fn full(
        &mut self,
        kind: &[u8; 4],
        version: u8,
        flags: u32,
        body: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.boxed(kind, |inner| {
            inner.u32(u32::from(version) << 24 | flags);
            body(inner);
        })
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn zeros(&mut self, count: usize) -> &mut Self {
        self.0.resize(self.0.len() + count, 0);
        self
    }

    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn i32(&mut self, value: i32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes a 32-bit number where four bytes were left for it.
    pub(super) fn patch(&mut self, at: usize, value: usize) {
        // Boxes of ours are far below 4 GiB; a longer one would be a fault of the segmenter's.
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        if let Some(slot) = self.0.get_mut(at..at + 4) {
            slot.copy_from_slice(&value.to_be_bytes());
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
