//! Request headers of media: an answer is never longer than what there is, and says its length.

#![no_main]

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_LENGTH, IF_NONE_MATCH, IF_RANGE, RANGE},
};
use libfuzzer_sys::fuzz_target;
use satreel::media::respond::{Content, respond};

static BYTES: [u8; 64] = [7; 64];

fuzz_target!(
    |input: (&[u8], Option<&[u8]>, Option<&[u8]>, Option<&[u8]>, bool)| {
        let (range, if_range, if_none_match, accept_encoding, is_head) = input;
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (RANGE, Some(range)),
            (IF_RANGE, if_range),
            (IF_NONE_MATCH, if_none_match),
            (ACCEPT_ENCODING, accept_encoding),
        ] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_bytes(value).ok()) {
                headers.insert(name, value);
            }
        }
        let bytes = Bytes::from_static(&BYTES);
        let zipped = bytes.slice(..16);
        let response = respond(
            &headers,
            is_head,
            Content {
                bytes: &bytes,
                gzip: Some(&zipped),
                etag: "\"a\"",
                content_type: "video/mp4",
                cache_control: "no-store",
            },
        );
        let length = response
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        match response.status() {
            StatusCode::NOT_MODIFIED => {}
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                assert!(length.is_some_and(|length| (1..=BYTES.len()).contains(&length)));
            }
            StatusCode::RANGE_NOT_SATISFIABLE => assert_eq!(length, Some(0)),
            other => panic!("{other}"),
        }
    }
);
