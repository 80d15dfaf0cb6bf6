//! The site's own offer, and the titles' own ones shared where they are alike: thousands of titles
//! usually cost the same.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::core::offer::Offer;

/// What titles offer.
#[derive(Debug)]
pub(super) struct Offers {
    /// Of a title whose file says nothing.
    pub(super) usual: Arc<Offer>,
    /// The last one that was seen. One is enough: what differs costs a title its own copy.
    last: Mutex<Arc<Offer>>,
}

impl Offers {
    pub(super) fn new(usual: Offer) -> Self {
        let usual = Arc::new(usual);
        Self {
            last: Mutex::new(Arc::clone(&usual)),
            usual,
        }
    }

    /// A title's offer; `own` is what its file says.
    pub(super) fn of(&self, own: Option<Offer>) -> Arc<Offer> {
        let Some(own) = own else {
            return Arc::clone(&self.usual);
        };
        let mut last = self.last.lock();
        if **last != own {
            *last = Arc::new(own);
        }
        Arc::clone(&last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::offer::{Tier, TierKind};

    #[test]
    fn titles_that_cost_the_same_share_an_offer() {
        let at = |sat| {
            let own = Tier::new(TierKind::Own, sat, None).expect("a tier");
            Offer::new(vec![own]).expect("an offer")
        };
        let offers = Offers::new(at(100));
        assert!(Arc::ptr_eq(&offers.of(None), &offers.usual));
        let one = offers.of(Some(at(300)));
        assert!(Arc::ptr_eq(&one, &offers.of(Some(at(300)))));
        assert_eq!(*offers.of(Some(at(400))), at(400));
        assert_eq!(*one, at(300));
    }
}
