//! Many keys at once: each tier is asked once for all of them.

use std::collections::HashSet;
use std::time::Duration;

use flow::Result;
use flow::feed::{HexKey, Purge};
use flow::question::cache::When;
use futures_util::{StreamExt, stream};

use crate::event::Kind;
use crate::far::debt::Reach;
use crate::far::{Draft, Found, Look};
use crate::memory::Arrival;
use crate::miss::Miss;
use crate::tiered::{Hit, Inner, Terms, Tiered};

/// Keys whose source is asked at the same time.
const AT_ONCE: usize = 64;

impl<V: Clone + Send + Sync + 'static> Tiered<V> {
    /// The values of these keys, in their order, each from whichever tier has it; each tier
    /// is asked once for all that no nearer one has.
    pub async fn get_many(&self, keys: &[impl AsRef<[u8]> + Sync]) -> Vec<Result<Hit<V>, Miss>> {
        let mut answers: Vec<Option<Result<Hit<V>, Miss>>> =
            keys.iter().map(|key| self.at_hand(key.as_ref())).collect();
        let open = |answers: &[Option<_>]| -> Vec<(usize, &[u8])> {
            let keys = keys.iter().map(AsRef::as_ref).enumerate().zip(answers);
            keys.filter(|(_, answer)| answer.is_none()).map(|(key, _)| key).collect()
        };
        for Seen { index, known, found } in self.0.look_for_many(open(&answers)).await {
            if let (Some(answer), true) = (answers.get_mut(index), known || self.0.source.is_none())
            {
                *answer = Some(found);
            }
        }
        // What no tier has is loaded, with everything that belongs to a load.
        let mut loading = Vec::new();
        for (index, key) in open(&answers) {
            loading
                .push(async move { (index, self.further(key).await.unwrap_or(Err(Miss::Away))) });
        }
        let loaded: Vec<_> = stream::iter(loading).buffer_unordered(AT_ONCE).collect().await;
        for (index, found) in loaded {
            if let Some(answer) = answers.get_mut(index) {
                *answer = Some(found);
            }
        }
        answers.into_iter().map(|answer| answer.unwrap_or(Err(Miss::Away))).collect()
    }

    /// Sets these keys in every tier. Each is set or not by itself; nothing is when one of
    /// them cannot be kept.
    ///
    /// # Errors
    /// When a value is too large, or has too many tags.
    pub async fn set_many<K: AsRef<[u8]> + Send>(&self, values: Vec<(K, V, Terms)>) -> Result<()> {
        for (key, value, terms) in &values {
            self.0.fits(key.as_ref(), value, terms)?;
        }
        let confided = |(key, value, terms)| (key, self.0.confided(value), terms);
        let values: Vec<_> = values.into_iter().map(confided).collect();
        let ended = |(_, _, terms): &(K, V, Terms)| terms.ttl == Some(Duration::ZERO);
        if self.is_local() {
            for (key, value, terms) in values {
                self.write_now(key.as_ref(), value, &terms, When::Always)?;
            }
            return Ok(());
        }
        if self.0.is_behind() {
            for (key, value, terms) in values {
                self.write(key.as_ref(), value, terms, When::Always).await?;
            }
            return Ok(());
        }
        let (over, kept): (Vec<_>, Vec<_>) = values.into_iter().partition(ended);
        if !over.is_empty() {
            let keys = over.iter().map(|(key, ..)| HexKey(key.as_ref().to_vec())).collect();
            self.purge(&Purge::Keys(keys)).await?;
        }
        self.0.write_all(kept).await
    }
}

/// A key whose value is on its way.
struct Wanted<'k, V> {
    index: usize,
    key: &'k [u8],
    arrival: Arrival<V>,
    looks: Vec<Look>,
}

/// What the tiers behind memory have of a key.
struct Seen<V> {
    index: usize,
    /// Whether one of them knows: the value, or that there is none.
    known: bool,
    found: Result<Hit<V>, Miss>,
}

impl<V: Clone + Send + Sync + 'static> Inner<V> {
    /// Asks one tier after the other for all that none before had.
    async fn look_for_many(&self, keys: Vec<(usize, &[u8])>) -> Vec<Seen<V>> {
        if self.is_behind() {
            // Each is looked for where it may wait to be written, one by one.
            return Vec::new();
        }
        let mut answers = Vec::with_capacity(keys.len());
        let wanted = |(index, key)| {
            let (arrival, looks) = (self.depart(key), Vec::with_capacity(self.fars.len()));
            Wanted { index, key, arrival, looks }
        };
        let mut open: Vec<Wanted<'_, V>> = keys.into_iter().map(wanted).collect();
        for (place, (far, life)) in self.fars.iter().enumerate() {
            if open.is_empty() {
                break;
            }
            if !life.keeps() {
                open.iter_mut().for_each(|wanted| wanted.looks.push(Look::nowhere()));
                continue;
            }
            let begun = self.house.clock.moment();
            let asked: Vec<&[u8]> = open.iter().map(|wanted| wanted.key).collect();
            let looks = far.look_many(&self.place, &asked).await;
            self.signals.took(place + 1, self.house.clock.moment().since(begun));
            let mut missing = Vec::with_capacity(open.len());
            for (mut wanted, mut look) in open.into_iter().zip(looks) {
                self.fetch_dictionary(&look).await;
                let fresh = |found: &Found| found.fresh != Some(Duration::ZERO);
                let seen = self.seen(place + 1, wanted.key, &mut look, fresh);
                wanted.looks.push(look);
                let Some((value, found)) = seen else {
                    missing.push(wanted);
                    continue;
                };
                self.note_found(wanted.key, &wanted.looks, value.is_some());
                let Wanted { index, key, arrival, looks } = wanted;
                let answer = self.promote(key, arrival, &looks, value, found).await;
                let hit = answer.value.map(|value| Hit { value, ttl: answer.left });
                answers.push(Seen { index, known: true, found: hit.ok_or(Miss::Absent) });
            }
            open = missing;
        }
        let why = |wanted: &Wanted<'_, V>| match wanted.looks.last().map(|look| &look.found) {
            Some(Err(miss)) => *miss,
            Some(Ok(_)) => Miss::Expired,
            None => Miss::Absent,
        };
        answers.extend(open.iter().map(|wanted| {
            let found = Err(why(wanted));
            Seen { index: wanted.index, known: false, found }
        }));
        answers
    }

    /// The farthest tier first, as for one.
    async fn write_all<K: AsRef<[u8]>>(&self, values: Vec<(K, V, Terms)>) -> Result<()> {
        let mut ready = Vec::with_capacity(values.len());
        let mut later = HashSet::with_capacity(values.len());
        // Of equal keys the last one counts.
        for (key, value, terms) in values.iter().rev() {
            let key = key.as_ref();
            self.changing(key);
            if later.insert(key) {
                ready.push((key, self.depart(key), self.written(key, value)?, value, terms));
            }
        }
        let mut owing: Vec<(&[u8], &'static str)> = Vec::new();
        for (far, life) in self.fars.iter().rev().filter(|(_, life)| life.keeps()) {
            let drafts: Vec<(&[u8], Draft)> = ready
                .iter()
                .map(|(key, _, body, _, terms)| {
                    (*key, self.far_draft(key, Some(body.clone()), terms, &[], *life))
                })
                .collect();
            let failed = far.write_many(&self.place, &drafts).await;
            for (key, _) in failed.into_iter().filter_map(|index| drafts.get(index)) {
                far.debts.owe(&self.place, Purge::Key(key.to_vec()), Reach::Tier);
                owing.push((*key, far.name));
            }
        }
        for (key, arrival, _, value, terms) in ready {
            self.land_written(key, arrival, value, (terms, &[]), None);
            self.changed(Kind::Set, key);
            self.house.mention(self.name(), key);
        }
        self.tell_owing(&owing).await;
        Ok(())
    }

    /// Has the other nodes pay what this one cannot.
    async fn tell_owing(&self, owing: &[(&[u8], &'static str)]) {
        if owing.is_empty() {
            return;
        }
        self.house.pay();
        for far in &self.house.fars {
            let own = owing.iter().filter(|(_, tier)| *tier == far.name);
            let keys: Vec<_> = own.map(|(key, _)| HexKey(key.to_vec())).collect();
            if !keys.is_empty() {
                // They are told as soon as they can be; the values are set.
                let (what, owed) = (Purge::Keys(keys), vec![far.name.to_owned()]);
                let _ = self.house.tell(self.name(), what, owed).await;
            }
        }
    }
}
