//! What a macaroon permits, read from its own text. LND's identifier (the bakery's version 3) is a
//! byte 3 and a protocol message that lists the operations; nothing here can make or check one.

use std::{collections::BTreeSet, fmt};

use prost::Message;
use zeroize::Zeroizing;

/// One operation that a macaroon permits: an action on an entity. An entity `uri` has a call's
/// full name as its action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    pub entity: String,
    pub action: String,
}

impl Permission {
    pub fn new(entity: &str, action: &str) -> Self {
        Self {
            entity: entity.to_owned(),
            action: action.to_owned(),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.entity, self.action)
    }
}

#[derive(Clone, PartialEq, Message)]
struct Identifier {
    #[prost(message, repeated, tag = "3")]
    operations: Vec<Operation>,
}

#[derive(Clone, PartialEq, Message)]
struct Operation {
    #[prost(string, tag = "1")]
    entity: String,
    #[prost(string, repeated, tag = "2")]
    actions: Vec<String>,
}

/// The permissions in a macaroon (binary, or hex text). None: not one of LND's.
pub fn permissions(bytes: &[u8]) -> Option<BTreeSet<Permission>> {
    let binary = binary(bytes);
    let (version, message) = identifier(&binary)?.split_first()?;
    if *version != 3 {
        return None;
    }
    let identifier = Identifier::decode(message).ok()?;
    Some(
        identifier
            .operations
            .iter()
            .flat_map(|operation| {
                let of = |action: &String| Permission::new(&operation.entity, action);
                operation.actions.iter().map(of)
            })
            .collect(),
    )
}

/// The identifier of a macaroon in the second binary format: a byte 2, an optional location
/// (field 1), the identifier (field 2), each with its length before it.
fn identifier(binary: &[u8]) -> Option<&[u8]> {
    let mut rest = binary.strip_prefix(&[2])?;
    loop {
        let (field, after) = rest.split_first()?;
        let mut tail = after;
        let length =
            usize::try_from(prost::decode_length_delimiter(&mut tail).ok()? as u64).ok()?;
        let value = tail.get(..length)?;
        match field {
            1 => rest = tail.get(length..)?,
            2 => return Some(value),
            _ => return None,
        }
    }
}

/// Files hold a macaroon as LND writes it, or as the hex text that people copy.
pub fn binary(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = bytes.trim_ascii();
    Zeroizing::new(unhex(text).unwrap_or_else(|| bytes.to_vec()))
}

pub(crate) fn hex(bytes: &[u8]) -> Zeroizing<String> {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    Zeroizing::new(
        bytes
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
            .collect(),
    )
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    text.chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(version: u8) -> Vec<u8> {
        let identifier = Identifier {
            operations: vec![
                Operation {
                    entity: "invoices".into(),
                    actions: vec!["read".into(), "write".into()],
                },
                Operation {
                    entity: "uri".into(),
                    actions: vec!["/lnrpc.Lightning/ChannelBalance".into()],
                },
            ],
        }
        .encode_to_vec();
        let mut bytes = vec![2, 1, 3];
        bytes.extend(b"lnd");
        bytes.push(2);
        bytes.push(u8::try_from(identifier.len() + 1).unwrap());
        bytes.push(version);
        bytes.extend(identifier);
        bytes.extend([0, 0, 6, 32]);
        bytes.extend([9; 32]);
        bytes
    }

    #[test]
    fn permissions_are_read_from_binary_and_from_hex() {
        let wanted: BTreeSet<_> = [
            Permission::new("invoices", "read"),
            Permission::new("invoices", "write"),
            Permission::new("uri", "/lnrpc.Lightning/ChannelBalance"),
        ]
        .into();
        let bytes = sample(3);
        assert_eq!(permissions(&bytes), Some(wanted.clone()));
        let text = format!("{}\n", *hex(&bytes));
        assert_eq!(permissions(text.as_bytes()), Some(wanted));
    }

    #[test]
    fn what_is_no_macaroon_of_lnds_permits_nothing_readable() {
        for bytes in [
            &b""[..],
            b"hello",
            b"\x02",
            b"\x02\x02\xff\xff\xff",
            &sample(2),
        ] {
            assert_eq!(permissions(bytes), None, "{bytes:?}");
        }
        let whole = sample(3);
        for end in 0..whole.len() - 40 {
            assert_eq!(permissions(&whole[..end]), None, "cut at {end}");
        }
    }
}
