//! How much is under way at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use flow::network::client;
use parking_lot::Mutex;

/// A number of places, each taken by one thing at a time.
#[derive(Debug)]
pub(crate) struct Places {
    taken: AtomicUsize,
    max: usize,
}

impl Places {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), max })
    }

    /// `n` places, unless too few are left.
    pub(crate) fn take(self: &Arc<Self>, n: usize) -> Option<Place> {
        let before = self.taken.fetch_add(n, Relaxed);
        // Made first, so that a refusal gives back what it took.
        let place = Place { places: self.clone(), n };
        (before.saturating_add(n) <= self.max).then_some(place)
    }

    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }
}

/// Places taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    n: usize,
}

impl Place {
    /// Takes `n` more, unless too few are left.
    pub(crate) fn grow(&mut self, n: usize) -> bool {
        let Some(mut more) = self.places.take(n) else { return false };
        self.n += std::mem::take(&mut more.n);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(self.n, Relaxed);
    }
}

/// How many connections every address has open.
#[derive(Debug)]
pub(crate) struct Crowd {
    open: Mutex<HashMap<IpAddr, usize>>,
    max: usize,
}

impl Crowd {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), max })
    }

    /// One more connection from there, unless it has too many.
    pub(crate) fn join(self: &Arc<Self>, address: IpAddr) -> Option<Member> {
        let address = client(address);
        let mut open = self.open.lock();
        let count = open.entry(address).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Member { crowd: self.clone(), address })
    }
}

/// A connection that counts for its address until this is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    crowd: Arc<Crowd>,
    address: IpAddr,
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut open = self.crowd.open.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_place_takes_nothing() {
        let places = Places::new(3);
        let mut two = places.take(2).unwrap();
        assert!(places.take(2).is_none());
        assert!(two.grow(1) && !two.grow(1));
        assert_eq!(places.taken(), 3);
        drop(two);
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn addresses_are_counted_as_clients_hold_them() {
        let crowd = Crowd::new(1);
        let join = |text: &str| crowd.join(text.parse().unwrap());
        let (first, _other) = (join("2001:db8::1"), join("2001:db8:0:1::1"));
        assert!(first.is_some() && join("2001:db8::2").is_none(), "one /64 is one client");
        drop(first);
        let _mapped = join("::ffff:192.0.2.1").unwrap();
        assert!(join("192.0.2.1").is_none() && join("192.0.2.2").is_some());
        assert!(join("2001:db8::2").is_some());
    }
}
