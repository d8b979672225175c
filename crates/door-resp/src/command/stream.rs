//! Streams.

mod add;
mod claim;
mod group;
mod info;
mod pending;
mod range;
mod read;
mod subject;
#[cfg(test)]
mod tests;

use flow::question::cache::Deed;
use values::stream::{Entry, Id, Written};

use super::{Arguments, Command, Keys, ONE, Patience, Wrong};
use crate::reply::Replies;

const STREAMS: Keys = Keys::After("streams");

pub(super) static COMMANDS: &[Command] = &[
    stream(Command::writes("xadd", -5, ONE, add::add)).fast().does("Appends an entry"),
    stream(Command::reads("xlen", 2, ONE, range::length)).fast().does("Counts entries"),
    stream(Command::reads("xrange", -4, ONE, range::range)).does("Shows entries in order"),
    stream(Command::reads("xrevrange", -4, ONE, range::back)).does("Shows entries, the last first"),
    stream(Command::writes("xdel", -3, ONE, add::delete)).fast().does("Takes entries out"),
    stream(Command::writes("xtrim", -4, ONE, add::trim)).does("Drops the oldest entries"),
    stream(Command::writes("xsetid", -3, ONE, add::set_id)).fast().does("Sets the last id"),
    stream(Command::waits("xread", -4, STREAMS, read::read, Patience::After("block")))
        .takes(Deed::Read)
        .settles(read::settle)
        .does("Shows what came after an entry, in many streams"),
    stream(Command::waits("xreadgroup", -7, STREAMS, read::read_group, Patience::After("block")))
        .does("Takes what nobody of a group was given"),
    stream(Command::writes("xack", -4, ONE, pending::done)).fast().does("Is done with entries"),
    stream(Command::writes("xgroup", -2, GROUP, group::group)).does("Keeps groups and consumers"),
    stream(Command::reads("xpending", -3, ONE, pending::pending)).does("Shows what is not done"),
    stream(Command::writes("xclaim", -6, ONE, claim::claim))
        .fast()
        .does("Takes over what others were given"),
    stream(Command::writes("xautoclaim", -6, ONE, claim::sweep))
        .fast()
        .since("6.2.0")
        .does("Takes over what has been idle"),
    stream(Command::reads("xinfo", -2, GROUP, info::info)).does("Describes streams and groups"),
];

/// The key comes after a second word.
const GROUP: Keys = Keys::Span(2, 2, 1);

const fn stream(command: Command) -> Command {
    command.of("stream").since("5.0.0")
}

const NO_ID: Wrong = Wrong::said("ERR Invalid stream ID specified as stream command argument");

/// The id at `index`; a time alone is one with this number.
fn id(arguments: Arguments<'_>, index: usize, unsaid: u64) -> Result<Id, Wrong> {
    Written::read(arguments.at(index)).and_then(|written| written.whole(unsaid)).ok_or(NO_ID)
}

/// The same, but the least and the greatest have signs of their own.
fn id_or_end(arguments: Arguments<'_>, index: usize, unsaid: u64) -> Result<Id, Wrong> {
    match arguments.at(index) {
        b"-" => Ok(Id::ZERO),
        b"+" => Ok(Id::MAX),
        _ => id(arguments, index, unsaid),
    }
}

fn exclusive(arguments: Arguments<'_>, index: usize, unsaid: u64) -> Option<Result<Id, Wrong>> {
    let text = arguments.at(index).strip_prefix(b"(").filter(|text| !text.is_empty())?;
    Some(Written::read(text).and_then(|written| written.whole(unsaid)).ok_or(NO_ID))
}

/// Where a range begins.
fn begin(arguments: Arguments<'_>, index: usize) -> Result<Id, Wrong> {
    const NO_BEGIN: Wrong = Wrong::said("ERR invalid start ID for the interval");
    match exclusive(arguments, index, 0) {
        None => id_or_end(arguments, index, 0),
        Some(id) => id?.next().ok_or(NO_BEGIN),
    }
}

/// Where a range ends.
fn end(arguments: Arguments<'_>, index: usize) -> Result<Id, Wrong> {
    const NO_END: Wrong = Wrong::said("ERR invalid end ID for the interval");
    match exclusive(arguments, index, u64::MAX) {
        None => id_or_end(arguments, index, u64::MAX),
        Some(id) => id?.previous().ok_or(NO_END),
    }
}

fn shown(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

impl Replies {
    fn id(&mut self, id: Id) {
        self.bulk(id.to_string().as_bytes());
    }

    fn entry(&mut self, entry: &Entry<'_>) {
        self.array(2);
        self.id(entry.id);
        self.array(entry.count().saturating_mul(2));
        for (field, value) in entry.pairs() {
            self.bulk(field);
            self.bulk(value);
        }
    }

    fn entries(&mut self, entries: &[Entry<'_>]) {
        self.array(entries.len());
        entries.iter().for_each(|entry| self.entry(entry));
    }

    fn named(&mut self, name: &str, number: i64) {
        self.bulk(name.as_bytes());
        self.integer(number);
    }
}
