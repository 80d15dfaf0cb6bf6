use serde_json::json;
use tempfile::TempDir;

use super::*;

const TEXT: &str = r#"{"name": "The Film", "preview_s": 4, "state": "published",
    "tiers": [{"tier": "own", "sat": 3000}], "of_mine": {"kept": [1, 2]}}"#;

struct Site {
    folder: TempDir,
    titles: Titles,
    id: VideoId,
}

impl Site {
    fn with(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let titles = Titles::new(folder.path());
        let id: VideoId = "00ff10a9bcdef012".parse().expect("an id");
        let site = Self { folder, titles, id };
        fs::create_dir_all(site.title()).expect("a folder");
        fs::write(site.title().join("title.json"), text).expect("written");
        fs::write(site.title().join("poster.jpg"), [0; 100]).expect("written");
        site
    }

    fn title(&self) -> PathBuf {
        self.folder.path().join("titles").join(self.id.to_string())
    }

    fn edit(&self, changes: &Value) -> Result<Stored, Error> {
        let changes = changes.as_object().expect("an object").clone();
        self.titles.edit(self.id, &Condition::Any, changes)
    }

    fn mark(&self) -> Condition {
        Condition::Marks(vec![self.titles.read(self.id).expect("read").mark])
    }
}

#[test]
fn an_edit_changes_what_it_names_and_keeps_the_rest() {
    let site = Site::with(TEXT);
    let changes = json!({"name": " Another ", "year": 1962, "tags": ["noir", "", "noir"],
        "tiers": [{"tier": "rent", "sat": 100, "hours": 24}], "state": "hidden"});
    let stored = site.edit(&changes).expect("edited");
    assert_eq!(
        Value::Object(stored.keys),
        json!({"name": "Another", "preview_s": 4, "state": "hidden", "year": 1962,
            "tags": ["noir"], "tiers": [{"tier": "rent", "sat": 100, "hours": 24}],
            "of_mine": {"kept": [1, 2]}})
    );
    let stored = site
        .edit(&json!({"tiers": null, "year": null}))
        .expect("edited");
    assert!(!stored.keys.contains_key("tiers") && !stored.keys.contains_key("year"));
    let left: Vec<_> = fs::read_dir(site.title()).expect("a folder").collect();
    assert_eq!(left.len(), 2, "nothing temporary stays: {left:?}");
}

#[test]
fn an_edit_by_hand_is_never_overwritten() {
    let site = Site::with(TEXT);
    let seen = site.mark();
    fs::write(
        site.title().join("title.json"),
        TEXT.replace("The Film", "By Hand"),
    )
    .expect("written");
    let changes = || {
        json!({"name": "Mine"})
            .as_object()
            .expect("an object")
            .clone()
    };
    let refused = site.titles.edit(site.id, &seen, changes());
    assert!(matches!(refused, Err(Error::Changed)));
    assert!(matches!(
        site.titles.delete(site.id, &seen),
        Err(Error::Changed)
    ));
    let now = site.mark();
    let stored = site.titles.edit(site.id, &now, changes()).expect("edited");
    assert_eq!(stored.keys["name"], "Mine");
}

#[test]
fn what_is_wrong_is_named_and_changes_nothing() {
    let site = Site::with(TEXT);
    for (changes, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": 5}), "name"),
        (json!({"name": "x".repeat(201)}), "name"),
        (json!({"description": []}), "description"),
        (json!({"year": -1}), "year"),
        (json!({"year": "1962"}), "year"),
        (json!({"tags": "noir"}), "tags"),
        (json!({"tags": [1]}), "tags"),
        (json!({"tags": vec!["x".repeat(65)]}), "tags"),
        (json!({"tiers": [{"tier": "rent", "sat": 100}]}), "tiers"),
        (json!({"tiers": [{"tier": "own", "sat": 0}]}), "tiers"),
        (json!({"tiers": [{"tier": "pass", "sat": 5}]}), "tiers"),
        (json!({"tiers": [{"tier": "gift", "sat": 5}]}), "tiers"),
        (json!({"preview_s": 1.5}), "preview_s"),
        (json!({"state": "live"}), "state"),
        (json!({"id": "x"}), "id"),
        (json!({"source": {}}), "source"),
    ] {
        match site.edit(&changes) {
            Err(Error::Field { field: named, .. }) => assert_eq!(named, field, "{changes}"),
            other => panic!("{changes}: {other:?}"),
        }
    }
    let text = fs::read_to_string(site.title().join("title.json")).expect("read");
    assert_eq!(text, TEXT);
}

#[test]
fn a_film_that_is_not_done_is_not_published_by_hand() {
    let site = Site::with(&TEXT.replace("published", "processing"));
    let refused = site.edit(&json!({"state": "published"}));
    assert!(matches!(refused, Err(Error::NotReady)));
    assert!(site.edit(&json!({"name": "Soon"})).is_ok());
    for broken in ["", "{", "[]", "5"] {
        let site = Site::with(broken);
        assert!(
            matches!(site.edit(&json!({})), Err(Error::Broken(_))),
            "{broken}"
        );
    }
}

#[test]
fn a_deleted_title_is_gone_unless_somebody_works_on_it() {
    let site = Site::with(TEXT);
    let working = File::open(site.title()).expect("a folder");
    working.lock().expect("locked");
    let refused = site.titles.delete(site.id, &Condition::Any);
    assert!(matches!(refused, Err(Error::Busy)));
    drop(working);
    let freed = site.titles.delete(site.id, &site.mark()).expect("deleted");
    assert_eq!(freed, TEXT.len() as u64 + 100);
    assert!(!site.title().exists());
    let again = site.titles.delete(site.id, &Condition::Any);
    assert!(matches!(again, Err(Error::Unknown)));
    // One that a crash broke off ends at the next start.
    let left = site.folder.path().join("titles").join(format!("{DOOMED}x"));
    fs::create_dir(&left).expect("a folder");
    site.titles.sweep().expect("swept");
    assert!(!left.exists());
}

#[test]
fn a_title_that_is_a_link_is_none() {
    let site = Site::with(TEXT);
    let path = site.title().join("title.json");
    let elsewhere = site.folder.path().join("elsewhere.json");
    fs::rename(&path, &elsewhere).expect("moved");
    std::os::unix::fs::symlink(&elsewhere, &path).expect("a link");
    assert!(matches!(site.titles.read(site.id), Err(Error::Unknown)));
}
