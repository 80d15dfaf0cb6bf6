//! `[backup]` and its destinations.

use std::path::Path;

use super::{MINIMAL, faults, read};
use crate::{Place, Secret};

const KEY: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

fn site(keys: &str) -> String {
    format!("{MINIMAL}[backup]\nfolder = \"backups\"\nrecipients = [\"{KEY}\"]\n{keys}")
}

#[test]
fn a_site_is_saved_with_little_to_say() {
    let config = read(&site("")).unwrap_or_else(|faults| panic!("{faults}"));
    let backup = config.backup.expect("a section");
    assert_eq!(backup.folder, Path::new("/etc/satreel/backups"));
    assert_eq!(backup.recipients[0].as_str(), KEY);
    assert!(backup.node.is_none() && !backup.site && backup.destinations.is_empty());
    assert_eq!(backup.keep_days, 30);
    assert_eq!(read(MINIMAL).expect("a site").backup, None);
}

#[test]
fn the_node_is_that_of_the_payments_or_another() {
    let macaroon = "macaroon = { credential = \"m\" }\n";
    let lnd = "[payments.lnd]\naddress = \"https://one:1\"\ncertificate = \"one.cert\"\n\
               macaroon = { env = \"M\" }\n";
    let node = |text: &str| {
        let config = read(text).unwrap_or_else(|faults| panic!("{faults}"));
        config
            .backup
            .and_then(|backup| backup.node)
            .expect("a node")
    };
    let same = node(&format!("{}{lnd}", site(macaroon)));
    assert_eq!(same.address.as_str(), "https://one:1");
    assert_eq!(same.certificate, Path::new("/etc/satreel/one.cert"));
    assert_eq!(same.macaroon, Secret::Credential("m".into()));
    let other = "address = \"https://two:2\"\ncertificate = \"two.cert\"\n";
    let other = node(&format!("{}{lnd}", site(&format!("{macaroon}{other}"))));
    assert_eq!(other.address.as_str(), "https://two:2");

    let unknown = faults(&site(macaroon));
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(
        unknown[0].contains("write address and certificate"),
        "{unknown:?}"
    );
    let closed = faults(&site("address = \"https://two:2\"\n"));
    assert!(
        closed[0].contains("a node without a macaroon"),
        "{closed:?}"
    );
}

#[test]
fn destinations_are_read_with_their_own_keys() {
    let config = read(&site(
        "[[backup.destination]]\nname = \"a\"\nkind = \"folder\"\npath = \"disk\"\n\
         [[backup.destination]]\nname = \"b\"\nkind = \"sftp\"\nhost = \"h\"\nuser = \"u\"\n\
         path = \"/p\"\nkey = { file = \"k\" }\nhost_key = \"ssh-ed25519 AAAA\"\n\
         [[backup.destination]]\nname = \"c\"\nkind = \"s3\"\nendpoint = \"http://127.0.0.1:1\"\n\
         bucket = \"bucket\"\naccess_key = { file = \"k\" }\nsecret_key = { file = \"s\" }\n",
    ))
    .unwrap_or_else(|faults| panic!("{faults}"));
    let [a, b, c] = &config.backup.expect("a section").destinations[..] else {
        panic!("three");
    };
    let path = Path::new("/etc/satreel/disk").to_owned();
    assert_eq!((a.name.as_str(), &a.place), ("a", &Place::Folder { path }));
    assert!(matches!(&b.place, Place::Sftp { port: 22, .. }));
    assert!(matches!(&c.place, Place::S3 { region, prefix, .. }
        if region == "us-east-1" && prefix.is_empty()));
}

#[test]
fn faults_of_destinations_have_their_place() {
    let found = faults(&site(
        "[[backup.destination]]\nname = \"a\"\nkind = \"floppy\"\n\
         [[backup.destination]]\nname = \"B c\"\nkind = \"folder\"\nhost = \"h\"\n\
         [[backup.destination]]\nname = \"c\"\nkind = \"s3\"\nendpoint = \"http://s3.example\"\n\
         bucket = \"b\"\naccess_key = \"hush\"\nsecret_key = { file = \"s\" }\n\
         [[backup.destination]]\nname = \"d\"\nkind = \"folder\"\npath = \"x\"\n\
         [[backup.destination]]\nname = \"d\"\nkind = \"folder\"\npath = \"y\"\n",
    ));
    let starts = [
        ("destination[1].kind", "none of the choices"),
        ("destination[2].path", "missing"),
        ("destination[2].name", "no plain name"),
        ("destination[2].host", "unknown key"),
        ("destination[3].endpoint", "not encrypted"),
        ("destination[3].access_key", "never stands in this file"),
        ("destination[5].name", "there is one of this name"),
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (key, what) in starts {
        assert!(
            found
                .iter()
                .any(|fault| fault.contains(key) && fault.contains(what)),
            "{key}: {found:#?}"
        );
    }
    assert!(!format!("{found:?}").contains("hush"));
    let table = faults(&site("destination = 1\n"));
    assert!(table[0].contains("[[backup.destination]]"), "{table:?}");
}

#[test]
fn a_secret_key_in_the_file_is_told_and_not_repeated() {
    let secret = "AGE-SECRET-KEY-1HUSHHUSH";
    let found = faults(&site("").replace(KEY, secret));
    assert!(
        found[0].contains("backup.recipients: this is a secret key"),
        "{found:?}"
    );
    assert!(!found[0].contains("HUSH"), "{found:?}");
    for wrong in ["[]", "\"age1\"", "[\"age1abc\"]", "[7]"] {
        let text = site("").replace(&format!("[\"{KEY}\"]"), wrong);
        assert!(faults(&text)[0].contains("age-keygen"), "{wrong}");
    }
}
