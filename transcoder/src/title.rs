//! `title.json`: what the transcoder writes of it, and what it leaves to the creator's hand.

use std::fs;
use std::io;
use std::path::Path;

use satreel_config::Offers;
use satreel_film::fault::Fault;
use satreel_film::plan::{Plan, Preview};
use satreel_hls::title::{Source, State, Tier, TierKind, TitleFile};
use serde_json::{Map, Value};

use crate::cli::TitleArgs;
use crate::sidecar::Given;
use crate::site::write_whole;

const RENT_HOURS: u32 = 24;
const LONGEST_NAME: usize = 200;
/// As many as the catalogue takes.
const MOST_TAGS: usize = 32;

/// What a new title is to say of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wish {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) year: Option<u16>,
    pub(crate) tags: Vec<String>,
    /// None: whatever the site offers, now and later.
    pub(crate) tiers: Option<Vec<Tier>>,
    pub(crate) preview: Preview,
    pub(crate) given: Given,
}

/// Options that contradict each other or make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadWish {
    #[error("a price of 0 sat is no price: for a film that costs nothing give --free")]
    ZeroPrice,
    #[error("a name has 1 to {LONGEST_NAME} letters")]
    BadName,
}

impl Wish {
    /// What the options say, else what came along with the film, else what the site usually does.
    pub(crate) fn of(
        args: &TitleArgs,
        file: &Path,
        given: Given,
        offers: &Offers,
    ) -> Result<Self, BadWish> {
        if args.rent == Some(0) || args.own == Some(0) {
            return Err(BadWish::ZeroPrice);
        }
        let name = args.name.as_ref().or(given.data.name.as_ref());
        let name = name.map_or_else(|| name_of(file), |name| name.trim().to_owned());
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return Err(BadWish::BadName);
        }
        let description = args.description.clone();
        let preview = args.preview.or(given.data.preview_s);
        Ok(Self {
            name,
            description: description
                .or_else(|| given.data.description.clone())
                .unwrap_or_default(),
            year: args.year.or(given.data.year),
            tags: tags(&given),
            tiers: tiers(args, &given, offers),
            preview: preview.map_or(Preview::Usual(offers.preview_s), Preview::Exactly),
            given,
        })
    }
}

/// Prices by option count, else those of `film.toml`, else the site's.
fn tiers(args: &TitleArgs, given: &Given, offers: &Offers) -> Option<Vec<Tier>> {
    let own_words = args.free || args.rent.is_some() || args.own.is_some();
    let (free, rent, own) = if own_words {
        (args.free, args.rent, args.own)
    } else {
        (given.data.free, given.data.rent, given.data.own)
    };
    let tier = |tier, hours, sat| Tier { tier, sat, hours };
    let rent = rent.map(|sat| tier(TierKind::Rent, Some(RENT_HOURS), sat));
    let own = own.map(|sat| tier(TierKind::Own, None, sat));
    let asked: Vec<Tier> = rent.into_iter().chain(own).collect();
    if free || !asked.is_empty() {
        Some(asked)
    } else {
        usual_tiers(offers)
    }
}

/// Those of `film.toml` and the folders', each once, as many as a title may have.
fn tags(given: &Given) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in given.data.tags.iter().chain(&given.tags) {
        if !tags
            .iter()
            .any(|known| known.to_lowercase() == tag.to_lowercase())
        {
            tags.push(tag.clone());
        }
    }
    tags.truncate(MOST_TAGS);
    tags
}

/// What a new title is sold for: the site's own tiers, without the pass, which is the site's to
/// sell. A site that sells passes only has none for the title itself.
fn usual_tiers(offers: &Offers) -> Option<Vec<Tier>> {
    let own = |tier: &&Tier| tier.tier != TierKind::Pass;
    let tiers: Vec<Tier> = offers.tiers.iter().filter(own).copied().collect();
    (offers.tiers.is_empty() || !tiers.is_empty()).then_some(tiers)
}

/// `My_holiday.2024.mp4` → `My holiday 2024`.
fn name_of(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let spaced: String = stem
        .chars()
        .map(|letter| {
            if "_.".contains(letter) || letter.is_control() {
                ' '
            } else {
                letter
            }
        })
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let name: String = words.join(" ").chars().take(LONGEST_NAME).collect();
    if name.is_empty() {
        "Untitled".to_owned()
    } else {
        name
    }
}

/// Announces the title before its media is made. A title that is there keeps every word.
pub(crate) fn announce(folder: &Path, wish: &Wish, source: &Source) -> Result<(), Fault> {
    let path = folder.join("title.json");
    if path.exists() {
        return Ok(());
    }
    let title = TitleFile {
        name: wish.name.clone(),
        description: wish.description.clone(),
        year: wish.year,
        tags: wish.tags.clone(),
        tiers: wish.tiers.clone(),
        preview_s: match wish.preview {
            Preview::Exactly(seconds) | Preview::Usual(seconds) => seconds,
        },
        state: State::Processing,
        created_at: jiff::Timestamp::now()
            .round(jiff::Unit::Second)
            .unwrap_or_default()
            .to_string(),
        source: Some(source.clone()),
        ..TitleFile::default()
    };
    let value = serde_json::to_value(title).map_err(Fault::damaged)?;
    write(&path, &value)
}

/// What the plan measured; the preview of a new title is now known.
pub(crate) fn describe(folder: &Path, plan: &Plan) -> Result<(), Fault> {
    edit(folder, |title| {
        #[allow(clippy::cast_precision_loss, reason = "a day is far below 2^53 µs")]
        let duration = plan.duration_us as f64 / 1e6;
        title.insert("duration_s".to_owned(), duration.into());
        if let Some(shown) = &plan.picture {
            title.insert("width".to_owned(), shown.width.into());
            title.insert("height".to_owned(), shown.height.into());
        }
        // Shortened once, while the title is new; from then on the creator's own number holds.
        if is_processing(title) {
            let asked = title.get("preview_s").and_then(Value::as_u64).unwrap_or(0);
            let shorter = asked.min(u64::from(plan.preview_s));
            title.insert("preview_s".to_owned(), shorter.into());
        }
    })
}

/// The title is whole. One that the creator has hidden meanwhile stays so.
pub(crate) fn publish(folder: &Path) -> Result<(), Fault> {
    edit(folder, |title| {
        if is_processing(title) {
            title.insert("state".to_owned(), "published".into());
        }
    })
}

/// The title shows another film, or the same one made anew. What the creator wrote stays.
pub(crate) fn replace(
    folder: &Path,
    source: &Source,
    preview: Preview,
    plan: &Plan,
) -> Result<(), Fault> {
    let source = serde_json::to_value(source).map_err(Fault::damaged)?;
    describe(folder, plan)?;
    edit(folder, |title| {
        title.insert("source".to_owned(), source);
        if matches!(preview, Preview::Exactly(_)) {
            title.insert("preview_s".to_owned(), plan.preview_s.into());
        }
    })
}

/// What a title is called, by its own word.
pub(crate) fn name(folder: &Path) -> Option<String> {
    let title = read(&folder.join("title.json")).ok()?;
    Some(title.get("name")?.as_str()?.to_owned())
}

/// The seconds that a title has free, by its own word.
pub(crate) fn preview(folder: &Path) -> Option<u32> {
    let title = read(&folder.join("title.json")).ok()?;
    let seconds = title.get("preview_s")?.as_u64()?;
    u32::try_from(seconds).ok()
}

/// A title that could be watched while it was made cannot be made after all. False: nobody saw it.
pub(crate) fn withdraw(folder: &Path) -> Result<bool, Fault> {
    let is_published =
        |title: &Map<String, Value>| title.get("state").is_some_and(|state| state == "published");
    if !read(&folder.join("title.json")).is_ok_and(|title| is_published(&title)) {
        return Ok(false);
    }
    edit(folder, |title| {
        title.insert("state".to_owned(), "processing".into());
    })?;
    Ok(true)
}

/// Whether a title's data says that its media is still being made.
pub(crate) fn waits(folder: &Path) -> bool {
    read(&folder.join("title.json")).is_ok_and(|title| is_processing(&title))
}

fn is_processing(title: &Map<String, Value>) -> bool {
    title.get("state").is_none_or(|state| state == "processing")
}

/// Changes some keys and keeps all others, also those that this version does not know.
fn edit(folder: &Path, change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), Fault> {
    let path = folder.join("title.json");
    let mut title = read(&path).map_err(|error| Fault::Unwritable {
        detail: format!("{}: {error}", path.display()),
    })?;
    change(&mut title);
    write(&path, &Value::Object(title))
}

fn read(path: &Path) -> io::Result<Map<String, Value>> {
    let text = fs::read(path)?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

fn write(path: &Path, title: &Value) -> Result<(), Fault> {
    let mut text = serde_json::to_vec_pretty(title).map_err(Fault::damaged)?;
    text.push(b'\n');
    write_whole(path, &text).map_err(|error| Fault::writing(&error))
}

#[cfg(test)]
mod tests {
    use satreel_config::Sidecar;

    use super::*;

    fn wish(args: &TitleArgs) -> Result<Wish, BadWish> {
        let file = Path::new("My_holiday.2024.mp4");
        Wish::of(args, file, Given::default(), &Offers::default())
    }

    #[test]
    fn prices_come_from_the_options_or_from_the_site() {
        let none = TitleArgs::default();
        let site = wish(&none).expect("a wish");
        assert_eq!(site.name, "My holiday 2024");
        assert_eq!(site.tiers, Some(Offers::default().tiers));
        let pass = Tier {
            tier: TierKind::Pass,
            sat: 5000,
            hours: None,
        };
        let only_passes = Offers {
            tiers: vec![pass],
            ..Offers::default()
        };
        assert_eq!(usual_tiers(&only_passes), None, "not free");
        let free = TitleArgs {
            free: true,
            ..TitleArgs::default()
        };
        assert_eq!(wish(&free).expect("a wish").tiers, Some(Vec::new()));
        let rent = TitleArgs {
            rent: Some(21),
            ..TitleArgs::default()
        };
        let tiers = wish(&rent).expect("a wish").tiers.expect("tiers");
        assert_eq!(
            tiers,
            [Tier {
                tier: TierKind::Rent,
                sat: 21,
                hours: Some(24)
            }]
        );
    }

    #[test]
    fn what_came_along_counts_unless_the_options_say_otherwise() {
        let given = Given {
            data: Sidecar {
                name: Some("From the file".to_owned()),
                own: Some(50),
                tags: vec!["Noir".to_owned(), "rain".to_owned()],
                ..Sidecar::default()
            },
            tags: vec!["noir".to_owned(), "1950s".to_owned()],
            ..Given::default()
        };
        let of = |args: &TitleArgs| {
            let wish = Wish::of(args, Path::new("x.mp4"), given.clone(), &Offers::default());
            wish.expect("a wish")
        };
        let wish = of(&TitleArgs::default());
        assert_eq!(wish.name, "From the file");
        assert_eq!(wish.tags, ["Noir", "rain", "1950s"]);
        assert_eq!(wish.tiers.expect("tiers")[0].sat, 50);
        let free = of(&TitleArgs {
            free: true,
            name: Some("By option".to_owned()),
            ..TitleArgs::default()
        });
        assert_eq!(
            (free.name.as_str(), free.tiers),
            ("By option", Some(Vec::new()))
        );
    }

    #[test]
    fn a_price_of_nothing_names_the_way_out() {
        let zero = TitleArgs {
            own: Some(0),
            ..TitleArgs::default()
        };
        let fault = wish(&zero).expect_err("no price");
        assert!(fault.to_string().contains("--free"));
        let nameless = TitleArgs {
            name: Some("  ".to_owned()),
            ..TitleArgs::default()
        };
        assert_eq!(wish(&nameless), Err(BadWish::BadName));
    }
}
