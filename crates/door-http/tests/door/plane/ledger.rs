//! A log that is a list, and groups that read it.

use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use flow::question::group;
use flow::question::ledger::{
    Append, Appended, Backup, Checkpoint, Data, Event, Expected, FACTS, Filter, Follow,
    Head as LogHead, Made, New, Page, Prove, Read,
};
use flow::*;
use futures_util::{StreamExt, stream};

use super::{Parts, World, answers};

static CHANGED: Code = Code::new(Kind::Conflict, "test-changed", "Changed", "read again");

pub(super) fn event(action: &'static str, position: u64) -> Event {
    Event {
        position,
        stream: FACTS.to_owned(),
        version: position,
        kind: action.to_owned(),
        schema: 1,
        time: Time(position * 1_000_000_000),
        id: Id(u128::from(position)),
        tenant: "main".to_owned(),
        actor: "human:ann".to_owned(),
        component: "http".to_owned(),
        path: "cache/sessions/k".to_owned(),
        correlation: match action.starts_with("decision.") {
            true => "x".to_owned(),
            false => Id(7).to_string(),
        },
        causation: String::new(),
        data: Data::Json(Bytes::from_static(br#"{"outcome":"done","at":"then"}"#)),
    }
}

/// As much of a filter as these tests need.
fn wants(filter: &Filter, event: &Event) -> bool {
    let same = |wanted: &Option<String>, own: &str| wanted.as_deref().is_none_or(|w| w == own);
    let kind = |wanted: &String| match wanted.strip_suffix('*') {
        Some(beginning) => event.kind.starts_with(beginning),
        None => event.kind == *wanted,
    };
    same(&filter.stream, &event.stream)
        && same(&filter.actor, &event.actor)
        && same(&filter.correlation, &event.correlation)
        && (filter.kinds.is_empty() || filter.kinds.iter().any(kind))
        && filter.since.is_none_or(|since| event.time >= since)
        && filter.before.is_none_or(|before| event.time < before)
}

answers!(Read, Page, |world, question| {
    let mut log = world.log.lock().clone();
    log.retain(|event| question.as_of.is_none_or(|last| event.position <= last));
    if question.backward {
        log.reverse();
    }
    let from = |event: &Event| match (question.from, question.backward) {
        (None, _) => true,
        (Some(from), false) => event.position >= from,
        (Some(from), true) => event.position <= from,
    };
    let mut wanted = log.into_iter().filter(|event| from(event) && wants(&question.filter, event));
    let events: Vec<_> = wanted.by_ref().take(question.limit as usize).collect();
    Ok(Page { events, next: wanted.next().map(|event| event.position) })
});
answers!(Follow, BoxStream<'static, Result<Event>>, |world, question| {
    let log = world.log.lock();
    let from = question.from.unwrap_or(u64::MAX);
    let old: Vec<_> = log.iter().filter(|event| event.position >= from).cloned().collect();
    let live = world.live.subscribe();
    let filter = question.filter.clone();
    let live = stream::unfold(live, |mut live| async { Some((live.recv().await.ok()?, live)) });
    let all = stream::iter(old).chain(live);
    let wanted = all.filter(move |event| std::future::ready(wants(&filter, event)));
    Ok(wanted.map(Ok).boxed())
});
answers!(Append<'q>, Appended, |world, question| {
    let mut log = world.log.lock();
    let mut version = log.iter().filter(|event| event.stream == question.stream).count() as u64;
    let keyed = |event: &&Event| !question.key.is_empty() && event.causation == question.key;
    if let Some(event) = log.iter().rfind(keyed) {
        let last = event.position;
        let first = last + 1 - question.events.len() as u64;
        return Ok(Appended { first, last, version: event.version, replayed: true });
    }
    let met = match question.expected {
        Expected::Any => true,
        Expected::Empty => version == 0,
        Expected::Exists => version > 0,
        Expected::Version(expected) => version == expected,
    };
    if !met {
        return Err(CHANGED.error(format!("stream `{}` is at version {version}", question.stream)));
    }
    let first = log.len() as u64 + 1;
    for new in question.events.clone() {
        let New { kind, schema, component, path, correlation, mut causation, data } = new;
        if causation.is_empty() {
            question.key.clone_into(&mut causation);
        }
        let position = log.len() as u64 + 1;
        version += 1;
        let (id, time) = (Id(u128::from(position)), Time(position * 1_000_000_000));
        let (stream, tenant) = (question.stream.to_owned(), "main".to_owned());
        let actor = "human:ann".to_owned();
        let event = Event {
            position,
            stream,
            version,
            kind,
            schema,
            time,
            id,
            tenant,
            actor,
            component,
            path,
            correlation,
            causation,
            data,
        };
        log.push(event.clone());
        let _ = world.live.send(event);
    }
    Ok(Appended { first, last: log.len() as u64, version, replayed: false })
});
answers!(LogHead, Checkpoint, |world, _| {
    let size = world.log.lock().len() as u64;
    let (root, time) = ("0f".repeat(32), world.clock.now());
    let note = format!("test/log\n{size}\n");
    Ok(Checkpoint { size, root, time, note, key: "test/log+00+key".to_owned() })
});
answers!(Prove, String, |_, question| {
    Ok(serde_json::json!({ "of": question.positions, "since": question.since }).to_string())
});
answers!(Backup<'q>, Made, |world, question| {
    let (size, bytes) = (world.log.lock().len() as u64, question.directory.len() as u64);
    Ok(Made { size, root: "0".repeat(64), time: Time(0), before: 0, bytes })
});
answers!(group::Put<'q>, group::Group, |_, question| Ok(made(question.group, &question.filter)));
answers!(group::Show<'q>, group::Group, |_, question| {
    Ok(made(question.group, &Filter::default()))
});
answers!(group::List, Vec<group::Group>, |_, _| Ok(vec![made("x", &Filter::default())]));
answers!(group::Remove<'q>, (), |_, _| Ok(()));
answers!(group::Settle<'q>, (), |_, _| Ok(()));
answers!(group::Unpark<'q>, u64, |_, question| {
    Ok(question.positions.as_ref().map_or(0, Vec::len) as u64)
});
answers!(group::Take<'q>, Vec<group::Delivery>, |world, question| {
    let log = world.log.lock();
    let taken = log.iter().take(question.most as usize).cloned();
    let receipt = |event: &Event| format!("{}-{}", event.position, Id(7));
    Ok(taken.map(|event| group::Delivery { attempt: 1, receipt: receipt(&event), event }).collect())
});
answers!(group::ListParked<'q>, group::ParkedPage, |world, question| {
    let (since, reason) = (Time(0), "test".to_owned());
    let log = world.log.lock();
    let parked = log.iter().take(question.limit as usize).cloned();
    let parked = parked.map(|event| {
        let reason = reason.clone();
        group::Parked { event, attempts: 3, reason, since }
    });
    Ok(group::ParkedPage { parked: parked.collect(), next: Some(9) })
});

fn made(name: &str, filter: &Filter) -> group::Group {
    group::Group {
        name: name.to_owned(),
        filter: filter.clone(),
        options: group::Options::default(),
        created: Time(0),
        position: 0,
        lag: 0,
        in_flight: 0,
        waiting: 0,
        parked: 0,
    }
}
