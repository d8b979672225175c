//! The five levels of a lock on a database file, among the connections of one
//! process.

use std::os::raw::c_int;

use rusqlite::ffi;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Level {
    #[default]
    None,
    Shared,
    Reserved,
    Pending,
    Exclusive,
}

impl Level {
    pub(super) fn of(number: c_int) -> Self {
        match number {
            ffi::SQLITE_LOCK_NONE => Level::None,
            ffi::SQLITE_LOCK_SHARED => Level::Shared,
            ffi::SQLITE_LOCK_RESERVED => Level::Reserved,
            ffi::SQLITE_LOCK_PENDING => Level::Pending,
            _ => Level::Exclusive,
        }
    }
}

/// Who holds what of one file.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// How many hold at least a shared lock.
    sharing: usize,
    /// The highest level anybody holds.
    top: Level,
}

impl Locks {
    /// Raises the lock of a connection that has `own`; whether it could be had. One
    /// who wants it all and waits for readers keeps new ones out.
    pub(super) fn lock(&mut self, own: &mut Level, wanted: Level) -> bool {
        if *own >= wanted {
            return true;
        }
        let others = *own != self.top;
        if others && (self.top >= Level::Pending || wanted > Level::Shared) {
            return false;
        }
        if wanted == Level::Shared {
            self.sharing += 1;
            self.top = self.top.max(Level::Shared);
            *own = Level::Shared;
            return true;
        }
        let waits = wanted == Level::Exclusive && self.sharing > 1;
        *own = if waits { Level::Pending } else { wanted };
        self.top = *own;
        !waits
    }

    /// Lowers the lock of a connection that has `own`.
    pub(super) fn unlock(&mut self, own: &mut Level, wanted: Level) {
        if *own <= wanted {
            return;
        }
        if *own > Level::Shared {
            self.top = Level::Shared;
        }
        if wanted == Level::None {
            self.sharing -= 1;
            if self.sharing == 0 {
                self.top = Level::None;
            }
        }
        *own = wanted;
    }

    /// Whether somebody is about to write.
    pub(super) fn reserved(&self) -> bool {
        self.top > Level::Shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_share_and_one_writes() {
        let (mut locks, mut a, mut b) = (Locks::default(), Level::None, Level::None);
        assert!(locks.lock(&mut a, Level::Shared) && locks.lock(&mut b, Level::Shared));
        assert!(locks.lock(&mut a, Level::Reserved) && locks.reserved());
        assert!(!locks.lock(&mut b, Level::Reserved), "one at a time");
        assert!(!locks.lock(&mut a, Level::Exclusive), "there is a reader");
        let mut c = Level::None;
        assert!(!locks.lock(&mut c, Level::Shared), "no new reader meanwhile");
        locks.unlock(&mut b, Level::None);
        assert!(locks.lock(&mut a, Level::Exclusive));
        assert!(!locks.lock(&mut c, Level::Shared));
        locks.unlock(&mut a, Level::Shared);
        assert!(locks.lock(&mut c, Level::Shared) && !locks.reserved());
        locks.unlock(&mut a, Level::None);
        locks.unlock(&mut c, Level::None);
        assert!(locks.lock(&mut b, Level::Shared) && locks.lock(&mut b, Level::Exclusive));
    }
}
