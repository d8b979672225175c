//! Rules about fragments.

use std::collections::HashMap;

use super::super::tree::{At, Definition, Fragment, Inline, Kind, Selection, Spread};
use super::Check;

impl<'a> Check<'a> {
    /// After all of a fragment without a name.
    pub(super) fn on_inline(&mut self, parent: Option<&'a Definition>, inline: &'a Inline) {
        let kind = self.kind(&inline.on);
        if kind.is_some_and(|kind| !kind.kind.is_composite()) {
            let why = format!("Fragment cannot condition on non composite type \"{}\".", inline.on);
            self.fault(why, inline.at);
        }
        if !inline.on.is_empty() && kind.is_none() {
            self.fault(format!("Unknown type \"{}\".", inline.on), inline.at);
        }
        self.overlaps(&inline.selections);
        self.possible_spread(parent, "Fragment", &inline.on, inline.at);
    }

    /// After a fragment is used.
    pub(super) fn on_spread(&mut self, parent: Option<&'a Definition>, spread: &'a Spread) {
        let fragment = self.fragment(&spread.name);
        if fragment.is_none() {
            self.fault(format!("Unknown fragment \"{}\".", spread.name), spread.at);
        }
        if !self.in_fragments {
            self.spread.insert(&spread.name);
        }
        if let Some(fragment) = fragment {
            let what = format!("Fragment \"{}\"", spread.name);
            self.possible_spread(parent, &what, &fragment.on, spread.at);
        }
    }

    /// After all of a fragment.
    pub(super) fn on_fragment(&mut self, fragment: &'a Fragment) {
        let kind = self.kind(&fragment.on);
        if kind.is_some_and(|kind| !kind.kind.is_composite()) {
            let why = format!(
                "Fragment \"{}\" cannot condition on non composite type \"{}\".",
                fragment.name, fragment.on
            );
            self.fault(why, fragment.at);
        }
        if kind.is_none() {
            let guess = self.guess_type(&fragment.on);
            self.fault(format!("Unknown type \"{}\".{guess}", fragment.on), fragment.at);
        }
        self.cycles(fragment, &mut Vec::new(), &mut HashMap::new());
        self.in_fragments = true;
        if !self.spread.contains(fragment.name.as_str()) {
            self.fault(format!("Fragment \"{}\" is never used.", fragment.name), fragment.at);
        }
        self.overlaps(&fragment.selections);
        if !self.names_seen.insert(("fragment", &fragment.name)) {
            let why = format!("There can be only one fragment named \"{}\".", fragment.name);
            self.fault(why, fragment.at);
        }
    }

    /// Whether something of the type it stands in can be of the type of the fragment.
    fn possible_spread(&mut self, parent: Option<&'a Definition>, what: &str, on: &str, at: At) {
        let (Some(parent), Some(kind)) = (parent, self.kind(on)) else { return };
        if !kind.kind.is_composite() || !parent.kind.is_composite() {
            return;
        }
        let possible = self.schema.possible(&kind.name);
        let is_possible = match parent.kind {
            Kind::Object => possible.contains(&parent.name),
            _ => self.schema.possible(&parent.name).iter().any(|name| possible.contains(name)),
        };
        if !is_possible {
            let why = format!(
                "{what} cannot be spread here as objects of type \"{}\" can never be of type \
                 \"{on}\".",
                parent.name
            );
            self.fault(why, at);
        }
    }

    /// Whether a fragment uses itself, by others perhaps.
    fn cycles(
        &mut self,
        fragment: &'a Fragment,
        path: &mut Vec<&'a Spread>,
        places: &mut HashMap<&'a str, usize>,
    ) {
        // As many fragments as may be inside of one another, so that it comes to an end.
        if path.len() >= super::super::DEPTH_MAX || !self.cycles_seen.insert(&fragment.name) {
            return;
        }
        let mut spreads = Vec::new();
        spreads_in(&fragment.selections, &mut spreads);
        places.insert(&fragment.name, path.len());
        for spread in spreads {
            let known = places.get(spread.name.as_str()).copied();
            path.push(spread);
            match (known, self.fragment(&spread.name)) {
                (Some(start), _) => {
                    let via: Vec<String> = path
                        .get(start..path.len().saturating_sub(1))
                        .unwrap_or_default()
                        .iter()
                        .map(|spread| format!("\"{}\"", spread.name))
                        .collect();
                    let via = match via.as_slice() {
                        [] => String::new(),
                        via => format!(" via {}", via.join(", ")),
                    };
                    let why =
                        format!("Cannot spread fragment \"{}\" within itself{via}.", spread.name);
                    self.fault(why, spread.at);
                }
                (None, Some(next)) => self.cycles(next, path, places),
                (None, None) => {}
            }
            path.pop();
        }
        places.remove(fragment.name.as_str());
    }
}

/// The fragments used at one level come before those of the levels below it.
fn spreads_in<'a>(selections: &'a [Selection], spreads: &mut Vec<&'a Spread>) {
    let mut waiting = vec![selections];
    while let Some(selections) = waiting.pop() {
        for selection in selections {
            match selection {
                Selection::Spread(spread) => spreads.push(spread),
                Selection::Field(field) => waiting.push(&field.selections),
                Selection::Inline(inline) => waiting.push(&inline.selections),
            }
        }
    }
}
