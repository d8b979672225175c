//! Writes that were answered and are on their way to the tiers behind memory.
//!
//! The newest value of a key waits in a queue of this node and is written with others.
//! Whoever reads it here sees it; a purge takes it out, and waits for what is just being
//! written, so that nothing it dropped comes after it. What cannot be written is tried
//! again until its life is over; of what may have missed a purge, the key is purged
//! instead. What still waits when the node dies is lost with it.
//!
//! Two nodes that write one key within the time it waits are not in order: the one whose
//! write reaches the tier last is kept, or what the other wrote when it was heard.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flow::feed::Purge;
use flow::signal::{Counter, Gauge, Histogram, Registry};
use flow::{Clock, Moment};
use futures_util::StreamExt;
use futures_util::stream;
use parking_lot::Mutex;

use crate::far::debt::Reach;
use crate::far::place::Place;
use crate::far::{Draft, Far};
use crate::house::House;
use crate::tag;

/// Beyond so many entries, or bytes, a write goes through.
const ENTRIES_MAX: usize = 10_000;
const BYTES_MAX: u64 = 64 << 20;
/// So long a write waits for others to go with it.
const LINGER: Duration = Duration::from_millis(10);
/// Written together at most.
const BATCH: usize = 512;
/// Of a batch, on their way at the same time.
const AT_ONCE: usize = 64;
/// Between tries to reach a tier that is away.
const AGAIN: Duration = Duration::from_millis(200);

/// What waits to be written on this node.
pub(crate) struct Behind {
    state: Mutex<State>,
    /// Held by whoever writes.
    writing: tokio::sync::Mutex<()>,
    draining: AtomicBool,
    clock: Clock,
    waiting: Arc<Gauge>,
    written: Arc<Counter>,
    dropped: Arc<Counter>,
    through: Arc<Counter>,
    lag: Arc<Histogram>,
}

/// A key of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Id {
    place: Place,
    key: Box<[u8]>,
}

/// A value for a key.
#[derive(Clone)]
pub(crate) struct Write {
    /// The tenant and the namespace.
    pub(crate) name: (Box<str>, Box<str>),
    /// Where it is to be written, nearest first.
    pub(crate) fars: Vec<(Arc<Far>, Draft)>,
    /// The generation in which it was made.
    pub(crate) generation: u64,
    pub(crate) at: Moment,
}

#[derive(Default)]
struct State {
    /// By the order they came in.
    waiting: HashMap<Id, (u64, Write)>,
    order: BTreeMap<u64, Id>,
    next: u64,
    bytes: u64,
    /// What is just being written, and whether it was purged meanwhile.
    under_way: HashMap<Id, (Write, bool)>,
}

/// A value that waits.
pub(crate) struct Waiting {
    pub(crate) body: Bytes,
    /// How long it is fresh, if not for ever.
    pub(crate) left: Option<Duration>,
}

enum End {
    Written,
    /// To be purged instead: over, or perhaps purged by others.
    Over,
    Failed,
}

impl Write {
    fn bytes(&self, key: &[u8]) -> u64 {
        let body = self.fars.first().and_then(|(_, draft)| draft.value.as_ref());
        (key.len() + body.map_or(0, Bytes::len)) as u64
    }

    fn tagged(&self, tag: u64) -> bool {
        self.fars.first().is_some_and(|(_, draft)| draft.tags.contains(&tag))
    }

    fn seen(&self, now: Moment) -> Option<Waiting> {
        let (_, draft) = self.fars.first()?;
        let left = draft.fresh.map(|fresh| fresh.saturating_sub(now.since(self.at)));
        let body = draft.value.clone()?;
        (left != Some(Duration::ZERO)).then_some(Waiting { body, left })
    }
}

impl State {
    /// Whether there was room.
    fn push(&mut self, id: Id, write: Write) -> bool {
        self.remove(&id);
        let bytes = write.bytes(&id.key);
        if self.waiting.len() >= ENTRIES_MAX || self.bytes + bytes > BYTES_MAX {
            return false;
        }
        self.bytes += bytes;
        self.next += 1;
        self.order.insert(self.next, id.clone());
        self.waiting.insert(id, (self.next, write));
        true
    }

    fn remove(&mut self, id: &Id) -> Option<Write> {
        let (number, write) = self.waiting.remove(id)?;
        self.order.remove(&number);
        self.bytes -= write.bytes(&id.key);
        Some(write)
    }

    /// The longest waiting, now under way.
    fn batch(&mut self) -> Vec<(Id, Write)> {
        let ids: Vec<Id> = self.order.values().take(BATCH).cloned().collect();
        let mut batch = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(write) = self.remove(&id) else { continue };
            self.under_way.insert(id.clone(), (write.clone(), false));
            batch.push((id, write));
        }
        batch
    }

    /// How many were taken out, and whether some are just being written.
    fn forget(&mut self, place: &Place, what: &Purge) -> (u64, bool) {
        let doomed = |id: &Id, write: &Write| id.place == *place && names(what, &id.key, write);
        let mut under_way = false;
        for (id, (write, dropped)) in &mut self.under_way {
            if doomed(id, write) {
                (*dropped, under_way) = (true, true);
            }
        }
        let keys: Vec<Id> = match what {
            Purge::Key(key) => vec![Id { place: place.clone(), key: key.as_slice().into() }],
            _ => {
                let waiting = self.waiting.iter();
                let doomed = waiting.filter(|(id, (_, write))| doomed(id, write));
                doomed.map(|(id, _)| id.clone()).collect()
            }
        };
        (keys.iter().filter_map(|id| self.remove(id)).count() as u64, under_way)
    }
}

/// Whether a purge names this.
fn names(what: &Purge, key: &[u8], write: &Write) -> bool {
    match what {
        Purge::Key(named) => **named == *key,
        Purge::Keys(keys) => keys.iter().any(|named| *named.0 == *key),
        Purge::Glob(pattern) => values::glob::matches(pattern.as_bytes(), key),
        Purge::Tag(name) => write.tagged(tag::hash(name)),
        Purge::All => true,
    }
}

impl Behind {
    pub(crate) fn new(clock: Clock, registry: &Registry) -> Self {
        let counter = |result| {
            let labels = [("result", result)];
            let help = "Writes behind memory by how they ended";
            registry.counter("stockade_cache_behind_writes_total", help, &labels)
        };
        Self {
            state: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            draining: AtomicBool::new(false),
            clock,
            waiting: registry.gauge(
                "stockade_cache_behind_waiting_writes",
                "Answered writes that wait to reach the tiers behind memory",
                &[],
            ),
            written: counter("written"),
            dropped: counter("dropped"),
            through: counter("through"),
            lag: registry.histogram(
                "stockade_cache_behind_lag_seconds",
                "How long after its answer a write had reached the tiers behind memory",
                &[],
            ),
        }
    }

    /// A value that waits for this key, if any.
    pub(crate) fn waiting(&self, place: &Place, key: &[u8], generation: u64) -> Option<Waiting> {
        let state = self.state.lock();
        if state.waiting.is_empty() && state.under_way.is_empty() {
            return None;
        }
        let id = Id { place: place.clone(), key: key.into() };
        let newest = state.waiting.get(&id).map(|(_, write)| write);
        let under_way = || state.under_way.get(&id).filter(|(_, dropped)| !dropped);
        let write = newest.or_else(|| under_way().map(|(write, _)| write))?;
        write.seen(self.clock.moment()).filter(|_| write.generation == generation)
    }

    /// Takes out what a purge names; what is just being written is purged afterwards.
    pub(crate) fn forget(&self, place: &Place, what: &Purge) -> u64 {
        let mut state = self.state.lock();
        let (count, _) = state.forget(place, what);
        self.note(&state);
        self.dropped.add(count);
        count
    }

    /// The same, and waits until none of it is being written any more.
    pub(crate) async fn clear(&self, place: &Place, what: &Purge) -> u64 {
        let (count, under_way) = {
            let mut state = self.state.lock();
            let forgotten = state.forget(place, what);
            self.note(&state);
            forgotten
        };
        if under_way {
            drop(self.writing.lock().await);
        }
        count
    }

    /// How many wait, those included that are just being written.
    pub(crate) fn count(&self) -> u64 {
        let state = self.state.lock();
        (state.waiting.len() + state.under_way.len()) as u64
    }

    /// Gives up what still waits; how many that are.
    pub(crate) fn give_up(&self) -> u64 {
        let mut state = self.state.lock();
        let count = (state.waiting.len() + state.under_way.len()) as u64;
        *state = State::default();
        self.note(&state);
        self.dropped.add(count);
        count
    }

    fn note(&self, state: &State) {
        self.waiting.set((state.waiting.len() + state.under_way.len()) as i64);
    }
}

impl House {
    /// Takes a write to be done soon; whether there was room for it.
    pub(crate) fn write_behind(self: &Arc<Self>, place: &Place, key: &[u8], write: Write) -> bool {
        let behind = &self.behind;
        let taken = {
            let mut state = behind.state.lock();
            let taken = state.push(Id { place: place.clone(), key: key.into() }, write);
            behind.note(&state);
            taken
        };
        match taken {
            true => self.drain(),
            false => behind.through.add(1),
        }
        taken
    }

    fn drain(self: &Arc<Self>) {
        if self.behind.draining.swap(true, Ordering::AcqRel) {
            return;
        }
        let (house, clock) = (Arc::downgrade(self), self.clock.clone());
        tokio::spawn(async move {
            clock.sleep(LINGER).await;
            while let Some(house) = house.upgrade() {
                match house.write_batch().await {
                    Some(true) => continue,
                    Some(false) => {
                        clock.sleep(AGAIN).await;
                        continue;
                    }
                    None => {}
                }
                let draining = &house.behind.draining;
                draining.store(false, Ordering::Release);
                // Somebody may have come after the last look and before that.
                if house.behind.count() == 0 || draining.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
        });
    }

    /// Writes what waits, until nothing does.
    pub(crate) async fn write_out(self: &Arc<Self>) {
        while let Some(all) = self.write_batch().await {
            if !all {
                self.clock.sleep(AGAIN).await;
            }
        }
    }

    /// Whether all of a batch could be written; `None` when nothing waits.
    async fn write_batch(self: &Arc<Self>) -> Option<bool> {
        let _turn = self.behind.writing.lock().await;
        let batch = self.behind.state.lock().batch();
        if batch.is_empty() {
            return None;
        }
        let ended: Vec<(Id, End)> = stream::iter(batch)
            .map(|(id, write)| async move {
                let end = self.write_one(&id, &write).await;
                (id, end)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let (all, untrue) = self.settle(ended);
        for (id, write) in untrue {
            self.purge_instead(&id, &write).await;
        }
        Some(all)
    }

    async fn write_one(&self, id: &Id, write: &Write) -> End {
        let waited = self.clock.moment().since(write.at);
        if write.generation != self.generation() {
            return End::Over;
        }
        for (far, draft) in write.fars.iter().rev() {
            let mut draft = draft.clone();
            draft.fresh = draft.fresh.map(|fresh| fresh.saturating_sub(waited));
            if draft.fresh == Some(Duration::ZERO) {
                return End::Over;
            }
            if let Err(error) = far.write(&id.place, &id.key, &draft).await {
                tracing::debug!(tier = far.name, error = %error.story(), "a write waits on");
                return End::Failed;
            }
        }
        End::Written
    }

    /// Whether all were written, and what is to be purged there instead.
    fn settle(self: &Arc<Self>, ended: Vec<(Id, End)>) -> (bool, Vec<(Id, Write)>) {
        let behind = &self.behind;
        let now = self.clock.moment();
        let (mut all, mut untrue) = (true, Vec::new());
        let mut state = behind.state.lock();
        for (id, end) in ended {
            let Some((write, dropped)) = state.under_way.remove(&id) else { continue };
            match end {
                _ if dropped => untrue.push((id, write)),
                End::Written => {
                    behind.written.add(1);
                    behind.lag.time(now.since(write.at));
                    // Other nodes may have kept what was there before.
                    let (tenant, namespace) = &write.name;
                    self.mention((tenant, namespace), &id.key);
                }
                End::Over => {
                    behind.dropped.add(1);
                    untrue.push((id, write));
                }
                End::Failed => {
                    all = false;
                    // Something newer waits already.
                    if state.waiting.contains_key(&id) {
                        continue;
                    }
                    if !state.push(id.clone(), write.clone()) {
                        behind.dropped.add(1);
                        untrue.push((id, write));
                    }
                }
            }
        }
        behind.note(&state);
        (all, untrue)
    }

    async fn purge_instead(self: &Arc<Self>, id: &Id, write: &Write) {
        let what = Purge::Key(id.key.to_vec());
        for (far, _) in write.fars.iter().rev() {
            if let Err(error) = far.purge(&id.place, &what).await {
                tracing::debug!(tier = far.name, error = %error.story(), "a purge is owed");
                far.debts.owe(&id.place, what.clone(), Reach::Nearer);
                self.pay();
            }
        }
    }
}
