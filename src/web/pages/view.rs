//! What the pages show of a title. The same shape is the API's title object.

use serde::Serialize;

/// One film or broadcast as a viewer sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Title {
    pub id: String,
    pub name: String,
    pub description: String,
    pub year: Option<i32>,
    pub tags: Vec<String>,
    pub tiers: Vec<Offer>,
    /// Plays for everybody, whole.
    pub free: bool,
    /// Length of the free start in seconds; 0 when there is none.
    pub preview_s: f64,
    pub duration_s: Option<f64>,
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// URL path of the poster.
    pub poster: Option<String>,
    /// URL path of a few seconds without sound, out of the free part.
    pub hover: Option<String>,
    /// URL path of a drawing of a recording without picture.
    pub waveform: Option<String>,
    /// Are there `chapters.vtt` and, for those who may see all, `storyboard.vtt` under a grant?
    pub chapters: bool,
    pub storyboard: bool,
    /// `processing`, `published`, `hidden`, `live` or `scheduled`.
    pub state: String,
    pub tips_sat: u64,
    /// URL path of the title's page.
    pub url: String,
    /// What opens it, as purchases name their scopes.
    pub scopes: Vec<String>,
}

/// A live channel as a viewer sees it. The same shape is the API's channel object.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Channel {
    pub id: String,
    pub name: String,
    pub description: String,
    /// `live`, `away` (its publisher is gone for a moment), `scheduled` or `offline`.
    pub state: String,
    /// When the next broadcast is meant to begin, RFC 3339.
    pub starts_at: Option<String>,
    /// What is on air.
    pub title: Option<Title>,
    /// What is sold while nothing is on air.
    pub passes: Vec<Offer>,
    /// URL path of the channel's page.
    pub url: String,
    /// Its latest recordings that anybody may know of, newest first.
    pub recordings: Vec<Title>,
    /// The server's clock.
    pub now: String,
}

/// One thing to buy.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Offer {
    /// What it is ordered by: `rent`, `own`, `pass`, or `pass:noir` for a collection.
    pub id: String,
    /// `rent`, `own` or `pass`.
    pub tier: String,
    pub sat: u64,
    /// How long it lasts; without: for ever.
    pub hours: Option<u32>,
    /// The collection that a pass opens: all titles with this tag.
    pub tag: Option<String>,
    /// What the purchase will open.
    pub scope: String,
    /// What the viewer gets, see [`tier_label`].
    pub label: String,
}

impl Title {
    /// The cheapest offer: the price on a card.
    pub fn from_sat(&self) -> Option<u64> {
        self.tiers.iter().map(|offer| offer.sat).min()
    }
}

/// `rent`, 24 → "24 hours"; `own` → "For ever"; `pass`, 720 → "Every film, 30 days", and with a
/// tag "All films tagged noir, 30 days".
pub fn tier_label(tier: &str, tag: Option<&str>, hours: Option<u32>) -> String {
    let span = span(hours);
    if let Some(tag) = tag {
        return format!("All films tagged {tag}, {span}");
    }
    if tier == "pass" {
        return format!("Every film, {span}");
    }
    let mut letters = span.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

/// A channel's name and hours → "Everything on Late Night, 24 hours".
pub fn channel_label(name: &str, hours: Option<u32>) -> String {
    format!("Everything on {name}, {}", span(hours))
}

fn span(hours: Option<u32>) -> String {
    match hours {
        None => "for ever".to_owned(),
        Some(1) => "1 hour".to_owned(),
        Some(hours) if hours >= 48 && hours.is_multiple_of(24) => format!("{} days", hours / 24),
        Some(hours) => format!("{hours} hours"),
    }
}

/// `3000` → "3,000 sat", with a thin no-break space before the unit.
pub fn sats(sat: u64) -> String {
    let digits = sat.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 6);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text.push_str("\u{202f}sat");
    text
}

/// Seconds as people write a film's length: "0:42", "12:05", "1:32:00".
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to 0 … 359,999
pub fn length(seconds: f64) -> String {
    let whole = seconds.round().clamp(0.0, 359_999.0) as u32;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// "2026-01-02T15:04:05Z" → "2026-01-02 15:04 UTC"; anything else as it is. Without scripts the page
/// does not know where the viewer's clock stands.
pub(super) fn moment(rfc3339: &str) -> String {
    match (rfc3339.get(..10), rfc3339.get(11..16)) {
        (Some(date), Some(time)) if rfc3339.ends_with('Z') => format!("{date} {time} UTC"),
        _ => rfc3339.to_owned(),
    }
}
