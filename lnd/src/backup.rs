//! The macaroon of the channel-backup guardian: what it needs is three calls, and one that can do
//! nothing else can neither see nor move money.

use std::collections::BTreeSet;

use crate::macaroon::Permission;

/// The calls that the guardian makes.
pub const CALLS: [&str; 3] = [
    "/lnrpc.Lightning/ExportAllChannelBackups",
    "/lnrpc.Lightning/SubscribeChannelBackups",
    "/lnrpc.Lightning/VerifyChanBackup",
];

/// LND's own, wide permission for them, which shows channels, payments and balances too.
const WIDE: (&str, &str) = ("offchain", "read");

/// What a macaroon lacks, and what it has that the guardian has no use for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    pub missing: Vec<Permission>,
    pub spare: Vec<Permission>,
}

/// Holds what a macaroon permits against what the guardian does.
pub fn compare(has: &BTreeSet<Permission>) -> Compared {
    let needed: BTreeSet<_> = CALLS
        .iter()
        .map(|call| Permission::new("uri", call))
        .collect();
    let missing = if has.contains(&Permission::new(WIDE.0, WIDE.1)) {
        Vec::new()
    } else {
        needed.difference(has).cloned().collect()
    };
    Compared {
        missing,
        spare: has.difference(&needed).cloned().collect(),
    }
}

/// The line for the node's owner. `network`: as `lncli --network` has it.
pub fn bake_line(network: &str) -> String {
    let network = match network {
        "mainnet" => String::new(),
        other => format!("--network {other} "),
    };
    let calls = CALLS.map(|call| format!("uri:{call}"));
    format!(
        "lncli {network}bakemacaroon --save_to backup.macaroon {}",
        calls.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macaroon_is_held_against_three_calls() {
        let of = |list: &[(&str, &str)]| -> BTreeSet<_> {
            let one = |(entity, action): &(&str, &str)| Permission::new(entity, action);
            list.iter().map(one).collect()
        };
        let exact: Vec<_> = CALLS.iter().map(|call| ("uri", *call)).collect();
        assert_eq!(compare(&of(&exact)), Compared::default());
        assert_eq!(compare(&of(&exact[1..])).missing.len(), 1);
        let wide = compare(&of(&[WIDE]));
        assert!(wide.missing.is_empty());
        assert_eq!(wide.spare[0].to_string(), "offchain:read");
        assert_eq!(compare(&of(&[])).missing.len(), 3);
    }
}
