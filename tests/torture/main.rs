//! Torture: real payments on real nodes while everything around them is killed, stopped, frozen or
//! deleted at random moments. At the end the node is asked what was paid, and every viewer what
//! they got: whoever paid has a token, nobody else has, and each purchase stands in the record once.
//!
//! `make torture` plays 1,000 rounds, `cargo test --test torture` 60. `SATREEL_TORTURE_ROUNDS` and
//! `SATREEL_TORTURE_SEED` say otherwise; the seed of a run is printed, and chooses the same faults
//! again, though not the same moments: the processes have their own.

mod chance;
mod cinema;
mod round;
mod store;
mod verdict;
mod world;

use anyhow::{Result, ensure};

use crate::{chance::Chance, verdict::Verdict, world::World};

const ROUNDS: u32 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_paid_is_without_access_on_lnd() -> Result<()> {
    torture("lnd", World::lnd().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_paid_is_without_access_on_btcpay() -> Result<()> {
    torture("btcpay", World::btcpay().await?).await
}

async fn torture(name: &str, world: World) -> Result<()> {
    let rounds = number("SATREEL_TORTURE_ROUNDS")?.unwrap_or(u64::from(ROUNDS));
    let seed = match number("SATREEL_TORTURE_SEED")? {
        Some(seed) => seed,
        None => Chance::seed()?,
    };
    println!("{name}: {rounds} rounds, seed {seed}");
    let mut chance = Chance::new(seed);
    let mut viewers = Vec::new();
    for round in 1..=rounds {
        viewers.push(round::play(&world, &mut chance).await?);
        if round % 50 == 0 {
            println!("{name}: {round} rounds");
        }
    }
    let verdict = Verdict::of(&world, viewers).await?;
    println!("{name}: {rounds} rounds, {verdict}");
    let violations = world.violations();
    ensure!(
        violations.is_empty(),
        "against BTCPay's API: {violations:?}"
    );
    ensure!(
        verdict.is_clean(),
        "{verdict}\n{}",
        verdict.faults.join("\n")
    );
    ensure!(verdict.payments > 0, "somebody must have paid");
    Ok(())
}

fn number(variable: &str) -> Result<Option<u64>> {
    match std::env::var(variable) {
        Ok(text) => Ok(Some(text.parse()?)),
        Err(_) => Ok(None),
    }
}
