//! `title.json`: what is read can be written and read again, and its offer is checked or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel::core::offer::Offer;
use satreel_hls::title::TitleFile;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = serde_json::from_slice::<TitleFile>(bytes) else {
        return;
    };
    let text = serde_json::to_vec(&file).expect("a title can be written");
    let again: TitleFile = serde_json::from_slice(&text).expect("what was written can be read");
    assert_eq!(again.tiers, file.tiers);
    assert_eq!(again.preview_s, file.preview_s);
    if let Some(tiers) = &file.tiers
        && let Ok(offer) = Offer::from_file(tiers)
    {
        assert_eq!(offer.tiers().len(), tiers.len());
        assert!(offer.tiers().iter().all(|tier| tier.price().get() > 0));
    }
});
