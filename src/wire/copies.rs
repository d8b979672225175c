//! Copies of values that are kept elsewhere too, while somebody works on them.

use std::collections::BTreeMap;
use std::time::Duration;

use cache::{Brought, Meanwhile, Miss, Terms, Tiered};
use flow::Result;
use flow::feed::Purge;
use flow::question::cache::{Deed, When};
use pool::codes::VALUE_CORRUPT;
use values::{Plain, SpaceExt, Value};

/// Copies, and what they were copied from where that matters.
pub(super) struct Copies {
    pub(super) plain: Plain,
    brought: BTreeMap<Vec<u8>, Brought<Value>>,
    now: u64,
}

impl Copies {
    /// Copies of what is under these keys, as good as this work needs them: whoever only reads
    /// is content with what the nearest tier has, unless nobody may come in between, and whoever
    /// writes whatever was there needs none.
    pub(super) async fn of(
        values: &Tiered<Value>,
        keys: &[&[u8]],
        ((deed, alone), now): ((Deed, bool), u64),
    ) -> Result<Self> {
        let (plain, brought) = (Plain::default(), BTreeMap::new());
        plain.set_now(now);
        plain.set_largest(values.largest());
        let mut copies = Self { plain, brought, now };
        for key in keys {
            match deed {
                Deed::Put => {}
                Deed::Read if !alone => copies.read(values, key).await?,
                Deed::Read => {
                    copies.bring(values, key).await?;
                    // Whoever watches it must not read afterwards what was there before.
                    values.forget(key);
                }
                _ => copies.bring(values, key).await?,
            }
        }
        copies.plain.take_changed();
        Ok(copies)
    }

    async fn read(&mut self, values: &Tiered<Value>, key: &[u8]) -> Result<()> {
        match values.get(key).await {
            Ok(hit) => self.hold(key, hit.value, hit.ttl),
            Err(Miss::Corrupt) => {
                return Err(VALUE_CORRUPT.error("what is kept under this key cannot be read"));
            }
            // A tier that is away has nothing, as for whoever reads it by any other way.
            Err(_) => {}
        }
        Ok(())
    }

    async fn bring(&mut self, values: &Tiered<Value>, key: &[u8]) -> Result<()> {
        if self.brought.contains_key(key) {
            return Ok(());
        }
        let mut brought = values.bring(key).await?;
        if let Some(mark) = brought.mark() {
            self.plain.set_mark(key, mark);
        }
        if let Some(value) = brought.value.take() {
            self.hold(key, value, brought.left);
        }
        self.brought.insert(key.to_vec(), brought);
        Ok(())
    }

    fn hold(&self, key: &[u8], value: Value, left: Option<Duration>) {
        // It may have ended by itself, because its last part did.
        if value.ends().is_some_and(|ends| ends <= self.now) {
            return;
        }
        let left = left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        self.plain.change(key, |slot| {
            *slot.value = Some(value);
            *slot.ends = left.map(|left| self.now.saturating_add(left));
        });
    }

    /// Writes through what was changed; whether it could be, and if not, nothing was. Of several
    /// keys, those that hold something come first, so that what goes from one to another is
    /// rather in both than in neither; and once the first is written, so are the others.
    pub(super) async fn put_back(self, values: &Tiered<Value>) -> Result<bool> {
        let (mut gone, mut meanwhile) = (Vec::new(), Meanwhile::Stays);
        if self.plain.was_cleared() {
            values.purge(&Purge::All).await?;
            meanwhile = Meanwhile::IsLost;
        }
        for key in self.plain.take_changed() {
            let held =
                self.plain.read(&key, |seen| seen.map(|seen| (seen.value.clone(), seen.ends)));
            let Some((value, ends)) = held else {
                gone.push(key);
                continue;
            };
            let ttl = ends.map(|ends| Duration::from_millis(ends.saturating_sub(self.now)));
            let terms = Terms { ttl, tags: self.plain.take_tags(&key), ..Terms::default() };
            let Some(brought) = self.brought.get(&key) else {
                values.write(&key, value, terms, When::Always).await?;
                continue;
            };
            if !values.put_back(&key, brought, (value, terms), meanwhile).await? {
                return Ok(false);
            }
            meanwhile = Meanwhile::IsLost;
        }
        for key in gone {
            values.remove(&key).await?;
        }
        Ok(true)
    }
}
