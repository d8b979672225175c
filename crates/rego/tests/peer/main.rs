//! What policies come to here and by the interpreter of regorus, for policies that nobody wrote.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod grow;

use std::sync::Arc;

use rego::builtin::World;
use rego::syntax::{self, Edition};
use rego::value::json;
use rego::{Ask, Number, Options, Program, Value};

use grow::Chance;

/// How many answers are compared.
const CASES: usize = 20_000;

const SEED: u64 = 0x5eed_0009;

struct Here;

impl World for Here {
    fn now(&self) -> i64 {
        0
    }

    fn random(&self) -> u64 {
        0
    }
}

fn program(text: &str) -> Program {
    let module = syntax::module("t.rego", text, Edition::V1);
    let module = module.unwrap_or_else(|errors| panic!("{}\n{text}", errors[0]));
    let program = Program::compile(vec![Arc::new(module)], Options::default());
    program.unwrap_or_else(|problems| panic!("{}\n{text}", problems[0]))
}

fn value(text: &str) -> Value {
    json::read(text.as_bytes()).unwrap()
}

fn ours(program: &Program, path: &[&str], input: &str, data: &Value) -> Result<Option<Value>, String> {
    let path: Vec<Value> = path.iter().map(|key| Value::from(*key)).collect();
    let (input, data) = (Some(value(input)), data.clone());
    let ask = Ask { input, data, world: &Here, strict: false, steps_max: 1_000_000 };
    program.document(&path, &ask).map_err(|error| error.to_string())
}

/// A value of theirs.
fn known(theirs: &regorus::Value) -> Option<Value> {
    Some(match theirs {
        regorus::Value::Undefined => return None,
        regorus::Value::Null => Value::Null,
        regorus::Value::Bool(bool) => (*bool).into(),
        regorus::Value::Number(_) => Value::Number(Number::parse(&theirs.to_json_str().unwrap())?),
        regorus::Value::String(text) => Value::text(text.as_ref()),
        regorus::Value::Array(items) => items.iter().filter_map(known).collect(),
        regorus::Value::Set(members) => Value::set(members.iter().filter_map(known)),
        regorus::Value::Object(members) => {
            let pair = |(key, value)| known(key).zip(known(value));
            Value::object(members.iter().filter_map(pair))
        }
    })
}

fn theirs(engine: &mut regorus::Engine, rule: &str) -> Result<Option<Value>, String> {
    let found = engine.eval_rule(format!("data.t.{rule}")).map_err(|error| error.to_string())?;
    Ok(known(&found))
}

#[test]
fn policies_nobody_wrote_come_to_the_same_as_elsewhere() {
    let mut chance = Chance(SEED);
    // What they fail at, and we do as OPA does: something that is no collection has no members.
    let (mut same, mut failed, mut refused, mut unread) = (0, 0, 0, 0);
    let mut others = Vec::new();
    let mut reasons = std::collections::BTreeMap::<String, usize>::new();
    while same + others.len() < CASES {
        let seed = chance.number();
        let mut chance = Chance(seed);
        let data = format!("{{\"d\":{}}}", grow::object(&mut chance, 3));
        let grown = grow::policy(&mut chance);
        let program = program(&grown.text);
        let mut engine = regorus::Engine::new();
        if let Err(error) = engine.add_policy("t.rego".into(), grown.text.clone()) {
            unread += 1;
            if unread < 5 {
                eprintln!("regorus refuses a policy: {error}");
            }
            continue;
        }
        engine.set_strict_builtin_errors(false);
        engine.add_data_json(&data).unwrap();
        let documents = value(&data);
        for _ in 0..4 {
            let input = grow::object(&mut chance, 3);
            engine.set_input_json(&input).unwrap();
            for rule in &grown.rules {
                let mine = ours(&program, &["t", rule], &input, &documents);
                let yours = theirs(&mut engine, rule);
                match (&mine, &yours) {
                    (Ok(mine), Ok(yours)) if mine == yours => same += 1,
                    (Err(_), Err(_)) => failed += 1,
                    (Ok(_), Err(why)) => {
                        refused += 1;
                        if std::env::var("PEER_WHY").is_ok_and(|wanted| why.contains(&wanted)) {
                            eprintln!("WHY {rule} ours {mine:?} theirs {why}\ninput {input}\ndata {data}\n{}", grown.text);
                        }
                        *reasons.entry(why.lines().last().unwrap_or_default().chars().take(40).collect::<String>()).or_default() += 1;
                    }
                    _ => others.push((seed, grown.text.len(), format!(
                        "data.t.{rule}: ours {mine:?}\ntheirs {yours:?}\ninput {input}\ndata {data}\n{}", grown.text))),
                }
            }
        }
    }
    eprintln!("{reasons:#?}");
    eprintln!("{same} alike, {failed} failed alike, {refused} refused there, {unread} policies not read, {} other", others.len());
    others.sort_by_key(|(_, length, _)| *length);
    let show = std::env::var("PEER_SHOW").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    others.dedup_by_key(|(seed, ..)| *seed);
    for (seed, _, other) in others.iter().take(show) {
        eprintln!("--- seed {seed:#x}\n{other}");
    }
    assert!(others.is_empty(), "seed {SEED:#x}");
}
