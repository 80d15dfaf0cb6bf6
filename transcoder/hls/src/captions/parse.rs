//! Reads SRT and WebVTT files as people make them: lenient about form, strict about bounds.
//!
//! Both are blocks of lines with an empty line between them; a line with an arrow and two times
//! begins a cue. Everything else (numbers, notes, styles, regions) is passed over.

use std::borrow::Cow;

use super::markup::plain_text;
use super::{Cue, MOST_CUES};

/// Largest file, in bytes.
const LARGEST: usize = 16 << 20;
/// Nothing is shown after a day.
const LATEST_US: u64 = 24 * 3600 * 1_000_000;

/// Why a file gives no captions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it is larger than 16 MB")]
    TooLarge,
    #[error("it holds more than {MOST_CUES} captions")]
    TooMany,
    #[error("it holds no captions: SRT and WebVTT are read")]
    Nothing,
}

/// The cues of a file in the order of their beginnings.
pub fn parse(bytes: &[u8]) -> Result<Vec<Cue>, Fault> {
    if bytes.len() > LARGEST {
        return Err(Fault::TooLarge);
    }
    let text = decode(bytes);
    let mut cues = Vec::new();
    let mut lines = text.lines().map(str::trim_end);
    while let Some(line) = lines.next() {
        let Some((start_us, end_us)) = times(line) else {
            continue;
        };
        let words: Vec<&str> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let text = plain_text(&words.join("\n"));
        if text.is_empty() || end_us <= start_us {
            continue;
        }
        if cues.len() >= MOST_CUES {
            return Err(Fault::TooMany);
        }
        cues.push(Cue {
            start_us,
            end_us,
            text,
        });
    }
    if cues.is_empty() {
        return Err(Fault::Nothing);
    }
    cues.sort_by_key(|cue| cue.start_us);
    Ok(cues)
}

/// UTF-8, UTF-16 with a mark, or else what Windows wrote in Western Europe.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let wide = |rest: &[u8], order: fn([u8; 2]) -> u16| {
        let units = rest.chunks_exact(2).map(|pair| order([pair[0], pair[1]]));
        let letters = char::decode_utf16(units);
        Cow::Owned(letters.map(|letter| letter.unwrap_or('\u{fffd}')).collect())
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => {
            let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
            std::str::from_utf8(bytes).map_or_else(
                |_| Cow::Owned(bytes.iter().map(|byte| windows_letter(*byte)).collect()),
                Cow::Borrowed,
            )
        }
    }
}

/// Windows-1252: Latin-1 but for the punctuation that people type.
fn windows_letter(byte: u8) -> char {
    match byte {
        0x80 => '€',
        0x85 => '…',
        0x91 => '‘',
        0x92 => '’',
        0x93 => '“',
        0x94 => '”',
        0x96 => '–',
        0x97 => '—',
        _ => char::from(byte),
    }
}

/// `00:00:01,000 --> 00:00:02,500 settings`.
fn times(line: &str) -> Option<(u64, u64)> {
    let (start, rest) = line.split_once("-->")?;
    let end = rest.split_whitespace().next()?;
    Some((time(start.trim())?, time(end)?))
}

/// `1:02:03,456`, `02:03.456` or without a fraction.
fn time(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once([',', '.']).unwrap_or((text, "0"));
    let mut seconds: u64 = 0;
    let parts: Vec<&str> = whole.split(':').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    for part in parts {
        seconds = seconds
            .checked_mul(60)?
            .checked_add(digits(part.trim(), 4)?)?;
    }
    let scale = [0, 100_000, 10_000, 1000];
    let us = digits(fraction, 3)? * scale.get(fraction.len())?;
    seconds
        .checked_mul(1_000_000)?
        .checked_add(us)
        .filter(|us| *us <= LATEST_US)
}

fn digits(text: &str, most: usize) -> Option<u64> {
    let fits = (1..=most).contains(&text.len());
    (fits && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(start_ms: u64, end_ms: u64, text: &str) -> Cue {
        Cue {
            start_us: start_ms * 1000,
            end_us: end_ms * 1000,
            text: text.to_owned(),
        }
    }

    #[test]
    fn srt_as_people_write_it() {
        let text = "1\r\n00:00:01,000 --> 00:00:02,500\r\nHello\r\nyou\r\n\r\n\
                    2\r\n0:00:03,5 --> 00:00:04\r\n<i>Again</i>\r\n\r\n\
                    3\r\n00:00:06,000 --> 00:00:05,000\r\nBackwards\r\n";
        let expected = [
            cue(1000, 2500, "Hello\nyou"),
            cue(3500, 4000, "<i>Again</i>"),
        ];
        assert_eq!(parse(text.as_bytes()).as_deref(), Ok(&expected[..]));
    }

    #[test]
    fn webvtt_with_all_its_parts() {
        let text = "WEBVTT - title\n\nSTYLE\n::cue { color: red }\n\nNOTE hidden\n\nname\n\
                    00:01.000 --> 00:02.000 line:0 position:20%\n<v Anna>Hello\n\n\
                    00:00.500 --> 00:00.900\nEarlier\n";
        let expected = [cue(500, 900, "Earlier"), cue(1000, 2000, "Hello")];
        assert_eq!(parse(text.as_bytes()).as_deref(), Ok(&expected[..]));
    }

    #[test]
    fn old_encodings_are_read() {
        let text = "1\n00:00:01,000 --> 00:00:02,000\nGrüße\n";
        let latin: Vec<u8> = text
            .chars()
            .map(|c| u8::try_from(c).expect("Latin"))
            .collect();
        let wide: Vec<u8> = [0xFF, 0xFE]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
        for bytes in [&latin, &wide, &marked] {
            assert_eq!(parse(bytes).expect("captions")[0].text, "Grüße");
        }
    }

    #[test]
    fn what_holds_no_captions_says_so() {
        for text in [
            "",
            "WEBVTT\n",
            "hello",
            "1\n00:00:01 -> 00:00:02\nx\n",
            "-->",
            "1:-->2:",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(Fault::Nothing), "{text:?}");
        }
        assert_eq!(parse(&vec![b' '; LARGEST + 1]), Err(Fault::TooLarge));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn cues_are_in_order_and_last(
            lines in proptest::collection::vec("[0-9:,.]{0,12} --> [0-9:,.]{0,12}\n\\PC{0,9}\n", 0..20),
        ) {
            for cue in parse(lines.join("\n").as_bytes()).unwrap_or_default() {
                proptest::prop_assert!(cue.start_us < cue.end_us && !cue.text.is_empty());
            }
        }
    }
}
