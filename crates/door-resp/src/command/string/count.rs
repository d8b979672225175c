//! Texts that are numbers.

use bytes::Bytes;
use values::number::{self, Long};
use values::{Slot, Space, SpaceExt, Value};

use super::text_of;
use crate::command::{Arguments, Command, Done, ONE, Wrong};
use crate::reply::Replies;

pub(in crate::command) static COMMANDS: &[Command] = &[
    counts("incr", 2, |space, words, replies| add(space, words, replies, 1)),
    counts("decr", 2, |space, words, replies| add(space, words, replies, -1)),
    counts("incrby", 3, |space, words, replies| add(space, words, replies, words.integer(2)?)),
    counts("decrby", 3, |space, words, replies| {
        let less = words.integer(2)?.checked_neg();
        add(space, words, replies, less.ok_or(Wrong::said("ERR decrement would overflow"))?)
    }),
    counts("incrbyfloat", 3, add_float).since("2.6.0"),
];

const fn counts(name: &'static str, arity: i8, run: crate::command::Working) -> Command {
    Command::writes(name, arity, ONE, run)
        .fast()
        .of("string")
        .does("Adds to the number a key holds")
}

fn keep(slot: &mut Slot<'_>, text: String) {
    *slot.value = Some(Value::Text(Bytes::from(text)));
    *slot.changed = true;
}

fn add(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies, more: i64) -> Done {
    space.change(arguments.at(1), |slot| {
        let before = match text_of(slot)? {
            Some(text) => number::integer(text).ok_or(Wrong::NOT_AN_INTEGER)?,
            None => 0,
        };
        let sum = before.checked_add(more);
        let sum = sum.ok_or(Wrong::said("ERR increment or decrement would overflow"))?;
        keep(slot, sum.to_string());
        replies.integer(sum);
        Ok(())
    })
}

fn add_float(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    space.change(arguments.at(1), |slot| {
        let before = text_of(slot)?.map_or(&b"0"[..], |text| text);
        let (before, more) = (Long::read(before), Long::read(arguments.at(2)));
        let sum = before.zip(more).map(|(before, more)| before + more);
        let sum = sum.ok_or(Wrong::NOT_A_FLOAT)?;
        if !sum.is_finite() {
            return Err(Wrong::said("ERR increment would produce NaN or Infinity"));
        }
        let text = sum.to_string();
        replies.bulk(text.as_bytes());
        keep(slot, text);
        Ok(())
    })
}
