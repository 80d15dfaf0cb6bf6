//! What the node says, what the viewers have, and what the record holds, side by side.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    cinema::wait_until,
    round::Viewer,
    world::{Truth, World},
};

/// Letters of a secret that are looked for: enough to be no accident.
const TELLING: usize = 20;
/// How long the record may take to hold the last sales.
const RECORD_PATIENCE: Duration = Duration::from_secs(100);

#[derive(Debug, Default)]
pub struct Verdict {
    /// Settled payments of at least the price.
    pub payments: usize,
    /// Paid, but no token, or not in the record.
    pub lost: usize,
    /// In the record more than once.
    pub doubled: usize,
    /// A token without a payment, two tokens for one purchase, a record of no payment.
    pub wrong: usize,
    /// Secrets that stand in a log.
    pub leaked: usize,
    pub faults: Vec<String>,
}

impl Verdict {
    pub async fn of(world: &World, viewers: Vec<Viewer>) -> Result<Self> {
        wait_until("the cinema to be ready", async || {
            Ok(world.cinema.ready().await)
        })
        .await?;
        let mut truth = HashMap::new();
        wait_until("payments to end", async || {
            let all = world.truth().await?;
            let quiet = all.is_some();
            truth = all.unwrap_or_default();
            Ok(quiet)
        })
        .await?;
        let mut verdict = Self::default();
        // Before any ticket is shown: showing one sees to the record, too.
        let is_paid = |viewer: &Viewer| {
            let hash = text(&viewer.order, "payment_hash")?;
            anyhow::Ok(is_paid(&viewer.order, truth.get(&hash)))
        };
        let mut expected = 0;
        for viewer in &viewers {
            expected += usize::from(is_paid(viewer)?);
        }
        let recorded = settled_record(world, expected).await?;
        let mut paid = HashSet::new();
        let mut secrets = world.secrets.clone();
        for viewer in viewers {
            let is_paid = is_paid(&viewer)?;
            if is_paid {
                verdict.payments += 1;
            }
            let (tokens, subject) = verdict.examine(world, &viewer, is_paid).await?;
            secrets.extend(tokens);
            paid.extend(subject);
            secrets.extend(viewer.preimage);
            secrets.push(text(&viewer.order, "ticket")?);
        }
        verdict.compare_record(recorded, &paid);
        verdict.search_log(&world.cinema.log()?, &secrets);
        Ok(verdict)
    }

    pub fn is_clean(&self) -> bool {
        self.lost + self.doubled + self.wrong + self.leaked == 0
    }

    /// Asks twice; gives the tokens that this viewer holds, and by which subject the record knows
    /// the purchase.
    async fn examine(
        &mut self,
        world: &World,
        viewer: &Viewer,
        is_paid: bool,
    ) -> Result<(HashSet<String>, Option<String>)> {
        let mut subject = None;
        let ticket = json!({"ticket": viewer.order["ticket"]});
        let mut tokens: HashSet<String> = viewer.token.iter().cloned().collect();
        for _ in 0..2 {
            let (status, answer) = world.cinema.ask("/api/tokens", &ticket).await?;
            match (is_paid, status) {
                (true, 200) => {
                    tokens.insert(text(&answer, "token")?);
                    subject = Some(text(&answer, "subject")?);
                }
                (true, _) => {
                    self.lost += 1;
                    self.note(viewer, &format!("paid, yet {status} {answer}"));
                }
                (false, 200) => {
                    self.wrong += 1;
                    self.note(viewer, "not paid, yet a token");
                }
                (false, _) => {}
            }
        }
        if tokens.len() > 1 {
            self.wrong += 1;
            self.note(viewer, "two tokens for one purchase");
        }
        if let (Some(preimage), true) = (&viewer.preimage, is_paid) {
            let receipt = json!({
                "payment_request": viewer.order["payment_request"], "preimage": preimage,
            });
            let (status, answer) = world.cinema.ask("/api/tokens/recover", &receipt).await?;
            if answer["token"]
                .as_str()
                .is_none_or(|token| !tokens.contains(token))
            {
                self.lost += 1;
                self.note(viewer, &format!("the receipt gave {status} {answer}"));
            }
        }
        Ok((tokens, subject))
    }

    /// The record holds what was paid, once each, and nothing else.
    fn compare_record(&mut self, recorded: HashMap<String, usize>, paid: &HashSet<String>) {
        for subject in paid {
            if !recorded.contains_key(subject) {
                self.lost += 1;
                self.faults
                    .push(format!("{subject}: paid, yet not in the record"));
            }
        }
        for (subject, times) in recorded {
            if times > 1 {
                self.doubled += 1;
                self.faults
                    .push(format!("{subject}: recorded {times} times"));
            }
            if !paid.contains(&subject) {
                self.wrong += 1;
                self.faults
                    .push(format!("{subject}: recorded, yet not paid"));
            }
        }
    }

    fn search_log(&mut self, log: &[u8], secrets: &[String]) {
        let ends: HashSet<&[u8]> = secrets
            .iter()
            .filter_map(|secret| secret.as_bytes().last_chunk::<TELLING>())
            .map(<[u8; TELLING]>::as_slice)
            .collect();
        for window in log.windows(TELLING) {
            if ends.contains(window) {
                self.leaked += 1;
                let end = String::from_utf8_lossy(window);
                self.faults
                    .push(format!("in the log stands a secret that ends …{end}"));
            }
        }
    }

    fn note(&mut self, viewer: &Viewer, words: &str) {
        let Viewer { fault, pays, .. } = viewer;
        let hash = &viewer.order["payment_hash"];
        self.faults
            .push(format!("{hash} ({fault:?}, pays {pays:?}): {words}"));
    }
}

/// How often the record names each subject, once it holds as much as it should, or is not going to.
async fn settled_record(world: &World, expected: usize) -> Result<HashMap<String, usize>> {
    let end = Instant::now() + RECORD_PATIENCE;
    loop {
        let sales = world.cinema.sales().await?;
        if sales.len() >= expected || Instant::now() > end {
            let mut recorded: HashMap<String, usize> = HashMap::new();
            for sale in sales {
                *recorded.entry(text(&sale, "subject")?).or_default() += 1;
            }
            return Ok(recorded);
        }
    }
}

fn is_paid(order: &Value, truth: Option<&Truth>) -> bool {
    let price = order["amount_sat"].as_u64().map(|sat| sat * 1000);
    truth.is_some_and(|truth| truth.settled && Some(truth.received_msat) >= price)
}

fn text(value: &Value, key: &str) -> Result<String> {
    let text = value[key].as_str();
    Ok(text
        .with_context(|| format!("{key} in {value}"))?
        .to_owned())
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            payments,
            lost,
            doubled,
            wrong,
            leaked,
            ..
        } = self;
        write!(
            f,
            "{payments} payments: lost {lost}, doubled {doubled}, wrong {wrong}, secrets in logs {leaked}"
        )
    }
}
