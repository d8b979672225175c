//! Functions that come with the language.

mod argument;
mod big;
mod crypto;
mod encoded;
mod graphql;
mod jwt;
mod key;
mod wire;

use std::any::Any;

use hashbrown::HashMap;

use crate::Value;

/// The functions by groups.
pub(crate) const GROUPS: &[&[Builtin]] = &[crypto::ALL, graphql::ALL, jwt::ALL];

/// A function that comes with the language.
#[derive(Debug)]
pub struct Builtin {
    /// What it is called by: `json.patch`.
    pub name: &'static str,
    /// How many arguments it takes.
    pub arity: usize,
    /// Whether it answers the same to the same arguments, today and tomorrow.
    pub steady: bool,
    /// What it does.
    pub run: fn(&mut Surroundings<'_>, &[Value]) -> Result<Value, Failure>,
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

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Surroundings({} kept)", self.kept.len())
    }
}
