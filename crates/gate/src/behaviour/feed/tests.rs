use std::io::{Read, Write};
use std::net::TcpListener;

use flow::Random;
use flow::signal::Registry;
use flow::unit::Size;
use pool::secret::Secret;
use pool::sql::sqlite::{Options, Sqlite};

use super::*;

fn feed(url: &str, format: Format) -> Feed {
    let (name, every, expires) = ("known".into(), an_hour(), a_week());
    Feed { name, url: url.into(), format, every, expires, shown: None }
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

/// A server of feeds: what a test has it answer with, and what it was asked.
struct Web {
    url: String,
    answers: Arc<Mutex<Vec<String>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/list", listener.local_addr().unwrap());
        let (answers, asked) = (Arc::<Mutex<Vec<String>>>::default(), Arc::default());
        let (script, heard): (_, Arc<Mutex<Vec<String>>>) = (answers.clone(), Arc::clone(&asked));
        std::thread::spawn(move || {
            // Those that are never answered stay open.
            let mut waiting = Vec::new();
            for mut stream in listener.incoming().map_while(std::result::Result::ok) {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    match stream.read(&mut byte) {
                        Ok(1) => head.push(byte[0]),
                        _ => break,
                    }
                }
                heard.lock().push(String::from_utf8(head).unwrap());
                let mut script = script.lock();
                match script.is_empty() {
                    true => waiting.push(stream),
                    false => drop(stream.write_all(script.remove(0).as_bytes())),
                }
            }
        });
        Self { url, answers, asked }
    }

    fn answers(&self, status: u16, headers: &str, body: &str) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} So\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        self.answers.lock().push(answer);
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock())
    }
}

/// Feeds that are read over the network, where patience is short and answers are small.
async fn online(config: Feed) -> Feeds {
    let sql = Arc::new(Sqlite::open(Options::memory()).await.unwrap());
    let brief = Span(Duration::from_millis(300));
    let limits = pool::http::Config {
        largest_answer: Size::kib(64),
        answer_timeout: brief,
        timeout: brief,
        ..pool::http::Config::default()
    };
    let (clock, random) = (Clock::system(), Random::system());
    let http = Http::new(limits, clock.clone(), random, &Registry::default()).unwrap();
    Feeds::open(&[config], Some(http), sql, clock).await.unwrap()
}

/// Reads it at once; what went wrong, if anything.
async fn read_now(feeds: &Feeds) -> String {
    feeds.all[0].state.lock().due = Time(0);
    feeds.read_due().await;
    feeds.list("", 1).remove(0).error
}

#[tokio::test]
async fn what_a_server_does_wrong_leaves_what_it_said() {
    let web = Web::start();
    let feeds = online(feed(&web.url, Format::Csv)).await;
    web.answers(200, "", "192.0.2.7\n");
    assert_eq!(read_now(&feeds).await, "");
    for (status, body) in [
        (500, "192.0.2.8\n".to_owned()),
        (404, String::new()),
        (200, "<html>sold</html>".to_owned()),
        (200, "192.0.2.8\n".repeat(10_000)),
    ] {
        // A read may be tried again.
        (0..5).for_each(|_| web.answers(status, "", &body));
        assert_ne!(read_now(&feeds).await, "", "{status}");
        web.answers.lock().clear();
        assert!(knows(&feeds, "192.0.2.7") && !knows(&feeds, "192.0.2.8"), "{status}");
    }
    assert_ne!(read_now(&feeds).await, "", "it is never answered");
    assert!(knows(&feeds, "192.0.2.7"));
    web.answers(200, "", "192.0.2.8\n");
    assert_eq!(read_now(&feeds).await, "");
    assert!(knows(&feeds, "192.0.2.8") && !knows(&feeds, "192.0.2.7"));
}

#[tokio::test]
async fn a_server_that_is_down_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/list", listener.local_addr().unwrap());
    drop(listener);
    assert_ne!(read_now(&online(feed(&url, Format::Csv)).await).await, "");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again_and_holds_longer() {
    let web = Web::start();
    let feeds = online(feed(&web.url, Format::Csv)).await;
    web.answers(200, "etag: \"a1\"\r\n", "192.0.2.7\n");
    assert_eq!(read_now(&feeds).await, "");
    let first = feeds.list("", 1).remove(0).fetched;
    web.answers(304, "", "");
    assert_eq!(read_now(&feeds).await, "");
    let asked = web.asked();
    assert!(!asked[0].contains("if-none-match"), "{asked:?}");
    assert!(asked[1].contains("if-none-match: \"a1\"\r\n"), "{asked:?}");
    assert!(knows(&feeds, "192.0.2.7") && feeds.list("", 1).remove(0).fetched > first);
}

#[tokio::test]
async fn a_collection_is_read_to_its_end() {
    let web = Web::start();
    let page = |last: u8, rest: &str| {
        let pattern = format!("[ipv4-addr:value = '192.0.2.{last}']");
        let object = serde_json::json!({ "type": "indicator", "pattern": pattern });
        format!(r#"{{{rest}"objects":[{object}]}}"#)
    };
    let feeds = online(feed(&web.url, Format::Taxii)).await;
    web.answers(200, "", &page(1, r#""more":true,"next":"a b","#));
    web.answers(200, "", &page(2, r#""more":true,"next":"c","#));
    web.answers(200, "", &page(3, ""));
    assert_eq!(read_now(&feeds).await, "");
    assert!(["192.0.2.1", "192.0.2.2", "192.0.2.3"].iter().all(|address| knows(&feeds, address)));
    let asked = web.asked();
    let paths = asked.iter().map(|head| head.split(' ').nth(1).unwrap());
    assert_eq!(paths.collect::<Vec<_>>(), ["/list", "/list?next=a%20b", "/list?next=c"]);
    assert!(asked[0].contains("accept: application/taxii+json;version=2.1\r\n"), "{asked:?}");

    // One that never ends says nothing new.
    (0..200).for_each(|_| web.answers(200, "", &page(4, r#""more":true,"next":"a","#)));
    assert_eq!(read_now(&feeds).await, "the collection has more than 100 pages");
    assert!(!knows(&feeds, "192.0.2.4"));
}

#[tokio::test]
async fn servers_see_the_secret_they_want() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("secret");
    std::fs::write(&path, "hush").unwrap();
    let shown = |user: Option<&str>, header: Option<&str>| Shown {
        secret: Secret::File(path.clone()),
        user: user.map(str::to_owned),
        header: header.map(str::to_owned),
    };
    for (shown, expected) in [
        (shown(Some("ann"), None), "authorization: Basic YW5uOmh1c2g=\r\n"),
        (shown(None, Some("x-api-key")), "x-api-key: hush\r\n"),
        (shown(None, None), "authorization: hush\r\n"),
    ] {
        let web = Web::start();
        let config = Feed { shown: Some(shown), ..feed(&web.url, Format::Csv) };
        let feeds = online(config).await;
        web.answers(401, "", "");
        let error = read_now(&feeds).await;
        assert_eq!(error, "it answered 401");
        assert!(web.asked()[0].contains(expected), "{expected}");
    }
    let both = Feed {
        shown: Some(shown(Some("ann"), Some("x-api-key"))),
        ..feed("https://feeds.example/list", Format::Csv)
    };
    assert!(check(&both).is_err());
}
