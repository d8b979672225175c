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

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap()
    }
}

/// The pieces of a text: words, spaces, and signs of their own.
fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(word.max(first.len_utf8()));
        out.push(piece);
        rest = after;
    }
    out
}

#[test]
fn modules_with_pieces_moved_are_refused_or_printed_as_what_they_are() {
    let Some(cases) = cases() else { return };
    let texts: Vec<&str> = cases
        .iter()
        .flat_map(|case| case["modules"].as_array().unwrap())
        .map(|text| text.as_str().unwrap())
        .collect();
    let rounds = std::env::var("SYNTAX_ROUNDS").map_or(2, |rounds| rounds.parse().unwrap());
    let mut dice = Dice(0x5eed);
    let (mut read, mut refused) = (0, 0);
    for text in texts.iter().cycle().take(texts.len() * rounds) {
        let mut parts = pieces(text);
        let others = pieces(texts[dice.below(texts.len())]);
        for _ in 0..=dice.below(3) {
            let (at, other) = (dice.below(parts.len()), dice.below(others.len()));
            match dice.below(4) {
                0 => drop(parts.remove(at)),
                1 => parts.insert(at, parts[dice.below(parts.len())]),
                2 => parts.insert(at, others[other]),
                _ => parts[at] = others[other],
            }
            if parts.is_empty() {
                break;
            }
        }
        let mutant: String = parts.concat();
        for edition in [Edition::V0, Edition::V1] {
            if let Err(errors) = syntax::module("mutant", &mutant, edition) {
                refused += 1;
                assert!(!errors[0].to_string().is_empty());
                continue;
            }
            read += 1;
            check(&mutant, edition).unwrap_or_else(|why| panic!("{edition:?} {mutant}\n{why}"));
        }
    }
    assert!(read > 500 && refused > 500, "{read} read, {refused} refused");
}

#[test]
fn a_module_that_imports_the_newer_edition_reads_the_same_in_the_older_one() {
    let Some(cases) = cases() else { return };
    for case in &cases {
        for module in case["modules"].as_array().into_iter().flatten() {
            let text = module.as_str().unwrap();
            let newer = syntax::module("case.rego", text, Edition::V1).unwrap();
            let package = newer.package_span.end as usize;
            let text = format!("{}\nimport rego.v1\n{}", &text[..package], &text[package..]);
            check(&text, Edition::V0).unwrap_or_else(|why| panic!("{}: {why}", case["note"]));
            let older = syntax::module("case.rego", &text, Edition::V0).unwrap();
            assert_eq!(plain(&newer.rules), plain(&older.rules), "{text}");
        }
    }
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
