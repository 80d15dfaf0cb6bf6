//! `satreel sales [--since DATE] [--csv] [--json]`

use serde_json::json;

use super::{Failure, print, serve::runtime, site::Which};
use crate::{
    core::{offer::tier_name, time::Timestamp},
    ledger::{Ledger, Sale, Tip},
    studio::sales as report,
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
        let sales: Vec<_> = sales.iter().map(report::sale).collect();
        let tips: Vec<_> = tips.iter().map(report::tip).collect();
        print(json!({"sales": sales, "tips": tips}));
    } else if args.csv {
        print(report::CSV_HEAD);
        for sale in &sales {
            print(report::csv(sale));
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
