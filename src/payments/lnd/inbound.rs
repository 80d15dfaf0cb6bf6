//! Whether the channels can bring the dearest tier, told when it changes and not at every look.

use crate::core::money::Msats;

/// What they were last said not to bring.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    short_of: Option<Msats>,
}

/// What an operator should hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// From now on the dearest tier, or another one than before, is beyond them.
    Short,
    Enough,
}

impl Inbound {
    pub(super) fn seen(&mut self, receivable: Msats, dearest: Msats) -> Option<News> {
        let short_of = (receivable < dearest).then_some(dearest);
        let before = std::mem::replace(&mut self.short_of, short_of);
        match (before, short_of) {
            (Some(_), None) => Some(News::Enough),
            (before, Some(_)) if before != short_of => Some(News::Short),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_told() {
        let mut inbound = Inbound::default();
        let table = [
            (50, 40, None),
            (39, 40, Some(News::Short)),
            (38, 40, None),
            (38, 41, Some(News::Short)),
            (0, 41, None),
            (41, 41, Some(News::Enough)),
            (90, 41, None),
            (90, 91, Some(News::Short)),
            (90, 90, Some(News::Enough)),
        ];
        let sat = |sat: u64| Msats::new(sat * 1000).expect("an amount");
        for (row, (receivable, dearest, told)) in table.into_iter().enumerate() {
            assert_eq!(
                inbound.seen(sat(receivable), sat(dearest)),
                told,
                "row {row}"
            );
        }
    }
}
