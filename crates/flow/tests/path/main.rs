//! The path's promises, on a plane of fakes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod plane;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use bytes::Bytes;
use flow::question::cache::{Deed, Get, Set, When, Work};
use flow::question::ledger::{Data, Event, FACTS, Follow};
use flow::question::object::Put;
use flow::stage::Answer;
use flow::*;
use plane::{Part, World, get, plane, request};

fn code<T>(answer: Result<T>) -> &'static str {
    answer.err().unwrap().code().name
}

#[tokio::test]
async fn refusals_are_facts_too() {
    let (world, serve, _, origin) = plane();
    let mut lane = Lane::default();
    let ann = request(&world, "ann");

    let answer = serve.once(&mut lane, &request(&world, "eve"), &origin, get("k")).await;
    assert_eq!(code(answer), "test-unknown");
    world.too_fast.store(true, SeqCst);
    assert_eq!(code(serve.once(&mut lane, &ann, &origin, get("k")).await), "test-too-fast");
    world.too_fast.store(false, SeqCst);
    world.refuse.store(true, SeqCst);
    assert_eq!(code(serve.once(&mut lane, &ann, &origin, get("k")).await), "test-no");

    assert_eq!(
        world.record(),
        [
            "cache.get refused unknown test-unknown",
            "cache.get refused human:ann test-too-fast",
            "cache.get refused human:ann test-no",
        ]
    );
    assert_eq!(world.facts.lock()[2].1.resource, "cache/sessions/k");
}

#[tokio::test]
async fn what_is_too_much_is_refused_before_anybody_looks_who_asks() {
    let (world, serve, _, origin) = plane();
    let mut lane = Lane::default();
    let ann = request(&world, "ann");
    world.full.store(true, SeqCst);
    let answer = serve.once(&mut lane, &ann, &origin, get("k")).await;
    assert_eq!(code(answer), "flow-overloaded");
    assert_eq!(world.recognised.load(SeqCst), 0);
    assert_eq!(world.record(), ["cache.get refused unknown flow-overloaded"]);
    world.full.store(false, SeqCst);
    serve.once(&mut lane, &ann, &origin, get("k")).await.unwrap();
    assert_eq!(world.entered.load(SeqCst), 0, "whoever was answered is no longer under way");
}

#[tokio::test]
async fn a_held_permit_is_not_decided_again_until_something_changes() {
    let (world, serve, _, origin) = plane();
    let mut lane = Lane::default();
    let mut ask = async |expected: (usize, usize), why: &str| {
        let answer = serve.once(&mut lane, &request(&world, "ann"), &origin, get("k")).await;
        assert_eq!(answer.unwrap(), None);
        let counted = (world.recognised.load(SeqCst), world.decided.load(SeqCst));
        assert_eq!(counted, expected, "{why}");
    };
    ask((1, 1), "the first request asks both stages").await;
    ask((1, 1), "the second asks neither").await;
    world.revisions.advance(Revised::Policy);
    ask((1, 2), "new rules").await;
    world.revisions.advance(Revised::Data);
    ask((1, 3), "new data").await;
    world.revisions.bump("main", Some("bob"));
    ask((1, 3), "somebody else changed").await;
    world.revisions.bump("main", Some("ann"));
    ask((2, 4), "a right of hers changed").await;
    world.revisions.bump("main", None);
    ask((3, 5), "everybody in her tenant changed").await;
    world.clock.advance(Duration::from_secs(61));
    ask((3, 6), "the permit expired").await;
    // One tally per permit: two requests shared the first, and two the third.
    let counts = [2, 1, 2, 1, 1, 1];
    assert_eq!(world.summed(), counts.map(|count| (Outcome::Missing, count)));
}

#[tokio::test]
async fn a_credential_that_is_over_is_not_taken_for_granted() {
    let (world, serve, _, origin) = plane();
    let mut lane = Lane::default();
    let mut ask = async |expected: (usize, usize), why: &str| {
        let answer = serve.once(&mut lane, &request(&world, "brief"), &origin, get("k")).await;
        assert_eq!(answer.unwrap(), None);
        let counted = (world.recognised.load(SeqCst), world.decided.load(SeqCst));
        assert_eq!(counted, expected, "{why}");
    };
    ask((1, 1), "the first request").await;
    world.clock.advance(Duration::from_secs(9));
    ask((1, 1), "before its end").await;
    world.clock.advance(Duration::from_secs(1));
    ask((2, 2), "at its end, with the permit it was given").await;
}

#[tokio::test]
async fn a_permit_for_one_resource_opens_no_other() {
    let (world, serve, _, origin) = plane();
    *world.scope.lock() = Scope::Exact;
    let mut lane = Lane::default();
    for (n, key) in ["a", "a", "b"].into_iter().enumerate() {
        serve.once(&mut lane, &request(&world, "ann"), &origin, get(key)).await.unwrap();
        assert_eq!(world.decided.load(SeqCst), n + 1);
    }
    *world.scope.lock() = Scope::Namespace;
    serve.once(&mut lane, &request(&world, "ann"), &origin, get("a")).await.unwrap();
    let other = Get { namespace: "tokens", key: b"a" };
    serve.once(&mut lane, &request(&world, "ann"), &origin, other).await.unwrap();
    assert_eq!(world.decided.load(SeqCst), 5, "another namespace is another decision");
    let set = Set {
        namespace: "tokens",
        key: b"a",
        value: Bytes::new(),
        ttl: None,
        tags: &[],
        when: When::Always,
    };
    serve.once(&mut lane, &request(&world, "ann"), &origin, set).await.unwrap();
    assert_eq!(world.decided.load(SeqCst), 6, "another action is another decision");
}

#[tokio::test]
async fn what_is_about_several_resources_is_permitted_for_each_or_not_done() {
    let (world, serve, _, origin) = plane();
    *world.forbidden.lock() = b"b".to_vec();
    let mut lane = Lane::default();
    for (scope, keys, decisions, done) in [
        (Scope::Exact, &["a", "c", "d"][..], 3, true),
        (Scope::Exact, &["a", "c", "b"], 3, false),
        (Scope::Exact, &["b", "a"], 1, false),
        // What holds for the namespace holds for each of them, without a look at them.
        (Scope::Namespace, &["a", "c", "b"], 1, true),
        (Scope::Namespace, &["a", "c", "b"], 0, true),
    ] {
        *world.scope.lock() = scope;
        let before = world.decided.load(SeqCst);
        let mut ran = false;
        let mut hand = |_: &World| ran = true;
        let each = |each: &mut dyn FnMut(_)| keys.iter().for_each(|key| each(key.as_bytes()));
        let deed = (Deed::Read, true);
        let work = Work::new("sessions", keys[0].as_bytes(), deed, &each, &mut hand).about(&each);
        let answer = serve.once(&mut lane, &request(&world, "ann"), &origin, work).await;
        assert_eq!((answer.is_ok(), ran), (done, done), "{scope:?} {keys:?}");
        assert_eq!(world.decided.load(SeqCst) - before, decisions, "{scope:?} {keys:?}");
    }
    let refused = &world.facts.lock()[1].1;
    assert_eq!((&*refused.resource, refused.outcome), ("cache/sessions/b", Outcome::Refused));
}

#[tokio::test]
async fn more_namespaces_than_a_lane_holds_are_only_slower() {
    let (world, serve, _, origin) = plane();
    let mut lane = Lane::default();
    for round in 0..3 {
        for n in 0..40 {
            let namespace = format!("n{n}");
            let key = format!("{round}");
            let set = Set {
                namespace: &namespace,
                key: key.as_bytes(),
                value: Bytes::new(),
                ttl: None,
                tags: &[],
                when: When::Always,
            };
            assert!(serve.once(&mut lane, &request(&world, "ann"), &origin, set).await.unwrap());
        }
    }
    assert_eq!(world.summed().iter().map(|(_, count)| count).sum::<u64>(), 120);
}

#[tokio::test]
async fn one_that_walks_away_is_recorded() {
    let (world, serve, _, origin) = plane();
    let mut lane = Lane::default();
    {
        let request = request(&world, "ann");
        let waiting = serve.once(&mut lane, &request, &origin, get("never"));
        // Admitted and permitted, then given up while the origin still thinks.
        let given_up = async {
            while world.decided.load(SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            tokio::task::yield_now().await;
        };
        tokio::select! {
            biased;
            _ = waiting => panic!("the origin never answers"),
            () = given_up => {}
        }
    }
    assert_eq!(world.record(), ["cache.get abandoned human:ann -"]);
}

fn body(pieces: &[&'static str], limit: u64) -> Body {
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from(*piece))).collect();
    Body::new(Box::pin(futures_util::stream::iter(pieces)), limit)
}

fn put(key: &str) -> Put<'_> {
    Put { bucket: "b", key, media_type: "text/plain" }
}

#[tokio::test]
async fn a_body_is_watched_and_bounded_and_aborts_before_commit() {
    let (world, serve, _, origin) = plane();
    let mut lane = Lane::default();
    let ann = request(&world, "ann");
    let mut send = async |key: &'static str, body| {
        serve.stream(&mut lane, &ann, &origin, put(key), body).await
    };
    assert_eq!(send("good", body(&["hello ", "world"], 11)).await.unwrap().size, 11);
    assert_eq!(code(send("bad", body(&["a", "<script>"], 99)).await), "test-attack");
    assert_eq!(code(send("large", body(&["hello ", "world"], 10)).await), "flow-body-too-large");
    assert_eq!(world.objects.lock().keys().collect::<Vec<_>>(), ["good"]);
    assert_eq!(
        world.record(),
        [
            "object.put done human:ann -",
            "object.put refused human:ann test-attack",
            "object.put failed human:ann flow-body-too-large",
        ]
    );
}

#[tokio::test]
async fn a_durable_fact_that_cannot_be_kept_fails_the_request() {
    let (world, serve, _, origin) = plane();
    let mut lane = Lane::default();
    world.disk_full.store(true, SeqCst);
    let ann = request(&world, "ann");
    let answer = serve.stream(&mut lane, &ann, &origin, put("k"), body(&["x"], 9)).await;
    assert_eq!(code(answer), "test-full");
    let answer = serve.stream(&mut lane, &ann, &origin, put("recorded"), body(&["x"], 9)).await;
    assert_eq!(answer.unwrap().size, 1, "its fact was committed with the change");
    assert_eq!(world.record(), [""; 0], "and is not recorded twice");
}

fn event(position: u64) -> Event {
    Event {
        position,
        stream: FACTS.to_owned(),
        version: position,
        kind: "cache.get".to_owned(),
        schema: 1,
        time: Time(0),
        id: Id(1),
        tenant: "main".to_owned(),
        actor: "human:ann".to_owned(),
        component: "http".to_owned(),
        path: "cache/sessions/k".to_owned(),
        correlation: Id(1).to_string(),
        causation: String::new(),
        data: Data::Json(Bytes::from_static(b"{}")),
    }
}

#[tokio::test]
async fn a_subscription_ends_when_its_right_does() {
    let (world, serve, _, origin) = plane();
    let mut lane = Lane::default();
    let question = Follow { from: None, filter: Default::default() };
    let ann = request(&world, "ann");
    let mut followed = serve.follow(&mut lane, &ann, &origin, question).await.unwrap();

    world.live.send(event(1)).unwrap();
    assert_eq!(followed.next().await.unwrap().unwrap().position, 1);
    // A change that takes nothing from her: she is asked about again and goes on.
    world.revisions.bump("main", Some("ann"));
    world.live.send(event(2)).unwrap();
    assert_eq!(followed.next().await.unwrap().unwrap().position, 2);
    assert_eq!(world.decided.load(SeqCst), 2);
    // One that does ends it even while nothing is sent, and what was on its way
    // is not delivered.
    world.refuse.store(true, SeqCst);
    world.live.send(event(3)).unwrap();
    world.revisions.advance(Revised::Policy);
    assert_eq!(code(followed.next().await.unwrap()), "test-no");
    assert!(followed.next().await.is_none());
    drop(followed);
    assert_eq!(
        world.record(),
        ["ledger.follow opened human:ann -", "ledger.follow refused human:ann test-no"]
    );
    assert_eq!(world.facts.lock()[1].1.detail.value()["items"], 2);
}

#[tokio::test]
async fn a_waiting_subscription_hears_of_a_change_without_an_item() {
    let (world, serve, _, origin) = plane();
    let mut lane = Lane::default();
    let question = Follow { from: None, filter: Default::default() };
    let ann = request(&world, "ann");
    let mut followed = serve.follow(&mut lane, &ann, &origin, question).await.unwrap();
    let waiting = tokio::spawn(async move { followed.next().await });
    tokio::task::yield_now().await;
    world.refuse.store(true, SeqCst);
    world.revisions.bump("main", Some("ann"));
    assert_eq!(code(waiting.await.unwrap().unwrap()), "test-no");
}

/// Opens a transaction on the map; its state collects values until committed.
#[derive(Clone)]
struct Begin;
struct Pending(Part, parking_lot::Mutex<Vec<(Vec<u8>, Bytes)>>);
struct Commit;

static BEGIN: Action = Action {
    name: "cache.begin",
    class: Class::Logged,
    pace: request::Pace::Load,
    inspection: request::Inspection::Off,
};

impl Question for Begin {
    type Answer = Pending;
    fn action(&self) -> &'static Action {
        &BEGIN
    }
    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: "sessions", name: b"" }
    }
}

impl Question for Commit {
    type Answer = usize;
    fn action(&self) -> &'static Action {
        &BEGIN
    }
    fn resource(&self) -> Resource<'_> {
        Resource { kind: "cache", namespace: "sessions", name: b"" }
    }
}

impl Origin<Begin> for Part {
    fn answer<'a>(&'a self, _: &'a Permitted<'a, Begin>) -> Step<'a, Result<Answer<Pending>>> {
        Step::Now(Ok(Answer::done(Pending(self.clone(), Default::default()))))
    }
}

impl<'q> Origin<Set<'q>> for Pending {
    fn answer<'a>(
        &'a self,
        permitted: &'a Permitted<'a, Set<'q>>,
    ) -> Step<'a, Result<Answer<bool>>> {
        let Set { key, value, .. } = permitted.question();
        self.1.lock().push((key.to_vec(), value.clone()));
        Step::Now(Ok(Answer::done(true)))
    }
}

impl Origin<Commit> for Pending {
    fn answer<'a>(&'a self, _: &'a Permitted<'a, Commit>) -> Step<'a, Result<Answer<usize>>> {
        let values = std::mem::take(&mut *self.1.lock());
        let count = values.len();
        self.0.0.values.lock().extend(values);
        Step::Now(Ok(Answer::done(count)))
    }
}

#[tokio::test]
async fn a_session_counts_whole_or_not_at_all() {
    let (world, serve, _, origin) = plane();
    let ann = request(&world, "ann");
    let open = async || serve.session(Lane::default(), &ann, &origin, Begin).await.unwrap();
    let set = |key: &'static str| Set {
        namespace: "sessions",
        key: key.as_bytes(),
        value: Bytes::from("v"),
        ttl: None,
        tags: &[],
        when: When::Always,
    };

    let mut session = open().await;
    session.step(&ann, set("a")).await.unwrap();
    session.step(&ann, set("b")).await.unwrap();
    assert_eq!(world.values.lock().len(), 0);
    assert_eq!(session.commit(&ann, Commit).await.unwrap(), 2);
    assert_eq!(world.values.lock().len(), 2);

    let mut session = open().await;
    session.step(&ann, set("c")).await.unwrap();
    // A right that is withdrawn in the middle ends it there.
    world.refuse.store(true, SeqCst);
    world.revisions.advance(Revised::Policy);
    assert_eq!(code(session.step(&ann, set("d")).await), "test-no");
    drop(session);
    assert_eq!(world.values.lock().len(), 2);
    assert_eq!(
        world.record(),
        [
            "cache.begin done human:ann -",
            "cache.begin done human:ann -",
            "cache.begin closed human:ann -",
            "cache.begin done human:ann -",
            "cache.set refused human:ann test-no",
            "cache.begin abandoned human:ann -",
        ]
    );
}

#[tokio::test]
async fn stockade_works_under_its_own_name() {
    let (world, serve, background, origin) = plane();
    let request = background.serve_as(System::Sweeper);
    let mut lane = Lane::default();
    serve.stream(&mut lane, &request, &origin, put("k"), body(&["x"], 9)).await.unwrap();
    assert_eq!(world.record(), ["object.put done system:sweeper -"]);
    assert_eq!(world.recognised.load(SeqCst), 0);
}
