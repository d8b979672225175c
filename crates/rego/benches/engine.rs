//! What a decision costs, beside regorus: roles whose grants are keyed, and roles whose grants
//! are a list.
//!
//! `cargo bench -p stockade-rego --bench engine`. Contenders take short turns, so that a busy
//! machine is busy for all of them; medians are printed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that fails should stop")]

use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;

use flow::Clock;
use rego::builtin::World;
use rego::syntax::{self, Edition};
use rego::value::json;
use rego::{Ask, Options, Program, Value};

const USERS: usize = 1000;
const ROLES: usize = 50;
const GRANTS: usize = 10;
const ROUNDS: usize = 61;

const KEYED: &str = "package rbac

default allow := false

allow if {
	some role in data.users[input.user]
	data.keyed[role][input.action][input.resource]
}
";

const LISTED: &str = "package rbac

default allow := false

allow if {
	some role in data.users[input.user]
	some grant in data.listed[role]
	grant.action == input.action
	grant.resource == input.resource
}
";

/// Asks about one of the inputs.
type Act = Box<dyn Fn(usize) -> bool>;

struct Here;

impl World for Here {
    fn now(&self) -> i64 {
        0
    }

    fn random(&self) -> u64 {
        0
    }
}

fn data() -> String {
    let mut text = String::from("{\"users\":{");
    for user in 0..USERS {
        let comma = if user == 0 { "" } else { "," };
        write!(
            text,
            "{comma}\"user-{user}\":[\"role-{}\",\"role-{}\"]",
            user % ROLES,
            (user * 7 + 3) % ROLES
        )
        .unwrap();
    }
    text.push_str("},\"listed\":{");
    for role in 0..ROLES {
        let comma = if role == 0 { "" } else { "," };
        let grants: Vec<String> = (0..GRANTS)
            .map(|grant| {
                format!(
                    "{{\"action\":\"{}\",\"resource\":\"doc-{}\"}}",
                    action(grant),
                    role * GRANTS + grant
                )
            })
            .collect();
        write!(text, "{comma}\"role-{role}\":[{}]", grants.join(",")).unwrap();
    }
    text.push_str("},\"keyed\":{");
    for role in 0..ROLES {
        let comma = if role == 0 { "" } else { "," };
        let by = |verb: &str| {
            let grants = (0..GRANTS).filter(|grant| action(*grant) == verb);
            let grants: Vec<String> =
                grants.map(|grant| format!("\"doc-{}\":true", role * GRANTS + grant)).collect();
            format!("\"{verb}\":{{{}}}", grants.join(","))
        };
        write!(text, "{comma}\"role-{role}\":{{{},{}}}", by("read"), by("write")).unwrap();
    }
    text.push_str("}}");
    text
}

fn action(grant: usize) -> &'static str {
    if grant.is_multiple_of(2) { "read" } else { "write" }
}

/// Inputs of which every second is allowed.
fn inputs() -> Vec<String> {
    let input = |number: usize| {
        let user = number * 37 % USERS;
        let (role, grant) = (user % ROLES, number % GRANTS);
        let resource = if number.is_multiple_of(2) { role * GRANTS + grant } else { 100_000 };
        format!(
            "{{\"user\":\"user-{user}\",\"action\":\"{}\",\"resource\":\"doc-{resource}\"}}",
            action(grant)
        )
    };
    (0..256).map(input).collect()
}

fn main() {
    println!(
        "# {USERS} users, {ROLES} roles of {GRANTS} grants each, two roles a user; one thread, one input after another."
    );
    let data = data();
    let inputs = inputs();
    for (name, source, goal) in [("keyed data", KEYED, "≥ 600000"), ("lists of grants", LISTED, "")]
    {
        let ours = ours(source, &data, &inputs);
        let ours_whole = ours_whole(source, &data, &inputs);
        let (interpreter, machine) = regorus(source, &data, &inputs);
        let clock = Clock::system();
        let mut acts: [Act; 4] = [ours, ours_whole, interpreter, machine];
        for number in 0..inputs.len() {
            let said: Vec<bool> = acts.iter().map(|act| act(number)).collect();
            assert!(
                said.iter().all(|one| *one == number.is_multiple_of(2)),
                "{name} {number}: {said:?}"
            );
        }
        let mut measured = [const { Vec::new() }; 4];
        for _ in 0..ROUNDS {
            for (act, measured) in acts.iter_mut().zip(&mut measured) {
                let since = clock.moment();
                (0..inputs.len()).for_each(|number| {
                    black_box(act(number));
                });
                let took = clock.moment().since(since).as_nanos() as f64;
                measured.push(took / inputs.len() as f64);
            }
        }
        let [ours, whole, interpreter, machine] = measured.map(|mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        });
        let rate = |nanos: f64| (1e9 / nanos).round();
        println!("{name}, decisions\t{}\t/s\t{goal}\tregorus VM\t{}", rate(ours), rate(machine));
        println!(
            "{name}, decisions from JSON\t{}\t/s\t\tregorus interpreter\t{}",
            rate(whole),
            rate(interpreter)
        );
        println!("{name}, one\t{ours:.0}\tns\t\tregorus VM\t{machine:.0}");
    }
}

fn ours(source: &str, data: &str, inputs: &[String]) -> Act {
    let (program, data) = compiled(source, data);
    let inputs: Vec<Value> =
        inputs.iter().map(|input| json::read(input.as_bytes()).unwrap()).collect();
    Box::new(move |number| decide(&program, &data, inputs[number].clone()))
}

fn ours_whole(source: &str, data: &str, inputs: &[String]) -> Act {
    let (program, data) = compiled(source, data);
    let inputs = inputs.to_vec();
    Box::new(move |number| decide(&program, &data, json::read(inputs[number].as_bytes()).unwrap()))
}

fn compiled(source: &str, data: &str) -> (Program, Value) {
    let module = Arc::new(syntax::module("rbac.rego", source, Edition::V1).unwrap());
    let program = Program::compile(vec![module], Options::default()).unwrap();
    (program, json::read(data.as_bytes()).unwrap())
}

fn decide(program: &Program, data: &Value, input: Value) -> bool {
    let ask = Ask {
        input: Some(input),
        data: data.clone(),
        world: &Here,
        strict: false,
        steps_max: 1_000_000,
    };
    let path = [Value::from("rbac"), Value::from("allow")];
    program.document(&path, &ask).unwrap() == Some(true.into())
}

fn regorus(source: &str, data: &str, inputs: &[String]) -> (Act, Act) {
    use regorus::languages::rego::compiler::Compiler;
    use regorus::rvm::vm::RegoVM;
    let mut engine = regorus::Engine::new();
    engine.add_policy("rbac.rego".to_owned(), source.to_owned()).unwrap();
    let data = regorus::Value::from_json_str(data).unwrap();
    engine.add_data(data.clone()).unwrap();
    let compiled = engine.compile_with_entrypoint(&"data.rbac.allow".into()).unwrap();
    let program = Compiler::compile_from_policy(&compiled, &["data.rbac.allow"]).unwrap();
    let vm = std::cell::RefCell::new(RegoVM::new());
    vm.borrow_mut().load_program(program);
    vm.borrow_mut().set_data(data).unwrap();
    let values: Vec<regorus::Value> =
        inputs.iter().map(|input| regorus::Value::from_json_str(input).unwrap()).collect();
    let again = values.clone();
    let interpreter = Box::new(move |number: usize| {
        compiled.eval_with_input(values[number].clone()).unwrap() == regorus::Value::Bool(true)
    });
    let machine = Box::new(move |number: usize| {
        let mut vm = vm.borrow_mut();
        vm.set_input(again[number].clone());
        vm.execute_entry_point_by_name("data.rbac.allow").unwrap() == regorus::Value::Bool(true)
    });
    (interpreter, machine)
}
