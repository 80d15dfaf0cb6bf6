//! One order, from the account to the certificate on disk (RFC 8555 §7.1). What a server that was
//! killed had begun is gone on with.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeStatus, ChallengeType, Identifier, NewAccount, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use satreel_config::Acme;

use crate::{
    certificate::Facts,
    challenges::Challenges,
    error::Error,
    http::Http,
    store::{Kept, Store},
};

/// How long the authority may take for looking at us, and for making the certificate.
const PATIENCE: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(250))
    .backoff(1.5)
    .timeout(Duration::from_mins(2));

/// What an order needs.
pub(crate) struct Customer<'a> {
    pub(crate) settings: &'a Acme,
    pub(crate) store: &'a Store,
    pub(crate) challenges: &'a Challenges,
}

impl Customer<'_> {
    /// Leaves a new certificate in the folder.
    pub(crate) async fn obtain(&self) -> Result<(), Error> {
        let was_begun = self.store.order()?.is_some();
        match self.attempt().await {
            // Nothing is lost by it: the order is gone on with.
            Err(Error::Nonce) => self.attempt().await,
            // An authority that has lost its memory, or was set up anew, gets a new account.
            Err(Error::Unknown) => {
                self.store.forget_account()?;
                self.store.forget_order()?;
                self.attempt().await
            }
            // It may have looked while nobody was here: that says nothing about our names.
            Err(Error::Refused { words }) if was_begun => {
                tracing::info!(
                    words,
                    "nothing becomes of the order that was begun: a new one is placed"
                );
                self.attempt().await
            }
            done => done,
        }
    }

    async fn attempt(&self) -> Result<(), Error> {
        let account = self.account().await?;
        let (mut order, key) = self.order(&account).await?;
        let done = self.complete(&mut order, &key).await;
        if let Err(Error::Refused { .. }) = done {
            // Nothing becomes of it any more.
            self.store.forget_order()?;
        }
        let chain = done?;
        self.store.put_certificate(&chain, &key)?;
        self.store.forget_order()
    }

    fn of(&self, error: instant_acme::Error) -> Error {
        Error::of(self.directory(), error)
    }

    fn directory(&self) -> &str {
        self.settings.directory.as_str()
    }

    async fn account(&self) -> Result<Account, Error> {
        let http = Http::new(self.settings.root.as_deref())?;
        let builder = Account::builder_with_http(Box::new(http));
        if let Some(credentials) = self.store.account(self.directory())? {
            return builder
                .from_credentials(credentials)
                .await
                .map_err(|error| self.of(error));
        }
        let contact = self.settings.contact.as_ref();
        let contact: Vec<_> = contact
            .iter()
            .map(|mail| format!("mailto:{mail}"))
            .collect();
        let contact: Vec<_> = contact.iter().map(String::as_str).collect();
        let wanted = NewAccount {
            contact: &contact,
            // Whoever writes mode = "acme" agrees; the example configuration says so.
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let (account, credentials) = builder
            .create(&wanted, self.directory().to_owned(), None)
            .await
            .map_err(|error| self.of(error))?;
        self.store.put_account(self.directory(), &credentials)?;
        Ok(account)
    }

    /// The one that was begun, or a new one; and the key of its certificate.
    async fn order(&self, account: &Account) -> Result<(Order, String), Error> {
        if let Some(kept) = self.store.order()?
            && kept.directory == self.directory()
            && kept.domains == self.settings.domains
            && let Some(order) = self.resume(account, kept.url).await?
        {
            tracing::info!("the order that was begun is gone on with");
            return Ok((order, kept.key));
        }
        let names = self.settings.domains.iter();
        let names: Vec<_> = names.map(|name| Identifier::Dns(name.clone())).collect();
        let order = account
            .new_order(&NewOrder::new(&names))
            .await
            .map_err(|error| self.of(error))?;
        let key = KeyPair::generate()?.serialize_pem();
        self.store.put_order(&Kept {
            directory: self.directory().to_owned(),
            domains: self.settings.domains.clone(),
            url: order.url().to_owned(),
            key: key.clone(),
        })?;
        Ok((order, key))
    }

    /// None: nothing becomes of it any more.
    async fn resume(&self, account: &Account, url: String) -> Result<Option<Order>, Error> {
        match account.order(url).await.map_err(|error| self.of(error)) {
            Ok(mut order) => {
                let is_dead = order.state().status == OrderStatus::Invalid;
                Ok((!is_dead).then_some(order))
            }
            Err(Error::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn complete(&self, order: &mut Order, key: &str) -> Result<String, Error> {
        if order.state().status == OrderStatus::Pending {
            self.prove(order).await?;
        }
        if order.state().status == OrderStatus::Ready {
            let request = request(&self.settings.domains, key)?;
            let sent = order.finalize_csr(&request).await;
            sent.map_err(|error| self.of(error))?;
        }
        let chain = order.poll_certificate(&PATIENCE).await;
        let chain = chain.map_err(|error| self.of(error))?;
        match Facts::parse(chain.as_bytes()) {
            Some(facts) if is_for(&facts, &self.settings.domains) => Ok(chain),
            _ => Err(Error::refused(
                "what it sent is no certificate for our names",
            )),
        }
    }

    /// Shows the authority that all names lead here.
    async fn prove(&self, order: &mut Order) -> Result<(), Error> {
        let mut shown = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(|error| self.of(error))?;
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                // One that is over is in the order's own verdict, below.
                AuthorizationStatus::Pending => {}
                _ => break,
            }
            let offered = authorization.challenge(ChallengeType::TlsAlpn01);
            let Some(mut challenge) = offered else {
                return Err(Error::refused("it does not offer tls-alpn-01"));
            };
            let name = match challenge.identifier().identifier {
                // SECURITY: nothing is proven that nobody here has asked for.
                Identifier::Dns(name) if self.settings.domains.contains(name) => name.clone(),
                other => return Err(Error::refused(&format!("it asks for {other:?} too"))),
            };
            let digest = challenge.key_authorization().digest();
            shown.push(self.challenges.show(&name, digest.as_ref())?);
            tracing::info!(name, "the authority may look whether it leads here");
            if challenge.status == ChallengeStatus::Pending {
                let ready = challenge.set_ready().await;
                ready.map_err(|error| self.of(error))?;
            }
        }
        let seen = order.poll_ready(&PATIENCE).await;
        match seen.map_err(|error| self.of(error)) {
            Ok(OrderStatus::Ready) => Ok(()),
            Ok(_) => Err(Error::refused(&reasons(order, "it does not say why").await)),
            Err(Error::Refused { words }) => Err(Error::refused(&reasons(order, &words).await)),
            Err(error) => Err(error),
        }
    }
}

/// What the authority found wrong, name by name; `otherwise`, where it does not say.
async fn reasons(order: &mut Order, otherwise: &str) -> String {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        let name = authorization.identifier().to_string();
        let wrong = authorization.challenges.iter();
        let wrong = wrong.filter_map(|challenge| challenge.error.as_ref()?.detail.as_deref());
        reasons.extend(wrong.map(|words| format!("{name}: {words}")));
    }
    if reasons.is_empty() {
        reasons.push(otherwise.to_owned());
    }
    reasons.join("; ")
}

/// Whether all our names are in it.
pub(crate) fn is_for(facts: &Facts, domains: &[String]) -> bool {
    let has = |domain: &String| {
        facts
            .names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(domain))
    };
    domains.iter().all(has)
}

/// The request for a certificate (RFC 2986).
fn request(domains: &[String], key: &str) -> Result<Vec<u8>, Error> {
    let mut wanted = CertificateParams::new(domains)?;
    // The names say it all; authorities ignore a subject or refuse it.
    wanted.distinguished_name = DistinguishedName::new();
    let request = wanted.serialize_request(&KeyPair::from_pem(key)?)?;
    Ok(request.der().to_vec())
}
