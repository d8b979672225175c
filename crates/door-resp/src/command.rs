//! The commands, as data: what each is called, takes and touches, and what carries it out.

mod acl;
mod across;
mod bitmap;
mod connection;
mod describe;
mod dump;
mod event;
mod geo;
mod hash;
mod help;
mod hyperloglog;
mod key;
mod latency;
mod life;
mod list;
mod object;
mod others;
mod past;
mod pubsub;
mod right;
mod server;
mod set;
mod sort;
mod sorted;
mod stream;
mod string;
mod table;
mod tracking;
mod transaction;

use std::ops::Range;

use flow::question::cache::Deed;
use values::Space;

use crate::reply::Replies;
use crate::session::Session;

pub(crate) use across::far;
pub(crate) use connection::{DATABASES, Here};
pub(crate) use event::events;
pub(crate) use past::here;
pub(crate) use right::Sources;
pub(crate) use table::{Numbered, all, find, find_numbered, named};

/// One command as it stands in the buffer.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a> {
    buffer: &'a [u8],
    places: &'a [Range<usize>],
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(buffer: &'a [u8], places: &'a [Range<usize>]) -> Self {
        Self { buffer, places }
    }

    /// Where they are in the buffer.
    pub(crate) fn places(self) -> &'a [Range<usize>] {
        self.places
    }

    /// Other words of the same buffer.
    pub(crate) fn at_places<'b>(self, places: &'b [Range<usize>]) -> Arguments<'b>
    where
        'a: 'b,
    {
        Arguments { buffer: self.buffer, places }
    }

    /// Those from `index` on, as if they were all.
    pub(crate) fn after(self, index: usize) -> Self {
        Self { buffer: self.buffer, places: self.places.get(index..).unwrap_or(&[]) }
    }

    /// How many bytes they have, about.
    pub(crate) fn bytes(self) -> usize {
        let ends = self.places.first().zip(self.places.last());
        ends.map_or(0, |(first, last)| last.end.saturating_sub(first.start))
    }

    /// How many, the command's name included.
    pub(crate) fn len(self) -> usize {
        self.places.len()
    }

    pub(crate) fn get(self, index: usize) -> Option<&'a [u8]> {
        self.buffer.get(self.places.get(index)?.clone())
    }

    /// The one at `index`; what is not there is empty.
    pub(crate) fn at(self, index: usize) -> &'a [u8] {
        self.get(index).unwrap_or_default()
    }

    /// All from `index` on.
    pub(crate) fn from(self, index: usize) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let (buffer, places) = (self.buffer, self.places.get(index..).unwrap_or(&[]));
        places.iter().map(|place| buffer.get(place.clone()).unwrap_or_default())
    }

    /// Writes them as they were said, if they are so many bytes of the buffer; said on a
    /// line, they are written as a list.
    pub(crate) fn write(self, (length, inline): (usize, bool), out: &mut bytes::BytesMut) {
        match self.buffer.get(..length) {
            Some(said) if !inline => out.extend_from_slice(said),
            _ => crate::near::write_command(self.from(0), out),
        }
    }

    pub(crate) fn text(self, index: usize) -> Option<&'a str> {
        std::str::from_utf8(self.get(index)?).ok()
    }

    /// Whether a word stands at `index`, however it is written.
    pub(crate) fn is(self, index: usize, word: &str) -> bool {
        self.get(index).is_some_and(|own| own.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// The whole number at `index`.
    pub(crate) fn integer(self, index: usize) -> Result<i64, Wrong> {
        values::number::integer(self.at(index)).ok_or(Wrong::NOT_AN_INTEGER)
    }

    /// The number of a database at `index`.
    pub(crate) fn database(self, index: usize) -> Result<u8, Wrong> {
        const RANGE: Wrong =
            Wrong::said("ERR value is out of range, value must between -2147483648 and 2147483647");
        let number = i32::try_from(self.integer(index)?).map_err(|_| RANGE)?;
        let number = u8::try_from(number).ok().filter(|number| *number < DATABASES);
        number.ok_or(Wrong::said("ERR DB index is out of range"))
    }

    /// The number at `index`.
    pub(crate) fn float(self, index: usize) -> Result<f64, Wrong> {
        values::number::float(self.at(index)).ok_or(Wrong::NOT_A_FLOAT)
    }
}

/// An error in a command's form, or in what it found; clients look for its first word.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong(pub(crate) std::borrow::Cow<'static, str>);

impl Wrong {
    pub(crate) const SYNTAX: Self = Self::said("ERR syntax error");
    pub(crate) const NOT_AN_INTEGER: Self =
        Self::said("ERR value is not an integer or out of range");
    pub(crate) const NOT_A_FLOAT: Self = Self::said("ERR value is not a valid float");
    pub(crate) const TYPE: Self =
        Self::said("WRONGTYPE Operation against a key holding the wrong kind of value");
    pub(crate) const FULL: Self =
        Self::said("OOM command not allowed: the value is larger than one value may be");
    pub(crate) const TOO_LONG: Self =
        Self::said("ERR what was asked is done, but the reply is too long to be sent");
    pub(crate) const APART: Self =
        Self::said("CROSSSLOT Keys in request belong to different namespaces");
    pub(crate) const NO_KEY: Self = Self::said("ERR no such key");

    pub(crate) const fn said(text: &'static str) -> Self {
        Self(std::borrow::Cow::Borrowed(text))
    }

    /// A failure of the path, in the words Redis clients look for.
    pub(crate) fn failure(error: &flow::Error) -> Self {
        let kind = match error.kind() {
            flow::Kind::Unknown => return Self::said("NOAUTH Authentication required."),
            flow::Kind::Refused => "NOPERM",
            flow::Kind::Busy => "BUSY",
            flow::Kind::Invalid | flow::Kind::Missing | flow::Kind::Conflict => "ERR",
            flow::Kind::Corrupt | flow::Kind::Internal => "ERR internal",
        };
        format!("{kind} {}; {}", error.detail(), error.advice()).into()
    }

    pub(crate) fn arity(name: &str) -> Self {
        Self(format!("ERR wrong number of arguments for '{name}' command").into())
    }
}

impl From<values::OtherKind> for Wrong {
    fn from(_: values::OtherKind) -> Self {
        Self::TYPE
    }
}

impl From<String> for Wrong {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// Whether a command could be carried out; its reply is written if so.
pub(crate) type Done = Result<(), Wrong>;

/// Works on a space.
pub(crate) type Working = fn(&dyn Space, Arguments<'_>, &mut Replies) -> Done;

/// Says or asks something that needs nobody behind the door.
pub(crate) type Saying = fn(&mut Session, Arguments<'_>) -> Done;

/// Works on a space, if what it waits for is there; whether it was.
pub(crate) type Trying = fn(&dyn Space, Arguments<'_>, &mut Replies) -> Result<bool, Wrong>;

/// The words with which to wait, if they are others than those that were said: some mean
/// what is there when waiting begins.
pub(crate) type Settling = fn(&dyn Space, Arguments<'_>) -> Option<Vec<Vec<u8>>>;

/// What carries a command out.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Something that goes past the door, or takes time, and is no work on values.
    Here(Here),
    /// Something about connections.
    Say(Saying),
    /// Work on the values of a namespace.
    Work(Working),
    /// The same, unless it names another database: then it goes past the door.
    Reach(Working, Here),
    /// Work which may have to wait until there is something to work on.
    Wait(Trying, Patience),
}

/// How long a waiting command waits.
#[derive(Clone, Copy)]
pub(crate) enum Patience {
    /// Seconds, the last argument.
    Last,
    /// Seconds, the argument at this place.
    At(usize),
    /// Milliseconds, the argument after this word, if it is there.
    After(&'static str),
}

/// Which arguments are keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// None.
    None,
    /// From the first to the last, counted from the end if negative, and how far apart.
    Span(usize, isize, usize),
    /// As many as the argument at this place says, after it.
    Counted(usize),
    /// The first, and as many as the argument at this place says.
    FirstAndCounted(usize),
    /// The first half of what comes after this word.
    After(&'static str),
    /// The first, and what comes after each of these words.
    FirstAndAfter(&'static [&'static str]),
}

/// A command, as clients are told of it.
#[derive(Clone, Copy)]
pub(crate) struct Command {
    /// Its name, in small letters.
    pub(crate) name: &'static str,
    /// With how many words it is said; so many or more if negative.
    pub(crate) arity: i8,
    /// What right it takes; none for what is about the connection.
    pub(crate) deed: Option<Deed>,
    pub(crate) keys: Keys,
    pub(crate) sources: Sources,
    /// Whether it costs the same whatever is there.
    pub(crate) fast: bool,
    /// Whether it works on many keys at once, and nobody may come in between.
    pub(crate) alone: bool,
    /// Whether it is carried out at once even while others are gathered.
    pub(crate) at_once: bool,
    /// Whether it may be said by one who only listens.
    pub(crate) listening: bool,
    pub(crate) group: &'static str,
    /// Since which version of Redis clients know it.
    pub(crate) since: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) run: Run,
    /// What to ask once when it is first tried, before it is tried again.
    pub(crate) settle: Option<Settling>,
}

/// The key of most commands.
pub(crate) const ONE: Keys = Keys::Span(1, 1, 1);
/// Every argument is a key.
pub(crate) const ALL: Keys = Keys::Span(1, -1, 1);

impl Command {
    const fn new(name: &'static str, arity: i8, keys: Keys, run: Run) -> Self {
        let (group, since, summary) = ("", "1.0.0", "");
        let alone = match keys {
            Keys::None => false,
            Keys::Span(first, last, _) => last != first as isize,
            Keys::Counted(_)
            | Keys::FirstAndCounted(_)
            | Keys::FirstAndAfter(_)
            | Keys::After(_) => true,
        };
        let (deed, fast, settle) = (None, false, None);
        let (at_once, listening) = (false, false);
        Self {
            name,
            arity,
            deed,
            keys,
            sources: Sources::None,
            fast,
            alone,
            at_once,
            listening,
            group,
            since,
            summary,
            run,
            settle,
        }
    }

    /// About connections.
    pub(crate) const fn says(name: &'static str, arity: i8, run: Saying) -> Self {
        Self::new(name, arity, Keys::None, Run::Say(run)).fast()
    }

    /// About what is neither connections nor values.
    pub(crate) const fn here(name: &'static str, arity: i8, run: Here) -> Self {
        Self::new(name, arity, Keys::None, Run::Here(run)).fast()
    }

    /// Reads values.
    pub(crate) const fn reads(name: &'static str, arity: i8, keys: Keys, run: Working) -> Self {
        Self::new(name, arity, keys, Run::Work(run)).takes(Deed::Read)
    }

    /// Writes values.
    pub(crate) const fn writes(name: &'static str, arity: i8, keys: Keys, run: Working) -> Self {
        Self::new(name, arity, keys, Run::Work(run)).takes(Deed::Write)
    }

    /// Writes values, perhaps in another database.
    pub(crate) const fn reaches(
        name: &'static str,
        arity: i8,
        keys: Keys,
        run: Working,
        here: Here,
    ) -> Self {
        Self::new(name, arity, keys, Run::Reach(run, here)).takes(Deed::Write)
    }

    /// Writes values when there is something to work on.
    pub(crate) const fn waits(
        name: &'static str,
        arity: i8,
        keys: Keys,
        run: Trying,
        patience: Patience,
    ) -> Self {
        Self::new(name, arity, keys, Run::Wait(run, patience)).takes(Deed::Write)
    }

    pub(crate) const fn settles(mut self, settle: Settling) -> Self {
        self.settle = Some(settle);
        self
    }

    pub(crate) const fn takes(mut self, deed: Deed) -> Self {
        self.deed = Some(deed);
        self
    }

    pub(crate) const fn sources(mut self, sources: Sources) -> Self {
        self.sources = sources;
        self
    }

    pub(crate) const fn at_once(mut self) -> Self {
        self.at_once = true;
        self
    }

    pub(crate) const fn listening(mut self) -> Self {
        self.listening = true;
        self
    }

    pub(crate) const fn touches(mut self, keys: Keys) -> Self {
        self.keys = keys;
        self
    }

    pub(crate) const fn fast(mut self) -> Self {
        self.fast = true;
        self
    }

    pub(crate) const fn of(mut self, group: &'static str) -> Self {
        self.group = group;
        self
    }

    pub(crate) const fn since(mut self, since: &'static str) -> Self {
        self.since = since;
        self
    }

    /// What it does, in a few words.
    pub(crate) const fn does(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// What right it takes, said with these words.
    pub(crate) fn deed_of(&self, arguments: Arguments<'_>) -> Option<Deed> {
        match self.deed {
            // With options it depends on what is there.
            Some(Deed::Put) if self.name == "set" && arguments.len() > 3 => Some(Deed::Write),
            // Settings are everybody's: who changes them may drop everything, too.
            None if self.name == "client" && arguments.len() > 1 => {
                let pauses = arguments.is(1, "pause") || arguments.is(1, "unpause");
                pauses.then_some(Deed::Purge)
            }
            None if self.name == "config" && !arguments.is(1, "get") && arguments.len() > 2 => {
                Some(Deed::Purge)
            }
            deed => deed,
        }
    }

    /// Whether it works on values.
    pub(crate) fn is_work(&self) -> bool {
        matches!(self.run, Run::Work(_) | Run::Reach(..) | Run::Wait(..))
    }

    /// Whether it may be said with so many words.
    pub(crate) fn takes_words(&self, count: usize) -> bool {
        takes(self.arity, count)
    }

    /// The first of its keys.
    pub(crate) fn first_key<'a>(&self, arguments: Arguments<'a>) -> &'a [u8] {
        match self.keys {
            Keys::Span(first, ..) => arguments.at(first),
            Keys::FirstAndCounted(_) | Keys::FirstAndAfter(_) => arguments.at(1),
            Keys::None => &[],
            Keys::Counted(_) | Keys::After(_) => {
                self.keys_of(arguments).first().map_or(&[], |at| arguments.at(*at))
            }
        }
    }

    /// Shows each of its keys.
    pub(crate) fn each_key<'a>(&self, arguments: Arguments<'a>, each: &mut dyn FnMut(&'a [u8])) {
        self.keys_of(arguments).into_iter().for_each(|at| each(arguments.at(at)));
    }

    /// The keys among these arguments, by their places.
    pub(crate) fn keys_of(&self, arguments: Arguments<'_>) -> Vec<usize> {
        let count = |at: usize| {
            let written = values::number::integer(arguments.at(at));
            written.and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
        };
        let counted = |at: usize| (at + 1..).take(count(at)).take_while(|at| *at < arguments.len());
        match self.keys {
            Keys::None => Vec::new(),
            Keys::Span(first, last, step) => {
                let end = if last < 0 { arguments.len() as isize + last } else { last };
                (first..=usize::try_from(end).unwrap_or(0)).step_by(step).collect()
            }
            Keys::Counted(at) => counted(at).collect(),
            Keys::FirstAndCounted(at) => [1].into_iter().chain(counted(at)).collect(),
            Keys::FirstAndAfter(words) => {
                let after = |at: &usize| words.iter().any(|word| arguments.is(at - 1, word));
                [1].into_iter().chain((3..arguments.len()).filter(after)).collect()
            }
            Keys::After(word) => {
                let mut at = 1;
                while at < arguments.len() && !arguments.is(at, word) {
                    at += 1 + options_own(arguments, at);
                }
                (at + 1..).take(arguments.len().saturating_sub(at + 1) / 2).collect()
            }
        }
    }
}

/// The second word of a command that has several, if it is one of `parts` and said with as
/// many words as it takes, counted as those of a command are.
pub(crate) fn part(
    command: &str,
    arguments: Arguments<'_>,
    parts: &[(&'static str, i8)],
) -> Result<&'static str, Wrong> {
    let known = parts.iter().find(|(name, _)| arguments.is(1, name));
    let (name, arity) = *known.ok_or_else(|| no_such_part(command, arguments))?;
    match takes(arity, arguments.len()) {
        true => Ok(name),
        false => Err(Wrong::arity(&format!("{}|{name}", command.to_ascii_lowercase()))),
    }
}

fn takes(arity: i8, count: usize) -> bool {
    let least = usize::from(arity.unsigned_abs());
    if arity < 0 { count >= least } else { count == least }
}

/// What Redis says of a second word it does not know.
pub(crate) fn no_such_part(command: &str, arguments: Arguments<'_>) -> Wrong {
    let word = String::from_utf8_lossy(arguments.at(1)).chars().take(128).collect::<String>();
    format!("ERR unknown subcommand '{word}'. Try {command} HELP.").into()
}

/// What Redis says of a second word it knows, with others it does not.
pub(crate) fn misused_part(command: &str, arguments: Arguments<'_>) -> Wrong {
    let word = String::from_utf8_lossy(arguments.at(1)).chars().take(128).collect::<String>();
    format!("ERR unknown subcommand or wrong number of arguments for '{word}'. Try {command} HELP.")
        .into()
}

/// How many words an option takes for itself, whatever they are: a group may have the name of
/// an option.
fn options_own(arguments: Arguments<'_>, at: usize) -> usize {
    match arguments.is(at, "group") {
        true => 2,
        false => usize::from(arguments.is(at, "block") || arguments.is(at, "count")),
    }
}

/// What Redis says of a command it does not know.
pub(crate) fn unknown(arguments: Arguments<'_>) -> Wrong {
    let cut =
        |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..128).unwrap_or(bytes)).into_owned();
    let name = cut(arguments.at(0));
    let mut text = format!("ERR unknown command '{name}', with args beginning with: ");
    for argument in arguments.from(1) {
        if text.len() > 256 {
            break;
        }
        text.push_str(&format!("'{}' ", cut(argument)));
    }
    text.into()
}
