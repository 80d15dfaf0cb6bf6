//! One viewer: orders, perhaps pays, perhaps looks at once, while something happens.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    chance::Chance,
    cinema::FILM,
    world::{Fault, World},
};

/// What a viewer holds after their round.
#[derive(Debug)]
pub struct Viewer {
    pub order: Value,
    pub fault: Fault,
    pub pays: Pays,
    /// The wallet's proof, if it has one.
    pub preimage: Option<String>,
    /// The token that they got at once, if they did.
    pub token: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pays {
    ThePrice,
    More,
    Twice,
    Nothing,
}

const PAYS: &[(u64, Pays)] = &[
    (65, Pays::ThePrice),
    (10, Pays::More),
    (10, Pays::Twice),
    (15, Pays::Nothing),
];

/// From the order on, so that some faults come before the payment, some after.
const SOON: Duration = Duration::from_millis(250);

pub async fn play(world: &World, chance: &mut Chance) -> Result<Viewer> {
    let tier = chance.weighted(&[(80, "rent"), (20, "own")]);
    let fault = world.fault(chance);
    let pays = chance.weighted(PAYS);
    let pauses = [chance.upto(SOON), chance.upto(SOON)];
    let hesitates = chance.upto(SOON / 2);
    let impatient = chance.percent(60);

    // Sometimes the fault comes while the order is made.
    let early = chance.percent(15);
    let buying = async {
        let wanted = json!({"title": FILM, "tier": tier});
        let (status, order) = world.cinema.ask("/api/orders", &wanted).await?;
        ensure!(status == 201, "an order: {status} {order}");
        anyhow::Ok(order)
    };
    let order = if early {
        tokio::try_join!(buying, world.befall(fault, pauses))?.0
    } else {
        buying.await?
    };
    let viewing = async {
        tokio::time::sleep(hesitates).await;
        let preimage = pay(world, &order, pays).await;
        let token = if impatient {
            look(world, &order).await
        } else {
            None
        };
        Ok((preimage, token))
    };
    let (preimage, token) = if early {
        viewing.await?
    } else {
        tokio::try_join!(viewing, world.befall(fault, pauses))?.0
    };
    Ok(Viewer {
        order,
        fault,
        pays,
        preimage,
        token,
    })
}

/// Whether it went through is for the node to say; a wallet may be wrong about it.
async fn pay(world: &World, order: &Value, pays: Pays) -> Option<String> {
    let request = order["payment_request"].as_str()?;
    let price = order["amount_sat"].as_u64()? * 1000;
    let attempts: &[Option<u64>] = match pays {
        Pays::ThePrice => &[None],
        Pays::More => &[Some(price + 7_000)],
        Pays::Twice => &[None, None],
        Pays::Nothing => &[],
    };
    let mut preimage = None;
    for amount in attempts {
        preimage = preimage.or(world.pair.pay(request, *amount).await.ok());
    }
    preimage
}

/// Asks once, as a page does when it becomes visible; an absent server gives nothing.
async fn look(world: &World, order: &Value) -> Option<String> {
    let ticket = json!({"ticket": order["ticket"]});
    let (status, answer) = world.cinema.post("/api/tokens", &ticket).await?;
    let token = answer["token"].as_str()?.to_owned();
    (status == 200).then_some(token)
}
