use pool::sql::sqlite::{Options, Sqlite};

use super::*;

fn feed(url: &str, format: Format) -> Feed {
    let (name, every, expires) = ("known".into(), an_hour(), a_week());
    Feed { name, url: url.into(), format, every, expires }
}

async fn database() -> (Arc<dyn Sql>, Clock) {
    let sql = Sqlite::open(Options::memory()).await.unwrap();
    (Arc::new(sql), Clock::manual(Time(1_800_000_000_000_000_000)))
}

fn knows(feeds: &Feeds, address: &str) -> bool {
    feeds.knows(address.parse().unwrap(), feeds.clock.now()).is_some()
}

#[test]
fn every_format_says_the_same() {
    let csv = "# bad ones\nip,why\n192.0.2.7,scan\n\"198.51.100.0/24\",\n2001:db8::/32\nAS64496\n";
    let json = r#"{"ip":"192.0.2.7","seen":"203.0.113.1"} {"cidr":"198.51.100.0/24"}
        ["2001:db8::/32", {"asn": 64496}, "evil.example"]"#;
    let stix = r#"{"type":"bundle","objects":[
        {"type":"indicator","pattern":"[ipv4-addr:value = '192.0.2.7' OR ipv4-addr:value = '198.51.100.0/24']"},
        {"type":"indicator","pattern":"[ipv6-addr:value ISSUBSET '2001:db8::/32']"},
        {"type":"indicator","pattern":"[autonomous-system:number = 64496]"},
        {"type":"indicator","pattern":"[ipv4-addr:value = '203.0.113.1' AND file:size = 3]"},
        {"type":"indicator","revoked":true,"pattern":"[ipv4-addr:value = '203.0.113.1']"},
        {"type":"indicator","valid_until":"2020-01-01T00:00:00Z","pattern":"[ipv4-addr:value = '203.0.113.1']"},
        {"type":"ipv4-addr","value":"203.0.113.1"}]}"#;
    let now = Time(1_800_000_000_000_000_000);
    for (format, body) in [(Format::Csv, csv), (Format::Json, json), (Format::Stix, stix)] {
        let entries = read::entries(format, body.as_bytes(), now.after(a_week().0)).unwrap();
        let threats = Threats::new(entries);
        for (address, expected) in [
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("198.51.100.200", true),
            ("::ffff:198.51.100.200", true),
            ("2001:db8:1::1", true),
            ("203.0.113.1", false),
        ] {
            let has = threats.has(address.parse().unwrap(), now);
            assert_eq!(has, expected, "{format:?} {address}");
        }
        assert!(threats.has_operator(64_496, now) && !threats.has_operator(1, now), "{format:?}");
        assert!(threats.passed_over > 0, "{format:?}");
    }
}

#[test]
fn what_is_no_feed_is_refused() {
    for (format, body) in [
        (Format::Csv, "<html>down for maintenance</html>"),
        (Format::Csv, "0.0.0.0/0\n"),
        (Format::Json, "{\"ip\":"),
        (Format::Json, "{}"),
        (Format::Stix, "[]"),
        (Format::Taxii, "nothing"),
    ] {
        assert!(read::entries(format, body.as_bytes(), Time(1)).is_err(), "{body}");
    }
    assert!(check(&feed("http://192.0.2.1/list", Format::Csv)).is_err());
    assert!(check(&feed("ftp://feeds.example/list", Format::Csv)).is_err());
    assert!(check(&feed("https://feeds.example/list", Format::Csv)).is_ok());
    let next = read::with_next("https://t.example/objects/?limit=9", "a b&c");
    assert_eq!(next, "https://t.example/objects/?limit=9&next=a%20b%26c");
}

#[tokio::test]
async fn a_feed_that_fails_keeps_what_it_said_until_that_expires() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("list.csv");
    let config = [feed(&format!("file:{}", path.display()), Format::Csv)];
    let (sql, clock) = database().await;
    let feeds = Feeds::open(&config, None, sql.clone(), clock.clone()).await.unwrap();
    feeds.read_due().await;
    let info = feeds.list("", 10).remove(0);
    assert!(info.error.contains("list.csv") && info.fetched.is_none(), "{info:?}");

    std::fs::write(&path, "192.0.2.7\n").unwrap();
    clock.advance(RETRY);
    feeds.read_due().await;
    assert!(knows(&feeds, "192.0.2.7"));
    assert_eq!(feeds.list("", 10).remove(0).entries, 1);

    // Broken, then gone: what it said stays, here and over a restart without it.
    for broken in [Some("<html>"), None] {
        match broken {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        clock.advance(an_hour().0);
        feeds.read_due().await;
        assert!(!feeds.list("", 10).remove(0).error.is_empty());
        assert!(knows(&feeds, "192.0.2.7"));
    }
    let again = Feeds::open(&config, None, sql, clock.clone()).await.unwrap();
    assert!(knows(&again, "192.0.2.7"));
    clock.advance(a_week().0);
    assert!(!knows(&feeds, "192.0.2.7") && !knows(&again, "192.0.2.7"));
}
