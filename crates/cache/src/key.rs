//! Keys made of several parts, as text a person can read and a pattern can match.
//!
//! Two different values of a type never have the same key, and the key of a value is the same
//! in every process, on every machine and in every release: nothing in it comes from a hasher,
//! from memory, or from how a compiler lays things out.
//!
//! | value | key |
//! |---|---|
//! | `7`, `-7` | `7`, `-7` |
//! | `"ann"`, `"7"`, `"true"`, `""` | `ann`, `'7`, `'true`, `'` |
//! | `"a/b*"` | `a%2fb%2a` |
//! | `None`, `Some(7)`, `Some(None)` | `none`, `7`, `some(none)` |
//! | `("acme", 7)` | `acme/7` |
//! | `("acme", (7, true))` | `acme/(7/true)` |
//! | `["a", "b"]`, `["a"]`, `[]` | `(a,b)`, `(a,)`, `(,)` |
//! | `User { id: 7, lang: "de" }` | `id=7/lang=de` |
//!
//! What comes first in a tuple is what a pattern can purge by: `acme/*`. Numbers are written
//! without their type, so that an id may become a wider one, and `Some(x)` like `x`. What has
//! no order or no one text, like a hash map or a float, is no key.
//!
//! ```
//! use cache::{Key, key};
//!
//! #[derive(Key)]
//! struct User { id: u64, lang: Option<String> }
//!
//! assert_eq!(key::of(&User { id: 7, lang: None }), "id=7/lang=none");
//! assert_eq!(key::of(&("acme", 7, Some("de"))), "acme/7/de");
//! assert_eq!(key::of(&("acme/7", "*")), "acme%2f7/%2a");
//! ```

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::num::{NonZeroI32, NonZeroI64, NonZeroU32, NonZeroU64};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

/// The key of a value.
pub fn of(value: &(impl Key + ?Sized)) -> String {
    let mut text = Text::default();
    value.write(&mut text);
    text.0
}

/// A part of a key, by itself.
#[doc(hidden)]
pub fn part<K: Key>(part: &K) -> &dyn Key {
    part
}

/// What a key can be made of.
///
/// A struct or an enum of such parts is one by `#[derive(Key)]`; the names of its fields and
/// variants are then part of the key, and their order is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a key",
    label = "cannot be part of a key",
    note = "keys are made of text, whole numbers, `bool`, `Option`, tuples, slices, and what has `#[derive(Key)]`",
    note = "in `#[cached]`, leave an argument out of the key by `skip(name)`, or say `key = (…)`"
)]
pub trait Key {
    /// Writes its text behind what is there.
    fn write(&self, text: &mut Text);
}

/// A key while it is written.
#[derive(Debug, Default)]
pub struct Text(String, Depth);

/// Within how many parts what is written next lies.
type Depth = usize;

/// What has a meaning in keys or in patterns.
const SPECIAL: &str = "%/,()='*?[]\\{}^!";

/// Words that are no text.
const WORDS: [&str; 3] = ["true", "false", "none"];

impl Text {
    /// Text, marked where it would read as something else.
    pub fn word(&mut self, word: &str) {
        if reads_as_another(word) {
            self.0.push('\'');
        }
        self.name(word);
    }

    /// A whole number.
    pub fn number(&mut self, number: impl Into<i128>) {
        self.plain(number.into());
    }

    /// Bytes, in base 16.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.push_str("0x");
        for byte in bytes {
            self.plain(format_args!("{byte:02x}"));
        }
    }

    /// Nothing, where there could be something.
    pub fn nothing(&mut self) {
        self.0.push_str("none");
    }

    /// Something, where there could be nothing.
    pub fn something(&mut self, value: &(impl Key + ?Sized)) {
        let begun = self.0.len();
        self.inside(value);
        let written = self.0.get(begun..).unwrap_or_default();
        // Else it would read as nothing, or as something more.
        if written == "none" || written.starts_with("some(") {
            self.0.insert_str(begun, "some(");
            self.0.push(')');
        }
    }

    /// Parts of different kinds, divided by `/`; in parentheses where they are a part.
    pub fn tuple(&mut self, parts: &[&dyn Key]) {
        self.parts("", parts.iter().map(|part| ("", *part)));
    }

    /// Parts with names.
    pub fn record(&mut self, parts: &[(&str, &dyn Key)]) {
        self.parts("", parts.iter().copied());
    }

    /// One of several kinds of value, and its parts; those of a tuple have no names.
    pub fn variant(&mut self, name: &str, parts: &[(&str, &dyn Key)]) {
        match parts {
            [] => self.word(name),
            parts => self.parts(name, parts.iter().copied()),
        }
    }

    /// Parts of one kind, however many.
    pub fn list<'a, K: Key + ?Sized + 'a>(&mut self, parts: impl IntoIterator<Item = &'a K>) {
        self.0.push('(');
        let mut count = 0_usize;
        for part in parts {
            if count > 0 {
                self.0.push(',');
            }
            self.inside(part);
            count += 1;
        }
        // One, or none, would read as something else.
        self.0.push_str(if count < 2 { ",)" } else { ")" });
    }

    fn parts<'a>(
        &mut self,
        name: &str,
        parts: impl ExactSizeIterator<Item = (&'a str, &'a dyn Key)>,
    ) {
        let count = parts.len();
        let apart = self.1 > 0 || count == 0 || !name.is_empty();
        self.name(name);
        if apart {
            self.0.push('(');
        }
        for (number, (name, part)) in parts.enumerate() {
            if number > 0 {
                self.0.push('/');
            }
            if !name.is_empty() {
                self.name(name);
                self.0.push('=');
            }
            self.inside(part);
        }
        if count == 1 {
            self.0.push('/');
        }
        if apart {
            self.0.push(')');
        }
    }

    fn inside(&mut self, part: &(impl Key + ?Sized)) {
        self.1 += 1;
        part.write(self);
        self.1 -= 1;
    }

    /// Text without what has a meaning.
    fn name(&mut self, name: &str) {
        for letter in name.chars() {
            match letter.is_control() || SPECIAL.contains(letter) {
                false => self.0.push(letter),
                true => {
                    let mut buffer = [0; 4];
                    for byte in letter.encode_utf8(&mut buffer).bytes() {
                        self.plain(format_args!("%{byte:02x}"));
                    }
                }
            }
        }
    }

    fn plain(&mut self, text: impl std::fmt::Display) {
        // Writing to a string does not fail.
        let _ = write!(self.0, "{text}");
    }
}

/// Whether text looks like a number, bytes, nothing or a truth.
fn reads_as_another(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let number = digits.bytes().all(|byte| byte.is_ascii_digit());
    number || word.starts_with("0x") || WORDS.contains(&word)
}

impl Key for str {
    fn write(&self, text: &mut Text) {
        text.word(self);
    }
}

impl Key for String {
    fn write(&self, text: &mut Text) {
        text.word(self);
    }
}

impl Key for char {
    fn write(&self, text: &mut Text) {
        text.word(self.encode_utf8(&mut [0; 4]));
    }
}

impl Key for Bytes {
    fn write(&self, text: &mut Text) {
        text.bytes(self);
    }
}

impl Key for bool {
    fn write(&self, text: &mut Text) {
        text.plain(self);
    }
}

impl Key for () {
    fn write(&self, text: &mut Text) {
        text.tuple(&[]);
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Key for $number {
            fn write(&self, text: &mut Text) {
                text.plain(self);
            }
        }
    )*};
}

numbers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
numbers!(NonZeroU32 NonZeroU64 NonZeroI32 NonZeroI64);

impl<K: Key> Key for Option<K> {
    fn write(&self, text: &mut Text) {
        match self {
            Some(value) => text.something(value),
            None => text.nothing(),
        }
    }
}

macro_rules! behind {
    ($($pointer:ty)*) => {$(
        impl<K: Key + ?Sized> Key for $pointer {
            fn write(&self, text: &mut Text) {
                (**self).write(text);
            }
        }
    )*};
}

behind!(&K Box<K> Arc<K> Rc<K>);

impl<K: Key + ToOwned + ?Sized> Key for Cow<'_, K> {
    fn write(&self, text: &mut Text) {
        (**self).write(text);
    }
}

impl<K: Key> Key for [K] {
    fn write(&self, text: &mut Text) {
        text.list(self);
    }
}

impl<K: Key, const N: usize> Key for [K; N] {
    fn write(&self, text: &mut Text) {
        text.list(self);
    }
}

impl<K: Key> Key for Vec<K> {
    fn write(&self, text: &mut Text) {
        text.list(self);
    }
}

impl<K: Key> Key for BTreeSet<K> {
    fn write(&self, text: &mut Text) {
        text.list(self);
    }
}

macro_rules! tuples {
    ($(($($part:ident)*))*) => {$(
        impl<$($part: Key),*> Key for ($($part,)*) {
            fn write(&self, text: &mut Text) {
                #[expect(non_snake_case, reason = "parts are called like their types")]
                let ($($part,)*) = self;
                text.tuple(&[$($part),*]);
            }
        }
    )*};
}

tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
}

#[cfg(test)]
mod tests;
