//! Where large structures are taken apart, so that nobody waits for it.

use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// What weighs more takes longer to take apart than to hand over.
pub(crate) const LARGE: u64 = 256 << 10;
/// So many wait to be taken apart; whoever has one more does it where it stands, and so
/// memory is given back as fast as it is taken.
const WAITING_MAX: usize = 64;

/// What is gone.
type Gone = Box<dyn Send>;

static THREAD: OnceLock<Option<SyncSender<Gone>>> = OnceLock::new();

/// Has it taken apart by a thread that does nothing else, if it can be.
pub(crate) fn take_apart(gone: impl Send + 'static) {
    if let Some(thread) = THREAD.get_or_init(open) {
        // What cannot be handed over comes back, and is dropped here.
        let _ = thread.try_send(Box::new(gone));
    }
}

fn open() -> Option<SyncSender<Gone>> {
    let (hand, gone) = sync_channel::<Gone>(WAITING_MAX);
    let named = thread::Builder::new().name("values-rest".to_owned());
    named.spawn(move || gone.into_iter().for_each(drop)).ok()?;
    Some(hand)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says by which thread it was dropped.
    struct Tells(std::sync::mpsc::Sender<thread::ThreadId>);

    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).unwrap();
        }
    }

    #[test]
    fn what_is_gone_is_taken_apart_elsewhere() {
        let (tells, told) = std::sync::mpsc::channel();
        take_apart(Tells(tells));
        assert_ne!(told.recv().unwrap(), thread::current().id());
    }

    #[test]
    fn more_than_may_wait_is_taken_apart_too() {
        let (tells, told) = std::sync::mpsc::channel();
        (0..WAITING_MAX * 10).for_each(|_| take_apart(Tells(tells.clone())));
        drop(tells);
        assert_eq!(told.into_iter().count(), WAITING_MAX * 10);
    }
}
