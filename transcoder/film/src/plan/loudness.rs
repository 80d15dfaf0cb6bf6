//! How much louder a film's sound is made so that all films of a site are alike.

/// What phones and computers are made for (Apple and the AES recommend it for streaming).
const TARGET_LUFS: f64 = -16.0;
/// Nobody hears less than this.
const LEAST_DB: f64 = 0.5;
/// More would only make noise louder.
const MOST_DB: f64 = 20.0;

/// The gain in hundredths of a decibel. None: it is loud enough and soft enough.
pub(super) fn gain(lufs: f64) -> Option<i32> {
    let gain = (TARGET_LUFS - lufs).clamp(-MOST_DB, MOST_DB);
    #[allow(clippy::cast_possible_truncation, reason = "between -2000 and 2000")]
    let hundredths = (gain * 100.0).round() as i32;
    (gain.is_finite() && gain.abs() >= LEAST_DB).then_some(hundredths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_lead_to_the_target_within_reason() {
        for (lufs, expected) in [
            (-16.0, None),
            (-16.3, None),
            (-23.0, Some(700)),
            (-9.5, Some(-650)),
            (-50.0, Some(2000)),
            (f64::NAN, None),
        ] {
            assert_eq!(gain(lufs), expected, "{lufs}");
        }
    }
}
