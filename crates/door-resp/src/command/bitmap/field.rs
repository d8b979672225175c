//! Numbers within a text.

use values::bits::Field;
use values::{Space, SpaceExt, number};

use super::{change, offset, text};
use crate::command::{Arguments, Command, Done, ONE, Wrong};
use crate::reply::Replies;

pub(in crate::command) static COMMANDS: &[Command] = &[
    Command::writes("bitfield", -2, ONE, |space, arguments, replies| {
        let steps = steps(arguments)?;
        match steps.iter().any(Step::writes) {
            true => work(space, arguments, replies, &steps),
            false => show(space, arguments, replies, &steps),
        }
    })
    .of("bitmap")
    .since("3.2.0")
    .does("Works on numbers within a text"),
    Command::reads("bitfield_ro", -2, ONE, |space, arguments, replies| {
        let steps = steps(arguments)?;
        if steps.iter().any(Step::writes) {
            return Err(Wrong::said("ERR BITFIELD_RO only supports the GET subcommand"));
        }
        show(space, arguments, replies, &steps)
    })
    .fast()
    .of("bitmap")
    .since("6.0.0")
    .does("Shows numbers within a text"),
];

/// What is done to one number.
struct Step {
    field: Field,
    what: What,
    overflow: Overflow,
}

#[derive(Clone, Copy)]
enum What {
    Get,
    Set(i64),
    Add(i64),
}

/// What becomes of a number that does not fit.
#[derive(Clone, Copy)]
enum Overflow {
    Wrap,
    Stay,
    Fail,
}

impl Step {
    fn writes(&self) -> bool {
        !matches!(self.what, What::Get)
    }

    /// How long the text must be.
    fn reach(&self) -> u64 {
        match self.what {
            What::Get => 0,
            _ => (self.field.at + u64::from(self.field.width)).div_ceil(8),
        }
    }

    /// The number that fits, if one does.
    fn fitted(&self, number: i128) -> Option<i64> {
        let (least, most) = self.field.limits();
        let fits = number.clamp(i128::from(least), i128::from(most));
        match self.overflow {
            _ if fits == number => Some(fits as i64),
            Overflow::Wrap => Some(self.field.cut(number as i64)),
            Overflow::Stay => Some(fits as i64),
            Overflow::Fail => None,
        }
    }

    /// Does it; what is to be told, and whether anything changed.
    fn apply(&self, text: &mut [u8]) -> (Option<i64>, bool) {
        let old = self.field.get(text);
        let (new, told) = match self.what {
            What::Get => return (Some(old), false),
            What::Set(number) => {
                // Without a sign, a negative number is a very large one.
                let number = match self.field.signed {
                    true => i128::from(number),
                    false => i128::from(number as u64),
                };
                let new = self.fitted(number);
                (new, new.map(|_| old))
            }
            What::Add(number) => {
                let new = self.fitted(i128::from(old) + i128::from(number));
                (new, new)
            }
        };
        if let Some(new) = new {
            self.field.set(text, new);
        }
        (told, new.is_some_and(|new| new != old))
    }
}

fn steps(arguments: Arguments<'_>) -> Result<Vec<Step>, Wrong> {
    let (mut steps, mut overflow, mut at) = (Vec::new(), Overflow::Wrap, 2);
    while at < arguments.len() {
        let after = arguments.len() - at - 1;
        let is = |word: &str, words: usize| after >= words && arguments.is(at, word);
        if is("overflow", 1) {
            overflow = match () {
                () if arguments.is(at + 1, "wrap") => Overflow::Wrap,
                () if arguments.is(at + 1, "sat") => Overflow::Stay,
                () if arguments.is(at + 1, "fail") => Overflow::Fail,
                () => return Err(Wrong::said("ERR Invalid OVERFLOW type specified")),
            };
            at += 2;
            continue;
        }
        let (words, make): (usize, fn(i64) -> What) = match () {
            () if is("get", 2) => (2, |_| What::Get),
            () if is("set", 3) => (3, What::Set),
            () if is("incrby", 3) => (3, What::Add),
            () => return Err(Wrong::SYNTAX),
        };
        let field = field(arguments.at(at + 1), arguments.at(at + 2))?;
        let number = if words == 3 { arguments.integer(at + 3)? } else { 0 };
        steps.push(Step { field, what: make(number), overflow });
        at += words + 1;
    }
    Ok(steps)
}

fn field(kind: &[u8], at: &[u8]) -> Result<Field, Wrong> {
    let wrong = Wrong::said(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    );
    let (signed, width) = match kind {
        [b'i', width @ ..] => (true, width),
        [b'u', width @ ..] => (false, width),
        _ => return Err(wrong),
    };
    let most = if signed { 64 } else { 63 };
    let width = number::integer(width).filter(|width| (1..=most).contains(width)).ok_or(wrong)?;
    Ok(Field { at: offset(at, width)?, width: width as u32, signed })
}

fn put(replies: &mut Replies, told: Option<i64>) {
    match told {
        Some(number) => replies.integer(number),
        None => replies.null(),
    }
}

fn show(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    steps: &[Step],
) -> Done {
    space.read(arguments.at(1), |seen| {
        let text = text(seen)?.map_or(&[][..], |text| text);
        replies.array(steps.len());
        for step in steps {
            replies.integer(step.field.get(text));
        }
        Ok(())
    })
}

fn work(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
    steps: &[Step],
) -> Done {
    let length = steps.iter().map(Step::reach).max().unwrap_or(0);
    let largest = space.largest();
    space.change(arguments.at(1), |slot| {
        let changed = change(slot, (length, largest), |text, grew| {
            replies.array(steps.len());
            let mut changed = grew;
            for step in steps {
                let (told, differs) = step.apply(text);
                put(replies, told);
                changed |= differs;
            }
            changed
        })?;
        *slot.changed |= changed;
        Ok(())
    })
}
