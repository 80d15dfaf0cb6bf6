//! What can be wrong with an LND node, from the outside in: each step needs the ones before it.

use std::collections::BTreeSet;

use anyhow::Context as _;
use satreel_config::{Config, Network};
use satreel_lnd::{
    Error, Node, call,
    macaroon::Permission,
    proto::lnrpc::{GetInfoRequest, GetInfoResponse, GetStateRequest, WalletState},
};

use super::Check;
use crate::{
    catalog,
    clock::{Clock as _, SystemClock},
    core::{money::Sats, time::Timestamp},
    ledger,
    payments::lnd::{LIMIT, channels, node},
    sale,
};

const NODE: &str = "lnd";
const WALLET: &str = "lnd wallet";
const MACAROON: &str = "lnd macaroon";
const NETWORK: &str = "lnd network";
const CHAIN: &str = "lnd chain";
const INBOUND: &str = "inbound capacity";
const WEEK_S: u64 = 7 * 24 * 3600;
/// Enough for so many days of sales, or somebody should look for more.
const DAYS: u64 = 3;

/// A permission that Satreel needs, and the calls that it is for: a macaroon may name these
/// instead.
struct Need {
    entity: &'static str,
    action: &'static str,
    calls: &'static [&'static str],
}

const NEEDS: [Need; 3] = [
    Need {
        entity: "invoices",
        action: "read",
        calls: &[
            "/lnrpc.Lightning/LookupInvoice",
            "/lnrpc.Lightning/ListInvoices",
            "/lnrpc.Lightning/SubscribeInvoices",
        ],
    },
    Need {
        entity: "invoices",
        action: "write",
        calls: &[
            "/lnrpc.Lightning/AddInvoice",
            "/invoicesrpc.Invoices/CancelInvoice",
        ],
    },
    Need {
        entity: "info",
        action: "read",
        calls: &["/lnrpc.Lightning/GetInfo"],
    },
];

/// `offchain:read` would do for both, and tell far more than Satreel needs to know.
const BALANCE: &str = "/lnrpc.Lightning/ChannelBalance";
/// Not needed, but good to have: see [`crate::payments::lnd`].
const LIST: &str = "/lnrpc.Lightning/ListChannels";

pub(super) async fn look(config: &Config, lnd: &satreel_config::Lnd) -> Vec<Check> {
    let node = match node(lnd) {
        Ok(node) => node,
        Err(error) => return vec![Check::red(NODE, error.to_string(), "")],
    };
    let mut checks = Vec::new();
    let state = state(&node).await;
    checks.push(reached(&node, &state));
    let info = match state {
        Ok(WalletState::ServerActive) => Some(info(&node).await),
        _ => None,
    };
    checks.push(wallet(&state));
    let network = config.network();
    checks.push(macaroon(&node, info.as_ref(), network));
    if let Some(Ok(info)) = info {
        checks.push(network_check(&info, network));
        checks.push(chain(&info));
        checks.push(inbound(&node, config).await);
    } else {
        let why = "the node can't be asked";
        checks.extend([NETWORK, CHAIN, INBOUND].map(|name| Check::not_looked_at(name, why)));
    }
    checks
}

async fn state(node: &Node) -> satreel_lnd::Result<WalletState> {
    let mut state = node.state();
    let answer = call("GetState", LIMIT, state.get_state(GetStateRequest {})).await?;
    Ok(answer.state())
}

async fn info(node: &Node) -> satreel_lnd::Result<GetInfoResponse> {
    let mut lightning = node.lightning();
    call("GetInfo", LIMIT, lightning.get_info(GetInfoRequest {})).await
}

fn reached(node: &Node, state: &satreel_lnd::Result<WalletState>) -> Check {
    let remedy = match state {
        Ok(_) => {
            let detail = format!("answers at {}, with the given certificate", node.address());
            return Check::green(NODE, detail);
        }
        Err(Error::WrongCertificate { .. }) => {
            "copy LND's tls.cert to where payments.lnd.certificate points; if LND has not made a \
             new one, somebody else answers at this address"
        }
        Err(Error::CertificateFile { .. }) => {
            "copy LND's tls.cert to where payments.lnd.certificate points, readable for Satreel"
        }
        Err(_) => {
            "is LND running, payments.lnd.address its gRPC address (port 10009), and the way there \
             open (tunnel, WireGuard)?"
        }
    };
    let detail = state.as_ref().err().map(ToString::to_string);
    Check::red(NODE, detail.unwrap_or_default(), remedy)
}

fn wallet(state: &satreel_lnd::Result<WalletState>) -> Check {
    match state {
        Ok(WalletState::ServerActive) => Check::green(WALLET, "unlocked, LND serves"),
        Ok(WalletState::Locked) => Check::red(
            WALLET,
            "locked",
            "run lncli unlock, or let LND do it at its start (wallet-unlock-password-file)",
        ),
        Ok(WalletState::NonExisting) => Check::red(WALLET, "there is none yet", "run lncli create"),
        Ok(WalletState::Unlocked | WalletState::RpcActive | WalletState::WaitingToStart) => {
            Check::red(WALLET, "LND is still starting", "wait, and look at its log")
        }
        Err(_) => Check::not_looked_at(WALLET, "the node can't be reached"),
    }
}

fn macaroon(
    node: &Node,
    info: Option<&satreel_lnd::Result<GetInfoResponse>>,
    network: Option<Network>,
) -> Check {
    let name = match info {
        Some(Ok(info)) => info.chains.first().map(|chain| chain.network.clone()),
        Some(Err(_)) | None => network.map(|network| network.to_string()),
    };
    let bake = bake_line(name.as_deref().unwrap_or("mainnet"));
    let has = match node.permissions() {
        Ok(Some(has)) => has,
        Ok(None) => return Check::red(MACAROON, "no macaroon of LND's", bake),
        Err(error) => return Check::red(MACAROON, error.to_string(), bake),
    };
    let missing = missing(&has);
    if !missing.is_empty() {
        let detail = format!("lacks {}", words(&missing));
        return Check::red(MACAROON, detail, bake);
    }
    if let Some(Err(error)) = info {
        return Check::red(MACAROON, error.to_string(), bake);
    }
    let spare = spare(&has);
    if !spare.is_empty() {
        let detail = format!(
            "permits more than Satreel needs, and whoever steals it can do that: {}",
            words(&spare)
        );
        return Check::yellow(MACAROON, detail, bake);
    }
    if info.is_none() {
        return Check::not_looked_at(MACAROON, "its text is right; the node can't be asked");
    }
    let detail = if has.contains(&uri(LIST)) {
        "permits what Satreel needs and no more"
    } else {
        "permits what Satreel needs; with the right to list channels too it would see which peers \
         are there"
    };
    Check::green(MACAROON, detail)
}

/// The exact line for the node's owner.
pub(super) fn bake_line(network: &str) -> String {
    let network = match network {
        "mainnet" => String::new(),
        other => format!("--network {other} "),
    };
    let needs = NEEDS.map(|need| Permission::new(need.entity, need.action));
    let wanted = [uri(BALANCE), uri(LIST)];
    let permissions: Vec<_> = needs
        .iter()
        .chain(&wanted)
        .map(ToString::to_string)
        .collect();
    format!(
        "lncli {network}bakemacaroon --save_to satreel.macaroon {}",
        permissions.join(" ")
    )
}

fn missing(has: &BTreeSet<Permission>) -> Vec<Permission> {
    let mut missing = Vec::new();
    for need in NEEDS {
        let wide = Permission::new(need.entity, need.action);
        let narrow = need.calls.iter().all(|call| has.contains(&uri(call)));
        if !has.contains(&wide) && !narrow {
            missing.push(wide);
        }
    }
    if !has.contains(&uri(BALANCE)) && !has.contains(&Permission::new("offchain", "read")) {
        missing.push(uri(BALANCE));
    }
    missing
}

fn spare(has: &BTreeSet<Permission>) -> Vec<Permission> {
    let calls = NEEDS.iter().flat_map(|need| need.calls.iter().copied());
    let mut used: BTreeSet<_> = calls.chain([BALANCE, LIST]).map(uri).collect();
    used.extend(NEEDS.map(|need| Permission::new(need.entity, need.action)));
    has.difference(&used).cloned().collect()
}

fn uri(call: &str) -> Permission {
    Permission::new("uri", call)
}

fn words(permissions: &[Permission]) -> String {
    let words: Vec<_> = permissions.iter().map(ToString::to_string).collect();
    words.join(", ")
}

fn network_check(info: &GetInfoResponse, expected: Option<Network>) -> Check {
    let name = info.chains.first().map_or("", |chain| &chain.network);
    match expected {
        Some(expected) if !expected.is_called(name) => Check::red(
            NETWORK,
            format!("the node is on {name}, the site takes {expected}"),
            "correct payments.lnd.address, or payments.lnd.network if play money is meant",
        ),
        Some(_) => Check::green(NETWORK, name),
        None => Check::green(
            NETWORK,
            format!("{name}; any is taken while site.url is an address of this machine only"),
        ),
    }
}

fn chain(info: &GetInfoResponse) -> Check {
    let at = format!("LND {}, block {}", info.version, info.block_height);
    if info.synced_to_chain {
        Check::green(CHAIN, format!("in step: {at}"))
    } else {
        let remedy = "wait until LND has caught up with its bitcoin node; is that running?";
        Check::red(CHAIN, format!("not in step yet: {at}"), remedy)
    }
}

async fn inbound(node: &Node, config: &Config) -> Check {
    let receivable = match channels(node).await {
        Ok(channels) => channels.receivable.to_sats_floor(),
        Err(error) => return Check::red(INBOUND, error.to_string(), ""),
    };
    let dearest = match dearest(config) {
        Ok(dearest) => dearest.unwrap_or(Sats::ZERO),
        Err(error) => {
            let detail = format!("{receivable} can arrive; prices can't be read: {error:#}");
            let remedy = "correct [offers], and run this as a user who may read the titles";
            return Check::red(INBOUND, detail, remedy);
        }
    };
    capacity(receivable, dearest, last_week(config))
}

/// What was sold in the last seven days. None: there is no record, or it can't be read.
fn last_week(config: &Config) -> Option<Sats> {
    let record = config.site.data.join("ledger.db");
    let since = SystemClock.now().as_unix().saturating_sub(WEEK_S);
    let received = ledger::received_since(&record, Timestamp::from_unix(since)).ok()?;
    Some(received.to_sats_floor())
}

fn capacity(receivable: Sats, dearest: Sats, last_week: Option<Sats>) -> Check {
    let days =
        last_week.and_then(|week| receivable.get().saturating_mul(7).checked_div(week.get()));
    let lasts = days.map_or_else(String::new, |days| {
        format!(", enough for {days} days of sales like the last seven")
    });
    let detail = format!("{receivable} can arrive{lasts}; the dearest tier costs {dearest}");
    let remedy = "open a channel towards this node, or move money out of one: what no channel can \
                  bring is not sold";
    if receivable == Sats::ZERO {
        Check::red(INBOUND, detail, remedy)
    } else if receivable < dearest || days.is_some_and(|days| days < DAYS) {
        Check::yellow(INBOUND, detail, remedy)
    } else {
        Check::green(INBOUND, detail)
    }
}

/// Over `[offers]` and the titles on disk.
fn dearest(config: &Config) -> anyhow::Result<Option<Sats>> {
    let (offer, _) = sale::offers(&config.offers).context("[offers]")?;
    catalog::dearest_on_disk(&config.site.data, offer).context("the titles")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(permissions: &[(&str, &str)]) -> BTreeSet<Permission> {
        let of = |(entity, action): &(&str, &str)| Permission::new(entity, action);
        permissions.iter().map(of).collect()
    }

    #[test]
    fn permissions_are_compared_with_what_is_used() {
        let narrow = [
            ("invoices", "read"),
            ("invoices", "write"),
            ("info", "read"),
            ("uri", BALANCE),
        ];
        assert!(missing(&set(&narrow)).is_empty() && spare(&set(&narrow)).is_empty());
        let wanted = missing(&set(&narrow[1..]));
        assert_eq!(words(&wanted), "invoices:read");
        assert_eq!(missing(&set(&[])).len(), 4);
        let wide = [&narrow[..], &[("offchain", "write"), ("uri", LIST)]].concat();
        assert_eq!(words(&spare(&set(&wide))), "offchain:write");
    }

    #[test]
    fn capacity_is_told_in_days_of_sales() {
        use super::super::State;
        let sats = |sats| Sats::new(sats).expect("an amount");
        let look = |inbound, week: Option<u64>| {
            let check = capacity(sats(inbound), sats(3000), week.map(sats));
            (check.state, check.detail)
        };
        let (state, detail) = look(70_000, Some(70_000));
        assert_eq!(state, State::Green);
        assert!(detail.contains("enough for 7 days of sales"), "{detail}");
        let (state, detail) = look(20_000, Some(70_000));
        assert_eq!(state, State::Yellow);
        assert!(detail.contains("enough for 2 days"), "{detail}");
        for week in [None, Some(0)] {
            let (state, detail) = look(20_000, week);
            assert_eq!(state, State::Green);
            assert!(!detail.contains("days"), "{detail}");
        }
        assert_eq!(look(2999, None).0, State::Yellow);
        assert_eq!(look(0, Some(1)).0, State::Red);
    }

    #[test]
    fn single_calls_do_instead() {
        let calls = NEEDS.iter().flat_map(|need| need.calls);
        let calls: Vec<_> = calls.chain([&BALANCE]).map(|call| ("uri", *call)).collect();
        assert!(missing(&set(&calls)).is_empty() && spare(&set(&calls)).is_empty());
        assert_eq!(words(&missing(&set(&calls[1..]))), "invoices:read");
    }
}
