//! What changes the entries of a stream.

use values::stream::{Id, Keep, Stream, Trim, Unappended, Written};
use values::{Space, SpaceExt};

use super::{NO_ID, id};
use crate::command::{Arguments, Done, Wrong};
use crate::reply::Replies;

/// How a stream is to be trimmed, and what of an entry comes before its pairs.
#[derive(Default)]
struct Options {
    keep: Option<Keep>,
    roughly: bool,
    limit: Option<i64>,
    /// Whether an entry is added, and if so whether only to what is there.
    adding: bool,
    only_if_there: bool,
    /// Where the options end.
    end: usize,
}

const EARLY: Wrong =
    Wrong::said("ERR The ID specified in XADD is equal or smaller than the target stream top item");

const MAXLEN: Wrong = Wrong::said("ERR The MAXLEN argument must be >= 0.");

impl Options {
    fn read(arguments: Arguments<'_>, adding: bool) -> Result<Self, Wrong> {
        let mut options = Self { adding, end: 2, ..Self::default() };
        while options.end < arguments.len() && !(adding && arguments.at(options.end) == b"*") {
            let (at, more) = (options.end, options.end + 1 < arguments.len());
            if arguments.is(at, "maxlen") && more {
                options.keep(arguments, |at| {
                    let length = u64::try_from(arguments.integer(at)?);
                    length.map(Keep::Last).map_err(|_| MAXLEN)
                })?;
            } else if arguments.is(at, "minid") && more {
                options.keep(arguments, |at| id(arguments, at, 0).map(Keep::From))?;
            } else if arguments.is(at, "limit") && more {
                let limit = arguments.integer(at + 1)?;
                if limit < 0 {
                    return Err(Wrong::said("ERR The LIMIT argument must be >= 0."));
                }
                options.limit = Some(limit);
                options.end += 2;
            } else if arguments.is(at, "nomkstream") && adding {
                options.only_if_there = true;
                options.end += 1;
            } else if adding {
                break;
            } else {
                return Err(Wrong::SYNTAX);
            }
        }
        Ok(options)
    }

    fn keep(
        &mut self,
        arguments: Arguments<'_>,
        read: impl FnOnce(usize) -> Result<Keep, Wrong>,
    ) -> Done {
        if self.keep.is_some() {
            return Err(Wrong::said(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let sign = match arguments.len() - self.end > 2 {
            true => arguments.at(self.end + 1),
            false => b"",
        };
        self.roughly = sign == b"~";
        self.end += if self.roughly || sign == b"=" { 2 } else { 1 };
        self.keep = Some(read(self.end)?);
        self.end += 1;
        Ok(())
    }

    /// How to trim, if that was said; Redis looks at so many nodes at most where it need not
    /// be exact.
    fn trim(&self) -> Result<Option<Trim>, Wrong> {
        const LIMIT: u64 = 10_000;
        if self.keep.is_none() && self.limit.is_some_and(|limit| limit > 0) {
            return Err(Wrong::said(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        if self.keep.is_none() && !self.adding {
            return Err(Wrong::said(
                "ERR syntax error, XTRIM must be called with a trimming strategy",
            ));
        }
        if self.limit.is_some() && !self.roughly {
            return Err(Wrong::said(
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ));
        }
        let limit = match self.limit.map(i64::unsigned_abs) {
            Some(0) => None,
            Some(limit) => Some(limit),
            None => self.roughly.then_some(LIMIT),
        };
        Ok(self.keep.map(|keep| Trim { keep, roughly: self.roughly, limit }))
    }
}

pub(super) fn add(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let options = Options::read(arguments, true)?;
    let written = match arguments.get(options.end) {
        None | Some(b"*") => None,
        Some(text) => Some(Written::read(text).ok_or(NO_ID)?),
    };
    let trim = options.trim()?;
    let pairs = arguments.len().saturating_sub(options.end + 1);
    if pairs < 2 || pairs % 2 == 1 {
        return Err(Wrong::arity("xadd"));
    }
    if written.and_then(|written| written.whole(0)) == Some(Id::ZERO) {
        return Err(Wrong::said("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let first = options.end + 1;
    let pairs = (first..arguments.len()).step_by(2);
    let pairs: Vec<_> = pairs.map(|at| (arguments.at(at), arguments.at(at + 1))).collect();
    let now = space.now();
    let id = space.change(arguments.at(1), |slot| {
        if options.only_if_there && slot.shape::<Stream>()?.is_none() {
            return Ok(None);
        }
        let stream = slot.shape_or_new::<Stream>()?;
        let id = stream.next_id(written, now).map_err(|why| match why {
            Unappended::Early => EARLY,
            Unappended::Full => Wrong::said(
                "ERR The stream has exhausted the last possible ID, unable to add more items",
            ),
        })?;
        stream.append(id, &pairs);
        if let Some(trim) = trim {
            stream.trim(trim);
        }
        *slot.changed = true;
        Ok::<_, Wrong>(Some(id))
    })?;
    match id {
        Some(id) => replies.id(id),
        None => replies.null(),
    }
    Ok(())
}

pub(super) fn trim(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let options = Options::read(arguments, false)?;
    let trim = options
        .trim()?
        .ok_or(Wrong::said("ERR syntax error, XTRIM must be called with a trimming strategy"))?;
    let gone = space.change(arguments.at(1), |slot| {
        let gone = slot.shape::<Stream>()?.map_or(0, |stream| stream.trim(trim));
        *slot.changed |= gone > 0;
        Ok::<_, Wrong>(gone)
    })?;
    replies.integer(gone as i64);
    Ok(())
}

pub(super) fn delete(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let gone = space.change(arguments.at(1), |slot| {
        let Some(stream) = slot.shape::<Stream>()? else { return Ok(0) };
        let ids = (2..arguments.len()).map(|at| id(arguments, at, 0));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        let gone = ids.into_iter().filter(|id| stream.remove(*id)).count();
        *slot.changed |= gone > 0;
        Ok::<_, Wrong>(gone)
    })?;
    replies.integer(gone as i64);
    Ok(())
}

pub(super) fn set_id(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies) -> Done {
    let last = id(arguments, 2, 0)?;
    let (mut added, mut deleted) = (None, Id::ZERO);
    for at in (3..arguments.len()).step_by(2) {
        if at + 1 == arguments.len() {
            return Err(Wrong::SYNTAX);
        } else if arguments.is(at, "entriesadded") {
            added = Some(arguments.integer(at + 1)?);
            if added < Some(0) {
                return Err(Wrong::said("ERR entries_added must be positive"));
            }
        } else if arguments.is(at, "maxdeletedid") {
            deleted = id(arguments, at + 1, 0)?;
            if last < deleted {
                return Err(smaller("the provided max_deleted_entry_id"));
            }
        } else {
            return Err(Wrong::SYNTAX);
        }
    }
    space.change(arguments.at(1), |slot| {
        let stream = slot.shape::<Stream>()?.ok_or(Wrong::NO_KEY)?;
        if stream.last().is_some_and(|entry| entry.id > last) {
            return Err(smaller("the target stream top item"));
        }
        if !stream.is_empty() && added.is_some_and(|added| stream.len() > added as u64) {
            return Err(Wrong::said(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
        let deleted = if deleted == Id::ZERO { stream.deleted() } else { deleted };
        stream.set_past(last, added.unwrap_or(stream.added()), deleted);
        *slot.changed = true;
        Ok(())
    })?;
    replies.ok();
    Ok(())
}

fn smaller(than: &str) -> Wrong {
    format!("ERR The ID specified in XSETID is smaller than {than}").into()
}
