//! Questions to the ledger.

use bytes::Bytes;

use crate::body::BoxStream;
use crate::clock::Time;
use crate::error::Result;
use crate::fact::Class;
use crate::random::Id;
use crate::request::{Action, Inspection, Pace, Question, Resource};
use crate::stage::Origin;

const fn action(name: &'static str, class: Class) -> Action {
    Action { name, class, pace: Pace::Rate, inspection: Inspection::Off }
}

// Looking at the log is itself worth a line in the log.
static READ: Action = action("ledger.read", Class::Logged);
static FOLLOW: Action = action("ledger.follow", Class::Logged);
static HEAD: Action = action("ledger.head", Class::Logged);
static PROVE: Action = action("ledger.prove", Class::Logged);
static STREAM_READ: Action = action("stream.read", Class::Logged);
static STREAM_FOLLOW: Action = action("stream.follow", Class::Logged);
static STREAM_APPEND: Action = Action {
    name: "stream.append",
    class: Class::Durable,
    pace: Pace::Load,
    inspection: Inspection::Off,
};

static BACKUP: Action = Action {
    name: "ledger.backup",
    class: Class::Durable,
    pace: Pace::Load,
    inspection: Inspection::Off,
};

/// The stream that everything on the path leaves its facts in. Streams of this beginning
/// are Stockade's own.
pub const FACTS: &str = "$facts";

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// JSON.
    Json(Bytes),
    /// MessagePack.
    MessagePack(Bytes),
    /// Bytes that mean nothing here.
    Bytes(Bytes),
    /// It was erased.
    Erased,
}

impl Data {
    /// How many bytes it is.
    fn len(&self) -> usize {
        match self {
            Data::Json(bytes) | Data::MessagePack(bytes) | Data::Bytes(bytes) => bytes.len(),
            Data::Erased => 0,
        }
    }
}

/// An event in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the log; the first has 1.
    pub position: u64,
    /// The stream it is in.
    pub stream: String,
    /// Its place there; the first has 1.
    pub version: u64,
    /// What kind of thing happened.
    pub kind: String,
    /// The version of that kind.
    pub schema: u32,
    /// When it was appended.
    pub time: Time,
    /// Its name.
    pub id: Id,
    /// Whose it is.
    pub tenant: String,
    /// Who did it.
    pub actor: String,
    /// What part of a system it happened in.
    pub component: String,
    /// What it is about.
    pub path: String,
    /// What it belongs to.
    pub correlation: String,
    /// What it followed from.
    pub causation: String,
    /// What it says.
    pub data: Data,
}

/// An event to be appended; who did it is who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// What kind of thing happened.
    pub kind: String,
    /// The version of that kind.
    pub schema: u32,
    /// What part of a system it happened in.
    pub component: String,
    /// What it is about.
    pub path: String,
    /// What it belongs to; without it, the request.
    pub correlation: String,
    /// What it followed from.
    pub causation: String,
    /// What it says.
    pub data: Data,
}

/// What has to be true of a stream for something to be appended to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expected {
    /// Nothing.
    #[default]
    Any,
    /// There is nothing in it.
    Empty,
    /// There is something in it.
    Exists,
    /// Its newest event has this version; 0 is as [`Expected::Empty`].
    Version(u64),
}

/// Appends events to a stream, all or none.
#[derive(Debug, Clone)]
pub struct Append<'a> {
    /// Which stream.
    pub stream: &'a str,
    /// What has to be true of it.
    pub expected: Expected,
    /// Appending again with the same key appends nothing; empty for none.
    pub key: &'a str,
    /// What happened, in order.
    pub events: Vec<New>,
}

/// Where events have come to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The position of the first.
    pub first: u64,
    /// The position of the last.
    pub last: u64,
    /// The version of the stream with the last.
    pub version: u64,
    /// Whether they were there already, under the same key.
    pub replayed: bool,
}

impl Question for Append<'_> {
    type Answer = Appended;

    fn action(&self) -> &'static Action {
        &STREAM_APPEND
    }

    fn items(&self) -> usize {
        self.events.len()
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "stream", namespace: self.stream, name: &[] }
    }

    fn bytes(&self) -> u64 {
        self.events.iter().map(|event| event.data.len() as u64).sum()
    }
}

/// Which events are wanted; an empty filter wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this stream.
    pub stream: Option<String>,
    /// Only of one of these types; with a `*` at its end, all that begin so.
    pub kinds: Vec<String>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only within this part of a system.
    pub component: Option<String>,
    /// Only what belongs to this.
    pub correlation: Option<String>,
    /// Only what followed from this.
    pub causation: Option<String>,
    /// Only about paths that match this pattern.
    pub path: Option<String>,
    /// Only at this time or later.
    pub since: Option<Time>,
    /// Only before this time.
    pub before: Option<Time>,
}

impl Filter {
    /// The stream that is asked for, if it is one of users'.
    pub fn users(&self) -> Option<&str> {
        self.stream.as_deref().filter(|stream| !stream.starts_with('$'))
    }

    fn resource(&self) -> Resource<'_> {
        match self.users() {
            Some(stream) => Resource { kind: "stream", namespace: stream, name: &[] },
            None => Resource { kind: "ledger", namespace: "", name: &[] },
        }
    }
}

/// A page of the log.
#[derive(Debug, Clone)]
pub struct Read {
    /// From this position on, in the direction of reading; `None` for the end that comes
    /// first.
    pub from: Option<u64>,
    /// Newest first.
    pub backward: bool,
    /// Nothing behind this position.
    pub as_of: Option<u64>,
    /// At most so many.
    pub limit: u32,
    /// Which.
    pub filter: Filter,
}

/// A page, and where the next one begins.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The events, in the order that was asked for.
    pub events: Vec<Event>,
    /// Where to go on; `None` when there was no more.
    pub next: Option<u64>,
}

impl Question for Read {
    type Answer = Page;

    fn action(&self) -> &'static Action {
        if self.filter.users().is_some() { &STREAM_READ } else { &READ }
    }

    fn resource(&self) -> Resource<'_> {
        self.filter.resource()
    }
}

/// The log from a position on, and what is appended later as it comes.
#[derive(Debug, Clone)]
pub struct Follow {
    /// From this position on; `None` for only what is new.
    pub from: Option<u64>,
    /// Which.
    pub filter: Filter,
}

impl Question for Follow {
    type Answer = BoxStream<'static, Result<Event>>;

    fn action(&self) -> &'static Action {
        if self.filter.users().is_some() { &STREAM_FOLLOW } else { &FOLLOW }
    }

    fn resource(&self) -> Resource<'_> {
        self.filter.resource()
    }
}

/// How far the log is, and what proves it.
#[derive(Debug, Clone, Copy)]
pub struct Head;

/// A checkpoint of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many events there are.
    pub size: u64,
    /// The root of the tree over them, in base 16.
    pub root: String,
    /// When this was signed.
    pub time: Time,
    /// The signed note that says so.
    pub note: String,
    /// The public key to check it with.
    pub key: String,
}

impl Question for Head {
    type Answer = Checkpoint;

    fn action(&self) -> &'static Action {
        &HEAD
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "ledger", namespace: "", name: &[] }
    }
}

/// What proves events, to somebody who has only the public key.
#[derive(Debug, Clone, Default)]
pub struct Prove {
    /// The positions of the events.
    pub positions: Vec<u64>,
    /// That the log has only grown since an earlier checkpoint: its signed note.
    pub since: Option<String>,
}

impl Question for Prove {
    /// A proof, in JSON.
    type Answer = String;

    fn action(&self) -> &'static Action {
        &PROVE
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "ledger", namespace: "", name: &[] }
    }
}

/// Copies the log into a folder of the server's machine, or what is new into a backup that
/// is there.
#[derive(Debug, Clone, Copy)]
pub struct Backup<'a> {
    /// Which folder, from the root on.
    pub directory: &'a str,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// How many events it holds now.
    pub size: u64,
    /// The root of the tree over them, in base 16.
    pub root: String,
    /// When that was signed.
    pub time: Time,
    /// How many events it held before.
    pub before: u64,
    /// Bytes of events that were added.
    pub bytes: u64,
}

impl Question for Backup<'_> {
    type Answer = Made;

    fn action(&self) -> &'static Action {
        &BACKUP
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "ledger", namespace: "", name: self.directory.as_bytes() }
    }
}

/// Whoever answers every question of this part.
pub trait Answers:
    for<'a> Origin<Append<'a>>
    + Origin<Read>
    + Origin<Follow>
    + Origin<Head>
    + Origin<Prove>
    + for<'a> Origin<Backup<'a>>
{
}

impl<T> Answers for T where
    T: for<'a> Origin<Append<'a>>
        + Origin<Read>
        + Origin<Follow>
        + Origin<Head>
        + Origin<Prove>
        + for<'a> Origin<Backup<'a>>
{
}
