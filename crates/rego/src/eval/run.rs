//! Steps, done one after the other.

use super::grow::Grown;
use super::situation::{at, stored_at};
use super::{Evaluation, Flow, Row, Run};
use crate::Value;
use crate::builtin::Builtin;
use crate::plan::{Arg, Asked, Branch, Gather, Order, Place, Slot, Step};
use crate::value::{ObjectBuilder, SetBuilder};

/// What is done where steps end.
pub(super) enum Sink<'s> {
    /// It was reached, which is all that matters.
    Any,
    /// The one value of a rule, and whether there was another.
    One(&'s Arg, Option<Value>, bool),
    /// What rules say about a document; whether they said anything, and against each other.
    Document {
        branch: &'s Branch,
        grown: &'s mut Grown,
        any: bool,
        clash: bool,
    },
    Array(&'s Arg, Vec<Value>),
    Set(&'s Arg, SetBuilder),
    /// Pairs, and whether one key was given two values.
    Object(&'s Arg, &'s Arg, ObjectBuilder, bool),
    Rows(&'s Asked, Vec<Row>),
    /// What is in some places.
    Places(&'s [Slot], Vec<Vec<Value>>),
}

impl<'p> Evaluation<'p, '_> {
    /// Does the steps from a place on. Whatever can be gone through is, until no more is wanted.
    pub(super) fn run(&mut self, steps: &'p [Step], from: usize, sink: &mut Sink<'_>) -> Run<Flow> {
        let mut place = from;
        while let Some(step) = steps.get(place) {
            self.tick()?;
            place += 1;
            let goes_on = match step {
                Step::Let { to, from } => {
                    let value = self.value(from).clone();
                    self.give(*to, Some(value))
                }
                Step::Get { to, base, key } => {
                    let value = self.value(base).get(self.value(key)).cloned();
                    self.give(*to, value)
                }
                Step::Input { to, path } => {
                    let input = self.situation().and_then(|present| present.input.as_ref());
                    let value = input.and_then(|input| at(input, path)).cloned();
                    self.give(*to, value)
                }
                Step::Base { to, path } => {
                    let value = self
                        .situation()
                        .and_then(|present| stored_at(&present.data, path))
                        .cloned();
                    self.give(*to, value)
                }
                Step::Rule { to, rule, keys, plan } => {
                    let keys = self.values(keys);
                    let value = self.rule(*rule, &keys, *plan)?;
                    self.give(*to, value)
                }
                Step::Whole { to, node } => {
                    let value = self.whole(*node)?;
                    self.give(*to, value)
                }
                Step::Same { one, two } => self.value(one) == self.value(two),
                Step::Holds { value } => self.value(value).holds(),
                Step::Compare { to, order, one, two } => {
                    let holds = compare(*order, self.value(one), self.value(two));
                    match to {
                        Some(to) => self.give(*to, Some(holds.into())),
                        None => holds,
                    }
                }
                Step::Call { to, function, args, at } => {
                    let value = self.called(function, args, at)?;
                    self.give(*to, value)
                }
                Step::Apply { to, rule, args, at } => {
                    let args = self.values(args);
                    let value = self.apply(*rule, &args, at)?;
                    self.give(*to, value)
                }
                Step::Array { .. } | Step::Set { .. } | Step::Object { .. } => self.make(step)?,
                Step::Long { value, length } => {
                    matches!(self.value(value), Value::Array(items) if items.len() == *length)
                }
                Step::Wide { value, length } => {
                    matches!(self.value(value), Value::Object(members) if members.len() == *length)
                }
                Step::Gather { to, what, steps, at } => {
                    let value = self.deeper(|this| this.gather(what, steps, at))?;
                    self.give(*to, Some(value))
                }
                Step::Not { steps } => {
                    self.deeper(|this| this.run(steps, 0, &mut Sink::Any))? == Flow::More
                }
                Step::Every { base, key, value, steps } => {
                    self.deeper(|this| this.every(base, *key, *value, steps))?
                }
                Step::Print { args } => {
                    self.print(args);
                    true
                }
                Step::Mark(line) => {
                    self.reaches(line);
                    true
                }
                Step::Case { keys } => {
                    self.case(keys);
                    true
                }
                Step::Scan { .. }
                | Step::Walk { .. }
                | Step::Search { .. }
                | Step::With { .. }
                | Step::Without => {
                    return self.deeper(|this| this.through(step, steps, place, sink));
                }
            };
            if !goes_on {
                if self.watch.is_some() {
                    self.stops(steps, place);
                }
                return Ok(Flow::More);
            }
        }
        self.end(sink)
    }

    /// Makes a value of others.
    fn make(&mut self, step: &'p Step) -> Run<bool> {
        let (to, value) = match step {
            Step::Array { to, items } => {
                (to, items.iter().map(|item| self.value(item).clone()).collect())
            }
            Step::Set { to, members } => {
                (to, Value::set(members.iter().map(|member| self.value(member).clone())))
            }
            Step::Object { to, pairs } => {
                let pair = |(key, value): &(Arg, Arg)| {
                    (self.value(key).clone(), self.value(value).clone())
                };
                (to, Value::object(pairs.iter().map(pair)))
            }
            _ => return Ok(true),
        };
        let value = self.fits(value, 0)?;
        Ok(self.give(*to, Some(value)))
    }

    fn called(
        &mut self,
        function: &'static Builtin,
        args: &[Arg],
        at: &Place,
    ) -> Run<Option<Value>> {
        let args = self.values(args);
        match self.call(function, &args, at)? {
            Some(value) if function.nests => self.fits_all(value).map(Some),
            Some(value) => self.fits(value, 0).map(Some),
            None => Ok(None),
        }
    }

    /// A step that goes through something, and what follows it for each. It stands by itself so
    /// that rules within rules take no room for it on the stack.
    fn through(
        &mut self,
        step: &'p Step,
        steps: &'p [Step],
        place: usize,
        sink: &mut Sink<'_>,
    ) -> Run<Flow> {
        let mut each = |this: &mut Self| this.run(steps, place, sink);
        match step {
            Step::Scan { base, key, value } => {
                let base = self.value(base).clone();
                if self.watch.is_some() && base.is_hollow() {
                    self.stops(steps, place);
                }
                self.scan(&base, (*key, *value), each)
            }
            Step::Walk { value, path, found } => {
                let value = self.value(value).clone();
                self.walk(&value, &mut Vec::new(), *path, *found, &mut each)
            }
            Step::Search { to, node, keys } => {
                let base = self.base_at(*node);
                let mut found = false;
                let flow =
                    self.search(Some(*node), base, keys, &mut |this: &mut Self, value| {
                        found = true;
                        this.put(*to, value);
                        each(this)
                    })?;
                if self.watch.is_some() && !found {
                    self.stops(steps, place);
                }
                Ok(flow)
            }
            Step::With { swaps } => self.with(swaps, each),
            Step::Without => self.without(each),
            _ => each(self),
        }
    }

    /// The end of the steps was reached.
    fn end(&mut self, sink: &mut Sink<'_>) -> Run<Flow> {
        Ok(match sink {
            Sink::Any => Flow::Enough,
            Sink::One(arg, found, clash) => {
                let value = self.value(arg);
                match found {
                    Some(there) if there == value => {}
                    Some(_) => *clash = true,
                    None => *found = Some(value.clone()),
                }
                // What is written there says the same each time.
                match *clash || matches!(arg, Arg::Const(_)) {
                    true => Flow::Enough,
                    false => Flow::More,
                }
            }
            Sink::Document { branch, grown, any, clash } => {
                *any = true;
                *clash = self.grow(branch, grown).is_err();
                if *clash { Flow::Enough } else { Flow::More }
            }
            Sink::Array(item, items) => {
                items.push(self.value(item).clone());
                Flow::More
            }
            Sink::Set(member, members) => {
                members.add(self.value(member).clone());
                Flow::More
            }
            Sink::Object(key, value, members, clash) => {
                let (key, value) = (self.value(key).clone(), self.value(value).clone());
                *clash = members.put(key, value).is_some();
                if *clash { Flow::Enough } else { Flow::More }
            }
            Sink::Rows(asked, rows) => {
                let named =
                    asked.names.iter().map(|(name, arg)| (name.clone(), self.value(arg).clone()));
                let valued =
                    asked.values.iter().map(|(span, arg)| (*span, self.value(arg).clone()));
                rows.push(Row { names: named.collect(), values: valued.collect() });
                Flow::More
            }
            Sink::Places(slots, rows) => {
                let row = slots.iter().map(|slot| self.value(&Arg::Slot(*slot)).clone());
                rows.push(row.collect());
                Flow::More
            }
        })
    }

    /// Puts a value where it is wanted; without one it does not go on.
    fn give(&mut self, to: Slot, value: Option<Value>) -> bool {
        match value {
            Some(value) => {
                self.put(to, value);
                true
            }
            None => false,
        }
    }

    fn values(&self, args: &[Arg]) -> Vec<Value> {
        args.iter().map(|arg| self.value(arg).clone()).collect()
    }

    fn gather(&mut self, what: &'p Gather, steps: &'p [Step], at: &Place) -> Run<Value> {
        let mut sink = match what {
            Gather::Array(item) => Sink::Array(item, Vec::new()),
            Gather::Set(member) => Sink::Set(member, SetBuilder::default()),
            Gather::Object(key, value) => Sink::Object(key, value, ObjectBuilder::default(), false),
        };
        self.run(steps, 0, &mut sink)?;
        match sink {
            Sink::Array(_, items) => self.fits(Value::array(items), 0),
            Sink::Set(_, members) => self.fits(Value::Set(members.build().into()), 0),
            Sink::Object(_, _, members, false) => {
                self.fits(Value::Object(members.build().into()), 0)
            }
            _ => Err(self.conflict("object keys must be unique", at)),
        }
    }

    fn every(
        &mut self,
        base: &Arg,
        key: Option<Slot>,
        value: Slot,
        steps: &'p [Step],
    ) -> Run<bool> {
        let base = self.value(base).clone();
        if !matches!(base, Value::Array(_) | Value::Object(_) | Value::Set(_)) {
            return Ok(false);
        }
        // Going on is what must not be: the first for which it does not hold ends it.
        let ended = self.scan(&base, (key.unwrap_or(Slot::MAX), value), |this| {
            Ok(match this.run(steps, 0, &mut Sink::Any)? {
                Flow::Enough => Flow::More,
                Flow::More => Flow::Enough,
            })
        })?;
        Ok(ended == Flow::More)
    }

    /// Goes through the members of a value.
    fn scan(
        &mut self,
        base: &Value,
        (key, value): (Slot, Slot),
        mut each: impl FnMut(&mut Self) -> Run<Flow>,
    ) -> Run<Flow> {
        let mut member = |this: &mut Self, at: Value, member: &Value| {
            this.put(key, at);
            this.put(value, member.clone());
            each(this)
        };
        match base {
            Value::Array(items) => {
                for (place, item) in (0i64..).zip(items.iter()) {
                    if member(self, place.into(), item)? == Flow::Enough {
                        return Ok(Flow::Enough);
                    }
                }
            }
            Value::Object(members) => {
                for (key, value) in members.iter() {
                    if member(self, key.clone(), value)? == Flow::Enough {
                        return Ok(Flow::Enough);
                    }
                }
            }
            Value::Set(members) => {
                for value in members.iter() {
                    if member(self, value.clone(), value)? == Flow::Enough {
                        return Ok(Flow::Enough);
                    }
                }
            }
            _ => {}
        }
        Ok(Flow::More)
    }

    /// Goes through a value and all that is within it.
    fn walk(
        &mut self,
        value: &Value,
        way: &mut Vec<Value>,
        path: Option<Slot>,
        found: Slot,
        each: &mut dyn FnMut(&mut Self) -> Run<Flow>,
    ) -> Run<Flow> {
        self.tick()?;
        if let Some(path) = path {
            self.put(path, Value::array(way.as_slice()));
        }
        self.put(found, value.clone());
        if each(self)? == Flow::Enough {
            return Ok(Flow::Enough);
        }
        let members: Box<dyn Iterator<Item = (Value, &Value)>> = match value {
            Value::Array(items) => Box::new((0i64..).map(Value::from).zip(items.iter())),
            Value::Object(members) => {
                Box::new(members.iter().map(|(key, value)| (key.clone(), value)))
            }
            Value::Set(members) => Box::new(members.iter().map(|member| (member.clone(), member))),
            _ => return Ok(Flow::More),
        };
        for (key, member) in members {
            way.push(key);
            let flow = self.inside(|this| this.walk(member, way, path, found, each))?;
            way.pop();
            if flow == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::More)
    }

    fn print(&mut self, args: &[Arg]) {
        let shown = |arg: &Arg| match self.value(arg) {
            Value::Set(members) => members.at(0).map_or_else(
                || "<undefined>".to_owned(),
                |value| value.as_text().map_or_else(|| value.to_string(), str::to_owned),
            ),
            other => other.to_string(),
        };
        let line: Vec<String> = args.iter().map(shown).collect();
        self.around.world.print(&line.join(" "));
    }
}

fn compare(order: Order, one: &Value, two: &Value) -> bool {
    match order {
        Order::Equal => one == two,
        Order::Unequal => one != two,
        Order::Less => one < two,
        Order::LessOrEqual => one <= two,
        Order::More => one > two,
        Order::MoreOrEqual => one >= two,
    }
}
