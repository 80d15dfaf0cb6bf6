//! `/live/{name}`: a channel's page, and its next broadcast for a calendar (RFC 5545).

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use maud::Markup;

use super::{
    api,
    extract::PathPart,
    pages,
    problem::ApiError,
    site::{PageError, page_error},
    state::{Shared, Web},
};
use crate::{catalog::Channel, core::time::Timestamp};

/// Longest line of a calendar file, in bytes without its end; longer ones are folded.
const LINE: usize = 74;

pub async fn page(
    State(web): State<Shared>,
    name: Result<PathPart<String>, ApiError>,
) -> Result<Markup, PageError> {
    let PathPart(name) = name.map_err(page_error(&web))?;
    let channel = api::known(&web, &name).map_err(page_error(&web))?;
    let view = pages::ChannelPage {
        channel: api::channel_view(&web, &channel).await,
    };
    Ok(pages::channel(&web.site, &web.assets, &view))
}

pub async fn calendar(
    State(web): State<Shared>,
    name: Result<PathPart<String>, ApiError>,
) -> Result<Response, PageError> {
    let PathPart(name) = name.map_err(page_error(&web))?;
    let channel = api::known(&web, &name).map_err(page_error(&web))?;
    let starts_at = channel.starts_at.ok_or(ApiError::UnknownPath);
    let starts_at = starts_at.map_err(page_error(&web))?;
    let headers = [
        (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"broadcast.ics\"",
        ),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, event(&web, &channel, starts_at)).into_response())
}

fn event(web: &Web, channel: &Channel, starts_at: Timestamp) -> String {
    let site = web.site.url.as_deref().unwrap_or_default();
    let page = format!("{site}/live/{}", channel.id);
    let mut text = String::new();
    for line in [
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//Satreel//EN".to_owned(),
        "BEGIN:VEVENT".to_owned(),
        format!("UID:{}-{}@satreel", channel.id, starts_at.as_unix()),
        format!("DTSTAMP:{}", moment(web.sale.clock.now())),
        format!("DTSTART:{}", moment(starts_at)),
        format!("SUMMARY:{}", escaped(&channel.file.name)),
        format!("DESCRIPTION:{}", escaped(&page)),
        format!("URL:{page}"),
        "END:VEVENT".to_owned(),
        "END:VCALENDAR".to_owned(),
    ] {
        fold(&mut text, &line);
    }
    text
}

/// "2026-01-31T20:00:00Z" → "20260131T200000Z"
fn moment(at: Timestamp) -> String {
    at.to_string().replace(['-', ':'], "")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | ';' | ',' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
    out
}

fn fold(out: &mut String, line: &str) {
    let mut length = 0;
    for letter in line.chars() {
        if length + letter.len_utf8() > LINE {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(letter);
        length += letter.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_reads_what_we_write() {
        assert_eq!(
            moment(Timestamp::from_unix(1_800_000_000)),
            "20270115T080000Z"
        );
        assert_eq!(escaped("a,b;c\\d\ne\r"), "a\\,b\\;c\\\\d\\ne");
        let mut text = String::new();
        fold(&mut text, &format!("SUMMARY:{}", "é".repeat(60)));
        let lines: Vec<_> = text.trim_end().split("\r\n").collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.len() <= 75));
        assert!(lines[1].starts_with(' '));
    }
}
