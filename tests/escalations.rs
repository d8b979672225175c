//! Decisions nobody has a rule for, through the real door: answered at once, put before people,
//! and decided by them from the next question on, whatever becomes of the server.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::path::Path;

use serde_json::{Value, json};
use server::{Answer, Events, KEY, Server, attempt};

const CONFIG: &str = r#"
[policy.review."agents/verdict"]
safe_when = "tools/read_only"
default = { decision = "block", reason = "ask a human first" }

[policy.review."agents/second"]
budget = "2s"

[policy.experts.scripted.cautious]
document = "experts/cautious"
"#;

const POLICY: &str = r#"package agents

verdict := "block" if input.tool == "rm"

verdict := {"decision": "approve", "reason": "harmless"} if input.tool == "echo"

verdict := "escalate" if startswith(input.tool, "new-")

second := "escalate" if input.tool
"#;

const TOOLS: &str = r#"package tools

read_only if input.tool in {"ls", "cat"}
"#;

const CAUTIOUS: &str = r#"package experts

cautious := {"decision": "approve", "reason": "seen often", "confidence": 0.8} if input.tool == "make"

cautious := {"decision": "perhaps"} if input.tool == "flip"
"#;

fn start(place: &Path) -> Server {
    let config = place.join("stockade.toml");
    std::fs::write(&config, CONFIG).unwrap();
    Server::start_with(&place.join("data"), |command| {
        command.arg("--config").arg(config);
    })
}

fn policies(server: &Server) {
    for (id, source) in [("agents", POLICY), ("tools", TOOLS), ("experts", CAUTIOUS)] {
        let path = format!("/v1/policies/{id}.rego");
        assert_eq!(server.http("PUT", &path, source.as_bytes()).status, 200, "{id}");
    }
}

fn ask(server: &Server, path: &str, input: &Value) -> (Value, String) {
    let path = format!("/v1/data/{path}");
    let body = json!({ "input": input }).to_string();
    let answer = server.http("POST", &path, body.as_bytes());
    assert_eq!(answer.status, 200, "{path}");
    let tier = answer.head.lines().find_map(|line| line.strip_prefix("x-stockade-tier: "));
    (read(&answer)["result"].clone(), tier.unwrap_or_default().trim().to_owned())
}

fn verdict(server: &Server, tool: &str) -> (Value, String) {
    // The token is nothing a policy reads.
    ask(server, "agents/verdict", &json!({ "tool": tool, "token": "a-secret-of-an-agent" }))
}

fn read(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

fn cases(server: &Server, state: &str) -> Vec<Value> {
    let answer = server.http("GET", &format!("/v1/escalations?state={state}"), b"");
    assert_eq!(answer.status, 200);
    read(&answer)["escalations"].as_array().unwrap().clone()
}

fn decide(server: &Server, id: &str, body: &Value) -> (u16, Value) {
    let path = format!("/v1/escalations/{id}");
    let answer = server.http("POST", &path, body.to_string().as_bytes());
    (answer.status, read(&answer))
}

#[test]
fn what_nobody_has_a_rule_for_is_answered_at_once_and_decided_by_people_for_good() {
    let place = tempfile::tempdir().unwrap();
    let server = start(place.path());
    let mut events = Events::follow(&server, KEY, "from=1");
    policies(&server);
    // What policies say stays what it is.
    assert_eq!(verdict(&server, "rm"), (json!("block"), "engine".into()));
    assert_eq!(verdict(&server, "rm").1, "memory");
    assert_eq!(verdict(&server, "echo").0["reason"], "harmless");
    assert_eq!(cases(&server, "open"), [] as [Value; 0]);

    for (tool, decision, reason) in [
        ("new-tool", "block", "ask a human first"),
        ("dig", "block", "ask a human first"),
        ("ls", "approve", "nobody knows, and `tools/read_only` says it is safe"),
    ] {
        let (said, tier) = verdict(&server, tool);
        assert_eq!((&said["decision"], &*tier), (&json!(decision), "default"), "{tool} {said}");
        assert_eq!((&said["reason"], &said["tier"]), (&json!(reason), &json!("default")));
        assert_eq!(said["revision"], "3.0", "{said}");
    }
    verdict(&server, "dig");
    let open = cases(&server, "open");
    let shown: Vec<_> = open.iter().map(|case| (&case["input"], &case["asked"])).collect();
    let tool = |name: &str| json!({ "tool": name });
    let (new, dig, ls) = (tool("new-tool"), tool("dig"), tool("ls"));
    assert_eq!(shown, [(&new, &json!(1)), (&dig, &json!(2)), (&ls, &json!(1))], "{open:?}");
    let id = open[1]["id"].as_str().unwrap();

    let (status, wrong) = decide(&server, id, &json!({ "decision": "aprove", "reason": "r" }));
    assert_eq!(status, 400, "{wrong}");
    assert!(wrong["advice"].as_str().unwrap().contains("`approve`, `block`"), "{wrong}");
    assert_eq!(verdict(&server, "dig").1, "default");
    let yes = json!({ "decision": "approve", "reason": "it is our garden" });
    let (status, decided) = decide(&server, id, &yes);
    assert_eq!((status, &decided["decided"]["by"]), (200, &json!("human:admin")), "{decided}");
    let (said, tier) = verdict(&server, "dig");
    assert_eq!((&said["decision"], &*tier), (&json!("approve"), "human"), "{said}");
    assert_eq!((&said["reason"], &said["confidence"]), (&json!("it is our garden"), &json!(1.0)));

    // What was refused is queued, and what was decided is not: either may be on record first.
    let facts = [(); 2].map(|()| events.until("escalation.decide")["data"].clone());
    assert!(facts.iter().any(|fact| fact["reason"] == "policy-case-decision"), "{facts:?}");
    assert!(facts.iter().any(|fact| fact["detail"]["decision"] == "approve"), "{facts:?}");
    let mut made = events.until("decision.make");
    while made["data"]["detail"]["tier"] != "human" {
        made = events.until("decision.make");
    }
    assert_eq!(made["data"]["detail"]["reason"], "it is our garden", "{made}");
    assert!(!format!("{made}{open:?}").contains("a-secret"), "what no policy reads is not shown");

    server.kill();
    let server = start(place.path());
    assert_eq!(verdict(&server, "dig").1, "human", "it was acknowledged");
    assert_eq!(verdict(&server, "rm").0, "block");
    // A policy that has something to say goes before what people said of its gap.
    let source = format!("{POLICY}\nverdict := \"block\" if input.tool == \"dig\"\n");
    server.http("PUT", "/v1/policies/agents.rego", source.as_bytes());
    assert_eq!(verdict(&server, "dig"), (json!("block"), "engine".into()));
    server.http("PUT", "/v1/policies/agents.rego", POLICY.as_bytes());
    assert_eq!(verdict(&server, "dig").1, "human");

    let path = format!("/v1/escalations/{id}");
    assert_eq!(server.http("DELETE", &path, b"").status, 204);
    assert_eq!(server.http("DELETE", &path, b"").status, 404);
    assert_eq!(decide(&server, id, &yes).0, 404);
    assert_eq!(verdict(&server, "dig").1, "default");
    assert_eq!(cases(&server, "decided"), [] as [Value; 0]);
}

#[test]
fn an_expert_that_is_a_document_is_asked_before_people() {
    let place = tempfile::tempdir().unwrap();
    let server = start(place.path());
    policies(&server);
    let second = |tool: &str| ask(&server, "agents/second", &json!({ "tool": tool }));
    for _ in 0..2 {
        let (said, tier) = second("make");
        assert_eq!((&said["decision"], &*tier), (&json!("approve"), "expert"), "{said}");
        assert_eq!((&said["reason"], &said["confidence"]), (&json!("seen often"), &json!(0.8)));
    }
    // No opinion, and nonsense, are no answers.
    assert_eq!((second("other").1, second("flip").1), ("default".into(), "default".into()));
    let open = cases(&server, "open");
    assert_eq!(open.len(), 2, "{open:?}");
    // What people decide goes before what an expert says.
    let (id, no) =
        (open[1]["id"].as_str().unwrap(), json!({ "decision": "block", "reason": "no" }));
    decide(&server, id, &no);
    assert_eq!((second("flip").1, second("make").1), ("human".into(), "expert".into()));
    // Other policies are other experts.
    server.http("PUT", "/v1/policies/experts.rego", b"package experts\n\ncautious := \"block\"");
    assert_eq!(second("make").0["decision"], "block");
}

#[test]
fn only_who_may_change_policies_decides() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start_with(&place.path().join("data"), |command| {
        command.env("STOCKADE_GATE__STRANGERS__LOOPBACK", "false");
    });
    let key = |role: &str| {
        let body = json!({ "principal": role, "kind": "human", "roles": [role] }).to_string();
        let made = server.http("POST", "/v1/auth/keys", body.as_bytes());
        read(&made)["secret"].as_str().unwrap().to_owned()
    };
    let body = br#"{"decision":"approve","reason":"r"}"#;
    for (role, lists, decides) in [("reader", 403, 403), ("writer", 403, 403), ("admin", 200, 404)]
    {
        let key = key(role);
        let ask = |method: &str, path: &str, body: &[u8]| {
            attempt(&server.http, Some(&key), method, path, body).unwrap().status
        };
        assert_eq!(ask("GET", "/v1/escalations", b""), lists, "{role}");
        assert_eq!(ask("POST", "/v1/escalations/nobody", body), decides, "{role}");
        assert_eq!(ask("DELETE", "/v1/escalations/nobody", b""), decides, "{role}");
    }
    assert_eq!(attempt(&server.http, None, "GET", "/v1/escalations", b"").unwrap().status, 401);
}

#[test]
fn another_server_decides_and_when_it_is_gone_what_is_configured() {
    let place = tempfile::tempdir().unwrap();
    let far = Server::start(&place.path().join("far"));
    let there = b"package far\n\nallow := \"from there\" if input.n";
    assert_eq!(far.http("PUT", "/v1/policies/far.rego", there).status, 200);
    let config = place.path().join("stockade.toml");
    let remotes = ["cached", "embedded", "refuse"].map(|fallback| {
        let url = &far.http;
        format!("[policy.remote.\"far/{fallback}\"]\nurl = \"http://{url}\"\ntimeout = \"5s\"\nfallback = \"{fallback}\"\n")
    });
    std::fs::write(&config, remotes.concat()).unwrap();
    let near = Server::start_with(&place.path().join("near"), |command| {
        command.arg("--config").arg(&config);
    });
    for name in ["cached", "embedded", "refuse"] {
        let source = format!("package far.{name}\n\nallow := \"from SIDE\" if input.n");
        for (server, side) in [(&far, "there"), (&near, "here")] {
            let path = format!("/v1/policies/{name}.rego");
            let source = source.replace("SIDE", side);
            assert_eq!(server.http("PUT", &path, source.as_bytes()).status, 200);
        }
        let path = format!("far/{name}/allow");
        let said = ask(&near, &path, &json!({ "n": 1 }));
        assert_eq!(said, (json!("from there"), "remote".into()), "{name}");
    }
    far.kill();
    let input = json!({ "n": 1 });
    let said = ask(&near, "far/cached/allow", &input);
    assert_eq!(said, (json!("from there"), "remote-cached".into()));
    assert_eq!(ask(&near, "far/embedded/allow", &input), (json!("from here"), "engine".into()));
    let refused = near.http("POST", "/v1/data/far/refuse/allow", br#"{"input":{"n":1}}"#);
    assert_eq!(refused.status, 503, "{}", String::from_utf8_lossy(&refused.body));
}
