//! Watching the node: whether it is there, unlocked, in step with the chain and on the right
//! network, and how much its channels can bring. What changes is logged, once.

use std::{sync::Arc, time::Duration};

use satreel_lnd::{
    Node, call,
    macaroon::Permission,
    proto::lnrpc::{
        ChannelBalanceRequest, GetInfoRequest, ListChannelsRequest, SubscribeStateRequest,
        WalletState,
    },
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::Instant,
};

use super::{
    Expected, LIMIT,
    inbound::{Inbound, News},
};
use crate::{
    core::money::{Msats, Sats},
    payments::Health,
};

/// Between looks at a node that is well.
const EVERY: Duration = Duration::from_secs(10);
/// Between looks at one that is not, or whose channels bring too little.
const SOON: Duration = Duration::from_secs(2);
/// However many ask for a look: no more than one in this time.
const AT_MOST: Duration = Duration::from_millis(500);
/// A node is out of step for a moment with every block.
const OUT_OF_STEP: Duration = Duration::from_secs(30);

/// What permits listing channels: the wide way and the narrow one.
const LIST: [(&str, &str); 2] = [
    ("offchain", "read"),
    ("uri", "/lnrpc.Lightning/ListChannels"),
];

/// The node as last seen.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    NotYet,
    Ready(Channels),
    Away(String),
}

/// What the channels can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Channels {
    /// Together, as one payment in parts.
    pub(crate) receivable: Msats,
    /// No channel is public, or nobody may ask: invoices have to say the way.
    pub(crate) hidden: bool,
}

/// The background task and what it saw. Ends with its owner.
#[derive(Debug)]
pub(super) struct Watch {
    seen: watch::Receiver<Look>,
    soon: Arc<Notify>,
    task: JoinHandle<()>,
}

/// One look, counted.
#[derive(Debug, Clone)]
struct Look {
    seen: Seen,
    number: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    pub(super) fn start(node: Node, expected: Expected) -> Self {
        let first = Look {
            seen: Seen::NotYet,
            number: 0,
        };
        let (told, seen) = watch::channel(first);
        let soon = Arc::new(Notify::new());
        let watching = Watching {
            node,
            expected,
            told,
            soon: soon.clone(),
            out_of_step: None,
            inbound: Inbound::default(),
        };
        let task = tokio::spawn(watching.run());
        Self { seen, soon, task }
    }

    /// Another look, before its time.
    pub(super) fn look_soon(&self) {
        self.soon.notify_one();
    }

    pub(super) fn waker(&self) -> Arc<Notify> {
        self.soon.clone()
    }

    /// Returns after a look that began from now on, or when `limit` is over.
    pub(super) async fn look_now(&self, limit: Duration) {
        let mut seen = self.seen.clone();
        // The look that may be under way began earlier.
        let wanted = seen.borrow().number + 2;
        let looked = async {
            while seen.borrow_and_update().number < wanted {
                self.soon.notify_one();
                if seen.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(limit, looked).await;
    }

    /// The most that can arrive, when that is less than `amount`.
    pub(super) fn can_receive(&self, amount: Msats) -> Result<(), Msats> {
        match &self.seen.borrow().seen {
            Seen::Ready(channels) if channels.receivable < amount => Err(channels.receivable),
            // What is not known is LND's to say.
            Seen::Ready(_) | Seen::NotYet | Seen::Away(_) => Ok(()),
        }
    }

    pub(super) fn needs_hints(&self) -> bool {
        match &self.seen.borrow().seen {
            Seen::Ready(channels) => channels.hidden,
            Seen::NotYet | Seen::Away(_) => true,
        }
    }

    pub(super) async fn health(&self, limit: Duration) -> Health {
        let mut seen = self.seen.clone();
        let first = seen.wait_for(|look| look.seen != Seen::NotYet);
        let _ = tokio::time::timeout(limit, first).await;
        match &self.seen.borrow().seen {
            Seen::Ready(channels) => Health::Ready {
                receivable: Some(channels.receivable),
            },
            Seen::Away(why) => Health::Away(why.clone()),
            Seen::NotYet => Health::Away("LND has not answered yet".into()),
        }
    }
}

struct Watching {
    node: Node,
    expected: Expected,
    told: watch::Sender<Look>,
    soon: Arc<Notify>,
    out_of_step: Option<Instant>,
    inbound: Inbound,
}

impl Watching {
    async fn run(mut self) {
        loop {
            let began = Instant::now();
            // Another may be in its place since.
            self.node.forget_macaroon();
            let seen = self.look().await;
            let seen = seen.unwrap_or_else(|error| Seen::Away(error.to_string()));
            let wait = if self.is_well(&seen) { EVERY } else { SOON };
            self.tell(seen);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.soon.notified() => {
                    tokio::time::sleep_until(began + AT_MOST).await;
                }
                () = changed(&mut self.expected.dearest) => {
                    tokio::time::sleep_until(began + AT_MOST).await;
                }
            }
        }
    }

    async fn look(&mut self) -> satreel_lnd::Result<Seen> {
        self.wait_active().await?;
        let mut lightning = self.node.lightning();
        let info = call("GetInfo", LIMIT, lightning.get_info(GetInfoRequest {})).await?;
        let network = info.chains.first().map_or("", |chain| &chain.network);
        if let Some(expected) = self.expected.network
            && !expected.is_called(network)
        {
            return Ok(Seen::Away(format!(
                "LND is on {network}, this site takes {expected}: see payments.lnd.network"
            )));
        }
        if info.synced_to_chain {
            self.out_of_step = None;
        } else {
            let since = *self.out_of_step.get_or_insert_with(Instant::now);
            if since.elapsed() >= OUT_OF_STEP || self.told.borrow().seen == Seen::NotYet {
                return Ok(Seen::Away("LND is not in step with the chain yet".into()));
            }
        }
        Ok(Seen::Ready(channels(&self.node).await?))
    }

    /// Waits for the wallet to be unlocked and LND to serve, saying meanwhile what it waits for.
    async fn wait_active(&mut self) -> satreel_lnd::Result<()> {
        const CALL: &str = "SubscribeState";
        let mut state = self.node.state();
        let asked = state.subscribe_state(SubscribeStateRequest {});
        let mut states = call(CALL, LIMIT, asked).await?;
        loop {
            let next = states.message().await;
            let next = next.map_err(|status| satreel_lnd::Error::of(CALL, &status))?;
            let Some(next) = next else {
                return Err(satreel_lnd::Error::Lost("LND ends".into()));
            };
            let fault = match next.state() {
                WalletState::ServerActive => return Ok(()),
                WalletState::NonExisting => satreel_lnd::Error::NoWallet,
                WalletState::Locked => satreel_lnd::Error::Locked,
                WalletState::Unlocked | WalletState::RpcActive | WalletState::WaitingToStart => {
                    satreel_lnd::Error::Starting
                }
            };
            self.tell(Seen::Away(fault.to_string()));
        }
    }

    fn is_well(&self, seen: &Seen) -> bool {
        match seen {
            Seen::Ready(channels) => channels.receivable >= self.wanted(),
            Seen::NotYet | Seen::Away(_) => false,
        }
    }

    fn wanted(&self) -> Msats {
        // Without tiers there are still tips.
        let dearest = self.expected.dearest.as_ref();
        let dearest = dearest.and_then(|dearest| *dearest.borrow());
        let least = dearest.map_or(Msats::ZERO, Sats::to_msats);
        least.max(Msats::new(1).unwrap_or(Msats::ZERO))
    }

    fn tell(&mut self, seen: Seen) {
        let before = self.told.borrow().seen.clone();
        self.log_change(&before, &seen);
        self.told.send_modify(|look| {
            look.seen = seen;
            look.number += 1;
        });
    }

    fn log_change(&mut self, before: &Seen, now: &Seen) {
        match now {
            Seen::Away(why) => {
                if before != now {
                    tracing::warn!(address = self.node.address(), "the till is closed: {why}");
                }
            }
            Seen::Ready(channels) => {
                if !matches!(before, Seen::Ready(_)) {
                    let sat = channels.receivable.to_sats_floor();
                    tracing::info!(receivable = %sat, "LND is ready");
                }
                self.log_channels(*channels);
            }
            Seen::NotYet => {}
        }
    }

    fn log_channels(&mut self, now: Channels) {
        let wanted = self.wanted();
        let sat = now.receivable.to_sats_floor();
        match self.inbound.seen(now.receivable, wanted) {
            Some(News::Enough) => {
                tracing::info!(receivable = %sat, "the channels can bring the dearest tier again");
            }
            Some(News::Short) => tracing::warn!(
                receivable = %sat,
                dearest = %wanted.to_sats_floor(),
                "the channels can't bring the dearest tier: it is not sold; open a channel towards \
                 this node, or move money out of one"
            ),
            None => {}
        }
    }
}

/// Until the dearest tier is another one; for ever when nobody says.
async fn changed(dearest: &mut Option<watch::Receiver<Option<Sats>>>) {
    if let Some(receiver) = dearest
        && receiver.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// With the right to list channels only those count whose peer is there; without it their sum
/// must do, and nobody knows whether they are public.
pub(crate) async fn channels(node: &Node) -> satreel_lnd::Result<Channels> {
    if may_list(node)? {
        listed(node).await
    } else {
        summed(node).await
    }
}

/// By the macaroon's text: asking in vain would fill LND's log.
fn may_list(node: &Node) -> satreel_lnd::Result<bool> {
    let [wide, narrow] = LIST.map(|(entity, action)| Permission::new(entity, action));
    Ok(node
        .permissions()?
        .is_some_and(|may| may.contains(&wide) || may.contains(&narrow)))
}

async fn listed(node: &Node) -> satreel_lnd::Result<Channels> {
    let mut lightning = node.lightning();
    let asked = lightning.list_channels(ListChannelsRequest { active_only: false });
    let list = call("ListChannels", LIMIT, asked).await?;
    let active = list.channels.iter().filter(|channel| channel.active);
    let sat: u64 = active
        .map(|channel| {
            let reserve = channel.remote_constraints.map_or(0, |c| c.chan_reserve_sat);
            let there = u64::try_from(channel.remote_balance).unwrap_or(0);
            there.saturating_sub(reserve)
        })
        .sum();
    Ok(Channels {
        receivable: msats(sat.saturating_mul(1000)),
        hidden: list.channels.iter().all(|channel| channel.private),
    })
}

async fn summed(node: &Node) -> satreel_lnd::Result<Channels> {
    let mut lightning = node.lightning();
    let asked = lightning.channel_balance(ChannelBalanceRequest {});
    let balance = call("ChannelBalance", LIMIT, asked).await?;
    Ok(Channels {
        receivable: msats(balance.remote_balance.map_or(0, |amount| amount.msat)),
        hidden: true,
    })
}

/// More than all bitcoin there is: as good as without limit.
fn msats(msat: u64) -> Msats {
    const ALL: u64 = 21_000_000 * 100_000_000 * 1000;
    Msats::new(msat.min(ALL)).unwrap_or(Msats::ZERO)
}
