//! Fields shown or filled, and let end at once.

use values::Space;

use super::ends::{MILLI, MILLIS, SECOND, SECONDS};
use super::{Arguments, Done, Wrong, change, change_or_new, look, write};
use crate::reply::Replies;

/// What becomes of the end of each field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// What becomes of it without being told.
    Unsaid,
    At(u64),
    /// It has none from now on.
    Never,
    /// It stays what it is.
    Same,
}

/// What is said before the fields.
struct Options {
    end: End,
    /// Whether every field must be there, or none.
    there: Option<bool>,
    /// Where the fields begin.
    first: usize,
}

/// What the two commands do not have in common.
struct Form {
    name: &'static str,
    /// Its word for a field's end that is not a time, and what that means.
    other: (&'static str, End),
    /// Arguments to a field.
    step: usize,
    conditions: bool,
}

const GET: Form =
    Form { name: "hgetex", other: ("persist", End::Never), step: 1, conditions: false };
const SET: Form = Form { name: "hsetex", other: ("keepttl", End::Same), step: 2, conditions: true };

impl Form {
    fn parse(&self, arguments: Arguments<'_>, now: u64) -> Result<Options, Wrong> {
        let mut options = Options { end: End::Unsaid, there: None, first: 0 };
        let mut at = 2;
        while at < arguments.len() {
            if arguments.is(at, "fields") {
                options.first = self.first(arguments, at)?;
                return Ok(options);
            }
            let units = [("ex", SECONDS), ("px", MILLIS), ("exat", SECOND), ("pxat", MILLI)];
            let unit = units.into_iter().find(|(word, _)| arguments.is(at, word));
            if let Some((_, unit)) = unit {
                self.once(&options)?;
                if at + 1 >= arguments.len() {
                    return Err(Wrong::said("ERR missing expire time"));
                }
                options.end = End::At(unit.end(arguments.integer(at + 1)?, now, self.name)?);
                at += 1;
            } else if arguments.is(at, self.other.0) {
                self.once(&options)?;
                options.end = self.other.1;
            } else if self.conditions && (arguments.is(at, "fnx") || arguments.is(at, "fxx")) {
                if options.there.is_some() {
                    return Err(Wrong::said(
                        "ERR Only one of FXX or FNX arguments can be specified",
                    ));
                }
                options.there = Some(arguments.is(at, "fxx"));
            } else {
                let word = String::from_utf8_lossy(arguments.at(at));
                return Err(format!("ERR unknown argument: {word}").into());
            }
            at += 1;
        }
        Err(Wrong::said("ERR missing FIELDS argument"))
    }

    /// That nothing was said of the end yet.
    fn once(&self, options: &Options) -> Done {
        if options.end == End::Unsaid {
            return Ok(());
        }
        let other = self.other.0.to_ascii_uppercase();
        Err(format!("ERR Only one of EX, PX, EXAT, PXAT or {other} arguments can be specified")
            .into())
    }

    /// Where the fields begin whose number is behind `at`.
    fn first(&self, arguments: Arguments<'_>, at: usize) -> Result<usize, Wrong> {
        let wrong = Wrong::said("ERR invalid number of fields");
        if at + 2 >= arguments.len() {
            return Err(Wrong::arity(self.name));
        }
        let count = arguments.integer(at + 1).ok().and_then(|count| usize::try_from(count).ok());
        let count = count.filter(|count| *count > 0).ok_or(wrong)?;
        match count.checked_mul(self.step) == Some(arguments.len() - at - 2) {
            true => Ok(at + 2),
            false => Err(Wrong::arity(self.name)),
        }
    }
}

pub(super) fn get(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    look(space, arguments.at(1), |_, _| ())?;
    let options = GET.parse(arguments, space.now())?;
    let names = arguments.from(options.first);
    let count = names.len();
    replies.array(count);
    let missing = change(space, arguments.at(1), count, |hash| {
        for name in names {
            let value = hash.get(name);
            write(replies, value);
            let ends = hash.hash.end(name).is_some();
            match options.end {
                End::At(end) if value.is_some() => _ = hash.end(name, Some(end)),
                End::Never if ends => _ = hash.end(name, None),
                _ => {}
            }
        }
        Ok(0)
    })?;
    (0..missing).for_each(|_| replies.null());
    Ok(())
}

pub(super) fn set(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    look(space, arguments.at(1), |_, _| ())?;
    let options = SET.parse(arguments, space.now())?;
    let places = || (options.first..arguments.len()).step_by(2);
    let set = change_or_new(space, arguments.at(1), |hash| {
        let is = |there: bool| places().all(|at| hash.get(arguments.at(at)).is_some() == there);
        if options.there.is_some_and(|there| !is(there)) {
            return Ok(false);
        }
        for at in places() {
            let name = arguments.at(at);
            hash.refill(name, arguments.at(at + 1));
            match options.end {
                End::Same => {}
                End::At(end) => _ = hash.end(name, Some(end)),
                End::Unsaid | End::Never => _ = hash.end(name, None),
            }
        }
        Ok(true)
    })?;
    replies.integer(i64::from(set));
    Ok(())
}
