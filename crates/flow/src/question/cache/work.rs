//! Work on values by somebody who knows their shapes.

use parking_lot::Mutex;

use super::{DELETE, EXPIRE, GET, PURGE, SET};
use crate::request::{Action, Question, Resource};

/// What kind of work it is, and so which right it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deed {
    /// Values are read.
    Read,
    /// Values are written, whatever was there before.
    Put,
    /// Values are written, and what was there before matters.
    Write,
    /// Keys are removed.
    Delete,
    /// Keys are given another life.
    Expire,
    /// Everything is dropped.
    Purge,
}

impl Deed {
    /// Whether anything may be different afterwards.
    pub fn changes(self) -> bool {
        self != Self::Read
    }

    fn action(self) -> &'static Action {
        match self {
            Self::Read => &GET,
            Self::Put | Self::Write => &SET,
            Self::Delete => &DELETE,
            Self::Expire => &EXPIRE,
            Self::Purge => &PURGE,
        }
    }
}

/// Asks to be let in to the values of a namespace, to work on them in place. What a space
/// is, those at both ends know; the path knows who may enter, and to do what.
pub struct Work<'a, S: ?Sized> {
    /// Where.
    pub namespace: &'a str,
    /// The first key it is about.
    pub key: &'a [u8],
    /// Which kind of work.
    pub deed: Deed,
    /// Whether nobody else may work there meanwhile, whatever the keys.
    pub alone: bool,
    /// Shows all its keys, one after the other, to who has to bring them from elsewhere.
    pub keys: EachKey<'a>,
    /// Shows those for which the right is needed besides the first.
    further: Option<EachKey<'a>>,
    begin: Option<&'a (dyn Fn() + Sync)>,
    hand: Hand<'a, S>,
}

/// Whoever may get ready for work that will come.
pub trait Readies {
    /// What will be worked on soon, if whoever asks may.
    fn ready(&self, tenant: &str, namespace: &str, keys: EachKey<'_>);
}

/// Shows keys, one after the other.
pub type EachKey<'a> = &'a (dyn Fn(&mut dyn FnMut(&'a [u8])) + Sync);

type Hand<'a, S> = Mutex<&'a mut (dyn FnMut(&S) + Send)>;

impl<'a, S: ?Sized> Work<'a, S> {
    /// This work.
    pub fn new(
        namespace: &'a str,
        key: &'a [u8],
        (deed, alone): (Deed, bool),
        keys: EachKey<'a>,
        hand: &'a mut (dyn FnMut(&S) + Send),
    ) -> Self {
        let (further, begin) = (None, None);
        Self { namespace, key, deed, alone, keys, further, begin, hand: Mutex::new(hand) }
    }

    /// The same, which takes the right for each of these keys too.
    #[must_use]
    pub fn about(self, further: EachKey<'a>) -> Self {
        Self { further: Some(further), ..self }
    }

    /// The same, which says when it is let in and nothing was brought for it yet.
    #[must_use]
    pub fn beginning(self, begin: &'a (dyn Fn() + Sync)) -> Self {
        Self { begin: Some(begin), ..self }
    }

    /// Says that it is let in.
    pub fn begin(&self) {
        if let Some(begin) = self.begin {
            begin();
        }
    }

    /// Does it.
    pub fn run(&self, space: &S) {
        (self.hand.lock())(space);
    }
}

impl<S: ?Sized> Question for Work<'_, S> {
    type Answer = ();

    fn action(&self) -> &'static Action {
        self.deed.action()
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: self.namespace, name: self.key }
    }

    fn further(&self, each: &mut dyn FnMut(&[u8])) {
        if let Some(further) = self.further {
            further(&mut |key| {
                if key != self.key {
                    each(key);
                }
            });
        }
    }
}
