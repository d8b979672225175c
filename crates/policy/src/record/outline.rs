//! What of an input is recorded, found out once for each document.

use rego::Value;
use rego::value::json;
use rego::value::json::Draft;

use super::pen::Pen;
use crate::secret::{Masks, Name, Step, ends, within};

/// As much of an input as policies read.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// Whether all is read, and what is masked in it.
    all: Option<Vec<Vec<Step>>>,
    /// What is read of it, else.
    branches: Vec<Branch>,
}

/// What is read below one key.
#[derive(Debug)]
struct Branch {
    key: Value,
    /// The key as it is written, with what stands before its value.
    written: String,
    name: Name,
    /// Whether it is masked because somebody said so.
    masked: bool,
    below: Outline,
}

impl Outline {
    /// What is read at these places, of which none is below another.
    pub(crate) fn new(places: &[Vec<Value>], masks: &Masks) -> Self {
        let places: Vec<&[Value]> = places.iter().map(Vec::as_slice).collect();
        Self::of(&places, &masks.steps())
    }

    fn of(places: &[&[Value]], masks: &[&[Step]]) -> Self {
        if places.iter().any(|place| place.is_empty()) {
            let all = masks.iter().map(|mask| mask.to_vec()).collect();
            return Self { all: Some(all), branches: Vec::new() };
        }
        let mut keys: Vec<&Value> = places.iter().filter_map(|place| place.first()).collect();
        keys.sort_unstable();
        keys.dedup();
        let branch = |key: &Value| {
            let below = places.iter().filter_map(|place| place.split_first());
            let below: Vec<&[Value]> =
                below.filter(|(first, _)| *first == key).map(|(_, rest)| rest).collect();
            let masks = within(masks, key.as_text());
            Branch {
                written: key.as_text().map_or_else(String::new, |_| json::write(key) + ":"),
                name: key.as_text().map_or(Name::Plain, Name::of),
                masked: ends(&masks),
                below: Self::of(&below, &masks),
                key: key.clone(),
            }
        };
        Self { all: None, branches: keys.into_iter().map(branch).collect() }
    }

    /// Whether all of an input is read.
    pub(crate) fn is_all(&self) -> bool {
        self.all.is_some()
    }

    /// Writes all members of an object, which is what is read.
    pub(crate) fn write_all<'d>(
        &self,
        members: impl Iterator<Item = (&'d str, &'d Draft<'d>)>,
        pen: &mut Pen,
    ) {
        let masks = self.all.iter().flatten().map(Vec::as_slice).collect::<Vec<_>>();
        pen.members(members, None, &masks);
    }

    /// Writes as much of an object as is read, by what finds its members.
    pub(crate) fn write_members<'d>(
        &self,
        find: impl Fn(&Value) -> Option<&'d Draft<'d>>,
        pen: &mut Pen,
    ) {
        pen.raw("{");
        self.branches(find, pen);
        pen.raw("}");
    }

    /// Writes as much of a value as is read: nothing where that is nothing.
    pub(crate) fn write(&self, draft: &Draft<'_>, pen: &mut Pen) {
        if let Some(masks) = &self.all {
            let masks: Vec<&[Step]> = masks.iter().map(Vec::as_slice).collect();
            return pen.value(draft, &masks);
        }
        match draft {
            Draft::Object(_) => {
                let before = pen.mark();
                pen.raw("{");
                let begun = pen.mark();
                self.branches(|key| draft.get(key), pen);
                match pen.is_at(begun) {
                    true => pen.back(before),
                    false => pen.raw("}"),
                }
            }
            Draft::Array(items) => self.items(items, pen),
            _ => {}
        }
    }

    fn branches<'d>(&self, find: impl Fn(&Value) -> Option<&'d Draft<'d>>, pen: &mut Pen) {
        let mut some = false;
        for branch in self.branches.iter().filter(|branch| !branch.written.is_empty()) {
            let Some(draft) = find(&branch.key) else { continue };
            let before = pen.mark();
            if some {
                pen.raw(",");
            }
            pen.raw(&branch.written);
            let begun = pen.mark();
            branch.write(draft, pen);
            match pen.is_at(begun) {
                true => pen.back(before),
                false => some = true,
            }
        }
    }

    /// Of a list what is read by number, with `null` where nothing is read before it.
    fn items(&self, items: &[Draft<'_>], pen: &mut Pen) {
        let number = |branch: &&Branch| {
            let place = branch.key.as_i64().and_then(|place| usize::try_from(place).ok());
            place.filter(|place| *place < items.len())
        };
        let Some(last) = self.branches.iter().filter_map(|branch| number(&branch)).max() else {
            return;
        };
        pen.raw("[");
        for (place, item) in items.iter().enumerate().take(last + 1) {
            if place > 0 {
                pen.raw(",");
            }
            let begun = pen.mark();
            if let Some(branch) = self.branches.iter().find(|one| number(one) == Some(place)) {
                branch.write(item, pen);
            }
            if pen.is_at(begun) {
                pen.raw("null");
            }
        }
        pen.raw("]");
    }
}

impl Branch {
    fn write(&self, draft: &Draft<'_>, pen: &mut Pen) {
        if let Some(masks) = &self.below.all {
            let masks = masks.iter().map(Vec::as_slice).collect::<Vec<_>>();
            return pen.member(self.name, draft, &masks);
        }
        let before = pen.mark();
        self.below.write(draft, pen);
        // Something is read there, and nobody is to know what.
        if (self.masked || self.name != Name::Plain) && !pen.is_at(before) {
            pen.back(before);
            pen.mask();
        }
    }
}
