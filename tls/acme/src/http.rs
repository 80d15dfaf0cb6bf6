//! How the directory is asked. It is named by the configuration, and so is whom to trust for it
//! besides the system's authorities; no proxy of the environment and no redirect is followed.

use std::{fs, path::Path, pin::Pin, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::BodyExt;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use reqwest::{Certificate, redirect::Policy};

use crate::error;

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(30);
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// A chain of certificates is a few kilobytes.
const MAX_ANSWER: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Http(reqwest::Client);

impl Http {
    pub(crate) fn new(root: Option<&Path>) -> Result<Self, error::Error> {
        // An error only says that somebody else has chosen already, and everybody here chooses it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .https_only(true)
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(PATIENCE);
        if let Some(path) = root {
            builder = builder.tls_certs_merge(anchors(path)?);
        }
        Ok(Self(builder.build().map_err(error::Error::Client)?))
    }
}

fn anchors(path: &Path) -> Result<Vec<Certificate>, error::Error> {
    let pem = fs::read(path).map_err(|source| error::Error::File {
        path: path.to_owned(),
        source,
    })?;
    Certificate::from_pem_bundle(&pem).map_err(|source| error::Error::Root {
        path: path.to_owned(),
        source,
    })
}

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(ask(self.0.clone(), request))
    }
}

async fn ask(
    client: reqwest::Client,
    request: Request<BodyWrapper<Bytes>>,
) -> Result<BytesResponse, Error> {
    let other = |error: reqwest::Error| Error::Other(Box::new(error));
    let (head, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(never) => match never {},
    };
    let request = Request::from_parts(head, body);
    let request = reqwest::Request::try_from(request).map_err(other)?;
    let mut answer = client.execute(request).await.map_err(other)?;
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(other)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Error::Str("an answer of less than a megabyte"));
        }
        body.extend_from_slice(&chunk);
    }
    let mut whole = Response::new(());
    (*whole.status_mut(), *whole.headers_mut()) = (status, headers);
    Ok(BytesResponse {
        parts: whole.into_parts().0,
        body: Box::new(body.freeze()),
    })
}
