//! Questions to consumer groups.
//!
//! Who may use a group is decided by its name alone: one with `$` in front may be for all of
//! the ledger, `$facts` included, and takes the rights of who may follow the ledger. Any other
//! is for one of the users' streams.

use crate::clock::Time;
use crate::fact::Class;
use crate::question::ledger::{Event, Filter};
use crate::request::{Action, Inspection, Pace, Question, Resource};
use crate::stage::Origin;
use crate::unit::Span;

const fn action(name: &'static str, class: Class, pace: Pace) -> Action {
    Action { name, class, pace, inspection: Inspection::Off }
}

static LIST: Action = action("group.list", Class::Logged, Pace::Rate);
static SHOW: Both = Both::of("group.show", "ledger.group.show", Class::Logged, Pace::Rate);
static PUT: Both = Both::of("group.put", "ledger.group.put", Class::Durable, Pace::Rate);
static REMOVE: Both = Both::of("group.remove", "ledger.group.remove", Class::Durable, Pace::Rate);
// Counted, not told one by one: a group for facts would else never come to the end.
static TAKE: Both = Both::of("group.take", "ledger.group.take", Class::Summed, Pace::Load);
static SETTLE: Both = Both::of("group.settle", "ledger.group.settle", Class::Summed, Pace::Load);
static PARKED: Both = Both::of("group.parked", "ledger.group.parked", Class::Logged, Pace::Rate);
static UNPARK: Both = Both::of("group.unpark", "ledger.group.unpark", Class::Durable, Pace::Rate);

/// The same, of a group for a users' stream and of one for the ledger.
struct Both {
    users: Action,
    ledger: Action,
}

impl Both {
    const fn of(users: &'static str, ledger: &'static str, class: Class, pace: Pace) -> Self {
        Self { users: action(users, class, pace), ledger: action(ledger, class, pace) }
    }

    fn on(&'static self, group: &str) -> &'static Action {
        if is_of_ledger(group) { &self.ledger } else { &self.users }
    }
}

/// Whether a group of this name may be for more than one of the users' streams.
pub fn is_of_ledger(group: &str) -> bool {
    group.starts_with('$')
}

fn resource(group: &str) -> Resource<'_> {
    Resource { kind: "group", namespace: group, name: &[] }
}

/// How a group treats its consumers; what is not said, the ledger decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// How long a consumer has for what it took.
    pub lease: Option<Span>,
    /// How often an event is delivered before it is parked.
    pub tries: Option<u32>,
    /// How long an event rests before its second try.
    pub rest: Option<Span>,
    /// How long it rests at most.
    pub rest_max: Option<Span>,
    /// How many events may be with consumers, or rest, at the same time.
    pub open_max: Option<u32>,
    /// How many events may be parked.
    pub parked_max: Option<u32>,
}

/// A group, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Which events it is for.
    pub filter: Filter,
    /// How it treats its consumers, all of it.
    pub options: Options,
    /// When it was created.
    pub created: Time,
    /// Everything up to this position is settled.
    pub position: u64,
    /// How many events the log has behind that, whether they concern the group or not.
    pub lag: u64,
    /// How many events are leased to consumers.
    pub in_flight: u64,
    /// How many are to come again.
    pub waiting: u64,
    /// How many are parked.
    pub parked: u64,
}

/// An event that is leased to whoever took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The event.
    pub event: Event,
    /// Which delivery it is; the first has 1.
    pub attempt: u32,
    /// What it is settled with.
    pub receipt: String,
}

/// An event that was tried in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The event.
    pub event: Event,
    /// How often it was delivered.
    pub attempts: u32,
    /// Why it was tried in vain the last time.
    pub reason: String,
    /// Since when it is parked.
    pub since: Time,
}

/// The groups of a tenant.
#[derive(Debug, Clone, Copy)]
pub struct List;

impl Question for List {
    type Answer = Vec<Group>;

    fn action(&self) -> &'static Action {
        &LIST
    }

    fn resource(&self) -> Resource<'_> {
        resource("")
    }
}

/// Makes a group, or gives one other options.
#[derive(Debug, Clone)]
pub struct Put<'a> {
    /// Its name.
    pub group: &'a str,
    /// Which events it is for.
    pub filter: Filter,
    /// A new one begins with this position; `None` for what is yet to come.
    pub from: Option<u64>,
    /// How it treats its consumers.
    pub options: Options,
}

/// A group, and how far it is.
#[derive(Debug, Clone, Copy)]
pub struct Show<'a> {
    /// Which.
    pub group: &'a str,
}

/// Removes a group, with all it knows.
#[derive(Debug, Clone, Copy)]
pub struct Remove<'a> {
    /// Which.
    pub group: &'a str,
}

/// Takes events, which are the asker's until the lease runs out.
#[derive(Debug, Clone, Copy)]
pub struct Take<'a> {
    /// Of which group.
    pub group: &'a str,
    /// At most so many.
    pub most: u32,
    /// How long to wait for the first.
    pub wait: Span,
}

/// What becomes of events that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate<'a> {
    /// They are done.
    Done,
    /// They come again after a rest, for this reason.
    Retry(&'a str),
    /// They are parked, for this reason.
    Park(&'a str),
    /// They come again at once, as if they had not been taken.
    Release,
}

/// Settles events that were taken.
#[derive(Debug, Clone)]
pub struct Settle<'a> {
    /// Of which group.
    pub group: &'a str,
    /// What they are settled with.
    pub receipts: Vec<String>,
    /// What becomes of them.
    pub fate: Fate<'a>,
}

/// A page of parked events.
#[derive(Debug, Clone, Copy)]
pub struct ListParked<'a> {
    /// Of which group.
    pub group: &'a str,
    /// From this position on.
    pub from: u64,
    /// At most so many.
    pub limit: u32,
}

/// A page, and where the next one begins.
#[derive(Debug, Clone, Default)]
pub struct ParkedPage {
    /// The events, by position.
    pub parked: Vec<Parked>,
    /// Where to go on; `None` when there was no more.
    pub next: Option<u64>,
}

/// Where parked events go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Back to consumers, as if for the first time.
    Replay,
    /// Away, for good.
    Drop,
}

/// Replays or drops parked events; the answer is how many.
#[derive(Debug, Clone)]
pub struct Unpark<'a> {
    /// Of which group.
    pub group: &'a str,
    /// Where they go.
    pub way: Way,
    /// The positions of the events; `None` for all that are parked.
    pub positions: Option<Vec<u64>>,
}

/// What is asked of one group.
macro_rules! of_a_group {
    ($($question:ident, $answer:ty, $action:ident;)*) => {$(
        impl Question for $question<'_> {
            type Answer = $answer;

            fn action(&self) -> &'static Action {
                $action.on(self.group)
            }

            fn resource(&self) -> Resource<'_> {
                resource(self.group)
            }
        }
    )*};
}

of_a_group! {
    Put, Group, PUT;
    Show, Group, SHOW;
    Remove, (), REMOVE;
    Take, Vec<Delivery>, TAKE;
    Settle, (), SETTLE;
    ListParked, ParkedPage, PARKED;
    Unpark, u64, UNPARK;
}

/// Whoever answers every question of this part.
pub trait Answers:
    Origin<List>
    + for<'a> Origin<Put<'a>>
    + for<'a> Origin<Show<'a>>
    + for<'a> Origin<Remove<'a>>
    + for<'a> Origin<Take<'a>>
    + for<'a> Origin<Settle<'a>>
    + for<'a> Origin<ListParked<'a>>
    + for<'a> Origin<Unpark<'a>>
{
}

impl<T> Answers for T where
    T: Origin<List>
        + for<'a> Origin<Put<'a>>
        + for<'a> Origin<Show<'a>>
        + for<'a> Origin<Remove<'a>>
        + for<'a> Origin<Take<'a>>
        + for<'a> Origin<Settle<'a>>
        + for<'a> Origin<ListParked<'a>>
        + for<'a> Origin<Unpark<'a>>
{
}
