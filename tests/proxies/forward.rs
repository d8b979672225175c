//! Scenes that are the same behind every proxy.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::scene::{ATTACK, Client, Key, Scene, get, header, told};

/// What a proxy is told by Stockade and tells its client.
pub(crate) struct Words {
    /// Whether clients get problem documents.
    pub(crate) documents: bool,
    /// Whether bodies are sent along.
    pub(crate) bodies: bool,
    /// What a client gets when Stockade is away.
    pub(crate) away: &'static [u16],
}

/// Who passes, as whom, and what does not pass.
pub(crate) fn everything(scene: &Scene, proxy: &str, words: &Words) {
    let shop = scene.key("shop", "reader");
    identities(scene, proxy, &shop);
    forgeries(scene, proxy);
    attacks(scene, proxy, &shop, words);
    routes(scene, proxy, &shop);
    bodies(scene, proxy, &shop, words);
    callers_are_not_mixed_up(scene, proxy);
    revocation(scene, proxy, words);
}

/// The address is still asked when Stockade is not there any more.
pub(crate) fn closed_without_us(scene: Scene, proxy: &str, words: &Words) {
    let key = scene.key("late", "reader");
    assert_eq!(get("/").by(&key).to(proxy).status, 200);
    let Scene { server, echo, .. } = scene;
    let asked = echo.asked();
    server.kill();
    for sent in [get("/").by(&key), get("/open"), get("/").by(&key).post(b"x")] {
        let answer = sent.to(proxy);
        assert!(words.away.contains(&answer.status), "{answer:?}");
    }
    assert_eq!(echo.asked(), asked, "nothing passes that was not asked about");
}

fn identities(scene: &Scene, proxy: &str, shop: &Key) {
    let answer = get("/a/b?c=%20d&e").by(shop).to(proxy);
    assert_eq!(answer.json()["target"], "/a/b?c=%20d&e");
    for (name, expected) in [
        ("tenant", "main"),
        ("actor", "service:shop"),
        ("kind", "service"),
        ("roles", "reader"),
        ("verdict", "clean"),
        ("kinds", ""),
    ] {
        assert_eq!(told(&answer, name), expected, "{name}");
    }
    let id = told(&answer, "request-id");
    let fact = fact(scene, &id);
    assert_eq!(
        (&fact["actor"], &fact["path"]),
        (&Value::from("service:shop"), &Value::from("upstream/shop.example/a/b"),)
    );
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        let sent = crate::scene::Sent { method, ..get("/x").by(shop) };
        let answer = sent.to(proxy);
        assert_eq!(answer.status, 200, "{method}");
        if method != "HEAD" {
            assert_eq!(answer.json()["method"], method);
        }
    }
}

/// The fact about this request.
fn fact(scene: &Scene, id: &str) -> Value {
    crate::server::until("the fact is on record", std::time::Duration::from_secs(10), || {
        let all = scene.facts();
        let mine = |fact: &&Value| fact.to_string().contains(id);
        all.iter().find(mine).cloned()
    })
}

fn forgeries(scene: &Scene, proxy: &str) {
    // Not the shop: who does this again and again is kept out.
    let forger = scene.key("forger", "reader");
    for name in ["x-stockade-actor", "X-Stockade-Anything"] {
        let headers = [(name, "admin")];
        let before = scene.echo.asked();
        let answer = get("/").by(&forger).with(&headers).to(proxy);
        assert_eq!(answer.status, 403, "{name}: {answer:?}");
        let answer = get("/open").with(&headers).to(proxy);
        assert_eq!(answer.status, 403, "{name}: {answer:?}");
        assert_eq!(scene.echo.asked(), before, "{name} does not get through");
    }
    // Those that mean the same to many servers; most proxies drop them by themselves.
    for name in ["x_stockade_actor", "x-stockade_roles"] {
        let headers = [(name, "admin")];
        let answer = get("/").by(&forger).with(&headers).to(proxy);
        let through = answer.status == 200 && answer.json()["headers"].get(name).is_some();
        assert!(!through, "{name}: {answer:?}");
    }
    // Which request it is, only the proxy says.
    for headers in [
        [("x-original-uri", "/open"), ("x-original-method", "GET")],
        [("x-forwarded-uri", "/open"), ("x-forwarded-method", "GET")],
        [("x-original-url", "http://shop.example/open"), ("x-forwarded-host", "shop.example")],
    ] {
        let answer = get("/closed").with(&headers).to(proxy);
        assert!((400..=500).contains(&answer.status), "{headers:?}: {answer:?}");
    }
}

fn attacks(scene: &Scene, proxy: &str, shop: &Key, words: &Words) {
    let before = scene.echo.asked();
    let in_query = format!("/search?{ATTACK}");
    let cookie = [("cookie", "a=b; name=1' OR '1'='1")];
    let agent = [("user-agent", "() { :; }; /bin/cat /etc/passwd")];
    for (what, sent) in [
        ("query", get(&in_query)),
        ("path", get("/files/a/b/c/..%2f..%2f..%2fetc%2fpasswd")),
        ("cookie", get("/").with(&cookie)),
        ("header", get("/").with(&agent)),
    ] {
        // Each of them is another one: more than a few attacks are an attacker.
        let key = scene.key(&format!("attacker-{what}"), "reader");
        let answer = sent.by(&key).to(proxy);
        assert_eq!(answer.status, 403, "{what}: {answer:?}");
        if words.documents {
            assert_eq!(answer.problem(), "gate-attack", "{what}");
        }
    }
    assert_eq!(scene.echo.asked(), before, "none of them gets through");
    let kept = scene.facts();
    let refused = kept.iter().find(|fact| fact.to_string().contains("gate-attack"));
    let refused = refused.unwrap_or_else(|| panic!("no fact of it in {kept:?}")).to_string();
    assert!(refused.contains("sqli") && !refused.contains("'1'='1"), "{refused}");
    let answer = get("/comments?name=O'Brien+%26+Sons;+Ltd").by(shop).to(proxy);
    assert_eq!(told(&answer, "verdict"), "clean");
    let flagged = format!("/comments?{ATTACK}");
    let answer = get(&flagged).by(shop).to(proxy);
    assert_eq!(told(&answer, "verdict"), "flagged");
    assert_eq!(told(&answer, "kinds"), "sqli");
}

fn routes(scene: &Scene, proxy: &str, shop: &Key) {
    let answer = get("/open/x").to(proxy);
    assert_eq!(told(&answer, "actor"), "human:anonymous");
    assert_eq!(told(&answer, "roles"), "guest");
    let answer = get("/open/x").by(shop).to(proxy);
    assert_eq!(told(&answer, "actor"), "service:shop", "whoever is known is known there too");
    for target in ["/", "/opened", "/open/../closed", "/open/%2e%2e/closed", "//closed"] {
        let answer = get(target).to(proxy);
        assert_eq!(answer.status, 401, "{target}: {answer:?}");
        let challenge = header(&answer, "www-authenticate").unwrap_or_default();
        assert_eq!(challenge, r#"Bearer realm="stockade""#, "{target}: {answer:?}");
    }
    let wrong = Key { id: String::new(), secret: "stk_nobody_nothing".to_owned() };
    for target in ["/", "/open"] {
        let answer = get(target).by(&wrong).to(proxy);
        assert_eq!(answer.status, 401, "{target}: {answer:?}");
    }
    assert!(scene.echo.asked() > 0);
}

fn bodies(scene: &Scene, proxy: &str, shop: &Key, words: &Words) {
    let json = [("content-type", "application/json")];
    let innocent = br#"{"name":"O'Brien","note":"select a colour"}"#;
    let answer = get("/x").by(shop).with(&json).post(innocent).to(proxy);
    assert_eq!(answer.json()["body"], innocent.len());
    let verdict = if words.bodies { "clean" } else { "flagged" };
    assert_eq!(told(&answer, "verdict"), verdict, "what was not seen is said");
    if words.bodies {
        let attack = br#"{"name":"x' OR '1'='1"}"#;
        let key = scene.key("attacker-body", "reader");
        let answer = get("/x").by(&key).with(&json).post(attack).to(proxy);
        assert_eq!(answer.status, 403, "{answer:?}");
        // The same as a client of gRPC says it: a frame, a message, and its first field.
        let attack = b"\0\0\0\0\x0e\x0a\x0cx' OR '1'='1";
        let grpc = [("content-type", "application/grpc")];
        let key = scene.key("attacker-message", "reader");
        let answer = get("/x").by(&key).with(&grpc).post(attack).to(proxy);
        assert_eq!(header(&answer, "grpc-status").as_deref(), Some("7"), "{answer:?}");
    }
    let large = vec![b'a'; 20 << 20];
    let bytes = [("content-type", "application/octet-stream")];
    let answer = get("/upload").by(shop).with(&bytes).post(&large).to(proxy);
    assert_eq!(answer.json()["body"], large.len());
    assert_eq!(told(&answer, "verdict"), "flagged");
}

/// Many callers on one connection: each is told apart, whoever came before.
fn callers_are_not_mixed_up(scene: &Scene, proxy: &str) {
    let keys: Vec<_> = (0..3).map(|n| scene.key(&format!("caller-{n}"), "reader")).collect();
    let wrong = Key { id: String::new(), secret: "stk_nobody_nothing".to_owned() };
    // A stranger, three callers, and somebody with a wrong key, in any order.
    let mut runner = TestRunner::new(Config { cases: 8, ..Config::default() });
    let orders = proptest::collection::vec(0..5usize, 1..24);
    runner
        .run(&orders, |order| {
            let mut client = Client::new(proxy);
            for who in order {
                let sent = match who {
                    0 => get("/open"),
                    4 => get("/open").by(&wrong),
                    _ => get("/open").by(&keys[who - 1]),
                };
                let answer = client.ask(sent);
                let expected = match who {
                    0 => "human:anonymous".to_owned(),
                    4 => {
                        prop_assert_eq!(answer.status, 401);
                        continue;
                    }
                    _ => format!("service:caller-{}", who - 1),
                };
                prop_assert_eq!(told(&answer, "actor"), expected);
            }
            Ok(())
        })
        .unwrap();
    let ids: BTreeSet<_> =
        (0..10).map(|_| told(&get("/open").by(&keys[0]).to(proxy), "request-id")).collect();
    assert_eq!(ids.len(), 10, "each request has its own name");
}

fn revocation(scene: &Scene, proxy: &str, words: &Words) {
    let key = scene.key("gone", "reader");
    let mut client = Client::new(proxy);
    assert_eq!(client.ask(get("/").by(&key)).status, 200);
    let revoked = scene.server.http("DELETE", &format!("/v1/auth/keys/{}", key.id), b"");
    assert_eq!(revoked.status, 204);
    let answer = client.ask(get("/").by(&key));
    assert_eq!(answer.status, 401, "{answer:?}");
    if words.documents {
        assert_eq!(answer.problem(), "gate-unknown-key");
    }
}

/// Who is too fast is told so, in words the proxy understands.
pub(crate) fn too_fast(scene: &Scene, proxy: &str) {
    let key = scene.key("hasty", "reader");
    let slow = (0..100).map(|_| get("/").by(&key).to(proxy)).find(|answer| answer.status != 200);
    let slow = slow.expect("somebody is told to wait");
    assert_eq!(slow.status, 429, "{slow:?}");
    let wait: u64 = header(&slow, "retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

/// More of this would keep a quota of a few a minute.
pub(crate) const QUOTA: &str = "[gate.limits]\nburst = 5\nroutes = { \"request.forward\" = 30 }\n";

/// Principals who attack are slowed down where nothing else is said; here they are kept out.
pub(crate) const KEEP_OUT: &str =
    "[[gate.playbooks]]\nname = \"attacking\"\nwhen = [\"attack\"]\ntake = \"block\"\n";

/// Who attacks again and again is kept out, and nobody else.
pub(crate) fn attackers_are_kept_out(scene: &Scene, proxy: &str) {
    let (attacker, other) = (scene.key("mallory", "reader"), scene.key("ann", "reader"));
    let attack = format!("/?{ATTACK}");
    for _ in 0..5 {
        assert_eq!(get(&attack).by(&attacker).to(proxy).status, 403);
    }
    let kept_out =
        crate::server::until("it is kept out", std::time::Duration::from_secs(10), || {
            Some(get("/").by(&attacker).to(proxy)).filter(|answer| answer.status != 200)
        });
    assert_eq!(kept_out.status, 429, "{kept_out:?}");
    assert!(header(&kept_out, "retry-after").is_some(), "{kept_out:?}");
    assert_eq!(get("/").by(&other).to(proxy).status, 200);
    let blocks = scene.server.http("GET", "/v1/guard/blocks", b"").json();
    let block = &blocks["blocks"][0];
    assert_eq!(
        (&block["subject"], &block["cause"]),
        (&Value::from("service:mallory"), &Value::from("attack"),),
        "{blocks}"
    );
}
