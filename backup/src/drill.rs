//! The proof that copies restore: the newest of each destination is fetched, opened with the secret
//! key, and given to LND, which has to find every channel in it that is open now.

use satreel_backup_status::Drill;

use crate::{
    count,
    error::{Error, Result, words},
    guardian::Guardian,
    history::{copies, name},
    name::{Copy, Kind},
    node::{Channels, Node},
    place::Place,
    seal::Identities,
    site,
};

/// How many missing channels are named; the rest is counted.
const NAMED: usize = 5;

/// Does it for every destination and notes the results. One that fails keeps no other from its turn.
pub async fn drill(guardian: &Guardian, keys: &Identities) -> Result<Vec<(String, Drill)>> {
    let open = match &guardian.node {
        Some(node) => Some((node.as_ref(), node.export().await)),
        None => None,
    };
    let mut results = Vec::new();
    for place in &guardian.places {
        let found = prove(guardian, place, keys, open.as_ref()).await;
        let drill = Drill {
            at: guardian.now(),
            passed: found.is_ok(),
            detail: found.unwrap_or_else(|why| why),
        };
        guardian.note(place, |entry| entry.drill = Some(drill.clone()))?;
        results.push((place.name.clone(), drill));
    }
    Ok(results)
}

type Open<'a> = (&'a dyn Node, satreel_lnd::Result<crate::node::Snapshot>);

/// What was found, or what is wrong.
async fn prove(
    guardian: &Guardian,
    place: &Place,
    keys: &Identities,
    open: Option<&Open<'_>>,
) -> std::result::Result<String, String> {
    let in_words = |error: Error| words(&error);
    let there = copies(place.there.as_ref()).await.map_err(in_words)?;
    let mut found = Vec::new();
    if let Some((node, now)) = open {
        let now = now.as_ref().map_err(|error| words(error))?;
        let copy = newest(&there, Kind::Channels).ok_or("there is no channel backup")?;
        let backup = fetch(place, &copy, keys).await.map_err(in_words)?;
        let named = node.verify(&backup).await.map_err(|error| words(&error))?;
        found.push(names_all(&copy, &named, &now.channels)?);
    }
    if let Some(data) = &guardian.site {
        let copy = newest(&there, Kind::Site).ok_or("there is no copy of the site's data")?;
        let archive = fetch(place, &copy, keys).await.map_err(in_words)?;
        let what = check(data.clone(), archive.to_vec()).await?;
        found.push(format!("{copy}: {what}"));
    }
    Ok(found.join("; "))
}

/// Whether a copy names every channel that is open now.
fn names_all(
    copy: &Copy,
    named: &Channels,
    open: &Channels,
) -> std::result::Result<String, String> {
    let missing: Vec<&str> = open.difference(named).map(String::as_str).collect();
    if missing.is_empty() {
        let all = match open.len() {
            0 => "no channel is open".to_owned(),
            1 => "finds the one channel".to_owned(),
            many => format!("finds all {many} channels"),
        };
        return Ok(format!("{copy}: LND opens it, {all}"));
    }
    let first: Vec<&str> = missing.iter().copied().take(NAMED).collect();
    let more = match missing.len() - first.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Err(format!(
        "{copy} lacks {} of {}: {}{more}",
        missing.len(),
        count::channels(open.len()),
        first.join(", ")
    ))
}

fn newest(copies: &[Copy], kind: Kind) -> Option<Copy> {
    copies
        .iter()
        .filter(|copy| copy.kind == kind)
        .max()
        .copied()
}

async fn fetch(
    place: &Place,
    copy: &Copy,
    keys: &Identities,
) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    let sealed = place.there.get(&name(copy)?).await?;
    Ok(keys.decrypt(&sealed)?)
}

async fn check(
    data: std::sync::Arc<dyn site::Data>,
    archive: Vec<u8>,
) -> std::result::Result<String, String> {
    tokio::task::spawn_blocking(move || data.check(&archive))
        .await
        .map_err(|error| error.to_string())?
}
