//! Values, locks and what is done with namespaces.

use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use flow::question::cache::event::{self, Heard, Key, Watch};
use flow::question::cache::warm::{Progress, Report, With};
use flow::question::cache::{
    Advise, Advised, Delete, Dropped, Expire, Found, Get, GetMany, Happened, Lock, Purge, Purged,
    Refresh, Renew, Set, SetMany, Statistics, Stats, StatsPage, Tier, Unlock, Warm, Warmed, When,
};
use flow::*;
use futures_util::stream;

use super::{Parts, World, answers};

static ROTTEN: Code = Code::new(Kind::Corrupt, "test-rotten", "Rotten", "call an operator");

impl<'q> Origin<Get<'q>> for Parts {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Get<'q>>,
    ) -> Step<'a, Result<Answer<Option<Found>>>> {
        let key = permitted.question().key;
        let value = self.0.values.lock().get(key).cloned();
        let found = value.map(|(value, ttl, _)| Found { value, ttl });
        match key {
            b"rotten" => {
                let cause = std::io::Error::other("checksum of /var/lib/secret");
                Step::Now(Err(ROTTEN.error("the value is damaged").because(cause)))
            }
            b"slow" => Step::later(async move {
                self.0.slow.notify_one();
                self.0.go_on.notified().await;
                Ok(Answer::done(found))
            }),
            _ => Step::Now(Ok(Answer::done(found))),
        }
    }
}

impl<'q> Origin<Set<'q>> for Parts {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Set<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        self.0.calls.fetch_add(1, SeqCst);
        let Set { key, value, ttl, tags, when, .. } = permitted.question();
        let mut values = self.0.values.lock();
        let met = match when {
            When::Always => true,
            When::Absent => !values.contains_key(*key),
            When::Present => values.contains_key(*key),
        };
        if met {
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            values.insert(key.to_vec(), (value.clone(), *ttl, tags));
        }
        match *key {
            b"slow" => Step::later(async move {
                self.0.slow.notify_one();
                self.0.go_on.notified().await;
                Ok(Answer::done(met))
            }),
            _ => Step::Now(Ok(Answer::done(met))),
        }
    }
}

answers!(Delete<'q>, bool, |world, question| {
    Ok(world.values.lock().remove(question.key).is_some())
});
answers!(Expire<'q>, bool, |_, _| Ok(false));
answers!(Purge<'q>, Purged, |world, question| {
    let mut values = world.values.lock();
    let before = values.len();
    values.retain(|key, (_, _, tags)| match &question.what {
        feed::Purge::Key(wanted) => key != wanted,
        feed::Purge::Keys(wanted) => !wanted.iter().any(|one| one.0 == *key),
        feed::Purge::Tag(tag) => !tags.contains(tag),
        feed::Purge::Glob(_) | feed::Purge::All => false,
    });
    let tiers = vec![Dropped { tier: "l2", count: 3, complete: false }];
    Ok(Purged { memory: (before - values.len()) as u64, tiers })
});
answers!(GetMany<'q>, Vec<Result<Found, &'static str>>, |world, question| {
    let values = world.values.lock();
    let found = |key: &&[u8]| {
        let (value, ttl, _) = values.get(*key).cloned().ok_or("absent")?;
        Ok(Found { value, ttl })
    };
    Ok(question.keys.iter().map(found).collect())
});
answers!(SetMany<'q>, u64, |world, question| {
    let mut values = world.values.lock();
    for put in &question.values {
        let tags = put.tags.iter().map(|tag| (*tag).to_owned()).collect();
        values.insert(put.key.to_vec(), (put.value.clone(), put.ttl, tags));
    }
    Ok(question.values.len() as u64)
});
answers!(Stats<'q>, StatsPage, |_, question| {
    let all = ["a", "b", "x"].into_iter();
    let wanted = all.filter(|name| {
        question.namespace.is_none_or(|only| only == *name)
            && question.after.is_none_or(|after| *name > after)
    });
    let statistics = |name: &str| {
        let misses = vec![("absent", 1)];
        let tiers = vec![Tier { name: "memory", hits: 3, misses, ..Tier::default() }];
        Statistics { namespace: name.into(), tiers, ..Statistics::default() }
    };
    let mut namespaces: Vec<_> = wanted.map(statistics).collect();
    let more = namespaces.len() > question.limit as usize;
    namespaces.truncate(question.limit as usize);
    let next = namespaces.last().filter(|_| more).map(|last| last.namespace.clone());
    Ok(StatsPage { namespaces, next })
});
// Whoever holds the lock `held` is not asked here.
answers!(Lock<'q>, Option<u64>, |_, question| Ok((question.name != "held").then_some(1)));
answers!(Renew<'q>, bool, |_, question| Ok(question.fence == 1));
answers!(Unlock<'q>, bool, |_, question| Ok(question.fence == 1));
answers!(Watch<'q>, BoxStream<'static, Result<Heard>>, |_, question| {
    let happened = event::Event {
        kind: event::Kind::Miss,
        time: Time(0),
        tenant: "main".into(),
        namespace: question.namespace.into(),
        key: Key::Plain(Bytes::from_static(b"ann")),
        tier: "l2",
        reason: "absent",
    };
    Ok(Box::pin(stream::iter([Ok(Heard::Event(happened)), Ok(Heard::Lost(7))])))
});
answers!(Advise<'q>, Result<Vec<Advised>, Box<str>>, |_, question| {
    let advised = |name: &&str| match *name {
        "nothing" => Err(Box::from(*name)),
        name => Ok(Advised { namespace: name.to_owned(), ..Advised::default() }),
    };
    Ok(question.namespaces.iter().map(advised).collect())
});
answers!(Warm<'q>, BoxStream<'static, Result<Progress>>, |_, question| {
    let keys = match &question.with {
        With::Keys(keys) => keys.len() as u64,
        With::Ruled | With::Query(_) => 0,
    };
    let step = |seen, done| Ok(Progress { seen, done, ..Progress::default() });
    Ok(Box::pin(stream::iter([step(0, false), step(keys, true)])))
});
answers!(Warmed<'q>, Report, |_, _| Ok(Report::default()));
answers!(Refresh<'q>, u64, |_, _| Ok(0));
answers!(Happened<'q>, u64, |_, _| Ok(0));
