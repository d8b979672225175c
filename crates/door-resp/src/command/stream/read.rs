//! What reads on in many streams, alone or in a group.

use values::stream::{Id, Stream};
use values::{Space, SpaceExt};

use super::{id, shown};
use crate::command::{Arguments, Done, Wrong};
use crate::reply::Replies;

/// What is to be read.
struct Reading<'a> {
    arguments: Arguments<'a>,
    group: &'a [u8],
    consumer: &'a [u8],
    /// How many of each stream.
    most: usize,
    remember: bool,
    /// Where the keys begin, and how many there are.
    keys: usize,
    count: usize,
}

/// After which entry reading goes on.
#[derive(Clone, Copy, PartialEq)]
enum After {
    Id(Id),
    /// Everything there is by now.
    Last,
    /// What the group was given.
    Given,
}

impl<'a> Reading<'a> {
    fn parse(arguments: Arguments<'a>, grouped: bool) -> Result<Self, Wrong> {
        let mut reading = Self {
            arguments,
            group: b"",
            consumer: b"",
            most: usize::MAX,
            remember: true,
            keys: 0,
            count: 0,
        };
        let (mut at, mut named) = (1, false);
        while at < arguments.len() {
            let more = arguments.len() - at - 1;
            if arguments.is(at, "block") && more > 0 {
                is_patience(arguments, at + 1)?;
                at += 2;
            } else if arguments.is(at, "count") && more > 0 {
                let most = usize::try_from(arguments.integer(at + 1)?).unwrap_or(0);
                reading.most = if most == 0 { usize::MAX } else { most };
                at += 2;
            } else if arguments.is(at, "streams") && more > 0 {
                reading.keys_from(at + 1)?;
                break;
            } else if arguments.is(at, "group") && more >= 2 {
                reading.only(grouped, "GROUP")?;
                (reading.group, reading.consumer) = (arguments.at(at + 1), arguments.at(at + 2));
                named = true;
                at += 3;
            } else if arguments.is(at, "noack") {
                reading.only(grouped, "NOACK")?;
                reading.remember = false;
                at += 1;
            } else {
                return Err(Wrong::SYNTAX);
            }
        }
        if reading.keys == 0 {
            return Err(Wrong::SYNTAX);
        }
        match grouped && !named {
            true => Err(Wrong::said("ERR Missing GROUP option for XREADGROUP")),
            false => Ok(reading),
        }
    }

    fn only(&self, grouped: bool, option: &str) -> Done {
        if grouped {
            return Ok(());
        }
        Err(format!(
            "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
        )
        .into())
    }

    fn keys_from(&mut self, at: usize) -> Done {
        let words = self.arguments.len() - at;
        if words % 2 == 1 {
            // Redis says so of both commands.
            return Err(Wrong::said(
                "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be \
                 specified.",
            ));
        }
        (self.keys, self.count) = (at, words / 2);
        Ok(())
    }

    fn key(&self, index: usize) -> &'a [u8] {
        self.arguments.at(self.keys + index)
    }

    /// Where to go on in one of the streams; that it is one was seen to.
    fn after(&self, index: usize, grouped: bool) -> Result<After, Wrong> {
        let at = self.keys + self.count + index;
        match (self.arguments.at(at), grouped) {
            (b"$", false) => Ok(After::Last),
            (b">", true) => Ok(After::Given),
            (b"$", true) => Err(Wrong::said(
                "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
                 history of this consumer by specifying a proper ID, or use the > ID to get new \
                 messages. The $ ID would just return an empty result set.",
            )),
            (b">", false) => Err(Wrong::said(
                "ERR The > ID can be specified only when calling XREADGROUP using the GROUP \
                 <group> <consumer> option.",
            )),
            _ => match id(self.arguments, at, 0)? {
                Id::MAX if grouped => Ok(After::Given),
                id => Ok(After::Id(id)),
            },
        }
    }

    /// Where to go on in each of them; nothing is read before all is well.
    fn all(
        &self,
        space: &dyn Space,
        grouped: bool,
        replies: &Replies,
    ) -> Result<Vec<After>, Wrong> {
        let one = |index| {
            let known = space.read(self.key(index), |seen| match seen {
                None => Ok(false),
                Some(seen) => {
                    let stream = seen.shape::<Stream>()?;
                    Ok::<_, Wrong>(stream.group(self.group).is_some())
                }
            })?;
            if grouped && !known {
                let (key, group) = (replies.name(self.key(index)), shown(self.group));
                let key = shown(&key);
                return Err(Wrong::from(format!(
                    "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with \
                     GROUP option"
                )));
            }
            self.after(index, grouped)
        };
        (0..self.count).map(one).collect()
    }
}

/// What comes after the word for patience; the connection reads it for itself.
fn is_patience(arguments: Arguments<'_>, at: usize) -> Done {
    const NOT_A_TIME: Wrong = Wrong::said("ERR timeout is not an integer or out of range");
    match arguments.integer(at).map_err(|_| NOT_A_TIME)? {
        ..0 => Err(Wrong::said("ERR timeout is negative")),
        _ => Ok(()),
    }
}

/// Parts of a reply which is not begun before there is something to say.
struct Answer {
    parts: Replies,
    count: usize,
}

impl Answer {
    fn new(replies: &Replies) -> Self {
        let (resp3, begin) = (replies.resp3, replies.begin.clone());
        Self { parts: Replies { resp3, begin, ..Replies::default() }, count: 0 }
    }

    fn stream(&mut self, key: &[u8]) {
        self.count += 1;
        if !self.parts.resp3 {
            self.parts.array(2);
        }
        self.parts.key(key);
    }

    /// Whether there was something to say.
    fn finish(self, replies: &mut Replies) -> bool {
        if self.count > 0 {
            match replies.resp3 {
                true => replies.map(self.count),
                false => replies.array(self.count),
            }
            replies.out.extend_from_slice(&self.parts.out);
            replies.overflowed |= self.parts.overflowed;
        }
        self.count > 0
    }
}

pub(super) fn read(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Result<bool, Wrong> {
    let reading = Reading::parse(arguments, false)?;
    let mut answer = Answer::new(replies);
    for (index, after) in reading.all(space, false, replies)?.into_iter().enumerate() {
        let key = reading.key(index);
        let After::Id(id) = after else { continue };
        let Some(from) = id.next() else { continue };
        space.read(key, |seen| {
            let Some(stream) = seen.and_then(|seen| seen.shape::<Stream>().ok()) else { return };
            let new: Vec<_> = stream.ascending(from, Id::MAX).take(reading.most).collect();
            if !new.is_empty() {
                answer.stream(key);
                answer.parts.entries(&new);
            }
        });
    }
    Ok(answer.finish(replies))
}

/// Says for good what the last entry is, for one who will wait for the next.
pub(super) fn settle(space: &dyn Space, arguments: Arguments<'_>) -> Option<Vec<Vec<u8>>> {
    let reading = Reading::parse(arguments, false).ok()?;
    let ids = reading.keys + reading.count;
    let mut words: Vec<_> = arguments.from(0).map(<[u8]>::to_vec).collect();
    let mut settled = false;
    for (index, word) in words.iter_mut().skip(ids).enumerate() {
        if word != b"$" {
            continue;
        }
        let last = space.read(reading.key(index), |seen| {
            seen.and_then(|seen| seen.shape::<Stream>().ok()).map_or(Id::ZERO, Stream::last_id)
        });
        *word = last.to_string().into_bytes();
        settled = true;
    }
    settled.then_some(words)
}

pub(super) fn read_group(
    space: &dyn Space,
    arguments: Arguments<'_>,
    replies: &mut Replies,
) -> Result<bool, Wrong> {
    let reading = Reading::parse(arguments, true)?;
    let mut answer = Answer::new(replies);
    for (index, after) in reading.all(space, true, replies)?.into_iter().enumerate() {
        take(space, &reading, reading.key(index), after, &mut answer)?;
    }
    Ok(answer.finish(replies))
}

fn take(
    space: &dyn Space,
    reading: &Reading<'_>,
    key: &[u8],
    after: After,
    answer: &mut Answer,
) -> Done {
    let now = space.now();
    space.change(key, |slot| {
        let Some(stream) = slot.shape::<Stream>()? else { return Ok(()) };
        *slot.changed |= match after {
            After::Id(id) => history(stream, reading, (key, id), now, answer),
            After::Last | After::Given => news(stream, reading, key, now, answer),
        };
        Ok(())
    })
}

/// Gives a consumer again what it was given before; that may be nothing.
fn history(
    stream: &mut Stream,
    reading: &Reading<'_>,
    (key, id): (&[u8], Id),
    now: u64,
    answer: &mut Answer,
) -> bool {
    let (group, consumer) = (reading.group, reading.consumer);
    stream.change_group(group, |group| group.hear(consumer, now));
    let again = stream.give_again(group, consumer, id.next(), reading.most, now);
    answer.stream(key);
    answer.parts.array(again.len());
    for (id, entry) in again {
        match entry {
            Some(entry) => answer.parts.entry(&entry),
            None => {
                answer.parts.array(2);
                answer.parts.id(id);
                answer.parts.null_array();
            }
        }
    }
    true
}

/// Gives a consumer what is new to its group, if anything is.
fn news(
    stream: &mut Stream,
    reading: &Reading<'_>,
    key: &[u8],
    now: u64,
    answer: &mut Answer,
) -> bool {
    let last = stream.group(reading.group).map(|group| group.last);
    let new = stream.last().is_some_and(|entry| last.is_some_and(|last| entry.id > last));
    if !new {
        return false;
    }
    let heard = stream.change_group(reading.group, |group| group.hear(reading.consumer, now));
    let consumer = heard.unwrap_or_default();
    let remember = reading.remember.then_some(now);
    let given = stream.give(reading.group, &consumer, reading.most, remember);
    answer.stream(key);
    answer.parts.entries(&given);
    true
}
