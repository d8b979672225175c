//! Others that are asked the same, in the same rounds.

use std::cell::RefCell;
use std::env;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use serde_json::Value;

/// Says what one of the inputs comes to.
pub(super) type Act = Box<dyn Fn(usize) -> bool>;

const ENTRY: &str = "data.authzen.allow";

/// regorus, as it interprets a policy and as it runs it compiled.
pub(super) fn regorus(policy: &str, data: &str, inputs: &[String]) -> (Act, Act) {
    let mut engine = regorus::Engine::new();
    engine.add_policy("rbac.rego".to_owned(), policy.to_owned()).unwrap();
    let data = regorus::Value::from_json_str(data).unwrap();
    engine.add_data(data.clone()).unwrap();
    let compiled = engine.compile_with_entrypoint(&ENTRY.into()).unwrap();
    let program = Compiler::compile_from_policy(&compiled, &[ENTRY]).unwrap();
    let machine = RefCell::new(RegoVM::new());
    machine.borrow_mut().load_program(program);
    machine.borrow_mut().set_data(data).unwrap();
    let values: Vec<regorus::Value> =
        inputs.iter().map(|input| regorus::Value::from_json_str(input).unwrap()).collect();
    let again = values.clone();
    let allowed = regorus::Value::Bool(true);
    let interpreted = Box::new(move |number: usize| {
        compiled.eval_with_input(values[number].clone()).unwrap() == allowed
    });
    let run = Box::new(move |number: usize| {
        let mut machine = machine.borrow_mut();
        machine.set_input(again[number].clone());
        machine.execute_entry_point_by_name(ENTRY).unwrap() == regorus::Value::Bool(true)
    });
    (interpreted, run)
}

/// Cedar, in a process of its own: its dependencies would turn on features of ours.
pub(super) struct Cedar {
    child: Child,
    asks: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
    pub(super) version: String,
    /// Whether it allows each of the inputs.
    pub(super) said: Vec<bool>,
}

impl Cedar {
    /// Starts it, where `cargo xtask bench` has built it.
    pub(super) fn start(data: &str, inputs: &[String]) -> Option<Self> {
        let program = env::var_os("STOCKADE_BENCH_CEDAR")?;
        let mut command = Command::new(program);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut asks = child.stdin.take().unwrap();
        writeln!(asks, "{data}\n[{}]", inputs.join(",")).unwrap();
        let mut says = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&says.next().unwrap().unwrap()).unwrap();
        let said = first["said"].as_array().unwrap().iter().map(|one| one == true).collect();
        let version = first["version"].as_str().unwrap().to_owned();
        Some(Self { child, asks, says, version, said })
    }

    /// Nanoseconds for one input, the mean of all of them in turn.
    pub(super) fn round(&mut self) -> f64 {
        writeln!(self.asks).unwrap();
        let line: Value = serde_json::from_str(&self.says.next().unwrap().unwrap()).unwrap();
        line["nanos"].as_f64().unwrap()
    }
}

impl Drop for Cedar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
