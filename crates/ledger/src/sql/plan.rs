//! What a group of appends becomes, worked out before anything is written.

use std::collections::{HashMap, HashSet};

use flow::{Random, Result, Time};

use super::head::{Head, Node};
use super::rows::{self, Made, New, SALT};
use crate::event::{Append, Appended, Event, Record};
use crate::header::{self, Placed};
use crate::keep::Ends;
use crate::proof::hash::{self, Hash};
use crate::rule;

/// A tenant's stream.
pub(super) type Stream = (String, String);

/// The stream an append is for.
pub(super) fn stream(append: &Append) -> Stream {
    (append.tenant.clone(), append.stream.clone())
}

/// What is known of the log before a group.
pub(super) struct Known {
    pub(super) head: Head,
    /// Of every stream of the group.
    pub(super) versions: HashMap<Stream, u64>,
    /// The events that were appended under the keys of the group, where there are some.
    pub(super) keys: HashMap<Hash, Replay>,
}

/// Events that were appended under a key.
pub(super) struct Replay {
    pub(super) first: u64,
    pub(super) events: Vec<Record>,
    /// Whether these are all, and no more.
    pub(super) whole: bool,
}

/// A group, worked out.
pub(super) struct Plan<'a> {
    pub(super) head: Head,
    pub(super) versions: HashMap<Stream, u64>,
    pub(super) events: Vec<Made<'a>>,
    pub(super) nodes: Vec<Node>,
    pub(super) answers: Vec<Result<Vec<Appended>>>,
}

/// Works out what becomes of each batch; one that cannot be taken leaves no trace.
pub(super) fn plan<'a>(
    batches: impl Iterator<Item = &'a [Append]>,
    known: Known,
    now: Time,
    random: &Random,
) -> Plan<'a> {
    let time = now.max(known.head.time);
    let mut draft = Draft {
        head: known.head,
        versions: known.versions,
        keys: known.keys,
        events: Vec::new(),
        nodes: Vec::new(),
        time,
        random,
    };
    let answers = batches.map(|batch| draft.batch(batch)).collect();
    let Draft { head, versions, events, nodes, .. } = draft;
    Plan { head, versions, events, nodes, answers }
}

struct Draft<'a, 'r> {
    head: Head,
    versions: HashMap<Stream, u64>,
    keys: HashMap<Hash, Replay>,
    events: Vec<Made<'a>>,
    nodes: Vec<Node>,
    time: Time,
    random: &'r Random,
}

/// What a batch has changed, to be taken back.
#[derive(Default)]
struct Changes {
    versions: Vec<(Stream, u64)>,
    keys: HashSet<Hash>,
}

impl<'a> Draft<'a, '_> {
    fn batch(&mut self, batch: &'a [Append]) -> Result<Vec<Appended>> {
        let (head, events, nodes) = (self.head.clone(), self.events.len(), self.nodes.len());
        let mut changes = Changes::default();
        let answers: Result<_> =
            batch.iter().map(|append| self.append(append, &mut changes)).collect();
        match &answers {
            Ok(_) if self.events.len() > events => {
                if let Some((last, ..)) = self.events.last_mut() {
                    last.ends.batch = true;
                }
            }
            Ok(_) => {}
            Err(_) => {
                self.head = head;
                self.events.truncate(events);
                self.nodes.truncate(nodes);
                self.versions.extend(changes.versions.into_iter().rev());
                changes.keys.iter().for_each(|key| drop(self.keys.remove(key)));
            }
        }
        answers
    }

    fn append(&mut self, append: &'a Append, changes: &mut Changes) -> Result<Appended> {
        let key = rows::key(append);
        if let Some(replay) = key.and_then(|key| self.keys.get(&key)) {
            return replay.answer(append);
        }
        let stream = stream(append);
        let before = self.versions.get(&stream).copied().unwrap_or(0);
        if !rule::holds(append.expected, before) {
            return Err(rule::conflict(append, before));
        }
        let (first, made) = (self.head.size() + 1, self.events.len());
        for (place, event) in append.events.iter().enumerate() {
            let key = key.filter(|_| place == 0);
            self.event(append, event, before + 1 + place as u64, key);
        }
        if let Some((last, ..)) = self.events.last_mut() {
            last.ends.append = true;
        }
        let last = self.head.size();
        let version = before + append.events.len() as u64;
        changes.versions.push((stream.clone(), before));
        self.versions.insert(stream, version);
        if let Some(key) = key {
            let events = self.events.iter().skip(made).filter_map(|(new, ..)| new.record());
            let replay = Replay { first, events: events.collect(), whole: true };
            self.keys.insert(key, replay);
            changes.keys.insert(key);
        }
        Ok(Appended { first, last, version, replayed: false })
    }

    fn event(&mut self, append: &'a Append, event: &'a Event, version: u64, key: Option<Hash>) {
        let (position, time) = (self.head.size() + 1, self.time);
        let placed = Placed {
            position,
            time,
            id: event.id.unwrap_or_else(|| self.random.id(time)),
            version,
            append,
            event,
            key: key.map_or("", |_| &append.key),
        };
        let mut header = Vec::with_capacity(256);
        header::write(&placed, &mut header);
        let end = header.len();
        header.extend_from_slice(self.head.leaf.as_bytes());
        let mut salt = [0; SALT];
        self.random.fill(&mut salt);
        let content = hash::content(&salt, &event.payload);
        let leaf = hash::leaf(&header, &content);
        header.truncate(end);
        let body = [&salt[..], &event.payload].concat();
        let key = key.map_or_else(Vec::new, |key| key.as_bytes().to_vec());
        let ends = Ends::default();
        let new = New { position, time, version, header, body, content, leaf, ends, key };
        self.head.push(leaf, time, &mut self.nodes);
        self.events.push((new, append, event));
    }
}

impl Replay {
    fn answer(&self, append: &Append) -> Result<Appended> {
        let same = self.whole && rule::same(append, &self.events);
        let last = self.events.last().filter(|_| same).ok_or_else(|| rule::reused(append))?;
        let (first, version) = (self.first, last.version);
        Ok(Appended { first, last: last.position, version, replayed: true })
    }
}
