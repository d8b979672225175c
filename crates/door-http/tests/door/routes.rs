//! What every route answers.

use std::os::unix::net::UnixListener;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use door_http::{Config, Listener, State};
use engines::known::CURL;
use http::{Method, StatusCode};
use serde_json::json;

use crate::client::{Answer, NOBODY, ask, get, http2, open, request, whole};
use crate::plane::guard::{block, escalation, measure};

#[tokio::test]
async fn probes_need_nobody_and_say_how_it_is() {
    let open = open(Config::default());
    let probe = async |target| ask(open.address, Method::GET, target, &[NOBODY], "").await;
    let alive = probe("/healthz").await;
    assert_eq!((alive.status, alive.json()), (StatusCode::OK, json!({ "status": "alive" })));

    open.door.readiness().part("sql", None);
    open.door.readiness().part("ledger", Some("The log is damaged"));
    let parts = async || probe("/readyz").await.json();
    let ill = json!({ "name": "ledger", "ok": false, "why": "The log is damaged" });
    let told = json!([{ "name": "sql", "ok": true }, ill]);
    assert_eq!(parts().await, json!({ "status": "ready", "parts": told }));
    open.door.readiness().part("ledger", None);
    assert_eq!(parts().await["parts"][1], json!({ "name": "ledger", "ok": true }));
    for (state, word) in [(State::Starting, "starting"), (State::Draining, "draining")] {
        open.door.readiness().set(state);
        let answer = probe("/readyz").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.json()["status"], word);
    }
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own_and_is_not_kept_or_sniffed() {
    let open = open(Config::default());
    let mut ids = std::collections::HashSet::new();
    for (method, target, status) in [
        (Method::GET, "/healthz", 200),
        (Method::GET, "/v1/cache/n/absent", 404),
        (Method::PUT, "/v1/cache/n/k", 204),
        (Method::GET, "/nowhere", 404),
        (Method::PATCH, "/healthz", 405),
        (Method::OPTIONS, "/healthz", 204),
    ] {
        let theirs = [("x-request-id", "00000000000000000000000000")];
        let answer = ask(open.address, method, target, &theirs, "").await;
        assert_eq!(answer.status, status, "{target}");
        let id = answer.header("x-request-id").to_owned();
        assert_eq!(id.len(), 26);
        assert!(id != theirs[0].1 && ids.insert(id), "{target}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(!answer.header("date").is_empty());
    }
}

#[tokio::test]
async fn values_are_raw_bytes_with_a_lifetime_and_tags() {
    let open = open(Config::default());
    let put = async |target: &str, headers: &[(&str, &str)]| {
        ask(open.address, Method::PUT, target, headers, &b"\x00\xff"[..]).await
    };
    let set = put("/v1/cache/n/a%2Fb%FF?ttl=90s&tag=x&tag=y%20z", &[]).await;
    assert_eq!((set.status, set.body.len()), (StatusCode::NO_CONTENT, 0));
    let tags = vec!["x".to_owned(), "y z".to_owned()];
    let expected = (b"\x00\xff"[..].into(), Some(Duration::from_secs(90)), tags);
    assert_eq!(open.world.values.lock()[&b"a/b\xff"[..]], expected);

    let found = get(open.address, "/v1/cache/n/a%2fb%ff").await;
    assert_eq!((found.status, &found.body[..]), (StatusCode::OK, &b"\x00\xff"[..]));
    assert_eq!(found.header("content-type"), "application/octet-stream");
    assert_eq!(found.header("stockade-ttl-ms"), "90000");

    let conditions = [
        ("if-none-match", "/v1/cache/n/a%2Fb%FF", 412),
        ("if-none-match", "/v1/cache/n/new", 204),
        ("if-match", "/v1/cache/n/new", 204),
        ("if-match", "/v1/cache/n/newer", 412),
    ];
    for (name, target, status) in conditions {
        assert_eq!(put(target, &[(name, "*")]).await.status, status, "{name} {target}");
    }
    assert_eq!(
        put("/v1/cache/n/new", &[("if-match", "\"x\"")]).await.problem(),
        "door-http-header"
    );

    let delete = async || ask(open.address, Method::DELETE, "/v1/cache/n/new", &[], "").await;
    assert_eq!(delete().await.status, StatusCode::NO_CONTENT);
    assert_eq!(delete().await.problem(), "door-http-no-value");
    assert_eq!(get(open.address, "/v1/cache/n/new").await.problem(), "door-http-no-value");
}

#[tokio::test]
async fn purges_say_how_many() {
    let open = open(Config::default());
    let purge = async |body: &'static str| {
        let json = [("content-type", "application/json; charset=utf-8")];
        ask(open.address, Method::POST, "/v1/cache/n/-/purge", &json, body).await
    };
    for key in ["a", "b", "c"] {
        open.world.put(key, "v");
    }
    let dropped = |here: u64| {
        let l2 = json!({ "purged": 3, "complete": false });
        json!({ "purged": here, "tiers": { "memory": here, "l2": l2 } })
    };
    assert_eq!(purge(r#"{"key":"a"}"#).await.json(), dropped(1));
    assert_eq!(purge(r#"{"tag":"none"}"#).await.json(), dropped(0));
    assert_eq!(purge(r#"{"all":true}"#).await.json(), dropped(2));
    for wrong in ["", "{}", r#"{"all":false}"#, r#"{"kye":"a"}"#, r#"{"key":1}"#, r#"["key"]"#] {
        let answer = purge(wrong).await;
        let code = answer.problem();
        assert_eq!((answer.status.as_u16(), &*code), (400, "door-http-json"), "{wrong}");
        assert!(!answer.json()["detail"].as_str().unwrap().contains("What"), "no type names");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_and_what_to_do() {
    let open = open(Config::default());
    let text = [("content-type", "text/plain")];
    type Case<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], u16, &'a str);
    let cases: [Case<'_>; 13] = [
        (Method::GET, "/v1/cache/n", &[], 404, "door-http-no-route"),
        (Method::GET, "/healthz/", &[], 404, "door-http-no-route"),
        (Method::GET, "//healthz", &[], 404, "door-http-no-route"),
        (Method::GET, "/v1/cache/n/k?what=1", &[], 400, "door-http-query"),
        (Method::PUT, "/v1/cache/n/k?ttl=soon", &[], 400, "door-http-query"),
        (Method::PUT, "/v1/cache/n/k?ttl=0s", &[], 400, "door-http-query"),
        (Method::GET, "/v1/cache/n/%zz", &[], 400, "door-http-path"),
        (Method::GET, "/v1/cache/%ff/k", &[], 400, "door-http-path"),
        (Method::GET, "/v1/events?limit=0", &[], 400, "door-http-query"),
        (Method::GET, "/v1/events?from=x", &[], 400, "door-http-query"),
        (Method::POST, "/v1/auth/keys", &text, 415, "door-http-media-type"),
        (Method::DELETE, "/v1/auth/keys/none", &[], 404, "door-http-no-key"),
        (Method::GET, "/v1/objects/b/none/such", &[], 404, "door-http-no-object"),
    ];
    for (method, target, headers, status, code) in cases {
        let answer = ask(open.address, method, target, headers, "{}").await;
        assert_eq!((answer.status.as_u16(), &*answer.problem()), (status, code), "{target}");
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_not() {
    let open = open(Config::default());
    let answer = ask(open.address, Method::POST, "/v1/cache/n/k", &[], "").await;
    assert_eq!(answer.problem(), "door-http-method");
    assert_eq!(answer.header("allow"), "GET, PUT, DELETE, HEAD, OPTIONS");
    let options = ask(open.address, Method::OPTIONS, "/v1/auth/keys", &[NOBODY], "").await;
    assert_eq!((options.status, options.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(options.header("allow"), "GET, POST, HEAD, OPTIONS");
}

#[tokio::test]
async fn nobody_is_asked_for_a_credential_and_a_wrong_one_is_told() {
    let open = open(Config::default());
    let challenge = async |authorization: &str| {
        let headers = [("authorization", authorization)];
        let answer = ask(open.address, Method::GET, "/v1/status", &headers, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        (answer.problem(), answer.header("www-authenticate").to_owned(), answer)
    };
    let plain = r#"Bearer realm="stockade""#;
    let invalid = format!("{plain}, error=\"invalid_token\"");
    let (code, header, _) = challenge("").await;
    assert_eq!((&*code, &*header), ("test-unknown", plain));
    let (code, header, answer) = challenge("Bearer eve").await;
    assert_eq!((&*code, header), ("test-unknown", invalid.clone()));
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!body.contains("table of keys") && !body.contains("eve"), "{body}");
    let (code, header, _) = challenge("Basic YW5uOng=").await;
    assert_eq!((&*code, header), ("door-http-credential", invalid));
    let answer =
        ask(open.address, Method::GET, "/v1/status", &[("authorization", "bearer ann")], "");
    assert_eq!(answer.await.status, StatusCode::OK, "schemes have no case");
}

#[tokio::test]
async fn every_kind_of_no_has_its_status() {
    let open = open(Config::default());
    open.world.refuse.store(true, SeqCst);
    let refused = get(open.address, "/v1/cache/n/k").await;
    assert_eq!((refused.status.as_u16(), &*refused.problem()), (403, "test-no"));
    open.world.refuse.store(false, SeqCst);
    open.world.too_fast.store(true, SeqCst);
    let busy = get(open.address, "/v1/cache/n/k").await;
    assert_eq!((busy.status.as_u16(), busy.header("retry-after")), (429, "3"));
    assert_eq!(busy.header("ratelimit"), r#""principal";r=0;t=2"#);
    open.world.too_fast.store(false, SeqCst);
    let rotten = get(open.address, "/v1/cache/n/rotten").await;
    assert_eq!((rotten.status.as_u16(), &*rotten.problem()), (500, "test-rotten"));
    assert!(!String::from_utf8_lossy(&rotten.body).contains("/var/lib"), "the cause stays inside");
}

#[tokio::test]
async fn keys_are_made_listed_by_page_and_ended() {
    let open = open(Config::default());
    let make =
        async |body: String| ask(open.address, Method::POST, "/v1/auth/keys", &[], body).await;
    for n in 1..=5 {
        let made = make(format!(r#"{{"principal":"p{n}","kind":"agent","roles":["r"]}}"#)).await;
        assert_eq!(made.status, StatusCode::CREATED);
        let expected = json!({ "id": format!("k{n}"), "secret": format!("secret-of-k{n}") });
        assert_eq!(made.json(), expected);
    }
    let mut next = "/v1/auth/keys?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = get(open.address, &next).await;
        let body = String::from_utf8_lossy(&page.body).into_owned();
        assert!(!body.contains("secret"), "{body}");
        let page = page.json();
        seen.extend(page["keys"].as_array().unwrap().iter().map(|key| key["id"].to_string()));
        match page["next"].as_str() {
            Some(link) => link.clone_into(&mut next),
            None => break,
        }
    }
    assert_eq!(seen, ["\"k1\"", "\"k2\"", "\"k3\"", "\"k4\"", "\"k5\""]);
    let gone = ask(open.address, Method::DELETE, "/v1/auth/keys/k3", &[], "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    for wrong in
        [r#"{"principal":"p"}"#, r#"{"principal":"p","kind":"system"}"#, r#"{"kind":"god"}"#]
    {
        assert_eq!(make(wrong.to_owned()).await.problem(), "door-http-json", "{wrong}");
    }
}

#[tokio::test]
async fn where_rates_count_every_answer_says_what_is_left() {
    let open = open(Config::default());
    for (path, status) in [("/v1/auth/keys", 200), ("/v1/auth/keys?limit=none", 400)] {
        let answer = get(open.address, path).await;
        assert_eq!(answer.status.as_u16(), status);
        let told = ["ratelimit-policy", "ratelimit"].map(|name| answer.headers.get(name));
        match status {
            200 => {
                let [policy, left] = told.map(|value| value.unwrap().to_str().unwrap());
                assert_eq!(policy, r#""principal";q=100;w=60"#);
                assert_eq!(left, r#""principal";r=18;t=2"#);
            }
            // Nothing was asked of the plane.
            _ => assert_eq!(told, [None, None]),
        }
    }
    let missing = ask(open.address, Method::DELETE, "/v1/guard/blocks/nobody", &[], "").await;
    assert_eq!(missing.problem(), "door-http-no-block");
    assert_eq!(missing.header("ratelimit"), r#""principal";r=18;t=2"#);
    let elsewhere = get(open.address, "/v1/cache/n/k").await;
    assert!(elsewhere.headers.get("ratelimit").is_none(), "its rate does not count");
}

#[tokio::test]
async fn blocks_are_listed_by_page_and_lifted() {
    let open = open(Config::default());
    for n in 1..=3 {
        open.world.blocks.lock().push(block(&format!("b{n}")));
    }
    let page = get(open.address, "/v1/guard/blocks?limit=2").await.json();
    assert_eq!(page["blocks"].as_array().unwrap().len(), 2);
    assert_eq!(page["blocks"][0]["subject"], "192.0.2.1");
    let rest = get(open.address, page["next"].as_str().unwrap()).await.json();
    assert_eq!((&rest["blocks"][0]["id"], &rest["next"]), (&json!("b3"), &json!(null)));
    for expected in [204, 404] {
        let lifted = ask(open.address, Method::DELETE, "/v1/guard/blocks/b2", &[], "").await;
        assert_eq!(lifted.status.as_u16(), expected);
    }
}

#[tokio::test]
async fn measures_are_listed_by_page_and_undone() {
    let open = open(Config::default());
    for n in 1..=3 {
        open.world.measures.lock().push(measure(&format!("m{n}")));
    }
    let page = get(open.address, "/v1/guard/measures?limit=2").await.json();
    assert_eq!(page["measures"].as_array().unwrap().len(), 2);
    assert_eq!(page["measures"][0]["take"], "throttle");
    let rest = get(open.address, page["next"].as_str().unwrap()).await.json();
    assert_eq!((&rest["measures"][0]["id"], &rest["next"]), (&json!("m3"), &json!(null)));
    for expected in [204, 404] {
        let undone = ask(open.address, Method::DELETE, "/v1/guard/measures/m2", &[], "").await;
        assert_eq!(undone.status.as_u16(), expected);
    }
}

#[tokio::test]
async fn status_and_numbers_come_in_the_form_wanted() {
    let open = open(Config::default());
    let status = get(open.address, "/v1/status").await.json();
    assert_eq!((&status["ok"], &status["parts"][1]["advice"]), (&json!(false), &json!("start it")));
    let metrics = async |headers: &[(&str, &str)]| {
        ask(open.address, Method::GET, "/metrics", headers, "").await
    };
    let text = metrics(&[]).await;
    assert_eq!(text.header("content-type"), "text/plain; version=0.0.4");
    let protobuf = metrics(&[("accept", "application/vnd.google.protobuf;q=1")]).await;
    assert_eq!(protobuf.header("content-type"), "application/vnd.google.protobuf");
    assert_eq!(metrics(&[NOBODY]).await.status, StatusCode::UNAUTHORIZED);
    let small = metrics(&[("accept-encoding", "gzip")]).await;
    assert_eq!(small.header("content-encoding"), "gzip");
    assert_eq!(small.header("vary"), "accept-encoding");
    let mut plain = String::new();
    let mut decoder = flate2::read::GzDecoder::new(&*small.body);
    std::io::Read::read_to_string(&mut decoder, &mut plain).unwrap();
    assert_eq!(plain.as_bytes(), &text.body[..]);
}

#[tokio::test]
async fn head_is_get_without_the_bytes_in_both_versions() {
    let open = open(Config::default());
    open.world.put("k", "twelve bytes");
    let sender = http2(open.address).await;
    let both = async |method: Method| {
        let one = ask(open.address, method.clone(), "/v1/cache/n/k", &[], "").await;
        let target = format!("http://{}/v1/cache/n/k", open.address);
        let request = request(method, &target, &[], "");
        [one, whole(sender.clone().send_request(request).await.unwrap()).await]
    };
    let (get, head) = (both(Method::GET).await, both(Method::HEAD).await);
    for (get, head) in get.iter().zip(&head) {
        assert_eq!((&get.body[..], &head.body[..]), (&b"twelve bytes"[..], &b""[..]));
        let length = |answer: &Answer| answer.header("content-length").to_owned();
        assert_eq!((length(get), length(head)), ("12".to_owned(), "12".to_owned()));
        assert_eq!((get.status, head.status), (StatusCode::OK, StatusCode::OK));
    }
}

#[tokio::test]
async fn a_connection_remembers_its_caller_and_never_takes_one_for_another() {
    let open = open(Config::default());
    open.world.put("k", "v");
    let mut sender = http2(open.address).await;
    let mut ask = async |authorization: &'static str| {
        let target = format!("http://{}/v1/cache/n/k", open.address);
        let request = request(Method::GET, &target, &[("authorization", authorization)], "");
        let status = whole(sender.send_request(request).await.unwrap()).await.status;
        (status.as_u16(), open.world.recognised.load(SeqCst))
    };
    assert_eq!(ask("Bearer ann").await, (200, 1));
    assert_eq!(ask("Bearer ann").await, (200, 1), "known from before");
    assert_eq!(ask("Bearer bob").await, (200, 2), "somebody else");
    assert_eq!(ask("").await, (401, 3), "nobody");
    assert_eq!(ask("Bearer an").await, (401, 4));
    assert_eq!(ask("Bearer ann").await, (200, 5));
}

#[tokio::test]
async fn on_our_own_socket_the_system_says_who_it_is() {
    let open = open(Config::default());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("http.sock");
    open.door.listen(vec![Listener::Unix(UnixListener::bind(&path).unwrap())]).unwrap();
    let stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let request = request(Method::DELETE, "/v1/objects/b/k", &[NOBODY], "");
    let answer = whole(sender.send_request(request).await.unwrap()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let uid = rustix::process::getuid().as_raw();
    let fact = open.world.facts.lock()[0].clone();
    assert_eq!((&*fact.actor, &*fact.door), (&*format!("human:uid-{uid}"), "local"));
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_only_when_listed() {
    let closed = open(Config::default());
    let mut config = Config::default();
    config.cors.origins = vec!["https://console.example".to_owned()];
    let open = open(config);
    let allowed = async |address, method: Method, origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "PUT"), NOBODY];
        let answer = ask(address, method, "/v1/cache/n/k", &headers, "").await;
        let header = |name| answer.header(name).to_owned();
        (header("access-control-allow-origin"), header("access-control-allow-methods"))
    };
    let listed = "https://console.example".to_owned();
    let methods = "GET, PUT, DELETE, HEAD, OPTIONS".to_owned();
    let none = (String::new(), String::new());
    assert_eq!(allowed(open.address, Method::OPTIONS, &listed).await, (listed.clone(), methods));
    assert_eq!(allowed(open.address, Method::GET, &listed).await, (listed.clone(), String::new()));
    for origin in ["https://console.example.evil", "http://console.example", "null", "*"] {
        assert_eq!(allowed(open.address, Method::OPTIONS, origin).await, none, "{origin}");
    }
    assert_eq!(allowed(closed.address, Method::OPTIONS, &listed).await, none);
}

#[tokio::test]
async fn requests_are_counted_by_pattern_never_by_path() {
    let open = open(Config::default());
    for key in ["secret-1", "secret-2"] {
        get(open.address, &format!("/v1/cache/n/{key}")).await;
    }
    get(open.address, "/made/up").await;
    let labels = [("method", "GET"), ("route", "/v1/cache/{namespace}/{key}"), ("status", "404")];
    assert_eq!(open.world.counted("stockade_http_requests_total", &labels), 2);
    let labels = [("route", "none"), ("status", "404")];
    assert_eq!(open.world.counted("stockade_http_requests_total", &labels), 1);
    let labels = [("route", "/v1/cache/{namespace}/{key}")];
    assert_eq!(open.world.counted("stockade_http_request_seconds", &labels), 2);
    for metric in open.world.registry.metrics() {
        let said = format!("{:?}", metric.labels);
        assert!(!said.contains("secret") && !said.contains("made"), "{said}");
    }
}

#[tokio::test]
async fn curl_is_served() {
    let Some(program) = CURL.find_or_skip() else { return };
    let open = open(Config::default());
    open.world.put("k", "v");
    let target = format!("http://{}/v1/cache/n/k", open.address);
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let mut curl = tokio::process::Command::new(&program);
        curl.args(["-sS", version, "-H", "authorization: Bearer ann", &target]);
        let output = curl.output().await.unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!((&*output.stdout, &*complaint), (&b"v"[..], ""), "{version}");
    }
}

#[tokio::test]
async fn cases_are_listed_by_state_and_page_and_decided_and_withdrawn() {
    let open = open(Config::default());
    for n in 1..=3 {
        open.world.escalations.lock().push(escalation(&format!("c{n}")));
    }
    let page = get(open.address, "/v1/escalations?state=open&limit=2").await.json();
    assert_eq!(page["escalations"].as_array().unwrap().len(), 2);
    assert_eq!(page["escalations"][0]["input"], json!({ "tool": "rm" }));
    assert_eq!(page["escalations"][0]["decided"], json!(null));
    let rest = get(open.address, page["next"].as_str().unwrap()).await.json();
    assert_eq!((&rest["escalations"][0]["id"], &rest["next"]), (&json!("c3"), &json!(null)));

    let decide = async |id: &str, body: &'static str| {
        let (target, json) =
            (format!("/v1/escalations/{id}"), ("content-type", "application/json"));
        ask(open.address, Method::POST, &target, &[json], body).await
    };
    for (id, body, expected) in [
        ("c2", r#"{"decision":"approve","reason":"r","until":"2030-01-01T00:00:00Z"}"#, 200),
        ("c9", r#"{"decision":"approve","reason":"r"}"#, 404),
        ("c2", r#"{"decision":"approve"}"#, 400),
        ("c2", r#"{"decision":"approve","reason":"r","untl":"2030-01-01T00:00:00Z"}"#, 400),
        ("c2", r#"{"decision":"approve","reason":"r","until":"tomorrow"}"#, 400),
        ("c2", "approve", 400),
    ] {
        let answer = decide(id, body).await;
        assert_eq!(answer.status.as_u16(), expected, "{id} {body}");
    }
    let shown = get(open.address, "/v1/escalations/c2").await.json();
    let decided = json!({
        "decision": "approve",
        "reason": "r",
        "by": "human:ann",
        "at": "1970-01-01T00:00:00.000000Z",
        "until": "2030-01-01T00:00:00.000000Z",
    });
    assert_eq!(shown["decided"], decided);
    for (state, expected) in [("open", 2), ("decided", 1)] {
        let page = get(open.address, &format!("/v1/escalations?state={state}")).await.json();
        assert_eq!(page["escalations"].as_array().unwrap().len(), expected, "{state}");
    }
    let wrong = get(open.address, "/v1/escalations?state=closed").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    for expected in [204, 404] {
        let gone = ask(open.address, Method::DELETE, "/v1/escalations/c2", &[], "").await;
        assert_eq!(gone.status.as_u16(), expected);
    }
    assert_eq!(get(open.address, "/v1/escalations/c2").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_decision_is_made_again_by_what_held_then_or_by_what_holds_now() {
    let open = open(Config::default());
    let missing = get(open.address, "/v1/decisions/x").await;
    assert_eq!(
        (missing.status, &*missing.problem()),
        (StatusCode::NOT_FOUND, "door-http-no-decision")
    );
    for _ in 0..2 {
        open.world.happen("decision.make");
    }
    open.world.happen("decision.query");
    let told = get(open.address, "/v1/decisions/x?at=then").await;
    assert!(String::from_utf8_lossy(&told.body).contains(r#""input":{"n":1.50}"#), "{told:?}");
    for (query, items, same) in [
        ("", &[0, 1][..], true),
        ("?at=then", &[0, 1], true),
        ("?at=now", &[0, 1], false),
        ("?item=1", &[1], true),
        ("?at=now&item=0", &[0], false),
    ] {
        let told = get(open.address, &format!("/v1/decisions/x{query}")).await.json();
        assert_eq!((&told["decision_id"], &told["count"]), (&json!("x"), &json!(2)), "{query}");
        let decisions = told["decisions"].as_array().unwrap();
        let places: Vec<u64> = decisions.iter().map(|one| one["item"].as_u64().unwrap()).collect();
        assert_eq!(places, items, "{query}");
        for one in decisions {
            assert_eq!((&one["again"]["same"], &one["by"]), (&json!(same), &json!("human:ann")));
            assert_eq!(one["decided"]["result"], json!(true), "{query}");
            assert_eq!(one["again"]["story"], "nothing\n", "{query}");
        }
    }
    for (query, expected) in
        [("?at=noon", 400), ("?item=x", 400), ("?limit=1", 400), ("?item=2", 404)]
    {
        let wrong = get(open.address, &format!("/v1/decisions/x{query}")).await;
        assert_eq!(wrong.status.as_u16(), expected, "{query}");
    }
}
