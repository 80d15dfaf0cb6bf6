//! Answers with bytes: ranges, conditions and encodings (RFC 9110 §8.8, §13, §14), for GET and HEAD.

use std::ops::Range;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH,
        CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE, VARY,
    },
};
use http_body_util::Full;

/// An answer whose body is in memory.
pub type BytesResponse = Response<Full<Bytes>>;

/// What there is to send, borrowed from a cache.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    pub bytes: &'a Bytes,
    pub gzip: Option<&'a Bytes>,
    /// Strong and quoted.
    pub etag: &'a str,
    pub content_type: &'static str,
    pub cache_control: &'static str,
}

/// Sends `content` as the request's headers ask for it.
pub fn respond(request: &HeaderMap, is_head: bool, content: Content<'_>) -> BytesResponse {
    let zipped = content.gzip.filter(|_| accepts_gzip(request));
    let etag = match zipped {
        // Another representation of the same thing has an ETag of its own.
        Some(_) => format!("{}-gz\"", content.etag.trim_end_matches('"')),
        None => content.etag.to_owned(),
    };
    let mut response = Response::new(Full::default());
    let headers = response.headers_mut();
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static(content.cache_control),
    );
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(ETAG, etag);
    }
    if content.gzip.is_some() {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if matches_any(request, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content.content_type));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if zipped.is_some() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let bytes = zipped.unwrap_or(content.bytes);
    let body = match asked_range(request, &etag, bytes.len()) {
        Asked::Everything => bytes.clone(),
        Asked::Part(part) => {
            let range = format!("bytes {}-{}/{}", part.start, part.end - 1, bytes.len());
            set(&mut response, CONTENT_RANGE, &range);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            bytes.slice(part)
        }
        Asked::Beyond => {
            set(
                &mut response,
                CONTENT_RANGE,
                &format!("bytes */{}", bytes.len()),
            );
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            Bytes::new()
        }
    };
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, body.len().into());
    if !is_head {
        *response.body_mut() = Full::new(body);
    }
    response
}

fn set(response: &mut BytesResponse, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn accepts_gzip(request: &HeaderMap) -> bool {
    request
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            value.split(',').any(|coding| {
                let mut parts = coding.split(';').map(str::trim);
                let named = parts
                    .next()
                    .is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
                named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
            })
        })
}

fn matches_any(request: &HeaderMap, etag: &str) -> bool {
    request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            value.split(',').map(str::trim).any(|candidate| {
                candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == etag
            })
        })
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Everything,
    Part(Range<usize>),
    Beyond,
}

/// The one range asked for. Several at once, or one that can't be understood, is answered with
/// everything, which RFC 9110 §14.2 allows.
fn asked_range(request: &HeaderMap, etag: &str, length: usize) -> Asked {
    let Some(range) = request.get(RANGE).and_then(|value| value.to_str().ok()) else {
        return Asked::Everything;
    };
    // A range of another version would be spliced into the wrong file.
    if request
        .get(IF_RANGE)
        .is_some_and(|known| known.as_bytes() != etag.as_bytes())
    {
        return Asked::Everything;
    }
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .and_then(|spec| spec.split_once('-'))
        .filter(|(first, last)| is_digits(first) && is_digits(last))
    else {
        return Asked::Everything;
    };
    match (first, last) {
        ("", "") => Asked::Everything,
        ("", suffix) => match length.saturating_sub(position(suffix)) {
            start if start < length => Asked::Part(start..length),
            _ => Asked::Beyond,
        },
        (first, _) if position(first) >= length => Asked::Beyond,
        (first, "") => Asked::Part(position(first)..length),
        (first, last) if position(first) > position(last) => Asked::Everything,
        (first, last) => Asked::Part(position(first)..length.min(position(last).saturating_add(1))),
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number too large for memory lies beyond every file.
fn position(digits: &str) -> usize {
    digits.parse().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.insert(name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn ranges_mean_what_the_standard_says() {
        for (range, asked) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=2-5", Asked::Part(2..6)),
            ("bytes=7-", Asked::Part(7..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-99", Asked::Part(0..10)),
            ("bytes=5-99", Asked::Part(5..10)),
            ("bytes=10-", Asked::Beyond),
            ("bytes=99999999999999999999999-", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=5-2", Asked::Everything),
            ("bytes=0-1,3-4", Asked::Everything),
            ("bytes=a-b", Asked::Everything),
            ("bytes=-", Asked::Everything),
            ("lines=0-1", Asked::Everything),
        ] {
            let request = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(range))]);
            assert_eq!(asked_range(&request, "\"e\"", 10), asked, "{range}");
        }
    }

    fn content<'a>(bytes: &'a Bytes, gzip: Option<&'a Bytes>) -> Content<'a> {
        Content {
            bytes,
            gzip,
            etag: "\"e\"",
            content_type: "text/plain",
            cache_control: "no-cache",
        }
    }

    #[test]
    fn known_versions_are_not_sent_again() {
        let bytes = Bytes::from_static(b"0123456789");
        for known in ["\"e\"", "W/\"e\"", "*", "\"x\", \"e\""] {
            let request = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(known))]);
            let status = respond(&request, false, content(&bytes, None)).status();
            assert_eq!(status, StatusCode::NOT_MODIFIED, "{known}");
        }
    }

    #[test]
    fn a_range_of_another_version_gets_everything() {
        let bytes = Bytes::from_static(b"0123456789");
        let request = headers(&[(RANGE, "bytes=0-1"), (IF_RANGE, "\"old\"")]);
        assert_eq!(
            respond(&request, false, content(&bytes, None)).status(),
            StatusCode::OK
        );
        let request = headers(&[(RANGE, "bytes=0-1"), (IF_RANGE, "\"e\"")]);
        let response = respond(&request, false, content(&bytes, None));
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(response.headers()[CONTENT_RANGE], "bytes 0-1/10");
    }

    #[test]
    fn gzip_goes_to_those_who_take_it() {
        let (bytes, zipped) = (
            Bytes::from_static(b"0123456789"),
            Bytes::from_static(b"zip"),
        );
        for (accepted, sent) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
        ] {
            let request =
                HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            let response = respond(&request, false, content(&bytes, Some(&zipped)));
            assert_eq!(
                response.headers().contains_key(CONTENT_ENCODING),
                sent,
                "{accepted}"
            );
            assert_eq!(response.headers()[VARY], "accept-encoding");
        }
    }

    #[test]
    fn head_tells_the_length_and_sends_nothing() {
        let bytes = Bytes::from_static(b"0123456789");
        let response = respond(&HeaderMap::new(), true, content(&bytes, None));
        assert_eq!(response.headers()[CONTENT_LENGTH], "10");
        assert_eq!(http_body::Body::size_hint(response.body()).exact(), Some(0));
    }
}
