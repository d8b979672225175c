//! Answers: programs asked with an input and data.

mod apart;
mod extent;
mod grow;
mod rule;
mod run;
mod search;
mod situation;
mod watch;

use hashbrown::HashMap;

use crate::Value;
use crate::builtin::{Surroundings, World};
use crate::compile::{Program, Question, What};
use crate::plan::{Arg, Place, Slot};
use crate::syntax::tree::{Name, Span};

use situation::Situation;

pub(crate) use watch::shown;
pub use watch::{Stop, Watch, Why};

/// With what a program is asked.
#[derive(Clone)]
pub struct Ask<'a> {
    /// What is asked about; a policy that reads it without there being one comes to nothing.
    pub input: Option<Value>,
    /// The documents no rule makes.
    pub data: Value,
    /// What is outside.
    pub world: &'a dyn World,
    /// Whether a function that fails ends the evaluation, and does not only come to nothing.
    pub strict: bool,
    /// As many steps are done at most.
    pub steps_max: u64,
}

/// One way in which all lines of a question hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// The variables.
    pub names: Vec<(Name, Value)>,
    /// The values of lines that are no more than a term.
    pub values: Vec<(Span, Value)>,
}

/// What OPA calls it when an evaluation is given up.
const GIVEN_UP: &str = "eval_cancel_error";

/// Why there is no answer.
#[derive(Debug, Clone)]
pub struct Error {
    /// What OPA calls this kind of error: `eval_conflict_error`.
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// Where in the policy.
    pub place: Option<Place>,
}

impl Error {
    /// Whether the policy may have an answer, and was given up before it came to it.
    pub fn is_given_up(&self) -> bool {
        self.code == GIVEN_UP
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(place) = &self.place {
            let (row, _) = place.source.place(place.span.start);
            write!(f, "{}:{row}: ", place.source.name)?;
        }
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}

impl Program {
    /// The document at a path below `data`, or nothing where there is none.
    pub fn document(&self, path: &[Value], ask: &Ask<'_>) -> Result<Option<Value>, Error> {
        Evaluation::new(self, ask).document(path).map_err(|error| *error)
    }

    /// All ways in which a question holds.
    pub fn rows(&self, question: &Question, ask: &Ask<'_>) -> Result<Vec<Row>, Error> {
        Evaluation::new(self, ask).rows(question).map_err(|error| *error)
    }

    /// All ways in which a question holds, while somebody is told how that came to be. Only a
    /// program that was compiled with marks tells of lines.
    pub fn watched<'a>(
        &self,
        question: &Question,
        ask: &Ask<'a>,
        watch: &'a mut (dyn Watch + 'a),
    ) -> Result<Vec<Row>, Error> {
        let mut evaluation = Evaluation::new(self, ask);
        evaluation.watch = Some(watch);
        evaluation.rows(question).map_err(|error| *error)
    }
}

/// How steps end that do not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// There may be another way.
    More,
    /// Nothing further is wanted.
    Enough,
}

pub(crate) type Run<T> = Result<T, Box<Error>>;

/// Rules within rules within rules, and what is gone through within what is gone through: each
/// takes its part of the stack, of which a thread has 2 MiB.
const DEPTH_MAX: u32 = 800;

/// What a rule takes of it, or a line that goes through something.
const RULE: u32 = 2;

/// What a value within a value takes of it.
const MEMBER: u32 = 1;

/// After so many steps it is asked whether there is time left.
const STRIDE: u64 = 1024;

/// A program while it is asked.
pub(crate) struct Evaluation<'p, 'a> {
    program: &'p Program,
    /// The places of all rules under way, one behind the other.
    slots: Vec<Value>,
    /// Where the places of the present rule begin.
    base: usize,
    /// The world as it is, and as `with` says it were.
    situations: Vec<Situation>,
    /// Which of them holds now.
    now: usize,
    around: Surroundings<'a>,
    strict: bool,
    left: u64,
    stride: u64,
    depth: u32,
    /// Who is told what happens. Nobody is asked for but where a line is marked or fails and
    /// where a rule is entered.
    watch: Option<&'a mut (dyn Watch + 'a)>,
    /// Why the last function failed, while somebody is told.
    broken: Option<String>,
    extents: extent::Extents,
}

impl<'p, 'a> Evaluation<'p, 'a> {
    pub(crate) fn new(program: &'p Program, ask: &Ask<'a>) -> Self {
        let around = Surroundings { world: ask.world, kept: HashMap::default() };
        Self {
            program,
            slots: Vec::new(),
            base: 0,
            situations: vec![Situation::first(ask.input.clone(), ask.data.clone())],
            now: 0,
            around,
            strict: ask.strict,
            left: ask.steps_max,
            stride: STRIDE,
            depth: 0,
            watch: None,
            broken: None,
            extents: extent::Extents::default(),
        }
    }

    fn rows(&mut self, question: &'p Question) -> Run<Vec<Row>> {
        match &question.what {
            What::Document(path) => {
                let value = self.document(path)?;
                let row = |value| Row { names: Vec::new(), values: vec![(Span::default(), value)] };
                Ok(value.into_iter().map(row).collect())
            }
            What::Body(asked) => {
                self.slots.resize(asked.slots as usize, Value::Null);
                let mut sink = run::Sink::Rows(asked, Vec::new());
                self.run(&asked.steps, 0, &mut sink)?;
                match sink {
                    run::Sink::Rows(_, rows) => Ok(rows),
                    _ => Ok(Vec::new()),
                }
            }
        }
    }

    /// The value of an argument.
    fn value<'s>(&'s self, arg: &'s Arg) -> &'s Value {
        match arg {
            Arg::Const(value) => value,
            Arg::Slot(slot) => self.slots.get(self.base + *slot as usize).unwrap_or(&Value::Null),
        }
    }

    fn put(&mut self, slot: Slot, value: Value) {
        if let Some(place) = self.slots.get_mut(self.base + slot as usize) {
            *place = value;
        }
    }

    /// One step of those that may be done.
    fn tick(&mut self) -> Run<()> {
        self.stride -= 1;
        if self.stride > 0 {
            return Ok(());
        }
        self.stride = STRIDE;
        self.left = self.left.saturating_sub(STRIDE);
        if self.left == 0 {
            return Err(self.halt("the policy takes more steps than it may"));
        }
        if self.around.world.over() {
            return Err(self.halt("the policy takes longer than it may"));
        }
        Ok(())
    }

    fn halt(&self, message: &str) -> Box<Error> {
        Box::new(Error { code: GIVEN_UP, message: message.to_owned(), place: None })
    }

    fn conflict(&self, message: &str, place: &Place) -> Box<Error> {
        let place = Some(place.clone());
        Box::new(Error { code: "eval_conflict_error", message: message.to_owned(), place })
    }

    /// Goes one rule deeper, or on within what is gone through.
    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        self.down(RULE, work)
    }

    /// Goes on within a value.
    fn inside<T>(&mut self, work: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        self.down(MEMBER, work)
    }

    fn down<T>(&mut self, by: u32, work: impl FnOnce(&mut Self) -> Run<T>) -> Run<T> {
        if self.depth + by > DEPTH_MAX {
            return Err(self.halt("rules ask for rules too deep"));
        }
        self.depth += by;
        let done = work(self);
        self.depth -= by;
        done
    }
}
