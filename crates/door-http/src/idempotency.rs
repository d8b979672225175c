//! Writes that are repeated because their answer was lost.
//!
//! A write with an `idempotency-key` is done once per caller and key: when it
//! comes again the first answer is given again. The repetition goes the whole
//! path too, as the same action on the same resource, so that nobody reads an
//! answer they may no longer have; only the origin behind the path is this table
//! instead of the plane. It is kept in memory, on this node.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use flow::{
    Action, Answer, Body, Clock, Intake, Lane, Moment, Origin, Permitted, Plane, Question, Request,
    Resource, Result, Step,
};
use futures_util::StreamExt;
use http::Response;
use http::header::HeaderName;
use parking_lot::Mutex;

use crate::call::Call;
use crate::codes;
use crate::config::Idempotency as Config;
use crate::reply::{Payload, Short};

/// The header that carries the key.
pub(crate) static HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// No key is longer.
const KEY_MAX: usize = 255;
/// An answer larger than this is not kept: the write is then done again.
const ANSWER_MAX: usize = 64 << 10;
/// What an entry costs beside the bytes of its answer.
const ENTRY: usize = 256;

type Digest = [u8; 32];

/// The answers kept.
#[derive(Debug)]
pub(crate) struct Table {
    config: Config,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    slots: HashMap<Name, Slot>,
    /// Oldest first. All live equally long, so this is also the order of expiry.
    order: VecDeque<(Moment, Name)>,
    per_caller: HashMap<Digest, usize>,
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Name {
    caller: Digest,
    key: Digest,
}

#[derive(Debug)]
enum Slot {
    Running,
    Done(Done),
}

/// An answer, and to what.
#[derive(Debug, Clone)]
struct Done {
    request: Digest,
    answer: Short,
}

/// What the table knows of a key.
enum Known {
    /// Nothing: whoever asked is to do it.
    New(Ticket),
    /// It was done.
    Done(Done),
}

/// The right to do what a key stands for. Dropped without an answer, the key is
/// free again.
struct Ticket {
    table: Arc<Table>,
    name: Name,
}

impl Table {
    pub(crate) fn new(config: Config, clock: Clock) -> Arc<Self> {
        Arc::new(Self { config, clock, state: Mutex::default() })
    }

    fn begin(self: &Arc<Self>, name: Name) -> Result<Known> {
        let mut state = self.state.lock();
        state.expire(self.clock.moment());
        match state.slots.get(&name) {
            Some(Slot::Running) => {
                Err(codes::KEY_IN_USE.error("the first request with this key is still under way"))
            }
            Some(Slot::Done(done)) => Ok(Known::Done(done.clone())),
            None => {
                state.slots.insert(name, Slot::Running);
                Ok(Known::New(Ticket { table: self.clone(), name }))
            }
        }
    }

    fn keep(&self, name: Name, done: Done) {
        let size = ENTRY + done.answer.bytes.len();
        let mut state = self.state.lock();
        let own = state.per_caller.get(&name.caller).copied().unwrap_or_default();
        if own >= self.config.entries_per_caller_max {
            state.forget_oldest_of(&name.caller);
        }
        let (entries, bytes) = (self.config.entries_max, self.config.bytes_max.bytes());
        while state.order.len() >= entries || state.bytes + size > bytes {
            if !state.forget_oldest() {
                break;
            }
        }
        let expires = self.clock.moment().after(self.config.ttl.0);
        state.bytes += size;
        state.order.push_back((expires, name));
        *state.per_caller.entry(name.caller).or_default() += 1;
        state.slots.insert(name, Slot::Done(done));
    }
}

impl State {
    fn expire(&mut self, now: Moment) {
        while self.order.front().is_some_and(|(expires, _)| *expires <= now) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let Some((_, name)) = self.order.pop_front() else { return false };
        self.forget(&name);
        true
    }

    fn forget_oldest_of(&mut self, caller: &Digest) {
        let oldest = self.order.iter().position(|(_, name)| name.caller == *caller);
        if let Some((_, name)) = oldest.and_then(|index| self.order.remove(index)) {
            self.forget(&name);
        }
    }

    fn forget(&mut self, name: &Name) {
        if let Some(Slot::Done(done)) = self.slots.remove(name) {
            self.bytes -= ENTRY + done.answer.bytes.len();
        }
        if let Some(count) = self.per_caller.get_mut(&name.caller) {
            *count -= 1;
            if *count == 0 {
                self.per_caller.remove(&name.caller);
            }
        }
    }
}

impl Ticket {
    fn keep(self, request: Digest, answer: &Short) {
        if answer.status.is_success() && answer.bytes.len() <= ANSWER_MAX {
            self.table.keep(self.name, Done { request, answer: answer.clone() });
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.table.state.lock();
        if let Some(Slot::Running) = state.slots.get(&self.name) {
            state.slots.remove(&self.name);
        }
    }
}

impl Done {
    /// The answer, if this is the same request.
    fn answer_to(self, request: &Digest) -> Result<Short> {
        match self.request == *request {
            true => Ok(self.answer),
            false => {
                let detail = "this idempotency key came before, with another request";
                Err(codes::KEY_REUSED.error(detail))
            }
        }
    }
}

/// The same question again: same action, same resource, but its answer is known.
struct Again<Q>(Q);

impl<Q: Question> Question for Again<Q> {
    type Answer = Short;

    fn action(&self) -> &'static Action {
        self.0.action()
    }

    fn resource(&self) -> Resource<'_> {
        self.0.resource()
    }
}

impl<Q: Question> Origin<Again<Q>> for Short {
    fn answer<'a>(&'a self, _: &'a Permitted<'a, Again<Q>>) -> Step<'a, Result<Answer<Short>>> {
        let detail = serde_json::json!({ "repeated": true });
        Step::Now(Ok(Answer::done(self.clone()).detail(detail)))
    }
}

impl<'a, P: Plane> Call<'a, P> {
    /// Asks the plane to do something, once per idempotency key.
    pub(crate) async fn write<Q: Question>(
        &mut self,
        body: &[u8],
        question: Q,
        reply: impl FnOnce(Q::Answer) -> Result<Short>,
    ) -> Result<Response<Payload>>
    where
        P: Origin<Q>,
    {
        let Some(name) = self.name()? else {
            return Ok(reply(self.once(question).await?)?.into());
        };
        let mut digest = self.digest();
        digest.update(body);
        let request = finish(digest);
        let short = match self.door.idempotency.begin(name)? {
            Known::Done(done) => {
                let known = done.answer_to(&request)?;
                again(self.door.plane.as_ref(), self.lane, &self.request, &known, question).await?
            }
            Known::New(ticket) => {
                let short = reply(self.once(question).await?)?;
                ticket.keep(request, &short);
                short
            }
        };
        Ok(short.into())
    }

    /// Asks the plane to take the body, once per idempotency key. A repeated
    /// body is read to its end and compared before the first answer is given.
    pub(crate) async fn write_stream<Q: Question>(
        &mut self,
        limit: u64,
        question: Q,
        reply: impl FnOnce(Q::Answer) -> Result<Short>,
    ) -> Result<Response<Payload>>
    where
        P: Intake<Q>,
    {
        let plane = self.door.plane.clone();
        let path = plane.path();
        let arriving = self.arriving();
        let Some(name) = self.name()? else {
            let body = Body::new(Box::pin(arriving), limit);
            let answer = path.stream(self.lane, &self.request, &*plane, question, body).await?;
            return Ok(reply(answer)?.into());
        };
        let digest = Arc::new(Mutex::new(self.digest()));
        let seen = digest.clone();
        let arriving = arriving.inspect(move |piece| {
            if let Ok(piece) = piece {
                seen.lock().update(piece);
            }
        });
        let mut body = Body::new(Box::pin(arriving), limit);
        let short = match self.door.idempotency.begin(name)? {
            Known::Done(done) => {
                while let Some(piece) = body.next().await {
                    piece?;
                }
                let known = done.answer_to(&finish(digest.lock().clone()))?;
                again(&*plane, self.lane, &self.request, &known, question).await?
            }
            Known::New(ticket) => {
                let answer = path.stream(self.lane, &self.request, &*plane, question, body).await?;
                let short = reply(answer)?;
                ticket.keep(finish(digest.lock().clone()), &short);
                short
            }
        };
        Ok(short.into())
    }

    /// The key, for an origin that keeps keys itself.
    pub(crate) fn idempotency_key(&self) -> Result<Option<&'a str>> {
        let Some(key) = self.header(&HEADER)? else { return Ok(None) };
        let sane = !key.is_empty() && key.len() <= KEY_MAX;
        if !sane || !key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            let error = codes::HEADER.error("`idempotency-key` is not a key");
            return Err(error.with_advice("send 1 to 255 printable ASCII characters"));
        }
        Ok(Some(key))
    }

    fn name(&self) -> Result<Option<Name>> {
        let Some(key) = self.idempotency_key()? else { return Ok(None) };
        let caller = match self.request.credential {
            // A retry comes with another proof and is the same caller's.
            credential @ flow::Credential::Bearer(_) => {
                hash(&[b"bearer", credential.lasting().unwrap_or_default().as_bytes()])
            }
            flow::Credential::Local { uid } => hash(&[b"local", &uid.to_le_bytes()]),
            flow::Credential::Certificate(shown) => {
                hash(&[b"certificate", shown.names.first().map_or(b"", |name| name.as_bytes())])
            }
            // Nobody has no answers of their own; the path will say so.
            _ => return Ok(None),
        };
        Ok(Some(Name { caller, key: hash(&[key.as_bytes()]) }))
    }

    /// What is asked, but for the body.
    fn digest(&self) -> Context {
        let head = self.head;
        let mut digest = Context::new(&SHA256);
        let media_type = head.headers.get(http::header::CONTENT_TYPE);
        let target = head.uri.path_and_query().map_or("", |target| target.as_str());
        let conditions = [http::header::IF_MATCH, http::header::IF_NONE_MATCH];
        let conditions = conditions.iter().map(|name| head.headers.get(name));
        let headers = std::iter::once(media_type).chain(conditions);
        let headers = headers.map(|value| value.map_or(&[][..], |value| value.as_bytes()));
        for part in [head.method.as_str().as_bytes(), target.as_bytes()].into_iter().chain(headers)
        {
            digest.update(&(part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest
    }
}

async fn again<P: Plane, Q: Question>(
    plane: &P,
    lane: &mut Lane,
    request: &Request<'_>,
    known: &Short,
    question: Q,
) -> Result<Short> {
    plane.path().once(lane, request, known, Again(question)).await
}

fn hash(parts: &[&[u8]]) -> Digest {
    let mut digest = Context::new(&SHA256);
    for part in parts {
        digest.update(&(part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    finish(digest)
}

fn finish(digest: Context) -> Digest {
    let digest = digest.finish();
    digest.as_ref().try_into().unwrap_or([0; 32])
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use flow::Time;
    use flow::unit::{Size, Span};
    use http::StatusCode;

    fn table(config: Config) -> (Clock, Arc<Table>) {
        let clock = Clock::manual(Time(0));
        (clock.clone(), Table::new(config, clock))
    }

    fn name(caller: u8, key: u8) -> Name {
        Name { caller: [caller; 32], key: [key; 32] }
    }

    fn keep(table: &Arc<Table>, name: Name, bytes: usize) {
        let Ok(Known::New(ticket)) = table.begin(name) else { panic!("the key is not new") };
        let status = StatusCode::CREATED;
        let bytes = Bytes::from(vec![b'x'; bytes]);
        ticket.keep([7; 32], &Short { status, media_type: None, etag: None, bytes });
    }

    fn knows(table: &Arc<Table>, name: Name) -> bool {
        matches!(table.begin(name), Ok(Known::Done(_)))
    }

    #[test]
    fn a_key_belongs_to_one_request_of_one_caller() {
        let (_, table) = table(Config::default());
        keep(&table, name(1, 1), 10);
        let Ok(Known::Done(done)) = table.begin(name(1, 1)) else { panic!("it was kept") };
        assert_eq!(done.clone().answer_to(&[7; 32]).unwrap().bytes.len(), 10);
        assert_eq!(done.answer_to(&[8; 32]).unwrap_err().code(), &codes::KEY_REUSED);
        assert!(!knows(&table, name(2, 1)), "another caller, another key");
    }

    #[test]
    fn a_key_is_busy_until_its_request_ends_and_free_if_that_failed() {
        let (_, table) = table(Config::default());
        let first = table.begin(name(1, 1)).ok().unwrap();
        assert_eq!(table.begin(name(1, 1)).err().unwrap().code(), &codes::KEY_IN_USE);
        drop(first);
        keep(&table, name(1, 1), 0);
        assert!(knows(&table, name(1, 1)));
    }

    #[test]
    fn answers_expire_and_the_oldest_make_room() {
        let (clock, table) = table(Config {
            ttl: Span::secs(60),
            entries_max: 3,
            entries_per_caller_max: 2,
            bytes_max: Size((4 * ENTRY) as u64),
        });
        for key in 1..=3 {
            keep(&table, name(1, key), 0);
        }
        assert!(!knows(&table, name(1, 1)), "a caller's own oldest goes");
        keep(&table, name(2, 1), 0);
        keep(&table, name(3, 1), 0);
        assert!(!knows(&table, name(1, 2)) && knows(&table, name(1, 3)), "then anybody's");
        keep(&table, name(4, 1), 3 * ENTRY);
        assert!(!knows(&table, name(1, 3)) && !knows(&table, name(3, 1)), "a large one needs more");
        assert!(knows(&table, name(4, 1)));
        clock.advance(std::time::Duration::from_secs(60));
        assert!(!knows(&table, name(4, 1)));
        let state = table.state.lock();
        assert_eq!((state.bytes, state.order.len(), state.per_caller.len()), (0, 0, 0));
    }
}
