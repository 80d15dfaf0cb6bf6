//! A number for each request, in the log and in the answer, so that what somebody saw and what the
//! log says can be brought together. Made anew each time: it tells nothing of who asked.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::Instrument as _;

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Whatever is logged on the way to the answer carries it. One that comes with the request is not
/// believed: it would let a stranger write into the log.
pub async fn add(request: Request, next: Next) -> Response {
    let mut random = [0; 8];
    // A number that is not random is still a number.
    let _ = getrandom::fill(&mut random);
    let id = hex::encode(random);
    let span = tracing::error_span!("request", %id);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use axum::{Router, body::Body, middleware, routing::get};
    use tower::ServiceExt as _;
    use tracing::subscriber;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_is_logged_carries_the_answers_number() {
        let log = Log::default();
        let writer = log.clone();
        let fmt = tracing_subscriber::fmt().with_ansi(false);
        let logging = fmt.with_writer(move || writer.clone()).finish();
        let _guard = subscriber::set_default(logging);
        let site = Router::new()
            .route("/", get(async || tracing::warn!("something went wrong")))
            .layer(middleware::from_fn(add));
        let ask = async || {
            let request = Request::get("/").header(X_REQUEST_ID, "mine\tand mine");
            let request = request.body(Body::empty()).expect("a request");
            let answer = site.clone().oneshot(request).await.expect("an answer");
            let id = answer.headers()[X_REQUEST_ID].to_str().expect("text");
            id.to_owned()
        };
        let (first, second) = (ask().await, ask().await);
        assert!(first != second && first.len() == 16, "{first} {second}");
        let text = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("text");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0].contains(&format!("request{{id={first}}}")),
            "{text}"
        );
        assert!(
            lines[1].contains(&second) && !text.contains("mine"),
            "{text}"
        );
    }
}
