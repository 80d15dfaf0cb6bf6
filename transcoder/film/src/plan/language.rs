//! Languages: the short tags that playlists want, and what speakers call their language.

/// ISO 639-2 (both forms), the shortest tag (RFC 5646 §2.2.1), the language's own name.
const KNOWN: [(&str, &str, &str); 53] = [
    ("ara", "ar", "العربية"),
    ("ben", "bn", "বাংলা"),
    ("bul", "bg", "Български"),
    ("cat", "ca", "Català"),
    ("ces", "cs", "Čeština"),
    ("cze", "cs", "Čeština"),
    ("dan", "da", "Dansk"),
    ("deu", "de", "Deutsch"),
    ("ger", "de", "Deutsch"),
    ("ell", "el", "Ελληνικά"),
    ("gre", "el", "Ελληνικά"),
    ("eng", "en", "English"),
    ("est", "et", "Eesti"),
    ("eus", "eu", "Euskara"),
    ("fas", "fa", "فارسی"),
    ("per", "fa", "فارسی"),
    ("fin", "fi", "Suomi"),
    ("fra", "fr", "Français"),
    ("fre", "fr", "Français"),
    ("glg", "gl", "Galego"),
    ("heb", "he", "עברית"),
    ("hin", "hi", "हिन्दी"),
    ("hrv", "hr", "Hrvatski"),
    ("hun", "hu", "Magyar"),
    ("ind", "id", "Bahasa Indonesia"),
    ("isl", "is", "Íslenska"),
    ("ice", "is", "Íslenska"),
    ("ita", "it", "Italiano"),
    ("jpn", "ja", "日本語"),
    ("kor", "ko", "한국어"),
    ("lav", "lv", "Latviešu"),
    ("lit", "lt", "Lietuvių"),
    ("nld", "nl", "Nederlands"),
    ("dut", "nl", "Nederlands"),
    ("nor", "no", "Norsk"),
    ("nob", "nb", "Norsk bokmål"),
    ("pol", "pl", "Polski"),
    ("por", "pt", "Português"),
    ("ron", "ro", "Română"),
    ("rum", "ro", "Română"),
    ("rus", "ru", "Русский"),
    ("slk", "sk", "Slovenčina"),
    ("slo", "sk", "Slovenčina"),
    ("slv", "sl", "Slovenščina"),
    ("spa", "es", "Español"),
    ("srp", "sr", "Српски"),
    ("swe", "sv", "Svenska"),
    ("tha", "th", "ไทย"),
    ("tur", "tr", "Türkçe"),
    ("ukr", "uk", "Українська"),
    ("vie", "vi", "Tiếng Việt"),
    ("zho", "zh", "中文"),
    ("chi", "zh", "中文"),
];

/// The tag for what a container says. None: it says nothing that is a language.
pub fn tag(language: &str) -> Option<String> {
    if language == "und" || !(2..=3).contains(&language.len()) {
        return None;
    }
    if !language.bytes().all(|letter| letter.is_ascii_lowercase()) {
        return None;
    }
    let known = KNOWN.iter().find(|(long, _, _)| *long == language);
    Some(known.map_or(language, |(_, short, _)| short).to_owned())
}

/// What speakers of a language call it, by its tag.
pub fn name(tag: &str) -> Option<&'static str> {
    let known = KNOWN.iter().find(|(_, short, _)| *short == tag);
    known.map(|(_, _, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_words_become_short_tags() {
        for (said, expected) in [
            ("eng", Some("en")),
            ("ger", Some("de")),
            ("de", Some("de")),
            ("gsw", Some("gsw")),
            ("und", None),
            ("e", None),
            ("EN", None),
            ("a\"b", None),
        ] {
            assert_eq!(tag(said).as_deref(), expected, "{said}");
        }
        assert_eq!(name("fr"), Some("Français"));
        assert_eq!(name("gsw"), None);
    }
}
