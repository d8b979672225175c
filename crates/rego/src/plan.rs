//! What a policy is compiled to: blocks of steps over numbered places.
//!
//! Which variable is known when is settled before anything runs. A step is therefore either
//! plain work, which goes on or fails, or goes through something, and then what follows it runs
//! once for each. There is nothing to undo on the way back: places are written over.

mod places;

use std::sync::Arc;

use crate::Value;
use crate::builtin::Builtin;
use crate::syntax::tree::{Name, Source, Span};

/// A place for a value while a rule is evaluated.
pub(crate) type Slot = u32;

/// The number of a rule set.
pub(crate) type RuleId = u32;

/// The number of a node in the tree of rules.
pub(crate) type NodeId = u32;

/// A value that is known when a step begins.
#[derive(Debug, Clone)]
pub(crate) enum Arg {
    Const(Value),
    Slot(Slot),
}

/// A step of a way into a document.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    /// This one.
    Known(Arg),
    /// Any, which is put there.
    Any(Slot),
}

/// Where something stands, for messages.
#[derive(Debug, Clone)]
pub struct Place {
    /// In which text.
    pub source: Arc<Source>,
    /// Where in it.
    pub span: Span,
}

/// Steps, one after the other.
pub(crate) type Steps = Vec<Step>;

/// What is done.
#[derive(Debug)]
pub(crate) enum Step {
    /// Puts a value into a place.
    Let { to: Slot, from: Arg },
    /// Takes a member out of a value.
    Get { to: Slot, base: Arg, key: Arg },
    /// The input, or what is at a path in it.
    Input { to: Slot, path: Box<[Value]> },
    /// A document that no rule makes.
    Base { to: Slot, path: Box<[Value]> },
    /// What rules make at these keys below their path.
    Rule { to: Slot, rule: RuleId, keys: Box<[Arg]>, plan: usize },
    /// All below a node, whether rules make it or not.
    Whole { to: Slot, node: NodeId },
    /// Whatever there is on a way from a node that is only known now.
    Search { to: Slot, node: NodeId, keys: Box<[Key]> },
    /// Goes on if both are equal.
    Same { one: Arg, two: Arg },
    /// Goes on unless it is false.
    Holds { value: Arg },
    /// Goes on if the comparison holds, or puts into a place whether it does.
    Compare { to: Option<Slot>, order: Order, one: Arg, two: Arg },
    /// Calls a function that comes with the language.
    Call { to: Slot, function: &'static Builtin, args: Box<[Arg]>, at: Place },
    /// Calls a function of the policy.
    Apply { to: Slot, rule: RuleId, args: Box<[Arg]>, at: Place },
    /// Makes a list.
    Array { to: Slot, items: Box<[Arg]> },
    /// Makes an object.
    Object { to: Slot, pairs: Box<[(Arg, Arg)]> },
    /// Makes a set.
    Set { to: Slot, members: Box<[Arg]> },
    /// Goes on if it is a list of this length.
    Long { value: Arg, length: usize },
    /// Goes on if it is an object of so many members.
    Wide { value: Arg, length: usize },
    /// Goes through the members of a value.
    Scan { base: Arg, key: Slot, value: Slot },
    /// Goes through all that is within a value, as pairs of path and value.
    Walk { value: Arg, path: Option<Slot>, found: Slot },
    /// Collects what a block comes to.
    Gather { to: Slot, what: Gather, steps: Steps, at: Place },
    /// Goes on if the block comes to nothing.
    Not { steps: Steps },
    /// Goes on if the block holds for each member.
    Every { base: Arg, key: Option<Slot>, value: Slot, steps: Steps },
    /// Goes on in a world where other things are so.
    With { swaps: Box<[Swap]> },
    /// Goes on in the world as it was before.
    Without,
    /// Says something to whoever listens; sets of one value or none.
    Print { args: Box<[Arg]> },
    /// A line is reached; only where there may be somebody to be told.
    Mark(Box<Line>),
    /// The keys of a test with cases are known.
    Case { keys: Box<[Arg]> },
}

/// A line of a body, as it is told of.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) at: Place,
    pub(crate) row: u32,
    /// In how many bodies within bodies it stands.
    pub(crate) depth: u32,
    /// The variables that are known when it is reached, of those it mentions.
    pub(crate) names: Box<[(Name, Slot)]>,
}

/// What is collected.
#[derive(Debug)]
pub(crate) enum Gather {
    Array(Arg),
    Set(Arg),
    Object(Arg, Arg),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Order {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

/// What is otherwise in a world.
#[derive(Debug)]
pub(crate) enum Swap {
    /// The input, at a path.
    Input { path: Box<[Value]>, value: Arg },
    /// A document, at a path.
    Data { path: Box<[Value]>, value: Arg },
    /// What a function does.
    Function { of: Callee, by: Mock },
}

/// Something that can be called.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Callee {
    Builtin(&'static Builtin),
    Rule(RuleId),
}

impl PartialEq for Callee {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Builtin(one), Self::Builtin(two)) => one.name == two.name,
            (Self::Rule(one), Self::Rule(two)) => one == two,
            _ => false,
        }
    }
}

/// What stands for a function.
#[derive(Debug, Clone)]
pub(crate) enum Mock {
    Function(Callee),
    Value(Arg),
}

/// Rules that make one document, or one function.
#[derive(Debug)]
pub(crate) struct RuleSet {
    /// Where the document is, below `data`.
    pub(crate) path: Box<[Value]>,
    pub(crate) kind: Kind,
    /// What holds when no other does.
    pub(crate) default: Option<Plan>,
    /// What is to be evaluated when nothing is known of the keys, when the first is, and so on.
    pub(crate) plans: Vec<Vec<Plan>>,
}

/// What rules make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One value.
    Complete,
    /// A set.
    Set,
    /// An object, of objects or sets perhaps.
    Object,
    /// One value for arguments, so many.
    Function(usize),
}

/// How one rule is evaluated.
#[derive(Debug)]
pub(crate) struct Plan {
    /// How many places it needs.
    pub(crate) slots: Slot,
    /// The body, and what is tried when it does not hold.
    pub(crate) branches: Vec<Branch>,
    /// Where it is written.
    pub(crate) at: Place,
}

/// A body and what it leads to.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) steps: Steps,
    /// The keys below the path of the set.
    pub(crate) keys: Box<[Arg]>,
    /// The value there, or the member of the set there.
    pub(crate) value: Arg,
    pub(crate) contains: bool,
    /// Where its head is written.
    pub(crate) span: Span,
}

/// A node in the tree of packages and rules.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) path: Box<[Value]>,
    pub(crate) rule: Option<RuleId>,
    pub(crate) children: Vec<(Value, NodeId)>,
}

/// A question of its own.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) slots: Slot,
    pub(crate) steps: Steps,
    /// The variables that were asked for.
    pub(crate) names: Vec<(Name, Arg)>,
    /// The values of the expressions, where they have one.
    pub(crate) values: Vec<(Span, Arg)>,
}
