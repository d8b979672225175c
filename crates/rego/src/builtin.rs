//! Functions that come with the language.

mod aggregates;
mod argument;
mod arrays;
mod aws;
mod big;
mod bits;
mod crypto;
mod encoded;
mod encoding;
mod format;
mod glob;
mod graph;
mod graphql;
mod jwt;
mod key;
mod modules;
mod net;
mod numbers;
mod objects;
mod operators;
mod outside;
mod paths;
mod regex;
mod schema;
mod semver;
mod sets;
mod strings;
mod template;
mod time;
mod types;
mod units;
mod uuid;
mod x509;

use std::any::Any;
use std::sync::LazyLock;

use hashbrown::HashMap;

use crate::Value;

pub(crate) use regex::expression;

/// All functions, by the groups they are written in.
static GROUPS: &[&[Builtin]] = &[
    aggregates::ALL,
    arrays::ALL,
    aws::ALL,
    bits::ALL,
    crypto::ALL,
    graph::ALL,
    graphql::ALL,
    jwt::ALL,
    encoding::ALL,
    glob::ALL,
    net::ALL,
    modules::ALL,
    numbers::ALL,
    objects::ALL,
    operators::ALL,
    outside::ALL,
    paths::ALL,
    schema::ALL,
    regex::ALL,
    semver::ALL,
    sets::ALL,
    strings::ALL,
    time::ALL,
    types::ALL,
    units::ALL,
    x509::ALL,
    uuid::ALL,
];

/// The function of a name: `json.patch`.
pub fn find(name: &str) -> Option<&'static Builtin> {
    BY_NAME.get(name).copied()
}

/// All functions.
pub fn all() -> impl Iterator<Item = &'static Builtin> {
    GROUPS.iter().copied().flatten()
}

static BY_NAME: LazyLock<HashMap<&'static str, &'static Builtin, foldhash::fast::FixedState>> =
    LazyLock::new(|| all().map(|builtin| (builtin.name, builtin)).collect());

/// A function that comes with the language.
#[derive(Debug)]
pub struct Builtin {
    /// What it is called by: `json.patch`.
    pub name: &'static str,
    /// How many arguments it takes.
    pub arity: usize,
    /// Whether it answers the same to the same arguments, today and tomorrow.
    pub steady: bool,
    /// Whether it puts parts of its arguments together at more levels than one.
    pub nests: bool,
    /// What it does. To be called by [`Builtin::call`], which says whose failure it is.
    pub run: Run,
}

/// What a function does.
pub type Run = fn(&mut Surroundings<'_>, &[Value]) -> Result<Value, Failure>;

impl Builtin {
    /// A function that answers the same whenever it is asked.
    pub(crate) const fn steady(name: &'static str, arity: usize, run: Run) -> Self {
        Self { name, arity, steady: true, nests: false, run }
    }

    /// The same of one that puts parts of its arguments together at more levels than one.
    const fn nesting(name: &'static str, arity: usize, run: Run) -> Self {
        Self { nests: true, ..Self::steady(name, arity, run) }
    }

    /// A function whose answer depends on more than its arguments.
    const fn fresh(name: &'static str, arity: usize, run: Run) -> Self {
        Self { steady: false, ..Self::steady(name, arity, run) }
    }

    /// Calls the function. What it says when it fails begins with its name.
    pub fn call(
        &self,
        surroundings: &mut Surroundings<'_>,
        args: &[Value],
    ) -> Result<Value, Failure> {
        let named = |what: String| format!("{}: {what}", self.name);
        (self.run)(surroundings, args).map_err(|failure| match failure {
            Failure::Type(what) => Failure::Type(named(what)),
            Failure::Broken(what) => Failure::Broken(named(what)),
            other => other,
        })
    }
}

/// Why a function came to no value.
#[derive(Debug, Clone)]
pub enum Failure {
    /// There is none, which is no error.
    Undefined,
    /// An argument is of a type it does not take (`eval_type_error`).
    Type(String),
    /// An argument is of the right type, and still no good (`eval_builtin_error`).
    Broken(String),
    /// There was no time or room left to go on: nothing was decided.
    Halted(&'static str),
}

/// What functions may know besides their arguments. It lasts as long as one evaluation, in
/// which it is always the same time.
pub struct Surroundings<'a> {
    /// What is outside.
    pub world: &'a dyn World,
    /// What functions made before and may use again: compiled expressions, answers that have
    /// to be the same twice.
    pub kept: HashMap<(&'static str, Value), Box<dyn Any + Send>, foldhash::fast::FixedState>,
}

/// What is outside of an evaluation.
pub trait World {
    /// Nanoseconds since 1970 when the evaluation began.
    fn now(&self) -> i64;

    /// A number nobody can guess.
    fn random(&self) -> u64;

    /// Whether there is no time left.
    fn over(&self) -> bool {
        false
    }

    /// Asks a server (`http.send`), in OPA's words for request and response.
    fn send(&self, _request: &Value) -> Result<Value, Failure> {
        Err(Failure::Broken("this evaluation may not ask other servers".into()))
    }

    /// The addresses of a host (`net.lookup_ip_addr`).
    fn look_up(&self, _host: &str) -> Result<Vec<String>, Failure> {
        Err(Failure::Broken("this evaluation may not look up names".into()))
    }

    /// What the policy prints.
    fn print(&self, _line: &str) {}

    /// What is known of the process (`opa.runtime`).
    fn runtime(&self) -> Value {
        Value::object([])
    }
}

impl<'a> Surroundings<'a> {
    /// With nothing kept yet.
    pub fn new(world: &'a dyn World) -> Self {
        Self { world, kept: HashMap::default() }
    }

    /// What a function kept under a key, or what it makes now and keeps if there is room.
    fn keep<T: Clone + Send + 'static>(
        &mut self,
        whose: &'static str,
        key: &Value,
        make: impl FnOnce(&dyn World) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let key = (whose, key.clone());
        if let Some(kept) = self.kept.get(&key).and_then(|kept| kept.downcast_ref::<T>()) {
            return Ok(kept.clone());
        }
        let made = make(self.world)?;
        if self.kept.len() < KEPT_MAX {
            self.kept.insert(key, Box::new(made.clone()));
        }
        Ok(made)
    }

    /// Stops a function that takes long once there is no time left.
    fn go_on(&self) -> Result<(), Failure> {
        if self.world.over() { Err(Failure::Halted("there was no time left")) } else { Ok(()) }
    }
}

/// How deep a value may nest that was made in an evaluation.
pub(crate) const NESTS_MAX: u32 = 1200;

/// How much is kept in one evaluation.
const KEPT_MAX: usize = 10_000;

/// How many members or bytes a function may make.
const MADE_MAX: usize = 16 << 20;

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Surroundings({} kept)", self.kept.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A world that stands still.
    pub(super) struct Still;

    impl World for Still {
        fn now(&self) -> i64 {
            1_700_000_000_123_456_789
        }

        fn random(&self) -> u64 {
            0x0123_4567_89ab_cdef
        }
    }

    /// What a function answers, as JSON, or what it says when it does not.
    pub(super) fn answer(name: &str, args: &[Value]) -> String {
        let builtin = find(name).unwrap_or_else(|| panic!("there is no {name}"));
        assert_eq!(builtin.arity, args.len(), "{name}");
        match builtin.call(&mut Surroundings::new(&Still), args) {
            Ok(value) => crate::value::json::write(&value),
            Err(Failure::Undefined) => "undefined".to_owned(),
            Err(Failure::Type(what) | Failure::Broken(what)) => what,
            Err(Failure::Halted(what)) => format!("halted: {what}"),
        }
    }

    /// What a function answers, or why it does not.
    pub(super) fn call(name: &str, args: &[Value]) -> Result<Value, Failure> {
        let builtin = find(name).unwrap_or_else(|| panic!("there is no {name}"));
        assert_eq!(builtin.arity, args.len(), "{name}");
        (builtin.run)(&mut Surroundings::new(&Still), args)
    }

    /// Calls functions with arguments in JSON.
    pub(super) fn check(table: &[(&str, &str, &str)]) {
        for (name, args, expected) in table {
            let args = crate::value::json::read(args.as_bytes()).unwrap();
            let Value::Array(args) = args else { panic!("{name}: a list of arguments") };
            assert_eq!(answer(name, &args), *expected, "{name} of {}", Value::Array(args));
        }
    }

    /// Values that are easily got wrong.
    fn strange() -> Vec<Value> {
        let texts = [
            "",
            " ",
            "a",
            "é\u{301}",
            "\0",
            "%",
            "%*.*[3]d",
            "%[",
            "{{range .}}{{.}}{{end}}",
            "{{-",
            "[a-",
            "a{1,2}{3}",
            "\\",
            "((",
            "{a,{b,}}",
            "/a//~1",
            "-",
            "10.0.0.1/28",
            "::/120",
            "0x1p-2",
            "1e400",
            "-9223372036854775808",
            "9e99Ki",
            "Europe/Berlin",
            "2006-01-02T15:04:05.000Z07:00",
            "1.2.3-é+x",
            "urn:uuid:éééééééééééééééééé",
            "%zé",
            "YQ==",
            "-1.5h",
            "é.5é",
        ];
        let numbers = [
            "0",
            "-1",
            "1.5",
            "16",
            "-0.4",
            "1e9999",
            "1e-9999",
            "9223372036854775807",
            "-9223372036854775808",
            "1700000000000000000",
            "36893488147419103232",
        ];
        let number = |text| Value::Number(crate::Number::parse(text).unwrap());
        let mut all: Vec<Value> = texts.map(Value::from).to_vec();
        all.extend(numbers.map(number));
        all.extend([Value::Null, true.into(), Value::array([]), Value::set([]), Value::object([])]);
        all.push(Value::array([(-1).into(), "Asia/Kolkata".into(), "_2 .999".into()]));
        all.push(Value::array(["a".into(), Value::Null, 1.into()]));
        all.push(Value::set(["a".into(), Value::set([])]));
        all.push(Value::object([("a".into(), Value::array(["a".into()])), (1.into(), 2.into())]));
        all
    }

    #[test]
    fn no_function_is_upset_by_strange_arguments() {
        let strange = strange();
        let mut around = Surroundings::new(&Still);
        let mut next = 0_usize;
        for builtin in all() {
            let tries = strange.len().pow(builtin.arity.min(2) as u32);
            for _ in 0..tries {
                let args: Vec<Value> = (0..builtin.arity)
                    .map(|place| {
                        next += 1;
                        let far = next * (place + 1) + next / strange.len();
                        strange[far % strange.len()].clone()
                    })
                    .collect();
                let _ = builtin.call(&mut around, &args);
            }
            let _ = builtin.call(&mut around, &[]);
        }
    }

    #[test]
    fn each_name_is_taken_once() {
        assert_eq!(all().count(), BY_NAME.len());
        assert_eq!(find("plus").map(|builtin| builtin.arity), Some(2));
        assert!(find("no.such").is_none());
    }
}
