//! What every place a log is kept in must do, whichever it is.
//!
//! Each behaviour has a log of its own, which [`Place`] opens, and opens again.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test, though other crates may run it"
)]

mod append;
mod key;
mod many;
mod proof;
mod read;

use std::sync::Arc;

use flow::{BoxFuture, Clock, Code, Result};

pub use self::many::writers;
pub use self::proof::chain;
use crate::event::{Append, Appended, Event, Record};
pub use crate::keep::Keep;
use crate::query::{Filter, Query};

/// Where one log is kept.
pub trait Place: Send + Sync {
    /// Opens the log, empty at first, with time from this clock.
    fn open(&self, clock: Clock) -> BoxFuture<'_, Arc<dyn Keep>>;

    /// Closes what was opened, so that it can be opened again.
    fn close(&self, keep: Arc<dyn Keep>) -> BoxFuture<'_, ()> {
        drop(keep);
        Box::pin(std::future::ready(()))
    }
}

type Case = (&'static str, for<'a> fn(&'a dyn Place) -> BoxFuture<'a, ()>);

/// The behaviours, by names that do as names of directories.
const CASES: [Case; 20] = [
    ("order", |place| Box::pin(append::events_stand_in_order_as_they_were_appended(place))),
    ("expected", |place| Box::pin(append::a_stream_has_to_be_as_expected(place))),
    ("alone", |place| Box::pin(append::a_conflict_fails_alone(place))),
    ("batch", |place| Box::pin(append::a_batch_is_appended_as_a_whole_or_not(place))),
    ("limits", |place| Box::pin(append::what_is_too_much_says_so(place))),
    ("largest", |place| Box::pin(append::what_is_just_not_too_much_is_kept(place))),
    ("time", |place| Box::pin(append::time_never_goes_back(place))),
    ("end", |place| Box::pin(append::the_end_wakes_who_waits(place))),
    ("again", |place| Box::pin(key::the_same_again_has_the_same_answer(place))),
    ("reused", |place| Box::pin(key::a_key_stands_for_its_events(place))),
    ("race", |place| Box::pin(key::of_many_with_one_key_one_appends(place))),
    ("gone", |place| Box::pin(key::who_stops_waiting_loses_and_doubles_nothing(place))),
    ("chain", |place| Box::pin(proof::every_hash_can_be_worked_out(place))),
    ("proofs", |place| Box::pin(proof::proofs_are_those_of_the_standard(place))),
    ("evidence", |place| Box::pin(proof::evidence_comes_in_parts(place))),
    ("writers", |place| Box::pin(many::sixteen_writers_get_what_they_were_promised(place))),
    ("pages", |place| Box::pin(read::pages_are_as_the_filter_says(place))),
    ("cursors", |place| Box::pin(read::cursors_survive_writes(place))),
    ("sparse", |place| Box::pin(read::what_is_rare_is_found_in_a_long_log(place))),
    ("tenants", |place| Box::pin(read::tenants_never_see_each_other(place))),
];

/// Runs the whole suite, each behaviour at a place made for its name.
pub async fn run(make: impl AsyncFn(&'static str) -> Box<dyn Place>) {
    for (name, case) in CASES {
        let place = make(name).await;
        case(&*place).await;
    }
}

async fn open(place: &dyn Place) -> Arc<dyn Keep> {
    place.open(Clock::system()).await
}

fn event(kind: &str) -> Event {
    Event::new(kind, kind.as_bytes().to_vec())
}

fn to(stream: &str, kind: &str) -> Append {
    Append::to(stream).event(event(kind))
}

/// Appends to one stream.
async fn append(keep: &dyn Keep, append: Append) -> Result<Appended> {
    let answers = keep.append(vec![append]).await?;
    assert_eq!(answers.len(), 1, "an answer for each append");
    Ok(answers.into_iter().next().expect("there is one"))
}

async fn appended(keep: &dyn Keep, wanted: Append) -> Appended {
    append(keep, wanted).await.expect("it can be appended")
}

fn refused<T: std::fmt::Debug>(answer: Result<T>, code: &Code) -> String {
    let error = answer.expect_err("it is refused");
    assert_eq!(error.code(), code, "{}", error.story());
    error.detail().to_owned()
}

/// All pages of a query.
async fn pages(keep: &dyn Keep, mut query: Query) -> Vec<Record> {
    let mut events = Vec::new();
    loop {
        let page = keep.read(query.clone()).await.expect("a page can be read");
        assert!(page.events.len() <= query.limit as usize, "a page is no longer than asked");
        events.extend(page.events);
        match page.next {
            Some(next) => {
                let on = query.from.is_none_or(|from| (next > from) != query.backward);
                assert!(on || query.from == Some(next), "the next page lies further on");
                query.from = Some(next);
            }
            None => return events,
        }
    }
}

/// The whole log.
async fn everything(keep: &dyn Keep) -> Vec<Record> {
    pages(keep, Query { limit: 333, ..Query::default() }).await
}

/// A stream of the main tenant.
async fn stream(keep: &dyn Keep, stream: &str) -> Vec<Record> {
    let (tenant, stream) = (flow::identity::MAIN.to_owned(), stream.to_owned());
    let filter = Filter { tenant: Some(tenant), stream: Some(stream), ..Filter::default() };
    pages(keep, Query { filter, ..Query::default() }).await
}

/// How many events a log has.
async fn size(keep: &dyn Keep) -> u64 {
    let newest = Query { backward: true, limit: 1, ..Query::default() };
    let page = keep.read(newest).await.expect("a page can be read");
    page.events.first().map_or(0, |newest| newest.position)
}
