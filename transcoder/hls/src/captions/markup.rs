//! The text of one cue, whatever it was written in, as clean WebVTT cue text.

use super::LONGEST_TEXT;

/// Tags that SRT and WebVTT share and players show.
const KEPT: [&str; 6] = ["i", "/i", "b", "/b", "u", "/u"];
const ENTITIES: [(&str, &str); 6] = [
    ("amp;", "&"),
    ("lt;", "<"),
    ("gt;", ">"),
    ("nbsp;", "\u{a0}"),
    ("lrm;", "\u{200e}"),
    ("rlm;", "\u{200f}"),
];

/// The text of an SRT or WebVTT cue.
pub fn plain_text(text: &str) -> String {
    let mut out = Text::default();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let after = &rest[letter.len_utf8()..];
        rest = match letter {
            '<' => out.tag(after),
            '{' => out.braces(after),
            '&' => out.entity(after),
            _ => {
                out.letter(letter);
                after
            }
        };
    }
    out.finish()
}

/// The text of an ASS event as Matroska holds it: eight fields, commas between them, then the text.
pub fn ass_text(event: &str) -> String {
    let Some(text) = event.splitn(9, ',').nth(8) else {
        return String::new();
    };
    let mut out = Text::default();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let after = &rest[letter.len_utf8()..];
        rest = match (letter, after.chars().next()) {
            ('{', _) => out.override_block(after),
            ('\\', Some('N' | 'n')) => {
                out.letter('\n');
                &after[1..]
            }
            ('\\', Some('h')) => {
                out.letter('\u{a0}');
                &after[1..]
            }
            _ => {
                out.letter(letter);
                after
            }
        };
    }
    out.finish()
}

#[derive(Default)]
struct Text {
    out: String,
    open: Vec<&'static str>,
}

impl Text {
    fn letter(&mut self, letter: char) {
        match letter {
            '&' => self.out.push_str("&amp;"),
            '<' => self.out.push_str("&lt;"),
            '>' => self.out.push_str("&gt;"),
            '\n' => self.out.push('\n'),
            letter if letter.is_control() => {}
            letter => self.out.push(letter),
        }
    }

    /// After a `<`: one of the kept tags, some other one, or just the sign.
    fn tag<'a>(&mut self, after: &'a str) -> &'a str {
        let Some((inside, rest)) = after.split_once('>') else {
            self.letter('<');
            return after;
        };
        let begins = |first: char| first.is_ascii_alphanumeric() || first == '/';
        if inside.contains(['<', '\n']) || !inside.starts_with(begins) {
            self.letter('<');
            return after;
        }
        let name = inside.split([' ', '.', '\t']).next().unwrap_or_default();
        self.kept(&name.to_ascii_lowercase());
        rest
    }

    fn kept(&mut self, name: &str) {
        let Some(name) = KEPT.iter().find(|kept| **kept == name) else {
            return;
        };
        // Tags that do not nest would hide what follows.
        match name.strip_prefix('/') {
            None => self.open.push(name),
            Some(name) if self.open.last() == Some(&name) => {
                self.open.pop();
            }
            Some(_) => return,
        }
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
    }

    /// After a `{`: ASS's overrides, which SRT files carry as well, or just the sign.
    fn braces<'a>(&mut self, after: &'a str) -> &'a str {
        match after.split_once('}') {
            Some((inside, rest)) if inside.starts_with('\\') => rest,
            _ => {
                self.letter('{');
                after
            }
        }
    }

    fn override_block<'a>(&mut self, after: &'a str) -> &'a str {
        let Some((inside, rest)) = after.split_once('}') else {
            self.letter('{');
            return after;
        };
        for word in inside.split('\\') {
            match word.trim() {
                "i1" => self.kept("i"),
                "i0" => self.kept("/i"),
                "b1" => self.kept("b"),
                "b0" => self.kept("/b"),
                "u1" => self.kept("u"),
                "u0" => self.kept("/u"),
                _ => {}
            }
        }
        rest
    }

    fn entity<'a>(&mut self, after: &'a str) -> &'a str {
        let known = ENTITIES.iter().find(|(name, _)| after.starts_with(name));
        if let Some((name, meant)) = known {
            meant.chars().for_each(|letter| self.letter(letter));
            &after[name.len()..]
        } else {
            self.letter('&');
            after
        }
    }

    /// Lines that are not empty, all tags closed.
    fn finish(mut self) -> String {
        if self.out.len() > LONGEST_TEXT {
            let mut end = LONGEST_TEXT;
            while !self.out.is_char_boundary(end) {
                end -= 1;
            }
            // Not in the midst of a tag or an entity.
            let end = self.out[..end].rfind([' ', '\n']).unwrap_or(0);
            self.out.truncate(end);
            self.open.clear();
        }
        while let Some(name) = self.open.pop() {
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
        let lines = self.out.lines().map(str::trim);
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let text = lines.join("\n");
        if has_words(&text) {
            text
        } else {
            String::new()
        }
    }
}

fn has_words(text: &str) -> bool {
    let mut inside = false;
    text.chars().any(|letter| {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            _ => return !inside && !letter.is_whitespace(),
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_reduced_to_what_is_safe() {
        for (text, expected) in [
            ("Hello", "Hello"),
            ("<i>Hello</i>", "<i>Hello</i>"),
            ("<I>Hello", "<i>Hello</i>"),
            ("</i>Hello", "Hello"),
            ("<font color=\"red\">Hello</font>", "Hello"),
            ("<v Anna>Hello", "Hello"),
            ("<c.yellow.bg>Hello</c>", "Hello"),
            ("{\\an8}Hello", "Hello"),
            ("{really}", "{really}"),
            ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
            ("1 &lt; 2 &amp; R&D", "1 &lt; 2 &amp; R&amp;D"),
            ("a --> b", "a --&gt; b"),
            ("one\n\n  two", "one\ntwo"),
            ("<i> </i>", ""),
            ("a\u{7}b", "ab"),
        ] {
            assert_eq!(plain_text(text), expected, "{text:?}");
        }
    }

    #[test]
    fn ass_events_lose_their_fields_and_overrides() {
        for (event, expected) in [
            ("0,0,Default,,0,0,0,,Hello, you", "Hello, you"),
            (
                "1,0,Default,,0,0,0,,{\\i1}Hello{\\i0}\\Nyou",
                "<i>Hello</i>\nyou",
            ),
            ("1,0,Default,,0,0,0,,{\\pos(1,2)\\b1}Hello", "<b>Hello</b>"),
            ("1,0,Default", ""),
        ] {
            assert_eq!(ass_text(event), expected, "{event:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_or_breaks_out(text in "\\PC{0,200}") {
            for clean in [plain_text(&text), ass_text(&format!("0,0,,,0,0,0,,{text}"))] {
                proptest::prop_assert!(!clean.contains("-->") && !clean.contains("\n\n"));
                proptest::prop_assert_eq!(plain_text(&clean), clean);
            }
        }
    }
}
