//! Numbers that many threads count at once.

use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// A label with all the values that it can have.
pub trait Label: Copy + 'static {
    const NAME: &'static str;
    const VALUES: &'static [&'static str];

    /// Its place among the values.
    fn index(self) -> usize;
}

/// A label as an enum: its name, and the values as they are shown.
macro_rules! labels {
    ($(#[$about:meta])* $label:ident: $name:literal {
        $($(#[$note:meta])* $value:ident = $text:literal,)+
    }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $label { $($(#[$note])* $value,)+ }

        impl $crate::metrics::Label for $label {
            const NAME: &'static str = $name;
            const VALUES: &'static [&'static str] = &[$($text,)+];

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}
pub(super) use labels;

/// One counter for each value of a label. All of them show from the start, at 0: a rate needs two
/// points.
#[derive(Debug)]
pub struct Counters<L> {
    counts: Box<[AtomicU64]>,
    label: PhantomData<L>,
}

impl<L: Label> Default for Counters<L> {
    fn default() -> Self {
        Self {
            counts: L::VALUES.iter().map(|_| AtomicU64::new(0)).collect(),
            label: PhantomData,
        }
    }
}

impl<L: Label> Counters<L> {
    pub fn add(&self, value: L) {
        self.counts[value.index()].fetch_add(1, Relaxed);
    }

    pub fn get(&self, value: L) -> u64 {
        self.counts[value.index()].load(Relaxed)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.counts.iter().map(|count| count.load(Relaxed));
        L::VALUES.iter().copied().zip(counts)
    }
}

/// What only grows.
#[derive(Debug, Default)]
pub struct Sum(AtomicU64);

impl Sum {
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How many of something there are now.
#[derive(Debug, Default)]
pub struct Presence(Arc<AtomicU64>);

impl Presence {
    /// One more, until what is returned is dropped.
    pub fn enter(&self) -> Present {
        self.0.fetch_add(1, Relaxed);
        Present(Arc::clone(&self.0))
    }

    pub fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Counts as one as long as it lives.
#[derive(Debug)]
pub struct Present(Arc<AtomicU64>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_is_no_longer_counted() {
        let presence = Presence::default();
        let first = presence.enter();
        let second = presence.enter();
        assert_eq!(presence.now(), 2);
        drop(first);
        assert_eq!(presence.now(), 1);
        drop(second);
        assert_eq!(presence.now(), 0);
    }
}
