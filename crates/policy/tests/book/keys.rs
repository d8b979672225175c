//! What is remembered is remembered for the same question alone.

use flow::question::policy::{DataChange, Tier};
use flow::unit::Span;
use policy::Config;
use rego::value::json;

use super::node::{Known, Plane, ask, code, one};

const POLICY: &str = "package k

joined := concat(\"|\", [input.a, input.b])
same := input.a
written := json.marshal(input.a)
shown := sprintf(\"%v %d\", [input.a, input.a])
there if input.a
kind := type_name(input.a)
within := input.a.b
several contains x if some x in input.list
named[role] := true if some role in input.roles
default allow := false
allow if {
	input.user == \"ann\"
	input.context.mfa
}
whole := input
mocked := x if { x := joined with input.b as \"z\" }
nothing := 1
";

async fn decided(path: &str, inputs: &[&str]) -> Vec<Tier> {
    let node = Plane::new().await.node().await;
    node.put("k", POLICY).await.unwrap();
    let known = Known { policies: [("k".into(), POLICY.into())].into(), data: "{}".into() };
    let mut tiers = Vec::new();
    for input in inputs {
        let decided = node.decide(&format!("k/{path}"), input).await.unwrap();
        let (answer, tier) = one(&decided);
        let fresh = known.fresh(&format!("k/{path}"), input).unwrap();
        assert_eq!(answer, fresh.as_deref(), "{path} of {input} is remembered of another");
        tiers.push(tier);
    }
    // A program that asks for the same again and again is told the same.
    let path = format!("k/{path}");
    let mut prepared = node.decider.prepare(&node.tenant, &path).await.unwrap();
    for input in inputs.iter().chain(inputs) {
        let value = json::read(input.as_bytes()).unwrap();
        let answer = prepared.decide(&value).await.unwrap();
        let fresh = known.fresh(&path, input).unwrap();
        assert_eq!(answer.as_deref(), fresh.as_deref().map(str::as_bytes), "{path} of {input}");
    }
    tiers
}

/// Whether each was remembered.
async fn check(path: &str, inputs: &[&str], remembered: &[bool]) {
    let tiers = decided(path, inputs).await;
    let expected: Vec<_> =
        remembered.iter().map(|known| if *known { Tier::Memory } else { Tier::Engine }).collect();
    assert_eq!(tiers, expected, "{path} of {inputs:?}");
}

#[tokio::test]
async fn keys_are_not_built_by_concatenation() {
    let inputs = [
        r#"{"a":"a","b":"bc"}"#,
        r#"{"a":"ab","b":"c"}"#,
        r#"{"a":"abc","b":""}"#,
        r#"{"a":"","b":"abc"}"#,
        r#"{"a":"a","b":"bc"}"#,
        r#"{"a":"a\u0000","b":"b"}"#,
        r#"{"a":"a","b":"\u0000b"}"#,
    ];
    check("joined", &inputs, &[false, false, false, false, true, false, false]).await;
}

#[tokio::test]
async fn of_more_than_is_kept_beside_a_program_each_is_answered_for_itself() {
    let node = Plane::new().await.node().await;
    node.put("k", "package k\n\nsame := [data.d, input.a, input.b]\n").await.unwrap();
    let mut prepared = node.decider.prepare(&node.tenant, "k/same").await.unwrap();
    for changes in 0..3 {
        let document = changes.to_string();
        node.change("d", DataChange::Put(document.as_bytes())).await.unwrap();
        for n in (0..10_000).chain(0..10_000) {
            let (a, b) = (n / 100, n % 100);
            let input = json::read(format!(r#"{{"a":{a},"b":"{b}"}}"#).as_bytes()).unwrap();
            let answer = prepared.decide(&input).await.unwrap().unwrap();
            assert_eq!(answer, format!(r#"[{changes},{a},"{b}"]"#));
        }
    }
}

#[tokio::test]
async fn the_context_of_a_question_is_part_of_it() {
    let inputs = [
        r#"{"user":"ann","context":{"mfa":true}}"#,
        r#"{"user":"ann","context":{"mfa":false}}"#,
        r#"{"user":"ann","context":{}}"#,
        r#"{"user":"ann"}"#,
        r#"{"user":"ann","context":{"mfa":true},"other":1}"#,
    ];
    check("allow", &inputs, &[false, false, false, true, true]).await;
}

#[tokio::test]
async fn what_is_not_read_makes_no_difference_and_what_is_read_does() {
    let inputs =
        [r#"{"a":1}"#, r#"{"a":1,"b":2}"#, r#"{"b":[],"a":1}"#, r#"{"a":2}"#, r#"{"b":1}"#];
    check("same", &inputs, &[false, true, true, false, false]).await;
    check("whole", &inputs, &[false; 5]).await;
    check("nothing", &inputs, &[false, true, true, true, true]).await;
    // The place that is read is that of the rule within `with`, too.
    let inputs = [r#"{"a":"x","b":"y"}"#, r#"{"a":"x","b":"w"}"#, r#"{"a":"v","b":"w"}"#];
    assert_eq!(decided("mocked", &inputs).await[2], Tier::Engine);
}

#[tokio::test]
async fn values_that_look_alike_are_told_apart() {
    let kinds = [
        "{}",
        r#"{"a":null}"#,
        r#"{"a":""}"#,
        r#"{"a":false}"#,
        r#"{"a":true}"#,
        r#"{"a":0}"#,
        r#"{"a":1}"#,
        r#"{"a":"1"}"#,
        r#"{"a":[]}"#,
        r#"{"a":{}}"#,
        r#"{"a":[1]}"#,
        r#"{"a":["1"]}"#,
        r#"{"a":"[1]"}"#,
        r#"{"a":{"b":1}}"#,
        r#"{"a":{"b":"1"}}"#,
        r#"{"a":{"b":null}}"#,
        r#"{"a":"null"}"#,
        r#"{"a":1.5}"#,
        r#"{"a":"1.5"}"#,
        r#"{"a":18446744073709551616}"#,
        r#"{"a":18446744073709551617}"#,
        r#"{"a":-1}"#,
        r#"{"a":9223372036854775808}"#,
        r#"{"a":[[],1]}"#,
        r#"{"a":[[1]]}"#,
        r#"{"a":"\u0000"}"#,
    ];
    for path in ["same", "written", "shown", "there", "kind"] {
        check(path, &kinds, &[false; 26]).await;
    }
}

#[tokio::test]
async fn a_number_is_one_number_however_it_is_written() {
    let ones = [r#"{"a":1}"#, r#"{"a":1.0}"#, r#"{"a":1e0}"#, r#"{"a":10e-1}"#];
    for path in ["same", "written", "shown", "kind", "whole"] {
        decided(path, &ones).await;
    }
    check("there", &ones, &[false, true, true, true]).await;
    let others = [
        r#"{"a":0}"#,
        r#"{"a":-0}"#,
        r#"{"a":-0.0}"#,
        r#"{"a":0.1}"#,
        r#"{"a":0.10}"#,
        r#"{"a":1e2}"#,
        r#"{"a":100}"#,
        r#"{"a":[1]}"#,
        r#"{"a":[1.0]}"#,
        r#"{"a":{"b":1e1}}"#,
        r#"{"a":{"b":10}}"#,
        r#"{"a":0.1000000000000000055511151231257827}"#,
        r#"{"a":9007199254740993.0}"#,
        r#"{"a":9007199254740993}"#,
        r#"{"a":9007199254740992}"#,
    ];
    for path in ["same", "written", "shown", "kind", "whole"] {
        decided(path, &others).await;
    }
}

#[tokio::test]
async fn an_evaluation_that_failed_or_was_given_up_is_not_remembered() {
    let node = Plane::new().await.node().await;
    let source = "package k\nlong := count([1 | some x in numbers.range(1, 200); some y in numbers.range(1, 200); x == y; input.a])\nclash := x if some x in input.l\n";
    node.put("k", source).await.unwrap();
    let input = r#"{"a":1,"l":[1,2]}"#;
    let short = node.decider(Config { steps_max: 2000, ..Config::default() });
    let late =
        node.decider(Config { timeout: Span(std::time::Duration::ZERO), ..Config::default() });
    for decider in [&short, &late] {
        for _ in 0..2 {
            let given_up = ask(decider, &node.tenant, "k/long", input, Default::default()).await;
            assert_eq!(code(&given_up.unwrap_err()), "policy-failed");
        }
    }
    let decided = node.decide("k/long", input).await.unwrap();
    assert_eq!(one(&decided), (Some("200"), Tier::Engine), "what was given up was kept");
    // And what is remembered needs no steps.
    let decided = ask(&short, &node.tenant, "k/long", input, Default::default()).await.unwrap();
    assert_eq!(one(&decided), (Some("200"), Tier::Memory));
    for _ in 0..2 {
        let failed = node.decide("k/clash", input).await.unwrap_err();
        assert_eq!(failed.record()["errors"][0]["code"], "eval_conflict_error");
    }
    let decided = node.decide("k/clash", r#"{"l":[1]}"#).await.unwrap();
    assert_eq!(one(&decided), (Some("1"), Tier::Engine));
}

#[tokio::test]
async fn what_changes_by_itself_is_not_remembered() {
    let node = Plane::new().await.node().await;
    let source = "package k
now := time.now_ns()
chance := rand.intn(\"x\", 1000000000)
id := uuid.rfc4122(\"x\")
by_rule := now + 0
by_function := f(1)
f(_) := time.now_ns()
deep := [x | x := {y | y := now}]
mocked := x if { x := now with input as 1 }
stand := x if { x := steady(1) with steady as chancy }
steady(x) := x
chancy(_) := rand.intn(\"y\", 1000000000)
fixed := x if { x := now with time.now_ns as 7 }
";
    node.put("k", source).await.unwrap();
    for path in ["now", "chance", "id", "by_rule", "by_function", "deep", "mocked", "stand"] {
        let mut answers = Vec::new();
        for _ in 0..3 {
            let decided = node.decide(&format!("k/{path}"), "{}").await.unwrap();
            assert_eq!(decided.tier, Tier::Engine, "{path}");
            answers.push(decided.results[0].clone());
        }
        assert!(answers[0] != answers[1] || answers[1] != answers[2], "{path} stands still");
    }
    // All of a package is as unsteady as the least steady in it.
    for _ in 0..2 {
        assert_eq!(node.decide("k", "{}").await.unwrap().tier, Tier::Engine);
    }
    assert_eq!(one(&node.decide("k/fixed", "{}").await.unwrap()).0, Some("7"));
}

#[tokio::test]
async fn several_in_one_text_are_each_what_they_would_be_alone() {
    use flow::question::policy::{Decide, Posed};
    let node = Plane::new().await.node().await;
    node.put("k", POLICY).await.unwrap();
    let text =
        br#"{"user":"ann","context":{"mfa":true},"options":{"evaluations_semantic":"execute_all"},
        "evaluations":[{}, {"user":"bob"}, {"context":{}}, {"context":{"mfa":true}}, {}]}"#;
    for path in ["k/allow", "k/whole"] {
        for _ in 0..2 {
            let asked = Decide {
                path,
                text,
                posed: Posed::Each,
                strict: false,
                freshness: Default::default(),
            };
            let decided = node.decider.decide(&node.tenant, &asked).wait().await.unwrap();
            let results: Vec<_> = decided
                .results
                .iter()
                .map(|r| std::str::from_utf8(r.as_deref().unwrap()).unwrap())
                .collect();
            match path {
                "k/allow" => assert_eq!(results, ["true", "false", "false", "true", "true"]),
                _ => assert_eq!(results[1], r#"{"context":{"mfa":true},"user":"bob"}"#),
            }
        }
    }
}

#[tokio::test]
async fn other_data_is_another_answer() {
    let node = Plane::new().await.node().await;
    node.put("k", "package k\nallow if data.users[input.user].admin\nall := data.users")
        .await
        .unwrap();
    let input = r#"{"user":"ann"}"#;
    for (change, path, allow) in [
        (DataChange::Put(br#"{"ann":{"admin":true}}"#), "users", Some("true")),
        (DataChange::Put(b"false"), "users/ann/admin", None),
        (
            DataChange::Patch(br#"[{"op":"replace","path":"/ann/admin","value":true}]"#),
            "users",
            Some("true"),
        ),
        (DataChange::Delete, "users/ann", None),
    ] {
        node.change(path, change).await.unwrap();
        for tier in [Tier::Engine, Tier::Memory] {
            assert_eq!(one(&node.decide("k/allow", input).await.unwrap()), (allow, tier));
        }
    }
}
