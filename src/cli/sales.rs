//! `satreel sales [--since DATE] [--csv] [--json]`

use serde_json::json;

use super::{Failure, print, serve::runtime, site::Which};
use crate::{
    core::{offer::tier_name, time::Timestamp},
    ledger::{Ledger, Sale, Sold, Tip},
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only what was settled on or after this day, as 2026-01-31 (UTC)
    #[arg(long, value_name = "DATE")]
    since: Option<jiff::civil::Date>,
    /// As comma-separated values
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: Which,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let since = match args.since {
        None => Timestamp::default(),
        Some(date) => {
            let second = date
                .to_zoned(jiff::tz::TimeZone::UTC)?
                .timestamp()
                .as_second();
            Timestamp::from_unix(u64::try_from(second).unwrap_or(0))
        }
    };
    let path = args.site.load()?.site.data.join("ledger.db");
    if !path.exists() {
        return Err(Failure::Failed(anyhow::anyhow!(
            "there is no sales record yet ({})",
            path.display()
        )));
    }
    let (sales, tips) = runtime()?.block_on(async {
        let ledger = Ledger::open(&path).await?;
        Ok::<_, crate::ledger::Error>((ledger.sales(since).await?, ledger.tips(since).await?))
    })?;
    if args.json {
        let sales: Vec<_> = sales.iter().map(sale_json).collect();
        let tips: Vec<_> = tips.iter().map(tip_json).collect();
        print(json!({"sales": sales, "tips": tips}));
    } else if args.csv {
        print("settled_at,title,tier,hours,price_sat,received_sat,subject,marked");
        for sale in &sales {
            print(sale_csv(sale));
        }
    } else {
        table(&sales, &tips);
    }
    Ok(())
}

fn table(sales: &[Sale], tips: &[Tip]) {
    for sale in sales {
        print(format_args!(
            "{}  {}  {:<4}  {:>16}",
            sale.settled_at,
            sale.sold,
            tier_name(sale.tier),
            sale.received.to_sats_floor(),
        ));
    }
    for tip in tips {
        print(format_args!(
            "{}  tip  {}  {:?}",
            tip.at,
            tip.amount.to_sats_floor(),
            tip.message
        ));
    }
    let received: u64 = sales
        .iter()
        .map(|sale| sale.received.to_sats_floor().get())
        .sum();
    print(format_args!(
        "{} sales, {received} sat; {} tips",
        sales.len(),
        tips.len()
    ));
}

fn sale_json(sale: &Sale) -> serde_json::Value {
    let (title, tag) = match sale.sold {
        Sold::Title(title) => (Some(title), None),
        Sold::Collection(tag) => (None, Some(tag.to_string())),
    };
    json!({
        "settled_at": sale.settled_at,
        "title": title,
        "tag": tag,
        "tier": tier_name(sale.tier),
        "hours": sale.hours,
        "price_sat": sale.price,
        "received_sat": sale.received.to_sats_floor(),
        "subject": sale.subject,
        "marked": sale.marked,
    })
}

fn tip_json(tip: &Tip) -> serde_json::Value {
    json!({
        "at": tip.at,
        "title": tip.title,
        "amount_sat": tip.amount.to_sats_floor(),
        "message": tip.message,
    })
}

/// Every field is a number, a time or hex: nothing needs quoting.
fn sale_csv(sale: &Sale) -> String {
    format!(
        "{},{},{},{},{},{},{},{}",
        sale.settled_at,
        sale.sold,
        tier_name(sale.tier),
        sale.hours.map_or(String::new(), |hours| hours.to_string()),
        sale.price.get(),
        sale.received.to_sats_floor().get(),
        sale.subject,
        sale.marked,
    )
}
