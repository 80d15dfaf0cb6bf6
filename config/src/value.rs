//! Readers of single values, shared by the sections.

use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use toml::de::DeValue;

use crate::{
    colour::Colour,
    fault::Problem,
    net::{HttpUrl, IpRange},
    section::article,
};

type Result<T> = std::result::Result<T, Problem>;

fn wrong_type(value: &DeValue<'_>, wanted: &str, example: &str) -> Problem {
    Problem::new(
        format!("{wanted} is wanted here, not {}", article(value)),
        format!("for example {example}"),
    )
}

pub(crate) fn text(value: &DeValue<'_>) -> Result<String> {
    let text = value
        .as_str()
        .ok_or_else(|| wrong_type(value, "a text in quotes", "\"…\""))?;
    if text.trim().is_empty() {
        return Err(Problem::new("empty", "write a value, or remove the line"));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::new(
            "holds a line break or another control character",
            "write it on one line",
        ));
    }
    Ok(text.to_owned())
}

/// A text of at most `most` characters.
pub(crate) fn short_text(most: usize) -> impl Fn(&DeValue<'_>) -> Result<String> {
    move |value| {
        let text = text(value)?;
        let length = text.chars().count();
        if length > most {
            return Err(Problem::new(
                format!("{length} characters long"),
                format!("at most {most} fit"),
            ));
        }
        Ok(text)
    }
}

/// A path; a relative one is relative to the file's own folder.
pub(crate) fn path(base: &Path) -> impl Fn(&DeValue<'_>) -> Result<PathBuf> {
    move |value| Ok(base.join(text(value)?))
}

pub(crate) fn number<T>(range: RangeInclusive<T>) -> impl Fn(&DeValue<'_>) -> Result<T>
where
    T: TryFrom<i64> + PartialOrd + std::fmt::Display,
{
    move |value| {
        let example = range.end().to_string();
        let number = value
            .as_integer()
            .ok_or_else(|| wrong_type(value, "a whole number", &example))?;
        i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                Problem::new(
                    format!("{number} is out of range"),
                    format!("write a number from {} to {}", range.start(), range.end()),
                )
            })
    }
}

pub(crate) fn address(value: &DeValue<'_>) -> Result<SocketAddr> {
    let text = text(value)?;
    text.parse().map_err(|_| {
        Problem::new(
            format!("\"{text}\" is no address"),
            "write IP and port, for example \"127.0.0.1:8420\"",
        )
    })
}

pub(crate) fn url(value: &DeValue<'_>) -> Result<HttpUrl> {
    text(value)?
        .parse()
        .map_err(|error: crate::net::UrlError| Problem::new(error.to_string(), error.remedy()))
}

/// A URL that names a whole host, as the site's own does.
pub(crate) fn origin(value: &DeValue<'_>) -> Result<HttpUrl> {
    let url = url(value)?;
    if url.path() != "" {
        return Err(Problem::new(
            format!("the path \"{}\" is one too much", url.path()),
            "give Satreel a host name of its own, for example \"https://films.example\"",
        ));
    }
    Ok(url)
}

pub(crate) fn colour(value: &DeValue<'_>) -> Result<Colour> {
    let text = text(value)?;
    text.parse().map_err(|_| {
        Problem::new(
            format!("\"{text}\" is no colour"),
            "write six hex digits, for example \"#ff8a3d\"",
        )
    })
}

pub(crate) fn ranges(value: &DeValue<'_>) -> Result<Vec<IpRange>> {
    let list = value
        .as_array()
        .ok_or_else(|| wrong_type(value, "a list", "[\"127.0.0.1\"]"))?;
    list.iter().map(|item| range(item.get_ref())).collect()
}

fn range(value: &DeValue<'_>) -> Result<IpRange> {
    let text = text(value)?;
    text.parse().map_err(|_| {
        Problem::new(
            format!("\"{text}\" is no IP address or network"),
            "write \"127.0.0.1\" or \"10.0.0.0/8\"",
        )
    })
}

pub(crate) fn yes_or_no(value: &DeValue<'_>) -> Result<bool> {
    value
        .as_bool()
        .ok_or_else(|| Problem::new("true or false is wanted here", "write true, or remove it"))
}

/// One of a closed set of words.
pub(crate) fn word<T: Copy>(words: &[(&str, T)]) -> impl Fn(&DeValue<'_>) -> Result<T> {
    move |value| {
        let text = text(value)?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let choice: Vec<_> = words
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            Problem::new(
                format!("\"{text}\" is none of the choices"),
                format!("write {}", choice.join(" or ")),
            )
        })
    }
}
