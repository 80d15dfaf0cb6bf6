//! The server put together: what is made in which order and why, and how it ends.

mod activity;
mod tasks;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use satreel_acme::Renewal;
use satreel_config::{Backend, Config, Tls};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::{activity::House, tasks::Tasks};
use crate::{
    admission::{Admission, Denied, Sessions, denied},
    catalog::{Catalog, Channels},
    clock::Clock,
    keys::Keys,
    ledger::Ledger,
    media::{gate::Gate, live::Live, store::Store},
    metrics::Metrics,
    outages::Outages,
    payments::{
        InvoiceBackend,
        btcpay::{Btcpay, webhook::Webhook},
        lnd::{self, Expected, Lnd},
        settlement::Settlement,
        wallet::Wallet,
    },
    sale::{self, OpenInvoices, Sale},
    server::{self, Doors, Secure, metrics, redirect::Redirect},
    service,
    studio::{Studio, entrance::Entrance, uploads::Uploads},
    web::{
        self, Boards, Clients, Limits, Web, assets::Assets, l402::Challenges, lnurl::Tips,
        metrics::Scrape, pages,
    },
};

/// How long the service manager waits for what was settled while the server was down.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// How often uploads are looked through for those that ran out.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// A server that is ready to be given its listener.
#[derive(Debug)]
pub struct App {
    data: PathBuf,
    doors: Doors,
    metrics: Option<metrics::Door>,
    redirect: Option<Redirect>,
    renewal: Option<Renewal>,
    settlement: Arc<Settlement>,
    ledger: Ledger,
    keys: Arc<Keys>,
    key_file: PathBuf,
    admission: Arc<Admission>,
    entrance: Arc<Entrance>,
    uploads: Arc<Uploads>,
    outages: Arc<Outages>,
    channels: Arc<Channels>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
}

impl App {
    /// Opens everything that can be at fault before the first viewer comes.
    pub async fn build(config: &Config, clock: Arc<dyn Clock>) -> Result<Self> {
        let assets = prepare(config)?;
        let data = &config.site.data;

        // Keys before anything that could sign; the ledger before anything that could settle.
        let keys = Arc::new(Keys::open(&config.site.keys, clock.now())?);
        let ledger = Ledger::open(&data.join("ledger.db"))
            .await
            .context("the ledger")?;
        let (offer, passes) = sale::offers(&config.offers).context("[offers]")?;
        let catalog = Catalog::open(data, offer).context("the titles")?;
        let metrics = Arc::<Metrics>::default();
        let Till {
            backend,
            wallet,
            webhook,
        } = open_till(config, &catalog, &clock).await?;
        let settlement = Arc::new(Settlement::new(
            backend.clone(),
            ledger.clone(),
            keys.clone(),
            metrics.clone(),
            clock.clone(),
        ));

        let (store, live, outages) = open_media(config)?;
        let admission = Arc::new(open_admission(config)?);
        let gate = Arc::new(Gate::new(
            keys.clone(),
            clock.clone(),
            store.clone(),
            live.clone(),
            admission.clone(),
            metrics.clone(),
        ));
        let channels = Arc::new(catalog.channels(data));
        let dearest = catalog.dearest();
        let house = House::new(data, &admission, &live, &clock);
        let scrape = Scrape::new(metrics.clone(), backend.clone(), &settlement, dearest)
            .with_copies(config.backup.clone(), &config.tls)
            .with_activity(Arc::new(house));
        let measured = open_metrics(config, scrape.clone()).await?;

        let shutdown = CancellationToken::new();
        let told = clock.clone();
        let sale = Sale {
            clock,
            keys: keys.clone(),
            catalog: Arc::new(catalog),
            channels: channels.clone(),
            store,
            live,
            outages: outages.clone(),
            admission: admission.clone(),
            backend,
            settlement: settlement.clone(),
            ledger: ledger.clone(),
            metrics,
            open: Arc::new(OpenInvoices::new(config.limits.open_invoices as usize)),
            passes,
            invoice_s: config.payments.invoice_minutes * 60,
        };
        let studio = Studio::open(config).context("the studio")?;
        let (entrance, uploads) = (studio.entrance.clone(), studio.uploads.clone());
        let tips = Tips::new(config);
        let pages = web::router(Web {
            sale,
            studio,
            scrape,
            gate: gate.clone(),
            clients: Clients::new(config.server.trusted_proxies.clone())?,
            limits: Limits::new(config.limits),
            challenges: Challenges::default(),
            boards: Boards::default(),
            assets,
            site: site(config, &tips),
            tips,
            accent: config.site.accent.map(|accent| accent.to_string()),
            secure: config.site.url.is_https(),
            wallet,
            webhook,
            shutdown: shutdown.clone(),
        });
        let (secure, renewal) = secure(config)?;
        Ok(Self {
            data: data.clone(),
            doors: Doors::new(gate, pages, secure),
            metrics: measured,
            redirect: None,
            renewal,
            settlement,
            ledger,
            keys,
            key_file: config.site.keys.clone(),
            admission,
            entrance,
            uploads,
            outages,
            channels,
            clock: told,
            shutdown,
        })
    }

    /// Sends plain HTTP to the site's address too.
    #[must_use]
    pub fn with_redirect(mut self, redirect: Option<Redirect>) -> Self {
        self.redirect = redirect;
        self
    }

    /// Where metrics are served; None: nowhere.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(metrics::Door::address)
    }

    /// Serves until `stop` is cancelled. An essential task that ends before that is a failure.
    pub async fn run(self, listener: TcpListener, stop: CancellationToken) -> Result<()> {
        let address = listener.local_addr()?;
        note_address(&self.data, address)?;
        let mut tasks = Tasks::default();
        let shutdown = self.shutdown.clone();
        let following = self.settlement.clone();
        let until = shutdown.clone();
        tasks.begin("following settlements", async move {
            following.follow(until).await;
        });
        let (keys, until) = (self.keys, shutdown.clone());
        tasks.begin("following the keys", async move {
            keys.follow(&self.key_file, until).await;
        });
        let (admission, until) = (self.admission, shutdown.clone());
        let path = self.data.join(denied::FILE);
        tasks.begin("following the deny list", async move {
            admission.denied.follow(&path, until).await;
        });
        let (entrance, until) = (self.entrance, shutdown.clone());
        tasks.begin("following the studio's file", async move {
            entrance.follow(until).await;
        });
        let sweeping = sweep(self.uploads, self.clock, shutdown.clone());
        tasks.begin("clearing uploads away", sweeping);
        let (channels, until) = (self.channels, shutdown.clone());
        tasks.begin("looking at the channels", async move {
            channels.follow(until).await;
        });
        let crediting = self.outages.follow(shutdown.clone());
        tasks.begin("writing outages down", crediting);
        if let Some(door) = self.metrics {
            tasks.begin("serving metrics", door.serve(shutdown.clone()));
        }
        if let Some(redirect) = self.redirect {
            let sending = redirect.serve(shutdown.clone());
            tasks.begin("sending plain http on", sending);
        }
        if let Some(renewal) = self.renewal {
            let renewing = renewal.follow(shutdown.clone());
            tasks.begin("renewing the certificate", renewing);
        }
        let until = shutdown.clone();
        tasks.begin("telling the service manager", async move {
            let mut taken = self.settlement.taken();
            let beginning = async {
                // Gone only with the server itself.
                let _ = taken.wait_for(|taken| taken.reconciled).await;
            };
            service::tell(beginning, READY_WITHIN, until).await;
        });
        let serving = server::serve(listener, self.doors, shutdown.clone());
        tasks.begin("serving", serving);
        tracing::info!(%address, "serving");
        let early = tokio::select! {
            () = stop.cancelled() => None,
            early = tasks.first_end() => Some(early),
        };
        shutdown.cancel();
        if let Some(early) = early {
            return Err(early);
        }
        // Viewers' requests finish, and settlements are taken in until the last of them.
        tasks.all_end().await?;
        self.ledger.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Uploads that ran out go by themselves; films that a crash left whole become films.
async fn sweep(uploads: Arc<Uploads>, clock: Arc<dyn Clock>, shutdown: CancellationToken) {
    loop {
        let (uploads, now) = (uploads.clone(), clock.now());
        let swept = tokio::task::spawn_blocking(move || uploads.sweep(now)).await;
        if let Ok(Err(error)) = swept {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "uploads that ran out can't be cleared away");
        }
        let pause = tokio::time::sleep(SWEEP_EVERY);
        if shutdown.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}

/// First the cheap refusals: nothing is created on disk for a site that may not run.
fn prepare(config: &Config) -> Result<Assets> {
    if let Some(fault) = config.wallet_exposure() {
        bail!("{fault}");
    }
    let assets = Assets::embedded()?;
    let data = &config.site.data;
    std::fs::create_dir_all(data).with_context(|| data.display().to_string())?;
    Ok(assets)
}

/// The site's own certificate, if it has one, and who renews it if we do. Files have to be good at
/// the start, or nobody could come in; what we order ourselves may be on its way.
fn secure(config: &Config) -> Result<(Option<Secure>, Option<Renewal>)> {
    Ok(match &config.tls {
        Tls::Off => (None, None),
        Tls::Files { certificate, key } => (Some(Secure::from_files(certificate, key)?), None),
        Tls::Acme(settings) => {
            let renewal = Renewal::new(settings.clone());
            let secure = Secure::from_orders(&renewal.certificate(), renewal.challenges());
            (Some(secure), Some(renewal))
        }
    })
}

fn open_media(config: &Config) -> Result<(Arc<Store>, Arc<Live>, Arc<Outages>)> {
    let cache = u64::from(config.server.cache_mb) << 20;
    // Broadcasts need little of it: viewers are all at the same place.
    let for_live = cache / 4;
    let data = &config.site.data;
    let store = Store::new(data.join("titles"), cache - for_live);
    let live = Live::open(&config.live.folder, for_live).context("the broadcasts")?;
    let live = Arc::new(live);
    let outages = Outages::open(data, live.clone(), config.live.credit_after_s);
    let outages = outages.context("the record of outages")?;
    Ok((Arc::new(store), live, Arc::new(outages)))
}

fn open_admission(config: &Config) -> Result<Admission> {
    let denied = Denied::open(&config.site.data.join(denied::FILE)).context("the deny list")?;
    let sessions = Sessions::new(config.limits.sessions as usize);
    Ok(Admission::new(denied, sessions))
}

/// Bound before the first viewer comes; None: nobody wants metrics.
async fn open_metrics(config: &Config, scrape: Scrape) -> Result<Option<metrics::Door>> {
    let Some(wanted) = config.server.metrics else {
        return Ok(None);
    };
    let door = metrics::Door::open(wanted, web::metrics::router(scrape)).await;
    let door = door.with_context(|| format!("{wanted} can't be listened on (server.metrics)"))?;
    Ok(Some(door))
}

/// Who takes the money, and what only that one brings along: the built-in wallet its pages,
/// BTCPay Server its webhooks.
struct Till {
    backend: Arc<dyn InvoiceBackend>,
    wallet: Option<Arc<Wallet>>,
    webhook: Option<Webhook>,
}

async fn open_till(config: &Config, catalog: &Catalog, clock: &Arc<dyn Clock>) -> Result<Till> {
    let missing = |section| format!("[{section}] is missing");
    match config.payments.backend {
        Backend::Wallet => {
            let path = config.site.data.join("wallet.db");
            let wallet = Wallet::open(&path, clock.clone()).await;
            let wallet = Arc::new(wallet.context("the built-in wallet")?);
            Ok(Till {
                backend: wallet.clone(),
                wallet: Some(wallet),
                webhook: None,
            })
        }
        Backend::Lnd => {
            let keys = config.payments.lnd.as_ref();
            let node = lnd::node(keys.with_context(|| missing("payments.lnd"))?)?;
            let expected = Expected {
                network: config.network(),
                dearest: Some(catalog.dearest()),
            };
            Ok(Till {
                backend: Arc::new(Lnd::new(node, expected, clock.clone())),
                wallet: None,
                webhook: None,
            })
        }
        Backend::Btcpay => {
            let keys = config.payments.btcpay.as_ref();
            let keys = keys.with_context(|| missing("payments.btcpay"))?;
            let secret = keys.webhook_secret.read().context("[payments.btcpay]")?;
            Ok(Till {
                backend: Arc::new(Btcpay::open(keys).context("[payments.btcpay]")?),
                wallet: None,
                webhook: Some(Webhook::new(&secret, &keys.store)),
            })
        }
    }
}

fn site(config: &Config, tips: &Tips) -> pages::Site {
    pages::Site {
        name: config.site.name.clone(),
        url: Some(config.site.url.as_str().trim_end_matches('/').to_owned()),
        demo: config.payments.backend == Backend::Wallet,
        lightning_address: tips.address().map(str::to_owned),
    }
}

/// Where `satreel pay` finds a running server: a small file beside its data.
fn note_address(data: &std::path::Path, address: SocketAddr) -> Result<()> {
    let path = address_file(data);
    std::fs::write(&path, format!("{address}\n")).with_context(|| path.display().to_string())
}

/// The file that names the address of the server that runs on this data folder.
pub fn address_file(data: &std::path::Path) -> PathBuf {
    data.join("address")
}
