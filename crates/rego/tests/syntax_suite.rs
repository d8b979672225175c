//! Every module and query of OPA's own cases is read, printed, and read again. The cases are no
//! part of this repository: they are read from `../shared/suites/opa`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::fmt::Debug;
use std::path::Path;

use rego::syntax::{self, Edition, Module};
use serde_json::Value;

fn cases() -> Option<Vec<Value>> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/opa");
    let Ok(packed) = std::fs::read(place.join("cases.jsonl.zst")) else {
        eprintln!("skipped: there are no cases in ../shared/suites/opa");
        return None;
    };
    let text = zstd::decode_all(packed.as_slice()).unwrap();
    Some(
        text.split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect(),
    )
}

/// The tree without what differs when it was laid out otherwise: places, and the numbers of
/// wildcards.
fn plain(tree: &impl Debug) -> String {
    let text = format!("{tree:?}");
    let mut out = String::new();
    for (place, part) in text.split("Span { start: ").enumerate() {
        let part = if place > 0 { part.split_once('}').unwrap().1 } else { part };
        for (place, part) in part.split("Var(\"$").enumerate() {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
            out += if place > 0 { "Var(\"$" } else { "" };
            out += if place > 0 { rest } else { part };
        }
    }
    out
}

fn plain_module(module: &Module) -> String {
    let said: Vec<_> = module.annotations.iter().map(|said| (&said.says, said.rule)).collect();
    plain(&(&module.package, &module.imports, &module.rules, said))
}

/// What went wrong with a module, if anything did.
fn check(text: &str, edition: Edition) -> Result<(), String> {
    let errors = |errors: Vec<syntax::SyntaxError>| {
        errors.iter().map(|error| format!("{error}\n")).collect::<String>()
    };
    let module = syntax::module("case.rego", text, edition).map_err(errors)?;
    let printed = module.to_string();
    let again = syntax::module("printed.rego", &printed, edition)
        .map_err(|wrong| format!("printed as:\n{printed}\n{}", errors(wrong)))?;
    let (one, two) = (plain_module(&module), plain_module(&again));
    if one != two {
        return Err(format!("printed as:\n{printed}\n{one}\n{two}"));
    }
    assert_eq!(printed, again.to_string(), "printing is settled after once");
    let shown = syntax::json::module(&module);
    assert!(shown.get_text("package").is_some());
    Ok(())
}

#[test]
fn every_module_of_the_suite_is_read_and_printed() {
    let Some(cases) = cases() else { return };
    let (mut read, mut wrong) = (0, Vec::new());
    for case in &cases {
        for module in case["modules"].as_array().into_iter().flatten() {
            read += 1;
            if let Err(why) = check(module.as_str().unwrap(), Edition::V1) {
                wrong.push(format!("{}: {why}", case["note"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {read} modules:\n{}", wrong.len(), wrong.join("\n"));
    assert!(read > 1_500, "{read}");
}

#[test]
fn every_query_and_input_of_the_suite_is_read_and_printed() {
    let Some(cases) = cases() else { return };
    let mut wrong = Vec::new();
    for case in &cases {
        let text = case["query"].as_str().unwrap();
        match syntax::query("query", text, Edition::V1) {
            Err(errors) => wrong.push(format!("{}: {}", case["note"], errors[0])),
            Ok(body) => {
                let printed: Vec<String> = body.iter().map(ToString::to_string).collect();
                let printed = printed.join("; ");
                let again = syntax::query("printed", &printed, Edition::V1).unwrap();
                assert_eq!(plain(&body), plain(&again), "{printed}");
            }
        }
        let Some(text) = case["input_term"].as_str() else { continue };
        match syntax::term(text) {
            Ok(term) if term.ground().is_some() => {}
            other => wrong.push(format!("{}: {other:?}", case["note"])),
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
