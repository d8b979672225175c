//! What a policy says, as it is written: nothing is resolved, renamed or reordered.

use std::sync::Arc;

use crate::Value;

/// A name: of a variable, or of a part of a reference.
pub type Name = Arc<str>;

/// From where to where in the source, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// The text of a module and what it is called.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The name, as messages quote it.
    pub name: String,
    /// The text.
    pub text: String,
}

/// One file of policy.
#[derive(Debug, Clone)]
pub struct Module {
    /// Where it was read from.
    pub source: Arc<Source>,
    /// Whether words such as `if` and `contains` are always keywords (Rego 1.0), or only when
    /// imported, with bodies and partial sets in the older style allowed too.
    pub edition: Edition,
    /// The package, without `data`: `a`, `b` of `package a.b`.
    pub package: Vec<Name>,
    /// Where the package is named.
    pub package_span: Span,
    /// What is imported.
    pub imports: Vec<Import>,
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// What is said about packages, rules and documents in comments (`# METADATA`).
    pub annotations: Vec<Annotation>,
    /// The other comments.
    pub comments: Vec<Span>,
}

/// Which Rego a module is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// What OPA read before its version 1.0.
    V0,
    /// What it reads now.
    V1,
}

/// `import data.a.b as c`.
#[derive(Debug, Clone)]
pub struct Import {
    /// Where it stands.
    pub span: Span,
    /// The whole path: `data`, `a`, `b`; or `input`, …; or `rego`, `v1`; or `future`, ….
    pub path: Vec<Name>,
    /// What it is called here.
    pub alias: Option<Name>,
}

/// What `# METADATA` says, as YAML that was read.
#[derive(Debug, Clone)]
pub struct Annotation {
    /// The first line of the block.
    pub span: Span,
    /// `package`, `subpackages`, `rule` or `document`.
    pub scope: Name,
    /// All of it, as an object.
    pub says: Value,
    /// The rule (its index in the module) it is about, if it is about one.
    pub rule: Option<usize>,
}

/// A rule, or a default of one.
#[derive(Debug, Clone)]
pub struct Rule {
    /// All of it.
    pub span: Span,
    /// Whether it says what holds when no other does.
    pub default: bool,
    /// What it is the rule of.
    pub head: Head,
    /// When it holds; nothing holds always.
    pub body: Vec<Expr>,
    /// What is tried when the body does not hold, in order.
    pub otherwise: Vec<Otherwise>,
}

/// `else := 3 if x`.
#[derive(Debug, Clone)]
pub struct Otherwise {
    /// All of it.
    pub span: Span,
    /// The value, or true.
    pub value: Option<Term>,
    /// When it holds.
    pub body: Vec<Expr>,
}

/// What a rule defines. In the older style `p[x]` is read by the parser as what it means: a
/// key in `contains` for a partial set, or a path and a value for a partial object.
#[derive(Debug, Clone)]
pub struct Head {
    /// All of it.
    pub span: Span,
    /// The name and the path after it: a [`TermKind::Var`] alone, or a [`TermKind::Ref`] whose
    /// head is one. Steps that are not constant make partial objects.
    pub reference: Term,
    /// The arguments, for a function.
    pub args: Option<Vec<Term>>,
    /// What it contains, for a partial set.
    pub contains: Option<Term>,
    /// The value; without one it is true.
    pub value: Option<Term>,
    /// Whether `:=` and not `=` was written.
    pub assigns: bool,
}

/// One line of a body.
#[derive(Debug, Clone)]
pub struct Expr {
    /// All of it.
    pub span: Span,
    /// Whether `not` stands before it.
    pub negated: bool,
    /// What it says.
    pub kind: ExprKind,
    /// What is put in the place of what while it is asked.
    pub with: Vec<With>,
}

/// What a line of a body says.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// A term that has to hold. Comparisons and arithmetic are calls.
    Term(Term),
    /// `x := 1`.
    Assign(Term, Term),
    /// `x = 1`.
    Unify(Term, Term),
    /// `some x, y`.
    Some(Vec<Term>),
    /// `some k, v in xs`: the key, if there is one, the value, and the collection.
    SomeIn(Option<Term>, Term, Term),
    /// `every k, v in xs { … }`.
    Every(Box<Every>),
}

/// `every k, v in xs { … }`.
#[derive(Debug, Clone)]
pub struct Every {
    /// The variable for keys.
    pub key: Option<Term>,
    /// The variable for values.
    pub value: Term,
    /// What is gone through.
    pub domain: Term,
    /// What has to hold for each.
    pub body: Vec<Expr>,
}

/// `with input.x as 1`.
#[derive(Debug, Clone)]
pub struct With {
    /// All of it.
    pub span: Span,
    /// What is replaced: a reference, or the name of a function.
    pub target: Term,
    /// By what.
    pub value: Term,
}

/// A term.
#[derive(Debug, Clone)]
pub struct Term {
    /// All of it.
    pub span: Span,
    /// What it is.
    pub kind: TermKind,
}

/// What a term is.
#[derive(Debug, Clone)]
pub enum TermKind {
    /// Null, a boolean, a number or a string.
    Scalar(Value),
    /// A variable. `_` is given a name of its own each time: `$0`, `$1`, ….
    Var(Name),
    /// Something, and a way into it: `a.b[x]`. Dots are scalar strings.
    Ref(Box<Term>, Vec<Term>),
    /// `[a, b]`.
    Array(Vec<Term>),
    /// `{a: b}`.
    Object(Vec<(Term, Term)>),
    /// `{a, b}`, and `set()` without members.
    Set(Vec<Term>),
    /// `[x | …]`.
    ArrayOf(Box<Term>, Vec<Expr>),
    /// `{x | …}`.
    SetOf(Box<Term>, Vec<Expr>),
    /// `{k: v | …}`.
    ObjectOf(Box<(Term, Term)>, Vec<Expr>),
    /// `f(a, b)`: what is called ([`TermKind::Var`] or [`TermKind::Ref`]), and its arguments.
    /// Operators are called by the names of their functions: `plus`, `minus`, `mul`, `div`,
    /// `rem`, `and` (`&`), `or` (`|`), `equal` (`==`), `neq`, `lt`, `lte`, `gt`, `gte`; `x in xs`
    /// is `internal.member_2` and `k, x in xs` `internal.member_3`, as OPA calls them. A call in
    /// the older style with one argument too many binds its result to the last.
    Call(Box<Term>, Vec<Term>),
    /// `$"a {x} b"`: texts (scalars) and terms in turn.
    Template(Vec<Term>),
}
