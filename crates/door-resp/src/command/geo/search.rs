//! Members that are near a place.

mod asked;

use values::geo::{Area, Place};
use values::{Sorted, Space, Value};

use super::{put_distance, put_place};
use crate::command::sorted::{held, store};
use crate::command::{Arguments, Command, Done, Keys, ONE, Sources, Wrong};
use crate::reply::Replies;
use asked::{Asked, Order};

const STORING: Keys = Keys::FirstAndAfter(&["store", "storedist"]);

pub(in crate::command) static COMMANDS: &[Command] = &[
    Command::reads("geosearch", -7, ONE, |space, arguments, replies| {
        search(space, arguments, replies, Form::Search)
    })
    .of("geo")
    .since("6.2.0")
    .does("Shows what is near a place"),
    Command::writes("geosearchstore", -8, Keys::Span(1, 2, 1), |space, arguments, replies| {
        search(space, arguments, replies, Form::Keep)
    })
    .sources(Sources::Others)
    .of("geo")
    .since("6.2.0")
    .does("Keeps what is near a place at another key"),
    Command::writes("georadius", -6, STORING, |space, arguments, replies| {
        search(space, arguments, replies, Form::Around { stores: true })
    })
    .sources(Sources::First)
    .of("geo")
    .since("3.2.0")
    .does("Shows or keeps what is within a circle"),
    Command::reads("georadius_ro", -6, ONE, |space, arguments, replies| {
        search(space, arguments, replies, Form::Around { stores: false })
    })
    .of("geo")
    .since("3.2.10")
    .does("Shows what is within a circle"),
    Command::writes("georadiusbymember", -5, STORING, |space, arguments, replies| {
        search(space, arguments, replies, Form::AroundMember { stores: true })
    })
    .sources(Sources::First)
    .of("geo")
    .since("3.2.0")
    .does("Shows or keeps what is within a circle around a member"),
    Command::reads("georadiusbymember_ro", -5, ONE, |space, arguments, replies| {
        search(space, arguments, replies, Form::AroundMember { stores: false })
    })
    .of("geo")
    .since("3.2.10")
    .does("Shows what is within a circle around a member"),
];

/// Which of the commands it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Search,
    Keep,
    Around { stores: bool },
    AroundMember { stores: bool },
}

impl Form {
    /// Whether where and what is searched is said in words.
    fn is_said(self) -> bool {
        matches!(self, Self::Search | Self::Keep)
    }

    fn may_store(self) -> bool {
        matches!(self, Self::Around { stores: true } | Self::AroundMember { stores: true })
    }
}

/// A member that is near.
struct Found<'a> {
    member: &'a [u8],
    score: f64,
    place: Place,
    meters: f64,
}

impl Asked<'_> {
    /// What is near, in the order it is asked for.
    fn found<'s>(&self, sorted: &'s Sorted) -> Vec<Found<'s>> {
        let (Some(center), Some(shape)) = (self.center, self.shape) else { return Vec::new() };
        let area = Area { center, shape };
        let near = area.ranges().into_iter().flat_map(|(min, max)| {
            let start = sorted.count_below(min);
            let end = sorted.count_below(max);
            sorted.range(start..end.max(start))
        });
        let found = near.filter_map(|(member, score)| {
            let place = Place::of_score(score);
            area.distance(place).map(|meters| Found { member, score, place, meters })
        });
        let enough = self.count.filter(|_| self.any).unwrap_or(usize::MAX);
        let mut found: Vec<_> = found.take(enough).collect();
        match self.order {
            Order::Any => {}
            Order::Nearest => found.sort_by(|one, other| one.meters.total_cmp(&other.meters)),
            Order::Farthest => found.sort_by(|one, other| other.meters.total_cmp(&one.meters)),
        }
        found.truncate(self.count.unwrap_or(usize::MAX));
        found
    }

    fn put(&self, replies: &mut Replies, found: &Found<'_>) {
        let more = [self.distance, self.score, self.place].iter().filter(|asked| **asked).count();
        if more > 0 {
            replies.array(more + 1);
        }
        replies.bulk(found.member);
        if self.distance {
            put_distance(replies, found.meters / self.meters);
        }
        if self.score {
            replies.integer(found.score as i64);
        }
        if self.place {
            put_place(replies, found.place);
        }
    }
}

fn search(space: &dyn Space, arguments: Arguments<'_>, replies: &mut Replies, form: Form) -> Done {
    let value = held(space, arguments.at(if form == Form::Keep { 2 } else { 1 }));
    let shaped = |value: &'_ Value| value.shape::<Sorted>().is_some();
    if value.as_ref().is_some_and(|value| !shaped(value)) {
        return Err(Wrong::TYPE);
    }
    let sorted = value.as_ref().and_then(Value::shape::<Sorted>);
    let asked = Asked::read(arguments, form, sorted)?;
    let found = sorted.map(|sorted| asked.found(sorted)).unwrap_or_default();
    if let Some(target) = asked.target {
        let kept = found.iter().map(|found| {
            let distance = found.meters / asked.meters;
            (found.member, if asked.by_distance { distance } else { found.score })
        });
        replies.integer(store(space, target, kept.collect()) as i64);
        return Ok(());
    }
    replies.array(found.len());
    for found in &found {
        asked.put(replies, found);
    }
    Ok(())
}
