//! Questions of which part of what they are about is not known yet: what is left of them.
//!
//! A plan is gone through with some of its places unknown. What can be found out is; what cannot
//! is written down again as lines of Rego over what is unknown ([`Partial::queries`], of which any
//! one has to hold), and rules that cannot be written into a line without becoming something else
//! are written as rules ([`Partial::support`]): those with defaults or alternatives, those asked
//! for under a `not` or in a comprehension, those asked for where `with` says that other things
//! are so. A body is written into the place where it is asked for only where it does not matter
//! how often a line holds. What is left says everything of what was known: whoever asks it needs
//! neither the policies nor the data, but for what was said to be unknown.

mod asked_for;
mod body;
mod document;
mod free;
mod rule;
mod step;
mod support;
mod tidy;
mod unknown;
mod write;

use std::collections::{BTreeMap, HashSet};

use crate::compile::{Program, Question, What};
use crate::eval::{Ask, Error, Evaluation, Run};
use crate::plan::{Asked, RuleId};
use crate::syntax::tree::{Expr, ExprKind, Module, Name, Rule, Term, TermKind};
use crate::{Value, syntax};

use step::{Around, State};
use unknown::{Unknowns, World};

/// What is not known, and how much of the rest is written into place.
#[derive(Debug, Clone)]
pub struct Leave {
    /// The paths of what is not known, each beginning with `input` or `data`.
    pub unknowns: Vec<Vec<Value>>,
    /// The paths of rules that stay rules, each beginning with `data`, and of packages whose rules
    /// do.
    pub apart: Vec<Vec<Value>>,
    /// Whether functions that may answer otherwise tomorrow are asked today.
    pub unsteady: bool,
}

impl Default for Leave {
    /// The input is not known.
    fn default() -> Self {
        Self { unknowns: vec![vec!["input".into()]], apart: Vec::new(), unsteady: false }
    }
}

impl Leave {
    /// The path that a text names: `input.resource`, `data.reports["2024"]`.
    pub fn path(text: &str) -> Option<Vec<Value>> {
        let term = syntax::term(text).ok()?;
        let name = |term: &Term| match &term.kind {
            TermKind::Var(name) if matches!(&**name, "input" | "data") => {
                Some(Value::text(name.clone()))
            }
            _ => None,
        };
        match &term.kind {
            TermKind::Ref(head, steps) => {
                let steps = steps.iter().map(|step| match &step.kind {
                    TermKind::Scalar(value) => Some(value.clone()),
                    _ => None,
                });
                std::iter::once(name(head)).chain(steps).collect()
            }
            _ => Some(vec![name(&term)?]),
        }
    }
}

/// What is left of a question.
#[derive(Debug, Clone, Default)]
pub struct Partial {
    /// Bodies of which one has to hold. Without any the question never holds; if one is empty it
    /// always does.
    pub queries: Vec<Vec<Expr>>,
    /// The rules they ask for.
    pub support: Vec<Module>,
}

impl Partial {
    /// As OPA writes it in JSON: without queries where the question never holds, and without
    /// modules where they ask for no rules.
    pub fn to_json(&self) -> Value {
        let queries = self.queries.iter().map(|lines| syntax::json::body(lines)).collect();
        let support = self.support.iter().map(syntax::json::module).collect();
        let members = [("queries", queries), ("support", support)];
        let some = members.into_iter().filter(|(_, found): &(_, Vec<Value>)| !found.is_empty());
        Value::object(some.map(|(name, found)| (name.into(), Value::array(found))))
    }
}

/// More ways on than this are too many to be written one by one.
const STATES_MAX: usize = 1024;

/// As many parts of values and terms are written down at most.
const ROOM: usize = 1 << 20;

impl Program {
    /// What is left of a question ([`Program::condition`]) when part of what it is about is not
    /// known. An error that any way of answering comes upon is an error here.
    pub fn partial(
        &self,
        question: &Question,
        leave: &Leave,
        ask: &Ask<'_>,
    ) -> Result<Partial, Error> {
        let What::Body(asked) = &question.what else {
            let message = "a document is asked for by a query here: `data.a.b = x`".to_owned();
            return Err(Error { code: "eval_internal_error", message, place: None });
        };
        let written = Residue::new(self, asked, leave, ask, true).all(asked);
        let written = match written {
            // Too many ways: rules stay rules, of which there are only so many.
            Err(error) if error.message == TOO_MANY => {
                Residue::new(self, asked, leave, ask, false).all(asked)
            }
            other => other,
        };
        written.map_err(|error| *error)
    }
}

/// Why a question is gone through once more.
const TOO_MANY: &str = "there are too many ways to be written one by one";

/// What is left, while it is found out.
struct Residue<'p, 'a> {
    program: &'p Program,
    evaluation: Evaluation<'p, 'a>,
    unknowns: Unknowns<'p>,
    /// Whether rules may be written into the lines that ask for them.
    inlines: bool,
    apart: Vec<Vec<Value>>,
    /// The package all support is below.
    root: Name,
    /// What the variables that are made begin with.
    prefix: &'static str,
    names: usize,
    room: usize,
    /// The rules that are asked for, and in which world.
    wanted: Vec<(RuleId, World)>,
    seen: HashSet<(RuleId, World)>,
    mirrored: HashSet<(u32, World)>,
    /// The functions for which others stand.
    stood: HashSet<Vec<Value>>,
    support: BTreeMap<Vec<Name>, Vec<Rule>>,
    bodies: usize,
}

impl<'p, 'a> Residue<'p, 'a> {
    fn new(
        program: &'p Program,
        asked: &'p Asked,
        leave: &Leave,
        ask: &Ask<'a>,
        inlines: bool,
    ) -> Self {
        let evaluation = Evaluation::new(program, ask);
        let taken = |name: &str| {
            program.tree.child(0, &name.into()).is_some() || ask.data.get(&name.into()).is_some()
        };
        let roots = std::iter::once("partial".to_owned());
        let mut roots = roots.chain((1..).map(|number: u64| format!("partial{number}")));
        let root = roots.find(|root| !taken(root)).unwrap_or_default();
        let named = |name: &str| asked.names.iter().any(|(other, _)| other.starts_with(name));
        let prefixes = ["__local", "__known", "__within", "__beside"];
        let prefix = prefixes.into_iter().find(|prefix| !named(prefix)).unwrap_or("__");
        let below = |path: &Vec<Value>| path.get(1..).map(<[Value]>::to_vec);
        Self {
            program,
            evaluation,
            unknowns: Unknowns::new(program, leave),
            inlines,
            apart: leave.apart.iter().filter_map(below).collect(),
            root: root.into(),
            prefix,
            names: 0,
            room: ROOM,
            wanted: Vec::new(),
            seen: HashSet::default(),
            mirrored: HashSet::default(),
            stood: HashSet::default(),
            support: BTreeMap::new(),
            bodies: 0,
        }
    }

    fn all(mut self, asked: &'p Asked) -> Run<Partial> {
        let state = State::new(asked.slots as usize, asked.names.iter().map(|(_, arg)| arg));
        let around = Around { inlines: self.inlines, world: 0 };
        let mut queries = Vec::new();
        let mut written = HashSet::new();
        for mut state in self.block(&asked.steps, state, around)? {
            for (name, arg) in &asked.names {
                let value = self.argument(&mut state, arg, around)?;
                let value = self.term_of(&value)?;
                let name = write::plain(TermKind::Var(name.clone()));
                state.lines.push(write::line(ExprKind::Unify(name, value)));
            }
            let lines = self.tidied(state.lines, &[]);
            let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
            if written.insert(text.join("\n")) {
                queries.push(lines);
            }
        }
        while let Some((rule, world)) = self.wanted.pop() {
            self.write_rule(rule, world)?;
        }
        if queries.iter().any(Vec::is_empty) {
            queries = vec![Vec::new()];
        }
        let support = asked_for::of(&self.root, &queries, self.support);
        Ok(Partial { queries, support })
    }
}
