//! OPA's own cases, where they lie in `../shared/suites/opa`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::collections::BTreeMap;
use std::io::Read;
use std::net::ToSocketAddrs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use rego::builtin::{Failure, World};
use rego::syntax::tree::Edition;
use rego::value::json;
use rego::{Ask, Options, Program, Value, syntax};

struct Here;

impl World for Here {
    fn now(&self) -> i64 {
        1_700_000_000_000_000_000
    }

    fn random(&self) -> u64 {
        4
    }

    fn look_up(&self, host: &str) -> Result<Vec<String>, Failure> {
        let found =
            (host, 0).to_socket_addrs().map_err(|error| Failure::Broken(error.to_string()))?;
        Ok(found.map(|address| address.ip().to_string()).collect())
    }
}

#[test]
fn cases_of_opa_have_the_results_they_want() {
    let Some(cases) = cases() else { return };
    let (mut passed, mut folders) = (0, BTreeMap::<String, (usize, usize)>::new());
    let loud = std::env::var("REGO_CASES").unwrap_or_default();
    for case in &cases {
        let folder = folders.entry(text(case, "folder")).or_default();
        let judged = |options| {
            let outcome = catch_unwind(AssertUnwindSafe(|| judge(case, options)));
            outcome.unwrap_or_else(|_| Err("it panicked".into()))
        };
        let outcome = judged(Options::default());
        // Who is told what happens gets the same answers.
        let told = judged(Options { marks: true, ..Options::default() });
        assert_eq!(outcome, told, "{}", text(case, "note"));
        folder.1 += 1;
        match outcome {
            Ok(()) => {
                passed += 1;
                folder.0 += 1;
            }
            Err(why) if !loud.is_empty() && text(case, "note").contains(&loud) => {
                eprintln!("--- {}\n{why}", text(case, "note"));
                eprintln!("query: {}", text(case, "query"));
                for module in case.get_text("modules").into_iter().flat_map(members) {
                    eprintln!("{}", module.as_text().unwrap());
                }
            }
            Err(why) => {
                let first = why.lines().next().unwrap_or_default();
                eprintln!(
                    "{}: {}",
                    text(case, "note"),
                    first.chars().take(200).collect::<String>()
                );
            }
        }
    }
    for (folder, (passed, all)) in folders.iter().filter(|(_, (passed, all))| passed < all) {
        eprintln!("{folder}: {passed} of {all}");
    }
    eprintln!("{passed} of {} cases pass", cases.len());
    assert_eq!(passed, cases.len(), "all of them passed before");
}

fn cases() -> Option<Vec<Value>> {
    let place =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/opa/cases.jsonl.zst");
    let Ok(packed) = std::fs::read(place) else {
        eprintln!("skipped: there are no cases in ../shared/suites/opa");
        return None;
    };
    let mut lines = String::new();
    zstd::Decoder::new(packed.as_slice()).unwrap().read_to_string(&mut lines).unwrap();
    Some(lines.lines().map(|line| json::read(line.as_bytes()).unwrap()).collect())
}

/// Runs a case, and says what is other than it should be.
fn judge(case: &Value, options: Options) -> Result<(), String> {
    let mut modules = Vec::new();
    for (number, module) in case.get_text("modules").into_iter().flat_map(members).enumerate() {
        let name = format!("test-{number}.rego");
        let module = syntax::module(&name, module.as_text().unwrap(), Edition::V1);
        modules.push(Arc::new(module.map_err(|errors| format!("unread: {}", errors[0]))?));
    }
    let program = Program::compile(modules, options);
    let program = program.map_err(|problems| format!("uncompiled: {}", problems[0]))?;
    let context = Arc::new(syntax::module("query", "package query", Edition::V1).unwrap());
    let query = syntax::query("query", &text(case, "query"), Edition::V1);
    let query = query.map_err(|errors| format!("unread: {}", errors[0]))?;
    let question = program.question(&context, &query);
    let question = question.map_err(|problems| format!("unasked: {}", problems[0]))?;
    let input = match case.get_text("input_term").and_then(Value::as_text) {
        Some(term) => Some(ground(term)?),
        None => case.get_text("input").cloned(),
    };
    let data = case.get_text("data").filter(|data| **data != Value::Null).cloned();
    let data = data.unwrap_or_else(|| Value::object([]));
    let strict = case.get_text("strict_error") == Some(&true.into());
    let ask = Ask { input, data, world: &Here, strict, steps_max: 50_000_000 };
    let rows = match options.marks {
        true => program.explain(&question, &ask).0,
        false => program.rows(&question, &ask),
    };
    match (rows, case.get_text("want_error_code").and_then(Value::as_text)) {
        (Err(error), Some(code)) if error.code == code => {
            let wanted = text(case, "want_error");
            match error.to_string().contains(&wanted) {
                true => Ok(()),
                false => Err(format!("wanted the error `{wanted}`, got `{error}`")),
            }
        }
        (Err(error), None) if case.get_text("want_error").is_some() => {
            let wanted = text(case, "want_error");
            match error.to_string().contains(&wanted) {
                true => Ok(()),
                false => Err(format!("wanted the error `{wanted}`, got `{error}`")),
            }
        }
        (Err(error), code) => Err(format!("wanted {code:?}, got the error `{error}`")),
        (Ok(rows), Some(code)) => Err(format!("wanted {code}, got {rows:?}")),
        (Ok(rows), None) => {
            let got: Vec<Value> = rows
                .into_iter()
                .map(|row| {
                    Value::object(
                        row.names.into_iter().map(|(name, value)| (Value::text(name), value)),
                    )
                })
                .collect();
            let got = json::read(json::write(&Value::array(got)).as_bytes()).unwrap();
            let wanted = case.get_text("want_result").cloned().unwrap_or_else(|| Value::array([]));
            let sorts = case.get_text("sort_bindings") == Some(&true.into());
            let same = sorted(&got, sorts) == sorted(&wanted, sorts);
            if same { Ok(()) } else { Err(format!("wanted {wanted}, got {got}")) }
        }
    }
}

fn ground(term: &str) -> Result<Value, String> {
    let program = Program::compile(Vec::new(), Options::default()).map_err(|_| "no program")?;
    let context = Arc::new(syntax::module("query", "package query", Edition::V1).unwrap());
    let query = syntax::query("input", &format!("x = {term}"), Edition::V1);
    let query = query.map_err(|errors| format!("unread input: {}", errors[0]))?;
    let question =
        program.question(&context, &query).map_err(|problems| problems[0].to_string())?;
    let ask = Ask {
        input: None,
        data: Value::object([]),
        world: &Here,
        strict: true,
        steps_max: 1_000_000,
    };
    let rows = program.rows(&question, &ask).map_err(|error| error.to_string())?;
    Ok(rows[0].names[0].1.clone())
}

/// Rows in any order, and lists in them too where the case says so.
fn sorted(rows: &Value, within: bool) -> Value {
    let mut rows: Vec<Value> =
        members(rows).map(|row| if within { ordered(row) } else { row.clone() }).collect();
    rows.sort();
    Value::array(rows)
}

fn ordered(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(ordered).collect();
            items.sort();
            Value::array(items)
        }
        Value::Object(members) => {
            Value::object(members.iter().map(|(key, value)| (key.clone(), ordered(value))))
        }
        other => other.clone(),
    }
}

fn members(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.iter(),
        _ => [].iter(),
    }
}

fn text(case: &Value, key: &str) -> String {
    case.get_text(key).and_then(Value::as_text).unwrap_or_default().to_owned()
}
