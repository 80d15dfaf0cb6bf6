//! How the copies stand, for Prometheus: out of the guardian's `status.json` and the configuration,
//! so that a destination that never got a copy shows too.

use jiff::Timestamp;
use satreel_backup_status::{Destination, Status};
use satreel_config::Backup;

use super::text::Text;

/// The part of the page that is about copies. Times are Unix seconds; 0: never.
pub fn backups(config: &Backup, status: &Status) -> String {
    let mut text = Text::default();
    if let Some(channels) = status.channels.as_ref().filter(|_| config.node.is_some()) {
        text.gauge(
            "satreel_backup_channels",
            "Channels in the newest backup of the node",
            channels.count as u64,
        );
    }
    let mut sources = Vec::new();
    if config.node.is_some() {
        sources.push(("node", u64::from(status.node_fault.is_none())));
    }
    if config.site {
        sources.push(("site", u64::from(status.site_fault.is_none())));
    }
    text.gauges(
        "satreel_backup_source_up",
        "Whether the node's backup and the site's data can be had",
        "source",
        &sources,
    );
    let mut each = |name: &str, help: &str, value: &dyn Fn(&Destination) -> u64| {
        let samples = config.destinations.iter().map(|destination| {
            let name = destination.name.as_str();
            let absent = Destination::default();
            (
                name,
                value(status.destinations.get(name).unwrap_or(&absent)),
            )
        });
        text.gauges(name, help, "destination", &samples.collect::<Vec<_>>());
    };
    each(
        "satreel_backup_destination_up",
        "Whether the destination took its copies when last tried",
        &|found| u64::from(found.fault.is_none() && found.confirmed.is_some()),
    );
    if config.node.is_some() {
        each(
            "satreel_backup_channels_timestamp_seconds",
            "When the newest channel backup there was made; 0: none",
            &|found| seconds(found.channels),
        );
    }
    if config.site {
        each(
            "satreel_backup_site_timestamp_seconds",
            "When the newest copy of the site's data there was made; 0: none",
            &|found| seconds(found.site),
        );
    }
    each(
        "satreel_backup_drill_timestamp_seconds",
        "When it was last tried whether the copies there restore; 0: never",
        &|found| seconds(found.drill.as_ref().map(|drill| drill.at)),
    );
    each(
        "satreel_backup_drill_passed",
        "Whether they did",
        &|found| u64::from(found.drill.as_ref().is_some_and(|drill| drill.passed)),
    );
    text.finish()
}

fn seconds(at: Option<Timestamp>) -> u64 {
    at.map_or(0, |at| u64::try_from(at.as_second()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use satreel_backup_status::{Channels, Drill, Fault};

    use super::*;

    fn config(node: &str) -> Backup {
        let text = format!(
            "[site]\nurl = \"http://127.0.0.1:1\"\ndata = \"data\"\n[payments]\nbackend = \"wallet\"\n\
             [backup]\nfolder = \"f\"\nrecipients = \
             [\"age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj\"]\n{node}\
             [[backup.destination]]\nname = \"usb\"\nkind = \"folder\"\npath = \"usb\"\n\
             [[backup.destination]]\nname = \"new\"\nkind = \"folder\"\npath = \"new\"\n"
        );
        let config = satreel_config::parse(&text, Path::new("/"));
        let mut backup = config.expect("valid").backup.expect("a section");
        backup.site = true;
        backup
    }

    #[test]
    fn the_page_reads_as_published() {
        let node =
            "address = \"https://127.0.0.1:1\"\ncertificate = \"c\"\nmacaroon = { env = \"M\" }\n";
        let at = |second| Timestamp::from_second(second).expect("a time");
        let mut status = Status {
            channels: Some(Channels {
                name: "channels".into(),
                saved: at(1000),
                count: 3,
                digest: String::new(),
            }),
            site_fault: Some(Fault {
                since: at(1),
                why: "no keys".into(),
            }),
            ..Status::default()
        };
        let usb = Destination {
            channels: Some(at(1000)),
            confirmed: Some(at(1001)),
            drill: Some(Drill {
                at: at(900),
                passed: true,
                detail: String::new(),
            }),
            ..Destination::default()
        };
        status.destinations.insert("usb".into(), usb);
        insta::assert_snapshot!(backups(&config(node), &status), @r#"
        # HELP satreel_backup_channels Channels in the newest backup of the node
        # TYPE satreel_backup_channels gauge
        satreel_backup_channels 3
        # HELP satreel_backup_source_up Whether the node's backup and the site's data can be had
        # TYPE satreel_backup_source_up gauge
        satreel_backup_source_up{source="node"} 1
        satreel_backup_source_up{source="site"} 0
        # HELP satreel_backup_destination_up Whether the destination took its copies when last tried
        # TYPE satreel_backup_destination_up gauge
        satreel_backup_destination_up{destination="usb"} 1
        satreel_backup_destination_up{destination="new"} 0
        # HELP satreel_backup_channels_timestamp_seconds When the newest channel backup there was made; 0: none
        # TYPE satreel_backup_channels_timestamp_seconds gauge
        satreel_backup_channels_timestamp_seconds{destination="usb"} 1000
        satreel_backup_channels_timestamp_seconds{destination="new"} 0
        # HELP satreel_backup_site_timestamp_seconds When the newest copy of the site's data there was made; 0: none
        # TYPE satreel_backup_site_timestamp_seconds gauge
        satreel_backup_site_timestamp_seconds{destination="usb"} 0
        satreel_backup_site_timestamp_seconds{destination="new"} 0
        # HELP satreel_backup_drill_timestamp_seconds When it was last tried whether the copies there restore; 0: never
        # TYPE satreel_backup_drill_timestamp_seconds gauge
        satreel_backup_drill_timestamp_seconds{destination="usb"} 900
        satreel_backup_drill_timestamp_seconds{destination="new"} 0
        # HELP satreel_backup_drill_passed Whether they did
        # TYPE satreel_backup_drill_passed gauge
        satreel_backup_drill_passed{destination="usb"} 1
        satreel_backup_drill_passed{destination="new"} 0
        "#);
        let bare = backups(&config(""), &Status::default());
        assert!(
            !bare.contains("channels") && !bare.contains("\"node\""),
            "{bare}"
        );
        assert!(bare.contains("satreel_backup_site_timestamp_seconds{destination=\"new\"} 0\n"));
    }
}
