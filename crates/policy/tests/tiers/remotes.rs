//! Policies of another server, which dies, hangs, errs, speaks nonsense and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use flow::question::policy::{Decide, Freshness, Posed, Tier};
use flow::unit::Span;
use parking_lot::Mutex;
use policy::{Config, Otherwise, Remote, Review};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::node::Node;

const PATH: &str = "far/allow";
const POLICY: &str = "package far\n\nallow := \"from here\" if input.n";

/// How the other server behaves.
#[derive(Clone)]
enum Manner {
    Answers(u16, String),
    /// A part of an answer, and then nothing.
    Trickles,
    Hangs,
    Dies,
}

struct Other {
    url: String,
    manner: Mutex<Manner>,
    requests: Mutex<Vec<String>>,
    asked: AtomicUsize,
    begun: Notify,
}

fn result(value: &str) -> Manner {
    Manner::Answers(200, format!(r#"{{"decision_id":"1","result":{value}}}"#))
}

impl Other {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, asked, begun) = Default::default();
        let manner = Mutex::new(result("\"from there\""));
        let other = Arc::new(Self { url, manner, requests, asked, begun });
        let served = other.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(stream));
            }
        });
        other
    }

    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let (mut text, mut piece) = (String::new(), [0; 4096]);
        loop {
            let Ok(read @ 1..) = stream.read(&mut piece).await else { return };
            text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.to_lowercase();
            let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
            if length.unwrap().trim().parse::<usize>().unwrap() == body.len() {
                break;
            }
        }
        self.requests.lock().push(text);
        self.asked.fetch_add(1, SeqCst);
        let manner = self.manner.lock().clone();
        let answer = match manner {
            Manner::Answers(status, ref body) => {
                let length = body.len();
                format!(
                    "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                )
            }
            Manner::Trickles => {
                "HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{\"result\"".to_owned()
            }
            Manner::Hangs => String::new(),
            Manner::Dies => return,
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
        self.begun.notify_one();
        if matches!(manner, Manner::Hangs | Manner::Trickles) {
            std::future::pending::<()>().await;
        }
    }

    fn set(&self, manner: Manner) {
        *self.manner.lock() = manner;
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

async fn node(other: &Other, fallback: Otherwise, remember: Span) -> Arc<Node> {
    let remote = Remote { url: other.url.clone(), fallback, remember, ..Remote::default() };
    let remote = [("far".to_owned(), remote)].into();
    let node = Node::new(&Config { remote, ..Config::default() }, Vec::new()).await;
    node.put(POLICY).await;
    Arc::new(node)
}

/// Who answers, and what; or why nobody does.
async fn ask(node: &Node, n: u32) -> Result<(Value, Tier), &'static str> {
    let asked = node.ask(PATH, &format!(r#"{{"n":{n}}}"#)).await;
    asked.map_err(|error| error.code().name)
}

fn bad() -> [Manner; 8] {
    [
        Manner::Answers(500, "{}".into()),
        Manner::Answers(503, r#"{"result":true}"#.into()),
        Manner::Answers(404, r#"{"result":true}"#.into()),
        Manner::Answers(200, "<html>".into()),
        Manner::Answers(200, "[true]".into()),
        Manner::Answers(200, String::new()),
        Manner::Answers(302, r#"{"result":true}"#.into()),
        Manner::Dies,
    ]
}

#[tokio::test]
async fn a_remote_is_asked_as_any_client_asks_and_what_it_leaves_undefined_is_so() {
    let other = Other::start().await;
    let node = node(&other, Otherwise::Refuse, Span::secs(0)).await;
    assert_eq!(ask(&node, 1).await, Ok((json!("from there"), Tier::Remote)));
    let request = other.requests.lock()[0].clone();
    assert!(request.starts_with("POST /v1/data/far/allow HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"input\":{\"n\":1}}"), "{request}");
    other.set(Manner::Answers(200, "{}".into()));
    assert_eq!(ask(&node, 1).await, Ok((Value::Null, Tier::Remote)));
    other.set(result(r#"{"allow": [true, 1.5], "z": null}"#));
    let said = json!({ "allow": [true, 1.5], "z": null });
    assert_eq!(ask(&node, 1).await, Ok((said, Tier::Remote)));
    // Other paths are decided here, and at once.
    let known = node.book.edition(&node.tenant).await.unwrap();
    assert_eq!(known.revision().to_string(), "1.0");
    let (text, freshness) = (&b"{}"[..], Freshness::Any);
    let asked = Decide { path: "farther/x", text, posed: Posed::Whole, strict: false, freshness };
    assert!(matches!(node.decider.decide(&node.tenant, &asked), flow::Step::Now(Ok(_))));
    assert_eq!(other.asked(), 3);
}

#[tokio::test]
async fn an_outage_is_never_an_answer_and_never_remembered() {
    let other = Other::start().await;
    let node = node(&other, Otherwise::Refuse, Span::secs(0)).await;
    for manner in bad() {
        other.set(manner);
        assert_eq!(ask(&node, 1).await, Err("policy-remote-away"));
        other.set(result("true"));
        assert_eq!(ask(&node, 1).await, Ok((json!(true), Tier::Remote)));
    }
}

#[tokio::test]
async fn who_hangs_is_not_waited_for_and_then_not_asked() {
    for manner in [Manner::Hangs, Manner::Trickles] {
        let other = Other::start().await;
        other.set(manner);
        let node = node(&other, Otherwise::Refuse, Span::secs(0)).await;
        for _ in 0..5 {
            let asking = {
                let node = node.clone();
                tokio::spawn(async move { ask(&node, 1).await })
            };
            other.begun.notified().await;
            node.clock.advance(Duration::from_millis(100));
            assert_eq!(asking.await.unwrap(), Err("policy-remote-away"));
        }
        let asked = other.asked();
        assert_eq!(ask(&node, 1).await, Err("policy-remote-away"), "the breaker is open");
        assert_eq!(other.asked(), asked);
        other.set(result("true"));
        node.clock.advance(Duration::from_secs(30));
        assert_eq!(ask(&node, 1).await, Ok((json!(true), Tier::Remote)));
    }
}

#[tokio::test]
async fn the_policies_here_decide_where_that_is_configured() {
    let other = Other::start().await;
    let node = node(&other, Otherwise::Embedded, Span::secs(0)).await;
    for manner in bad() {
        assert_eq!(ask(&node, 2).await, Ok((json!("from there"), Tier::Remote)));
        other.set(manner);
        let (said, tier) = ask(&node, 2).await.unwrap();
        assert_eq!(said, json!("from here"));
        assert!(tier <= Tier::Engine, "{tier:?}");
        other.set(result("\"from there\""));
    }
}

#[tokio::test]
async fn what_it_answered_last_is_the_answer_where_that_is_configured() {
    let other = Other::start().await;
    let node = node(&other, Otherwise::Cached, Span::secs(0)).await;
    assert_eq!(ask(&node, 1).await, Ok((json!("from there"), Tier::Remote)));
    for manner in bad() {
        other.set(manner);
        assert_eq!(ask(&node, 1).await, Ok((json!("from there"), Tier::RemoteCached)));
        assert_eq!(ask(&node, 2).await, Err("policy-remote-away"), "to exactly this input");
        other.set(result("\"from there\""));
        assert_eq!(ask(&node, 1).await, Ok((json!("from there"), Tier::Remote)));
    }
    other.set(result("\"changed\""));
    assert_eq!(ask(&node, 1).await, Ok((json!("changed"), Tier::Remote)));
    other.set(Manner::Dies);
    assert_eq!(ask(&node, 1).await, Ok((json!("changed"), Tier::RemoteCached)));
}

#[tokio::test]
async fn an_answer_is_good_for_as_long_as_is_configured_and_for_exactly_this_input() {
    let other = Other::start().await;
    let node = node(&other, Otherwise::Refuse, Span::secs(10)).await;
    for _ in 0..3 {
        assert_eq!(ask(&node, 1).await, Ok((json!("from there"), Tier::Remote)));
    }
    assert_eq!(other.asked(), 1);
    ask(&node, 2).await.unwrap();
    assert_eq!(other.asked(), 2);
    node.clock.advance(Duration::from_secs(10));
    other.set(Manner::Dies);
    assert_eq!(ask(&node, 1).await, Err("policy-remote-away"));
    // Who wants to know how it is now is not told how it was.
    node.clock.advance(Duration::from_secs(60));
    other.set(result("true"));
    ask(&node, 1).await.unwrap();
    let before = other.asked();
    let (text, freshness) = (&br#"{"n":1}"#[..], Freshness::Full);
    let asked = Decide { path: PATH, text, posed: Posed::Whole, strict: false, freshness };
    node.decider.decide(&node.tenant, &asked).wait().await.unwrap();
    assert_eq!(other.asked(), before + 1);
}

#[tokio::test]
async fn what_a_remote_leaves_open_goes_to_people_as_well() {
    let other = Other::start().await;
    let remote = Remote { url: other.url.clone(), ..Remote::default() };
    let review = Review { shows: vec!["n".into()], ..Review::default() };
    let config = Config {
        remote: [("far".to_owned(), remote)].into(),
        review: [(PATH.to_owned(), review)].into(),
        ..Config::default()
    };
    let node = Node::new(&config, Vec::new()).await;
    other.set(result("\"escalate\""));
    assert_eq!(node.verdict(PATH, r#"{"n":1,"token":"secret"}"#).await.1, Tier::Default);
    assert_eq!(&*node.cases().await[0].shown, br#"{"n":1}"#);
}
