//! A set of keys, as a command sees it while it runs.

use std::sync::Arc;

use crate::value::{Shape, Value};

/// Keys and what they hold, while somebody works on them. Whoever hands one out decides who
/// else may see or change the same keys meanwhile; what it says of the time does not change.
pub trait Space {
    /// The time at which all of this work happens, in milliseconds of the Unix epoch.
    fn now(&self) -> u64;

    /// Shows what a key holds. It counts as a use.
    fn show(&self, key: &[u8], see: &mut dyn FnMut(Option<Seen<'_>>));

    /// Shows what a key holds. It counts as nothing.
    fn peek(&self, key: &[u8], see: &mut dyn FnMut(Option<Seen<'_>>));

    /// Lets what a key holds be changed, or nothing become something.
    fn alter(&self, key: &[u8], change: &mut dyn FnMut(&mut Slot<'_>));

    /// Gives what a key holds further tags, by which it can be purged; whether there was
    /// anything. Nothing where values have no tags.
    fn tag(&self, _key: &[u8], _tags: &[&str]) -> Option<bool> {
        None
    }

    /// A number that is another after each change of what a key holds, for who has to know
    /// whether there was one; nothing where everybody hears of changes at once.
    fn mark(&self, _key: &[u8]) -> Option<u64> {
        None
    }

    /// How many keys there are.
    fn count(&self) -> u64;

    /// Shows some keys, `hint` or so, from where an earlier walk stopped, and says where to
    /// go on; 0 begins and ends. What is there all the while is shown at least once.
    fn walk(&self, from: u64, hint: usize, each: &mut dyn FnMut(&[u8], Seen<'_>)) -> u64;

    /// Some key, by lot.
    fn any(&self) -> Option<Vec<u8>>;

    /// As many bytes as a value may have.
    fn largest(&self) -> u64;

    /// Whether a value was too large to be kept; it is as it was before, or gone if that
    /// could not be.
    fn refused(&self) -> bool;

    /// Drops everything.
    fn clear(&self);

    /// A number nobody could have guessed.
    fn random(&self) -> u64;
}

/// What a key holds, and when it ends.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The value.
    pub value: &'a Value,
    /// When it ends, in milliseconds of the Unix epoch.
    pub ends: Option<u64>,
}

/// The place of a key. Whoever changes it says so; without a value it is empty, and a
/// structure without parts is none.
#[derive(Debug)]
pub struct Slot<'a> {
    /// What the key holds.
    pub value: &'a mut Option<Value>,
    /// When it ends, in milliseconds of the Unix epoch.
    pub ends: &'a mut Option<u64>,
    /// Whether anything was changed.
    pub changed: &'a mut bool,
}

/// That a key holds something of another kind than was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherKind;

impl Slot<'_> {
    /// What the key holds, if it has this shape.
    ///
    /// # Errors
    /// When it holds something else.
    pub fn shape<T: Shape>(&mut self) -> Result<Option<&mut T>, OtherKind> {
        self.value.as_mut().map(|value| value.shape_mut().ok_or(OtherKind)).transpose()
    }

    /// What the key holds, if it has this shape, or something new without parts.
    ///
    /// # Errors
    /// When it holds something else.
    pub fn shape_or_new<T: Shape>(&mut self) -> Result<&mut T, OtherKind> {
        let new = || Value::Shaped(Arc::new(T::empty()));
        self.value.get_or_insert_with(new).shape_mut().ok_or(OtherKind)
    }
}

impl<'a> Seen<'a> {
    /// The value, if it has this shape.
    ///
    /// # Errors
    /// When it is something else.
    pub fn shape<T: Shape>(self) -> Result<&'a T, OtherKind> {
        self.value.shape().ok_or(OtherKind)
    }
}

/// What every space can do besides.
pub trait SpaceExt: Space {
    /// What `read` makes of what a key holds.
    fn read<T>(&self, key: &[u8], read: impl FnOnce(Option<Seen<'_>>) -> T) -> T;

    /// What `change` says of how it changed what a key holds.
    fn change<T>(&self, key: &[u8], change: impl FnOnce(&mut Slot<'_>) -> T) -> T;
}

impl<S: Space + ?Sized> SpaceExt for S {
    fn read<T>(&self, key: &[u8], read: impl FnOnce(Option<Seen<'_>>) -> T) -> T {
        let mut read = Some(read);
        let mut made = None;
        self.show(key, &mut |seen| made = read.take().map(|read| read(seen)));
        once(made)
    }

    fn change<T>(&self, key: &[u8], change: impl FnOnce(&mut Slot<'_>) -> T) -> T {
        let mut change = Some(change);
        let mut made = None;
        self.alter(key, &mut |slot| made = change.take().map(|change| change(slot)));
        once(made)
    }
}

#[expect(clippy::expect_used, reason = "a space that shows nothing keeps no promise at all")]
fn once<T>(made: Option<T>) -> T {
    made.expect("a space shows a key exactly once")
}
