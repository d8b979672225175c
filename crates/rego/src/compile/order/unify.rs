//! Two terms that are to be the same.

use super::{Block, Unknown, Writer};
use crate::Value;
use crate::compile::atom::Flat;
use crate::plan::{Arg, Slot, Step};

impl Writer<'_, '_> {
    /// Makes both the same: variables that are not known become so, the rest is compared.
    pub(super) fn unify(
        &mut self,
        one: &Flat,
        two: &Flat,
        block: &mut Block,
    ) -> Result<(), Unknown> {
        let mut pairs = vec![(one.clone(), two.clone())];
        loop {
            let mut left = Vec::new();
            let mut unknown = None;
            let before = pairs.len();
            let mut more = Vec::new();
            for (one, two) in pairs {
                let (steps, trail) = (block.steps.len(), block.trail.len());
                if let Err(slot) = self.pair(&one, &two, block, &mut more) {
                    block.take_back(steps, trail);
                    unknown.get_or_insert(slot);
                    left.push((one, two));
                }
            }
            let stuck = left.len() == before && more.is_empty();
            left.append(&mut more);
            match unknown {
                Some(slot) if stuck => return Err(slot),
                _ if left.is_empty() => return Ok(()),
                _ => pairs = left,
            }
        }
    }

    fn pair(
        &mut self,
        one: &Flat,
        two: &Flat,
        block: &mut Block,
        more: &mut Vec<(Flat, Flat)>,
    ) -> Result<(), Unknown> {
        match (one, two) {
            (Flat::Var(slot), other) | (other, Flat::Var(slot)) if !block.knows(*slot) => {
                self.bind(*slot, other, block)
            }
            (Flat::Array(ones), Flat::Array(twos)) => {
                match ones.len() == twos.len() {
                    true => more.extend(ones.iter().cloned().zip(twos.iter().cloned())),
                    false => never(block),
                }
                Ok(())
            }
            (Flat::Object(ones), Flat::Object(twos)) if same_keys(ones, twos) => {
                for (key, one) in ones {
                    let two = twos.iter().find(|(other, _)| constant(other) == constant(key));
                    more.extend(two.map(|(_, two)| (one.clone(), two.clone())));
                }
                Ok(())
            }
            (pattern @ (Flat::Array(_) | Flat::Object(_)), other) if !block.settles(pattern) => {
                self.take_apart(pattern, other, block, more)
            }
            (other, pattern @ (Flat::Array(_) | Flat::Object(_))) if !block.settles(pattern) => {
                self.take_apart(pattern, other, block, more)
            }
            (one, two) => {
                let (one, two) = (self.value(one, block)?, self.value(two, block)?);
                block.steps.push(Step::Same { one, two });
                Ok(())
            }
        }
    }

    fn bind(&mut self, slot: Slot, other: &Flat, block: &mut Block) -> Result<(), Unknown> {
        let before = self.reader.names.len();
        let from = self.value(other, block)?;
        // What was only just made may as well be made where it is wanted.
        if let (Arg::Slot(made), Some(step)) = (&from, block.steps.last_mut())
            && *made as usize >= before
            && step.retarget(*made, slot)
        {
            block.learn(slot);
            return Ok(());
        }
        block.steps.push(Step::Let { to: slot, from });
        block.learn(slot);
        Ok(())
    }

    fn take_apart(
        &mut self,
        pattern: &Flat,
        other: &Flat,
        block: &mut Block,
        more: &mut Vec<(Flat, Flat)>,
    ) -> Result<(), Unknown> {
        let value = self.value(other, block)?;
        let mut parts: Vec<(Arg, &Flat)> = Vec::new();
        match pattern {
            Flat::Array(items) => {
                block.steps.push(Step::Long { value: value.clone(), length: items.len() });
                parts.extend((0i64..).map(|place| Arg::Const(place.into())).zip(items));
            }
            Flat::Object(pairs) => {
                block.steps.push(Step::Wide { value: value.clone(), length: pairs.len() });
                for (key, part) in pairs {
                    parts.push((self.value(key, block)?, part));
                }
            }
            _ => {}
        }
        for (key, part) in parts {
            let base = value.clone();
            match part {
                Flat::Var(slot) if !block.knows(*slot) => {
                    block.steps.push(Step::Get { to: *slot, base, key });
                    block.learn(*slot);
                }
                part => {
                    let to = self.place(block);
                    block.steps.push(Step::Get { to, base, key });
                    more.push((part.clone(), Flat::Var(to)));
                }
            }
        }
        Ok(())
    }
}

/// What is written here comes to nothing.
fn never(block: &mut Block) {
    block.steps.push(Step::Same { one: Arg::Const(true.into()), two: Arg::Const(false.into()) });
}

fn constant(flat: &Flat) -> Option<&Value> {
    match flat {
        Flat::Const(value) => Some(value),
        _ => None,
    }
}

fn same_keys(ones: &[(Flat, Flat)], twos: &[(Flat, Flat)]) -> bool {
    let has = |pairs: &[(Flat, Flat)], key: &Flat| {
        constant(key).is_some() && pairs.iter().any(|(other, _)| constant(other) == constant(key))
    };
    ones.len() == twos.len() && ones.iter().all(|(key, _)| has(twos, key))
}

impl Step {
    /// Lets a step that makes one value make it elsewhere.
    fn retarget(&mut self, from: Slot, into: Slot) -> bool {
        match self {
            Self::Get { to, .. }
            | Self::Input { to, .. }
            | Self::Base { to, .. }
            | Self::Rule { to, .. }
            | Self::Whole { to, .. }
            | Self::Search { to, .. }
            | Self::Array { to, .. }
            | Self::Object { to, .. }
            | Self::Set { to, .. }
            | Self::Gather { to, .. }
            | Self::Scan { value: to, .. }
                if *to == from =>
            {
                *to = into;
                true
            }
            _ => false,
        }
    }
}
