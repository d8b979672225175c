//! Whether fields that are called the same in the answer are the same, wherever they are asked
//! for: in a selection, in the fragments it uses, and in those they use.

use std::collections::{HashMap, HashSet};

use super::super::tree::{Argument, At, Fault, Field, Kind, Selection, Type};
use super::{Check, Place};

/// Which fragments were compared, and whether only as what excludes one another.
#[derive(Default)]
pub(super) struct Compared<'a> {
    pairs: HashMap<(&'a str, &'a str), bool>,
    /// How many fields are compared inside of one another.
    depth: usize,
    /// In the selection that is looked at.
    fragments: HashSet<&'a str>,
}

/// Two fields that differ.
struct Conflict {
    shown: String,
    why: String,
    at: At,
}

/// Fields by what they are called in the answer, in the order they are asked for.
type Fields<'a> = Vec<(&'a str, Vec<&'a Field>)>;

fn collect<'a>(selections: &'a [Selection], fields: &mut Fields<'a>, spreads: &mut Vec<&'a str>) {
    for selection in selections {
        match selection {
            Selection::Field(field) => {
                match fields.iter_mut().find(|(shown, _)| *shown == field.shown()) {
                    Some((_, all)) => all.push(field),
                    None => fields.push((field.shown(), vec![field])),
                }
            }
            Selection::Inline(inline) => collect(&inline.selections, fields, spreads),
            Selection::Spread(spread) => spreads.push(&spread.name),
        }
    }
}

fn collected(selections: &[Selection]) -> (Fields<'_>, Vec<&str>) {
    let (mut fields, mut spreads) = (Vec::new(), Vec::new());
    collect(selections, &mut fields, &mut spreads);
    (fields, spreads)
}

impl<'a> Check<'a> {
    /// Tells which fields of a selection differ.
    pub(super) fn overlaps(&mut self, selections: &'a [Selection]) {
        let mut conflicts = Vec::new();
        let (fields, spreads) = collected(selections);
        for (_, same) in &fields {
            for (place, one) in same.iter().enumerate() {
                for two in same.iter().skip(place.saturating_add(1)) {
                    conflicts.extend(self.conflict(false, one, two));
                }
            }
        }
        self.compared.fragments.clear();
        for (place, one) in spreads.iter().enumerate() {
            self.with_fragment(&mut conflicts, false, &fields, one);
            for two in spreads.iter().skip(place.saturating_add(1)) {
                self.between_fragments(&mut conflicts, false, one, two);
            }
        }
        self.faults.extend(conflicts.into_iter().map(|conflict| {
            let why = format!(
                "Fields \"{}\" conflict because {}. Use different aliases on the fields to fetch \
                 both if this was intentional.",
                conflict.shown, conflict.why
            );
            Fault::new(why, conflict.at)
        }));
    }

    /// Compares fields with those of a fragment and of the ones it uses.
    fn with_fragment(
        &mut self,
        conflicts: &mut Vec<Conflict>,
        exclusive: bool,
        fields: &Fields<'a>,
        name: &'a str,
    ) {
        if !self.step() || !self.compared.fragments.insert(name) {
            return;
        }
        let Some(fragment) = self.fragment(name) else { return };
        let (others, spreads) = collected(&fragment.selections);
        if same_fields(fields, &others) {
            return;
        }
        self.between(conflicts, exclusive, fields, &others);
        for spread in spreads.into_iter().filter(|spread| *spread != name) {
            self.with_fragment(conflicts, exclusive, fields, spread);
        }
    }

    /// Compares two fragments and the ones they use.
    fn between_fragments(
        &mut self,
        conflicts: &mut Vec<Conflict>,
        exclusive: bool,
        one: &'a str,
        two: &'a str,
    ) {
        let known = self.compared.pairs.get(&(one, two)).copied();
        // What was compared as not excluding one another was compared more strictly.
        if one == two || !self.step() || known.is_some_and(|known| exclusive || !known) {
            return;
        }
        self.compared.pairs.insert((one, two), exclusive);
        self.compared.pairs.insert((two, one), exclusive);
        let (Some(first), Some(second)) = (self.fragment(one), self.fragment(two)) else { return };
        let (fields, spreads) = collected(&first.selections);
        let (others, other_spreads) = collected(&second.selections);
        self.between(conflicts, exclusive, &fields, &others);
        for spread in other_spreads {
            self.between_fragments(conflicts, exclusive, one, spread);
        }
        for spread in spreads {
            self.between_fragments(conflicts, exclusive, spread, two);
        }
    }

    fn between(
        &mut self,
        conflicts: &mut Vec<Conflict>,
        exclusive: bool,
        fields: &Fields<'a>,
        others: &Fields<'a>,
    ) {
        for (shown, same) in fields {
            let Some((_, also)) = others.iter().find(|(other, _)| other == shown) else { continue };
            for one in same {
                for two in also {
                    conflicts.extend(self.conflict(exclusive, one, two));
                }
            }
        }
    }

    fn conflict(&mut self, exclusive: bool, one: &'a Field, two: &'a Field) -> Option<Conflict> {
        let (first, second) = (self.place(one), self.place(two));
        if !self.step() || first.parent.is_none() || second.parent.is_none() {
            return None;
        }
        let exclusive = exclusive || exclude(first, second);
        let conflict = |why: String| Some(Conflict { shown: one.shown().into(), why, at: two.at });
        if !exclusive && one.name != two.name {
            let why = format!("\"{}\" and \"{}\" are different fields", one.name, two.name);
            return conflict(why);
        }
        if !exclusive && !same_arguments(&one.arguments, &two.arguments) {
            return conflict("they have differing arguments".into());
        }
        if let (Some(first), Some(second)) = (first.field, second.field)
            && self.types_conflict(&first.kind, &second.kind)
        {
            let (first, second) = (first.kind.shown(), second.kind.shown());
            let why = format!("they return conflicting types \"{first}\" and \"{second}\"");
            return conflict(why);
        }
        if self.compared.depth >= super::super::DEPTH_MAX {
            self.steps = super::STEPS_MAX;
            return None;
        }
        self.compared.depth += 1;
        let inner = self.within(exclusive, &one.selections, &two.selections);
        self.compared.depth -= 1;
        if inner.is_empty() {
            return None;
        }
        let told = |inner: &Conflict| {
            format!("subfields \"{}\" conflict because {}", inner.shown, inner.why)
        };
        conflict(inner.iter().map(told).collect::<Vec<String>>().join(" and "))
    }

    /// Compares what is asked of two fields that are one in the answer.
    fn within(
        &mut self,
        exclusive: bool,
        one: &'a [Selection],
        two: &'a [Selection],
    ) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        let (fields, spreads) = collected(one);
        let (others, other_spreads) = collected(two);
        self.between(&mut conflicts, exclusive, &fields, &others);
        for spread in &other_spreads {
            self.compared.fragments.clear();
            self.with_fragment(&mut conflicts, exclusive, &fields, spread);
        }
        for spread in &spreads {
            self.compared.fragments.clear();
            self.with_fragment(&mut conflicts, exclusive, &others, spread);
        }
        for one in &spreads {
            for two in &other_spreads {
                self.between_fragments(&mut conflicts, exclusive, one, two);
            }
        }
        conflicts
    }

    fn types_conflict(&self, one: &Type, two: &Type) -> bool {
        match (&one.of, &two.of) {
            (Some(one), Some(two)) => return self.types_conflict(one, two),
            (Some(_), None) | (None, Some(_)) => return true,
            (None, None) => {}
        }
        if one.needed != two.needed {
            return true;
        }
        let leaf = |kind: &Type| self.kind(&kind.named).is_some_and(|kind| kind.kind.is_leaf());
        leaf(one) && leaf(two) && one.named != two.named
    }
}

/// Whether what is one type can not be the other.
fn exclude(one: Place<'_>, two: Place<'_>) -> bool {
    let (Some(first), Some(second)) = (one.parent, two.parent) else { return false };
    first.name != second.name
        && first.kind == Kind::Object
        && second.kind == Kind::Object
        && one.field.is_some()
        && two.field.is_some()
}

fn same_fields(one: &Fields<'_>, two: &Fields<'_>) -> bool {
    let ids = |fields: &Fields<'_>| -> Vec<usize> {
        fields.iter().flat_map(|(_, all)| all.iter().map(|field| field.id)).collect()
    };
    ids(one) == ids(two)
}

fn same_arguments(one: &[Argument], two: &[Argument]) -> bool {
    let same = |one: &Argument, two: &Argument| {
        one.name == two.name && one.value.kind == two.value.kind && one.value.raw == two.value.raw
    };
    one.len() == two.len() && one.iter().all(|first| two.iter().any(|second| same(first, second)))
}
