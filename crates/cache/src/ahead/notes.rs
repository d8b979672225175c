//! What was read, until somebody learns from it.

use parking_lot::Mutex;

/// So many reads may wait, ...
const NOTES_MAX: usize = 4096;
/// ... and so many bytes of their keys.
const BYTES_MAX: usize = 256 << 10;

/// A read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Note {
    /// The sequence it belongs to.
    pub(super) sequence: u64,
    /// Whether memory had it.
    pub(super) hit: bool,
}

/// What is to be done after a read was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// Somebody has to take the notes.
    First,
    /// Somebody will.
    Later,
    /// There was no room for it.
    Full,
}

/// Reads in the order they were made. Noting one copies its key and nothing else.
#[derive(Default)]
pub(super) struct Notes(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    batch: Batch,
    /// Whether somebody takes them.
    taken: bool,
}

/// Reads that are taken together.
#[derive(Default)]
pub(super) struct Batch {
    keys: Vec<u8>,
    /// Each with the end of its key.
    notes: Vec<(usize, Note)>,
}

impl Notes {
    pub(super) fn push(&self, key: &[u8], note: Note) -> Pushed {
        let Waiting { batch, taken } = &mut *self.0.lock();
        if batch.notes.len() >= NOTES_MAX || batch.keys.len() + key.len() > BYTES_MAX {
            return Pushed::Full;
        }
        batch.keys.extend_from_slice(key);
        batch.notes.push((batch.keys.len(), note));
        match std::mem::replace(taken, true) {
            true => Pushed::Later,
            false => Pushed::First,
        }
    }

    /// All that wait; of the next one whoever pushed it is told that it is the first where
    /// there are none.
    pub(super) fn take(&self) -> Option<Batch> {
        let waiting = &mut *self.0.lock();
        waiting.taken = !waiting.batch.notes.is_empty();
        waiting.taken.then(|| std::mem::take(&mut waiting.batch))
    }

    pub(super) fn drop_all(&self) {
        *self.0.lock() = Waiting::default();
    }
}

impl Batch {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Note)> {
        let mut begin = 0;
        self.notes.iter().map(move |(end, note)| {
            let key = self.keys.get(begin..*end).unwrap_or_default();
            begin = *end;
            (key, *note)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_noted_is_taken_once_and_in_order(
            steps in prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..9)), 0..60),
        ) {
            let (notes, mut waiting, mut taken) = (Notes::default(), Vec::new(), false);
            for (number, step) in steps.into_iter().enumerate() {
                let note = Note { sequence: number as u64, hit: number % 2 == 0 };
                match step {
                    Some(key) => {
                        let pushed = notes.push(&key, note);
                        prop_assert_eq!(pushed == Pushed::First, !taken);
                        (taken, _) = (true, waiting.push((key, note)));
                    }
                    None => {
                        let batch = notes.take();
                        let got = batch.iter().flat_map(Batch::iter);
                        let got: Vec<_> = got.map(|(key, note)| (key.to_vec(), note)).collect();
                        taken = !got.is_empty();
                        prop_assert_eq!(got, std::mem::take(&mut waiting));
                    }
                }
            }
        }
    }

    #[test]
    fn there_is_no_room_for_more_than_the_bounds() {
        let (notes, note) = (Notes::default(), Note { sequence: 1, hit: true });
        let pushed = (0..NOTES_MAX + 9).filter(|_| notes.push(b"k", note) != Pushed::Full).count();
        assert_eq!(pushed, NOTES_MAX);
        notes.take();
        assert_eq!(notes.push(&[0; BYTES_MAX], note), Pushed::Later);
        assert_eq!(notes.push(b"k", note), Pushed::Full);
    }
}
