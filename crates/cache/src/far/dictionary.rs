//! Dictionaries that values were written with, beside the ground.
//!
//! One is written to every tier before the first value that needs it, and again while it is
//! in use, for it may be evicted. Whoever meets a value of another node fetches its dictionary
//! first; where there is none any more, the value is a miss like any other.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use flow::Result;
use pool::codec::Codec;
use pool::codec::dictionary::Dictionary;
use pool::kv::Entry;
use tokio::runtime::Handle;

use super::place::Place;
use super::{Far, Look};
use crate::rules::Life;
use crate::tiered::Inner;

/// How long it is kept beyond the values it was used for.
const BEYOND: Duration = Duration::from_secs(86_400);
/// After so long it is written again, while values are written with it.
const AGAIN: Duration = Duration::from_secs(600);

impl Far {
    async fn keep_dictionary(
        &self,
        place: &Place,
        dictionary: &Dictionary,
        life: Option<Duration>,
    ) -> Result<()> {
        let at = place.dictionary(dictionary.id());
        let (_, kv) = self.shard(place, &at);
        let entry = Entry { key: &at, value: dictionary.bytes(), life };
        self.bounded(kv.set(entry)).await
    }

    async fn dictionary(&self, place: &Place, id: u32) -> Result<Option<Bytes>> {
        let at = place.dictionary(id);
        let (_, kv) = self.shard(place, &at);
        self.bounded(kv.get(&at)).await
    }
}

/// Where a dictionary is kept, and for how long.
struct Shelf {
    place: Place,
    fars: Vec<(Arc<Far>, Life)>,
    life: Option<Duration>,
}

impl Shelf {
    /// Whether it is in all tiers now.
    async fn keep(&self, dictionary: &Dictionary) -> bool {
        for (far, _) in &self.fars {
            if let Err(error) = far.keep_dictionary(&self.place, dictionary, self.life).await {
                tracing::debug!(tier = far.name, error = %error.story(), "no dictionary is kept");
                return false;
            }
        }
        true
    }

    /// Chooses how values are made smaller. A dictionary is used once everybody can have it.
    async fn choose(self, codec: Codec) {
        let chooser = codec.clone();
        let choosing = tokio::task::spawn_blocking(move || chooser.choose());
        let Ok(Some(proposal)) = choosing.await else { return };
        if self.keep(proposal.dictionary()).await {
            codec.adopt(proposal);
        }
    }
}

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    /// A value was written for the tiers behind memory: now and then it is chosen anew how.
    pub(crate) fn note_written(&self) {
        let Some(auto) = self.codec.auto().filter(|_| !self.fars.is_empty()) else { return };
        let Ok(runtime) = Handle::try_current() else { return };
        if auto.is_due() {
            runtime.spawn(self.shelf().choose(self.codec.clone()));
        }
        let Some(dictionary) = auto.dictionary() else { return };
        let (now, kept) = (self.house.clock.glance(), self.dictionary_kept.load(Relaxed));
        let late = now.0.saturating_sub(kept) > AGAIN.as_nanos() as u64;
        let taken = || self.dictionary_kept.compare_exchange(kept, now.0, Relaxed, Relaxed).is_ok();
        if late && taken() {
            let shelf = self.shelf();
            runtime.spawn(async move { shelf.keep(&dictionary).await });
        }
    }

    fn shelf(&self) -> Shelf {
        let longest = self.fars.iter().map(|(_, life)| *life).max();
        let life = longest
            .and_then(Life::limit)
            .map(|life| life.saturating_add(self.rules.stale).saturating_add(BEYOND));
        Shelf { place: self.place.clone(), fars: self.fars.clone(), life }
    }

    /// Fetches the dictionary that a value was written with, if it is not known here.
    pub(crate) async fn fetch_dictionary(&self, look: &Look) {
        let body = look.found.as_ref().ok().and_then(|found| found.value.as_ref());
        let Some(id) = body.and_then(|body| self.codec.lacks_dictionary(body)) else { return };
        for (far, _) in &self.fars {
            let found = far.dictionary(&self.place, id).await.ok().flatten();
            if found.is_some_and(|bytes| self.codec.learn_dictionary(id, bytes)) {
                return;
            }
        }
    }
}
