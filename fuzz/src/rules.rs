//! What holds of policies and of their JSON, whatever bytes are given for them.
//!
//! Each target takes bytes and panics when something does not hold: for the fuzzer, which makes
//! them up, and for the ordinary tests, which replay those that are kept.

use std::cell::Cell;
use std::sync::Arc;

use rego::builtin::World;
use rego::syntax::{self, Edition};
use rego::value::json;
use rego::{Ask, Options, Program, Value};

/// What panics when something does not hold of bytes.
pub type Target = fn(&[u8]);

/// Every target by name.
pub const TARGETS: [(&str, Target); 2] = [("policy", policy), ("rego_json", rego_json)];

/// As many steps are done for one answer.
const STEPS_MAX: u64 = 20_000;

/// So often it is asked whether there is time left, and there is.
const PATIENCE: u32 = 50;

const DATA: &str =
    r#"{"d":{"users":{"ann":["admin"],"bob":[]},"n":[1,2.5,-3,"x",null,true]},"p":{"base":1}}"#;
const INPUT: &str =
    r#"{"user":"ann","n":2,"list":[1,"a",{"b":[null]}],"deep":{"a":{"b":{"c":1}}}}"#;

/// A world in which the time passes by being asked for.
struct Brief(Cell<u32>);

impl World for Brief {
    fn now(&self) -> i64 {
        1_700_000_000_000_000_000
    }

    fn random(&self) -> u64 {
        4
    }

    fn over(&self) -> bool {
        self.0.set(self.0.get() + 1);
        self.0.get() > PATIENCE
    }
}

/// A policy is refused, or is the same when it is shown and read again; what it comes to is the
/// same twice, and depends on nothing that it is not said to read.
pub fn policy(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(module) = syntax::module("fuzz.rego", &text, Edition::V1) else { return };
    let shown = module.to_string();
    let again = syntax::module("shown.rego", &shown, Edition::V1);
    assert!(again.is_ok(), "what was shown cannot be read: {shown}");
    let options = Options { open: true, ..Options::default() };
    let Ok(program) = Program::compile(vec![Arc::new(module)], options) else { return };
    let reads = program.reads(&[]);
    let input = json::read(INPUT.as_bytes()).expect("an input");
    let first = answer(&program, input.clone());
    let second = answer(&program, input.clone());
    assert_eq!(first, second, "asked twice, answered twice");
    if let Some(value) = first.as_ref().ok().and_then(Option::as_ref) {
        let text = json::write(value);
        assert!(json::read(text.as_bytes()).is_ok(), "the answer is no JSON: {text}");
    }
    let whole = reads.input.iter().any(Vec::is_empty);
    let read = |key: &Value| reads.input.iter().any(|path| path.first() == Some(key));
    if let (false, Value::Object(members)) = (whole, &input) {
        let kept = members.iter().filter(|(key, _)| read(key));
        let kept = kept.map(|(key, value)| (key.clone(), value.clone()));
        let other = Value::object(kept.chain([("nobody reads this".into(), Value::Null)]));
        let third = answer(&program, other);
        // Ways through it may be longer or shorter, and only there may it be given up.
        if first.is_ok() && third.is_ok() {
            assert_eq!(first, third, "it depends on more than {:?}", reads.input);
        }
    }
}

fn answer(program: &Program, input: Value) -> Result<Option<Value>, String> {
    let data = json::read(DATA.as_bytes()).expect("documents");
    let world = Brief(Cell::new(0));
    let ask = Ask { input: Some(input), data, world: &world, strict: false, steps_max: STEPS_MAX };
    program.document(&[], &ask).map_err(|error| error.to_string())
}

/// JSON is refused, or what was read of it is written as what is read alike.
pub fn rego_json(bytes: &[u8]) {
    let Ok(value) = json::read(bytes) else { return };
    let text = json::write(&value);
    let again = json::read(text.as_bytes());
    assert!(again.is_ok(), "what was written cannot be read: {text}");
    if let Ok(again) = again {
        assert_eq!(again, value, "{text} is read as another value");
        assert_eq!(json::write(&again), text, "written twice, written otherwise");
    }
}
