//! Lines of what is left, read as conditions.
//!
//! A line is read as it stands or the other way round (`not`). What holds of a column that is not
//! there has to hold of one that is `null` too: else the line is refused, since nobody can say
//! which of the two a NULL is. So `not x > 3` is a condition, and `not x < 3` is none: `null` is
//! less than three.

use std::collections::HashMap;

use rego::Value;
use rego::partial::Partial;
use rego::syntax::{Expr, ExprKind, Name, Term, TermKind};

use super::Refused;
use super::column::{Column, Names};
use super::condition::{Condition, Order, Part, Test};

/// A condition has so many tests at most.
const TESTS_MAX: usize = 8192;

/// As many lines are named that are none.
const REFUSED_MAX: usize = 16;

/// What a term stands for.
pub(super) enum Operand {
    Value(Value),
    Column(Column),
}

/// What variables stand for in a body.
pub(super) type Bound = HashMap<Name, Operand>;

/// What is left, while it is read.
pub(super) struct Reading<'l> {
    pub(super) left: &'l Partial,
    names: &'l Names<'l>,
    tests: usize,
    /// The rules that are being read, as they are asked for.
    pub(super) asked: Vec<String>,
}

/// For which rows what is left holds.
pub(super) fn condition(left: &Partial, names: &Names<'_>) -> Result<Condition, Vec<Refused>> {
    let mut reading = Reading { left, names, tests: 0, asked: Vec::new() };
    let (mut ways, mut refused) = (Vec::new(), Vec::new());
    for lines in &left.queries {
        match reading.body(lines, false) {
            Ok(way) => ways.push(way),
            Err(story) if refused.len() < REFUSED_MAX && !refused.contains(&story) => {
                refused.push(story);
            }
            Err(_) => {}
        }
    }
    match refused.is_empty() {
        true => Ok(Condition::any(ways)),
        false => Err(refused),
    }
}

impl Reading<'_> {
    /// That every line of a body holds, or that one does not.
    pub(super) fn body(&mut self, lines: &[Expr], negated: bool) -> Result<Condition, Refused> {
        let mut bound = Bound::new();
        let mut parts = Vec::with_capacity(lines.len());
        for line in lines {
            let read = self.line(line, negated, &mut bound);
            parts.push(read.map_err(|story| Refused { line: line.to_string(), story })?);
        }
        Ok(match negated {
            true => Condition::any(parts),
            false => Condition::all(parts),
        })
    }

    fn line(&mut self, line: &Expr, around: bool, bound: &mut Bound) -> Result<Condition, String> {
        self.tests += 1;
        if self.tests > TESTS_MAX {
            return Err("there are too many lines for one condition: ask for fewer rules".into());
        }
        if !line.with.is_empty() {
            return Err("`with` replaces something that is not known: ask for it without".into());
        }
        let negated = line.negated != around;
        match &line.kind {
            ExprKind::Term(term) => self.term(term, negated, bound),
            ExprKind::Assign(one, two) | ExprKind::Unify(one, two) => {
                if let Some(there) = self.binding(one, two, line.negated, bound)? {
                    return match (there, negated) {
                        (None, negated) => Ok((!negated).into()),
                        (Some(column), false) => Ok(Condition::Test(column, Test::There)),
                        (Some(_), true) => Err(NOT_THERE.into()),
                    };
                }
                if let Some(read) = self.rule(one, two, negated)? {
                    return Ok(read);
                }
                self.compared(Order::Equal, one, two, negated, bound)
            }
            ExprKind::Every(_) => Err("`every` goes through what is not known".into()),
            ExprKind::Some(_) | ExprKind::SomeIn(..) => {
                Err("it goes through what is not known: a column is one value".into())
            }
        }
    }

    /// A variable that stands for something from here on: a column, or what is known.
    fn binding(
        &self,
        one: &Term,
        two: &Term,
        negated: bool,
        bound: &mut Bound,
    ) -> Result<Option<Option<Column>>, String> {
        let free = |term: &Term| match &term.kind {
            TermKind::Var(name) if !is_root(name) && !bound.contains_key(name) => {
                Some(name.clone())
            }
            _ => None,
        };
        let (name, other) = match (free(one), free(two)) {
            (Some(_), Some(_)) => return Err("it names a variable nobody knows".into()),
            (Some(name), None) => (name, two),
            (None, Some(name)) => (name, one),
            (None, None) => return Ok(None),
        };
        if negated {
            return Err("it asks whether something is there at all: `!= null` does".into());
        }
        let operand = self.operand(other, bound)?;
        let there = match &operand {
            Operand::Column(column) => Some(column.clone()),
            Operand::Value(_) => None,
        };
        bound.insert(name, operand);
        Ok(Some(there))
    }

    fn term(&mut self, term: &Term, negated: bool, bound: &Bound) -> Result<Condition, String> {
        match &term.kind {
            TermKind::Scalar(Value::Bool(false)) => Ok(negated.into()),
            TermKind::Scalar(_) => Ok((!negated).into()),
            TermKind::Call(callee, args) => {
                let name = name(callee).unwrap_or_default();
                match args.as_slice() {
                    [one, two] => self.call(&name, one, two, negated, bound),
                    _ => Err(untold(&name)),
                }
            }
            TermKind::Ref(..) => match self.asked_for(term, negated)? {
                Some(read) => Ok(read),
                None => Err(match negated {
                    false => format!(
                        "a column stands alone, and what is neither NULL nor false would hold: \
                         write `{term} == true`, or `{term} != null`"
                    ),
                    true => format!("write `{term} == false`, or `{term} == null`"),
                }),
            },
            _ => Err("it is no comparison of a column with what is known".into()),
        }
    }

    fn call(
        &mut self,
        name: &str,
        one: &Term,
        two: &Term,
        negated: bool,
        bound: &Bound,
    ) -> Result<Condition, String> {
        if let Some(order) = Order::named(name) {
            if order == Order::Equal
                && let Some(read) = self.rule(one, two, negated)?
            {
                return Ok(read);
            }
            return self.compared(order, one, two, negated, bound);
        }
        let part = match name {
            "startswith" => Part::Start,
            "endswith" => Part::End,
            "contains" => Part::Somewhere,
            "internal.member_2" => return self.member(one, two, negated, bound),
            _ => return Err(untold(name)),
        };
        match (self.operand(one, bound)?, self.operand(two, bound)?) {
            (Operand::Column(column), Operand::Value(Value::Text(text))) => {
                let text = text.as_ref().to_owned();
                Ok(match negated {
                    false => Condition::Test(column, Test::Has(part, text)),
                    true => Condition::or_null(column, Test::Lacks(part, text)),
                })
            }
            _ => Err(format!("`{name}` looks for a known text in a column, in this order")),
        }
    }

    fn member(
        &self,
        one: &Term,
        two: &Term,
        negated: bool,
        bound: &Bound,
    ) -> Result<Condition, String> {
        let (Operand::Column(column), Operand::Value(list)) =
            (self.operand(one, bound)?, self.operand(two, bound)?)
        else {
            return Err("`in` looks for a column in a known list: columns hold no lists".into());
        };
        let members: Vec<Value> = match &list {
            Value::Array(items) => items.to_vec(),
            Value::Set(members) => members.iter().cloned().collect(),
            Value::Object(members) => members.iter().map(|(_, value)| value.clone()).collect(),
            _ => return Ok(negated.into()),
        };
        if members.iter().any(|member| !is_scalar(member)) {
            return Err("a list or an object is in what `in` looks in: columns hold none".into());
        }
        let is_null = |member: &Value| matches!(member, Value::Null);
        let has_null = members.iter().any(is_null);
        if negated && has_null {
            return Err(format!("`null` is in what `in` looks in: {NOT_NULL}"));
        }
        let known: Vec<Value> = members.into_iter().filter(|member| !is_null(member)).collect();
        Ok(match (negated, known.is_empty()) {
            (true, true) => Condition::ALWAYS,
            (true, false) => Condition::or_null(column, Test::Apart(known)),
            (false, empty) => {
                let null = has_null.then(|| Condition::Test(column.clone(), Test::Null));
                let among = (!empty).then_some(Condition::Test(column, Test::Among(known)));
                Condition::any(among.into_iter().chain(null))
            }
        })
    }

    fn compared(
        &self,
        order: Order,
        one: &Term,
        two: &Term,
        negated: bool,
        bound: &Bound,
    ) -> Result<Condition, String> {
        match (self.operand(one, bound)?, self.operand(two, bound)?) {
            (Operand::Column(column), Operand::Value(value)) => {
                to_value(column, order, value, negated)
            }
            (Operand::Value(value), Operand::Column(column)) => {
                to_value(column, order.turned(), value, negated)
            }
            (Operand::Column(column), Operand::Column(other)) => match negated {
                false => Ok(Condition::Test(column, Test::Column(order, other))),
                true => {
                    let sign = order.opposite().shown();
                    Err(format!("two columns are compared under `not`: write `{one} {sign} {two}`"))
                }
            },
            (Operand::Value(_), Operand::Value(_)) => {
                Err("it compares what is known with what is known".into())
            }
        }
    }

    pub(super) fn operand(&self, term: &Term, bound: &Bound) -> Result<Operand, String> {
        if let Some(value) = known(term) {
            return Ok(Operand::Value(value));
        }
        match &term.kind {
            TermKind::Var(name) if is_root(name) => {
                Err(format!("it reads all of `{name}`: name the columns that matter"))
            }
            TermKind::Var(name) => match bound.get(name) {
                Some(Operand::Value(value)) => Ok(Operand::Value(value.clone())),
                Some(Operand::Column(column)) => Ok(Operand::Column(column.clone())),
                None => Err("it names a variable nobody knows".into()),
            },
            TermKind::Ref(head, steps) => {
                let path: Option<Vec<&str>> = steps.iter().map(text).collect();
                let root = matches!(&head.kind, TermKind::Var(name) if &**name == "input");
                let column = match (root, path.as_deref()) {
                    (true, Some([table, name])) => Some(self.names.column(table, name)),
                    (true, Some([name])) => self.names.short(name),
                    _ => None,
                };
                column.map(Operand::Column).ok_or_else(|| {
                    format!(
                        "`{term}` is no column: one is `input.TABLE.COLUMN`, or `input.COLUMN` \
                         with a `$table` in `targetSQLTableMappings`"
                    )
                })
            }
            TermKind::Call(callee, _) => Err(untold(&name(callee).unwrap_or_default())),
            _ => Err(format!("`{term}` is neither a column nor known")),
        }
    }
}

/// Why a column may not be asked for under `not`.
const NOT_THERE: &str = "it asks under `not` whether a column is there: write `== null`";

/// What to write for what is said of NULL the wrong way round.
const NOT_NULL: &str = "under `not` that holds of a NULL that is left out, and not of a `null`; \
                        write it without `not`, or with `!= null`";

/// How a column stands to a value.
fn to_value(
    column: Column,
    order: Order,
    value: Value,
    negated: bool,
) -> Result<Condition, String> {
    match (order, &value) {
        (_, Value::Array(_) | Value::Set(_) | Value::Object(_)) => {
            Err(format!("a column is compared with a value of type {}", value.type_name()))
        }
        (Order::Equal, Value::Null) if !negated => Ok(Condition::Test(column, Test::Null)),
        (Order::Unequal, Value::Null) => {
            let test = if negated { Test::Null } else { Test::There };
            Ok(Condition::Test(column, test))
        }
        (Order::Equal, Value::Null) => Err(NOT_NULL.into()),
        (Order::Equal | Order::Unequal, _) | (_, Value::Number(_) | Value::Text(_)) => {
            match (negated, order) {
                (false, _) => Ok(Condition::Test(column, Test::Value(order, value))),
                (true, Order::Equal | Order::More | Order::MoreOrEqual) => {
                    Ok(Condition::or_null(column, Test::Value(order.opposite(), value)))
                }
                (true, _) => Err(NOT_NULL.into()),
            }
        }
        _ => Err(format!("`{}` compares numbers or texts", order.shown())),
    }
}

impl Order {
    /// As it is written in Rego.
    fn shown(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            other => other.sign(),
        }
    }
}

/// Whether a name is that of all there is.
fn is_root(name: &str) -> bool {
    matches!(name, "input" | "data")
}

fn untold(name: &str) -> String {
    format!(
        "`{name}` says nothing of a column that databases say too: compare columns, or use \
         `in`, `startswith`, `endswith` or `contains`"
    )
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Set(_) | Value::Object(_))
}

/// The value of a term in which nothing is unknown.
pub(super) fn known(term: &Term) -> Option<Value> {
    match &term.kind {
        TermKind::Scalar(value) => Some(value.clone()),
        TermKind::Array(items) => Some(items.iter().map(known).collect::<Option<_>>()?),
        TermKind::Set(members) => {
            Some(Value::set(members.iter().map(known).collect::<Option<Vec<_>>>()?))
        }
        _ => None,
    }
}

/// The text of a step of a reference.
pub(super) fn text(step: &Term) -> Option<&str> {
    match &step.kind {
        TermKind::Scalar(value) => value.as_text(),
        _ => None,
    }
}

/// The name of what is called: `json.patch`.
fn name(callee: &Term) -> Option<String> {
    match &callee.kind {
        TermKind::Var(name) => Some(name.to_string()),
        TermKind::Ref(head, steps) => {
            let TermKind::Var(head) = &head.kind else { return None };
            let steps: Option<Vec<&str>> = steps.iter().map(text).collect();
            Some(format!("{head}.{}", steps?.join(".")))
        }
        _ => None,
    }
}
