//! Which places a step reads and which it fills.

use super::{Arg, Gather, Key, Mock, Slot, Step, Swap};

impl Step {
    /// Calls with every place in it, those of inner steps too.
    pub(crate) fn places(&self, seen: &mut impl FnMut(Slot)) {
        self.read(&mut |arg| {
            if let Arg::Slot(slot) = arg {
                seen(*slot);
            }
        });
        self.written(&mut |slot| seen(slot));
        for step in self.inner() {
            // Steps nest as bodies do, which is bounded where they are read.
            step.places_of(seen);
        }
    }

    fn places_of(&self, seen: &mut dyn FnMut(Slot)) {
        self.places(&mut |slot| seen(slot));
    }

    /// Calls with what it needs to be known, but for what only its inner steps need.
    pub(crate) fn read<'s>(&'s self, seen: &mut impl FnMut(&'s Arg)) {
        match self {
            Self::Let { from, .. } => seen(from),
            Self::Get { base, key, .. } => {
                seen(base);
                seen(key);
            }
            Self::Rule { keys, .. } => keys.iter().for_each(seen),
            Self::Search { keys, .. } => {
                for key in keys {
                    if let Key::Known(arg) = key {
                        seen(arg);
                    }
                }
            }
            Self::Same { one, two } | Self::Compare { one, two, .. } => {
                seen(one);
                seen(two);
            }
            Self::Holds { value }
            | Self::Long { value, .. }
            | Self::Wide { value, .. }
            | Self::Walk { value, .. } => seen(value),
            Self::Call { args, .. } | Self::Apply { args, .. } | Self::Print { args } => {
                args.iter().for_each(seen);
            }
            Self::Array { items, .. } => items.iter().for_each(seen),
            Self::Set { members, .. } => members.iter().for_each(seen),
            Self::Object { pairs, .. } => {
                for (key, value) in pairs {
                    seen(key);
                    seen(value);
                }
            }
            Self::Scan { base, .. } | Self::Every { base, .. } => seen(base),
            Self::Gather { what, .. } => match what {
                Gather::Array(arg) | Gather::Set(arg) => seen(arg),
                Gather::Object(key, value) => {
                    seen(key);
                    seen(value);
                }
            },
            Self::With { swaps } => {
                for swap in swaps {
                    match swap {
                        Swap::Input { value, .. }
                        | Swap::Data { value, .. }
                        | Swap::Function { by: Mock::Value(value), .. } => seen(value),
                        Swap::Function { .. } => {}
                    }
                }
            }
            Self::Case { keys } => keys.iter().for_each(seen),
            Self::Input { .. }
            | Self::Base { .. }
            | Self::Whole { .. }
            | Self::Not { .. }
            | Self::Without
            | Self::Mark(_) => {}
        }
    }

    /// Calls with the places it fills, but for those of its inner steps.
    pub(crate) fn written(&self, seen: &mut impl FnMut(Slot)) {
        match self {
            Self::Let { to, .. }
            | Self::Get { to, .. }
            | Self::Input { to, .. }
            | Self::Base { to, .. }
            | Self::Rule { to, .. }
            | Self::Whole { to, .. }
            | Self::Call { to, .. }
            | Self::Apply { to, .. }
            | Self::Array { to, .. }
            | Self::Object { to, .. }
            | Self::Set { to, .. }
            | Self::Gather { to, .. } => seen(*to),
            Self::Compare { to, .. } => to.iter().for_each(|to| seen(*to)),
            Self::Search { to, keys, .. } => {
                seen(*to);
                for key in keys {
                    if let Key::Any(slot) = key {
                        seen(*slot);
                    }
                }
            }
            Self::Scan { key, value, .. } => {
                seen(*key);
                seen(*value);
            }
            Self::Walk { path, found, .. } => {
                path.iter().for_each(|path| seen(*path));
                seen(*found);
            }
            Self::Every { key, value, .. } => {
                key.iter().for_each(|key| seen(*key));
                seen(*value);
            }
            Self::Same { .. }
            | Self::Holds { .. }
            | Self::Long { .. }
            | Self::Wide { .. }
            | Self::Not { .. }
            | Self::With { .. }
            | Self::Without
            | Self::Print { .. }
            | Self::Mark(_)
            | Self::Case { .. } => {}
        }
    }

    /// The steps within it.
    pub(crate) fn inner(&self) -> &[Self] {
        match self {
            Self::Gather { steps, .. } | Self::Not { steps } | Self::Every { steps, .. } => steps,
            _ => &[],
        }
    }
}
