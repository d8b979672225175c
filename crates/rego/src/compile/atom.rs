//! Statements with nothing left inside them that could be known at another time.

use std::sync::Arc;

use crate::Value;
use crate::builtin::Builtin;
use crate::plan::{Callee, Order, RuleId, Slot};
use crate::syntax::tree::Span;

/// A term whose names are resolved. What is computed stands in atoms of its own.
#[derive(Debug, Clone)]
pub(super) enum Flat {
    Const(Value),
    Var(Slot),
    Ref(Root, Vec<Flat>),
    Array(Vec<Flat>),
    Object(Vec<(Flat, Flat)>),
    Set(Vec<Flat>),
    Gather(Arc<Closure>),
}

/// Where a way into something begins.
#[derive(Debug, Clone)]
pub(super) enum Root {
    Input,
    Data,
    Value(Box<Flat>),
}

/// A body of its own within a term.
#[derive(Debug)]
pub(super) struct Closure {
    pub(super) span: Span,
    pub(super) atoms: Vec<Atom>,
    pub(super) what: Collect,
    /// The variables of bodies around it.
    pub(super) outer: Vec<Slot>,
}

/// What is collected of a body.
#[derive(Debug)]
pub(super) enum Collect {
    Array(Flat),
    Set(Flat),
    Object(Flat, Flat),
}

/// A statement.
#[derive(Debug)]
pub(super) struct Atom {
    pub(super) span: Span,
    pub(super) says: Says,
}

/// What it says.
#[derive(Debug)]
pub(super) enum Says {
    /// It is there, and not false.
    Holds(Flat),
    /// Both are the same.
    Unify(Flat, Flat),
    /// They compare so; the answer itself may be wanted.
    Compare(Order, Flat, Flat, Option<Slot>),
    /// A function that comes with the language.
    Call(&'static Builtin, Vec<Flat>, Flat),
    /// A function of the policy.
    Apply(RuleId, Vec<Flat>, Flat),
    /// All paths and values in a value, as pairs.
    Walk(Flat, Flat),
    /// What is said to whoever listens.
    Print(Vec<Flat>),
    /// Key and value of each member.
    Member(Option<Flat>, Flat, Flat),
    /// It does not hold.
    Not { atoms: Vec<Atom>, outer: Vec<Slot> },
    /// It holds for each member.
    Every { domain: Flat, key: Option<Slot>, value: Slot, atoms: Vec<Atom>, outer: Vec<Slot> },
    /// It holds where other things are so.
    With { swaps: Vec<Change>, atoms: Vec<Atom> },
}

/// What is otherwise.
#[derive(Debug)]
pub(super) enum Change {
    Input(Vec<Value>, Flat),
    Data(Vec<Value>, Flat),
    Function(Callee, Stand),
}

/// What stands for a function.
#[derive(Debug)]
pub(super) enum Stand {
    Function(Callee),
    Value(Flat),
}

impl Flat {
    /// Whether it may go through something to become known.
    pub(super) fn searches(&self) -> bool {
        match self {
            Self::Ref(root, keys) => {
                let deep = |flat: &Flat| !matches!(flat, Flat::Const(_));
                keys.iter().any(deep) || matches!(root, Root::Value(flat) if flat.searches())
            }
            _ => false,
        }
    }

    /// Calls with every variable in it, those of inner bodies left out but for what they take
    /// from around them.
    pub(super) fn variables(&self, seen: &mut impl FnMut(Slot)) {
        match self {
            Self::Const(_) => {}
            Self::Var(slot) => seen(*slot),
            Self::Ref(root, keys) => {
                if let Root::Value(flat) = root {
                    flat.variables(seen);
                }
                keys.iter().for_each(|key| key.variables(seen));
            }
            Self::Array(items) | Self::Set(items) => {
                items.iter().for_each(|item| item.variables(seen))
            }
            Self::Object(pairs) => pairs.iter().for_each(|(key, value)| {
                key.variables(seen);
                value.variables(seen);
            }),
            Self::Gather(closure) => closure.outer.iter().for_each(|slot| seen(*slot)),
        }
    }
}

impl Atom {
    /// Calls with every variable in it, as [`Flat::variables`] does.
    pub(super) fn variables(&self, seen: &mut impl FnMut(Slot)) {
        let mut all = |flats: &[&Flat]| flats.iter().for_each(|flat| flat.variables(seen));
        match &self.says {
            Says::Holds(flat) => all(&[flat]),
            Says::Unify(one, two) | Says::Walk(one, two) => all(&[one, two]),
            Says::Compare(_, one, two, to) => {
                all(&[one, two]);
                to.iter().for_each(|slot| seen(*slot));
            }
            Says::Call(_, args, to) | Says::Apply(_, args, to) => {
                all(&args.iter().chain([to]).collect::<Vec<_>>());
            }
            Says::Print(args) => all(&args.iter().collect::<Vec<_>>()),
            Says::Member(key, value, domain) => {
                all(&key.iter().chain([value, domain]).collect::<Vec<_>>());
            }
            Says::Not { outer, .. } => outer.iter().for_each(|slot| seen(*slot)),
            Says::Every { domain, outer, .. } => {
                all(&[domain]);
                outer.iter().for_each(|slot| seen(*slot));
            }
            Says::With { swaps, atoms } => {
                for swap in swaps {
                    match swap {
                        Change::Input(_, flat)
                        | Change::Data(_, flat)
                        | Change::Function(_, Stand::Value(flat)) => flat.variables(seen),
                        Change::Function(_, Stand::Function(_)) => {}
                    }
                }
                atoms.iter().for_each(|atom| atom.variables(seen));
            }
        }
    }
}
