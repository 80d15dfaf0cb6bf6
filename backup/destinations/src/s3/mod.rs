//! A bucket of an S3-compatible store as a destination: signed requests, path style, one request a
//! copy. A store shows an object when all of it has arrived, so there is nothing half-written.
//!
//! Trusts the system's certificate roots; follows no redirect and no proxy of the environment.

mod answer;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, Response, Url, redirect::Policy};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle, actions::ListObjectsV2};
use satreel_config::{Place, Secret};

use crate::{Destination, Entry, Error, MAX_BYTES, MAX_ENTRIES, Name, Result};

/// For a whole request: a large copy on a slow line.
const PATIENCE: Duration = Duration::from_mins(5);
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);
/// Without a byte for so long the request is given up.
const SILENCE: Duration = Duration::from_mins(1);
/// A signature is good for as long as a request may take.
const SIGNED_FOR: Duration = Duration::from_mins(10);
/// A page of a list is a thousand objects, some 500 bytes each.
const MAX_ANSWER: u64 = 4 << 20;

/// See the module's head.
#[derive(Debug)]
pub(crate) struct S3 {
    bucket: Bucket,
    /// Empty, or with a slash at its end.
    prefix: String,
    access_key: Secret,
    secret_key: Secret,
}

/// What one call is made with.
struct Session {
    http: Client,
    credentials: Credentials,
}

impl S3 {
    /// Of [`Place::S3`].
    pub(crate) fn new(place: &Place) -> Result<Self> {
        let Place::S3 {
            endpoint,
            region,
            bucket,
            prefix,
            access_key,
            secret_key,
        } = place
        else {
            return Err(wrong("kind", "is not that of a store"));
        };
        // SECURITY: names of copies and signatures that are good for minutes stay off the open net.
        if !endpoint.is_https() && !endpoint.is_loopback() {
            return Err(wrong(
                "endpoint",
                "is not encrypted: write https://, http:// is for a store on this machine",
            ));
        }
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(plain) {
            return Err(wrong(
                "bucket",
                "is no bucket's name: 3 to 63 of a-z, 0-9, '.' and '-'",
            ));
        }
        let base =
            Url::parse(endpoint.as_str()).map_err(|error| wrong("endpoint", &error.to_string()))?;
        let bucket = Bucket::new(base, UrlStyle::Path, bucket.clone(), region.clone())
            .map_err(|error| wrong("endpoint", &error.to_string()))?;
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Ok(Self {
            bucket,
            prefix,
            access_key: access_key.clone(),
            secret_key: secret_key.clone(),
        })
    }

    fn session(&self) -> Result<Session> {
        let read = |secret: &Secret| {
            secret.read().map_err(|source| Error::Secret {
                place: self.describe(),
                source,
            })
        };
        let (key, secret) = (read(&self.access_key)?, read(&self.secret_key)?);
        // An error only says that somebody else has chosen already, and everybody here chooses it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_PATIENCE)
            .read_timeout(SILENCE)
            .timeout(PATIENCE)
            .user_agent(concat!("satreel/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::failed(&self.describe(), "making an HTTP client", error))?;
        Ok(Session {
            http,
            credentials: Credentials::new(key.expose(), secret.expose()),
        })
    }

    fn object(&self, name: &Name) -> String {
        format!("{}{name}", self.prefix)
    }

    /// What a store answers, if it is what was wanted.
    async fn sent(
        &self,
        doing: &'static str,
        request: reqwest::RequestBuilder,
    ) -> Result<Response> {
        let answer = request
            .send()
            .await
            .map_err(|error| self.broken(doing, error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        // What can't be read says as little as what is not there.
        let text = self
            .body(doing, answer, MAX_ANSWER)
            .await?
            .unwrap_or_default();
        Err(answer::refused(
            &self.describe(),
            doing,
            status,
            &String::from_utf8_lossy(&text),
        ))
    }

    /// None: more than `most`.
    async fn body(
        &self,
        doing: &'static str,
        mut answer: Response,
        most: u64,
    ) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| self.broken(doing, error))?
        {
            if (bytes.len() + chunk.len()) as u64 > most {
                return Ok(None);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes))
    }

    /// SECURITY: an address carries a signature, so it goes out of the error.
    fn broken(&self, doing: &'static str, error: reqwest::Error) -> Error {
        let why = if error.is_timeout() {
            format!("no answer in time ({doing})")
        } else if error.is_connect() {
            "no connection: is the endpoint right, and its certificate good?".to_owned()
        } else {
            format!("the connection broke off ({doing})")
        };
        Error::Away {
            place: self.describe(),
            why,
            source: Some(error.without_url().into()),
        }
    }

    async fn page(
        &self,
        session: &Session,
        after: Option<String>,
    ) -> Result<(Vec<(String, u64)>, Option<String>)> {
        let mut action: ListObjectsV2<'_> = self.bucket.list_objects_v2(Some(&session.credentials));
        action.with_prefix(self.prefix.as_str());
        action.with_delimiter("/");
        if let Some(token) = after {
            action.with_continuation_token(token);
        }
        let answer = self
            .sent("listing", session.http.get(action.sign(SIGNED_FOR)))
            .await?;
        let odd = |why: String| Error::failed(&self.describe(), "listing", why);
        let bytes = self.body("listing", answer, MAX_ANSWER).await?;
        let bytes = bytes.ok_or_else(|| odd("the list is longer than any store's".to_owned()))?;
        let text = String::from_utf8(bytes).map_err(|_| odd("the list is no text".to_owned()))?;
        let page = ListObjectsV2::parse_response(&text).map_err(|error| odd(error.to_string()))?;
        let objects = page
            .contents
            .into_iter()
            .map(|object| (object.key, object.size.unwrap_or_default()));
        Ok((objects.collect(), page.next_continuation_token))
    }
}

fn wrong(key: &'static str, why: &str) -> Error {
    Error::Options {
        key,
        why: why.to_owned(),
    }
}

#[async_trait]
impl Destination for S3 {
    fn describe(&self) -> String {
        let host = self.bucket.base_url().host_str().unwrap_or_default();
        format!("s3 {}/{} at {host}", self.bucket.name(), self.prefix)
    }

    async fn put(&self, name: &Name, bytes: &[u8]) -> Result<()> {
        let session = self.session()?;
        let object = self.object(name);
        let url = self
            .bucket
            .put_object(Some(&session.credentials), &object)
            .sign(SIGNED_FOR);
        self.sent("writing", session.http.put(url).body(bytes.to_vec()))
            .await?;
        Ok(())
    }

    async fn get(&self, name: &Name) -> Result<Vec<u8>> {
        let session = self.session()?;
        let object = self.object(name);
        let url = self
            .bucket
            .get_object(Some(&session.credentials), &object)
            .sign(SIGNED_FOR);
        let answer = match self.sent("reading", session.http.get(url)).await {
            Err(Error::Failed { source, .. }) if source.is::<answer::NoSuchKey>() => {
                return Err(Error::Absent {
                    place: self.describe(),
                    name: name.clone(),
                });
            }
            answer => answer?,
        };
        let bytes = self.body("reading", answer, MAX_BYTES).await?;
        bytes.ok_or_else(|| Error::TooLarge {
            place: self.describe(),
            name: name.clone(),
        })
    }

    async fn list(&self) -> Result<Vec<Entry>> {
        let session = self.session()?;
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let (objects, next) = self.page(&session, after.take()).await?;
            for (key, bytes) in objects {
                let name = key
                    .strip_prefix(&self.prefix)
                    .and_then(|name| name.parse().ok());
                entries.extend(name.map(|name| Entry { name, bytes }));
            }
            if entries.len() > MAX_ENTRIES {
                return Err(Error::TooMany {
                    place: self.describe(),
                });
            }
            match next {
                Some(token) => after = Some(token),
                None => break,
            }
        }
        entries.sort();
        Ok(entries)
    }

    async fn remove(&self, name: &Name) -> Result<()> {
        let session = self.session()?;
        let object = self.object(name);
        let url = self
            .bucket
            .delete_object(Some(&session.credentials), &object)
            .sign(SIGNED_FOR);
        match self.sent("removing", session.http.delete(url)).await {
            Err(Error::Failed { source, .. }) if source.is::<answer::NoSuchKey>() => Ok(()),
            answer => answer.map(|_| ()),
        }
    }
}
