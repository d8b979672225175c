//! What a connection is to be sent without having asked.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// As much as may lie here unsent; a client that lets more gather is not reading, and its
/// connection ends.
const WAITING_MAX: usize = 32 << 20;

/// Something to be sent.
#[derive(Debug, Clone)]
pub(crate) enum Parcel {
    /// A message on a channel: the channel, and the message.
    Message(Bytes, Bytes),
    /// The same, by a pattern.
    Matched(Bytes, Bytes, Bytes),
    /// The client may no longer believe what it keeps of these keys; of all, without any.
    Invalid {
        keys: Option<Vec<Bytes>>,
        /// Whether it is told in place of who keeps them.
        instead: bool,
    },
    /// The same of one of those keys that begin so. They are told together.
    Among { prefix: Bytes, key: Bytes, instead: bool },
    /// Who should have been told instead is gone.
    Astray(u64),
}

impl Parcel {
    fn size(&self) -> usize {
        const EACH: usize = 64;
        EACH + match self {
            Self::Message(channel, text) => channel.len() + text.len(),
            Self::Matched(pattern, channel, text) => pattern.len() + channel.len() + text.len(),
            Self::Invalid { keys, .. } => keys.iter().flatten().map(|key| EACH + key.len()).sum(),
            Self::Among { key, .. } => key.len(),
            Self::Astray(_) => 0,
        }
    }
}

/// Where it lies until it is sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    /// Told when there is something.
    pub(crate) filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    parcels: VecDeque<Parcel>,
    size: usize,
    overflowed: bool,
}

impl Outbox {
    /// Puts something there; whether there was room.
    pub(crate) fn put(&self, parcel: Parcel) -> bool {
        let mut waiting = self.waiting.lock();
        let size = waiting.size.saturating_add(parcel.size());
        if size > WAITING_MAX {
            waiting.overflowed = true;
            waiting.parcels.clear();
        } else if !waiting.overflowed {
            waiting.size = size;
            waiting.parcels.push_back(parcel);
        }
        let room = !waiting.overflowed;
        drop(waiting);
        self.filled.notify_one();
        room
    }

    /// Whether too much had gathered.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.waiting.lock().overflowed
    }

    /// Takes out all that is there; nothing more ever, when too much had gathered.
    pub(crate) fn take(&self) -> Option<VecDeque<Parcel>> {
        let mut waiting = self.waiting.lock();
        waiting.size = 0;
        (!waiting.overflowed).then(|| std::mem::take(&mut waiting.parcels))
    }
}

/// Whoever can be reached through it.
pub(crate) type Reach = Arc<Outbox>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_takes_is_dropped_at_the_limit_and_said_to_be() {
        let outbox = Outbox::default();
        let text = Bytes::from(vec![0; 1 << 20]);
        let message = || Parcel::Message(Bytes::new(), text.clone());
        assert!(outbox.put(message()));
        assert_eq!(outbox.take().map(|taken| taken.len()), Some(1));
        while outbox.put(message()) {}
        assert!(outbox.take().is_none());
    }
}
