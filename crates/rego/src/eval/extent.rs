//! How large values are that share their parts.
//!
//! A list of a list twice is made in one step and has twice as much to be gone through, so that
//! sixty lines make what nobody can write down, and ten thousand make what no stack can follow.
//! What is made is therefore measured as it is made, by what is known of its members. What is
//! small is not kept; what is not kept is taken for as large as it may be.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{Evaluation, Run};
use crate::Value;
use crate::builtin::NESTS_MAX;

/// How much there is in a value, and how deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    members: u64,
    depth: u32,
}

/// What is no larger is not kept.
const SMALL: Extent = Extent { members: 64, depth: 16 };

/// What is larger is not made. The parts of inputs and documents count as small here.
const MOST: Extent = Extent { members: 8 << 20, depth: NESTS_MAX };

/// So many members that are gone through count for one step.
const MEMBERS: u64 = 16;

/// So many bytes of a string count for one member.
const BYTES: u64 = 64;

/// So many bytes of a string take the room of one member.
const ROOM: usize = 16;

/// What takes no more room counts for no more than the step that made it.
const FREE: usize = 128;

/// What is known of the values that are not small, by where they are. A place that is given up
/// and used again by another value is known as that of the other.
#[derive(Debug, Default)]
pub(super) struct Extents {
    known: HashMap<usize, Extent, FixedState>,
}

impl Extents {
    fn of(&self, value: &Value) -> Extent {
        match value {
            Value::Text(text) => Extent { members: 1 + text.len() as u64 / BYTES, depth: 0 },
            value => match place(value) {
                Some(place) => self.known.get(&place).copied().unwrap_or(SMALL),
                None => Extent { members: 1, depth: 0 },
            },
        }
    }

    /// Measures a value by its members, and those within it, so many levels, before.
    fn measure(&mut self, value: &Value, levels: usize) -> Extent {
        let Some(place) = place(value) else { return self.of(value) };
        let mut extent = Extent { members: 1, depth: 0 };
        let mut member = |value: &Value| {
            let of = match levels {
                0 => self.of(value),
                _ => self.measure(value, levels - 1),
            };
            extent.members = extent.members.saturating_add(of.members);
            extent.depth = extent.depth.max(of.depth.saturating_add(1));
        };
        each(value, &mut member);
        match extent.members > SMALL.members || extent.depth > SMALL.depth {
            true => drop(self.known.insert(place, extent)),
            false if self.known.is_empty() => {}
            false => drop(self.known.remove(&place)),
        }
        extent
    }

    /// Measures what a function put together at more levels than one: down to what is known.
    /// How many members were gone through is added up.
    fn measure_all(&mut self, value: &Value, gone: &mut u64) -> Extent {
        let Some(place) = place(value) else { return self.of(value) };
        if let Some(known) = self.known.get(&place) {
            return *known;
        }
        let mut extent = Extent { members: 1, depth: 0 };
        let mut member = |value: &Value| {
            *gone += 1;
            let of = self.measure_all(value, gone);
            extent.members = extent.members.saturating_add(of.members);
            extent.depth = extent.depth.max(of.depth.saturating_add(1));
        };
        each(value, &mut member);
        if extent.members > SMALL.members || extent.depth > SMALL.depth {
            self.known.insert(place, extent);
        }
        extent
    }
}

/// Goes through the members of a value, keys among them.
fn each(value: &Value, member: &mut impl FnMut(&Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(member),
        Value::Set(members) => members.iter().for_each(member),
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            member(key);
            member(value);
        }),
        _ => {}
    }
}

fn place(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) => Some(items.as_ptr().addr()),
        Value::Object(members) => Some(Arc::as_ptr(members).addr()),
        Value::Set(members) => Some(Arc::as_ptr(members).addr()),
        _ => None,
    }
}

impl Evaluation<'_, '_> {
    /// A value that was made here, with members as they were before below so many levels; unless
    /// it is larger than anything may be.
    pub(super) fn fits(&mut self, value: Value, levels: usize) -> Run<Value> {
        self.spend(&value)?;
        let extent = self.extents.measure(&value, levels);
        self.no_larger(value, extent)
    }

    /// The same of a value that a function put together at whatever levels.
    pub(super) fn fits_all(&mut self, value: Value) -> Run<Value> {
        self.spend(&value)?;
        let mut gone = 0;
        let extent = self.extents.measure_all(&value, &mut gone);
        self.left = self.left.saturating_sub(gone / MEMBERS);
        self.no_larger(value, extent)
    }

    fn no_larger(&self, value: Value, Extent { members, depth }: Extent) -> Run<Value> {
        match members > MOST.members || depth > MOST.depth {
            true => Err(self.halt("a value is larger or nests deeper than any may")),
            false => Ok(value),
        }
    }

    /// What takes much room is made in one step, and counts for as many as it would be filled in.
    fn spend(&mut self, value: &Value) -> Run<()> {
        let room = match value {
            Value::Array(items) => items.len(),
            Value::Set(members) => members.len() * 2,
            Value::Object(members) => members.len() * 4,
            Value::Text(text) => text.len() / ROOM,
            _ => 0,
        };
        if room < FREE {
            return Ok(());
        }
        self.left = self.left.saturating_sub(room as u64);
        if self.left == 0 {
            return Err(self.halt("the policy takes more room than it may"));
        }
        match self.around.world.over() {
            true => Err(self.halt("the policy takes longer than it may")),
            false => Ok(()),
        }
    }
}
