//! Atoms in an order in which everything is known when it is needed, as steps.
//!
//! Whether an atom can be done yet is found out by doing it: if it needs what is not known, what
//! it wrote is taken back, and it is tried again after others.

mod document;
mod marks;
mod unify;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::atom::{Atom, Change, Closure, Collect, Flat, Says, Stand};
use super::names::Globals;
use super::read::{Read, Reader};
use super::said::Said;
use super::tree::{Outline, Tree};
use super::{Options, Problem};
use crate::Value;
use crate::plan::{
    Arg, Asked, Branch, Callee, Gather, Kind, Mock, Plan, RuleId, RuleSet, Slot, Step, Steps, Swap,
};
use crate::syntax::Module;
use crate::syntax::tree::{Expr, Name, Span, Term};

use marks::has_cases;

/// What is not known yet, though it is needed.
type Unknown = Slot;

/// As many times it is tried to do the atoms of a body, and as many times each of them.
const ATTEMPTS: usize = 100_000;
const ATTEMPTS_EACH: usize = 100;

/// What each definition leads to.
pub(super) type Reached = Vec<BTreeSet<usize>>;

/// Steps as they are written, and what is known after them.
#[derive(Debug, Default)]
struct Block {
    steps: Steps,
    known: Vec<bool>,
    /// What became known, in order.
    trail: Vec<Slot>,
    /// In how many others it is.
    depth: u32,
}

impl Block {
    fn within(&self) -> Self {
        Self { known: self.known.clone(), depth: self.depth + 1, ..Self::default() }
    }

    fn knows(&self, slot: Slot) -> bool {
        self.known.get(slot as usize).copied().unwrap_or(false)
    }

    fn learn(&mut self, slot: Slot) {
        let place = slot as usize;
        if self.known.len() <= place {
            self.known.resize(place + 1, false);
        }
        if let Some(known) = self.known.get_mut(place) {
            *known = true;
        }
        self.trail.push(slot);
    }

    fn settles(&self, flat: &Flat) -> bool {
        let mut settled = true;
        flat.variables(&mut |slot| settled &= self.knows(slot));
        settled
    }

    fn take_back(&mut self, steps: usize, trail: usize) {
        self.steps.truncate(steps);
        for slot in self.trail.drain(trail..) {
            if let Some(known) = self.known.get_mut(slot as usize) {
                *known = false;
            }
        }
    }
}

/// Writes the steps of one rule.
struct Writer<'c, 'r> {
    reader: &'r mut Reader<'c>,
    tree: &'c Tree,
    /// Whether lines are marked.
    marks: bool,
    /// The definitions this one asks for.
    reached: &'r mut BTreeSet<usize>,
    /// The rule sets that are asked for with so many keys.
    wanted: &'r mut BTreeSet<(RuleId, usize)>,
}

/// All rule sets, what each definition leads to, and which functions are not there yet.
pub(super) struct Ordered {
    pub(super) rules: Vec<RuleSet>,
    pub(super) reached: Reached,
    pub(super) awaited: Vec<Problem>,
}

/// Orders all rules.
pub(super) fn rules(
    modules: &[Arc<Module>],
    tree: &Tree,
    options: Options,
) -> Result<Ordered, Vec<Problem>> {
    let globals: Vec<Globals> = modules.iter().map(|module| Globals::of(module, modules)).collect();
    let mut build = Build {
        modules,
        tree,
        globals: &globals,
        options,
        reached: vec![BTreeSet::new(); tree.definitions.len()],
        wanted: BTreeSet::new(),
        problems: Vec::new(),
        awaited: Vec::new(),
    };
    let mut sets: Vec<RuleSet> = tree.sets.iter().map(|outline| build.set(outline)).collect();
    let mut done = BTreeSet::new();
    while let Some((rule, known)) = build.wanted.iter().find(|one| !done.contains(*one)).copied() {
        done.insert((rule, known));
        let (Some(outline), Some(set)) =
            (tree.sets.get(rule as usize), sets.get_mut(rule as usize))
        else {
            continue;
        };
        let plans = build.plans(outline, known);
        if set.plans.len() <= known {
            set.plans.resize_with(known + 1, Vec::new);
        }
        if let Some(place) = set.plans.get_mut(known) {
            *place = plans;
        }
    }
    match build.problems.is_empty() {
        true => Ok(Ordered { rules: sets, reached: build.reached, awaited: build.awaited }),
        false => Err(build.problems),
    }
}

/// What a question of its own becomes. It may ask for rule sets with keys for which there is no
/// plan: then it makes do with the plan for none.
pub(super) fn question(
    tree: &Tree,
    module: &Arc<Module>,
    globals: &Globals,
    body: &[Expr],
    options: Options,
    valued: bool,
) -> Result<Asked, Vec<Problem>> {
    let (mut reached, mut wanted) = (BTreeSet::new(), BTreeSet::new());
    let mut reader = Reader::new(tree, module, globals);
    let (mut atoms, values) = reader.question(body, valued);
    let named = reader.named();
    let mut writer = Writer {
        reader: &mut reader,
        tree,
        marks: options.marks,
        reached: &mut reached,
        wanted: &mut wanted,
    };
    let mut block = Block::default();
    writer.all(&atoms, &mut block);
    atoms.clear();
    let names = writer.args(&named, &block);
    let values = values
        .into_iter()
        .filter_map(|(span, flat)| Some((span, writer.value(&flat, &mut block).ok()?)))
        .collect();
    let slots = Slot::try_from(reader.names.len()).unwrap_or(Slot::MAX);
    match reader.problems.is_empty() {
        true => Ok(Asked { slots, steps: block.steps, names, values }),
        false => Err(reader.problems),
    }
}

struct Build<'c> {
    modules: &'c [Arc<Module>],
    tree: &'c Tree,
    globals: &'c [Globals],
    options: Options,
    reached: Reached,
    wanted: BTreeSet<(RuleId, usize)>,
    problems: Vec<Problem>,
    awaited: Vec<Problem>,
}

impl<'c> Build<'c> {
    fn set(&mut self, outline: &Outline) -> RuleSet {
        let plans = vec![self.plans(outline, 0)];
        let default = outline.default.and_then(|definition| self.plan(definition, 0));
        RuleSet { path: outline.path.clone(), kind: outline.kind, default, plans }
    }

    fn plans(&mut self, outline: &Outline, known: usize) -> Vec<Plan> {
        outline.rules.iter().filter_map(|definition| self.plan(*definition, known)).collect()
    }

    fn plan(&mut self, definition: usize, known: usize) -> Option<Plan> {
        let (module, rule) = self.tree.rule(self.modules, definition)?;
        let found = self.tree.definitions.get(definition)?;
        let globals = self.globals.get(found.module)?;
        let mut reader = Reader::new(self.tree, module, globals);
        reader.awaited = self.options.open.then(Vec::new);
        reader.said = Some(Said { modules: self.modules, module, rule: found.rule });
        let given = rule.head.args.as_ref().map_or(known, Vec::len);
        let mut branches = Vec::new();
        let mut reached = std::mem::take(self.reached.get_mut(definition)?);
        reader.take(given);
        let tests = self.options.marks && known == 0 && has_cases(rule, &found.keys);
        let mut branch = |value: Option<&Term>, body: &[Expr], span: Span| {
            let read = reader.branch(span, &rule.head, &found.keys, known, value, body);
            let mut writer = Writer {
                reader: &mut reader,
                tree: self.tree,
                marks: self.options.marks,
                reached: &mut reached,
                wanted: &mut self.wanted,
            };
            branches.push(writer.branch(read, given, tests));
        };
        let head = if rule.default { rule.span } else { rule.head.span };
        branch(rule.head.value.as_ref(), &rule.body, head);
        for otherwise in &rule.otherwise {
            branch(otherwise.value.as_ref(), &otherwise.body, otherwise.span);
        }
        let slots = Slot::try_from(reader.names.len()).unwrap_or(Slot::MAX);
        // The same rule read for other keys has the same problems.
        if known == 0 {
            self.problems.append(&mut reader.problems);
            self.awaited.extend(reader.awaited.take().into_iter().flatten());
        }
        let at = reader.at(rule.span);
        *self.reached.get_mut(definition)? = reached;
        Some(Plan { slots, branches, at })
    }
}

impl Writer<'_, '_> {
    fn branch(&mut self, read: Read, given: usize, tests: bool) -> Branch {
        let mut block = Block::default();
        (0..given).for_each(|slot| block.learn(Slot::try_from(slot).unwrap_or(Slot::MAX)));
        match tests {
            true => self.cases(&read, &mut block),
            false => self.all(&read.atoms, &mut block),
        }
        let span = read.span;
        let keys = read.keys.iter().map(|key| self.head(key, span, &mut block)).collect();
        let value = self.head(&read.value, span, &mut block);
        Branch { steps: block.steps, keys, value, contains: read.contains, span }
    }

    fn head(&mut self, flat: &Flat, span: Span, block: &mut Block) -> Arg {
        self.value(flat, block).unwrap_or_else(|unknown| {
            self.unsafe_variable(unknown, span);
            Arg::Const(Value::Null)
        })
    }

    fn args(&self, named: &[(Name, Slot)], block: &Block) -> Vec<(Name, Arg)> {
        let known = named.iter().filter(|(_, slot)| block.knows(*slot));
        known.map(|(name, slot)| (name.clone(), Arg::Slot(*slot))).collect()
    }

    /// Writes all atoms, or says which variables nothing makes known.
    fn all(&mut self, atoms: &[Atom], block: &mut Block) {
        self.rest(atoms.iter().collect(), block);
    }

    fn rest(&mut self, atoms: Vec<&Atom>, block: &mut Block) {
        let Err(left) = self.as_many(atoms, block) else { return };
        // What is computed in between is unknown because of what it is computed from.
        let named =
            |slot: Unknown| self.reader.names.get(slot as usize).is_some_and(Option::is_some);
        let (known, between): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|(slot, _)| named(*slot));
        let told = if known.is_empty() { between } else { known };
        for (unknown, span) in told {
            self.unsafe_variable(unknown, span);
        }
    }

    fn as_many(
        &mut self,
        mut left: Vec<&Atom>,
        block: &mut Block,
    ) -> Result<(), Vec<(Unknown, Span)>> {
        let mut attempts = ATTEMPTS + left.len() * ATTEMPTS_EACH;
        loop {
            let mut unknown = Vec::new();
            let before = left.len();
            match attempts.checked_sub(before) {
                Some(fewer) => attempts = fewer,
                None => return Err(self.too_many(&left)),
            }
            left.retain(|atom| {
                let (steps, trail) = (block.steps.len(), block.trail.len());
                match self.atom(atom, block) {
                    Ok(()) => false,
                    Err(slot) => {
                        block.take_back(steps, trail);
                        unknown.push((slot, atom.span));
                        true
                    }
                }
            });
            if left.is_empty() {
                return Ok(());
            }
            if left.len() == before {
                return Err(unknown);
            }
        }
    }

    /// Who writes the end of a story first, and so on to its beginning, makes long work of it.
    fn too_many(&mut self, left: &[&Atom]) -> Vec<(Unknown, Span)> {
        let span = left.first().map(|atom| atom.span).unwrap_or_default();
        let message = "too many lines of this body stand before what they need: write what is \
                       needed above what needs it";
        let problem = Problem::of_compiling(self.reader.at(span), message.to_owned());
        self.reader.problems.push(problem);
        Vec::new()
    }

    fn unsafe_variable(&mut self, slot: Unknown, span: Span) {
        let name = self.reader.names.get(slot as usize).cloned().flatten();
        let name = name.as_deref().unwrap_or("_");
        let shown = if name.starts_with('$') { "_" } else { name };
        let problem = Problem::unsafe_variable(self.reader.at(span), shown);
        // Variables without a name are unknown because others are.
        let known = |other: &Problem| other.message == problem.message && other.place.span == span;
        if !self.reader.problems.iter().any(known) {
            self.reader.problems.push(problem);
        }
    }

    fn atom(&mut self, atom: &Atom, block: &mut Block) -> Result<(), Unknown> {
        if self.marks {
            self.mark(atom, block);
        }
        match &atom.says {
            Says::Holds(Flat::Const(value)) if value.holds() => {}
            Says::Holds(flat) => {
                let value = self.value(flat, block)?;
                block.steps.push(Step::Holds { value });
            }
            Says::Unify(one, two) => self.unify(one, two, block)?,
            Says::Compare(order, one, two, to) => {
                let (one, two) = (self.value(one, block)?, self.value(two, block)?);
                to.iter().for_each(|slot| block.learn(*slot));
                block.steps.push(Step::Compare { to: *to, order: *order, one, two });
            }
            Says::Call(function, args, to) => {
                let args = self.values(args, block)?;
                let at = self.reader.at(atom.span);
                self.into(to, block, |to| Step::Call { to, function, args, at })?;
            }
            Says::Apply(rule, args, to) => {
                let args = self.values(args, block)?;
                let at = self.reader.at(atom.span);
                self.reaches(*rule, &[]);
                self.into(to, block, |to| Step::Apply { to, rule: *rule, args, at })?;
            }
            Says::Walk(value, to) => self.walk(value, to, block)?,
            Says::Print(args) => {
                let args = self.values(args, block)?;
                block.steps.push(Step::Print { args });
            }
            Says::Member(key, value, domain) => self.member(key.as_ref(), value, domain, block)?,
            Says::Not { atoms, outer } => {
                self.all_known(outer, block)?;
                let mut inner = block.within();
                self.all(atoms, &mut inner);
                block.steps.push(Step::Not { steps: inner.steps });
            }
            Says::Every { domain, key, value, atoms, outer } => {
                let base = self.value(domain, block)?;
                self.all_known(outer, block)?;
                let mut inner = block.within();
                key.iter().chain([value]).for_each(|slot| inner.learn(*slot));
                self.all(atoms, &mut inner);
                let steps = inner.steps;
                block.steps.push(Step::Every { base, key: *key, value: *value, steps });
            }
            Says::With { swaps, atoms } => {
                let swaps = swaps.iter().map(|swap| self.swap(swap, block));
                let swaps = swaps.collect::<Result<_, _>>()?;
                block.steps.push(Step::With { swaps });
                self.as_many(atoms.iter().collect(), block)
                    .map_err(|left| left.first().map_or(Slot::MAX, |(slot, _)| *slot))?;
                block.steps.push(Step::Without);
            }
        }
        Ok(())
    }

    /// Does what ends in a place, which is that of the variable if it is not known yet.
    fn into(
        &mut self,
        to: &Flat,
        block: &mut Block,
        step: impl FnOnce(Slot) -> Step,
    ) -> Result<(), Unknown> {
        if let Flat::Var(slot) = to
            && !block.knows(*slot)
        {
            block.steps.push(step(*slot));
            block.learn(*slot);
            return Ok(());
        }
        let slot = self.place(block);
        block.steps.push(step(slot));
        self.unify(to, &Flat::Var(slot), block)
    }

    fn walk(&mut self, value: &Flat, to: &Flat, block: &mut Block) -> Result<(), Unknown> {
        let value = self.value(value, block)?;
        let (path, found) = (self.place(block), self.place(block));
        let wild = |flat: &Flat| match flat {
            Flat::Var(slot) => self
                .reader
                .names
                .get(*slot as usize)
                .cloned()
                .flatten()
                .is_some_and(|name| name.starts_with('$')),
            _ => false,
        };
        let unasked = matches!(to, Flat::Array(items) if items.first().is_some_and(wild));
        let pair = Flat::Array(vec![Flat::Var(path), Flat::Var(found)]);
        block.steps.push(Step::Walk { value, path: (!unasked).then_some(path), found });
        self.unify(to, &pair, block)
    }

    fn member(
        &mut self,
        key: Option<&Flat>,
        value: &Flat,
        domain: &Flat,
        block: &mut Block,
    ) -> Result<(), Unknown> {
        let base = self.value(domain, block)?;
        let mut rest = Vec::new();
        let mut place = |flat: Option<&Flat>, block: &mut Block| match flat {
            Some(Flat::Var(slot)) if !block.knows(*slot) => {
                block.learn(*slot);
                *slot
            }
            other => {
                let slot = self.place(block);
                rest.extend(other.map(|flat| (flat.clone(), slot)));
                slot
            }
        };
        let key = place(key, block);
        let value = place(Some(value), block);
        block.steps.push(Step::Scan { base, key, value });
        for (flat, slot) in rest {
            self.unify(&flat, &Flat::Var(slot), block)?;
        }
        Ok(())
    }

    fn swap(&mut self, swap: &Change, block: &mut Block) -> Result<Swap, Unknown> {
        Ok(match swap {
            Change::Input(path, value) => {
                Swap::Input { path: path.clone().into(), value: self.value(value, block)? }
            }
            Change::Data(path, value) => {
                Swap::Data { path: path.clone().into(), value: self.value(value, block)? }
            }
            Change::Function(of, Stand::Function(by)) => {
                if let Callee::Rule(rule) = by {
                    self.reaches(*rule, &[]);
                }
                Swap::Function { of: *of, by: Mock::Function(*by) }
            }
            Change::Function(of, Stand::Value(value)) => {
                Swap::Function { of: *of, by: Mock::Value(self.value(value, block)?) }
            }
        })
    }

    fn all_known(&self, slots: &[Slot], block: &Block) -> Result<(), Unknown> {
        slots.iter().find(|slot| !block.knows(**slot)).map_or(Ok(()), |slot| Err(*slot))
    }

    fn values<T: FromIterator<Arg>>(
        &mut self,
        flats: &[Flat],
        block: &mut Block,
    ) -> Result<T, Unknown> {
        flats.iter().map(|flat| self.value(flat, block)).collect()
    }

    /// The value of a term whose variables are known, or become known by going through it.
    fn value(&mut self, flat: &Flat, block: &mut Block) -> Result<Arg, Unknown> {
        Ok(match flat {
            Flat::Const(value) => Arg::Const(value.clone()),
            Flat::Var(slot) if block.knows(*slot) => Arg::Slot(*slot),
            Flat::Var(slot) => return Err(*slot),
            Flat::Ref(root, keys) => self.reference(root, keys, block)?,
            Flat::Array(items) => {
                let items = self.values(items, block)?;
                self.made(block, |to| Step::Array { to, items })
            }
            Flat::Set(members) => {
                let members = self.values(members, block)?;
                self.made(block, |to| Step::Set { to, members })
            }
            Flat::Object(pairs) => {
                let mut args = Vec::new();
                for (key, value) in pairs {
                    args.push((self.value(key, block)?, self.value(value, block)?));
                }
                let pairs = args.into();
                self.made(block, |to| Step::Object { to, pairs })
            }
            Flat::Gather(closure) => self.gather(closure, block)?,
        })
    }

    fn gather(&mut self, closure: &Closure, block: &mut Block) -> Result<Arg, Unknown> {
        self.all_known(&closure.outer, block)?;
        let mut inner = block.within();
        self.all(&closure.atoms, &mut inner);
        let mut head = |flat: &Flat| self.head(flat, closure.span, &mut inner);
        let what = match &closure.what {
            Collect::Array(item) => Gather::Array(head(item)),
            Collect::Set(member) => Gather::Set(head(member)),
            Collect::Object(key, value) => Gather::Object(head(key), head(value)),
        };
        let at = self.reader.at(closure.span);
        let steps = inner.steps;
        Ok(self.made(block, |to| Step::Gather { to, what, steps, at }))
    }

    /// A new place.
    fn place(&mut self, block: &mut Block) -> Slot {
        let slot = self.reader.fresh(None);
        block.learn(slot);
        slot
    }

    fn made(&mut self, block: &mut Block, step: impl FnOnce(Slot) -> Step) -> Arg {
        let to = self.place(block);
        block.steps.push(step(to));
        Arg::Slot(to)
    }

    /// Notes that the rules of a set are asked for at these keys, as far as they are written.
    fn reaches(&mut self, rule: RuleId, keys: &[Flat]) {
        let Some(set) = self.tree.sets.get(rule as usize) else { return };
        for definition in set.rules.iter().chain(&set.default) {
            let Some(found) = self.tree.definitions.get(*definition) else { continue };
            let apart = |(key, written): (&Flat, &Term)| match (key, &written.kind) {
                (Flat::Const(one), crate::syntax::tree::TermKind::Scalar(two)) => one != two,
                _ => false,
            };
            if !keys.iter().zip(&found.keys).any(apart) {
                self.reached.insert(*definition);
            }
        }
    }

    fn is_function(&self, rule: RuleId) -> bool {
        self.tree.sets.get(rule as usize).is_some_and(|set| matches!(set.kind, Kind::Function(_)))
    }
}
