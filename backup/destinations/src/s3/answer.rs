//! What a store's refusals mean. Stores agree on the codes (the S3 API's "Error responses") more than on
//! statuses, and on neither fully.

use reqwest::StatusCode;

use crate::Error;

/// There is no such object.
#[derive(Debug, thiserror::Error)]
#[error("no such object")]
pub(super) struct NoSuchKey;

/// Anything that has no words of its own here.
#[derive(Debug, thiserror::Error)]
#[error("the store answered {status} {code}")]
struct Other {
    status: StatusCode,
    code: String,
}

/// Longest code that is repeated.
const MAX_CODE: usize = 60;

pub(super) fn refused(place: &str, doing: &'static str, status: StatusCode, body: &str) -> Error {
    let place_ = || place.to_owned();
    let refuse = |why: &str| Error::Refused {
        place: place_(),
        why: why.to_owned(),
    };
    let code = code(body);
    match code {
        "NoSuchKey" => Error::failed(place, doing, NoSuchKey),
        "NoSuchBucket" => not_ready(
            place,
            "there is no such bucket: make it at the store, or correct its name",
        ),
        "PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed" => not_ready(
            place,
            "the bucket is elsewhere: set endpoint and region to the bucket's own",
        ),
        "InvalidAccessKeyId" => refuse("it knows no such access key: correct access_key"),
        "SignatureDoesNotMatch" => {
            refuse("the secret key is not that of the access key: correct secret_key")
        }
        "RequestTimeTooSkewed" => refuse("this machine's clock is wrong, or the store's"),
        "AccessDenied" => refuse(
            "the key is not allowed to do this: it wants to list, read, write and delete objects of this bucket",
        ),
        "QuotaExceeded" | "XMinioStorageFull" | "StorageFull" | "InsufficientStorage" => {
            Error::NoRoom { place: place_() }
        }
        "SlowDown" | "ServiceUnavailable" | "InternalError" => busy(place, status),
        _ => match status {
            StatusCode::NOT_FOUND if doing == "reading" => Error::failed(place, doing, NoSuchKey),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
                refuse("it does not accept the key: look at access_key and secret_key")
            }
            StatusCode::INSUFFICIENT_STORAGE => Error::NoRoom { place: place_() },
            StatusCode::TOO_MANY_REQUESTS => busy(place, status),
            status if status.is_server_error() => busy(place, status),
            status if status.is_redirection() => {
                not_ready(place, "it is elsewhere: correct endpoint and region")
            }
            status => Error::failed(
                place,
                doing,
                Other {
                    status,
                    code: code.to_owned(),
                },
            ),
        },
    }
}

fn not_ready(place: &str, remedy: &str) -> Error {
    Error::NotReady {
        place: place.to_owned(),
        remedy: remedy.to_owned(),
    }
}

fn busy(place: &str, status: StatusCode) -> Error {
    Error::Away {
        place: place.to_owned(),
        why: format!("it answered {status}"),
        source: None,
    }
}

/// `<Code>…</Code>`, if it is a word.
fn code(body: &str) -> &str {
    let found = body
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"));
    found
        .map(|(code, _)| code)
        .filter(|code| {
            code.len() <= MAX_CODE && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, code: &str) -> Error {
        let body = format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>"
        );
        refused(
            "s3 b/",
            "writing",
            StatusCode::from_u16(status).expect("a status"),
            &body,
        )
    }

    #[test]
    fn codes_say_what_to_do() {
        for (status, code, words, is_passing) in [
            (404, "NoSuchBucket", "make it at the store", true),
            (403, "InvalidAccessKeyId", "access_key", false),
            (403, "SignatureDoesNotMatch", "secret_key", false),
            (403, "RequestTimeTooSkewed", "clock", false),
            (403, "AccessDenied", "not allowed", false),
            (301, "PermanentRedirect", "region", true),
            (507, "", "no room", true),
            (403, "QuotaExceeded", "no room", true),
            (503, "SlowDown", "503", true),
            (502, "", "502", true),
            (429, "", "429", true),
            (401, "", "access_key", false),
        ] {
            let error = told(status, code);
            assert!(
                error.to_string().contains(words),
                "{status} {code}: {error}"
            );
            assert_eq!(error.is_passing(), is_passing, "{status} {code}");
        }
    }

    #[test]
    fn a_code_is_a_word_or_nothing() {
        assert_eq!(code("<Code>A</Code>"), "A");
        for none in [
            "",
            "<Code>",
            "<Code></Code>",
            "<Code>a b</Code>",
            "<Code>\n</Code>",
        ] {
            assert_eq!(code(none), "", "{none:?}");
        }
        assert_eq!(code(&format!("<Code>{}</Code>", "a".repeat(61))), "");
    }
}
