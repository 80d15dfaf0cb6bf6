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
    net::{HttpUrl, IpRange, is_host_name},
    section::article,
};

/// Let's Encrypt puts no more into one certificate.
const MOST_DOMAINS: usize = 100;

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

/// Names that a certificate can be for, in lower case: no stars, no IP addresses.
pub(crate) fn domains(value: &DeValue<'_>) -> Result<Vec<String>> {
    let list = value
        .as_array()
        .ok_or_else(|| wrong_type(value, "a list", "[\"films.example\"]"))?;
    if list.is_empty() || list.len() > MOST_DOMAINS {
        return Err(Problem::new(
            format!("{} names", list.len()),
            format!("write 1 to {MOST_DOMAINS} of them, or remove the line"),
        ));
    }
    let mut names = Vec::new();
    for item in list {
        let name = domain(item.get_ref())?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn domain(value: &DeValue<'_>) -> Result<String> {
    let text = text(value)?;
    // The last label of a host name is never a number: that is how an IPv4 address is told.
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_address = last.bytes().all(|byte| byte.is_ascii_digit());
    if is_address || !is_host_name(&text) {
        return Err(Problem::new(
            format!("\"{text}\" is no host name"),
            "write names as \"films.example\": no star, no IP address, no port",
        ));
    }
    Ok(text.to_ascii_lowercase())
}

/// `you@films.example`; `mailto:` before it does no harm.
pub(crate) fn mail_address(value: &DeValue<'_>) -> Result<String> {
    let text = text(value)?;
    let address = text.strip_prefix("mailto:").unwrap_or(&text);
    let is_one = address.split_once('@').is_some_and(|(local, host)| {
        let odd = |letter: char| !letter.is_ascii_graphic() || ",;?<>\"".contains(letter);
        !local.is_empty() && !local.contains(odd) && is_host_name(host)
    });
    if !is_one {
        return Err(Problem::new(
            format!("\"{text}\" is no mail address"),
            "write one as \"you@films.example\"",
        ));
    }
    Ok(address.to_owned())
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
